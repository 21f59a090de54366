"""Bad numbers in the inputs: each is refused by its code or told by its flag, never fitted in silence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "kinetics"))
from curves_for_tests import FINE, FIRST_PASS_S, THESIS_TIMES, sampled, true_inputs

from hepaflow.curves.enhancement import baseline_flags, baseline_passes
from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.quality import FLAGS
from hepaflow.errors import InputRefused

ARTERIAL, PORTAL = true_inputs()
N = THESIS_TIMES.size
Pair = tuple[np.ndarray, np.ndarray]


def pair(shift_s: float = 0.0) -> Pair:
    """Raw arterial and portal HU with contrast ``shift_s`` later than usual."""
    return 40 + sampled(ARTERIAL, THESIS_TIMES - shift_s), 42 + sampled(PORTAL, THESIS_TIMES - shift_s)


def flags_of(arterial: np.ndarray, portal: np.ndarray) -> tuple[str, ...]:
    baseline = baseline_passes(THESIS_TIMES, arterial)
    curves = (TimeCurve("arterial", THESIS_TIMES, arterial), TimeCurve("portal", THESIS_TIMES, portal))
    return (*baseline_flags(THESIS_TIMES, arterial, baseline), *dense_inputs(*curves, baseline_passes=baseline).flags)


def changed(which: int, change: Callable[[np.ndarray], np.ndarray], shift_s: float = 0.0) -> Pair:
    curves = list(pair(shift_s))
    curves[which] = change(curves[which].copy())
    return curves[0], curves[1]


def holed(*passes: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values[list(passes)] = np.nan
        return values

    return change


def test_a_good_pair_is_not_suspected() -> None:
    assert flags_of(*pair()) == ()


@pytest.mark.parametrize(
    ("inputs", "flag"),
    [
        (pair(-9.0), "baseline-missing"),  # contrast was there before the first pass
        (pair(-20.0), "refused"),  # the arterial peak too: the first pass is the highest, so nothing rises above it
        (pair(-3.0), "baseline-short"),
        (pair(20.0), "arterial-peak-in-gap"),  # contrast late
        (pair(160.0), "refused"),  # contrast after the last pass
        (changed(0, lambda v: np.minimum(v, 300.0)), "arterial-clipped"),
        (changed(1, lambda v: np.minimum(v, 180.0)), "portal-clipped"),
        (changed(0, lambda v: np.full(N, 40.0)), "refused"),
        (changed(0, lambda v: np.zeros(N)), "refused"),
        (changed(0, lambda v: 80 - v), "refused"),  # darker with contrast
        (changed(1, lambda v: np.full(N, 42.0)), "refused"),
        ((pair()[0], pair()[0]), "inputs-identical"),
        ((pair()[0], 0.8 * pair()[0]), "inputs-identical"),
        (pair()[::-1], "inputs-swapped"),
        (changed(0, lambda v: np.full(N, np.nan)), "refused"),
        (changed(0, holed(*range(4, N))), "refused"),
        (changed(1, holed(*range(3, N))), "refused"),
        (changed(1, holed(0, 1, 2)), "baseline-missing"),
        (changed(0, lambda v: v + 0.4 * (v.max() - 40) * np.exp(-THESIS_TIMES / 2.0), 2.0), "baseline-unsteady"),
        (changed(1, lambda v: 42 + np.arange(N)), "portal-peak-not-seen"),
    ],
)
def test_what_is_wrong_with_inputs_is_told_or_refused(inputs: Pair, flag: str) -> None:
    if flag == "refused":
        with pytest.raises(InputRefused, match=r"^INPUT-(TOO-SHORT|NO-ENHANCEMENT): "):
            flags_of(*inputs)
        return
    found = flags_of(*inputs)
    assert flag in found
    assert set(found) <= set(FLAGS)


@pytest.mark.parametrize("passes", [(5,), (6, 7), (0,), (14, 15), (3, 9, 17)])
def test_missing_passes_are_bridged_near_the_truth(passes: tuple[int, ...]) -> None:
    arterial, portal = (holed(*passes)(values) for values in pair())
    curves = (TimeCurve("arterial", THESIS_TIMES, arterial), TimeCurve("portal", THESIS_TIMES, portal))
    found = dense_inputs(*curves, baseline_passes=2)
    true = np.interp(found.dense_times_s + FIRST_PASS_S, FINE, ARTERIAL)
    # two passes of the rise gone leave 6 s without a sample: a tenth of the peak there, far from the half that lies between them
    assert np.abs(found.dense_arterial - true).max() < 0.1 * true.max()
    assert np.isfinite(found.dense_portal).all()


@pytest.mark.parametrize("noise_hu", [0.5, 2.0, 4.0])
def test_a_noisy_baseline_is_no_unsteady_one(noise_hu: float) -> None:
    """Ten patients each; 4 HU is more than the standard error of any vessel's mean."""
    rng = np.random.default_rng(5)
    for _ in range(10):
        noisy = pair(3.0)[0] + noise_hu * rng.standard_normal(N)
        assert baseline_flags(THESIS_TIMES, noisy, baseline_passes(THESIS_TIMES, noisy)) == ()


def test_a_flat_top_with_nothing_above_the_baseline_beside_it_is_taken_as_it_is():
    times = THESIS_TIMES
    arterial = TimeCurve("arterial", times, 20 + 300 * np.exp(-(((times - 12) / 5) ** 2)))
    falling = -np.arange(float(times.size))
    falling[9:13] = 100.0
    found = dense_inputs(arterial, TimeCurve("portal", times, falling), baseline_passes=1)
    assert np.isfinite(found.dense_portal).all()
    assert {"portal-clipped", "portal-model-untrusted"} <= set(found.flags)


def test_curves_of_less_than_ten_seconds_are_refused():
    times = THESIS_TIMES * 9.9 / THESIS_TIMES[-1]
    arterial = TimeCurve("arterial", times, 300 * np.exp(-(((times - 1) / 0.5) ** 2)))
    with pytest.raises(InputRefused, match=r"^INPUT-TOO-BRIEF"):
        dense_inputs(arterial, None, baseline_passes=1)


@pytest.mark.parametrize(
    "arterial",
    [
        np.r_[np.full(N - 1, 40.0), 396.0],  # the scan ended as contrast came
        np.r_[pair()[0][:5], 1e30, pair()[0][6:]],  # one wrong cell
        np.r_[pair()[0][:5], 1e300, pair()[0][6:]],
        np.r_[pair()[0][:5], 1e5, pair()[0][6:]],
    ],
    ids=["late", "1e30", "1e300", "1e5"],
)
@pytest.mark.filterwarnings("error")
def test_an_arterial_curve_that_one_sample_alone_shows_is_refused(arterial: np.ndarray) -> None:
    with pytest.raises(InputRefused, match=r"^INPUT-ONE-SAMPLE"):
        flags_of(arterial, pair()[1])


@pytest.mark.filterwarnings("error")
def test_a_portal_curve_that_falls_is_refused_though_rounding_lifts_a_sample() -> None:
    arterial, portal = pair()
    falling = 84.0 - portal
    falling[1] += 1e-11
    with pytest.raises(InputRefused, match=r"^INPUT-NO-ENHANCEMENT: the portal"):
        flags_of(arterial, np.minimum(falling, 42.0 + 1e-11))
