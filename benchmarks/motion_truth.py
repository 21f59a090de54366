"""Patients with known truth for motion.py, and how far a displacement is from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from other_anatomy import other_anatomy
from scipy.ndimage import distance_transform_edt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.phantom import PhantomSpec, build

BREATHING_MM, NOISE_HU = 20.0, 15.0
LARGE_MM, RIM_MM = 15.0, 10.0
#: Vessels inside the liver up to this radius belong to it when its border is looked for.
CLOSED_MM = 8.0
PERCENTILES = (5, 25, 50, 75, 95)
#: The displacement (k, j, i, 3) in mm LPS of a pass at the voxels of a grid.
Displacement = Callable[[int, Grid], np.ndarray]


@dataclass(frozen=True)
class Patient:
    """A series and the truth inside the liver's box: masks, and the true displacement at their voxels (mm LPS, a pass each)."""

    name: str
    series: DynamicSeries
    reference: int
    grid: Grid
    inside: np.ndarray
    regions: dict[str, np.ndarray]
    lesions: tuple[str, ...]
    true: dict[int, np.ndarray]

    def moved_mm(self, index: int) -> float:
        return float(np.linalg.norm(self.true[index][self.regions["liver"]], axis=-1).mean())


def patient(name: str, *, breathing_mm: float = BREATHING_MM) -> Patient:
    kind, seed = name.split("-")
    if kind == "other":
        case: Any = other_anatomy(int(seed), breathing_mm=breathing_mm, noise_hu=NOISE_HU)
        large = case.lesions
    else:
        case = build(PhantomSpec(size="full", noise_hu=NOISE_HU, breathing_mm=breathing_mm, seed=int(seed)))
        large = tuple(lesion.id for lesion in case.lesions if lesion.diameter_mm >= LARGE_MM)
    whole = np.logical_or.reduce([case.masks["liver"], *(case.masks[lesion] for lesion in large)])
    box = tuple(
        slice(max(int(held[0]) - 12, 0), int(held[-1]) + 13)
        for held in (np.flatnonzero(whole.any(axis)) for axis in ((1, 2), (0, 2), (0, 1)))
    )
    masks = {name: case.masks[name][box] for name in ("liver", *large)}
    grid = part(case.grid, box)
    inside = whole[box]
    masks["rim"] = masks["liver"] & (depth(inside, grid) < RIM_MM)
    true = {i: case.displacement(i)[box][inside] for i in range(case.series.passes) if i != case.reference}
    return Patient(name, case.series, case.reference, grid, inside, {n: m[inside] for n, m in masks.items()}, large, true)


def part(grid: Grid, box: tuple[slice, ...]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_mm([cut.start for cut in box])
    return Grid(tuple(len(range(*cut.indices(n))) for cut, n in zip(box, grid.shape, strict=True)), affine)


def depth(inside: np.ndarray, grid: Grid) -> np.ndarray:
    """Distance in mm to the organ's border, its small vessels closed; where the image ends there is no border."""
    near = distance_transform_edt(~inside, sampling=grid.spacing_mm) <= CLOSED_MM
    organ = distance_transform_edt(near, sampling=grid.spacing_mm) > CLOSED_MM
    return distance_transform_edt(organ | inside, sampling=grid.spacing_mm)


def errors(truth: Patient, index: int, displacement: Displacement | None) -> np.ndarray:
    """Distance from the truth in mm at the voxels inside the liver; without a displacement, as acquired."""
    found = 0.0 if displacement is None else displacement(index, truth.grid)[truth.inside]
    return np.linalg.norm(found - truth.true[index], axis=-1)


def scores(truth: Patient, index: int, displacement: Displacement | None) -> dict[str, float]:
    error = errors(truth, index, displacement)
    liver = error[truth.regions["liver"]]
    return {
        "mean mm": float(liver.mean()),
        "lesions mm": float(np.mean([error[truth.regions[name]].mean() for name in truth.lesions])),
        "outer cm mm": float(error[truth.regions["rim"]].mean()),
        "worse %": 100.0 * float(liver.mean() > truth.moved_mm(index)),
        **{f"p{p} mm": float(value) for p, value in zip(PERCENTILES, np.percentile(liver, PERCENTILES), strict=True)},
    }
