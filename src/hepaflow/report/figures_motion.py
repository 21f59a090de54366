"""Motion as pictures: residual and shift of each pass, and a column of the liver over time before and after correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.domain.series import DynamicSeries
from hepaflow.report.content import Figure
from hepaflow.report.figures import ARTERIAL, INK, MUTED, PORTAL, RULE, TISSUE, canvas, finished, plain_ticks, whole_ticks
from hepaflow.report.view import WINDOW_HU, AxialView
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def motion_curves(case: CaseResult, *, words: Words) -> Figure:
    """Residual before and after, and the three shifts, by pass (numbered from 1)."""
    passes = case.motion.passes
    number = np.array([entry.index + 1 for entry in passes])
    figure = canvas(46.0)
    residual = figure.add_axes((0.065, 0.21, 0.40, 0.66))
    shift = figure.add_axes((0.575, 0.21, 0.40, 0.66))
    before = np.array([entry.residual_before for entry in passes], float)
    after = np.array([entry.residual_after for entry in passes], float)
    residual.plot(number, before, color=MUTED, marker="o", markersize=3, markerfacecolor="white", label=words("before"))
    residual.plot(number, after, color=TISSUE, marker="o", markersize=3, label=words("after"))
    residual.set_ylabel(words("axis_residual"))
    residual.set_ylim(bottom=0)
    shifts = np.array([entry.shift_mm for entry in passes], float).reshape(-1, 3)
    styles = (("shift_x", PORTAL, "-", "s"), ("shift_y", TISSUE, "--", "^"), ("shift_z", ARTERIAL, "-", "o"))
    for axis, (label, color, line, marker) in enumerate(styles):
        shift.plot(number, shifts[:, axis], color=color, linestyle=line, marker=marker, markersize=2.8, label=words(label))
    shift.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    shift.set_ylabel(words("axis_shift"))
    excluded = np.array([entry.excluded for entry in passes], bool)
    for axes, values in ((residual, before), (shift, shifts[:, 2])):
        axes.plot(number[excluded], values[excluded], "x", color=INK, markersize=6, markeredgewidth=1.2)
        axes.axvline(case.motion.reference + 1, color=RULE, linewidth=3, zorder=0)
        axes.set_xlabel(words("axis_pass"))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, borderaxespad=0.2)
        whole_ticks(axes)
        plain_ticks(axes, words)
    return finished(figure, words("motion_figure_caption"), alternative=words("section_motion"))


def column_of_liver(case: CaseResult, view: AxialView) -> tuple[int, int]:
    """Row and column (turned order) of the tallest column of liver; ties go to the one nearest the liver's middle."""
    tall = view.turn(case.regions.liver.mask).sum(axis=0, dtype=np.int32)
    rows, columns = np.nonzero(tall == tall.max())
    distance = (rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2
    nearest = int(distance.argmin())
    return int(rows[nearest]), int(columns[nearest])


def column_over_passes(series: DynamicSeries, view: AxialView, place: tuple[int, int]) -> npt.NDArray[np.float32]:
    """HU (slices from head to feet, passes) along one column, averaged over 3 x 3 columns against noise; NaN outside coverage."""
    row, column = place
    turned = view.turn(series.voxels)
    part = turned[:, :, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].astype(np.float32)
    valid = np.isfinite(part)
    count = valid.sum(axis=(2, 3))
    total = np.where(valid, part, 0).sum(axis=(2, 3))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean.T[::-1].astype(np.float32)


def time_position(case: CaseResult, *, view: AxialView, words: Words) -> Figure:
    """The column as acquired and as corrected, side by side on one grey scale."""
    place = column_of_liver(case, view)
    figure = canvas(48.0)
    boxes = ((0.065, 0.19, 0.43, 0.70), (0.555, 0.19, 0.43, 0.70))
    series = ((case.series, "mmode_before"), (case.aligned, "mmode_after"))
    for box, (one, title) in zip(boxes, series, strict=True):
        axes = figure.add_axes(box)
        _draw_column(axes, column_over_passes(one, view, place), view.spacing_mm[0])
        axes.set_title(words(title))
        axes.set_xlabel(words("axis_pass"))
        axes.set_ylabel(words("axis_position") if title == "mmode_before" else "")
        whole_ticks(axes)
        plain_ticks(axes, words)
    return finished(figure, words("mmode_caption"), alternative=words("mmode_after"))


def _draw_column(axes: Axes, picture: npt.NDArray[np.float32], spacing_mm: float) -> None:
    slices, passes = picture.shape
    axes.set_facecolor("black")
    axes.imshow(
        np.nan_to_num(picture, nan=WINDOW_HU[0]),
        cmap="gray",
        vmin=WINDOW_HU[0],
        vmax=WINDOW_HU[1],
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, passes + 0.5, 0.0, slices * spacing_mm),
    )
