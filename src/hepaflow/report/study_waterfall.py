"""Change in size of every lesion, from the greatest growth to the greatest shrinkage, by what histology says of it.

A bar is a lesion: the change is not a RECIST category, which is of a patient's sum (Eisenhauer EA et al. Eur J Cancer 2009;45:228-247); its limits are drawn to read by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepaflow.cohort.sample import Bools, Floats
from hepaflow.errors import InputRefused
from hepaflow.report.figures import INK, MUTED, canvas, styled
from hepaflow.report.study_style import NEGATIVE, POSITIVE, TWO_COLUMNS_MM, counted, finite, plain_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: RECIST 1.1: growth and shrinkage of the sum that count, per cent.
GROWTH, SHRINKAGE = 20.0, -30.0
#: The axis is linear to 30 % either way and logarithmic beyond.
LINEAR_TO = 30.0
_TICKS = (-100.0, -50.0, SHRINKAGE, 0.0, GROWTH, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
_HEIGHT_MM = 74.0
#: Half the height of the mark of a lesion without change, per cent.
_NO_CHANGE = 0.6


def waterfall_figure(change_percent: Floats, positive: Bools, positive_name: str, negative_name: str) -> Canvas:
    """Bars of ``change_percent`` (n), dark where ``positive`` (n).

    Refused: columns of unlike length, values missing, no lesion (FIGURE-EMPTY), a shrinkage of more than all (FIGURE-SHRINKAGE).
    """
    finite(change_percent, positive)
    if len(change_percent) == 0:
        raise InputRefused("FIGURE-EMPTY", "there is no lesion to draw", "Leave the figure out")
    if (change_percent < -100.0).any():
        raise InputRefused("FIGURE-SHRINKAGE", "a lesion shrank by more than 100 %", "Give changes in per cent of the first size")
    order = np.lexsort((~positive, -change_percent))
    heights, dark = change_percent[order], positive[order]
    top = max(float(heights[0]) * 1.15, 60.0)
    bottom = min(float(heights[-1]) * 1.15, -50.0)
    with styled():
        figure = canvas(_HEIGHT_MM, width_mm=TWO_COLUMNS_MM)
        axes = figure.add_axes((15.0 / TWO_COLUMNS_MM, 7.0 / _HEIGHT_MM, 163.0 / TWO_COLUMNS_MM, 57.0 / _HEIGHT_MM))
        axes.set_yscale("symlog", linthresh=LINEAR_TO, linscale=1.0)
        for chosen, color, name in ((dark, POSITIVE, positive_name), (~dark, NEGATIVE, negative_name)):
            label = f"{name} ({counted(int(chosen.sum()), 'lesion')})"
            axes.add_collection(_bars(np.flatnonzero(chosen), heights[chosen], color=color, label=label), autolim=False)
        for level in (GROWTH, SHRINKAGE):
            axes.axhline(level, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set(xlim=(-0.8, len(heights) - 0.2), ylim=(bottom, top), ylabel="Size change (%)")
        axes.set_yticks([tick for tick in _TICKS if bottom <= tick <= top])
        axes.set_yticks([], minor=True)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        said = f"{counted(len(heights), 'lesion')}, each a bar; dashed: +20 % and −30 %; axis linear to ±30 %, logarithmic beyond"
        axes.set_xlabel(said, color=MUTED)
        plain_axis(axes.yaxis)
        figure.legend(*axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0.07, 1.0), ncols=2, handlelength=1.2)
    return figure


def _bars(places: Any, heights: Floats, *, color: str, label: str) -> Any:
    """Bars as one collection (thousands of patches would take seconds); a lesion without change keeps a sliver on the line."""
    from matplotlib.collections import PolyCollection

    low, high = np.minimum(heights, 0.0), np.maximum(heights, 0.0)
    still = heights == 0.0
    low, high = np.where(still, -_NO_CHANGE, low), np.where(still, _NO_CHANGE, high)
    left, right = places - 0.42, places + 0.42
    corners = np.stack([np.stack(pair, axis=-1) for pair in ((left, low), (left, high), (right, high), (right, low))], axis=1)
    return PolyCollection(list(corners), facecolors=color, linewidths=0, label=label, zorder=2)
