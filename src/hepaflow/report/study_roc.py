"""Criteria as ROC curves in one square with their areas, and the areas alone with both their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepaflow.cohort.cutoff import Curve, Cut
from hepaflow.cohort.roc import Auc, Interval
from hepaflow.report.figures import INK, MUTED, RULE, canvas, styled
from hepaflow.report.study_numbers import number
from hepaflow.report.study_style import (
    LINE_MARKERS,
    ONE_COLUMN_MM,
    SMALL_PT,
    TWO_COLUMNS_MM,
    counted,
    few_enough,
    interval,
    line_height_mm,
    line_look,
    plain_axis,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

#: Up to so many curves stand in one column with the legend beneath; more take two columns.
_NARROW = 3
_SQUARE_MM = 96.0
_AREA_ROW_MM = 6.4


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A criterion by its name: its ``curve``, its area ``auc``, and the operating point that is marked (None: none)."""

    label: str
    curve: Curve
    auc: Auc
    cut: Cut | None


def roc_figure(curves: Sequence[Drawn], positive_name: str) -> Canvas:
    """All criteria in one square, the largest area first; ``positive_name`` is what a positive lesion is.

    The interval given is that by patients. Refused: no curve or more than twelve (FIGURE-LINES).
    """
    few_enough(len(curves))
    ranked = sorted(curves, key=lambda one: -one.auc.auc)
    narrow = len(ranked) <= _NARROW
    entries = [_entry(one, ONE_COLUMN_MM - 14.0 if narrow else TWO_COLUMNS_MM - _SQUARE_MM - 30.0) for one in ranked]
    title = wrapped(_title(ranked, positive_name), ONE_COLUMN_MM - 4.0 if narrow else TWO_COLUMNS_MM - 14.0, size_pt=7.5, bold=True)
    head = len(title) * line_height_mm(7.5) + 3.0
    pitch = line_height_mm(SMALL_PT)
    listed = sum(map(len, entries)) * pitch + (len(entries) - 1) * 1.2
    side = ONE_COLUMN_MM - 13.0 if narrow else _SQUARE_MM
    width = ONE_COLUMN_MM if narrow else TWO_COLUMNS_MM
    below = side + head + 10.0
    height = below + listed + 3.0 if narrow else max(below, listed + head + 5.0)
    with styled():
        figure = canvas(height, width_mm=width)
        axes = figure.add_axes((11.0 / width, 1 - (head + side) / height, side / width, side / height))
        left, top = (3.0, below) if narrow else (11.0 + side + 6.0, head + 1.0)
        for number, (one, lines) in enumerate(zip(ranked, entries, strict=True)):
            _draw_curve(axes, one, number)
            _write_entry(figure, lines, number, at_mm=(left, top), marked=one.cut is not None)
            top += len(lines) * pitch + 1.2
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=0.8, zorder=0, label="chance")
        axes.text(
            0.735, 0.70, "chance", fontsize=SMALL_PT, color=MUTED, rotation=45, ha="center", va="center", rotation_mode="anchor"
        )
        axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xlabel="1 − specificity (fraction)", ylabel="Sensitivity (fraction)")
        axes.set_aspect("equal")
        plain_axis(axes.xaxis)
        plain_axis(axes.yaxis)
        for row, text in enumerate(title):
            figure.text(
                3.0 / width, 1 - (1.5 + row * line_height_mm(7.5)) / height, text, fontsize=7.5, fontweight="bold", va="top"
            )
    return figure


def forest_figure(rows: Sequence[tuple[str, Auc]]) -> Canvas:
    """Areas, the largest first: the thick line is the 95 % interval by patients, the thin one that of lesions taken as independent (DeLong, logit scale).

    Refused: no area or more than twelve (FIGURE-LINES).
    """
    few_enough(len(rows))
    ranked = sorted(rows, key=lambda row: -row[1].auc)
    names = ["\n".join(wrapped(label, 44.0)) for label, _ in ranked]
    height, width = 19.0 + _AREA_ROW_MM * len(ranked) + 2.5 * sum(name.count("\n") for name in names), TWO_COLUMNS_MM
    ends = [end for _, area in ranked for bounds in (area.ci95_clustered, area.ci95_delong_logit) if bounds for end in bounds]
    low = math.floor(10.0 * min([0.5, *ends, *(area.auc for _, area in ranked)])) / 10.0
    with styled():
        figure = canvas(height, width_mm=width)
        axes = figure.add_axes((49.0 / width, 10.0 / height, 78.0 / width, 1 - 17.0 / height))
        axes.axvline(0.5, color=RULE, linewidth=0.8, zorder=0)
        for row, (_, area) in enumerate(ranked):
            _draw_interval(axes, area.ci95_clustered, row - 0.13, width=3.0)
            _draw_interval(axes, area.ci95_delong_logit, row + 0.2, width=0.9)
            axes.plot([area.auc], [row - 0.13], "o", color="white", markeredgecolor=INK, markersize=4.5, zorder=3)
            text = f"{number(area.auc, 3)}   {interval(area.ci95_clustered)}"
            for x, written in ((1.06, text), (1.44, interval(area.ci95_delong_logit))):
                axes.text(x, row, written, fontsize=SMALL_PT, va="center", transform=axes.get_yaxis_transform())
        for x, written in ((1.06, "Area   by patients"), (1.44, "by lesions")):
            axes.text(x, 1.02, written, fontsize=SMALL_PT, fontweight="bold", va="bottom", transform=axes.transAxes)
        axes.set(
            xlim=(low, 1.01),
            ylim=(len(ranked) - 0.5, -0.6),
            xlabel="Area under the ROC curve, 95 % interval (thick: by patients; thin: by lesions)",
        )
        axes.set_yticks(range(len(ranked)), names)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        plain_axis(axes.xaxis)
    return figure


def _title(ranked: Sequence[Drawn], positive_name: str) -> str:
    counts = {(one.auc.positives, one.auc.negatives, one.auc.clusters) for one in ranked}
    if len(counts) > 1:
        return f"Positive: {positive_name}; numbers differ between criteria"
    positives, negatives, patients = counts.pop()
    return f"Positive: {positive_name} ({positives} of {counted(positives + negatives, 'lesion')}, {counted(patients, 'patient')})"


def _entry(one: Drawn, width_mm: float) -> list[str]:
    """What the legend says of a curve: name, area with its interval, operating point."""
    lines = wrapped(one.label, width_mm, size_pt=SMALL_PT, bold=True)
    bounds = one.auc.ci95_clustered
    lines.append(f"area {number(one.auc.auc, 3)} ({'95 % interval ' if bounds is None else ''}{interval(bounds)})")
    if one.cut is not None:
        sign = "<" if one.curve.thresholds[0] < one.curve.thresholds[-1] else ">"
        rates = f"Se {number(100 * one.cut.sensitivity, 1)} %, Sp {number(100 * one.cut.specificity, 1)} %"
        lines += wrapped(f"cut {sign} {one.cut.shown}: {rates}", width_mm, size_pt=SMALL_PT)
    return lines


def _draw_curve(axes: Axes, one: Drawn, number: int) -> None:
    look = line_look(number)
    axes.plot(1.0 - one.curve.specificity, one.curve.sensitivity, linewidth=1.3, label=one.label, zorder=20 - number, **look)
    if one.cut is not None:
        marker = LINE_MARKERS[number % len(LINE_MARKERS)]
        where = ([1.0 - one.cut.specificity], [one.cut.sensitivity])
        axes.plot(*where, marker, color=look["color"], markeredgecolor="white", markeredgewidth=0.7, markersize=6, zorder=30)


def _write_entry(figure: Canvas, lines: Sequence[str], number: int, *, at_mm: tuple[float, float], marked: bool) -> None:
    from matplotlib.lines import Line2D

    width, height = (float(inches) * 25.4 for inches in figure.get_size_inches())
    left, top = at_mm
    pitch = line_height_mm(SMALL_PT)
    level = 1 - (top + pitch / 2) / height
    ends = (left / width, (left + 8.0) / width)
    figure.add_artist(Line2D(ends, (level, level), linewidth=1.3, **line_look(number)))
    if marked:
        look: dict[str, Any] = {
            "color": line_look(number)["color"],
            "markeredgecolor": "white",
            "markersize": 6,
            "markeredgewidth": 0.7,
        }
        figure.add_artist(
            Line2D([sum(ends) / 2], [level], marker=LINE_MARKERS[number % len(LINE_MARKERS)], linestyle="none", **look)
        )
    area = next(place for place, text in enumerate(lines) if text.startswith("area "))
    for row, text in enumerate(lines):
        weight, color = ("bold", INK) if row < area else ("normal", INK if row == area else MUTED)
        level = 1 - (top + (row + 0.5) * pitch) / height
        figure.text((left + 10.0) / width, level, text, fontsize=SMALL_PT, fontweight=weight, color=color, va="center")


def _draw_interval(axes: Axes, bounds: Interval | None, row: float, *, width: float) -> None:
    if bounds is not None:
        axes.plot(bounds, [row, row], color=INK, linewidth=width, solid_capstyle="butt")
