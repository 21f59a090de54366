"""Every lesion's value by its class: small boxes with all points on them (Tukey JW. Exploratory data analysis, 1977: whiskers to 1.5 quartile distances)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepaflow.cohort.sample import Bools, Floats, Ints
from hepaflow.errors import InputRefused
from hepaflow.report.figures import INK, MUTED, canvas, styled
from hepaflow.report.study_style import (
    NEGATIVE,
    ONE_COLUMN_MM,
    POSITIVE,
    SMALL_PT,
    TWO_COLUMNS_MM,
    counted,
    few_enough,
    finite,
    line_height_mm,
    log_axis,
    plain_axis,
    short,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

#: Values that are all positive and spread wider than this are drawn on a log axis.
LOG_SPREAD = 20.0
_PLOT_MM = 40.0
#: Up to so many points each seeks its own place.
_MOST_PLACED = 400
#: Half the width of a swarm and of a box, in distances between the two classes.
_SWARM, _BOX = 0.4, 0.3
#: The horizontal axis, in the same distances.
_SPAN = 2.1
#: More points than this are one picture in an SVG, not one drawing each.
_MOST_VECTOR = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """A parameter of all lesions: ``values`` (n) in ``unit`` ("" for pure numbers), ``positive`` (n), ``cluster`` (n, patients).

    ``cut`` is drawn dashed, ``reference`` solid (1 for ratios); ``note`` is printed under the title, such as a p value.
    Refused: columns of unlike length (FIGURE-UNEQUAL), a value missing (FIGURE-NOT-FINITE), no value (FIGURE-EMPTY).
    """

    label: str
    unit: str
    values: Floats
    positive: Bools
    cluster: Ints
    positive_name: str
    negative_name: str
    cut: float | None = None
    reference: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        finite(self.values, self.positive, self.cluster)
        if len(self.values) == 0:
            raise InputRefused("FIGURE-EMPTY", "there is no lesion to draw", "Leave the parameter out")

    @property
    def logarithmic(self) -> bool:
        """True where the values are drawn on a log axis."""
        return bool(self.values.min() > 0 and self.values.max() > LOG_SPREAD * self.values.min())

    @property
    def mixed(self) -> Bools:
        """Lesions (n) of patients who have lesions of both classes."""
        both = np.intersect1d(self.cluster[self.positive], self.cluster[~self.positive])
        return np.isin(self.cluster, both)


def box_figure(columns: Sequence[Boxed]) -> Canvas:
    """One small plot a parameter: a box and every lesion of either class; lesions of patients with both classes wear a ring.

    Refused: no parameter or more than twelve (FIGURE-LINES).
    """
    few_enough(len(columns))
    across = _across(len(columns))
    width = ONE_COLUMN_MM if len(columns) == 1 else TWO_COLUMNS_MM
    pitch = width / across
    plot = pitch - 15.0
    titles = [wrapped(one.label, pitch - 4.0, size_pt=7.5, bold=True) for one in columns]
    notes = [wrapped(one.note, pitch - 4.0, size_pt=SMALL_PT) for one in columns]
    names = [
        [wrapped(name, plot / 2 - 0.5, size_pt=SMALL_PT) for name in (one.positive_name, one.negative_name)] for one in columns
    ]
    head = 3.5 + max(map(len, titles)) * line_height_mm(7.5) + max(map(len, notes)) * line_height_mm(SMALL_PT)
    foot = 4.0 + (max(len(lines) for pair in names for lines in pair) + 2) * line_height_mm(SMALL_PT)
    step = head + _PLOT_MM + foot
    rows = -(-len(columns) // across)
    ringed = any(one.mixed.any() for one in columns)
    height = rows * step + (5.0 if ringed else 1.0)
    with styled():
        figure = canvas(height, width_mm=width)
        for number, one in enumerate(columns):
            row, column = divmod(number, across)
            left, top = column * pitch, row * step
            axes = figure.add_axes(((left + 12.0) / width, 1 - (top + head + _PLOT_MM) / height, plot / width, _PLOT_MM / height))
            _draw(axes, one, names=names[number], pitch_pt=plot * 72 / 25.4 / _SPAN)
            for line, text in enumerate(titles[number]):
                level = 1 - (top + 1.5 + line * line_height_mm(7.5)) / height
                figure.text((left + 2.0) / width, level, text, fontsize=7.5, fontweight="bold", va="top")
            for line, text in enumerate(notes[number]):
                level = 1 - (top + head - 1.5 - (len(notes[number]) - line) * line_height_mm(SMALL_PT)) / height
                figure.text((left + 2.0) / width, level, text, fontsize=SMALL_PT, color=MUTED, va="top")
        if ringed:
            text = "ringed: lesions of patients who have lesions of both classes"
            figure.text(2.0 / width, 1.5 / height, text, fontsize=SMALL_PT, color=MUTED, va="bottom")
    return figure


def swarm(heights: Floats, *, half_width: float, size: float) -> Floats:
    """Sideways places (n) of round points of diameter ``size`` at ``heights`` (n, same unit): none covers another, then all squeezed to ``half_width``.

    From the lowest up, each point takes the place nearest the middle that is free; many points are dealt level by level instead.

    >>> swarm(np.array([0.0, 0.0, 0.0, 9.0]), half_width=5.0, size=2.0).tolist()
    [0.0, 2.0, -2.0, 0.0]
    """
    places = _free_places(heights, size) if len(heights) <= _MOST_PLACED else _dealt(heights, size)
    widest = float(np.abs(places).max(initial=0.0))
    return places * min(1.0, half_width / widest) if widest > 0 else places


def _free_places(heights: Floats, size: float) -> Floats:
    places = np.zeros(len(heights))
    order = np.argsort(heights, kind="stable")
    for rank, here in enumerate(order):
        before = order[:rank]
        near = before[heights[here] - heights[before] < size]
        reach = np.sqrt(np.maximum(size**2 - (heights[here] - heights[near]) ** 2, 0.0))
        tried = np.concatenate([[0.0], places[near] + reach, places[near] - reach])
        free = (np.abs(tried[:, None] - places[near]) >= reach - 1e-9).all(axis=1)
        places[here] = min(tried[free], key=abs)
    return places


def _dealt(heights: Floats, size: float) -> Floats:
    level = np.floor((heights - heights.min()) / size).astype(np.intp)
    order = np.lexsort((heights, level))
    sizes = np.bincount(level)
    rank = np.empty(len(heights), np.intp)
    rank[order] = np.arange(len(heights)) - (np.cumsum(sizes) - sizes)[level[order]]
    # 0, +1, -1, +2, -2 ...; an even level is shifted by half a place so that it stays in the middle
    steps = np.where(rank % 2 == 1, (rank + 1) // 2, -(rank // 2)) - np.where(sizes[level] % 2 == 0, 0.5, 0.0)
    return np.asarray(size * steps)


def _across(number: int) -> int:
    return number if number <= 4 else 3 if number in (5, 6, 9) else 4


def _draw(axes: Axes, one: Boxed, *, names: Sequence[Sequence[str]], pitch_pt: float) -> None:
    _scale(axes, one)
    ends = axes.get_ylim()
    turned = np.log if one.logarithmic else np.asarray
    low, high = (float(turned(end)) for end in ends)
    size = float(np.clip(4.0 - 1.1 * np.log10(max(len(one.values), 60) / 60), 1.5, 4.0))
    ticks = []
    for place, (chosen, color, marker) in enumerate(((one.positive, POSITIVE, "o"), (~one.positive, NEGATIVE, "s"))):
        values, rings = one.values[chosen], one.mixed[chosen]
        lines = [*names[place], counted(len(values), "lesion"), counted(len(np.unique(one.cluster[chosen])), "patient")]
        ticks.append("\n".join(lines))
        if not len(values):
            continue
        _draw_box(axes, values, place)
        heights = (turned(values) - low) / (high - low) * _PLOT_MM * 72 / 25.4
        across = place + swarm(np.asarray(heights), half_width=_SWARM * pitch_pt, size=1.1 * size) / pitch_pt
        plain: dict[str, Any] = {
            "s": size**2,
            "marker": marker,
            "color": color,
            "rasterized": len(values) > _MOST_VECTOR,
            "zorder": 3,
        }
        axes.scatter(across[~rings], values[~rings], linewidths=0.07 * size, edgecolors="white", **plain)
        axes.scatter(across[rings], values[rings], linewidths=0.2 * size, edgecolors=INK, **{**plain, "zorder": 4})
    axes.set_xticks([0, 1], ticks)
    axes.set_xlim(0.5 - _SPAN / 2, 0.5 + _SPAN / 2)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(one.unit or "no unit", labelpad=1.5)
    _draw_levels(axes, one)


def _scale(axes: Axes, one: Boxed) -> None:
    shown = [float(one.values.min()), float(one.values.max()), *(x for x in (one.cut, one.reference) if x is not None)]
    low, high = min(shown), max(shown)
    if one.logarithmic and low > 0:
        log_axis(axes, low, high)
    else:
        spare = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
        axes.set_ylim(low - spare, high + spare)
    plain_axis(axes.yaxis)


def _draw_box(axes: Axes, values: Floats, place: int) -> None:
    thin: dict[str, Any] = {"color": INK, "linewidth": 0.7}
    axes.boxplot(
        [values],
        positions=[place],
        widths=2 * _BOX,
        whis=1.5,
        showfliers=False,
        manage_ticks=False,
        boxprops=thin,
        medianprops={"color": INK, "linewidth": 1.8},
        whiskerprops=thin,
        capprops=thin,
        zorder=5,
    )


def _draw_levels(axes: Axes, one: Boxed) -> None:
    if one.reference is not None:
        axes.axhline(one.reference, color=MUTED, linewidth=0.6, zorder=0)
    if one.cut is not None:
        axes.axhline(one.cut, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
        look: dict[str, Any] = {"boxstyle": "square,pad=0.15", "facecolor": "white", "linewidth": 0}
        axes.text(0.5, one.cut, short(one.cut), fontsize=SMALL_PT, ha="center", va="center", bbox=look, zorder=6)
