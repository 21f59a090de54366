"""The continuous inputs behind the samples, with their uncertainty.

Two seconds between passes cut the top off a bolus, and the portal peak may fall between the dense and the sparse series. Straight
or spline interpolation then biases every flow without showing in the residual. So the arterial input is a bolus model plus the
interpolated remainder, and the portal input is the arterial one sent through a gut transit plus the interpolated remainder: the
models carry the shape between the samples, the samples keep the last word at the samples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.optimize import least_squares
from scipy.special import gammainc

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]

#: Step of the dense grid; at 0.25 s a flow agrees with that at 0.1 s.
STEP_S = 0.25
#: A model that leaves more than this share of the peak unexplained is not trusted between samples.
TRUSTED_REMAINDER = 0.08
#: One sigma of what the models may still miss between samples, as a share of what they add to plain interpolation.
DOUBT = 0.15


def dense_inputs(arterial: TimeCurve, portal: TimeCurve | None, *, baseline_passes: int) -> Inputs:
    """Inputs on a dense grid from sampled curves (n,) in HU (raw or enhancement); NaN samples are bridged.

    The baseline, the mean of the first ``baseline_passes`` samples, is removed. Refused: an arterial curve that does not enhance, or
    fewer than five valid samples.
    """
    arterial, portal = _enhancement(arterial, baseline_passes), None if portal is None else _enhancement(portal, baseline_passes)
    times = arterial.times_s
    dense = np.arange(times[0], times[-1] + STEP_S, STEP_S)
    a_model, a_plain = _arterial(arterial, dense)
    flags: list[str] = []
    p_model = p_plain = None
    if portal is not None:
        p_model, p_plain, trusted = _portal(portal, dense, a_model)
        if _peak_in_gap(portal):
            flags.append("portal-peak-in-gap")
        if not trusted:
            flags.append("portal-transit-untrusted")
        flags += _order_flags(arterial, portal)
    if _peak_in_gap(arterial):
        flags.append("arterial-peak-in-gap")
    modes = _modes(arterial, portal, dense, a_model, a_plain, p_model, p_plain)
    return Inputs(
        arterial=arterial,
        portal=portal,
        dense_times_s=dense,
        dense_arterial=a_model,
        dense_portal=p_model,
        modes=modes,
        baseline_passes=baseline_passes,
        interpolation="bolus and transit models plus interpolated remainder (PCHIP)",
        flags=tuple(flags),
    )


def _enhancement(curve: TimeCurve, baseline_passes: int) -> TimeCurve:
    usable = np.isfinite(curve.values)
    if usable.sum() < 5:
        raise InputRefused(
            "INPUT-TOO-SHORT", f"the {curve.name} curve has fewer than 5 valid samples", "Check the region and the excluded passes"
        )
    head = curve.values[:baseline_passes]
    baseline = float(np.nanmean(head)) if baseline_passes and np.isfinite(head).any() else 0.0
    values = curve.values - baseline
    if np.nanmax(values) <= 0 or np.nanmax(values) < 3 * (0.0 if curve.sd is None else float(np.nanmedian(curve.sd))):
        raise InputRefused(
            "INPUT-NO-ENHANCEMENT", f"the {curve.name} curve does not enhance", "Check that the region lies in the vessel"
        )
    return replace(curve, values=values)


def _bolus(times: FloatArray, theta: FloatArray) -> FloatArray:
    """An injected box through a gamma transit (closed form), its recirculation and a slow tail; zero before arrival."""
    height, arrival, width, shape, mean, again, delay, spread, tail, decay = theta
    x = times - arrival
    first = height * (gammainc(shape, np.maximum(x, 0) * shape / mean) - gammainc(shape, np.maximum(x - width, 0) * shape / mean))
    second = again * height * _hump(x - delay, spread)
    slow = tail * height * gammainc(shape, np.maximum(x - width, 0) / (3 * mean)) * np.exp(-np.maximum(x, 0) * decay)
    return first + second + slow


def _hump(x: FloatArray, spread: float) -> FloatArray:
    u = np.maximum(x, 0) / spread
    return u**2 * np.exp(2 * (1 - u))


def _arterial(curve: TimeCurve, dense: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dense arterial input by model plus remainder, and by plain interpolation."""
    t, y = _valid(curve)
    plain = _between(t, y, dense)
    top = float(y.max())
    peak = float(t[y.argmax()])
    rising = t[(y > 0.1 * top) & (t <= peak)]
    arrival = float(rising[0]) - 3.0 if rising.size else peak - 8.0
    low = np.array([0.3 * top, t[0] - 20, 1, 1.2, 1, 0, 8, 4, 0, 0])
    high = np.array([20 * top, peak, 40, 30, 40, 0.8, 60, 40, 0.9, 0.02])
    weight = 1.0 / (0.01 * top + 0.03 * np.abs(y))

    def residual(theta: FloatArray) -> FloatArray:
        return (_bolus(t, theta) - y) * weight

    best = None
    for shape, mean, width in ((4.0, 6.0, 9.0), (8.0, 8.0, 9.0), (3.0, 4.0, 5.0)):
        start = np.array([1.3 * top, arrival, width, shape, mean, 0.1, 16.0, 10.0, 0.15, 0.002])
        found = least_squares(
            residual,
            np.clip(start, low + 1e-6, high - 1e-6),
            bounds=(low, high),
            x_scale=np.maximum(np.abs(start), 1e-2),
            max_nfev=300,
        )
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    modelled = _bolus(dense, best.x)
    remainder = y - _bolus(t, best.x)
    if np.sqrt(np.mean(remainder**2)) > TRUSTED_REMAINDER * top:
        return plain, plain
    return modelled + _between(t, remainder, dense), plain


def _portal(curve: TimeCurve, dense: FloatArray, arterial: FloatArray) -> tuple[FloatArray, FloatArray, bool]:
    """Dense portal input by gut transit plus remainder, and by plain interpolation; whether the transit explains the samples."""
    t, y = _valid(curve)
    plain = _between(t, y, dense)
    top = float(y.max())

    def transit(theta: FloatArray) -> FloatArray:
        gain, lag, mean, shape, slow, ratio = theta
        lags = np.arange(0.0, dense[-1] - dense[0] + STEP_S, STEP_S)
        edges = np.maximum(np.concatenate((lags - 0.5 * STEP_S, lags[-1:] + 0.5 * STEP_S)) - lag, 0.0)
        fast = np.diff(gammainc(shape, edges * shape / mean))
        late = np.diff(gammainc(shape, edges * shape / (mean * ratio)))
        return gain * np.convolve(arterial, (1 - slow) * fast + slow * late)[: dense.size]

    def residual(theta: FloatArray) -> FloatArray:
        return (np.interp(t, dense, transit(theta)) - y) / (0.01 * top + 0.03 * np.abs(y))

    low, high = np.array([0.2, 0, 2, 1.0, 0, 1.5]), np.array([3, 15, 40, 20, 0.6, 6])
    starts = ([1.0, 2.0, mean, 3.0, 0.05, 2.5] for mean in (6.0, 12.0, 20.0))
    fits = [least_squares(residual, start, bounds=(low, high), x_scale=[0.2, 2, 5, 2, 0.1, 1], max_nfev=200) for start in starts]
    best = min(fits, key=lambda found: float(found.cost))
    modelled = transit(best.x)
    remainder = y - np.interp(t, dense, modelled)
    if np.sqrt(np.mean(remainder**2)) > TRUSTED_REMAINDER * top:
        return plain, plain, False
    return modelled + _between(t, remainder, dense), plain, True


def _valid(curve: TimeCurve) -> tuple[FloatArray, FloatArray]:
    usable = np.isfinite(curve.values)
    return curve.times_s[usable], curve.values[usable]


def _between(t: FloatArray, y: FloatArray, dense: FloatArray) -> FloatArray:
    """Monotone interpolation, held constant outside the samples."""
    return np.asarray(PchipInterpolator(t, y)(np.clip(dense, t[0], t[-1])), float)


def _peak_in_gap(curve: TimeCurve) -> bool:
    """True when the largest sample borders an interval more than twice the usual one near it."""
    t, y = _valid(curve)
    top = int(y.argmax())
    steps = np.diff(t)
    usual = float(np.median(steps[: max(top, 3)]))
    return any(steps[i] > 2.0 * usual for i in (top - 1, top) if 0 <= i < steps.size)


def _order_flags(arterial: TimeCurve, portal: TimeCurve) -> list[str]:
    (ta, ya), (tp, yp) = _valid(arterial), _valid(portal)
    flags = []
    if tp[yp.argmax()] < ta[ya.argmax()]:
        flags.append("inputs-swapped")
    if np.corrcoef(np.interp(ta, tp, yp), ya)[0, 1] > 0.995:
        flags.append("inputs-identical")
    return flags


def _modes(
    arterial: TimeCurve,
    portal: TimeCurve | None,
    dense: FloatArray,
    a_model: FloatArray,
    a_plain: FloatArray,
    p_model: FloatArray | None,
    p_plain: FloatArray | None,
) -> FloatArray:
    """One-sigma perturbations (q, 2, m): the noise of every sample, and half the difference of the two interpolations."""
    nothing = np.zeros_like(dense)
    modes = [np.stack([DOUBT * (a_model - a_plain), nothing])]
    if p_model is not None and p_plain is not None:
        modes.append(np.stack([nothing, DOUBT * (p_model - p_plain)]))
    for which, curve in enumerate((arterial, portal)):
        if curve is None or curve.sd is None:
            continue
        t, _ = _valid(curve)
        sd = curve.sd[np.isfinite(curve.values)]
        for i in range(t.size):
            pulse = np.zeros(t.size)
            pulse[i] = sd[i]
            pair = np.zeros((2, dense.size))
            pair[which] = _between(t, pulse, dense)
            modes.append(pair)
    return np.stack(modes)
