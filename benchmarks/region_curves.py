"""Accuracy of a region's numbers on mean curves: six tissues, dense and uneven times, with and without noise.

The truth is made independently: brute-force convolution on a 0.05 s grid (``tests/kinetics/curves_for_tests.py``). Beside every error
stands the Cramer-Rao bound, the least SD that any unbiased method can have with the inputs known and no prior. Usage:

    python benchmarks/region_curves.py [--model aath] [--noise 0 0.3] [--seeds 10] [--input-noise HU] [--table]

``--input-noise`` adds noise of this SD to every sample of both inputs and tells the fit so. ``--table`` prints the overall lines alone,
as a table for the documentation.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kinetics"))
from curves_for_tests import (
    FINE,
    THESIS_TIMES,
    convolved,
    sampled,
    true_aath,
    true_inputs,
    true_two_compartment,
)

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_curve import fit_curve

#: Flow mL/min/100 mL, arterial fraction, MTT s, extraction, ve, arterial and portal delay s. Every column is spread evenly over its
#: range and the columns are shuffled against each other, so that no tissue was picked.
TISSUES = (
    (40, 0.45, 8, 0.50, 0.25, 1.0, 0.5),
    (62, 0.90, 12, 0.30, 0.40, 2.1, 1.6),
    (84, 0.15, 16, 0.60, 0.20, 1.4, 0.2),
    (106, 0.60, 6, 0.20, 0.15, 0.6, 1.2),
    (128, 0.30, 10, 0.70, 0.35, 1.8, 0.9),
    (150, 0.75, 14, 0.40, 0.30, 2.5, 2.0),
)
TIMES = {"dense": np.arange(0.0, 150.0), "thesis": THESIS_TIMES}
ARTERIAL, PORTAL = true_inputs()
Truth = Callable[[tuple[float, ...]], np.ndarray]


def one_compartment(tissue: tuple[float, ...]) -> np.ndarray:
    flow, fraction, transit, _, _, delay_a, delay_p = tissue
    residue = np.exp(-FINE / transit)
    residue[0] = 0.5
    late = [np.interp(FINE - delay, FINE, c, left=0) for c, delay in ((ARTERIAL, delay_a), (PORTAL, delay_p))]
    return flow / 6000 * (fraction * convolved(late[0], residue) + (1 - fraction) * convolved(late[1], residue))


def two_compartment(tissue: tuple[float, ...]) -> np.ndarray:
    flow, fraction, transit, extraction, ve, delay_a, delay_p = tissue
    ps = flow * extraction / (1 - extraction)
    return true_two_compartment(ARTERIAL, PORTAL, (flow, fraction, flow * transit / 6000, ps, ve, delay_a, delay_p))


TRUTHS: dict[str, Truth] = {
    "aath": lambda tissue: true_aath(ARTERIAL, PORTAL, tissue),
    "one-compartment": one_compartment,
    "two-compartment": two_compartment,
}
#: Which columns of a tissue a model knows.
UNKNOWNS = {"aath": (0, 1, 2, 3, 4, 5, 6), "one-compartment": (0, 1, 2, 5, 6), "two-compartment": (0, 1, 2, 3, 4, 5, 6)}


def bound(truth: Truth, tissue: tuple[float, ...], times: np.ndarray, noise: float, unknowns: tuple[int, ...]) -> np.ndarray:
    """Cramer-Rao SD of flow (as a share) and arterial fraction, with a free baseline."""
    columns = [np.ones(times.size)]
    for i in unknowns:
        # transit and delays in whole steps of the grid: the brute force knows no finer
        step = 0.1 if i in {2, 5, 6} else 0.01 * max(tissue[i], 0.1)
        ends = [sampled(truth((*tissue[:i], tissue[i] + sign * step, *tissue[i + 1 :])), times) for sign in (1.0, -1.0)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    jacobian = np.stack(columns, 1)
    scale = np.sqrt((jacobian**2).sum(0))
    covariance = noise**2 * np.linalg.inv((jacobian / scale).T @ (jacobian / scale)) / np.outer(scale, scale)
    sd = np.sqrt(np.diag(covariance))
    return np.array([sd[1] / tissue[0], sd[2]])


def inputs_at(times: np.ndarray, noise: float, rng: np.random.Generator) -> Inputs:
    curves = []
    for name, curve in (("arterial", ARTERIAL), ("portal", PORTAL)):
        values = sampled(curve, times) + noise * rng.standard_normal(times.size)
        curves.append(TimeCurve(name, times, values, np.full(times.size, noise) if noise else None))
    return dense_inputs(*curves, baseline_passes=2)


def fits(
    key: str, times: np.ndarray, noise: float, *, seeds: int, input_noise: float
) -> tuple[dict[tuple[float, ...], np.ndarray], float]:
    """Rows (seeds, 4) a tissue: flow error as a share, fraction error, and whether each 95 % interval holds the truth; seconds a fit."""
    chosen = model_of(key)
    fixed = None if input_noise else inputs_at(times, 0.0, np.random.default_rng(0))
    found, spent, count = {}, 0.0, 0
    for number, tissue in enumerate(TISSUES):
        clean = sampled(TRUTHS[key](tissue), times) + 50.0
        rows = []
        for seed in range(seeds if noise or input_noise else 1):
            rng = np.random.default_rng([seed, number])
            values = clean + noise * rng.standard_normal(times.size)
            inputs = fixed or inputs_at(times, input_noise, rng)
            curve = TimeCurve("tissue", times, values, np.full(times.size, noise) if noise else None)
            started = time.process_time()
            fitted = fit_curve(curve, inputs, model=chosen, density_g_ml=1.0, seed=seed)
            spent, count = spent + time.process_time() - started, count + 1
            inside = [
                low <= truth <= high
                for k, truth in (("bf", tissue[0]), ("haf", tissue[1]))
                for low, high in [np.percentile(fitted.samples[k], [2.5, 97.5])]
            ]
            rows.append([fitted.parameters["bf"].value / tissue[0] - 1, fitted.parameters["haf"].value - tissue[1], *inside])
        found[tissue] = np.array(rows)
    return found, spent / count


def line(head: str, rows: np.ndarray, least: np.ndarray) -> str:
    error = np.abs(rows)
    return (
        f"{head} | {100 * np.median(error[:, 0]):.1f} % | {100 * np.median(rows[:, 0]):+.1f} % | {np.median(error[:, 1]):.3f} "
        f"| {100 * rows[:, 2].mean():.0f} % | {100 * rows[:, 3].mean():.0f} % | {100 * least[0]:.1f} % | {least[1]:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="aath", choices=TRUTHS)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.3])
    parser.add_argument("--times", nargs="+", default=list(TIMES), choices=TIMES)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--input-noise", type=float, default=0.0)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if not asked.table:
        print("tissues: flow, fraction, MTT, extraction, ve, delays\n" + "\n".join(map(str, TISSUES)))
    print(
        "| times, noise | BF error, median | BF bias, median | HAF error, median | BF in interval | HAF in interval | bound BF | bound HAF |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for times in asked.times:
        for noise in asked.noise:
            found, seconds = fits(asked.model, TIMES[times], noise, seeds=asked.seeds, input_noise=asked.input_noise)
            truth, unknowns = TRUTHS[asked.model], UNKNOWNS[asked.model]
            least = {tissue: bound(truth, tissue, TIMES[times], noise, unknowns) for tissue in TISSUES}
            if not asked.table:
                for tissue, rows in found.items():
                    print(line(f"|   {tissue[0]}, {tissue[1]}", rows, least[tissue]))
            overall = np.median(np.stack(list(least.values())), 0)
            print(
                line(f"| {times}, {noise:g} HU", np.concatenate(list(found.values())), overall),
                "" if asked.table else f"{seconds:.2f} s a fit",
                flush=True,
            )


if __name__ == "__main__":
    main()
