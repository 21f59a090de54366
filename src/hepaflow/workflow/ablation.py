"""The ablation margin from masks in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.response import spoken
from hepaflow.errors import InputRefused, UsageError
from hepaflow.store import atomic
from hepaflow.therapy import margin as margin_of
from hepaflow.workflow.case_folder import read_volume
from hepaflow.workflow.visits import said

SCHEMA = 1


def margin(
    tumor: Path, zone: Path, *, registration_error_mm: float, liver: Path | None = None, out: Path | None = None
) -> dict[str, Any]:
    """The object that ``hepaflow margin --json`` prints; ``out`` gets the margin map as CSV.

    Refused: files that are no 3D NIfTI, masks on different grids, and what the measurement refuses.
    """
    if out is not None and any(given is not None and out.resolve() == given.resolve() for given in (tumor, zone, liver)):
        raise UsageError("OUT-IS-INPUT", "the margin map would overwrite one of the masks", "Give another file for --out")
    before, grid = _mask(tumor, "the tumor's mask")
    after, other = _mask(zone, "the ablation zone's mask")
    around = None if liver is None else _mask(liver, "the liver's mask")
    if not grid.same_as(other, tolerance_mm=0.1) or (around is not None and not grid.same_as(around[1], tolerance_mm=0.1)):
        raise InputRefused("MASK-GRID", "the masks are not on one grid", "Resample them after registration")
    found = margin_of.measure(
        before, after, grid=grid, registration_error_mm=registration_error_mm, liver=None if around is None else around[0]
    )
    if out is not None:
        table = np.column_stack([found.points_mm, found.margin_mm, found.subcapsular])
        lines = ["x_mm,y_mm,z_mm,margin_mm,subcapsular", *(f"{x:.2f},{y:.2f},{z:.2f},{m:.2f},{s:.0f}" for x, y, z, m, s in table)]
        with atomic.reporting("the margin map"):
            atomic.write_bytes(out, ("\n".join(lines) + "\n").encode())
    least = float(found.margin_mm.min())
    ends = [margin_of.category(least + sign * registration_error_mm) for sign in (-1.0, 1.0)]
    x, y, z = (float(value) for value in found.points_mm[found.margin_mm.argmin()])
    return {
        "schema": SCHEMA,
        **spoken(said(margin_of.assess(found)), "en"),
        "classes": ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}",
        "least_at_mm": [x, y, z],
    }


def _mask(path: Path, what: str) -> tuple[npt.NDArray[np.bool_], Grid]:
    refusal = InputRefused("MASK-UNREADABLE", f"{what} is not a readable 3D NIfTI file", "Give a .nii or .nii.gz mask")
    try:
        values, grid = read_volume(path)
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise refusal from error
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise refusal
    return values != 0, grid
