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
    for reason in found["reasons"]:
        printing.out(reason["text"])
    for name, value in found["numbers"].items():
        printing.out(f"  {name}: {printing.number(value) if isinstance(value, int | float) else value}")
    if found["flags"]:
        printing.out("flags: " + " ".join(found["flags"]))
    return 0
