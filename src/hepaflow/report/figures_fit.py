"""One curve with the models fitted to it: samples, lines, residuals, inputs, and the numbers underneath."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.comparison import Comparison, ModelFit
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.predict import predict
from hepaflow.report.compared import weight_text
from hepaflow.report.figures import ARTERIAL, INK, MUTED, PAGE_WIDTH_MM, PORTAL, RULE, canvas, plain_ticks
from hepaflow.report.models_style import style_of
from hepaflow.report.tables import PARAMETERS, abbreviation
from hepaflow.report.words import DECIMALS, Words
from hepaflow.units import QUANTITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

FloatArray = npt.NDArray[np.float64]
#: Between samples a line is drawn at this step.
STEP_S = 0.5
# millimetres of paper
_TOP, _MAIN, _STRIP, _GAP, _AXIS, _ROW = 8.0, 52.0, 9.5, 2.2, 10.0, 6.2
_HEAD, _FOOT = 8.0, 2.0
#: Letters of a column's head that fit at full size beside fourteen other columns.
_SHORT = 7
_LEFT, _WIDTH, _SIDE, _SIDE_WIDTH = 15.0, 98.0, 129.0, 48.0


#: Points of the best model's line, and how much wider the next is, so that it shows on both sides.
_LINE_PT, _RIM_PT = 1.0, 1.2


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A tissue ``curve`` and its ``inputs`` in the fit's unit, of which one is worth ``unit`` in the file's."""

    curve: TimeCurve
    inputs: Inputs
    unit: float = 1.0
    haematocrit: float | None = None


def fit_figure(found: Comparison, shown: Shown, *, words: Words) -> Canvas:
    """Every model that could be fitted to one curve, in rank order; a model that reads the samples directly is drawn at them only."""
    fits = [fit for fit in found.fits if fit.found is not None]
    drawn = [fit for fit in fits if fit.found is not None and np.isfinite(fit.found.fit_hu).any()]
    table = _rows(fits, shown.unit, words)
    strips = len(drawn) * (_STRIP + _GAP)
    height = _TOP + _MAIN + _GAP + strips + _AXIS + _HEAD + len(table) * _ROW + _FOOT
    figure = canvas(height)

    def axes_at(left: float, top: float, width: float, tall: float) -> Axes:
        return figure.add_axes((left / PAGE_WIDTH_MM, 1 - (top + tall) / height, width / PAGE_WIDTH_MM, tall / height))

    main = axes_at(_LEFT, _TOP, _WIDTH, _MAIN)
    _draw_curve(main, drawn, shown, words=words)
    main.set_title(found.curve)
    main.legend(loc="best", handlelength=2.6)
    top = _TOP + _MAIN + _GAP
    for number, fit in enumerate(drawn):
        strip = axes_at(_LEFT, top + number * (_STRIP + _GAP), _WIDTH, _STRIP)
        strip.set_xlim(main.get_xlim())
        _draw_residual(strip, fit, shown, words=words)
        if number < len(drawn) - 1:
            strip.tick_params(labelbottom=False)
        else:
            strip.set_xlabel(words("time_axis_x"), labelpad=1.5)
    main.tick_params(labelbottom=not drawn)
    side = axes_at(_SIDE, _TOP, _SIDE_WIDTH, _MAIN - 8.0)
    _draw_inputs(side, shown, words=words)
    _draw_table(figure, table, top=height - _FOOT - len(table) * _ROW - _HEAD, words=words)
    return figure


def _draw_curve(axes: Axes, fits: list[ModelFit], shown: Shown, *, words: Words) -> None:
    times, values = shown.curve.times_s, shown.curve.values * shown.unit
    axes.plot(times, values, "o", color=INK, markersize=3.4, markerfacecolor="white", label=words("fit_samples"), zorder=5)
    below = 0  # lines that agree lie over each other: each later one is wider, and further down
    for fit in fits:
        if fit.found is None:
            continue
        style = style_of(fit.model)
        at, curve = _line(fit.model, fit.found, shown)
        if at is None:
            axes.plot(times, curve, style.marker, color=style.color, markersize=2.4, label=words.brief_model(fit.model), zorder=6)
            continue
        width = _LINE_PT + below * _RIM_PT
        axes.plot(
            at,
            curve,
            color=style.color,
            linestyle=style.line,
            linewidth=width,
            label=words.brief_model(fit.model),
            zorder=3 - 0.1 * below,
        )
        below += 1
    axes.set_ylabel(words("axis_curve"))
    axes.yaxis.set_label_coords(-0.115, 0.5)
    axes.set_xlim(float(times[0]) - 2.0, float(times[-1]) * 1.02)
    plain_ticks(axes, words)


def _line(model: str, found: Measurement, shown: Shown) -> tuple[FloatArray | None, FloatArray]:
    """Times and values of the fitted curve in the file's unit; no times where it is known at the samples only."""
    offset = float(np.nanmean(shown.curve.values - found.curve_hu))
    chosen = model_of(model)
    if not isinstance(chosen, ResidueModel):
        return None, (found.fit_hu + offset) * shown.unit
    at = np.arange(shown.curve.times_s[0], shown.curve.times_s[-1] + STEP_S, STEP_S)
    return at, (predict(found, shown.inputs, at, model=chosen) + offset) * shown.unit


def _draw_residual(axes: Axes, fit: ModelFit, shown: Shown, *, words: Words) -> None:
    """What a model leaves, with one residual SD either way; the axis reaches over all of it."""
    if fit.found is None:
        return
    style, times = style_of(fit.model), shown.curve.times_s
    left = (fit.found.curve_hu - fit.found.fit_hu) * shown.unit
    deviation = fit.found.residual_sd * shown.unit
    if math.isfinite(deviation):
        axes.axhspan(-deviation, deviation, color=RULE, alpha=0.6, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.vlines(times, 0, left, color=style.color, linewidth=1.0)
    axes.plot(times, left, style.marker, color=style.color, markersize=2.2)
    reach = 1.25 * max(float(np.nanmax(np.abs(left))), deviation if math.isfinite(deviation) else 0.0, 1e-12)
    axes.set_ylim(-reach, reach)
    axes.locator_params(axis="y", nbins=3)
    axes.set_ylabel(words("axis_residual_short"), fontsize=6.0)
    axes.yaxis.set_label_coords(-0.115, 0.5)
    axes.text(1.01, 0.5, words.brief_model(fit.model), transform=axes.transAxes, color=style.color, fontsize=6.5, va="center")
    plain_ticks(axes, words)


def _draw_inputs(axes: Axes, shown: Shown, *, words: Words) -> None:
    inputs = shown.inputs
    share = 1.0 - (shown.haematocrit or 0.0)
    curves = (
        (inputs.arterial, inputs.dense_arterial, ARTERIAL, "o", "solid", words("input_arterial")),
        (inputs.portal, inputs.dense_portal, PORTAL, "s", (0, (5, 1.6)), words("input_portal")),
    )
    for curve, dense, color, marker, line, name in curves:
        if curve is None or dense is None:
            continue
        axes.plot(inputs.dense_times_s, dense * shown.unit, color=color, linestyle=line, linewidth=1.0, label=name)
        axes.plot(curve.times_s, curve.values / share * shown.unit, marker, color=color, markersize=2.2, markerfacecolor="white")
    axes.set_title(words("axis_inputs"))
    axes.set_xlabel(words("time_axis_x"), labelpad=1.5)
    axes.set_ylabel(words("axis_input"))
    axes.legend(loc="upper right", handlelength=2.2)
    plain_ticks(axes, words)


def _rows(fits: list[ModelFit], unit: float, words: Words) -> list[tuple[str, dict[str, str]]]:
    """Model and its cells by column: quantity keys, then ``r2`` and ``weight``."""
    rows = []
    weighed = sum(fit.aic_weight is not None for fit in fits) > 1
    for fit in fits:
        if fit.found is None:
            continue
        cells = {}
        for key, estimate in fit.found.parameters.items():
            if math.isfinite(estimate.value):
                digits, scale = DECIMALS.get(key, 1), unit if QUANTITIES[key].unit.startswith("HU") else 1.0
                spread = f"\n± {words.number(estimate.sd * scale, digits)}" if math.isfinite(estimate.sd) else ""
                cells[key] = words.number(estimate.value * scale, digits) + spread
        if math.isfinite(fit.found.r2):
            cells["r2"] = words.number(fit.found.r2, 3)
        if weighed and fit.aic_weight is not None:
            cells["weight"] = weight_text(fit.aic_weight, words)
        rows.append((fit.model, cells))
    return rows


def _draw_table(figure: Canvas, rows: list[tuple[str, dict[str, str]]], *, top: float, words: Words) -> None:
    """Values with SD, a row a model; ``top`` is the table's upper edge in mm from the figure's."""
    height = float(figure.get_size_inches()[1]) * 25.4
    order = (*PARAMETERS, *(key for key in QUANTITIES if key not in PARAMETERS), "r2", "weight")
    columns = [key for key in order if any(key in cells for _, cells in rows)]
    first = 30.0
    step = (PAGE_WIDTH_MM - first - 3.0) / max(len(columns), 1)
    heads = {"r2": "R²", "weight": words("col_weight_short")}

    def write(text: str, x: float, y: float, **style: Any) -> None:
        figure.text(x / PAGE_WIDTH_MM, 1 - y / height, text, va="center", linespacing=1.05, **style)

    for number, key in enumerate(columns):
        unit = words.unit(key).replace("/100", "\n/100") if key in QUANTITIES else ""
        name = heads.get(key) or abbreviation(key)
        x = first + (number + 0.5) * step
        write(name, x, top + 1.3, ha="center", fontsize=5.8 if len(name) <= _SHORT else 4.8, fontweight="bold")
        write(unit, x, top + 4.8, ha="center", fontsize=4.8, color=MUTED)
    for row, (model, cells) in enumerate(rows):
        y = top + _HEAD + (row + 0.5) * _ROW
        write(words.brief_model(model), 3.0, y, ha="left", fontsize=6.5, fontweight="bold", color=style_of(model).color)
        for number, key in enumerate(columns):
            write(cells.get(key, "–"), first + (number + 0.5) * step, y, ha="center", fontsize=5.8)
