"""Segments of a DICOM Segmentation as masks on a grid of their own. Source: DICOM PS3.3 A.51, A.89 and C.8.20 (binary, fractional, label map)."""

from __future__ import annotations

from collections import defaultdict
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.gate import inflate
from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.stack import POSITION_MM, SPACING_SHARE, levels
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

BoolArray = npt.NDArray[np.bool_]

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
#: A voxel belongs to a fractional segment from this share on.
_SHARE = 0.5
_MAX_BYTES = 4 * 2**30
_MAX_GAP = 10_000


def read_segments(data: bytes, grid: Grid, *, where: str) -> list[tuple[str, Grid, BoolArray]]:
    """Label, grid and mask of every segment. Refused: another frame of reference than ``grid``'s, frames that form no stack."""
    from pydicom import dcmread
    from pydicom.uid import UID

    with quiet():
        try:
            dataset = dcmread(BytesIO(inflate(data)), force=True)
            if dataset.file_meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.1.99":
                dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
            return _segments(dataset, grid)
        except InputRefused as refused:
            raise InputRefused(refused.code, f"{refused.what} ({where})", refused.advice) from refused
        except MemoryError:
            raise
        except Exception as error:  # the library raises many kinds, and their messages hold values
            raise InputRefused("REGIONS-DAMAGED", f"the segmentation cannot be read ({where})", "Export it again") from error


def _segments(dataset: Any, grid: Grid) -> list[tuple[str, Grid, BoolArray]]:
    frame_uid = str(dataset.get("FrameOfReferenceUID", ""))
    if frame_uid and grid.frame_of_reference_uid and frame_uid != grid.frame_of_reference_uid:
        raise InputRefused("REGIONS-FRAME", "the regions lie in another frame of reference", "Give regions drawn on this study")
    names = {int(item.SegmentNumber): str(item.SegmentLabel) for item in dataset.SegmentSequence}
    frames, rows, columns = int(dataset.NumberOfFrames), int(dataset.Rows), int(dataset.Columns)
    if frames * rows * columns > _MAX_BYTES:
        raise InputRefused("REGIONS-TOO-LARGE", "the segmentation is larger than any study", "Export it again")
    kind = str(dataset.SegmentationType)
    pixels = np.asarray(dataset.pixel_array).reshape(frames, rows, columns)
    own, index = _own_grid(dataset, frames, rows, columns)
    masks: dict[int, BoolArray] = defaultdict(lambda: np.zeros(own.shape, np.bool_))
    for n, item in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        if kind == "LABELMAP":
            for number in np.unique(pixels[n]):
                if int(number) in names:
                    masks[int(number)][index[n]] |= pixels[n] == number
            continue
        number = int(_group(dataset, item, "SegmentIdentificationSequence").ReferencedSegmentNumber)
        limit = _SHARE * int(dataset.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
        masks[number][index[n]] |= pixels[n] >= limit
    return [(label, own, masks[number]) for number, label in names.items() if kind != "LABELMAP" or number != 0]


def _own_grid(dataset: Any, frames: int, rows: int, columns: int) -> tuple[Grid, list[int]]:
    """The grid that all frames lie on (frames without a voxel may be absent), and the slice of every frame."""
    items = list(dataset.PerFrameFunctionalGroupsSequence)
    if len(items) != frames:
        raise InputRefused("REGIONS-DAMAGED", "the segmentation says where other than its own frames lie", "Export it again")
    planes = [[float(v) for v in _group(dataset, item, "PlaneOrientationSequence").ImageOrientationPatient] for item in items]
    if np.ptp(np.array(planes), axis=0).max() > 1e-4:
        raise InputRefused("REGIONS-GEOMETRY", "the segmentation's frames are not parallel", "Export it on the study's grid")
    across, down = np.array(planes[0][:3]), np.array(planes[0][3:])
    normal = np.cross(across, down)
    points = np.array([[float(v) for v in _group(dataset, item, "PlanePositionSequence").ImagePositionPatient] for item in items])
    measures = _group(dataset, items[0], "PixelMeasuresSequence")
    heights, level = levels([float(h) for h in points @ normal])
    gaps = np.diff(heights)
    stated = float(measures.get("SpacingBetweenSlices", 0) or 0) or float(measures.get("SliceThickness", 0) or 0)
    step = float(gaps.min()) if gaps.size else stated or 1.0
    if stated and gaps.size and np.abs(gaps / stated - np.rint(gaps / stated)).max() * stated < POSITION_MM:
        step = stated
    places = (np.array(heights) - heights[0]) / step
    if np.abs(places - np.rint(places)).max() > SPACING_SHARE * max(1.0, float(places[-1]) / 10) or places[-1] > _MAX_GAP:
        raise InputRefused("REGIONS-GEOMETRY", "the segmentation's frames are not evenly spaced", "Export it on the study's grid")
    lowest = points[int(np.argmin(points @ normal))]
    beside = points - lowest - np.outer((points - lowest) @ normal, normal)
    if np.abs(beside).max() > POSITION_MM:
        raise InputRefused("REGIONS-GEOMETRY", "the segmentation's frames lie beside each other", "Export it on the study's grid")
    affine = np.eye(4)
    spacing = [float(v) for v in measures.PixelSpacing]
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = normal * step, down * spacing[0], across * spacing[1], lowest
    shape = (int(np.rint(places[-1])) + 1, rows, columns)
    return Grid(shape, affine), [int(np.rint(places[n])) for n in level]


def _group(dataset: Any, item: Any, keyword: str) -> Any:
    """A functional group of one frame, its own or the one that all share."""
    if keyword in item:
        return item[keyword].value[0]
    return dataset.SharedFunctionalGroupsSequence[0][keyword].value[0]
