"""What a reader asks of a region before any model: mean HU and its spread in one pass, and how large a lesion is."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import longest_axial
from hepaflow.web.pictures import reference_pass, series_of, usable_passes, working_set
from hepaflow.web.places import StudyPlace
from hepaflow.web.refusals import NotThere
from hepaflow.web.region_state import RegionState


def facts(place: StudyPlace, state: RegionState, *, which: str | None = None, at_pass: int | None = None) -> dict[str, Any]:
    """``hu``: mean and SD over the region's measured ``voxels`` in a pass; ``longest_axial_diameter_mm`` of a lesion, else null.

    The pass is ``at_pass``, else the reference, else the one that it was drawn on, else the first that is used. Shifts by pass are left
    out. Refused: a set or pass that the study has not, a region without a voxel.
    """
    name = which or working_set(place)
    series = series_of(place, name).value
    known = (at_pass, reference_pass(place), state.frame, usable_passes(series)[0])
    number = next(one for one in known if one is not None)
    if number >= series.passes:
        raise NotThere("PASS-UNKNOWN", "the study has no such pass", f"Count from 0 to {series.passes - 1}")
    if not state.bits.count:
        raise InputRefused("REGION-EMPTY", "the region holds no voxel", "Draw it first")
    k0, k1, j0, j1, i0, i1 = state.bits.box
    values = series.voxels[number, k0:k1, j0:j1, i0:i1][state.bits.inside].astype(np.float64)
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if values.size else None
    spread = float(values.std(ddof=1)) if values.size > 1 else None
    return {
        "name": state.name,
        "version": state.version,
        "set": name,
        "pass": number,
        "hu": {"mean": mean, "sd": spread, "voxels": int(values.size)},
        "longest_axial_diameter_mm": longest_axial(state.mask, series.grid).mm if state.kind == "lesion" else None,
    }
