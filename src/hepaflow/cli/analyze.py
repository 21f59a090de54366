"""``hepaflow analyze``: the main job."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepaflow.cli import printing

if TYPE_CHECKING:
    from hepaflow.domain.lesions import LesionResult, Measurement
    from hepaflow.workflow.study import Study

NOT_ESTIMATED = 4


class Motion(StrEnum):
    """How passes are brought together."""

    DEFORMABLE = "deformable"
    RIGID = "rigid"
    NONE = "none"


class Estimation(StrEnum):
    """How a model with a search estimates its maps."""

    POSTERIOR = "posterior"
    EXACT = "exact"


class Denoise(StrEnum):
    """Denoising of the data that maps are made from."""

    NONE = "none"
    TIPS = "tips"


class Language(StrEnum):
    """Language of the report."""

    EN = "en"
    FR = "fr"


def analyze(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Folder of DICOM files, a .zip of one, or a 4D NIfTI file beside NAME.json.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="CASE", help="Folder for maps, lesion table and report.")],
    rois: Annotated[
        Path | None, typer.Option("--rois", metavar="FILE", help="Regions: NIfTI label map with JSON, DICOM SEG or RTSTRUCT.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option("--earlier", metavar="CASE", help="The same patient's earlier case, with --lesion-identity.")
    ] = None,
    lesion_identity: Annotated[
        Path | None,
        typer.Option(
            "--lesion-identity",
            metavar="FILE",
            help="Which lesion was which: what hepaflow link EARLIER THIS --json prints. Linked lesions keep their tracking UID.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="KEY", help="Kinetic model; aath unless given.")] = None,
    estimation: Annotated[
        Estimation | None,
        typer.Option("--estimation", help="Maps: posterior mean and SD, or exact least squares; posterior unless given."),
    ] = None,
    motion: Annotated[Motion | None, typer.Option("--motion", help="Motion correction; deformable unless given.")] = None,
    denoise: Annotated[
        Denoise | None, typer.Option("--denoise", help="Edge-preserving denoising, for the maps only; none unless given.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with every option.")] = None,
    save_displacements: Annotated[
        bool, typer.Option("--save-displacements", help="Write the displacement field of every pass.")
    ] = False,
    save_corrected: Annotated[
        bool, typer.Option("--save-corrected", help="Write the motion-corrected series as derived CT images.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Fit every residue model to the mean curves and say whether they agree.")
    ] = False,
    language: Annotated[Language | None, typer.Option("--language", help="Language of the report; en unless given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Turn a dynamic CT study into motion-corrected blood-flow maps, a lesion table and a report.

    Run again after an interruption, it goes on where it stopped; finished steps whose inputs have not changed are reused.

    Example: hepaflow analyze study/dicom --out case --rois study/rois.nii.gz
    """
    from hepaflow.store.case import Case
    from hepaflow.workflow import one, plan
    from hepaflow.workflow.earlier import read_earlier

    chosen = plan.load(
        config,
        model=model,
        estimation=estimation.value if estimation else None,
        motion__method=motion.value if motion else None,
        denoise__method=denoise.value if denoise else None,
        save_displacements=save_displacements or None,
        save_corrected=save_corrected or None,
        compare=compare or None,
        language=language.value if language else None,
    )
    one.check_places(study, out, rois)
    before = read_earlier(lesion_identity, earlier)
    with printing.progress() as watch, Case(out) as case:
        done = one.analyze(chosen, study, case, rois=rois, earlier=before, progress=watch)
        missing = done.missing()
        if as_json:
            printing.out_json(as_object(done, out, missing))
        else:
            show(done)
            printing.out(f"report: {out / 'report.html'}")
    for line in missing:
        printing.note(f"not estimated: {line}")
    return NOT_ESTIMATED if missing else 0


def as_object(done: Study, out: Path, missing: list[str]) -> dict[str, Any]:
    """The result as one JSON object."""
    from hepaflow.store import case_json
    from hepaflow.workflow.compared import case_object

    healthy, lesions = done.lesions.get()
    (protocol, _), flags = done.summary.get(), done.flags()
    compared = {} if done.compared is None else {"comparison": case_object(done.compared.get(), lesions)["curves"]}
    return {
        "schema": case_json.SCHEMA,
        "case": str(out),
        "report": str(out / "report.html"),
        "model": done.plan.model,
        "healthy": case_json.region(healthy),
        "lesions": [case_json.lesion(found) for found in lesions],
        "protocol": {rule.key: rule.verdict for rule in protocol},
        "flags": list(flags),
        "not_estimated": missing,
        **compared,
    }


def show(done: Study) -> None:
    """The result as a table."""
    healthy, lesions = done.lesions.get()
    (protocol, _), flags = done.summary.get(), done.flags()
    bf = healthy.parameters.get("bf")
    if bf is not None:
        printing.out(
            f"healthy liver: blood flow {printing.number(bf.value, digits=1)} +/- {printing.number(bf.sd, digits=1)} mL/min/100 g"
        )
    _show_lesions(healthy, lesions)
    for rule in protocol:
        if rule.verdict in {"warn", "fail"}:
            printing.out(f"protocol {rule.verdict}: {rule.key}: {rule.measured} (expected {rule.expected})")
    if done.compared is not None:
        _show_comparison(done)
    if flags:
        printing.out("flags: " + " ".join(flags))


def _show_lesions(healthy: Measurement, lesions: tuple[LesionResult, ...]) -> None:
    """One line a lesion: the ratio that the report leads with, and the response."""
    from hepaflow.lesions.ratios import ratio
    from hepaflow.report.offered import LEADING
    from hepaflow.report.tables import abbreviation

    key = next((key for key in LEADING if key in healthy.parameters), "bf")
    rows = []
    for found in lesions:
        call = found.ruling
        part = "whole" if call is None else call.region
        measured = found.regions.get(part)
        if part == "whole":
            over = found.ratio.get(key)
        elif key == "bf" and call is not None:
            over = call.ratio  # what was judged
        else:
            over = None if measured is None else ratio(measured, healthy, key)
        interval = over.ci95 if over else None
        flags = (*found.flags, *(measured.flags if measured else ()), *(call.flags if call else ()))
        rows.append(
            [
                found.lesion.id if part == "whole" else f"{found.lesion.id} {part}",
                printing.number(found.lesion.longest_axial_diameter_mm, digits=0),
                printing.ratio(over.value if over else None, call.threshold if call else None),
                f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "-",
                (call.category if call else None) or "not rated",
                printing.number(call.probability_major if call else None),
                " ".join(dict.fromkeys(flags)) or "-",
            ]
        )
    if rows:
        printing.table(["lesion", "mm", f"{abbreviation(key)} ratio", "95 % interval", "response", "P(major)", "flags"], rows)
    else:
        printing.out("no lesion was given")


def _show_comparison(done: Study) -> None:
    from hepaflow.workflow.compared import case_object

    if done.compared is not None:
        for curve in case_object(done.compared.get(), done.lesions.get()[1])["curves"]:
            printing.out(f"models, {curve['curve']}: {curve['sentence']}")
