"""The continuous inputs behind the samples, with their uncertainty.

Two seconds between passes cut the top off a bolus, and the portal peak may fall between the dense and the sparse series. Straight
or spline interpolation then biases every flow without showing in the residual. So each input is a model of the circulation plus the
interpolated remainder: the model carries the shape between the samples, the samples keep the last word at the samples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from hepaflow.curves.circulation import fit_bolus, fit_transit
from hepaflow.curves.enhancement import baseline_flags, region_curve
from hepaflow.curves.enhancement import baseline_passes as count_baseline
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]

#: Step of the dense grid; at 0.25 s a flow agrees with that at 0.1 s.
STEP_S = 0.25
#: A model that leaves more than this share of the peak unexplained (RMS) is not trusted between samples.
TRUSTED_REMAINDER = 0.08
#: An arterial model that rises this far above the highest sample was set by where the samples fell, not by the bolus: at 2 s between
#: passes a 5-s bolus is topped by 1.3 times, while at 5 s the same samples allow a needle of any height.
OVERSHOOT = 1.4
#: One sigma of an untrusted interpolation, as a share of its difference from the model.
DOUBT = 0.5
NAMES = ("arterial", "portal")


def make_inputs(aligned: DynamicSeries, regions: Regions, *, baseline_passes: int | None = None) -> Inputs:
    """Inputs of a study: mean curves of aorta and portal vein, baseline found in the aorta unless given, made continuous.

    Flags of the regions and of the baseline travel with the result. Refused: as :func:`dense_inputs`.
    """
    arterial = region_curve(aligned, regions.aorta.mask, name="arterial")
    portal = None if regions.portal_vein is None else region_curve(aligned, regions.portal_vein.mask, name="portal")
    baseline = count_baseline(arterial.times_s, arterial.values) if baseline_passes is None else baseline_passes
    found = dense_inputs(arterial, portal, baseline_passes=baseline)
    proposed = any(region is not None and region.origin == "proposed" for region in (regions.aorta, regions.portal_vein))
    flags = (*baseline_flags(arterial.values, baseline), *found.flags)
    return replace(found, flags=flags, provenance="proposed" if proposed else "given")


def dense_inputs(arterial: TimeCurve, portal: TimeCurve | None, *, baseline_passes: int) -> Inputs:
    """Inputs on a dense grid from sampled curves (n,) in HU (raw or enhancement); NaN samples are bridged.

    The baseline, the mean of the first ``baseline_passes`` samples, is removed. Refused: a curve that does not enhance or has fewer
    than five valid samples.
    """
    curves = [_enhancement(curve, baseline_passes) for curve in (arterial, portal) if curve is not None]
    dense = np.arange(curves[0].times_s[0], curves[0].times_s[-1] + STEP_S, STEP_S)
    samples = [_valid(curve) for curve in curves]
    found: list[FloatArray] = []
    flags: list[str] = []
    modes: list[FloatArray] = []
    for name, (t, y) in zip(NAMES, samples, strict=False):
        shape = fit_transit(dense, found[0], t, y) if found else fit_bolus(dense, t, y)
        remainder = y - np.interp(t, dense, shape.curve)
        joined = shape.curve + _between(t, remainder, dense)
        ceiling = np.inf if found else OVERSHOOT * float(y.max())
        if float(np.sqrt(np.mean(remainder**2))) <= TRUSTED_REMAINDER * float(y.max()) and float(joined.max()) <= ceiling:
            # the samples hold: only what changes between them is open
            opened = [change - _between(t, np.interp(t, dense, change), dense) for change in shape.modes]
        else:
            plain = _between(t, y, dense)
            opened = [DOUBT * (np.minimum(joined, ceiling) - plain)]
            joined = plain
            flags.append(f"{name}-model-untrusted")
        modes += [_pair(change, which=len(found)) for change in opened]
        found.append(joined)
        if _peak_in_gap(t, y):
            flags.append(f"{name}-peak-in-gap")
    for which, curve in enumerate(curves):
        modes += [_pair(change, which=which) for change in _sample_noise(curve, dense)]
    if len(curves) == 2:
        flags += _order_flags(*samples)
    return Inputs(
        arterial=curves[0],
        portal=curves[1] if len(curves) == 2 else None,
        dense_times_s=dense,
        dense_arterial=found[0],
        dense_portal=found[1] if len(curves) == 2 else None,
        modes=np.stack(modes),
        baseline_passes=baseline_passes,
        interpolation="circulation model plus interpolated remainder (PCHIP)",
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


def _valid(curve: TimeCurve) -> tuple[FloatArray, FloatArray]:
    usable = np.isfinite(curve.values)
    return curve.times_s[usable], curve.values[usable]


def _between(t: FloatArray, y: FloatArray, dense: FloatArray) -> FloatArray:
    """Monotone interpolation, held constant outside the samples."""
    return np.asarray(PchipInterpolator(t, y)(np.clip(dense, t[0], t[-1])), float)


def _peak_in_gap(t: FloatArray, y: FloatArray) -> bool:
    """True when the largest sample borders an interval more than twice the usual one before it."""
    top = int(y.argmax())
    steps = np.diff(t)
    usual = float(np.median(steps[: max(top, 3)]))
    return any(steps[i] > 2.0 * usual for i in (top - 1, top) if 0 <= i < steps.size)


def _order_flags(arterial: tuple[FloatArray, FloatArray], portal: tuple[FloatArray, FloatArray]) -> list[str]:
    (ta, ya), (tp, yp) = arterial, portal
    flags = []
    if tp[yp.argmax()] < ta[ya.argmax()]:
        flags.append("inputs-swapped")
    if np.corrcoef(np.interp(ta, tp, yp), ya)[0, 1] > 0.995:
        flags.append("inputs-identical")
    return flags


def _pair(change: FloatArray, *, which: int) -> FloatArray:
    """A change of one input as a change (2, m) of both."""
    pair = np.zeros((2, change.size))
    pair[which] = change
    return pair


def _sample_noise(curve: TimeCurve, dense: FloatArray) -> list[FloatArray]:
    """What one standard error of each sample changes (m,)."""
    if curve.sd is None:
        return []
    t, _ = _valid(curve)
    pulses = np.diag(curve.sd[np.isfinite(curve.values)])
    return [_between(t, pulse, dense) for pulse in pulses]
