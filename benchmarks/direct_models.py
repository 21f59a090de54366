"""Speed and accuracy of the models that are read straight from the samples.

    python benchmarks/direct_models.py [--voxels 1200000] [--rounds 7]
    python benchmarks/direct_models.py --accuracy

Speed: CPU-seconds of one thread for reading every voxel (21 passes, float32, blocks as in a map), medians of interleaved rounds, beside a
copy of the same array. Accuracy: tissue with a plateau and an exponential residue (AATH), two inputs, the truth convolved on a grid of 0.05 s by
code that shares nothing with the product (and one-compartment tissue after it); 600 tissues, passes at 0, 2, ... 28, 48, ... 148 s, noise of 0, 1, 3 and 10 HU.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import numpy as np
from scipy.stats import gamma

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.kinetics import deconvolution
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import DirectModel, Settings

DIRECT = [model for model in MODELS if isinstance(model, DirectModel)]
TIMES_S = np.r_[np.arange(15) * 2.0, 48.0 + 20.0 * np.arange(6)]
BLOCK = 16384
STEP_S = 0.05
FINE_S = np.arange(0.0, 180.0, STEP_S)
FIRST_PASS_S = 11.0
TISSUES = 600
NOISES = (0.0, 1.0, 3.0, 10.0)
ROUGHNESS = deconvolution.roughness


def convolved(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Along the last axis, on the fine grid."""
    size = 2 * FINE_S.size
    return np.fft.irfft(np.fft.rfft(one, size) * np.fft.rfft(other, size), size)[..., : FINE_S.size] * STEP_S


def vessels() -> tuple[np.ndarray, np.ndarray]:
    """Arterial and portal enhancement in HU on the fine grid."""
    bolus = convolved((FINE_S < 9).astype(float), gamma.pdf(FINE_S - 12, 6, scale=8 / 6))
    again = convolved(bolus, gamma.pdf(FINE_S - 8, 2, scale=14))
    slow = convolved(bolus, np.exp(-FINE_S / 600) * np.clip(1 - np.exp(-(FINE_S - 15) / 15), 0, None))
    arterial = bolus + bolus.max() * (0.1 * again / again.max() + 0.16 * slow / slow.max())
    arterial *= 380 / arterial.max()
    return arterial, convolved(arterial, gamma.pdf(FINE_S - 2, 3, scale=4))


def tissues(arterial: np.ndarray, portal: np.ndarray, *, plateau: bool = True) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Curves (passes, tissues) in HU and their truth, per 100 mL: 30 % tumour, the rest liver; without the plateau one compartment."""
    rng = np.random.default_rng(7)

    def between(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, TISSUES)

    tumour = between(0, 1) < 0.3
    flow = np.where(tumour, between(40, 250), between(50, 180))
    fraction = np.where(tumour, between(0.4, 0.95), between(0.08, 0.4))
    transit = np.where(tumour, between(5, 20), between(8, 25))
    extraction, ve, delays = between(0.1, 0.7), between(0.1, 0.35), (between(0, 4), between(-1, 3))
    rate, start, share = (
        (extraction * flow / 6000 / ve, transit, extraction) if plateau else (1 / transit, 0 * transit, 1 + 0 * transit)
    )
    since = FINE_S - start[:, None]
    residue = np.where(since < 0, 1.0, share[:, None] * np.exp(-rate[:, None] * np.maximum(since, 0)))
    residue[:, 0] = 0.5
    late = [
        np.stack([np.interp(FINE_S - d, FINE_S, c, left=0) for d in delay])
        for c, delay in zip((arterial, portal), delays, strict=True)
    ]
    mixed = fraction[:, None] * late[0] + (1 - fraction)[:, None] * late[1]
    whole = flow[:, None] / 6000 * convolved(mixed, residue)
    curves = np.stack([np.interp(TIMES_S + FIRST_PASS_S, FINE_S, c) for c in whole], axis=1)
    seen = TIMES_S[-1] + FIRST_PASS_S - FINE_S[arterial.argmax()] - start
    total = start + share / rate * (1 - np.exp(-rate * seen))
    truth = {"bf": flow, "habf": flow * fraction, "hpbf": flow * (1 - fraction), "haf": fraction, "bv all": flow * total / 60}
    truth["total_mtt"] = total
    return curves, truth | ({"bv vessels": flow * transit / 60, "ktrans": flow * extraction} if plateau else {})


def sampled_inputs(arterial: np.ndarray, portal: np.ndarray) -> Inputs:
    """As the product makes them from the samples."""
    a, p = (np.interp(TIMES_S + FIRST_PASS_S, FINE_S, c) for c in (arterial, portal))
    return dense_inputs(TimeCurve("arterial", TIMES_S, a), TimeCurve("portal", TIMES_S, p), baseline_passes=2)


def errors(model: DirectModel, curves: np.ndarray, truth: dict[str, np.ndarray], inputs: Inputs, label: str) -> None:
    """Print one row a quantity and noise."""
    for key in model.quantities:
        name = {"bv": "bv all" if model.key == "deconvolution" else "bv vessels"}.get(key, key)
        for noise in NOISES if name in truth else ():
            values = curves + 40 + noise * np.random.default_rng(11).standard_normal(curves.shape)
            found = model.prepare(TIMES_S, inputs, model.settle(TIMES_S, values, inputs, noise)).read(values).quantities[key]
            error = found - truth[name] if key == "haf" else 100 * (found / truth[name] - 1)
            middle, size = np.median(error), np.sqrt(np.mean(error**2))
            said = f"{middle:+.2f} | {size:.2f}" if key == "haf" else f"{middle:+.0f} % | {size:.0f} %"
            print(f"| {label} | `{key}` | {noise:.0f} | {said} | {np.corrcoef(found, truth[name])[0, 1]:.2f} |")


def size_penalty(nodes: np.ndarray) -> np.ndarray:
    """Of the residue itself in place of its slope."""
    gap = np.diff(nodes)
    return np.diag(0.5 * (np.append(gap, 0) + np.append(0, gap)))


def anchored_penalty(nodes: np.ndarray) -> np.ndarray:
    """Of the slope, with the residue zero before the first node."""
    matrix = ROUGHNESS(nodes)
    matrix[0, 0] += 1 / (nodes[1] - nodes[0])
    return matrix


def voted(times_s: np.ndarray, guide: np.ndarray, inputs: Inputs, noise: float) -> Settings:
    """The strength with the least generalised cross-validation summed over all voxels, in place of the one that reads flow best."""
    problem = deconvolution._Problem.of(times_s, inputs)
    centred = guide - guide.mean(0)
    best, chosen = np.inf, 0.0
    for strength in deconvolution._strengths(problem):
        left = times_s.size - deconvolution.GCV_WEIGHT * problem.freedom(strength)
        misfit = centred - problem.left @ (
            (problem.singular**2 / (problem.singular**2 + strength))[:, None] * (problem.left.T @ centred)
        )
        score = float((misfit**2).sum()) / left**2 if left > 0 else np.inf
        if score < best:
            best, chosen = score, float(strength)
    return Settings(noise=noise, strength=chosen)


def accuracy() -> None:
    """Print the table of errors."""
    arterial, portal = vessels()
    inputs = sampled_inputs(arterial, portal)
    direct = {model.key: model for model in DIRECT}
    print("| model | quantity | noise, HU | median error | RMS error | correlation |\n| --- | --- | --- | --- | --- | --- |")
    curves, truth = tissues(arterial, portal)
    for key, model in direct.items():
        errors(model, curves, truth, inputs, key)
    for name, penalty in (("size penalty", size_penalty), ("anchored penalty", anchored_penalty)):
        with mock.patch.object(deconvolution, "roughness", penalty):
            errors(direct["deconvolution"], curves, truth, inputs, name)
    by_vote = replace(direct["deconvolution"], settle=voted)
    errors(by_vote, curves, truth, inputs, "strength by cross-validation over voxels")
    curves, truth = tissues(arterial, portal, plateau=False)
    for key in ("max-slope", "deconvolution"):
        errors(direct[key], curves, truth, inputs, f"{key}, one compartment")
    errors(by_vote, curves, truth, inputs, "strength by cross-validation over voxels, one compartment")


def speed(voxels: int, rounds: int) -> None:
    """Print CPU-seconds a model."""
    arterial, portal = vessels()
    curves, _ = tissues(arterial, portal)
    inputs = sampled_inputs(arterial, portal)
    rng = np.random.default_rng(3)
    values = (curves[:, rng.integers(0, TISSUES, voxels)] + 40).astype(np.float32)
    for i in range(TIMES_S.size):
        values[i] += 3 * rng.standard_normal(voxels, np.float32)
    readers = {m.key: m.prepare(TIMES_S, inputs, m.settle(TIMES_S, values[:, :500], inputs, 3.0)) for m in DIRECT}
    target = np.empty_like(values)

    def read(key: str) -> None:
        for i in range(0, voxels, BLOCK):
            readers[key].read(values[:, i : i + BLOCK])

    jobs: dict[str, Callable[[], None]] = {"copy of the array": lambda: np.copyto(target, values)}
    jobs |= {key: (lambda key=key: read(key)) for key in readers}
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):
        for name, job in jobs.items():
            started = time.process_time()
            job()
            taken[name].append(time.process_time() - started)
    for name, seconds in taken.items():
        kept = np.array(seconds[1:])  # the first compiles and touches memory
        print(f"{name:18s} {np.median(kept):.3f} CPU-s ({kept.min():.3f} to {kept.max():.3f})")
    three = sum(np.array(taken[key][1:]) for key in ("patlak", "max-slope", "deconvolution"))
    print(
        f"{'first three':18s} {np.median(three):.3f} CPU-s ({three.min():.3f} to {three.max():.3f}), {voxels} voxels, {TIMES_S.size} passes"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=1_200_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--accuracy", action="store_true")
    given = parser.parse_args()
    if given.accuracy:
        accuracy()
    else:
        speed(given.voxels, given.rounds)
