"""``hepaflow margin``: the margin that an ablation left around a tumor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing


def margin(
    tumor: Annotated[Path, typer.Argument(metavar="TUMOR", help="Mask of the tumor before, NIfTI.")],
    zone: Annotated[Path, typer.Argument(metavar="ZONE", help="Mask of the ablation zone after, registered, on the same grid.")],
    registration_error_mm: Annotated[
        float, typer.Option("--registration-error-mm", metavar="X", min=0, help="How far the two may lie apart.")
    ],
    liver: Annotated[
        Path | None, typer.Option("--liver", metavar="MASK", help="Mask of the liver before, for the capsule.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="CSV of the margin map: x, y, z (mm LPS), margin.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Measure the ablation margin: at every point of the tumor's surface, how deep it lies in the ablation zone.

    Gives the least margin and its class (insufficient up to 5 mm, adequate, optimal from 10 mm on), the shares of the surface below 0, 5 and
    10 mm, the tumor's share outside the zone, and, with the liver, the same without the points under the capsule. Masks are numbers
    other than 0. The registration is yours; its error goes into the statement.

    Example: hepaflow margin tumor.nii.gz zone.nii.gz --registration-error-mm 2
    """
    from hepaflow.workflow import ablation

    found = ablation.margin(tumor, zone, registration_error_mm=registration_error_mm, liver=liver, out=out)
    if as_json:
        printing.out_json(found)
        return 0
    numbers = found["numbers"]
    printing.out(found["rule"])
    low, high = (numbers["least_mm"] + sign * registration_error_mm for sign in (-1.0, 1.0))
    printing.out(f"with the registration error: {low:.1f} to {high:.1f} mm, {found['classes']}")
    x, y, z = found["least_at_mm"]
    printing.out(
        f"least at ({x:.0f}, {y:.0f}, {z:.0f}) mm LPS; {100 * numbers['residual_share']:.1f} % of the tumor outside the zone"
    )
    rows = [["whole surface", *(_share(numbers[f"share_below_{mm}_mm"]) for mm in (0, 5, 10))]]
    if liver is not None:
        rows.append(["without subcapsular", *(_share(numbers[f"share_below_{mm}_mm_without_subcapsular"]) for mm in (0, 5, 10))])
    printing.table(["share of the tumor's surface", "below 0 mm", "below 5 mm", "below 10 mm"], rows)
    for reason in found["reasons"][1:]:
        printing.out(reason["text"])
    if found["flags"]:
        printing.out("flags: " + " ".join(found["flags"]))
    return 0


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
