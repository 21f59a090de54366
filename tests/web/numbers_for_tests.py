"""A few slices of the phantom, thinned: small enough to be measured in a second, with lesions that can be fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hepaflow.domain.curves import Inputs
from hepaflow.domain.lesions import Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.series import DynamicSeries
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.lesions.measure import measure
from hepaflow.phantom import PhantomSpec, build
from hepaflow.regions.find import find
from hepaflow.workflow.feeding import feed
from hepaflow.workflow.plan import InputsPlan, Plan
from hepaflow.workflow.rating import rate
from hepaflow.workflow.study import Measured

FIRST, LAST, STEP = 9, 15, 2
KEPT = ("aorta", "portal_vein", "spleen", "healthy", "lesion-2", "lesion-3")


@dataclass(frozen=True)
class Shift:
    at_pass: int
    mm: tuple[float, float, float]


@dataclass(frozen=True)
class Drawing:
    """A region as the engine sees it."""

    mask: np.ndarray
    version: int = 1
    shifts: tuple[Shift, ...] = ()
    origin: str = "drawn"

    def edited(self, mask: np.ndarray | None = None, **changes: Any) -> Drawing:
        return replace(self, mask=self.mask if mask is None else mask, version=self.version + 1, **changes)


def small_study() -> tuple[DynamicSeries, dict[str, np.ndarray]]:
    """The series as acquired without breathing, and the phantom's own regions."""
    phantom = build(PhantomSpec(breathing_mm=0.0))
    affine = np.array(phantom.grid.affine)
    affine[:3, 3] = phantom.grid.to_mm([FIRST, 0, 0])
    affine[:3, 1:3] *= STEP
    voxels = phantom.series.voxels[:, FIRST:LAST, ::STEP, ::STEP].copy()
    grid = replace(phantom.grid, shape=voxels.shape[1:], affine=affine)
    labels = phantom.labels[FIRST:LAST, ::STEP, ::STEP]
    masks = {name: labels == label for label, name in phantom.names.items() if name in KEPT}
    return replace(phantom.series, voxels=voxels, grid=grid), masks


@dataclass(frozen=True)
class Prepared:
    """What ``analyze`` makes before it measures: regions and inputs."""

    series: DynamicSeries
    regions: Regions
    inputs: Inputs

    @classmethod
    def of(cls, series: DynamicSeries, drawn: dict[str, Drawing]) -> Prepared:
        proposed = [name for name, one in drawn.items() if one.origin == "proposed"]
        regions = find(series, {name: one.mask for name, one in drawn.items()}, proposed=proposed)
        rows = [{"region": name, "pass": s.at_pass, "mm": s.mm} for name, one in drawn.items() for s in one.shifts]
        hand = InputsPlan.model_validate({"shifts": rows}).model_dump(mode="json")
        return cls(series, regions, feed(series, regions, baseline_passes=None, haematocrit=None, **hand))

    def measured(self, model: str = "aath") -> Measured:
        """What it measures then, but for the maps, whose means stand beside the values and go into none of them."""
        plan, shape = Plan(model=model), self.series.grid.shape
        none = MapSet(model, self.series.grid, {}, np.zeros(shape, np.uint8), 1.0, plan.density_g_ml)
        found = measure(self.series, self.inputs, none, self.regions, model=model_of(model))
        return rate(found, model=model, **plan.response.model_dump())
