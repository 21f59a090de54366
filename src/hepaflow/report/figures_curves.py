"""Time as pictures: the axis of passes, the inputs with their uncertainty, each region's curve with its fit and residual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.predict import predict
from hepaflow.report.content import Figure
from hepaflow.report.figures import ACCENT, ARTERIAL, INK, MUTED, PAGE_WIDTH_MM, PORTAL, RULE, TISSUE, canvas, finished, plain_ticks
from hepaflow.report.offered import gives_flow, has_fit, model_in
from hepaflow.report.rated import haematocrit_of, rated_part
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]
_PER_ROW = 3
_PER_FIGURE = 9
#: Between passes a fitted line is drawn at this step.
STEP_S = 0.5


def baseline_end_s(case: CaseResult) -> float:
    """Time half-way after the last baseline pass."""
    times, baseline = case.series.times_s, case.inputs.baseline_passes
    if baseline < 1:
        return float(times[0])
    last = min(baseline, times.size) - 1
    return float((times[last] + times[min(last + 1, times.size - 1)]) / 2)


def samples(case: CaseResult, curve: TimeCurve) -> FloatArray:
    """The samples of an input as the continuous curve has them: mean of the baseline passes taken off, as plasma where that was asked."""
    baseline = case.inputs.baseline_passes
    level = np.nan
    if 0 < baseline <= curve.values.size and np.isfinite(curve.values[:baseline]).any():
        level = float(np.nanmean(curve.values[:baseline]))
    return (curve.values - (level if np.isfinite(level) else 0.0)) / (1.0 - (haematocrit_of(case) or 0.0))


def time_axis(case: CaseResult, *, words: Words) -> Figure:
    """Every pass as a tick on one line, with baseline, input peaks, start of injection and excluded passes."""
    times = case.series.times_s
    figure = canvas(27.0)
    axes = figure.add_axes((0.03, 0.36, 0.94, 0.5))
    injection = case.series.acquisition.injection_to_first_s
    start = -injection if injection is not None else 0.0
    span = float(times[-1]) - start
    axes.set_xlim(start - 0.05 * span, float(times[-1]) + 0.02 * span)
    axes.set_ylim(0, 1.5)
    if case.inputs.baseline_passes:
        axes.axvspan(float(times[0]) - 0.004 * span, baseline_end_s(case), color=RULE, alpha=0.6, linewidth=0)
    excluded = np.isin(np.arange(times.size), case.aligned.excluded)
    axes.vlines(times[~excluded], 0, 0.6, color=INK, linewidth=1.1)
    if excluded.any():
        axes.plot(times[excluded], np.full(int(excluded.sum()), 0.3), "x", color=ARTERIAL, markersize=5)
    if injection is not None:
        _mark(axes, start, words("mark_injection"), color=MUTED, level=0.95)
    curves = ((case.inputs.arterial, "mark_arterial", ARTERIAL, 0.95), (case.inputs.portal, "mark_portal", PORTAL, 1.3))
    for curve, key, color, level in curves:
        if curve is not None and np.isfinite(curve.values).any():
            _mark(axes, float(curve.times_s[int(np.nanargmax(curve.values))]), words(key), color=color, level=level)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(words("time_axis_x"), labelpad=1.5)
    plain_ticks(axes, words)
    return finished(figure, words("time_axis_caption"), alternative=words("time_axis_x"))


def _mark(axes: Axes, when: float, text: str, *, color: str, level: float) -> None:
    """A labelled triangle on the time axis; the portal label sits higher so that near peaks do not collide."""
    axes.plot([when], [0.72], marker="v", color=color, markersize=4.5, clip_on=False)
    axes.text(when, level, text, color=color, ha="center", va="center", fontsize=6.5)


def inputs_figure(case: CaseResult, *, words: Words) -> Figure:
    """Samples, continuous curve and its band, arterial on the left and portal on the right, each on its own scale."""
    inputs = case.inputs
    figure = canvas(60.0)
    shown: list[tuple[TimeCurve, FloatArray, int, str, str]] = [
        (inputs.arterial, inputs.dense_arterial, 0, ARTERIAL, words("input_arterial"))
    ]
    if inputs.portal is not None and inputs.dense_portal is not None:
        shown.append((inputs.portal, inputs.dense_portal, 1, PORTAL, words("input_portal")))
    width = 0.41 if len(shown) > 1 else 0.91
    for number, (curve, dense, mode, color, title) in enumerate(shown):
        axes = figure.add_axes((0.065 + number * 0.51, 0.165, width, 0.745))
        band = 1.96 * np.sqrt(np.sum(np.square(inputs.modes[:, mode]), axis=0)) if inputs.modes.size else np.zeros_like(dense)
        axes.axvspan(float(case.series.times_s[0]), baseline_end_s(case), color=RULE, alpha=0.55, linewidth=0)
        axes.fill_between(inputs.dense_times_s, dense - band, dense + band, color=color, alpha=0.18, linewidth=0)
        axes.plot(inputs.dense_times_s, dense, color=color)
        error = 1.96 * curve.sd / (1.0 - (haematocrit_of(case) or 0.0)) if curve.sd is not None else None
        points = samples(case, curve)
        axes.errorbar(
            curve.times_s, points, yerr=error, fmt="o", color=color, markersize=3.2, markerfacecolor="white", elinewidth=0.8
        )
        axes.set_xlim(float(inputs.dense_times_s[0]), float(case.series.times_s[-1]) * 1.02)
        axes.set_title(title)
        axes.set_xlabel(words("time_axis_x"))
        axes.set_ylabel(words("axis_enhancement") if number == 0 else "")
        plain_ticks(axes, words)
    baseline = str(inputs.baseline_passes)
    return finished(figure, words("inputs_caption", baseline=baseline), alternative=words("section_inputs"))


def curve_times(case: CaseResult, length: int) -> FloatArray | None:
    """Times of a region's curve: all passes, or those not excluded; None when neither fits."""
    times = case.aligned.times_s
    if length == times.size:
        return times
    used = np.delete(times, list(case.aligned.excluded))
    return used if length == used.size else None


def region_curves(case: CaseResult, *, words: Words) -> list[Figure]:
    """Healthy liver first, then each lesion; at most nine panels a figure."""
    shown: list[tuple[str, Measurement, str]] = [(words.region("healthy"), case.healthy, TISSUE)]
    for result in case.lesions:
        shell = rated_part(result)
        if shell in result.regions:
            name = f"{words.region(result.lesion.id)}, {words(f'shell_{shell}')}"
            shown.append((name, result.regions[shell], ACCENT))
    parts = [shown[start : start + _PER_FIGURE] for start in range(0, len(shown), _PER_FIGURE)]
    return [_curves_part(case, part, words=words) for part in parts]


def _curves_part(case: CaseResult, part: list[tuple[str, Measurement, str]], *, words: Words) -> Figure:
    fitted = any(has_fit(measured) for _, measured, _ in part)
    rows = -(-len(part) // _PER_ROW)
    row_mm = 51.0
    height = rows * row_mm
    figure = canvas(height)
    for number, (name, measured, color) in enumerate(part):
        row, column = divmod(number, _PER_ROW)
        left, width = 0.064 + column * 0.334, 0.262
        top = 1 - (row * row_mm + 5.5) / height
        tall = 24.5 if fitted else 36.5
        upper = figure.add_axes((left, top - tall / height, width, tall / height))
        _draw_samples(case, measured, upper, color=color, words=words)
        panels = [(upper, "axis_enhancement")]
        if fitted:
            lower = figure.add_axes((left, top - 36.5 / height, width, 10.5 / height), sharex=upper)
            _draw_fit(case, measured, upper, lower=lower, color=color, words=words)
            panels.append((lower, "axis_residual_short"))
        upper.set_title(name, fontsize=6.8)
        panels[-1][0].set_xlabel(words("time_axis_x"), labelpad=1.5, fontsize=6.2)
        for axes, label in panels if column == 0 else ():
            axes.set_ylabel(words(label), fontsize=6.2)
            axes.yaxis.set_label_coords(-0.165, 0.5)
    region = words("curves_region_rated" if gives_flow(case) else "curves_region_shown")
    caption = f"{words('curves_caption' if fitted else 'curves_caption_read')} {region}"
    return finished(figure, caption, alternative=", ".join(name for name, _, _ in part), width_mm=PAGE_WIDTH_MM)


def _draw_samples(case: CaseResult, measured: Measurement, axes: Axes, *, color: str, words: Words) -> None:
    times, curve = curve_times(case, np.size(measured.curve_hu)), np.asarray(measured.curve_hu, float)
    if times is not None and np.isfinite(curve).any():
        axes.plot(times, curve, "o", color=color, markersize=2.6, markerfacecolor="white", markeredgewidth=0.8)
    else:
        axes.text(0.5, 0.5, words("na"), transform=axes.transAxes, ha="center", va="center", color=MUTED)
    axes.locator_params(axis="y", nbins=5)
    plain_ticks(axes, words)


def _draw_fit(case: CaseResult, measured: Measurement, upper: Axes, *, lower: Axes, color: str, words: Words) -> None:
    """The fitted line among the samples, and what it leaves of them below."""
    times = curve_times(case, np.size(measured.curve_hu))
    curve, fit = np.asarray(measured.curve_hu, float), np.asarray(measured.fit_hu, float)
    if times is not None and np.isfinite(curve).any():
        if fit.shape == curve.shape:
            upper.plot(*_fitted_line(case, measured, times), color=color, linewidth=1.0)
            lower.vlines(times, 0, curve - fit, color=color, linewidth=1.0)
            lower.plot(times, curve - fit, "o", color=color, markersize=1.8)
        if np.isfinite(measured.residual_sd):
            lower.axhspan(-2 * measured.residual_sd, 2 * measured.residual_sd, color=RULE, alpha=0.6, linewidth=0)
    lower.axhline(0, color=MUTED, linewidth=0.6)
    lower.locator_params(axis="y", nbins=3)
    plain_ticks(lower, words)
    upper.tick_params(labelbottom=False)


def _fitted_line(case: CaseResult, measured: Measurement, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Times and values of the fitted curve: close together where the model draws one, else at the passes."""
    model = model_in(case)
    if not isinstance(model, ResidueModel) or not measured.flows_ml_min_100_ml:
        return times, np.asarray(measured.fit_hu, float)
    at = np.arange(float(times[0]), float(times[-1]) + STEP_S / 2, STEP_S)
    return at, predict(measured, case.inputs, at, model=model)
