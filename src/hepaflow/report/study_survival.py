"""Survival or cumulative incidence as steps with their bands, censored times, and who is still at risk beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepaflow.cohort.sample import Floats, Ints
from hepaflow.errors import InputRefused
from hepaflow.report.figures import MUTED, canvas, styled
from hepaflow.report.study_style import SMALL_PT, TWO_COLUMNS_MM, few_enough, line_height_mm, line_look, plain_axis, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_PLOT_MM = 70.0
_LEFT_MM = 44.0
_ROW_PT = 7.0


@dataclass(frozen=True, slots=True, eq=False)
class Survived:
    """A group's curve: its value (0 to 1) from each of ``times`` (rising) on, its 95 % band ``low`` to ``high`` (NaN: none there), the times at which somebody was
    censored, and how many were ``at_risk`` at ``at_risk_times``.

    Refused: columns of unlike length (FIGURE-UNEQUAL), times that do not rise or a value outside 0 to 1 (FIGURE-SURVIVAL).
    """

    label: str
    times: Floats
    survival: Floats
    low: Floats
    high: Floats
    censored_times: Floats
    at_risk_times: Floats
    at_risk: Ints

    def __post_init__(self) -> None:
        if len({len(self.times), len(self.survival), len(self.low), len(self.high)}) > 1 or len(self.at_risk_times) != len(
            self.at_risk
        ):
            raise InputRefused("FIGURE-UNEQUAL", "the columns of a curve differ in length", "Give one entry of each for every time")
        rising = len(self.times) == 0 or (self.times[0] >= 0 and (np.diff(self.times) > 0).all())
        if not (rising and (self.survival >= 0).all() and (self.survival <= 1).all()):
            raise InputRefused("FIGURE-SURVIVAL", "times do not rise from 0 or a value lies outside 0 to 1", "Check the curve")


def survival_figure(curves: Sequence[Survived], time_name: str, *, event_name: str, rising: bool = False) -> Canvas:
    """Step curves from 1 down, or from 0 up where ``rising`` (cumulative incidence).

    ``time_name`` with its unit ("Time from resection (months)"), ``event_name`` what the vertical axis shows ("Overall survival").
    Refused: no curve or more than twelve (FIGURE-LINES).
    """
    few_enough(len(curves))
    names = [wrapped(one.label, _LEFT_MM - 13.0, size_pt=SMALL_PT) for one in curves]
    rows = [max(len(name), 1) * line_height_mm(_ROW_PT) for name in names]
    beneath = 17.0 + sum(rows)
    height = 3.0 + _PLOT_MM + beneath
    end = max(float(part.max(initial=0.0)) for one in curves for part in (one.times, one.censored_times, one.at_risk_times)) or 1.0
    with styled():
        figure = canvas(height, width_mm=TWO_COLUMNS_MM)
        width = TWO_COLUMNS_MM - _LEFT_MM - 6.0
        axes = figure.add_axes((_LEFT_MM / TWO_COLUMNS_MM, beneath / height, width / TWO_COLUMNS_MM, _PLOT_MM / height))
        for number, one in enumerate(curves):
            _draw(axes, one, number, end=end, start=0.0 if rising else 1.0)
        axes.set(xlim=(0, end * 1.01), ylim=(-0.01, 1.02), xlabel=time_name, ylabel=f"{event_name} (fraction)")
        axes.set_xticks(np.unique(np.concatenate([one.at_risk_times for one in curves])))
        plain_axis(axes.xaxis)
        plain_axis(axes.yaxis)
        table = figure.add_axes((_LEFT_MM / TWO_COLUMNS_MM, 0, width / TWO_COLUMNS_MM, (beneath - 10.0) / height))
        table.set_axis_off()
        table.set(xlim=axes.get_xlim(), ylim=(beneath - 10.0, 0))
        left = -(_LEFT_MM - 2.0) * end * 1.01 / width
        table.text(left, 2.5, "At risk (n)", fontsize=SMALL_PT, fontweight="bold", va="center")
        level = 5.0
        for number, (one, name, row) in enumerate(zip(curves, names, rows, strict=True)):
            middle = level + row / 2
            table.plot([left, left + 7.0 * end * 1.01 / width], [middle] * 2, linewidth=1.4, clip_on=False, **line_look(number))
            table.text(left + 9.0 * end * 1.01 / width, middle, "\n".join(name), fontsize=SMALL_PT, va="center", linespacing=1.1)
            for time, still in zip(one.at_risk_times, one.at_risk, strict=True):
                table.text(float(time), middle, str(int(still)), fontsize=SMALL_PT, ha="center", va="center")
            level += row
        said = "shaded: 95 % interval; tick: censored"
        figure.text(
            (TWO_COLUMNS_MM - 6.0) / TWO_COLUMNS_MM, 1 - 1.0 / height, said, fontsize=SMALL_PT, color=MUTED, ha="right", va="top"
        )
    return figure


def _draw(axes: Axes, one: Survived, number: int, *, end: float, start: float) -> None:
    """Each value holds until the next time; after the last until the last time anybody was seen."""
    look = line_look(number)
    seen = max([*one.times[-1:], float(one.censored_times.max(initial=0.0))], default=end)
    begun = len(one.times) > 0 and one.times[0] == 0
    times = np.concatenate([[] if begun else [0.0], one.times, [seen]])

    def held(values: Floats) -> Floats:
        return np.concatenate([[] if begun else [start], values, values[-1:] if len(values) else [start]])

    level = held(one.survival)
    axes.fill_between(times, held(one.low), held(one.high), step="post", color=look["color"], alpha=0.13, linewidth=0)
    axes.step(times, level, where="post", linewidth=1.4, label=one.label, **look)
    at = level[np.maximum(np.searchsorted(times[:-1], one.censored_times, side="right") - 1, 0)]
    axes.plot(one.censored_times, at, "|", color=look["color"], markersize=4.5, markeredgewidth=0.8, zorder=4, label="_censored")
