"""The bottom line as a picture: ratios with their intervals beside the cut-off; and the one picture for a README."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepaflow.curves.picture import picture_passes
from hepaflow.domain.case import CaseResult
from hepaflow.report.content import Figure
from hepaflow.report.figures import ARTERIAL, INK, MUTED, RULE, TISSUE, canvas, finished, plain_ticks, rendered, styled
from hepaflow.report.figures_maps import Panel, draw_panel, panels_of
from hepaflow.report.files import replace_file
from hepaflow.report.panels import Place, outline, sheet
from hepaflow.report.rated import UNSETTLED, Truth, first_call, known_ratio, rated_name, rated_part, rated_ratio, truth_key
from hepaflow.report.view import AxialView, Crop, grey_slice, largest_slice
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_LIMITS = (0.1, 4.0)
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)


def threshold_of(case: CaseResult) -> float | None:
    """The cut-off drawn: that of the first lesion with a call."""
    calls = [call for call in map(first_call, case.lesions) if call is not None]
    return float(calls[0].threshold) if calls else None


def draw_forest(axes: Axes, case: CaseResult, *, words: Words, truth: Truth | None) -> None:
    """Ratio, interval and category of each lesion, first lesion on top, in grey where that is not settled; the cut-off as a dashed line."""
    count = len(case.lesions)
    cut = threshold_of(case)
    axes.set_xscale("log")
    axes.set_xlim(*_LIMITS)
    axes.set_ylim(count - 0.4, -0.95)
    axes.axvline(1.0, color=RULE, linewidth=0.8, zorder=0)
    if cut is not None:
        axes.axvspan(_LIMITS[0], cut, color=TISSUE, alpha=0.08, linewidth=0, zorder=0)
        axes.axvline(cut, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        label: dict[str, Any] = {"fontsize": 6.3, "va": "center"}
        axes.text(cut * 0.96, -0.7, words("forest_major"), ha="right", color=TISSUE, **label)
        axes.text(cut * 1.04, -0.7, words("forest_minor"), ha="left", color=ARTERIAL, **label)
    for row, result in enumerate(case.lesions):
        ratio, call = rated_ratio(case, result), first_call(result)
        category = None if call is None else call.category
        settled = call is not None and UNSETTLED not in call.flags
        color = {"major": TISSUE, "minor": ARTERIAL}.get(category or "", MUTED) if settled else MUTED
        known = known_ratio(truth, truth_key(result, rated_part(result)))
        if known is not None:
            axes.plot([np.clip(known, *_LIMITS)], [row], marker="|", color=INK, markersize=11, markeredgewidth=1.6, zorder=4)
        if ratio is None or ratio.value is None or not math.isfinite(ratio.value):
            axes.text(0.015, row, words("na"), ha="left", va="center", color=MUTED, transform=axes.get_yaxis_transform())
            continue
        if ratio.ci95 is not None and all(math.isfinite(bound) for bound in ratio.ci95):
            axes.plot(np.clip(ratio.ci95, *_LIMITS), [row, row], color=color, linewidth=1.8, solid_capstyle="butt")
        marker, face = ("o", color) if category == "major" else ("s", "white") if category == "minor" else ("D", "white")
        axes.plot([np.clip(ratio.value, *_LIMITS)], [row], marker, color=color, markerfacecolor=face, markersize=5, zorder=3)
    axes.set_yticks(range(count), [rated_name(result, words).replace(", ", "\n", 1) for result in case.lesions])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(words("forest_axis"))
    plain_ratio_ticks(axes, words)


def plain_ratio_ticks(axes: Axes, words: Words) -> None:
    """Ticks of the ratio axis in plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    labels = list(axes.get_yticklabels())
    names = [label.get_text() for label in labels]
    plain_ticks(axes, words)
    axes.xaxis.set_major_locator(FixedLocator(list(_TICKS)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(names)), names)


def forest(case: CaseResult, *, words: Words, truth: Truth | None) -> Figure:
    """The ratios of all lesions beside the cut-off."""
    height = 17.0 + 6.2 * max(len(case.lesions), 1)
    figure = canvas(height)
    axes = figure.add_axes((0.15, 11.0 / height, 0.825, 1 - 12.0 / height))
    draw_forest(axes, case, words=words, truth=truth)
    caption = words("forest_caption") + (words("forest_truth") if truth else "")
    return finished(figure, caption, alternative=words("forest_axis"), heading=words("forest_axis"))


def summary_figure(case: CaseResult, path: Path, *, language: str = "en", truth: Truth | None = None) -> Path:
    """Write one PNG for a README: CT, blood flow, arterial fraction and ratio of a slice, and the ratios beside the cut-off."""
    words = Words(language)
    with styled():
        png, _ = rendered(_picture(case, words=words, truth=truth))
    replace_file(path, png)
    return path


def _picture(case: CaseResult, *, words: Words, truth: Truth | None) -> Canvas:
    view = AxialView.of(case.regions.grid)
    index, masks = _slice_with_most(case, view)
    panels = _four(case, view, index, words=words)
    width, height = 260.0, 118.0
    figure = canvas(height, width_mm=width)
    figure.text(0.012, 0.955, words("picture_title"), fontsize=11, fontweight="bold", va="center")
    figure.text(0.988, 0.955, words("disclaimer"), fontsize=7.5, color=MUTED, ha="right", va="center")
    picture_w, picture_h = 68.0, 39.5
    grey = grey_slice(case, view, index, passes=picture_passes(case))
    liver = view.turn(case.regions.liver.mask)[index]
    spacing = (view.spacing_mm[1], view.spacing_mm[2])
    crop = Crop.around(liver, spacing, margin_mm=8.0, aspect=picture_w / picture_h)
    borders = [outline(mask, crop) for mask in masks]
    pictures = sheet(figure)
    for number, panel in enumerate(panels):
        row, column = divmod(number, 2)
        place = Place(crop, 3.0 + column * (picture_w + 4.0), 15.5 + row * (picture_h + 11.5), picture_w, picture_h)
        draw_panel(pictures, panel, place, grey=grey, borders=borders, words=words, title_pt=8.0)
    axes = figure.add_axes((0.655, 0.14, 0.325, 0.735))
    draw_forest(axes, case, words=words, truth=truth)
    note = words("picture_note") + (words("picture_truth") if truth else "")
    figure.text(0.988, 0.018, note, fontsize=6.5, color=MUTED, ha="right")
    return figure


def _slice_with_most(case: CaseResult, view: AxialView) -> tuple[int, list[np.ndarray[Any, np.dtype[np.bool_]]]]:
    """The slice that cuts most lesions (then most lesion area), and the lesions' outlines on it."""
    masks = [view.turn(result.lesion.shells["whole"].mask) for result in case.lesions]
    if not masks:
        return largest_slice(view, case.regions.healthy.mask), []
    areas = np.stack([mask.sum(axis=(1, 2), dtype=np.int64) for mask in masks])
    score = (areas > 0).sum(axis=0) + areas.sum(axis=0) / (areas.sum() + 1.0)
    index = int(score.argmax())
    return index, [mask[index] for mask in masks]


def _four(case: CaseResult, view: AxialView, index: int, *, words: Words) -> list[Panel]:
    every = {panel.title: panel for panel in panels_of(case, view, index, words=words)}
    wanted = (words("panel_ct"), words.quantity("bf"), words.quantity("haf"), words("panel_ratio"))
    return [every[title] for title in wanted if title in every]
