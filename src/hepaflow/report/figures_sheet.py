"""Pictures of the tumor-board sheet: lesions before and after, sizes over time, change of every lesion."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from hepaflow.report.content import Figure
from hepaflow.report.figures import ACCENT, INK, LESION_COLORS, MUTED, PAGE_WIDTH_MM, RULE, canvas, finished, plain_ticks
from hepaflow.report.panels import Place, draw_grey, draw_lines, draw_title, outline, sheet
from hepaflow.report.sheet_content import Sheet, SheetLesion, Thumb
from hepaflow.report.view import WINDOW_HU, Crop
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Width of a picture in patient mm, lesions in a row, and at most so many rows: the sheet is one page.
_ACROSS_MM, _IN_A_ROW, _MOST_ROWS = 60.0, 6, 2
#: Lines on white need darker colours than contours on a picture.
_LINES = ("#1f5a99", "#b3262e", "#2d6a4f", "#8a5a00", "#6b3fa0", "#00727a", "#a0467c", "#5b6b78")
_CHARTS_MM = 50.0
#: Window of the small pictures: a lesion against its liver, nothing else.
_NARROW_HU = (20.0, 170.0)


def shown(lesions: tuple[SheetLesion, ...]) -> tuple[SheetLesion, ...]:
    """Lesions that have a picture, as many as there is room for."""
    return tuple(lesion for lesion in lesions if any(lesion.pictures))[: _IN_A_ROW * _MOST_ROWS]


def pictures(content: Sheet, *, words: Words) -> Figure | None:
    """First and latest picture of every lesion that has one; None where none has."""
    lesions = shown(content.lesions)
    if not lesions:
        return None
    gap, title = 2.0, 4.2
    cell = (PAGE_WIDTH_MM - gap * (_IN_A_ROW - 1)) / _IN_A_ROW
    side = (cell - 0.6) / 2
    rows = -(-len(lesions) // _IN_A_ROW)
    figure = canvas(rows * (side + title + 1.0))
    axes = sheet(figure)
    for number, lesion in enumerate(lesions):
        row, column = divmod(number, _IN_A_ROW)
        left, top = column * (cell + gap), row * (side + title + 1.0) + title
        for place, thumb in enumerate(lesion.pictures):
            _picture(axes, thumb, (left + place * (side + 0.6), top, side), LESION_COLORS[number % len(LESION_COLORS)])
        draw_title(axes, words.region(lesion.name), _square(None, (left, top, side)))
    return finished(figure, words("sheet_pictures_caption"), alternative=words("sheet_pictures_caption"))


def _square(thumb: Thumb | None, at: tuple[float, float, float]) -> Place:
    left, top, side = at
    spacing = (1.0, 1.0) if thumb is None else thumb.spacing_mm
    middle = (0.0, 0.0) if thumb is None else tuple(np.argwhere(thumb.border).mean(axis=0))
    half = [_ACROSS_MM / 2 / step for step in spacing]
    rows, columns = ((round(m - h), round(m + h)) for m, h in zip(middle, half, strict=True))
    return Place(Crop(rows, columns, spacing), left, top, side, side)


def _picture(axes: Axes, thumb: Thumb | None, at: tuple[float, float, float], color: str) -> None:
    from matplotlib.patches import Rectangle

    place = _square(thumb, at)
    if thumb is None:
        axes.add_patch(Rectangle(at[:2], at[2], at[2], facecolor="#eef2f5", linewidth=0))
        axes.text(at[0] + at[2] / 2, at[1] + at[2] / 2, "–", ha="center", va="center", color=MUTED)
        return
    low, high = _NARROW_HU
    spread = (thumb.grey - low) / (high - low) * (WINDOW_HU[1] - WINDOW_HU[0]) + WINDOW_HU[0]
    draw_grey(axes, spread.astype(np.float32), place)
    draw_lines(axes, outline(thumb.border, place.crop), place, color=color, width=0.8)


def charts(content: Sheet, *, words: Words) -> Figure:
    """Sizes over time beside the change of every lesion."""
    figure = canvas(_CHARTS_MM)
    left, right = figure.add_axes((0.06, 0.17, 0.50, 0.68)), figure.add_axes((0.66, 0.17, 0.33, 0.74))
    _history(left, content, words)
    _waterfall(right, content, words)
    return finished(figure, words("sheet_charts_caption"), alternative=words("sheet_charts_caption"))


def _history(axes: Axes, content: Sheet, words: Words) -> None:
    days = [visit.day for visit in content.visits]
    dated = all(day is not None for day in days)
    first = next((day for day in days if day is not None), date(2000, 1, 1))
    at = [float((day - first).days) if dated and day is not None else float(n) for n, day in enumerate(days)]
    ends = []
    for number, lesion in enumerate(content.lesions):
        values = [np.nan if size is None else size for size in lesion.sizes_mm]
        color = _LINES[number % len(_LINES)]
        axes.plot(at, values, color=color, marker="o", markersize=2.5, linewidth=1.0)
        known = [(x, y) for x, y in zip(at, values, strict=True) if np.isfinite(y)]
        if known:
            ends.append((known[-1][1], known[-1][0], words.region(lesion.name), color))
    axes.set_ylim(bottom=0.0)
    _name_ends(axes, ends)
    for visit, x in zip(content.visits, at, strict=True):
        if visit.category is not None:
            text = words(f"cat_{visit.category}") if words.has(f"cat_{visit.category}") else visit.category
            axes.text(x, 1.03, text, transform=axes.get_xaxis_transform(), ha="center", fontweight="bold", color=ACCENT, fontsize=7)
    if dated:
        for event in content.events:
            x = float((event.day - first).days)
            axes.axvline(x, color=MUTED, linewidth=0.7, linestyle=":")
            label = words.choose(event.what.en, event.what.fr)
            axes.text(
                x, 0.98, label, transform=axes.get_xaxis_transform(), rotation=90, ha="right", va="top", fontsize=5.5, color=MUTED
            )
    span = max(at[-1] - at[0], 1.0) if at else 1.0
    axes.set_xlim(-0.04 * span, at[-1] + 0.17 * span)
    axes.set_xticks(at, [visit.day.isoformat() if dated and visit.day else visit.name for visit in content.visits], fontsize=5.8)
    axes.set_ylabel(words("sheet_size_axis"))


def _name_ends(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Names at the ends of lines, moved apart so that none covers another."""
    low, high = axes.get_ylim()
    least = 0.075 * (high - low)
    level = -np.inf
    for value, x, name, color in sorted(ends):
        level = max(value, level + least)
        axes.text(x, level, f"  {name}", fontsize=5.8, color=color, va="center")


def _waterfall(axes: Axes, content: Sheet, words: Words) -> None:
    rated = sorted(
        ((lesion.size_change, lesion) for lesion in content.lesions if lesion.size_change is not None), key=lambda x: -x[0]
    )
    for place, (change, lesion) in enumerate(rated):
        axes.bar(place, 100.0 * change, width=0.7, color="#9fb6c6", linewidth=0)
        category = None if lesion.ratio is None else lesion.ratio.category
        face = {"major": INK, "minor": "white"}.get(category or "", RULE)
        axes.plot(
            place,
            100.0 * change,
            marker="s",
            markersize=4.5,
            markerfacecolor=face,
            markeredgecolor=INK if category else MUTED,
            markeredgewidth=0.8,
        )
    for level in (-30.0, 20.0):
        axes.axhline(level, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
    axes.axhline(0.0, color=INK, linewidth=0.8)
    low, high = min([-40.0, *(100.0 * change for change, _ in rated)]), max([30.0, *(100.0 * change for change, _ in rated)])
    axes.set_ylim(low - 8.0, high + 8.0)
    axes.set_xlim(-0.6, max(len(rated), 1) - 0.4)
    plain_ticks(axes, words)
    axes.set_xticks(range(len(rated)), [words.region(lesion.name) for _, lesion in rated], rotation=35, ha="right", fontsize=5.8)
    axes.set_ylabel(words("sheet_change_axis"))
