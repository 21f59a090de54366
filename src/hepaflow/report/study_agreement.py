"""Two ways of measuring the same lesions: difference over mean (Bland JM, Altman DG. Lancet 1986;1:307-310)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepaflow.cohort.roc import Interval
from hepaflow.cohort.sample import Floats, Ints
from hepaflow.errors import InputRefused
from hepaflow.report.figures import ACCENT, INK, MUTED, RULE, canvas, styled
from hepaflow.report.study_style import ONE_COLUMN_MM, SMALL_PT, counted, finite, plain_axis, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_HEIGHT_MM = 74.0
#: Names of lines stand at least this far apart, in heights of the plot.
_LABELS_APART = 0.11
#: More points than this are one picture in an SVG, not one drawing each.
_MOST_VECTOR = 1000


def bland_altman_figure(
    first: Floats,
    second: Floats,
    *,
    bias: float,
    limits: Interval,
    bias_ci: Interval | None,
    limit_cis: tuple[Interval, Interval] | None,
    unit: str,
    cluster: Ints,
) -> Canvas:
    """``first`` - ``second`` (n each, in ``unit``) over their mean; ``bias`` and ``limits`` of agreement as lines with their 95 % intervals as bands (None: none drawn).

    Refused: columns of unlike length, values missing, no lesion (FIGURE-EMPTY).
    """
    finite(first, second, cluster)
    if len(first) == 0:
        raise InputRefused("FIGURE-EMPTY", "there is no lesion to draw", "Leave the figure out")
    mean, apart = 0.5 * (first + second), first - second
    bands = [*([] if bias_ci is None else [bias_ci]), *(limit_cis or ())]
    levels = (("upper limit", limits[1], 1), ("bias", bias, 0), ("lower limit", limits[0], -1))
    ends = [*apart, *limits, *(end for band in bands for end in band)]
    spare = 0.09 * (max(ends) - min(ends)) or 0.5 * abs(bias) or 1.0
    size = float(np.clip(4.2 - 1.1 * np.log10(max(len(first), 60) / 60), 1.5, 4.2))
    named = f" ({unit})" if unit else " (no unit)"
    with styled():
        figure = canvas(_HEIGHT_MM, width_mm=ONE_COLUMN_MM)
        axes = figure.add_axes((13.0 / ONE_COLUMN_MM, 10.0 / _HEIGHT_MM, 56.0 / ONE_COLUMN_MM, 57.0 / _HEIGHT_MM))
        axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
        for band in bands:
            axes.axhspan(*band, color=ACCENT, alpha=0.15, linewidth=0, zorder=0)
        low, high = min(ends) - spare, max(ends) + spare
        middle = (bias - low) / (high - low)
        for name, level, side in levels:
            axes.axhline(level, color=ACCENT, linewidth=1.1, linestyle=(0, (5, 2)) if side else "solid", zorder=1, label=name)
            place = (level - low) / (high - low)
            place = middle + side * max(side * (place - middle), _LABELS_APART) if side else place
            said = f"{name}\n{short(level)}"
            axes.text(1.02, place, said, fontsize=SMALL_PT, va="center", linespacing=1.1, transform=axes.transAxes)
        many = len(first) > _MOST_VECTOR
        axes.scatter(
            mean,
            apart,
            s=size**2,
            color=INK,
            alpha=0.35 if many else 0.8,
            edgecolors="white",
            linewidths=0.1 * size,
            rasterized=many,
            zorder=3,
        )
        axes.set(ylim=(low, high), xlabel=f"Mean of the two{named}", ylabel=f"First − second{named}")
        plain_axis(axes.xaxis)
        plain_axis(axes.yaxis)
        said = f"{counted(len(first), 'lesion')} in {counted(len(np.unique(cluster)), 'patient')}{'; bands: 95 % intervals' if bands else ''}"
        figure.text(2.0 / ONE_COLUMN_MM, 1 - 2.0 / _HEIGHT_MM, said, fontsize=SMALL_PT, color=MUTED, va="top")
    return figure
