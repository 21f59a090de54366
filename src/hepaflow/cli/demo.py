"""``hepaflow demo``: a study with known truth, analysed like any other."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing


class Size(StrEnum):
    """Size of the phantom."""

    SMALL = "small"
    FULL = "full"


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the study and its analysis.")] = Path(
        "hepaflow-demo"
    ),
    size: Annotated[Size, typer.Option("--size", help="small: 128 x 128 x 32 voxels; full: 512 x 512 x 64.")] = Size.SMALL,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Another seed is another patient.")] = 0,
) -> int:
    """Make a liver CT study with known truth as DICOM, analyse it from that DICOM, and print truth beside measurement.

    Example: hepaflow demo --out demo --size small
    """
    from hepaflow.workflow import demo as work

    with printing.progress() as watch:
        found = work.demo(out, size=size.value, seed=seed, progress=watch)
    for heading, head, rows in found.tables():
        printing.out(heading)
        printing.table(head, rows)
        printing.out()
    printing.out(str(found.report))
    return 0
