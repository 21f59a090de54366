"""What the inputs between the samples cost in blood flow, when the portal peak falls where nobody looked.

Truth shares nothing with the reconstruction: the portal curve is the arterial one through two ways at once (spleen, fast; gut, slow),
each a gamma, a log-normal or a random-walk (inverse Gaussian) transit. Its peak is put at chosen times after the first pass; passes are
0, 2 .. 28 and 48, 68 .. 148 s. Liver, tumour and cirrhosis curves (one compartment, AATH) are fitted with inputs that are true, joined by straight lines, by PCHIP, or
reconstructed as shipped; without noise, or with noise on the curve and on the samples of the shipped inputs. Usage:

    python benchmarks/portal_gap.py [--family gamma log-normal random-walk] [--peaks 23 .. 44] [--seeds 4] [--noise-hu 2] [--flags-only]
        [--ways linear shipped] [--workers 2]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.signal import fftconvolve
from scipy.stats import gamma, invgauss, lognorm

from hepaflow.curves.inputs import STEP_S, dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_curve import fit_curve

STEP = 0.05
#: Seconds after the first pass; the fine grid starts before it, so that an early arrival is not cut.
FINE = np.arange(-20.0, 190.0, STEP)
LAG = np.arange(0.0, 210.0, STEP)
TIMES_S = np.r_[np.arange(15) * 2.0, 48 + 20.0 * np.arange(6)]
DENSE_TIMES_S = np.arange(0.0, 149.0, 2.0)
PEAKS_S = (23.0, 26.0, 29.0, 31.0, 34.0, 37.0, 40.0, 44.0)
FAMILIES = ("gamma", "log-normal", "random-walk")
WAYS = ("true", "linear", "pchip", "shipped")
#: Model, flow in mL/min/100 mL, arterial fraction, transit s, extraction, interstitial volume, arterial and portal delay s.
TISSUES = {
    "liver 1C": ("one-compartment", 100.0, 0.20, 16.0, 0.0, 1.0, 1.5, 1.0),
    "tumour 1C": ("one-compartment", 90.0, 0.60, 10.0, 0.0, 1.0, 2.0, 1.2),
    "liver AATH": ("aath", 110.0, 0.18, 9.0, 0.4, 0.25, 1.3, 0.9),
    "tumour AATH": ("aath", 80.0, 0.60, 7.0, 0.4, 0.25, 2.0, 1.2),
    "cirrhosis 1C": ("one-compartment", 55.0, 0.45, 20.0, 0.0, 1.0, 2.0, 1.5),
    "cirrhosis AATH": ("aath", 55.0, 0.45, 11.0, 0.5, 0.30, 1.8, 1.4),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One patient: which transit family, when the portal vein peaks, and the seed of everything else."""

    family: str
    peak_s: float
    seed: int


def through(curve: np.ndarray, density: np.ndarray) -> np.ndarray:
    return np.asarray(fftconvolve(curve, density)[: curve.size]) * STEP


def transit(family: str, mean_s: float, spread: float, delay_s: float) -> np.ndarray:
    """A transit-time density on LAG: ``spread`` is its standard deviation over its mean, delay left out of both."""
    since = LAG - delay_s
    if family == "gamma":
        density = gamma.pdf(since, spread**-2, scale=mean_s * spread**2)
    elif family == "log-normal":
        sigma = np.sqrt(np.log1p(spread**2))
        density = lognorm.pdf(since, sigma, scale=mean_s * np.exp(-(sigma**2) / 2))
    else:
        density = invgauss.pdf(since, spread**2, scale=mean_s * spread**-2)
    return np.nan_to_num(density) / (np.nan_to_num(density).sum() * STEP)


def arterial(rng: np.random.Generator, *, latest_s: float) -> np.ndarray:
    """The injection through heart and lungs, then round again several times; 300 to 420 HU at 12 to about ``latest_s``."""
    start = rng.uniform(-10.0, min(max(latest_s - 22.0, -9.5), -3.0))
    box = ((start <= FINE) & (start + rng.uniform(8.0, 11.0) > FINE)).astype(float)
    first = through(box, transit("gamma", rng.uniform(3.0, 5.0), 0.55, rng.uniform(11.0, 13.0)))
    body = (
        0.28 * transit("gamma", 6.0, 0.7, 4.0)
        + 0.27 * transit("log-normal", 20.0, 0.7, 6.0)
        + 0.27 * transit("gamma", 50.0, 1.0, 8.0)
    )
    loop = through(body, transit("gamma", 6.0, 0.5, 3.0))
    total, turn = first.copy(), first
    for _ in range(12):
        turn = through(turn, loop)
        total += turn
    return rng.uniform(300.0, 420.0) * total / total.max()


def inputs_of(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """True arterial and portal enhancement on FINE; both ways are stretched until the portal peak lies where it shall."""
    rng = np.random.default_rng([job.seed, int(10 * job.peak_s)])
    # the aorta peaks at least 11 s before the portal vein; the rest of the way is delay and dispersion in any proportion
    blood = arterial(rng, latest_s=job.peak_s - 12.0)
    share, ratio = rng.uniform(0.2, 0.5), rng.uniform(1.4, 2.4)
    spreads, gain = rng.uniform(0.35, 0.7, 2), rng.uniform(0.85, 1.05)
    delay = rng.uniform(0.1, 0.5) * (job.peak_s - FINE[blood.argmax()])

    def portal(mean_s: float) -> np.ndarray:
        ways = share * transit(job.family, mean_s, spreads[0], delay)
        return gain * through(blood, ways + (1 - share) * transit(job.family, ratio * mean_s, spreads[1], delay))

    low, high = 0.3, 60.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if FINE[portal(middle).argmax()] < job.peak_s else (low, middle)
    return blood, portal(0.5 * (low + high))


def tissue(name: str, blood: np.ndarray, portal: np.ndarray) -> np.ndarray:
    kind, flow, fraction, mean, extraction, ve, delay_a, delay_p = TISSUES[name]
    if kind == "one-compartment":
        residue = np.exp(-LAG / mean)
        residue[0] = 0.5
    else:
        residue = np.where(mean > LAG, 1.0, extraction * np.exp(-extraction * flow / 6000 / ve * (LAG - mean)))
        residue[0], residue[round(mean / STEP)] = 0.5, 0.5 * (1 + extraction)
    late = [np.interp(FINE - delay, FINE, c, left=0.0) for c, delay in ((blood, delay_a), (portal, delay_p))]
    return flow / 6000 * (fraction * through(late[0], residue) + (1 - fraction) * through(late[1], residue))


def sampled(curve: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    return np.interp(times_s, FINE, curve)


def shipped(
    blood: np.ndarray, portal: np.ndarray, times_s: np.ndarray, *, noise_hu: float = 0.0, seed: tuple[int, ...] = ()
) -> Inputs:
    rng = np.random.default_rng(seed)
    sd = np.full(times_s.size, noise_hu) if noise_hu else None
    curves = [
        TimeCurve(n, times_s, 40 + sampled(c, times_s) + noise_hu * rng.standard_normal(times_s.size), sd)
        for n, c in (("arterial", blood), ("portal", portal))
    ]
    return dense_inputs(*curves, baseline_passes=1)


def joined(way: str, blood: np.ndarray, portal: np.ndarray) -> Inputs:
    """Inputs on the product's grid without any model behind them."""
    dense = np.arange(TIMES_S[0], TIMES_S[-1] + STEP_S, STEP_S)
    found = []
    for curve in (blood, portal):
        y = sampled(curve, TIMES_S) - sampled(curve, TIMES_S[:1])
        if way == "true":
            found.append(sampled(curve, dense))
        elif way == "linear":
            found.append(np.interp(dense, TIMES_S, y))
        else:
            found.append(PchipInterpolator(TIMES_S, y)(np.minimum(dense, TIMES_S[-1])))
    samples = [TimeCurve(n, TIMES_S, sampled(c, TIMES_S)) for n, c in (("arterial", blood), ("portal", portal))]
    return Inputs(*samples, dense, found[0], found[1], np.empty((0, 2, dense.size)), 1, way)


def run(job: Job, ways: tuple[str, ...], noise_hu: float) -> list[dict[str, object]]:
    """One row a tissue and way. Noise is on the samples of both inputs; a region's curve carries a seventh of it."""
    blood, portal = inputs_of(job)
    patient = (job.seed, int(10 * job.peak_s), FAMILIES.index(job.family))
    own = shipped(blood, portal, TIMES_S, noise_hu=noise_hu, seed=patient)
    ready = {way: own if way == "shipped" else joined(way, blood, portal) for way in ways}
    rows = []
    rng = np.random.default_rng((*patient, 1))
    sd = np.full(TIMES_S.size, noise_hu / 7) if noise_hu else None
    for name, (kind, flow, *_) in TISSUES.items():
        y = sampled(tissue(name, blood, portal), TIMES_S) + 50 + noise_hu / 7 * rng.standard_normal(TIMES_S.size)
        curve = TimeCurve(name, TIMES_S, y, sd)
        for way, inputs in ready.items():
            found = fit_curve(curve, inputs, model=model_of(kind), density_g_ml=1.0, seed=1)
            low, high = np.percentile(found.samples["bf"], [2.5, 97.5])
            error = found.parameters["bf"].value / flow - 1
            row = {"family": job.family, "peak": job.peak_s, "seed": job.seed, "tissue": name, "way": way}
            rows.append(
                row | {"error": error, "inside": bool(low <= flow <= high), "width": (high - low) / flow, "flags": inputs.flags}
            )
    return rows


def flags_of(job: Job, noise_hu: float) -> dict[str, object]:
    """Whether the flags say what is true, at the gap's times and at times without a gap; noise is on the samples of the gap's times.

    ``covered`` is the share of places in the gap, 2 s apart, where the true portal curve is within two SDs of the reconstructed one.
    """
    blood, portal = inputs_of(job)
    gap = shipped(blood, portal, TIMES_S, noise_hu=noise_hu, seed=(job.seed, int(10 * job.peak_s), FAMILIES.index(job.family)))
    places = np.searchsorted(gap.dense_times_s, np.arange(30.0, 47.0, 2.0))
    off = gap.dense_portal - sampled(portal, gap.dense_times_s)
    sd = np.sqrt((gap.modes[:, 1] ** 2).sum(0))
    dense = shipped(blood, portal, DENSE_TIMES_S)
    swapped = shipped(portal, blood, TIMES_S)
    return {
        "family": job.family,
        "peak": job.peak_s,
        "covered": np.mean(np.abs(off[places]) < 2 * sd[places]),
        "gap": "portal-peak-in-gap" in gap.flags,
        "dense": "portal-peak-in-gap" in dense.flags,
        "true swap": "inputs-swapped" in swapped.flags,
        "false swap": "inputs-swapped" in gap.flags or "inputs-swapped" in dense.flags,
        "same": "inputs-identical" in gap.flags or "inputs-identical" in dense.flags,
        "untrusted": any("untrusted" in f for f in gap.flags),
    }


def print_bias(rows: list[dict[str, object]], ways: tuple[str, ...]) -> None:
    for family in dict.fromkeys(r["family"] for r in rows):
        print(
            f"\n{family}: blood-flow error in % as median (worst); share of 95 % intervals that hold the truth, and their width in %"
        )
        print("peak s  " + "".join(f"{way:>18s}" for way in ways) + "   inside   width  flagged")
        for peak in dict.fromkeys(r["peak"] for r in rows if r["family"] == family):
            line = f"{peak:6.0f}  "
            mine = [r for r in rows if r["family"] == family and r["peak"] == peak]
            for way in ways:
                error = 100 * np.array([r["error"] for r in mine if r["way"] == way])
                line += f"{np.median(error):+9.1f} ({error[np.abs(error).argmax()]:+6.1f})"
            own = [r for r in mine if r["way"] == "shipped"]
            inside, width = np.mean([r["inside"] for r in own]), 100 * np.median([r["width"] for r in own])
            print(line + f"{inside:9.2f}{width:8.0f}{np.mean(['portal-peak-in-gap' in r['flags'] for r in own]):9.2f}")


def print_tissues(rows: list[dict[str, object]], ways: tuple[str, ...]) -> None:
    print("\nall families: blood-flow error in % as median (worst) a tissue; share of its 95 % intervals that hold the truth")
    for peak in dict.fromkeys(r["peak"] for r in rows):
        for name in TISSUES:
            mine = [r for r in rows if r["peak"] == peak and r["tissue"] == name]
            line = f"{peak:6.0f}  {name:>15s}"
            for way in ways:
                error = 100 * np.array([r["error"] for r in mine if r["way"] == way])
                line += f"{np.median(error):+9.1f} ({error[np.abs(error).argmax()]:+6.1f})"
            print(line + f"{np.mean([r['inside'] for r in mine if r['way'] == 'shipped']):9.2f}")
    for way in ways:
        error = 100 * np.abs([r["error"] for r in rows if r["way"] == way])
        print(f"all peaks, {way}: {100 * np.mean(error <= 10):.0f} % within 10 %, {100 * np.mean(error <= 20):.0f} % within 20 %")
    print(f"shipped: 95 % intervals hold the truth in {100 * np.mean([r['inside'] for r in rows if r['way'] == 'shipped']):.0f} %")


def print_flags(rows: list[dict[str, object]]) -> None:
    names = ("gap", "dense", "true swap", "false swap", "same", "untrusted", "covered")
    print(
        "\nshare flagged: peak in gap at the gap's times and at even 2-s times; swapped when swapped and when not; identical; untrusted;"
        "\nand share of the gap where the true portal curve is within two SDs"
    )
    for family in dict.fromkeys(r["family"] for r in rows):
        print(f"{family:>12s} peak s" + "".join(f"{n:>12s}" for n in names))
        for peak in dict.fromkeys(r["peak"] for r in rows):
            mine = [r for r in rows if r["family"] == family and r["peak"] == peak]
            print(f"{peak:19.0f}" + "".join(f"{np.mean([r[n] for r in mine]):12.2f}" for n in names))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--peaks", nargs="+", type=float, default=list(PEAKS_S))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--noise-hu", type=float, default=0.0, help="standard deviation of a sample of either input")
    parser.add_argument("--flags-only", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    jobs = [Job(family, peak, seed) for family in options.family for peak in options.peaks for seed in seeds]
    ways = tuple(options.ways)
    with ProcessPoolExecutor(options.workers) as pool:
        if not options.flags_only:
            found = [row for rows in pool.map(run, jobs, [ways] * len(jobs), [options.noise_hu] * len(jobs)) for row in rows]
            print_bias(found, ways)
            print_tissues(found, ways)
        print_flags(list(pool.map(flags_of, jobs, [options.noise_hu] * len(jobs))))


if __name__ == "__main__":
    main()
