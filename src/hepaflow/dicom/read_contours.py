"""Contours of an RTSTRUCT as masks on the study's grid. Source: DICOM PS3.3 C.8.8.5 (structure set) and C.8.8.6 (ROI contour)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.read_object import data_set, drawn_on
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "INTERPOLATED_PLANAR")
#: A contour may lean out of its slice by this share of the slice spacing.
_LEAN = 0.25
#: Contours closer than this, in slices, lie in one plane.
_ONE_PLANE = 0.05


def read_contours(
    data: bytes, grid: Grid, *, known: Callable[[str], str | None], where: str
) -> tuple[list[tuple[str, Grid, BoolArray]], bool, frozenset[str]]:
    """Name, grid and mask of every ROI (the grid is that of the study in the frame of reference that the ROI names, perhaps none; the mask is made for those that ``known`` knows), whether points or open lines were left out, and the SOP instance UIDs of the images that they were drawn on.

    A voxel belongs to an ROI when its centre lies inside an odd number of the contours of its plane (a hole is a contour in a contour).
    A slice takes the nearest plane of contours, no further than half the distance of planes. Refused: another frame of
    reference than ``grid``'s, contours that are not parallel to the slices.
    """
    with quiet():
        try:
            dataset = data_set(data)
            found, ignored = _regions(dataset, grid, known)
            lines = (line for item in dataset.ROIContourSequence for line in item.get("ContourSequence", None) or ())
            return found, ignored, drawn_on(lines)
        except InputRefused as refused:
            raise InputRefused(refused.code, f"{refused.what} ({where})", refused.advice) from refused
        except MemoryError:
            raise
        except Exception as error:  # the library raises many kinds, and their messages hold values
            raise InputRefused("REGIONS-DAMAGED", f"the structure set cannot be read ({where})", "Export it again") from error


def _regions(dataset: Any, grid: Grid, known: Callable[[str], str | None]) -> tuple[list[tuple[str, Grid, BoolArray]], bool]:
    names: dict[int, str] = {}
    frames: dict[int, str] = {}
    for item in dataset.StructureSetROISequence:
        names[int(item.ROINumber)] = str(item.get("ROIName", ""))
        uid = frames[int(item.ROINumber)] = str(item.get("ReferencedFrameOfReferenceUID", ""))
        if uid and grid.frame_of_reference_uid and uid != grid.frame_of_reference_uid:
            raise InputRefused("REGIONS-FRAME", "the regions lie in another frame of reference", "Give regions drawn on this study")
    drawn = {int(item.ReferencedROINumber): list(item.get("ContourSequence", None) or ()) for item in dataset.ROIContourSequence}
    if (
        len(names) < len(dataset.StructureSetROISequence)
        or len(drawn) < len(dataset.ROIContourSequence)
        or drawn.keys() - names.keys()
    ):
        raise InputRefused("REGIONS-DAMAGED", "regions of the structure set have one number, or none", "Export it again")
    found, ignored = [], False
    for number, name in names.items():
        contours = []
        for contour in drawn.get(number, []):
            if str(contour.ContourGeometricType) not in _CLOSED:
                ignored = True
                continue
            points = np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
            if len(points) >= 3 and np.isfinite(points).all():
                contours.append(points)
        mask = np.zeros(grid.shape, np.bool_) if known(name) is None else _mask(contours, grid, str(known(name)))
        found.append((name, Grid(grid.shape, grid.affine, frames[number]), mask))
    return found, ignored


def _mask(contours: list[FloatArray], grid: Grid, name: str) -> BoolArray:
    mask = np.zeros(grid.shape, np.bool_)
    placed = [grid.to_index(points) for points in contours]
    for points in placed:
        if np.ptp(points[:, 0]) > _LEAN:
            raise InputRefused(
                "REGIONS-GEOMETRY", f"contours of {name} are not parallel to the slices", "Draw on the study's slices"
            )
    if not placed:
        return mask
    heights = np.array([points[:, 0].mean() for points in placed])
    planes: list[list[int]] = []
    for n in np.argsort(heights, kind="stable"):
        if planes and heights[n] - heights[planes[-1][0]] <= _ONE_PLANE:
            planes[-1].append(int(n))
        else:
            planes.append([int(n)])
    levels = np.array([heights[plane].mean() for plane in planes])
    reach = max(0.5, float(np.diff(levels).min()) / 2) if len(levels) > 1 else 0.5
    for k in range(grid.shape[0]):
        nearest = int(np.abs(levels - k).argmin())
        if abs(levels[nearest] - k) <= reach + 1e-6:
            for n in planes[nearest]:
                mask[k] ^= inside(placed[n][:, 1:], (grid.shape[1], grid.shape[2]))
    if not mask.any():
        far = all((p < -0.5).all(axis=0).any() or (p > np.array(grid.shape) - 0.5).all(axis=0).any() for p in placed)
        if far:
            raise InputRefused("REGION-OUTSIDE", f"region {name} lies wholly outside the images", "Give regions of this study")
    return mask


def inside(polygon: FloatArray, shape: tuple[int, int]) -> BoolArray:
    """Pixels (rows, columns) whose centre lies inside ``polygon`` (points, 2) of (row, column), by the even-odd rule.

    Half-open edges: a centre on a border belongs to one of two neighbouring polygons, never to both.
    """
    mask = np.zeros(shape, np.bool_)
    y, x = polygon[:, 0], polygon[:, 1]
    y2, x2 = np.roll(y, -1), np.roll(x, -1)
    # every edge upwards, so that two polygons that share it round alike
    up = (y < y2) | ((y == y2) & (x <= x2))
    y, x, y2, x2 = np.where(up, y, y2), np.where(up, x, x2), np.where(up, y2, y), np.where(up, x2, x)
    columns = np.arange(shape[1])
    for row in range(max(0, int(np.floor(y.min()))), min(shape[0], int(np.ceil(y2.max())) + 1)):
        crosses = (y <= row) != (y2 <= row)
        if not crosses.any():
            continue
        at = np.sort(x[crosses] + (row - y[crosses]) * (x2[crosses] - x[crosses]) / (y2[crosses] - y[crosses]))
        mask[row] = np.searchsorted(at, columns, side="right") % 2 == 1
    return mask
