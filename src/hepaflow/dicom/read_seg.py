"""Segments of a DICOM Segmentation as masks on a grid of their own. Source: DICOM PS3.3 A.51, A.89 and C.8.20 (binary, fractional, label map)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.frame_grid import grid_of_frames, group_of
from hepaflow.dicom.frame_pixels import stored_frames
from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.read_object import data_set, drawn_on
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

BoolArray = npt.NDArray[np.bool_]

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
#: A voxel belongs to a fractional segment from this share on.
_SHARE = 0.5
_MAX_BYTES = 4 * 2**30
#: Of the grid that the frames span: 4,096 slices of 512 x 512.
_MAX_VOXELS = 2**30


Segments = tuple[list[tuple[str, Grid, BoolArray]], frozenset[str]]


def read_segments(data: bytes, grid: Grid, *, where: str) -> Segments:
    """Label, grid and mask of every segment; the grids have the frame of reference that the object names, perhaps none. And the SOP
    instance UIDs of the images that they were drawn on.

    Refused: another frame of reference than ``grid``'s, frames that form no stack or belong to no segment, segments of one number.
    """
    with quiet():
        try:
            return _segments(data, data_set(data), grid)
        except InputRefused as refused:
            raise InputRefused(refused.code, f"{refused.what} ({where})", refused.advice) from refused
        except MemoryError:
            raise
        except Exception as error:  # the library raises many kinds, and their messages hold values
            raise InputRefused("REGIONS-DAMAGED", f"the segmentation cannot be read ({where})", "Export it again") from error


def _segments(data: bytes, dataset: Any, grid: Grid) -> Segments:
    frame_uid = str(dataset.get("FrameOfReferenceUID", ""))
    if frame_uid and grid.frame_of_reference_uid and frame_uid != grid.frame_of_reference_uid:
        raise InputRefused("REGIONS-FRAME", "the regions lie in another frame of reference", "Give regions drawn on this study")
    names = {int(item.SegmentNumber): str(item.SegmentLabel) for item in dataset.SegmentSequence}
    if len(names) < len(dataset.SegmentSequence):
        raise InputRefused("REGIONS-DAMAGED", "two segments have one number", "Export it again")
    frames, rows, columns = int(dataset.NumberOfFrames), int(dataset.Rows), int(dataset.Columns)
    if frames * rows * columns > _MAX_BYTES:
        raise InputRefused("REGIONS-TOO-LARGE", "the segmentation is larger than any study", "Export it again")
    kind = str(dataset.SegmentationType)
    placed, index = grid_of_frames(dataset, frames, rows, columns)
    own = Grid(placed.shape, placed.affine, frame_uid)
    if np.prod(own.shape, dtype=np.int64) > _MAX_VOXELS:
        raise InputRefused("REGIONS-TOO-LARGE", "the segmentation reaches further than any study", "Export it again")
    masks: dict[int, BoolArray] = defaultdict(lambda: np.zeros(own.shape, np.bool_))
    background = {0, int(dataset.get("PixelPaddingValue", 0) or 0)} - (names.keys() - {0})
    items = dataset.PerFrameFunctionalGroupsSequence
    for place, item, pixels in zip(index, items, stored_frames(data, dataset), strict=True):
        if kind == "LABELMAP":
            for number in {int(n) for n in np.unique(pixels)} - background:
                masks[_known(number, names)][place] |= pixels == number
            continue
        number = int(group_of(dataset, item, "SegmentIdentificationSequence").ReferencedSegmentNumber)
        limit = _SHARE * int(dataset.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
        masks[_known(number, names)][place] |= pixels >= limit
    found = [(label, own, masks[number]) for number, label in names.items() if kind != "LABELMAP" or number != 0]
    return found, drawn_on([*(dataset.get("SharedFunctionalGroupsSequence") or ()), *items])


def _known(number: int, names: Mapping[int, str]) -> int:
    if number not in names:
        raise InputRefused("REGIONS-DAMAGED", "a frame belongs to a segment that is not described", "Export it again")
    return number
