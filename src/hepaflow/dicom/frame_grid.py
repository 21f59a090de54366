"""The grid that the frames of a multi-frame result lie on. Source: DICOM PS3.3 C.7.6.16.2 (functional groups: measures, position, orientation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hepaflow.dicom.codes import Code
from hepaflow.dicom.stack import POSITION_MM, SPACING_SHARE, levels
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

_MAX_GAP = 10_000
_POSITION = 0x00200032


def grid_of_frames(dataset: Any, frames: int, rows: int, columns: int) -> tuple[Grid, list[int]]:
    """The grid that all frames lie on (frames without a voxel may be absent), and the slice of every frame.

    Refused: frames of other number, pixel spacing or plane, that lie unevenly or beside each other, or of which something is said twice.
    """
    items = list(dataset.PerFrameFunctionalGroupsSequence)
    if len(items) != frames:
        raise InputRefused("REGIONS-DAMAGED", "an object says where other than its own frames lie", "Export it again")
    planes = [[float(v) for v in group_of(dataset, item, "PlaneOrientationSequence").ImageOrientationPatient] for item in items]
    if np.ptp(np.array(planes), axis=0).max() > 1e-4:
        raise InputRefused("REGIONS-GEOMETRY", "an object's frames are not parallel", "Export it on the study's grid")
    across, down = np.array(planes[0][:3]), np.array(planes[0][3:])
    normal = np.cross(across, down)
    points = np.array([[float(v) for v in group_of(dataset, item, "PlanePositionSequence").ImagePositionPatient] for item in items])
    sizes = [group_of(dataset, item, "PixelMeasuresSequence") for item in items]
    measures = sizes[0]
    if any(one is not measures and one.PixelSpacing != measures.PixelSpacing for one in sizes):
        raise InputRefused("REGIONS-GEOMETRY", "an object's frames have several pixel spacings", "Export it on the study's grid")
    heights, level = levels([float(h) for h in points @ normal])
    gaps = np.diff(heights)
    stated = float(measures.get("SpacingBetweenSlices", 0) or 0) or float(measures.get("SliceThickness", 0) or 0)
    step = float(gaps.min()) if gaps.size else stated or 1.0
    if stated and gaps.size and np.abs(gaps / stated - np.rint(gaps / stated)).max() * stated < POSITION_MM:
        step = stated
    places = (np.array(heights) - heights[0]) / step
    if np.abs(places - np.rint(places)).max() > SPACING_SHARE * max(1.0, float(places[-1]) / 10) or places[-1] > _MAX_GAP:
        raise InputRefused("REGIONS-GEOMETRY", "an object's frames are not evenly spaced", "Export it on the study's grid")
    lowest = points[int(np.argmin(points @ normal))]
    beside = points - lowest - np.outer((points - lowest) @ normal, normal)
    if np.abs(beside).max() > POSITION_MM:
        raise InputRefused("REGIONS-GEOMETRY", "an object's frames lie beside each other", "Export it on the study's grid")
    affine = np.eye(4)
    spacing = [float(v) for v in measures.PixelSpacing]
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = normal * step, down * spacing[0], across * spacing[1], lowest
    shape = (int(np.rint(places[-1])) + 1, rows, columns)
    return Grid(shape, affine), [int(np.rint(places[n])) for n in level]


def group_of(dataset: Any, item: Any, keyword: str) -> Any:
    """A functional group of one frame, its own or the one that all share. Refused: one that is said twice, and not alike."""
    shared = dataset.SharedFunctionalGroupsSequence[0] if dataset.get("SharedFunctionalGroupsSequence") else {}
    said = [one for group in (item, shared) if keyword in group for one in group[keyword].value]
    if any(other != said[0] for other in said[1:]):
        raise InputRefused("OBJECT-CONTRADICTS", "an object says of a frame twice what holds once", "Export it again")
    return said[0]


def refuse_index(dataset: Any, index: Sequence[int]) -> None:
    """Refused: frames whose dimension index by position does not rise, or fall, with the slice of every frame.

    Source: DICOM PS3.3 C.7.6.17 (an index counts the values of the attribute that its dimension points to).
    """
    dimensions = [getattr(one, "DimensionIndexPointer", None) for one in dataset.get("DimensionIndexSequence", ())]
    if _POSITION not in dimensions:
        return
    place = dimensions.index(_POSITION)
    items = dataset.PerFrameFunctionalGroupsSequence
    values = [group_of(dataset, item, "FrameContentSequence").DimensionIndexValues for item in items]
    counted = [int(np.atleast_1d(several)[place]) for several in values]
    steps = np.sign(np.diff([k for _, k in sorted(zip(counted, index, strict=True))]))
    if len(set(counted)) < len(counted) or not ((steps > 0).all() or (steps < 0).all()):
        raise InputRefused(
            "OBJECT-CONTRADICTS", "an object counts its frames in another order than their places", "Export it again"
        )


def code_of(item: Any) -> Code:
    """A coded concept of a data set as a plain value."""
    value = next((str(item[keyword].value) for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue") if keyword in item), "")
    return Code(value, str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeMeaning", "")))
