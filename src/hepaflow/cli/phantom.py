"""``hepaflow phantom``: a liver study with known truth, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing
from hepaflow.cli.demo import Size


class VisitOf(StrEnum):
    """When the patient is seen."""

    AFTER = "after"
    BEFORE = "before"


def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; new, empty, or an earlier phantom.")],
    size: Annotated[Size, typer.Option("--size", help="small: 128 x 128 x 32 voxels; full: 512 x 512 x 64.")] = Size.SMALL,
    noise_hu: Annotated[
        float | None, typer.Option("--noise-hu", metavar="X", help="Noise SD of one voxel in HU [default: small 4, full 10].")
    ] = None,
    breathing_mm: Annotated[
        float, typer.Option("--breathing-mm", metavar="X", help="Largest cranio-caudal travel between two passes, 0 to 30 mm.")
    ] = 12.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Another seed is another patient.")] = 0,
    visit: Annotated[
        VisitOf, typer.Option("--visit", help="The patient after chemotherapy, or the same one before it.")
    ] = VisitOf.AFTER,
) -> int:
    """Write a liver CT perfusion study with known truth: dicom/, rois.nii.gz, rois.json, truth/.

    Example: hepaflow phantom study --size small --seed 3
    """
    from hepaflow.phantom import PhantomSpec
    from hepaflow.workflow import phantom_study

    with printing.progress() as watch:
        spec = PhantomSpec(size=size.value, noise_hu=noise_hu, breathing_mm=breathing_mm, seed=seed, visit=visit.value)
        made = phantom_study.write(spec, out, progress=watch)
    rows = [
        [
            lesion.id,
            f"{lesion.diameter_mm:.0f}",
            printing.number(lesion.bf_ratio),
            printing.number(lesion.haf),
            lesion.expected,
            lesion.role,
        ]
        for lesion in made.lesions
    ]
    printing.table(["lesion", "mm", "BF ratio", "HAF", "response", "role"], rows)
    printing.out(str(out))
    return 0
