"""Regions drawn elsewhere, sent to the room as a .zip: on the study's grid, and where its corrected series has them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.read_regions import RegionSet, on_pass, read_regions
from hepaflow.dicom.source import Entry, open_study
from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField
from hepaflow.errors import InputRefused
from hepaflow.motion.correct import displacement
from hepaflow.store import atomic
from hepaflow.store.codec import Stored
from hepaflow.web.drawn import reference_of
from hepaflow.web.pictures import require_pass, series_of
from hepaflow.web.places import FRAME_OF_REFERENCE, MADE_OF, StudyPlace
from hepaflow.web.region_state import Bits, Origin, RegionState

Mask = npt.NDArray[np.bool_]

#: What the files of a set may hold together, unpacked.
MOST_BYTES = 2**30
#: A file that macOS puts beside each of a folder's when it packs it: no file of a reader.
_APPLE = b"\x00\x05\x16\x07"
#: Sets are read in the server's own process: one after the other, for its memory.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Found:
    """The regions of a set, and what is to be known of it."""

    states: tuple[RegionState, ...]
    flags: tuple[str, ...]


def read(path: Path, place: StudyPlace) -> Found:
    """A .zip of one set of regions: a label map with its JSON, under any two names, or DICOM SEG and RTSTRUCT files.

    One that was drawn on another pass than the corrected series' reference is carried along the motion that was found between the
    two. Before an analysis the pass is kept with the regions. Refused: what ``read_regions`` refuses, an archive
    that is none or unsafe, several label maps (``REGIONS-AMBIGUOUS``), more than a set can hold (``REGIONS-TOO-LARGE``).
    """
    series = series_of(place, "acquired").value
    with _one_at_a_time, open_study(path) as entries, atomic.staging(path.parent) as stage:
        if sum(entry.size for entry in entries) > MOST_BYTES:
            raise InputRefused("REGIONS-TOO-LARGE", "the archive holds more than regions", "Give the files of one set of regions")
        grid = replace(series.grid, frame_of_reference_uid=place.known(FRAME_OF_REFERENCE))
        found = on_pass(read_regions(_label_map(entries, stage) or path, grid, series_digest=place.known(MADE_OF)), series)
    at_pass = found.frame
    if at_pass is not None:
        require_pass(at_pass, series)
    reference = reference_of(place)
    masks = found.masks
    if reference is not None and at_pass is not None and at_pass != reference:
        masks = carried(masks, series.grid, _motion(place), at_pass)
    frame = at_pass if reference is None else None
    return Found(tuple(_state(name, mask, found, frame) for name, mask in masks.items() if mask.any()), found.flags)


def _label_map(entries: Sequence[Entry], stage: Path) -> Path | None:
    """The label map and its JSON in ``stage``, as ``read_regions`` takes them; None where there is no label map."""
    own = [entry for entry in entries if entry.head(len(_APPLE)) != _APPLE]
    maps = [entry for entry in own if entry.suffix in {".nii", ".gz"}]
    if not maps:
        return None
    names = [entry for entry in own if entry.suffix == ".json"]
    if len(maps) > 1 or len(names) > 1:
        raise InputRefused("REGIONS-AMBIGUOUS", "the archive holds several label maps", "Give one of them, with its JSON")
    path = stage / ("rois.nii.gz" if maps[0].suffix == ".gz" else "rois.nii")
    path.write_bytes(maps[0].read())
    for entry in names:
        (stage / "rois.json").write_bytes(entry.read())
    return path


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
    unverified = "region-frame-unverified" in found.flags
    return RegionState(name, Bits.of(mask), origin=origin, hand=hand, frame=frame, unverified=unverified)
