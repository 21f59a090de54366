"""Segments of a DICOM Segmentation as masks on a grid of their own. Source: DICOM PS3.3 A.51, A.89 and C.8.20 (binary, fractional, label map)."""

from __future__ import annotations

from collections import defaultdict
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.frame_grid import grid_of_frames, group_of
from hepaflow.dicom.gate import inflate
from hepaflow.dicom.pixels import quiet
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

BoolArray = npt.NDArray[np.bool_]

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
#: A voxel belongs to a fractional segment from this share on.
_SHARE = 0.5
_MAX_BYTES = 4 * 2**30


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
    own, index = grid_of_frames(dataset, frames, rows, columns)
    masks: dict[int, BoolArray] = defaultdict(lambda: np.zeros(own.shape, np.bool_))
    for n, item in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        if kind == "LABELMAP":
            for number in np.unique(pixels[n]):
                if int(number) in names:
                    masks[int(number)][index[n]] |= pixels[n] == number
            continue
        number = int(group_of(dataset, item, "SegmentIdentificationSequence").ReferencedSegmentNumber)
        limit = _SHARE * int(dataset.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
        masks[number][index[n]] |= pixels[n] >= limit
    return [(label, own, masks[number]) for number, label in names.items() if kind != "LABELMAP" or number != 0]
