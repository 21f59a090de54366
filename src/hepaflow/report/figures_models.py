"""Do the models agree: every quantity that they share, with its interval, model by model and curve by curve."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hepaflow.domain.comparison import Agreement, Comparison
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.compare import DEVIATIONS, meaning
from hepaflow.report.compared import meaning_text
from hepaflow.report.figures import MUTED, PAGE_WIDTH_MM, RULE, canvas, plain_ticks
from hepaflow.report.models_style import style_of
from hepaflow.report.tables import PARAMETERS
from hepaflow.report.words import Words
from hepaflow.units import QUANTITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_PER_ROW = 3
# millimetres of paper
_LEGEND, _HEAD, _FOOT, _MODEL, _APART = 6.0, 9.0, 10.0, 2.6, 2.0
_MOST_HEIGHT = 225.0
_NAMES = 22.0
#: Letters that fit there.
_LINE = 16
#: A panel is one quantity in one of its meanings.
Panel = tuple[str, str]


def agreement_figures(compared: Sequence[Comparison], names: Sequence[str], *, words: Words) -> list[Canvas]:
    """A panel a quantity, a row a curve, a mark a model, on as many figures as a page's height asks for; ``names`` label the curves.

    Empty when no quantity is shared.
    """
    panels = _panels(compared)
    if not panels:
        return []
    shared = {model for one in compared for a in one.agreement for model in a.models}
    models = [one.key for one in MODELS if one.key in shared]
    row_mm = _APART + _MODEL * len(models)
    most = max(int((_MOST_HEIGHT - _LEGEND - _HEAD - _FOOT) / row_mm), 1)
    figures = []
    for start in range(0, len(compared), most):
        part, labels = compared[start : start + most], names[start : start + most]
        panel_mm = row_mm * len(part)
        rows = max(int((_MOST_HEIGHT - _LEGEND) / (_HEAD + panel_mm + _FOOT)), 1)
        for first in range(0, len(panels), rows * _PER_ROW):
            figures.append(_sheet(panels[first : first + rows * _PER_ROW], part, labels, models=models, words=words))
    return figures


def _sheet(panels: list[Panel], compared: Sequence[Comparison], names: Sequence[str], *, models: list[str], words: Words) -> Canvas:
    panel_mm = (_APART + _MODEL * len(models)) * len(compared)
    rows = -(-len(panels) // _PER_ROW)
    height = _LEGEND + rows * (_HEAD + panel_mm + _FOOT)
    figure = canvas(height)
    step = (PAGE_WIDTH_MM - _NAMES) / _PER_ROW
    for number, panel in enumerate(panels):
        row, column = divmod(number, _PER_ROW)
        top = _LEGEND + row * (_HEAD + panel_mm + _FOOT) + _HEAD
        left = _NAMES + column * step
        box = (left / PAGE_WIDTH_MM, 1 - (top + panel_mm) / height, (step - 7.0) / PAGE_WIDTH_MM, panel_mm / height)
        axes = figure.add_axes(box)
        _draw_panel(axes, panel, compared, models=models, words=words)
        axes.set_yticks(range(len(compared)), [_short(name) for name in names] if column == 0 else [""] * len(compared))
    _legend(figure, models, words)
    return figure


def _short(name: str) -> str:
    """A name in the room beside a panel: two lines at most."""
    lines = textwrap.wrap(name, _LINE)
    return "\n".join(lines) if len(lines) <= 2 else f"{lines[0]}\n{lines[1][: _LINE - 1]}…"


def _panels(compared: Sequence[Comparison]) -> list[Panel]:
    found = {(a.key, meaning(a.key, a.models[0])) for one in compared for a in one.agreement}
    order = [*PARAMETERS, *(key for key in QUANTITIES if key not in PARAMETERS)]
    return sorted(found, key=lambda panel: (order.index(panel[0]), panel[1]))


def _draw_panel(axes: Axes, panel: Panel, compared: Sequence[Comparison], *, models: list[str], words: Words) -> None:
    key, code = panel
    offset = {model: (place - (len(models) - 1) / 2) * 0.8 / max(len(models), 2) for place, model in enumerate(models)}
    for row, one in enumerate(compared):
        shared = next((a for a in one.agreement if a.key == key and meaning(key, a.models[0]) == code), None)
        if shared is not None:
            _draw_row(axes, shared, one, at={model: row + offset[model] for model in shared.models})
        if row:
            axes.axhline(row - 0.5, color=RULE, linewidth=0.5, zorder=0)
    axes.set_ylim(len(compared) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color=RULE, linewidth=0.4, alpha=0.7)
    axes.set_axisbelow(True)
    plain_ticks(axes, words)
    axes.set_title(words.quantity(key), fontsize=6.8, pad=3.0 if code == "same" else 10.0)
    if code != "same":
        axes.annotate(  # in points above the panel, however tall that is
            meaning_text(code, words),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=5.8,
            color=MUTED,
            va="bottom",
        )
    axes.set_xlabel(words.unit(key) or words("fraction"), labelpad=1.5)


def _draw_row(axes: Axes, shared: Agreement, one: Comparison, *, at: dict[str, float]) -> None:
    found = {fit.model: fit.found for fit in one.fits if fit.found is not None}
    for model, value in zip(shared.models, shared.values, strict=True):
        style = style_of(model)
        bounds = interval(found[model], shared.key)
        if bounds is not None:
            axes.plot(bounds, [at[model]] * 2, color=style.color, linewidth=1.3, solid_capstyle="butt")
        face = style.color if bounds is not None else "white"
        axes.plot([value], [at[model]], style.marker, color=style.color, markersize=3.6, markerfacecolor=face, zorder=3)


def interval(found: Measurement, key: str) -> tuple[float, float] | None:
    """The central 95 % of the draws; where there are none, 1.96 SD either way; None without an SD."""
    draws = found.samples.get(key)
    if draws is not None and np.isfinite(draws).all():
        low, high = np.percentile(draws, [2.5, 97.5])
        return float(low), float(high)
    estimate = found.parameters[key]
    if not math.isfinite(estimate.sd):
        return None
    return estimate.value - DEVIATIONS * estimate.sd, estimate.value + DEVIATIONS * estimate.sd


def _legend(figure: Canvas, models: list[str], words: Words) -> None:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], color=s.color, marker=s.marker, linewidth=1.3, markersize=3.6) for s in map(style_of, models)]
    figure.legend(
        marks,
        [words.brief_model(model) for model in models],
        loc="upper left",
        bbox_to_anchor=(0.005, 0.998),
        ncol=len(models),
        labelcolor=[style_of(model).color for model in models],
        borderaxespad=0.0,
        edgecolor=MUTED,
    )
