"""Whether probabilities are true and of use: observed against predicted share, and net benefit over threshold probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hepaflow.cohort.calibration import Calibration, DecisionCurve, Group
from hepaflow.cohort.sample import Bools, Floats
from hepaflow.report.figures import ACCENT, INK, MUTED, RULE, canvas, styled
from hepaflow.report.study_numbers import number
from hepaflow.report.study_style import (
    NEGATIVE,
    ONE_COLUMN_MM,
    POSITIVE,
    SMALL_PT,
    counted,
    finite,
    interval,
    line_height_mm,
    plain_axis,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: A net benefit below this is not shown: no rule so harmful is worth the room.
NET_BENEFIT_FLOOR = -0.05
_BINS = np.linspace(0.0, 1.0, 21)
_SIDE_MM = ONE_COLUMN_MM - 14.0
#: Groups nearer to each other than this are named together.
_APART = 0.12


def calibration_figure(calibration: Calibration, label: str, *, probability: Floats, positive: Bools) -> Canvas:
    """Groups of lesions with their Wilson intervals and numbers about the line of truth; beneath, how often each probability was given to either class.

    ``probability`` (n) and ``positive`` (n) are those that ``calibration`` was made of. Refused: columns of unlike length, values missing.
    """
    finite(probability, positive)
    title = wrapped(label, ONE_COLUMN_MM - 4.0, size_pt=7.5, bold=True)
    said = [
        f"{counted(calibration.n, 'lesion')}, {calibration.events} positive",
        f"Intercept {_value(calibration.intercept, calibration.intercept_ci95)}",
        f"Slope {_value(calibration.slope, calibration.slope_ci95)}",
        f"Brier score {number(calibration.brier, 3)} (scaled {number(calibration.scaled_brier)})",
    ]
    head = 3.0 + len(title) * line_height_mm(7.5) + len(said) * line_height_mm(SMALL_PT)
    strip = 15.0
    height = head + _SIDE_MM + strip + 13.0
    left, across = 12.0 / ONE_COLUMN_MM, _SIDE_MM / ONE_COLUMN_MM
    with styled():
        figure = canvas(height, width_mm=ONE_COLUMN_MM)
        axes = figure.add_axes((left, (strip + 13.0) / height, across, _SIDE_MM / height))
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=0.9, zorder=0)
        for group in calibration.groups:
            axes.plot([group.predicted] * 2, group.ci95, color=ACCENT, linewidth=1.2, solid_capstyle="butt")
            axes.plot([group.predicted], [group.observed], "o", color=ACCENT, markeredgecolor="white", markersize=5.5)
        for near in _neighbours(calibration.groups):
            shift, side = (4, "left") if near[0].predicted < 0.8 else (-4, "right")
            edge = near[-1] if side == "left" else near[0]
            count = ", ".join(str(group.n) for group in near)
            place = (edge.predicted, sum(edge.ci95) / 2)
            axes.annotate(
                f"n = {count}", place, (shift, 0), textcoords="offset points", fontsize=SMALL_PT, color=MUTED, ha=side, va="center"
            )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="Observed share of positive lesions (fraction)")
        axes.set_xticklabels([])
        plain_axis(axes.yaxis)
        below = figure.add_axes((left, 9.0 / height, across, strip / height))
        for chosen, color, sign in ((positive, POSITIVE, 1), (~positive, NEGATIVE, -1)):
            counts = np.histogram(probability[chosen], _BINS)[0]
            below.bar(_BINS[:-1], sign * counts, width=0.05, align="edge", color=color, edgecolor="white", linewidth=0.4)
        below.axhline(0, color=INK, linewidth=0.6)
        most = max(int(np.histogram(probability[chosen], _BINS)[0].max()) for chosen in (positive, ~positive))
        below.set(
            xlim=(-0.02, 1.02),
            ylim=(-1.1 * most - 0.1, 1.1 * most + 0.1),
            xlabel="Predicted probability (fraction)",
            ylabel="Lesions (n)",
        )
        below.set_yticks([-most, 0, most], [str(most), "0", str(most)])
        below.text(
            1.0,
            1.03,
            "positive lesions upward, negative downward",
            fontsize=SMALL_PT,
            color=MUTED,
            ha="right",
            transform=below.transAxes,
        )
        plain_axis(below.xaxis)
        _write(figure, title, said)
    return figure


def _neighbours(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups in order of probability, those so close that their numbers would cover each other together."""
    made: list[list[Group]] = []
    for group in sorted(groups, key=lambda one: one.predicted):
        if made and group.predicted - made[-1][-1].predicted < _APART:
            made[-1].append(group)
        else:
            made.append([group])
    return made


def decision_figure(curve: DecisionCurve, label: str) -> Canvas:
    """Net benefit of acting on the rule, on every lesion and on none; the band is the 95 % interval over patients where it was drawn."""
    title = wrapped(label, ONE_COLUMN_MM - 4.0, size_pt=7.5, bold=True)
    head = 3.0 + len(title) * line_height_mm(7.5)
    height = head + 52.0 + 17.0
    with styled():
        figure = canvas(height, width_mm=ONE_COLUMN_MM)
        axes = figure.add_axes((13.0 / ONE_COLUMN_MM, 16.0 / height, (ONE_COLUMN_MM - 16.0) / ONE_COLUMN_MM, 52.0 / height))
        tops = [curve.net_benefit, curve.all_positive]
        if curve.band is not None:
            axes.fill_between(curve.thresholds, *curve.band, color=ACCENT, alpha=0.18, linewidth=0, label="95 % interval")
            tops.append(curve.band[1])
        axes.plot(curve.thresholds, curve.net_benefit, color=ACCENT, linewidth=1.6, label="rule")
        axes.plot(curve.thresholds, curve.all_positive, color=MUTED, linewidth=1.0, linestyle=(0, (5, 2)), label="all")
        axes.axhline(0, color=INK, linewidth=1.0, linestyle=(0, (1.2, 1.2)), label="none")
        top = max((float(np.nanmax(one)) for one in tops), default=0.0)
        axes.set(
            xlim=(0, 1),
            ylim=(NET_BENEFIT_FLOOR, max(top * 1.08, 0.05)),
            xlabel="Threshold probability (fraction)",
            ylabel="Net benefit (true positives per lesion)",
        )
        plain_axis(axes.xaxis)
        plain_axis(axes.yaxis)
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="lower center",
            ncols=4,
            bbox_to_anchor=(0.5, 0.0),
            columnspacing=1.2,
            handlelength=2.2,
        )
        _write(figure, title, [])
    return figure


def _value(value: float | None, bounds: tuple[float, float] | None) -> str:
    return "not estimable" if value is None else f"{number(value)} ({interval(bounds)})"


def _write(figure: Canvas, title: list[str], said: list[str]) -> None:
    """The title in bold and what is said beneath it, from the top left."""
    width, height = (float(inches) * 25.4 for inches in figure.get_size_inches())
    top = 1.5
    for text, size, weight, color in [
        *((text, 7.5, "bold", INK) for text in title),
        *((text, SMALL_PT, "normal", MUTED) for text in said),
    ]:
        figure.text(2.0 / width, 1 - top / height, text, fontsize=size, fontweight=weight, color=color, va="top")
        top += line_height_mm(size)
