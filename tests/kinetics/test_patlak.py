from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import FINE, THESIS_TIMES, TISSUES, convolved, sampled, true_aath
from direct_for_tests import ARTERIAL, PORTAL, curves_at, inputs_at, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hepaflow.kinetics import patlak
from hepaflow.kinetics.model import Settings
from hepaflow.kinetics.patlak import PATLAK, columns, window

DENSE = np.arange(0.0, 150.0)
DELAYS = Settings(noise=1.0, delays_s={"arterial": 2.0, "portal": 3.0})
DUAL, SINGLE, UNEVEN = inputs_at(DENSE), inputs_at(DENSE, single=True), inputs_at(THESIS_TIMES)


def tissue(volumes: tuple[float, float], transfers: tuple[float, float], delays: tuple[float, float] = (2.0, 3.0)) -> np.ndarray:
    """Volumes in mL/100 mL, transfers in mL/min/100 mL; brute force on the fine grid."""
    found = np.zeros(FINE.size)
    for source, volume, transfer, delay in zip((ARTERIAL, PORTAL), volumes, transfers, delays, strict=True):
        late = np.interp(FINE - delay, FINE, source, left=0)
        found += volume / 100 * late + transfer / 6000 * convolved(late, np.ones(FINE.size))
    return found


@pytest.mark.parametrize("times", [DENSE, THESIS_TIMES], ids=["dense", "uneven"])
@pytest.mark.parametrize(
    ("volumes", "transfers"),
    [((3.0, 9.0), (4.0, 11.0)), ((10.0, 2.0), (12.0, 3.0)), ((0.0, 8.0), (0.0, 6.0)), ((5.0, 5.0), (0.0, 0.0))],
)
def test_recovers_itself_without_noise(times, volumes, transfers):
    inputs = DUAL if times is DENSE else UNEVEN
    found = read(PATLAK, times, sampled(tissue(volumes, transfers), times)[:, None] + 40, inputs, settings=DELAYS)
    # the dense input has a step of 0.25 s, the truth one of 0.05 s
    assert found.quantities["bv"][0] == pytest.approx(sum(volumes), abs=0.03)
    assert found.quantities["ktrans"][0] == pytest.approx(sum(transfers), abs=0.03)


@pytest.mark.parametrize("delay", [0.5, 2.0, 5.0, 9.0])
def test_finds_the_delay_of_a_single_input(delay):
    curve = sampled(tissue((10.0, 0.0), (8.0, 0.0), (delay, 0.0)), DENSE)[:, None]
    settings = PATLAK.settle(DENSE, curve, SINGLE, 0.0)
    assert settings.delays_s == {"arterial": pytest.approx(delay, abs=0.25)}  # the finer step of the search
    found = read(PATLAK, DENSE, curve, SINGLE, settings=settings).quantities
    assert found["bv"][0] == pytest.approx(10.0, rel=0.01)
    assert found["ktrans"][0] == pytest.approx(8.0, rel=0.02)


def test_finds_both_delays():
    curve = sampled(tissue((6.0, 8.0), (5.0, 10.0), (3.0, 4.5)), DENSE)[:, None]
    settings = PATLAK.settle(DENSE, curve, DUAL, 0.0)
    assert settings.delays_s["arterial"] == pytest.approx(3.0, abs=0.25)
    assert settings.delays_s["portal"] == pytest.approx(4.5, abs=0.5)  # the portal rise is slower


def test_samples_outside_the_window_do_not_count():
    values = curves_at(DENSE)
    inside = window(DENSE, DUAL, 2.0)
    reader = PATLAK.prepare(DENSE, DUAL, DELAYS)
    one = reader.read(values)
    values[~inside] += 100.0
    for key, x in reader.read(values).quantities.items():
        np.testing.assert_allclose(x, one.quantities[key], rtol=1e-9)
    fit, _ = reader.implied(values)
    assert np.isfinite(fit[inside]).all()
    assert np.isnan(fit[~inside]).all()


def test_window_is_the_one_documented():
    inside = window(DENSE, DUAL, 2.0)
    arrival = 5.0  # a tenth of the peak of this input
    peak = DUAL.dense_times_s[DUAL.dense_arterial.argmax()]
    np.testing.assert_array_equal(inside, (arrival >= DENSE) | ((peak + 2.0 <= DENSE) & (arrival + 120.0 >= DENSE)))


@pytest.mark.parametrize(("last", "flagged", "given"), [(60.0, True, True), (30.0, True, False), (150.0, False, True)])
def test_a_short_window_is_flagged_or_refuses(last, flagged, given):
    times = np.r_[0.0, 4.0, 8.0, np.arange(12.0, last, 10.0 if last > 40 else 6.0)]
    reader = PATLAK.prepare(times, DUAL, DELAYS)
    found = reader.read(sampled(tissue((3.0, 9.0), (4.0, 11.0)), times)[:, None])
    assert (reader.flags == ("patlak-window-short",)) is flagged
    assert np.isfinite(found.quantities["ktrans"][0]) == given


@hypothesis_settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_is_the_non_negative_least_squares(seed):
    """Against scipy's active set method, on noise that drives unknowns to zero."""
    from scipy.optimize import nnls

    inputs, rng = UNEVEN, np.random.default_rng(seed)
    curve = rng.uniform(-1, 2) * sampled(tissue((3.0, 9.0), (4.0, 11.0)), THESIS_TIMES) + 10 * rng.standard_normal(
        THESIS_TIMES.size
    )
    inside = window(THESIS_TIMES, inputs, 2.0)
    matrix = columns(THESIS_TIMES, inputs, DELAYS.delays_s)[inside]
    matrix -= matrix.mean(0)
    size = np.linalg.norm(matrix, axis=0)
    expected = nnls(matrix / size, curve[inside] - curve[inside].mean())[0] / size
    found = read(PATLAK, THESIS_TIMES, curve[:, None], inputs, settings=DELAYS).quantities
    assert found["bv"][0] == pytest.approx(100 * (expected[0] + expected[2]), rel=1e-6, abs=1e-6)
    assert found["ktrans"][0] == pytest.approx(6000 * (expected[1] + expected[3]), rel=1e-6, abs=1e-6)


def test_back_flux_lowers_ktrans_as_documented():
    """Liver tissue empties within the window; the page says so, and this holds the page to it."""
    curves = np.stack([sampled(true_aath(ARTERIAL, PORTAL, x), THESIS_TIMES) for x in TISSUES], axis=1)
    found = read(PATLAK, THESIS_TIMES, curves, UNEVEN).quantities
    truth = np.array([x[0] * x[3] for x in TISSUES])
    assert (found["ktrans"] < 0.9 * truth).all()


def test_what_is_left_is_that_of_non_negative_least_squares():
    from scipy.optimize import nnls

    rng = np.random.default_rng(0)
    for unknowns in (2, 4):
        matrices = rng.standard_normal((40, 12, unknowns)) * rng.uniform(0.1, 100.0, unknowns)
        matrices[0, :, 0] = 3.0  # a column that does not change explains nothing
        curve = matrices[5] @ np.arange(1.0, unknowns + 1) + rng.standard_normal(12)
        found = patlak._left(matrices, curve)
        for matrix, left in zip(matrices, found, strict=True):
            _, norm = nnls(matrix - matrix.mean(0), curve - curve.mean())
            # 1e-8 of their size holds the columns apart
            assert left == pytest.approx(norm**2, rel=1e-6, abs=1e-7 * (curve @ curve))
    exact = patlak._left(matrices[5:6], matrices[5] @ np.ones(4))
    assert 0 < exact[0] < 1e-6 * (curve @ curve)


def test_sets_are_those_of_columns_that_do_not_depend_on_each_other():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0] + 0.2
    whole = patlak._sets(basis)
    assert whole.shape == (16, 4, 4)
    assert (whole[0] == 0).all()
    np.testing.assert_allclose(whole[-1] @ basis, np.eye(4), atol=1e-12)
    for matrix in whole:
        free = np.abs(matrix).sum(1) > 0
        # the unknowns of the set are recovered, the others stay zero
        np.testing.assert_allclose((matrix @ basis)[np.ix_(free, free)], np.eye(free.sum()), atol=1e-12)
        assert (matrix[~free] == 0).all()
    assert len({tuple(np.abs(matrix).sum(1) > 0) for matrix in whole}) == 16
    twins = basis.copy()
    twins[:, 1] = twins[:, 0]
    assert len(patlak._sets(twins)) == 12  # none of the four with both of them
    assert patlak._sets(basis[:, :2]).shape == (4, 4, 4)


@pytest.mark.parametrize(("ratio", "sets"), [(0.8e-4, 3), (1.2e-4, 4)])
def test_columns_are_dependent_below_a_ten_thousandth(ratio, sets):
    # two of length one whose singular values have this ratio
    angle = 2 * np.arctan(ratio)
    basis = np.zeros((4, 2))
    basis[:2] = [[1.0, np.cos(angle)], [0.0, np.sin(angle)]]
    assert len(patlak._sets(basis)) == sets


def test_delays_come_from_the_rise_and_its_last_sample():
    curve = sampled(tissue((10.0, 0.0), (8.0, 0.0), (3.0, 0.0)), DENSE)[:, None]
    before = PATLAK.settle(DENSE, curve, SINGLE, 0.0).delays_s["arterial"]
    end = 5.0 + 45.0  # arrival and the rise after it
    for at, changes in ((end, True), (end + 1, False)):
        bent = curve.copy()
        bent[at == DENSE] += 1000.0
        assert (PATLAK.settle(DENSE, bent, SINGLE, 0.0).delays_s["arterial"] != before) == changes


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_spread_and_implied_curve_are_those_of_least_squares_where_everything_is_free(inputs):
    reader = PATLAK.prepare(DENSE, inputs, DELAYS)
    values = sampled(tissue((3.0, 9.0), (4.0, 11.0)) if inputs is DUAL else tissue((5.0, 0.0), (8.0, 0.0)), DENSE)[:, None] + 40
    inside = window(DENSE, inputs, 2.0)
    matrix = columns(DENSE, inputs, DELAYS.delays_s)
    free = matrix[inside] - matrix[inside].mean(0)
    covariance = np.linalg.inv(free.T @ free)  # noise 1 HU
    p = matrix.shape[1]
    found = reader.read(values)
    volume, transfer = 100.0 * (np.arange(p) % 2 == 0), 6000.0 * (np.arange(p) % 2 == 1)
    assert found.sd["bv"][0] == pytest.approx(np.sqrt(volume @ covariance @ volume), rel=1e-5)
    assert found.sd["ktrans"][0] == pytest.approx(np.sqrt(transfer @ covariance @ transfer), rel=1e-5)
    x, *_ = np.linalg.lstsq(free, values[inside, 0] - values[inside, 0].mean(), rcond=None)
    assert (x > 0).all()
    fit, baseline = reader.implied(values)
    np.testing.assert_allclose(fit[inside, 0], (matrix @ x)[inside] + baseline[0], rtol=1e-6)
    assert baseline[0] == pytest.approx(40.0, abs=0.05)
    assert reader.unknowns == p + 1
    # nothing above zero: as uncertain as if everything were free
    empty = reader.read(np.zeros((DENSE.size, 1)))
    assert empty.sd["bv"][0] == pytest.approx(found.sd["bv"][0])
    assert empty.quantities["bv"][0] == 0.0


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_a_curve_that_says_nothing_leaves_the_delays_at_their_prior(inputs):
    found = PATLAK.settle(DENSE, np.full((DENSE.size, 2), 40.0), inputs, 1.5)
    assert found.delays_s == dict.fromkeys(("arterial", "portal")[: len(found.delays_s)], 5.5)  # its centre is on the grid
    assert len(found.delays_s) == (2 if inputs is DUAL else 1)
    assert found.noise == 1.5


def test_few_samples_of_the_rise_call_for_all_of_them():
    times = np.r_[0.0, 4.0, 20.0, 40.0, 60.0 + 5.0 * np.arange(15)]
    curve = sampled(tissue((10.0, 0.0), (8.0, 0.0), (3.0, 0.0)), times)[:, None]
    noisy = curve.copy()
    noisy[times > 55.0] += 200.0  # outside the rise
    one, other = (PATLAK.settle(times, x, SINGLE, 0.0).delays_s["arterial"] for x in (curve, noisy))
    assert one == other  # four are enough for one input
    assert PATLAK.settle(times[1:], curve[1:], SINGLE, 0.0).delays_s["arterial"] == pytest.approx(3.0, abs=0.5)
    assert PATLAK.settle(times[1:], noisy[1:], SINGLE, 0.0).delays_s["arterial"] != pytest.approx(3.0, abs=0.5)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_too_few_samples_give_no_number_of_the_same_kind(kind):
    times = np.array([0.0, 20.0, 40.0])
    reader = PATLAK.prepare(times, DUAL, DELAYS)
    found = reader.read(np.ones((3, 5), kind))
    assert reader.flags == ("patlak-window-short",)
    for part in (found.quantities, found.sd):
        assert set(part) == {"bv", "ktrans"}
        assert all(np.isnan(x).all() and x.shape == (5,) and x.dtype == kind for x in part.values())


@pytest.mark.parametrize(("spare", "flagged", "given"), [(-1, True, False), (0, True, True), (1, True, True), (2, False, True)])
def test_samples_beyond_the_unknowns_decide_flag_and_number(spare, flagged, given):
    """A single input has three unknowns, the baseline counted."""
    times = np.r_[0.0, 2.0, 30.0 + 10.0 * np.arange(1 + spare)] if spare > -1 else np.array([0.0, 30.0])
    assert window(times, SINGLE, 2.0).sum() == 3 + spare
    reader = PATLAK.prepare(times, SINGLE, DELAYS)
    assert (reader.flags == ("patlak-window-short",)) == flagged
    found = reader.read(sampled(tissue((5.0, 0.0), (8.0, 0.0)), times)[:, None])
    assert np.isfinite(found.quantities["bv"][0]) == given
