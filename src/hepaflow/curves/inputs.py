"""The inputs of a study: from the vessels' mean curves to continuous curves with their uncertainty and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import baseline_flags, region_curve
from hepaflow.curves.enhancement import baseline_passes as count_baseline
from hepaflow.curves.reconstruct import Joined, join
from hepaflow.curves.shifts import ShiftsMm
from hepaflow.curves.suspect import clipped_passes, flat_top, order_flags, peak_flags
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Region, Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
CurveOf = Callable[[Region, str, ShiftsMm | None], TimeCurve]

#: Step of the dense grid; at 0.25 s a flow agrees with that at 0.1 s.
STEP_S = 0.25
NAMES = ("arterial", "portal")
#: A bolus takes longer than this to pass the aorta alone (an injection of 5 s, heart and lungs): curves that end sooner are in another
#: unit of time, and ten minutes given in minutes are such.
SHORTEST_S = 10.0
#: Blood that held contrast holds more than this share of the peak before and after it.
LEAST_SEEN = 0.02
#: A rise of less than this share of the largest value is rounding.
ROUNDING = 1e-9


def make_inputs(
    aligned: DynamicSeries,
    regions: Regions,
    *,
    baseline_passes: int | None = None,
    shifts: Mapping[str, ShiftsMm] | None = None,
    haematocrit: float | None = None,
    curve_of: CurveOf | None = None,
) -> Inputs:
    """Inputs of a study: mean curves of aorta and portal vein, baseline found in the aorta unless given, made continuous.

    ``shifts`` move a region (``aorta``, ``portal_vein``, ``spleen``) in single passes, mm in LPS. With ``haematocrit`` the inputs are
    those of plasma. The spleen's curve goes along where it enhances. Flags of the curves and of the baseline travel with the result.
    ``curve_of`` stands in for :func:`region_curve` where curves are already known: of a region, the name of the curve and the region's shifts.
    Refused: as :func:`dense_inputs`.
    """
    moved = shifts or {}

    def measured(region: Region, name: str) -> TimeCurve:
        shift = moved.get(region.name)
        if curve_of is not None:
            return curve_of(region, name, shift)
        return region_curve(aligned, region.mask, name=name, shifts=shift)

    arterial = measured(regions.aorta, "arterial")
    portal = None if regions.portal_vein is None else measured(regions.portal_vein, "portal")
    baseline = count_baseline(arterial.times_s, arterial.values) if baseline_passes is None else baseline_passes
    clipped = {"arterial": clipped_passes(aligned, regions.aorta.mask)}
    if regions.portal_vein is not None:
        clipped["portal"] = clipped_passes(aligned, regions.portal_vein.mask)
    spleen = None if regions.spleen is None else measured(regions.spleen, "spleen")
    until = None if aligned.slice_times_s is None else float(aligned.slice_times_s.max())
    found = dense_inputs(arterial, portal, baseline_passes=baseline, clipped=clipped, spleen=spleen, until_s=until)
    proposed = any(region is not None and region.origin == "proposed" for region in (regions.aorta, regions.portal_vein))
    flags = (
        *baseline_flags(arterial.times_s, arterial.values, baseline),
        *(_lost_flags(aligned, regions, moved)),
        *found.flags,
    )
    found = replace(found, flags=tuple(dict.fromkeys(flags)), provenance="proposed" if proposed else "given")
    return found if haematocrit is None else plasma(found, haematocrit)


def dense_inputs(
    arterial: TimeCurve,
    portal: TimeCurve | None,
    *,
    baseline_passes: int,
    clipped: Mapping[str, Mask] | None = None,
    spleen: TimeCurve | None = None,
    until_s: float | None = None,
) -> Inputs:
    """Inputs on a dense grid from sampled curves (n,) in HU (raw or enhancement); NaN samples are bridged.

    The baseline, the mean of the first ``baseline_passes`` samples, is removed. ``clipped`` holds, per input, the samples (n,) known to be
    clipped; a flat top is found besides. They stay in the sampled curve, but are only lower bounds of the dense one. The grid reaches
    to the last arterial sample, and to ``until_s`` where tissue is sampled later. Refused: a
    curve that does not enhance or has fewer than five valid samples, curves that last less than 10 s, an arterial one that enhances in
    one sample only.
    """
    curves = [_enhancement(curve, baseline_passes) for curve in (arterial, portal) if curve is not None]
    _check_span(arterial.times_s)
    last = float(curves[0].times_s[-1]) if until_s is None else max(until_s, float(curves[0].times_s[-1]))
    dense = np.arange(curves[0].times_s[0], last + STEP_S, STEP_S)
    _check_seen(curves[0])
    found: list[Joined] = []
    flags: list[str] = []
    for name, curve, raw in zip(NAMES, curves, (arterial, portal), strict=False):
        at_limit = flat_top(curve.values) | (clipped or {}).get(name, np.zeros(curve.values.size, bool))
        found.append(join(curve, at_limit, dense, source=found[0] if found else None))
        if (at_limit & np.isfinite(curve.values)).any():
            flags.append(f"{name}-clipped")
        if not found[-1].trusted:
            flags.append(f"{name}-model-untrusted")
        flags += peak_flags(name, curve, found[-1], dense)
        if raw is not None and baseline_passes and not np.isfinite(raw.values[:baseline_passes]).any():
            flags.append("baseline-missing")
    if len(curves) == 2:
        flags += order_flags(*curves)
    tissue, told = _spleen(spleen, baseline_passes)
    modes = [_pair(joined.modes, which=which) for which, joined in enumerate(found)]
    return Inputs(
        arterial=curves[0],
        portal=curves[1] if len(curves) == 2 else None,
        dense_times_s=dense,
        dense_arterial=found[0].curve,
        dense_portal=found[1].curve if len(curves) == 2 else None,
        modes=np.concatenate(modes),
        baseline_passes=baseline_passes,
        interpolation="circulation model plus interpolated remainder (PCHIP)",
        flags=(*dict.fromkeys(flags), *told),
        spleen=tissue,
    )


def plasma(inputs: Inputs, haematocrit: float) -> Inputs:
    """Inputs as plasma concentration: whole-blood enhancement over (1 - haematocrit), so that flows become plasma flows.

    The sampled curves stay as measured. Refused: a haematocrit that is not between 0 and 0.8.
    """
    if not 0.0 < haematocrit < 0.8:
        raise InputRefused(
            "HAEMATOCRIT-INVALID", "the haematocrit is not between 0 and 0.8", "Give it as a share, for example 0.42"
        )
    share = 1.0 - haematocrit
    return replace(
        inputs,
        dense_arterial=inputs.dense_arterial / share,
        dense_portal=None if inputs.dense_portal is None else inputs.dense_portal / share,
        modes=inputs.modes / share,
    )


def _enhancement(curve: TimeCurve, baseline_passes: int) -> TimeCurve:
    usable = np.isfinite(curve.values)
    if usable.sum() < 5:
        raise InputRefused(
            "INPUT-TOO-SHORT", f"the {curve.name} curve has fewer than 5 valid samples", "Check the region and the excluded passes"
        )
    values = curve.values - _zero(curve.values, baseline_passes)
    if np.nanmax(values) <= ROUNDING * np.nanmax(np.abs(curve.values)) or np.nanmax(values) < 3 * (
        0.0 if curve.sd is None else float(np.nanmedian(curve.sd))
    ):
        raise InputRefused(
            "INPUT-NO-ENHANCEMENT",
            f"the {curve.name} curve does not enhance",
            "Check that the region lies in the vessel and that the scan began before contrast came",
        )
    return replace(curve, values=values)


def _check_span(times_s: FloatArray) -> None:
    span = float(times_s[-1] - times_s[0])
    if span < SHORTEST_S:
        raise InputRefused(
            "INPUT-TOO-BRIEF",
            f"the curves last {span:.3g} s: are these minutes?",
            "Give times in seconds, from before contrast to the end of the scan",
        )


def _check_seen(arterial: TimeCurve) -> None:
    """Refuses an arterial curve that differs from its baseline in the highest sample alone: a scan that ended as contrast came, or one wrong value."""
    if np.sum(np.abs(arterial.values) > LEAST_SEEN * np.nanmax(arterial.values)) < 2:
        raise InputRefused(
            "INPUT-ONE-SAMPLE",
            "only one sample of the arterial curve enhances",
            "Check that sample, and that the scan went on after contrast came",
        )


def _zero(values: FloatArray, baseline_passes: int) -> float:
    """The mean of the baseline, or the lowest sample up to the peak where every baseline sample is missing."""
    if not baseline_passes:
        return 0.0
    head = values[:baseline_passes]
    if np.isfinite(head).any():
        return float(np.nanmean(head))
    return float(np.nanmin(values[: int(np.nanargmax(values)) + 1]))


def _spleen(curve: TimeCurve | None, baseline_passes: int) -> tuple[TimeCurve | None, tuple[str, ...]]:
    """The spleen's enhancement, or None with the reason why it tells nothing."""
    if curve is None:
        return None, ()
    try:
        return _enhancement(curve, baseline_passes), ()
    except InputRefused:
        return None, ("spleen-not-enhancing",)


def _lost_flags(aligned: DynamicSeries, regions: Regions, shifts: Mapping[str, ShiftsMm]) -> tuple[str, ...]:
    """``region-shift-outside`` when a region was moved out of the volume, so that its pass has no sample."""
    from hepaflow.curves.shifts import moved

    for region in (regions.aorta, regions.portal_vein, regions.spleen):
        if region is None:
            continue
        for by_mm in shifts.get(region.name, {}).values():
            if moved(region.mask, aligned.grid, by_mm)[1] < 1.0:
                return ("region-shift-outside",)
    return ()


def _pair(changes: FloatArray, *, which: int) -> FloatArray:
    """Changes (q, m) of one input as changes (q, 2, m) of both."""
    pairs = np.zeros((len(changes), 2, changes.shape[1]))
    pairs[:, which] = changes
    return pairs
