"""How well AIC and its small-sample form say which model will describe new data better.

    python benchmarks/compare_models.py [--curves N]

Curves of two models with known parameters, 21 uneven samples, Gaussian noise. Each is fitted by both models as the product does
(most probable set under the priors). For each fit the deviance of new data from the same tissue is known exactly:
n ln(s2) + (n sigma^2 + |fit - truth|^2) / s2, with s2 the fit's own noise estimate; AIC and AICc are estimates of its mean. Printed per
tissue and noise: the mean difference of one-compartment from AATH by AIC, by AICc and in truth, and how often each puts AATH first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.dictionary import Sources, parameters, prior_of
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.problem import Prior, Problem
from hepaflow.kinetics.search import modes

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "kinetics"))
from curves_for_tests import FINE, THESIS_TIMES, TISSUES, convolved, sampled, true_aath, true_inputs

NOISE_HU = (0.3, 1.0, 3.0)
#: flow mL/min/100 mL, arterial fraction, transit s, arterial and portal delay s
ONE_COMPARTMENT_TISSUES = ((100, 0.2, 15, 1.5, 1.0), (60, 0.7, 12, 2.0, 1.0), (120, 0.15, 20, 1.0, 0.5))


def true_one_compartment(arterial: np.ndarray, portal: np.ndarray, tissue: tuple[float, ...]) -> np.ndarray:
    flow, fraction, transit, delay_a, delay_p = tissue
    residue = np.exp(-FINE / transit)
    residue[0] *= 0.5
    late = [np.interp(FINE - delay, FINE, c, left=0) for c, delay in ((arterial, delay_a), (portal, delay_p))]
    return flow / 6000 * (fraction * convolved(late[0], residue) + (1 - fraction) * convolved(late[1], residue))


def criteria(model: ResidueModel, sources: Sources, *, samples: np.ndarray, truth: np.ndarray, sigma: float) -> tuple[float, ...]:
    """AIC, AICc and the deviance of new data, each plus the same constant."""
    chosen = parameters(model, 2)
    problem = Problem(model, chosen, sources, THESIS_TIMES, samples, 2e-4 * float(np.abs(samples).max()), Prior(*prior_of(chosen)))
    best = modes(problem)[0][0]
    fit = problem.predict(best[None])[0]
    n, count = samples.size, best.size + 1
    variance = float(np.mean((samples - fit) ** 2))
    aic = n * np.log(variance) + n + 2 * count
    new = n * np.log(variance) + (n * sigma**2 + float(np.sum((fit - truth) ** 2))) / variance
    return float(aic), float(aic + 2 * count * (count + 1) / (n - count - 1)), float(new)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--curves", type=int, default=40)
    curves = parser.parse_args().curves
    arterial, portal = true_inputs()
    inputs = dense_inputs(
        TimeCurve("arterial", THESIS_TIMES, sampled(arterial, THESIS_TIMES)),
        TimeCurve("portal", THESIS_TIMES, sampled(portal, THESIS_TIMES)),
        baseline_passes=1,
    )
    sources = Sources.of(inputs)
    truths = [("aath", sampled(true_aath(arterial, portal, t), THESIS_TIMES)) for t in TISSUES]
    truths += [
        ("one-compartment", sampled(true_one_compartment(arterial, portal, t), THESIS_TIMES)) for t in ONE_COMPARTMENT_TISSUES
    ]
    rng = np.random.default_rng(1)
    print("truth            noise   one-compartment minus AATH     AATH first, %")
    print("                    HU     AIC    AICc  new data      AIC  AICc  new data")
    for name, truth in truths:
        for sigma in NOISE_HU:
            rows = []
            for _ in range(curves):
                samples = truth + rng.normal(0, sigma, truth.size)
                both = [criteria(m, sources, samples=samples, truth=truth, sigma=sigma) for m in (ONE_COMPARTMENT, AATH)]
                rows.append(np.subtract(*both))
            mean, first = np.mean(rows, axis=0), 100 * (np.array(rows) > 0).mean(0)
            numbers = "  ".join(f"{x:6.1f}" for x in mean), "  ".join(f"{x:4.0f}" for x in first)
            print(f"{name:16s}  {sigma:4.1f}  {numbers[0]}      {numbers[1]}", flush=True)


if __name__ == "__main__":
    main()
