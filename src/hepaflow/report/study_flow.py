"""Who came in and who stayed, as a chart of boxes (Bossuyt PM et al. STARD 2015. Radiology 2015;277:826-832, item 19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hepaflow.cohort.flow import Excluded, Flow
from hepaflow.report.figures import INK, MUTED, canvas, styled
from hepaflow.report.panels import sheet
from hepaflow.report.study_style import TWO_COLUMNS_MM, counted, line_height_mm, mark_synthetic, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_SIZE_PT = 7.5
_MARGIN_MM, _PAD_MM, _GAP_MM = 2.0, 2.2, 6.0
#: Left and width of the boxes of those who stay and of those who leave.
_STAY, _LEAVE = (2.0, 74.0), (88.0, 90.0)
#: Left of the text of a reason, after its count.
_INDENT_MM = 9.0

#: Lines of a box: (text, count written before it or "", bold).
Lines = list[tuple[str, str, bool]]


def flow_figure(flow: Flow, synthetic: bool = False) -> Canvas:
    """The chart of ``flow``: eligible, excluded with reasons, included with their lesions, lesions left out, lesions analysed. ``synthetic`` marks made-up data."""
    stays = [_stay(f"Eligible: {counted(flow.eligible, 'patient')}")]
    leaves = [_leave("Excluded", flow.excluded, "patient")]
    stays.append(_stay(f"Included: {counted(flow.included, 'patient')}, {counted(flow.lesions, 'lesion')}"))
    if flow.lesions_excluded:
        left = flow.lesions - sum(one.patients for one in flow.lesions_excluded)
        leaves.append(_leave("Not analysed", flow.lesions_excluded, "lesion"))
        stays.append(_stay(f"Analysed: {counted(left, 'lesion')}"))
    gaps = [_height(lines) + 2 * _GAP_MM if lines else 2 * _GAP_MM for lines in leaves]
    height = 2 * _MARGIN_MM + sum(map(_height, stays)) + sum(gaps) + (4.0 if synthetic else 0.0)
    with styled():
        figure = canvas(height, width_mm=TWO_COLUMNS_MM)
        axes = sheet(figure)
        top, middle = _MARGIN_MM, _STAY[0] + _STAY[1] / 2
        for place, lines in enumerate(stays):
            _draw_box(axes, lines, _STAY, top)
            top += _height(lines)
            if place == len(leaves):
                break
            gap, leaving = gaps[place], leaves[place]
            _arrow(axes, (middle, top), (middle, top + gap))
            if leaving:
                _arrow(axes, (middle, top + gap / 2), (_LEAVE[0], top + gap / 2))
                _draw_box(axes, leaving, _LEAVE, top + _GAP_MM)
            top += gap
        if synthetic:
            mark_synthetic(figure)
    return figure


def _stay(text: str) -> Lines:
    return [(line, "", True) for line in wrapped(text, _STAY[1] - 2 * _PAD_MM, size_pt=_SIZE_PT, bold=True)]


def _leave(title: str, reasons: Sequence[Excluded], noun: str) -> Lines:
    """Nothing where nobody left."""
    total = sum(one.patients for one in reasons)
    if not total:
        return []
    lines: Lines = [(f"{title}: {counted(total, noun)}", "", True)]
    for one in reasons:
        written = wrapped(one.reason, _LEAVE[1] - 2 * _PAD_MM - _INDENT_MM, size_pt=_SIZE_PT)
        lines += [(line, "" if row else str(one.patients), False) for row, line in enumerate(written)]
    return lines


def _height(lines: Lines) -> float:
    return 2 * _PAD_MM + len(lines) * line_height_mm(_SIZE_PT)


def _draw_box(axes: Axes, lines: Lines, span: tuple[float, float], top: float) -> None:
    from matplotlib.patches import Rectangle

    left, width = span
    axes.add_patch(Rectangle((left, top), width, _height(lines), facecolor="white", edgecolor=INK, linewidth=0.8, zorder=3))
    for row, (text, count, bold) in enumerate(lines):
        level = top + _PAD_MM + (row + 0.5) * line_height_mm(_SIZE_PT)
        if bold and span is _STAY:
            axes.text(left + width / 2, level, text, fontsize=_SIZE_PT, fontweight="bold", ha="center", va="center", zorder=4)
            continue
        start = left + _PAD_MM + (0.0 if bold else _INDENT_MM)
        axes.text(start, level, text, fontsize=_SIZE_PT, fontweight="bold" if bold else "normal", va="center", zorder=4)
        if count:
            axes.text(start - 1.8, level, count, fontsize=_SIZE_PT, ha="right", va="center", zorder=4)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    look = {"arrowstyle": "-|>,head_width=0.18,head_length=0.35", "color": MUTED, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, xytext=start, arrowprops=look)
