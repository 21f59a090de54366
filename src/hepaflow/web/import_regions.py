"""Regions drawn elsewhere, brought into the room: on the study's grid, and where its corrected series has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.read_regions import RegionSet, read_regions
from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField
from hepaflow.motion.correct import displacement
from hepaflow.store.codec import Stored
from hepaflow.web.drawn import reference_of
from hepaflow.web.pictures import series_of
from hepaflow.web.places import StudyPlace
from hepaflow.web.region_state import Bits, Origin, RegionState

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Found:
    """The regions of a set, and what is to be known of it."""

    states: tuple[RegionState, ...]
    flags: tuple[str, ...]


def read(path: Path, place: StudyPlace) -> Found:
    """A set as :func:`hepaflow.dicom.read_regions.read_regions` reads it.

    One that was drawn on another pass than the corrected series' reference is carried along the motion that was found between the
    two. Before an analysis the pass is kept with the regions. Refused: what ``read_regions`` refuses.
    """
    series = series_of(place, "acquired").value
    found = read_regions(path, series.grid)
    reference = reference_of(place)
    masks = found.masks
    if reference is not None and found.frame is not None and found.frame != reference:
        masks = carried(masks, series.grid, _motion(place), found.frame)
    frame = found.frame if reference is None else None
    return Found(tuple(_state(name, mask, found, frame) for name, mask in masks.items() if mask.any()), found.flags)


def carried(masks: dict[str, Mask], grid: Grid, motion: MotionField, frame: int) -> dict[str, Mask]:
    """Masks drawn on pass ``frame`` where the reference has the same tissue, by the voxel nearest to where it lies in that pass."""
    field = displacement(motion, grid, frame)
    inverse = np.linalg.inv(grid.affine[:3, :3])
    moved = {}
    for name, mask in masks.items():
        window = _window(mask, reach=[int(np.ceil(np.abs(field).max() * np.abs(inverse[axis]).sum())) + 1 for axis in range(3)])
        at = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in window), indexing="ij"), axis=-1)
        there = np.rint(at + field[window] @ inverse.T).astype(int)
        inside = ((there >= 0) & (there < np.array(grid.shape))).all(-1)
        there = np.clip(there, 0, np.array(grid.shape) - 1)
        out = np.zeros(grid.shape, bool)
        out[window] = mask[tuple(np.moveaxis(there, -1, 0))] & inside
        moved[name] = out
    return moved


def _motion(place: StudyPlace) -> MotionField:
    motion: MotionField = Stored(place.case / "steps" / "motion").part()
    return motion


def _window(mask: Mask, *, reach: list[int]) -> tuple[slice, slice, slice]:
    k0, k1, j0, j1, i0, i1 = Bits.of(mask).box
    spans = zip(((k0, k1), (j0, j1), (i0, i1)), reach, mask.shape, strict=True)
    first, second, third = (slice(max(low - more, 0), min(high + more, n)) for (low, high), more, n in spans)
    return first, second, third


def _state(name: str, mask: Mask, found: RegionSet, frame: int | None) -> RegionState:
    hand = tuple(int(k) for k in np.flatnonzero(mask.any(axis=(1, 2))))
    origin: Origin = "proposed" if name in found.proposed else "given"
    return RegionState(name, Bits.of(mask), origin=origin, hand=hand, frame=frame)
