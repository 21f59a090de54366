"""Motion as pictures: residual, border distance and shift of each pass, and a column of the liver over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.domain.series import DynamicSeries
from hepaflow.motion.score import busiest_column
from hepaflow.report.content import Figure
from hepaflow.report.figures import ARTERIAL, INK, MUTED, PORTAL, RULE, TISSUE, canvas, finished, plain_ticks, whole_ticks
from hepaflow.report.offered import motion_key
from hepaflow.report.view import WINDOW_HU, AxialView
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BEFORE_AND_AFTER = (("axis_residual", "residual_before", "residual_after"), ("axis_border", "border_before_mm", "border_after_mm"))


def motion_curves(case: CaseResult, *, words: Words) -> Figure:
    """Residual and border distance before and after, and the three shifts, by pass (numbered from 1); as acquired alone without correction."""
    corrected = case.motion.method != "none"
    figure = canvas(46.0)
    left, width = ((0.055, 0.395, 0.735), 0.255) if corrected else ((0.065, 0.575), 0.40)
    panels = [figure.add_axes((x, 0.21, width, 0.66)) for x in left]
    shown = [_draw_measure(axes, case, names, words) for axes, names in zip(panels, _BEFORE_AND_AFTER, strict=False)]
    if corrected:
        shown.append(_draw_shifts(panels[2], case, words))
    number = _numbers(case)
    excluded = np.array([entry.excluded for entry in case.motion.passes], bool)
    for axes, values in zip(panels, shown, strict=True):
        axes.plot(number[excluded], values[excluded], "x", color=INK, markersize=6, markeredgewidth=1.2, clip_on=False, zorder=3)
        axes.axvline(case.motion.reference + 1, color=RULE, linewidth=3, zorder=0)
        axes.set_xlabel(words("axis_pass"))
        if corrected:
            axes.legend(
                loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, borderaxespad=0.2, columnspacing=0.9, handlelength=1.6
            )
        whole_ticks(axes)
        plain_ticks(axes, words)
    caption = words(motion_key(case, "motion_figure_caption"))
    return finished(figure, caption, alternative=words(motion_key(case, "section_motion")))


def _numbers(case: CaseResult) -> npt.NDArray[np.int64]:
    return np.array([entry.index + 1 for entry in case.motion.passes])


def _draw_measure(axes: Axes, case: CaseResult, names: tuple[str, str, str], words: Words) -> npt.NDArray[np.float64]:
    """A measure (label and fields ``names``) before, and after where something was corrected; gives the values before (passes,)."""
    label, *fields = names
    before, after = (np.array([getattr(entry, field) for entry in case.motion.passes], float) for field in fields)
    number = _numbers(case)
    axes.plot(number, before, color=MUTED, marker="o", markersize=3, markerfacecolor="white", label=words("before"))
    if case.motion.method != "none":
        axes.plot(number, after, color=TISSUE, marker="o", markersize=3, label=words("after"))
    axes.set_ylabel(words(label))
    axes.set_ylim(bottom=0)
    return before


def _draw_shifts(axes: Axes, case: CaseResult, words: Words) -> npt.NDArray[np.float64]:
    """The mean shift in the three directions; gives that to the head (passes,)."""
    shifts = np.array([entry.shift_mm for entry in case.motion.passes], float).reshape(-1, 3)
    styles = (("shift_x", PORTAL, "-", "s"), ("shift_y", TISSUE, "--", "^"), ("shift_z", ARTERIAL, "-", "o"))
    for axis, (label, color, line, marker) in enumerate(styles):
        axes.plot(_numbers(case), shifts[:, axis], color=color, linestyle=line, marker=marker, markersize=2.8, label=words(label))
    axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    axes.set_ylabel(words("axis_shift"))
    heights: npt.NDArray[np.float64] = shifts[:, 2]
    return heights


#: Of the tallest column of liver.
_MUCH = 0.6


def column_of_liver(case: CaseResult, view: AxialView) -> tuple[int, int]:
    """Row and column (turned order) of the tallest column of liver; ties go to the one nearest the liver's middle."""
    tall = view.turn(case.regions.liver.mask).sum(axis=0, dtype=np.int32)
    rows, columns = np.nonzero(tall == tall.max())
    distance = (rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2
    nearest = int(distance.argmin())
    return int(rows[nearest]), int(columns[nearest])


def busiest_place(case: CaseResult, view: AxialView) -> tuple[int, int]:
    """Row and column (turned order) of the column that moved most among those with much liver; the tallest where nothing was moved or slices are not axial."""
    tall = np.asarray(case.regions.liver.mask.sum(axis=0))
    within = tall >= max(_MUCH * tall.max(), 1)
    if view.axes != (0, 1, 2) or not within.any() or not case.motion.displacements.any():
        return column_of_liver(case, view)
    found = busiest_column(case.series, case.aligned, case.motion, within=within)
    row, column = (
        size - 1 - index if flip else index for index, size, flip in zip(found, within.shape, view.flipped[1:], strict=True)
    )
    return row, column


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


def compared_series(case: CaseResult) -> list[tuple[DynamicSeries, str]]:
    """What is shown side by side, each with the key of its title: as acquired, and corrected where something was."""
    pairs = [(case.series, "mmode_before"), (case.aligned, "mmode_after")]
    return pairs[:1] if case.motion.method == "none" else pairs


def time_position(case: CaseResult, *, view: AxialView, place: tuple[int, int], words: Words) -> Figure:
    """The column at ``place`` (row, column in turned order) as acquired and as corrected, side by side on one grey scale."""
    figure = canvas(48.0)
    shown = compared_series(case)
    width = 0.43 if len(shown) > 1 else 0.92
    for left, (one, title) in zip((0.065, 0.555), shown, strict=False):
        axes = figure.add_axes((left, 0.19, width, 0.70))
        _draw_column(axes, column_over_passes(one, view, place), view.spacing_mm[0])
        axes.set_title(words(title))
        axes.set_xlabel(words("axis_pass"))
        axes.set_ylabel(words("axis_position") if title == "mmode_before" else "")
        whole_ticks(axes)
        plain_ticks(axes, words)
    return finished(figure, words(motion_key(case, "mmode_caption")), alternative=words(shown[-1][1]))


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
