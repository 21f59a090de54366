"""What the flags of a pair of inputs say is true: of simulated patients, none is flagged wrongly and none missed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))
from portal_gap import DENSE_TIMES_S, FAMILIES, TIMES_S, Job, inputs_of, sampled

from hepaflow.curves.inputs import dense_inputs
from hepaflow.curves.suspect import flat_top
from hepaflow.domain.curves import Inputs, TimeCurve


def found(job: Job, times_s: np.ndarray = TIMES_S, *, noise_hu: float = 0.0, swap: bool = False) -> Inputs:
    rng = np.random.default_rng(job.seed)
    curves = [40 + sampled(c, times_s) + noise_hu * rng.standard_normal(times_s.size) for c in inputs_of(job)]
    sd = np.full(times_s.size, max(noise_hu, 1e-3))
    arterial, portal = curves[::-1] if swap else curves
    return dense_inputs(TimeCurve("arterial", times_s, arterial, sd), TimeCurve("portal", times_s, portal, sd), baseline_passes=1)


@pytest.mark.parametrize("noise_hu", [0.0, 2.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_peak_in_the_gap_is_always_told_and_a_seen_one_never(family: str, noise_hu: float) -> None:
    for seed, peak_s in enumerate((29.0, 36.0, 46.0) if noise_hu else (29.0, 31.0, 36.0, 42.0, 46.0)):
        assert "portal-peak-in-gap" in found(Job(family, peak_s, seed), noise_hu=noise_hu).flags
        assert "portal-peak-in-gap" not in found(Job(family, peak_s, seed), DENSE_TIMES_S, noise_hu=noise_hu).flags
    # with 2 HU on every sample a peak 2.5 s before the gap may, within one sigma, lie in it
    for seed, peak_s in enumerate((20.0, 22.0, 24.0) if noise_hu else (20.0, 22.0, 24.0, 25.5, 27.0)):
        assert "portal-peak-in-gap" not in found(Job(family, peak_s, seed), noise_hu=noise_hu).flags


def test_a_largest_sample_at_the_edge_is_no_peak_in_the_gap_when_the_peak_was_seen() -> None:
    """The peak is at 27.5 s, the largest sample at 28 s, where the gap begins."""
    job = Job("gamma", 27.5, 3)
    inputs = found(job)
    assert TIMES_S[np.argmax(inputs.portal.values)] == 28.0
    assert "portal-peak-in-gap" not in inputs.flags


@pytest.mark.parametrize("noise_hu", [0.0, 3.0])
def test_swapped_inputs_are_told_and_others_never(noise_hu: float) -> None:
    for seed, peak_s in enumerate((20.0, 24.0, 28.0, 31.0, 36.0, 44.0)):
        job = Job(FAMILIES[seed % 3], peak_s, seed)
        assert "inputs-swapped" in found(job, noise_hu=noise_hu, swap=True).flags
        assert not {"inputs-swapped", "inputs-identical"} & set(found(job, noise_hu=noise_hu).flags)


@pytest.mark.parametrize("share", [0.9, 0.8])
def test_a_clipped_portal_peak_is_given_back(share: float) -> None:
    """Clipped at a share of its height; what was cut off comes back within a twentieth of the peak."""
    blood, portal = inputs_of(Job("gamma", 26.0, 50))
    y = 40 + sampled(portal, TIMES_S)
    y = np.minimum(y, 40 + share * (y.max() - 40))
    inputs = dense_inputs(
        TimeCurve("arterial", TIMES_S, 40 + sampled(blood, TIMES_S)), TimeCurve("portal", TIMES_S, y), baseline_passes=1
    )
    assert "portal-clipped" in inputs.flags
    true = sampled(portal, inputs.dense_times_s)
    assert inputs.dense_portal.max() == pytest.approx(true.max(), rel=0.05)
    # and where it was clipped, it says that it does not know
    at = np.searchsorted(inputs.dense_times_s, TIMES_S[int(np.argmax(y))])
    assert np.abs(inputs.modes[:, 1, at]).max() > 1e-3 * true.max()


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("share", [0.95, 0.8])
def test_every_clipped_artery_is_found_and_no_other(share: float, decimals: int | None) -> None:
    """Twelve patients with 0.5 HU of noise, clipped where at least two samples are cut; as given and rounded, as tables hold them."""
    rng = np.random.default_rng(1)
    for seed in range(12):
        blood = sampled(inputs_of(Job(FAMILIES[seed % 3], 24.0, seed))[0], TIMES_S) + 0.5 * rng.standard_normal(TIMES_S.size)
        cut = np.minimum(blood, share * blood.max())
        whole, cut = (y if decimals is None else np.round(y, decimals) for y in (blood, cut))
        assert not flat_top(whole).any()
        top = np.flatnonzero(cut == cut.max())
        assert flat_top(cut).any() == (top.size > 1)


@pytest.mark.parametrize(
    ("values", "clipped"),
    [
        ([0, 3.1, 50.3, 200.0, 200.0, 80.2, 40.7], [3, 4]),
        ([0, 3.1, 50.3, 200.0, 199.0, 80.2, 40.7], []),
        ([0, 0, 10, 50, 51, 51, 51, 50, 40], []),  # rounded and round
        ([0, 0, 10, 30, 51, 51, 51, 30, 10], [4, 5, 6]),  # rounded, but with steep sides
        ([0, 0, 10, 30, 51, 51, 30, 10, 4], []),  # two equal of rounded ones
        ([0, 3.1, 50.3, np.nan, 200.0, np.nan, 200.0, 80.2, 40.7], [4, 6]),
        ([5.0, 5.0, 5.0, 5.0, 5.0], []),
        ([0, 3.1, 200.0, 90.3, 200.0, 80.2, 40.7], []),  # not in a row
    ],
)
def test_what_counts_as_a_flat_top(values: list[float], clipped: list[int]) -> None:
    assert np.flatnonzero(flat_top(np.array(values, float))).tolist() == clipped


def test_a_flat_top_is_found_in_any_unit() -> None:
    values = np.array([0, 0, 10, 30, 51, 51, 51, 30, 10], float)
    for unit in (1e-3, 0.37, 1e4):
        np.testing.assert_array_equal(flat_top(values * unit), flat_top(values))
