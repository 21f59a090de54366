from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from hepaflow.errors import UsageError
from hepaflow.kinetics.catalogue import MODELS, model
from hepaflow.kinetics.convolve import SERIES_BELOW, DenseInput, Residues, _decayed, respond
from hepaflow.kinetics.dictionary import draw, prior_of
from hepaflow.kinetics.model import ResidueModel

GRID = np.arange(0.0, 80.25, 0.25)


def bump(centre: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((GRID - centre) / width) ** 2)


def brute(values: np.ndarray, box: tuple[float, float, float], decay: tuple[float, float, float], delay: float, t: float) -> float:
    """The same integral by a fine Riemann sum over the piecewise-linear input."""
    lag = np.arange(0.0005, 120, 0.001)
    height, begin, end = box
    residue = height * ((lag >= begin) & (lag < end))
    amplitude, begin, rate = decay
    residue = residue + np.where(lag >= begin, amplitude * np.exp(-rate * np.maximum(lag - begin, 0)), 0.0)
    at = t - delay - lag
    source = np.where(at < 0, 0.0, np.interp(at, GRID, values))
    return float((source * residue).sum() * 0.001)


@settings(max_examples=25, deadline=None)
@given(
    transit=st.floats(0.6, 25),
    rate=st.floats(0.001, 0.6),
    extraction=st.floats(0.01, 0.95),
    delay=st.floats(-2, 6),
    t=st.floats(1, 79),
)
def test_closed_form_equals_brute_force(transit, rate, extraction, delay, t):
    values = bump(15, 4) + 0.2 * bump(40, 10)
    box, decay = (1.0, 0.0, transit), (extraction, transit, rate)
    residue = Residues.of((1.0, 0.0, 0.0), (-1.0, transit, 0.0), decay)
    found = respond(np.array([t]), DenseInput.of(GRID, values), residue, np.array([delay]))[0, 0]
    # the Riemann sum itself is good to about 1e-3 of a unit pulse
    assert found == pytest.approx(brute(values, box, decay, delay, t), abs=3e-3)


@pytest.mark.parametrize("rate", [0.0, 1e-7, 1e-5, 3.9e-4, 4.1e-4, 0.05, 1.0, 3.0])
@pytest.mark.parametrize("begin", [0.0, 7.0])
def test_response_to_a_bent_line_within_and_after_the_grid(rate, begin):
    """By adaptive quadrature. Rates on both sides of where the series takes over, 1e-4 a step of 0.25 s."""
    values = np.interp(GRID, [0.0, 10.0, 30.0, 80.0], [0.0, 300.0, 100.0, 60.0])
    delay, times = 1.5, np.array([0.5, 1.5, 1.6, 8.6, 9.1, 40.0, 81.4, 81.5, 88.6, 130.0])

    def source(t: float) -> float:
        return float(np.interp(t, GRID, values, left=0.0))  # constant after the grid

    found = respond(times, DenseInput.of(GRID, values), Residues.of((2.0, begin, rate)), np.array([delay]))[0]
    for t, x in zip(times, found, strict=True):
        end = t - delay - begin
        bends = [b for b in (10.0, 30.0, 80.0) if b < end]
        expected = quad(
            lambda s, end=end: 2.0 * source(s) * np.exp(-rate * (end - s)), 0.0, max(end, 0.0), points=bends, limit=200
        )[0]
        assert x == pytest.approx(expected, rel=1e-7, abs=1e-9)  # the quadrature's own error


def test_a_grid_need_not_begin_at_zero():
    values = bump(15, 4)
    at = DenseInput.of(GRID - 4.0, values), DenseInput.of(GRID, values)
    assert (at[0].start_s, at[0].step_s) == (-4.0, 0.25)
    assert at[0].integral[-1] == pytest.approx(np.trapezoid(values, GRID))
    residue = Residues.of((1.0, 0.0, 0.0), (0.5, 2.0, 0.1))
    times = np.array([3.0, 11.0, 30.0, 90.0])
    early, late = (respond(t, source, residue, np.zeros(1)) for t, source in zip((times - 4.0, times), at, strict=True))
    np.testing.assert_allclose(early, late, rtol=1e-12)


def test_a_residue_is_the_sum_of_its_terms_from_their_starts_on():
    residue = Residues.of((1.0, 0.0, [0.0, 0.1]), ([-1.0, 2.0], 5.0, 0.2))
    assert residue.terms.shape == (2, 2, 3)
    lag = np.array([-0.1, 0.0, 4.9, 5.0, 10.0])
    tail = np.where(lag >= 5.0, np.exp(-0.2 * (lag - 5.0)), 0.0)
    np.testing.assert_allclose(residue.at(lag), [(lag >= 0) - tail, (lag >= 0) * np.exp(-0.1 * lag) + 2.0 * tail], atol=1e-15)


def unit_responses(key: str, times: np.ndarray, values: np.ndarray, delay: float = 1.0) -> np.ndarray:
    chosen = model(key)
    rows = draw(chosen.shape, 16, centre=prior_of(chosen.shape)[0], spread=prior_of(chosen.shape)[1])
    return respond(times, DenseInput.of(GRID, values), chosen.residues(rows), np.full(16, delay))


@pytest.mark.parametrize("key", [m.key for m in MODELS if isinstance(m, ResidueModel)])
class TestModelContract:
    """What every model must obey."""

    times = np.r_[np.arange(0, 30, 2.0), 40, 55, 79]

    def test_zero_input_gives_zero(self, key):
        assert (unit_responses(key, self.times, np.zeros_like(GRID)) == 0).all()

    def test_linear_in_the_input(self, key):
        one, other = bump(12, 3), bump(30, 6)
        both = unit_responses(key, self.times, 2 * one + 3 * other)
        parts = 2 * unit_responses(key, self.times, one) + 3 * unit_responses(key, self.times, other)
        np.testing.assert_allclose(both, parts, atol=1e-10)

    def test_causal(self, key):
        late = np.where(GRID > 50, 1.0, 0.0)
        assert (unit_responses(key, self.times[self.times <= 50], late) == 0).all()

    def test_shifts_with_time(self, key):
        values = bump(12, 3)
        np.testing.assert_allclose(
            unit_responses(key, self.times, values, delay=4.5), unit_responses(key, self.times - 3.5, values, delay=1.0), atol=1e-9
        )

    def test_same_answer_on_uneven_and_dense_grid(self, key):
        dense = np.arange(0, 79.5, 0.5)
        values = bump(12, 3)
        everywhere = unit_responses(key, dense, values)
        np.testing.assert_allclose(
            unit_responses(key, self.times, values), everywhere[:, np.searchsorted(dense, self.times)], atol=1e-12
        )

    def test_residue_starts_at_one(self, key):
        # a short pulse is answered, right after it, by its own area: R(0) = 1
        pulse = np.where((GRID >= 5) & (GRID < 5.5), 1.0, 0.0)
        area = np.trapezoid(pulse, GRID)
        np.testing.assert_allclose(unit_responses(key, np.array([6.51]), pulse, delay=1.0) / area, 1.0, rtol=0.35)
        assert (unit_responses(key, np.array([6.51]), pulse) <= area + 1e-12).all()


def test_unknown_model_lists_the_known():
    with pytest.raises(UsageError, match=r"MODEL-UNKNOWN.*aath"):
        model("toft")


@pytest.mark.parametrize(("first", "slope"), [(1.0, 0.0), (0.0, 1.0), (3.0, 0.7)])
def test_decay_is_at_machine_precision_at_any_rate(first, slope):
    x = np.concatenate([10.0 ** np.linspace(-14, 1.5, 400), SERIES_BELOW * (1 + np.array([-1e-9, 0.0, 1e-9]))])
    part = np.longdouble(0.25)
    rate = (x / 0.25).astype(np.longdouble)
    wide = rate * part  # 64 bits of mantissa where the platform has them
    term, mean, second = np.ones_like(wide), np.zeros_like(wide), np.zeros_like(wide)
    for n in range(1, 60):  # the sums of (-x)^n / (n + 1)! and (-x)^n / (n + 2)!
        term = term / n
        mean, second = mean + term, second + term / (n + 1)
        term = term * -wide
    closed = -np.expm1(-wide) / wide
    mean, second = np.where(wide < 1, mean, closed), np.where(wide < 1, second, (1 - closed) / wide)
    truth = part * (first * mean + slope * part * second)
    found = np.array([_decayed(first, slope, float(r), 0.25) for r in rate])
    # 1 less the mean decay cancels up to 3 bits at the switch from the series to the closed form
    np.testing.assert_allclose(found, truth.astype(float), rtol=16 * np.finfo(float).eps)
