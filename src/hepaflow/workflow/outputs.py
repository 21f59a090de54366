"""The results of a study as files: what the contract lists, written only when something they hold has changed."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.report.content import Document, Figure
from hepaflow.report.words import NBSP
from hepaflow.store.case import Case, Handle
from hepaflow.workflow.earlier import Earlier, carry
from hepaflow.workflow.study import Study
from hepaflow.workflow.telling import Progress

if TYPE_CHECKING:
    from hepaflow.dicom.write_capture import KeyImage

Truth = dict[str, dict[str, float]]
#: The report before it was set: who signs it later has it set again, with the signature in it.
REPORT_KEPT = Path("steps") / "outputs" / "report.json"


def publish(
    study: Study,
    case: Case,
    *,
    truth: Truth | None = None,
    earlier: Earlier | None = None,
    first_visit: bool = False,
    progress: Progress = None,
) -> None:
    """All files of the case folder, from the study's parts; a phantom's ``truth`` goes into the report.

    With ``earlier``, linked lesions bear the tracking identifiers of the earlier visit. Of a ``first_visit`` the report tells no response.
    """
    parts: list[Handle[Any]] = [
        study.series,
        study.aligned,
        study.motion,
        study.regions,
        study.inputs,
        study.maps,
        study.lesions,
        study.summary,
    ]
    parts += [] if study.compared is None else [study.compared]
    parts += [] if study.denoising is None else [study.denoising]
    params = study.plan.model_dump() | {
        "study_digest": study.digest,
        "steps": [step.output_digest for step in study.history],
        "truth": truth,
        "earlier": None if earlier is None else asdict(earlier),
        "first_visit": first_visit,
    }
    case.publish("outputs", partial(_write, study, earlier, progress), *parts, params=params)


def _write(
    study: Study,
    earlier_case: Earlier | None,
    progress: Progress,
    folder: Path,
    *_parts: Any,
    truth: Truth | None,
    first_visit: bool,
    **_params: Any,
) -> None:
    # loaded here: a finished case is shown without the libraries that write reports and DICOM
    from hepaflow.dicom.pixels import quiet
    from hepaflow.dicom.write_capture import write_captures
    from hepaflow.dicom.write_corrected import write_corrected
    from hepaflow.dicom.write_map import write_maps
    from hepaflow.dicom.write_pdf import write_pdf
    from hepaflow.dicom.write_seg import write_seg
    from hepaflow.dicom.write_sr import write_sr
    from hepaflow.report import document, kept
    from hepaflow.store import case_files, plain_json
    from hepaflow.workflow.compared import case_object

    begin = progress or (lambda *_: None)
    begin("results", 0, 0)
    result, plan = study.result(), study.plan
    if earlier_case is not None:
        result = replace(result, tracking=carry(result, earlier_case))
    case_files.write(result, folder, plan=plan.model_dump(), study_digest=study.digest, displacements=plan.save_displacements)
    if result.comparison:
        (folder / "comparison.json").write_text(
            plain_json.text(case_object(result.comparison, result.lesions), indent=2), encoding="utf-8"
        )
    begin("report", 0, 0)
    report = document.compose(result, language=plan.language, truth=truth, first_visit=first_visit)
    _, paper = document.save(report, folder)
    (folder / REPORT_KEPT).parent.mkdir(parents=True)
    (folder / REPORT_KEPT).write_bytes(kept.freeze(report))
    begin("dicom", 0, 0)
    dicom = folder / "dicom"
    dicom.mkdir()
    with quiet():  # the DICOM libraries log UIDs
        write_maps(result, dicom, progress=progress)
        write_seg(result, dicom)
        write_sr(result, dicom)
        write_pdf(result, paper.read_bytes(), dicom)
        write_captures(result, _key_images(result, report), dicom)
        if plan.save_corrected:
            write_corrected(result, dicom)


def _key_images(result: CaseResult, report: Document) -> list[KeyImage]:
    """The picture of the ratios, and the page of maps of each lesion (of the liver where there is none)."""
    from hepaflow.dicom.write_capture import KeyImage
    from hepaflow.report.captured import captured

    def key_image(figure: Figure, region: npt.NDArray[np.bool_] | None = None) -> KeyImage:
        said = f"{figure.heading}. {figure.caption} {report.disclaimer}".replace(NBSP, " ")
        return KeyImage(captured(figure, disclaimer=report.disclaimer), region, said)

    by_key = {section.key: [block for block in section.blocks if isinstance(block, Figure)] for section in report.sections}
    shown = [lesion.lesion.shells["whole"].mask for lesion in result.lesions] or [result.regions.healthy.mask]
    found = [key_image(figure) for figure in by_key["summary"]]
    return found + [key_image(figure, mask) for figure, mask in zip(by_key["maps"], shown, strict=False)]
