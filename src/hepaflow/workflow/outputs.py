"""The results of a study as files: what the contract lists, written only when something they hold has changed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from hepaflow.store.case import Case, Handle
from hepaflow.workflow.study import Study

Truth = dict[str, dict[str, float]]


def publish(study: Study, case: Case, *, truth: Truth | None = None) -> None:
    """All files of the case folder, from the study's parts; a phantom's ``truth`` goes into the report."""
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
    }
    case.publish("outputs", partial(_write, study), *parts, params=params)


def _write(study: Study, folder: Path, *_parts: Any, truth: Truth | None, **_params: Any) -> None:
    # loaded here: a finished case is shown without the libraries that write reports and DICOM
    from hepaflow.dicom.write_map import write_maps
    from hepaflow.dicom.write_seg import write_seg
    from hepaflow.dicom.write_sr import write_sr
    from hepaflow.report import document
    from hepaflow.store import case_files, plain_json
    from hepaflow.workflow.compared import case_object

    result, plan = study.result(), study.plan
    case_files.write(result, folder, plan=plan.model_dump(), study_digest=study.digest, displacements=plan.save_displacements)
    if result.comparison:
        (folder / "comparison.json").write_text(
            plain_json.text(case_object(result.comparison, result.lesions), indent=2), encoding="utf-8"
        )
    dicom = folder / "dicom"
    dicom.mkdir()
    write_maps(result, dicom)
    write_seg(result, dicom)
    write_sr(result, dicom)
    document.write(result, folder, language=plan.language, truth=truth)
