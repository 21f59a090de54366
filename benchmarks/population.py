"""A population of liver and tumour voxels with known truth, made without the package's own convolution.

Inputs: a 10-s bolus through heart and lungs with recirculation (peak 380 HU at 13 s), and the same through the gut (peak 198 HU at 32 s); the scan
starts 9 s after the injection. 30 % tumour (flow 40-250 mL/min/100 mL, arterial fraction 0.4-0.95, transit 5-20 s) and 70 % liver
(50-180, 0.08-0.4, 8-25 s); arterial delay 0-5 s, portal delay -1 to 4 s. The tissue is one compartment with two inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import gamma

from hepaflow.domain.curves import Inputs, TimeCurve

TIMES = np.r_[np.arange(15) * 2.0, 48 + 20.0 * np.arange(6)]
STEP = 0.05
FINE = np.arange(-12.0, 152.0, STEP)
START = 9.0


@dataclass(frozen=True)
class Population:
    """``curves`` (21, v) without noise, baseline 50 HU; truth (v,) per key, flows in mL/min/100 mL; ``tumour`` (v,)."""

    curves: np.ndarray
    truth: dict[str, np.ndarray]
    tumour: np.ndarray


def true_inputs() -> tuple[np.ndarray, np.ndarray]:
    """Arterial and portal enhancement on FINE (time from the first pass)."""
    since = FINE + START

    def smear(curve: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return np.convolve(curve, kernel)[: curve.size] * STEP

    lag = np.arange(FINE.size) * STEP
    bolus = ((since >= 0) & (since < 10)).astype(float)
    first = smear(bolus, gamma.pdf(lag - 9.0, 4.0, scale=2.2))
    again = smear(first, gamma.pdf(lag - 8.0, 2.0, scale=9.0))
    slow = smear(first, np.exp(-lag / 90.0) / 90.0)
    arterial = first + 0.3 * again + 0.6 * slow
    arterial *= 380 / arterial.max()
    portal = smear(arterial, gamma.pdf(lag - 2.0, 4.0, scale=4.8))
    return arterial, portal


ARTERIAL, PORTAL = true_inputs()


def inputs() -> Inputs:
    """The true inputs on a grid of 0.25 s, without uncertainty."""
    dense = np.arange(-3.0, 150.0, 0.25)
    a, p = (np.interp(dense, FINE, c) for c in (ARTERIAL, PORTAL))
    sampled = [TimeCurve(n, TIMES, np.interp(TIMES, FINE, c)) for n, c in (("arterial", ARTERIAL), ("portal", PORTAL))]
    return Inputs(sampled[0], sampled[1], dense, a, p, np.empty((0, 2, dense.size)), 1, "true")


def make(count: int, seed: int = 0) -> Population:
    """``count`` voxels."""
    rng = np.random.default_rng(seed)
    tumour = rng.random(count) < 0.3

    def mix(t: tuple[float, float], liver: tuple[float, float]) -> np.ndarray:
        return np.where(tumour, rng.uniform(*t, count), rng.uniform(*liver, count))

    bf, haf, mtt = mix((40, 250), (50, 180)), mix((0.4, 0.95), (0.08, 0.4)), mix((5, 20), (8, 25))
    late_a, late_p = rng.uniform(0, 5, count), rng.uniform(-1, 4, count)
    curves = one_compartment(bf * haf, bf * (1 - haf), mtt, (late_a, late_p)) + 50.0
    return Population(curves, {"bf": bf, "haf": haf, "mtt": mtt, "bv": bf * mtt / 60, "late_a": late_a, "late_p": late_p}, tumour)


def one_compartment(habf: np.ndarray, hpbf: np.ndarray, mtt: np.ndarray, delays: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Curves (21, v) by stepping the compartment through time."""
    out = np.zeros((TIMES.size, mtt.size))
    keep = np.exp(-STEP / mtt)
    for flow, source, delay in ((habf, ARTERIAL, delays[0]), (hpbf, PORTAL, delays[1])):
        due = TIMES[:, None] - delay
        state = np.zeros(mtt.size)
        for i in range(FINE.size - 1):
            after = state * keep + 0.5 * STEP * (source[i] * keep + source[i + 1])
            inside = (due >= FINE[i]) & (due < FINE[i + 1])
            if inside.any():
                share = (due - FINE[i]) / STEP
                out += np.where(inside, flow / 6000 * (state + share * (after - state)), 0.0)
            state = after
    return out
