"""Truth made independently of the product: brute-force convolution on a 0.05 s grid."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm
from scipy.stats import gamma

STEP = 0.05
FINE = np.arange(0, 200, STEP)
FIRST_PASS_S = 11.0
THESIS_TIMES = np.r_[np.arange(15) * 2.0, 48 + 20.0 * np.arange(6)]
#: flow mL/min/100 mL, arterial fraction, transit s, extraction, ve, arterial and portal delay s
TISSUES = (
    (100, 0.2, 10, 0.4, 0.25, 1.5, 1.0),
    (120, 0.15, 8, 0.5, 0.2, 1.0, 0.5),
    (60, 0.7, 6, 0.3, 0.2, 2.0, 1.0),
    (110, 0.4, 12, 0.6, 0.3, 1.0, 1.0),
)


def convolved(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.convolve(one, other)[: one.size] * STEP


def true_inputs(gut_s: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    box = (FINE < 9).astype(float)
    first = convolved(box, gamma.pdf(FINE - 12, 6, scale=8 / 6))
    again = convolved(first, gamma.pdf(FINE - 8, 2.0, scale=14))
    slow = convolved(first, np.exp(-FINE / 600) * (FINE > 15) * (1 - np.exp(-(FINE - 15) / 15)))
    arterial = first + 0.1 * again / again.max() * first.max() + 0.16 * slow / slow.max() * first.max()
    arterial *= 380 / arterial.max()
    return arterial, convolved(arterial, gamma.pdf(FINE - 2, 3, scale=gut_s / 3))


def true_aath(arterial: np.ndarray, portal: np.ndarray, tissue: tuple[float, ...]) -> np.ndarray:
    flow, fraction, transit, extraction, ve, delay_a, delay_p = tissue
    rate = extraction * flow / 6000 / ve
    residue = np.where(transit > FINE, 1.0, extraction * np.exp(-rate * (FINE - transit)))
    residue[0] = 0.5
    residue[round(transit / STEP)] = 0.5 * (1 + extraction)
    late = [np.interp(FINE - delay, FINE, c, left=0) for c, delay in ((arterial, delay_a), (portal, delay_p))]
    return flow / 6000 * (fraction * convolved(late[0], residue) + (1 - fraction) * convolved(late[1], residue))


def sampled(curve: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    return np.interp(times_s + FIRST_PASS_S, FINE, curve)


def exchange_residue(flow: float, vessels: float, ps: float, interstitium: float) -> np.ndarray:
    """Contrast left in two exchanging compartments after a unit pulse, by the matrix exponential of the flows between them.

    ``flow`` and ``ps`` in 1/s, volumes as fractions.
    """
    between = np.array([[-(flow + ps) / vessels, ps / interstitium], [ps / vessels, -ps / interstitium]])
    step = expm(between * STEP)
    state, left = np.array([1.0, 0.0]), np.empty(FINE.size)
    for i in range(FINE.size):
        left[i] = state.sum()
        state = step @ state
    return left


def true_two_compartment(arterial: np.ndarray, portal: np.ndarray, tissue: tuple[float, ...]) -> np.ndarray:
    """``tissue``: flow mL/min/100 mL, arterial fraction, vascular volume, PS mL/min/100 mL, ve, arterial and portal delay s."""
    flow, fraction, vessels, ps, interstitium, delay_a, delay_p = tissue
    residue = exchange_residue(flow / 6000, vessels, ps / 6000, interstitium)
    residue[0] = 0.5
    late = [np.interp(FINE - delay, FINE, c, left=0) for c, delay in ((arterial, delay_a), (portal, delay_p))]
    return flow / 6000 * (fraction * convolved(late[0], residue) + (1 - fraction) * convolved(late[1], residue))
