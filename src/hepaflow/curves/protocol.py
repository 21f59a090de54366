"""Was the study acquired so that its perfusion can be computed? One rule a question, each with its reason in two languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import baseline_flags, baseline_passes, region_curve
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.history import Rule
from hepaflow.domain.lesions import Regions
from hepaflow.domain.series import DynamicSeries

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Effective dose per dose-length product of the abdomen, mSv/(mGy cm) (AAPM report 96): a generic figure for an adult.
MSV_PER_MGY_CM = 0.015
#: Intervals in s that are good and still usable around the arterial peak; a tenth is allowed for the scanner's own scatter.
GOOD_INTERVAL_S, USABLE_INTERVAL_S = 2.2, 3.3
#: An interval this many times the usual one is a gap.
GAP = 2.0
#: Below the first, permeability is weakly determined; below the second the liver's outflow is not seen.
LONG_S, SHORT_S = 220.0, 90.0
#: Quantities of permeability: weakly determined in a study that is not as long as the first.
LONG_STUDY = ("ps", "ktrans", "extraction")
COVERAGE_MM = 160.0
#: Share of the liver's largest section in the outermost slice above which the liver counts as cut.
CUT_SHARE = 0.10


def check(
    series: DynamicSeries,
    *,
    regions: Regions | None = None,
    inputs: Inputs | None = None,
    arterial: TimeCurve | None = None,
    portal: TimeCurve | None = None,
    liver: Mask | None = None,
) -> tuple[Rule, ...]:
    """The verdict of every rule, in a fixed order; what cannot be judged from what is given is ``unknown``, never assumed.

    Curves come from ``inputs``, else from ``arterial`` and ``portal`` (raw HU, also of motion-affected data), else from ``regions``; the
    liver mask (slices, rows, columns) from ``regions`` or ``liver``. Rules on times, headers and geometry need none of them.
    """
    baseline: _Baseline | None = None
    if inputs is not None:
        arterial, portal = inputs.arterial, inputs.portal
        baseline = _Baseline(inputs.baseline_passes, inputs.flags)
    elif regions is not None and arterial is None:
        arterial = region_curve(series, regions.aorta.mask, name="arterial")
        portal = None if regions.portal_vein is None else region_curve(series, regions.portal_vein.mask, name="portal")
    if regions is not None and liver is None:
        liver = regions.liver.mask
    rules: tuple[Callable[[], Rule], ...] = (
        lambda: _baseline(baseline or _counted(arterial)),
        lambda: _interval(series, arterial),
        lambda: _arterial_peak(arterial),
        lambda: _portal_peak(portal),
        lambda: _length(series),
        lambda: _coverage(series, liver),
        lambda: _tube_voltage(series),
        lambda: _kernel(series),
        lambda: _geometry(series),
        lambda: _injection_timing(series),
        lambda: _injection(series),
        lambda: _dose(series),
    )
    return tuple(rule() for rule in rules)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """Number of unenhanced passes and the flags that go with it."""

    passes: int
    flags: tuple[str, ...]


def _counted(arterial: TimeCurve | None) -> _Baseline | None:
    if arterial is None or _samples(arterial) is None:
        return None
    passes = baseline_passes(arterial.times_s, arterial.values)
    return _Baseline(passes, baseline_flags(arterial.times_s, arterial.values, passes))


def _samples(curve: TimeCurve | None) -> tuple[FloatArray, FloatArray] | None:
    """Times and values of a curve's valid samples, or None when there are too few to judge."""
    if curve is None:
        return None
    usable = np.isfinite(curve.values)
    return (curve.times_s[usable], curve.values[usable]) if usable.sum() >= 5 else None


def _baseline(found: _Baseline | None) -> Rule:
    measured, verdict = "-", "unknown"
    if found is not None:
        missing = "baseline-missing" in found.flags
        verdict = "fail" if missing else "warn" if "baseline-short" in found.flags or found.passes < 2 else "pass"
        measured = "0" if missing else str(found.passes)
    return Rule(
        "baseline",
        verdict,
        measured,
        "≥ 2",
        "Passes before contrast arrives set the zero of every enhancement; without them every flow is biased.",
        "Les passages avant l'arrivée du contraste fixent le zéro du rehaussement ; sans eux tous les flux sont biaisés.",
    )


def _interval(series: DynamicSeries, arterial: TimeCurve | None) -> Rule:
    """The longest interval from arrival to 6 s after the arterial peak, or among the first ten passes when that peak is not known."""
    times = np.array([t for i, t in enumerate(series.times_s) if i not in series.excluded])
    steps = np.diff(times)
    samples = _samples(arterial)
    if samples is None:
        steps = steps[:10]
    else:
        t, y = samples
        peak = float(t[y.argmax()])
        rising = t[(y > y.min() + 0.1 * np.ptp(y)) & (t <= peak)]
        first = float(rising[0]) if rising.size else peak
        inside = (times[:-1] < peak + 6.0) & (times[1:] > first - 2.0)
        steps = steps[inside] if inside.any() else steps[:10]
    longest = float(steps.max())
    verdict = "pass" if longest <= GOOD_INTERVAL_S else "warn" if longest <= USABLE_INTERVAL_S else "fail"
    return Rule(
        "first-pass-interval",
        verdict,
        f"{longest:.1f} s",
        "≤ 2 s (≤ 3 s)",
        "The arterial bolus lasts about 10 s; wide steps cut its top and raise the arterial flow.",
        "Le bolus artériel dure environ 10 s ; des pas larges en coupent le sommet et augmentent le flux artériel.",
    )


def _peak(samples: tuple[FloatArray, FloatArray]) -> tuple[float, float, float]:
    """Time of the largest sample, the wider interval beside it (infinite at either end), and how wide one is no gap yet."""
    t, y = samples
    top = int(y.argmax())
    steps = np.diff(t)
    usual = float(np.median(steps[: max(top, 3)]))
    if top in (0, t.size - 1):
        return float(t[top]), float("inf"), GAP * usual
    return float(t[top]), float(max(steps[top - 1], steps[top])), GAP * usual


def _arterial_peak(arterial: TimeCurve | None) -> Rule:
    return Rule(
        "arterial-peak",
        *_peak_verdict(arterial),
        "The height of the arterial peak scales the arterial flow; it must lie between close passes. Time from the first pass; Δt: the wider "
        "interval beside the peak, at most twice the usual one (Δt₀).",
        "La hauteur du pic artériel règle le flux artériel ; il doit se trouver entre des passages rapprochés. Temps depuis le premier passage ; "
        "Δt : le plus long intervalle à côté du pic, au plus deux fois l'intervalle usuel (Δt₀).",
    )


def _portal_peak(portal: TimeCurve | None) -> Rule:
    return Rule(
        "portal-peak",
        *_peak_verdict(portal),
        "When the portal peak falls in the gap between dense and sparse passes it must be reconstructed, and portal flow is less certain. "
        "Time from the first pass; Δt: the wider interval beside the peak, at most twice the usual one (Δt₀).",
        "Si le pic portal tombe entre les passages rapprochés et espacés, il doit être reconstruit et le flux portal est moins certain. Temps "
        "depuis le premier passage ; Δt : le plus long intervalle à côté du pic, au plus deux fois l'intervalle usuel (Δt₀).",
    )


def _peak_verdict(curve: TimeCurve | None) -> tuple[str, str, str]:
    """Verdict, what was measured and what is wanted; a maximum at the first or last sample is no peak at all."""
    samples = _samples(curve)
    if samples is None:
        return "unknown", "-", f"Δt ≤ {GAP:.0f} × Δt₀"
    at, widest, most = _peak(samples)
    wanted = f"Δt ≤ {most:.3g} s"
    if np.isfinite(widest):
        return ("warn" if widest > most else "pass"), f"{at:.0f} s, Δt {widest:.3g} s", wanted
    number = 1 if at == samples[0][0] else samples[0].size
    return "fail", f"{at:.0f} s (max = {number} | {samples[0].size})", wanted


def _length(series: DynamicSeries) -> Rule:
    delay = series.acquisition.injection_to_first_s
    span = float(series.times_s[-1] - series.times_s[0])
    total = span + (delay or 0.0)
    verdict = "pass" if total >= LONG_S else "warn" if total >= SHORT_S else "fail"
    measured = f"{span:.0f} s" if delay is None else f"{delay:.0f} + {span:.0f} = {total:.0f} s"
    return Rule(
        "length",
        verdict,
        measured,
        f"≥ {LONG_S:.0f} s (≥ {SHORT_S:.0f} s)",
        "From injection to the last pass. Flow needs the first minutes only; permeability (PS, Ktrans) is weakly determined when the study is "
        "shorter than 220 s.",
        "De l'injection au dernier passage. Le flux ne demande que les premières minutes ; la perméabilité (PS, Ktrans) est mal déterminée si "
        "l'examen dure moins de 220 s.",
    )


def _slice_axis(grid: Grid) -> int:
    """The array axis closest to the patient's long axis."""
    return int(np.abs(grid.affine[2, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)).argmax())


def _coverage(series: DynamicSeries, liver: Mask | None) -> Rule:
    axis = _slice_axis(series.grid)
    step = series.grid.spacing_mm[axis]
    covered = series.grid.shape[axis] * step
    if liver is None or not liver.any():
        verdict, measured = ("pass" if covered >= COVERAGE_MM - 1.0 else "unknown"), f"{covered:.0f} mm"
    else:
        area = np.moveaxis(liver, axis, 0).sum((1, 2))
        slices = np.flatnonzero(area)
        first, last = (100.0 * float(a) / float(area.max()) for a in (area[0], area[-1]))
        top, bottom = (last, first) if series.grid.affine[2, axis] > 0.0 else (first, last)
        verdict = "warn" if max(top, bottom) > 100.0 * CUT_SHARE else "pass"
        measured = f"{(slices[-1] - slices[0] + 1) * step:.0f} / {covered:.0f} mm; ↑ {top:.0f} %, ↓ {bottom:.0f} %"
    return Rule(
        "coverage",
        verdict,
        measured,
        f"{COVERAGE_MM:.0f} mm, ≤ {100 * CUT_SHARE:.0f} %",
        "A liver cut at the top (↑) or bottom (↓), in per cent of its largest section, loses lesions there, more so when it breathes.",
        "Un foie coupé en haut (↑) ou en bas (↓), en pour cent de sa plus grande section, y perd des lésions, surtout quand il respire.",
    )


def _tube_voltage(series: DynamicSeries) -> Rule:
    values = sorted({float(v) for v in series.acquisition.kvp if v is not None})
    verdict = "unknown" if not values else "pass" if len(values) == 1 else "fail"
    return Rule(
        "tube-voltage",
        verdict,
        ", ".join(f"{v:.0f} kV" for v in values) or "-",
        "= (80 kV)",
        "The HU of iodine depend on the tube voltage: a change in mid-study mimics or hides enhancement.",
        "Les UH de l'iode dépendent de la tension : un changement en cours d'examen imite ou masque un rehaussement.",
    )


def _kernel(series: DynamicSeries) -> Rule:
    count = len({k for k in series.acquisition.kernel if k is not None})
    verdict = "unknown" if count == 0 else "pass" if count == 1 else "warn"
    return Rule(
        "kernel",
        verdict,
        f"n = {count}" if count else "-",
        "n = 1",
        "One reconstruction kernel keeps noise and edges the same in all passes.",
        "Un seul filtre de reconstruction garde le même bruit et les mêmes contours à tous les passages.",
    )


def _geometry(series: DynamicSeries) -> Rule:
    thick = max(series.grid.spacing_mm)
    verdict = "pass" if thick <= 5.05 else "warn" if thick <= 8.0 else "fail"
    return Rule(
        "geometry",
        verdict,
        " × ".join(f"{s:.2g}" for s in reversed(series.grid.spacing_mm)) + " mm",
        "≤ 5 mm",
        "Thick slices mix lesion, vessel and liver; lesions of 15 mm need slices of 5 mm or less.",
        "Des coupes épaisses mélangent lésion, vaisseau et foie ; des lésions de 15 mm demandent des coupes de 5 mm ou moins.",
    )


def _injection_timing(series: DynamicSeries) -> Rule:
    delay = series.acquisition.injection_to_first_s
    verdict = "unknown" if delay is None else "pass" if -60.0 <= delay <= 12.0 else "warn"
    return Rule(
        "injection-timing",
        verdict,
        "-" if delay is None else f"{delay:.0f} s",
        "≤ 12 s (11 s)",
        "The first pass must come before contrast reaches the aorta, about 12 s or more after injection starts.",
        "Le premier passage doit précéder l'arrivée du contraste dans l'aorte, environ 12 s ou plus après le début de l'injection.",
    )


def _injection(series: DynamicSeries) -> Rule:
    volume, flow = series.acquisition.contrast_volume_ml, series.acquisition.contrast_flow_ml_s
    verdict, measured = "unknown", "-"
    if volume is not None and flow is not None and flow > 0 and volume > 0:
        duration = volume / flow
        verdict = "pass" if duration <= 12.0 and flow >= 4.0 else "warn"
        measured = f"{volume:.0f} mL, {flow:.1f} mL/s, {duration:.0f} s"
    elif volume is not None or flow is not None:
        measured = f"{volume:.0f} mL" if volume is not None else f"{flow:.1f} mL/s"
    return Rule(
        "injection",
        verdict,
        measured,
        "45 mL, 5 mL/s, 9 s (≤ 12 s, ≥ 4 mL/s)",
        "A short, fast bolus separates the arterial from the portal phase; a long one makes the two inputs alike.",
        "Un bolus court et rapide sépare les phases artérielle et portale ; un bolus long rend les deux entrées semblables.",
    )


def _dose(series: DynamicSeries) -> Rule:
    values = [float(v) for v in series.acquisition.ctdi_vol_mgy if v is not None]
    verdict, measured = "unknown", "-"
    if values and len(values) == series.passes:
        axis = _slice_axis(series.grid)
        product = sum(values) * series.grid.shape[axis] * series.grid.spacing_mm[axis] / 10.0
        verdict = "pass" if product <= 1800.0 else "warn"
        measured = f"CTDIvol Σ {sum(values):.0f} mGy, DLP ≈ {product:.0f} mGy·cm, ≈ {product * MSV_PER_MGY_CM:.0f} mSv"
    return Rule(
        "dose",
        verdict,
        measured,
        "DLP ≈ 1200 mGy·cm",
        "Dose grows with the number of passes; mSv by the generic factor 0.015 mSv/(mGy·cm) for the abdomen of an adult.",
        "La dose croît avec le nombre de passages ; mSv par le facteur générique 0,015 mSv/(mGy·cm) pour l'abdomen d'un adulte.",
    )
