"""Real liver curves: one-compartment and AATH fits of gadoxetate MRI signals (TRISTAN), and a picture of each.

The signal is not linear in concentration: only its relative enhancement, to 110 s after arterial arrival, is used. Usage:

    python benchmarks/tristan.py --out DIR [--reference DIR]

``--reference`` is the folder of reference data that does not ship with the project (else HEPAFLOW_REFERENCE).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import model
from hepaflow.kinetics.fit_curve import fit_curve

MODELS = ("one-compartment", "aath")
#: Seconds after arterial arrival that are used, and before it.
AFTER_S, BEFORE_S = 110.0, 20.0


def relative_enhancement(path: Path) -> dict[str, TimeCurve]:
    """100 (S / S0 - 1) of aorta, portal vein and liver from 20 s before arrival on; S0 is the mean before arrival, ``sd`` the scatter there."""
    read = np.genfromtxt(path, delimiter=",", names=True)
    time, aorta = read["time_s"], read["aorta_signal"]
    # arrival: the first sample of the last climb to the peak that passes a fifth of it; one visit has no contrast for ten minutes
    level, peak = np.median(aorta[:20]), int(aorta.argmax())
    below = np.flatnonzero(aorta[:peak] < level + 0.2 * (aorta[peak] - level))
    arrival = time[below[-1] + 1]
    # a minute before arrival, less what may already hold contrast
    before = (time < arrival - 4.0) & (time > arrival - 64.0)
    kept = (time >= arrival - BEFORE_S) & (time <= arrival + AFTER_S)
    curves = {}
    for name, column in (("arterial", "aorta_signal"), ("portal", "portal_signal"), ("liver", "liver_signal")):
        relative = 100.0 * (read[column] / read[column][before].mean() - 1.0)
        scatter = np.full(int(kept.sum()), relative[before].std(ddof=1))
        curves[name] = TimeCurve(name, time[kept] - time[kept][0], relative[kept], scatter)
    return curves


def fits(path: Path) -> tuple[dict[str, TimeCurve], Inputs, dict[str, Measurement]]:
    curves = relative_enhancement(path)
    inputs = dense_inputs(
        curves["arterial"], curves["portal"], baseline_passes=int((curves["arterial"].times_s < BEFORE_S - 4.0).sum())
    )
    found = {key: fit_curve(curves["liver"], inputs, model=model(key), density_g_ml=1.0) for key in MODELS}
    return curves, inputs, found


def picture(name: str, path: Path, out: Path) -> None:
    curves, inputs, found = fits(path)
    times = curves["liver"].times_s
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for which, colour in (("arterial", "tab:red"), ("portal", "tab:blue")):
        left.plot(times, curves[which].values, ".", color=colour, label=which)
        left.plot(inputs.dense_times_s, getattr(inputs, f"dense_{which}"), color=colour, lw=1)
    left.set(title=f"{name}: inputs", xlabel="s", ylabel="relative enhancement, %")
    left.legend()
    for (key, fit), colour in zip(found.items(), ("tab:green", "tab:purple"), strict=True):
        right.plot(times, fit.curve_hu, ".", color="0.5", ms=3)
        right.plot(times, fit.fit_hu, color=colour, label=f"{key}: {summary(fit)}")
    right.set(title="liver", xlabel="s")
    right.set_ylim(-0.35 * fit.curve_hu.max(), None)
    right.legend(fontsize=7, loc="lower right")
    figure.savefig(out / f"{name}.png", dpi=90)
    plt.close(figure)
    for key, fit in found.items():
        print(f"{name:28s} {key:16s} {summary(fit)} {','.join((*inputs.flags, *fit.flags))}", flush=True)


def summary(fit: Measurement) -> str:
    flow, fraction, mtt = (fit.parameters[k] for k in ("bf", "haf", "mtt"))
    return (
        f"F {flow.value / 100:.2f} ± {flow.sd / 100:.2f} /min, HAF {fraction.value:.3f} ± {fraction.sd:.3f}, MTT {mtt.value:.1f} s, "
        f"delays {fit.delays_s['arterial']:.1f} {fit.delays_s['portal']:.1f} s, R² {fit.r2:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--reference", type=Path, default=os.environ.get("HEPAFLOW_REFERENCE", Path(__file__).parents[2] / "shared" / "reference")
    )
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    files = sorted((Path(asked.reference) / "curves").glob("tristan_*.csv"))
    if not files:
        parser.error("no tristan_*.csv under --reference")
    for path in files:
        picture(path.stem.removeprefix("tristan_"), path, asked.out)


if __name__ == "__main__":
    main()
