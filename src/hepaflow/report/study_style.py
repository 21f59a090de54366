"""What the figures of a study share: column widths of a journal, colours that differ in lightness too, lines that differ without colour, text that fits its box.

Colours after Okabe M, Ito K. Color universal design, 2008, darkened where thin lines need it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused
from hepaflow.report.figures import MUTED
from hepaflow.report.study_numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

#: One and two columns of a journal's page.
ONE_COLUMN_MM, TWO_COLUMNS_MM = 85.0, 180.0
#: Smallest print, points.
SMALL_PT = 6.5
#: Lesions of the positive and of the negative class: dark blue and light orange, which stay dark and light in grey.
POSITIVE, NEGATIVE = "#12497f", "#e8942a"
#: Several lines in one plot: six colours and four dashes, so that twelve lines share none of both.
LINE_COLORS = ("#16212c", "#0072b2", "#c1440e", "#009e73", "#b65a93", "#d99100")
LINE_DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (5, 1.4, 1.2, 1.4)))
LINE_MARKERS = ("o", "s", "^", "D", "v", "P")
MOST_LINES = 12
_POINTS_TO_MM = 25.4 / 72
#: Letters fitted to pixels are up to this much wider than their outlines.
_HINTED = 1.04

Floats = npt.NDArray[np.float64]


def line_look(number: int) -> dict[str, Any]:
    """Colour and dash of line ``number`` (0 to 11)."""
    return {"color": LINE_COLORS[number % len(LINE_COLORS)], "linestyle": LINE_DASHES[number % len(LINE_DASHES)]}


def few_enough(lines: int) -> None:
    """Refused (FIGURE-LINES): no line, or more than twelve, which nobody could tell apart."""
    if not 1 <= lines <= MOST_LINES:
        raise InputRefused("FIGURE-LINES", f"a figure of {lines} lines", f"Draw 1 to {MOST_LINES} in one figure")


def finite(*columns: npt.ArrayLike) -> None:
    """Refused (FIGURE-NOT-FINITE): a value that is missing or infinite; (FIGURE-UNEQUAL): columns of unlike length."""
    arrays = [np.asarray(column) for column in columns]
    if len({len(one) for one in arrays}) > 1:
        raise InputRefused("FIGURE-UNEQUAL", "the columns of a figure differ in length", "Give one entry of each for every lesion")
    if not all(np.isfinite(one.astype(np.float64)).all() for one in arrays):
        raise InputRefused("FIGURE-NOT-FINITE", "a value to be drawn is missing or infinite", "Leave such lesions out before")


def short(value: float) -> str:
    """Three significant digits, plain, with a true minus.

    >>> short(-12345.0), short(0.68)
    ('−12345', '0.68')
    """
    return (f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", "\u2212")


def interval(bounds: tuple[float, float] | None, decimals: int = 2) -> str:
    """``low to high``, or that there is none.

    >>> interval((0.5, 1.0)), interval(None)
    ('0.50 to 1.00', 'not estimable')
    """
    if bounds is None or not all(map(math.isfinite, bounds)):
        return "not estimable"
    return f"{number(bounds[0], decimals)} to {number(bounds[1], decimals)}"


def counted(number: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "lesion"), counted(61, "lesion")
    ('1 lesion', '61 lesions')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain_axis(axis: Any) -> None:
    """Tick labels in plain numbers with a true minus, also on a log axis."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\u2212")))
    axis.set_minor_formatter(NullFormatter())


def log_axis(axes: Axes, low: float, high: float) -> None:
    """A logarithmic vertical axis from below ``low`` to above ``high`` with ticks at 1, 2 and 5."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_yscale("log")
    axes.set_ylim(low / (high / low) ** 0.06, high * (high / low) ** 0.06)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    steps = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    axes.yaxis.set_major_locator(FixedLocator([step * 10.0**decade for decade in decades for step in steps]))
    axes.yaxis.set_minor_locator(NullLocator())


@cache
def _measure(size_pt: float, bold: bool) -> Callable[[str], float]:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size_pt, weight="bold" if bold else "normal")
    paths = TextToPath()
    return lambda text: paths.get_text_width_height_descent(text, font, ismath=False)[0] * _POINTS_TO_MM * _HINTED


def wrapped(text: str, width_mm: float, *, size_pt: float = 7.0, bold: bool = False) -> list[str]:
    """``text`` in lines no wider than ``width_mm`` in print of ``size_pt``; a word that alone is too long is broken.

    >>> wrapped("three patients with lesions too small", 30.0)
    ['three patients with', 'lesions too small']
    """
    wide = _measure(size_pt, bold)
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if wide(joined) <= width_mm:
            line = joined
            continue
        if line:
            lines.append(line)
        rest = word
        while len(rest) > 1 and wide(rest) > width_mm:
            kept = next((n for n in range(len(rest) - 1, 1, -1) if wide(rest[:n]) <= width_mm), 1)
            lines.append(rest[:kept])
            rest = rest[kept:]
        line = rest
    return [*lines, line] if line else lines


def line_height_mm(size_pt: float) -> float:
    """From one line of print to the next."""
    return 1.25 * size_pt * _POINTS_TO_MM


def mark_synthetic(figure: Canvas) -> None:
    """Says across a figure, faintly, that its data are made up."""
    width, height = figure.get_size_inches()
    size = 0.62 * 72.0 * min(width, 2.0 * height) / 6.0
    figure.text(
        0.5,
        0.5,
        "SYNTHETIC",
        fontsize=size,
        fontweight="bold",
        color=MUTED,
        alpha=0.13,
        rotation=20,
        ha="center",
        va="center",
        zorder=9,
    )
