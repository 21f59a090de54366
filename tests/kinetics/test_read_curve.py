"""What is said of a curve that a direct model reads, from the pieces it is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES as TIMES
from direct_for_tests import curves_at, inputs_at

from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics import fit_direct
from hepaflow.kinetics.deconvolution import DECONVOLUTION
from hepaflow.kinetics.descriptive import DESCRIPTIVE, arrival_s
from hepaflow.kinetics.fit_direct import read_curve, sample_noise, smoothed
from hepaflow.kinetics.input_error import common_weights
from hepaflow.kinetics.max_slope import MAX_SLOPE
from hepaflow.kinetics.model import DirectModel
from hepaflow.kinetics.patlak import PATLAK
from hepaflow.kinetics.posterior import DRAWS

INPUTS = inputs_at(TIMES)
EXACT = replace(INPUTS, modes=np.zeros((0, 2, INPUTS.dense_times_s.size)))
VALUES = curves_at(TIMES, count=1, noise=1.0, seed=4)[:, 0]


def read(model: DirectModel, *, values: np.ndarray = VALUES, inputs=EXACT, sd: float | None = 1.0) -> Measurement:
    spread = None if sd is None else np.full(TIMES.size, sd)
    return read_curve(TimeCurve("liver", TIMES, values, spread), inputs, model=model, density_g_ml=1.0, voxels=17)


@pytest.mark.parametrize("model", [PATLAK, DECONVOLUTION], ids=lambda m: m.key)
def test_goodness_of_fit_follows_from_the_residual(model):
    found = read(model)
    assert (found.region, found.voxels) == ("liver", 17)
    said = np.isfinite(found.fit_hu)
    residual = (found.curve_hu - found.fit_hu)[said]
    n, squares = residual.size, residual @ residual
    unknowns = model.prepare(TIMES, EXACT, model.settle(TIMES, VALUES[:, None], EXACT, 1.0)).unknowns
    assert found.residual_sd == pytest.approx(np.sqrt(squares / max(n - unknowns, 1)))
    assert found.aic == pytest.approx(n * np.log(squares / n) + 2 * (unknowns + 1))
    assert found.r2 == pytest.approx(1 - squares / ((VALUES[said] - VALUES[said].mean()) ** 2).sum())


@pytest.mark.parametrize("model", [MAX_SLOPE, DESCRIPTIVE], ids=lambda m: m.key)
def test_without_an_implied_curve_the_zero_is_the_mean_before_arrival(model):
    found = read(model)
    np.testing.assert_allclose(VALUES - found.curve_hu, VALUES[arrival_s(EXACT) >= TIMES].mean())
    assert found.residual_sd == 1.0  # that of the samples
    assert np.isnan([found.r2, found.aic]).all()
    assert "fit-poor" not in found.flags
    late = TIMES >= 8.0
    later = read_curve(TimeCurve("t", TIMES[late], VALUES[late]), EXACT, model=model, density_g_ml=1.0)
    # no sample before arrival: the first one
    np.testing.assert_allclose((VALUES[late] - later.curve_hu)[0], VALUES[late][0])


def test_a_sample_at_arrival_itself_belongs_to_the_zero():
    times = np.r_[0.0, arrival_s(EXACT), TIMES[TIMES > 8.0]]
    values = 40.0 + np.arange(times.size)
    found = read_curve(TimeCurve("t", times, values), EXACT, model=DESCRIPTIVE, density_g_ml=1.0)
    np.testing.assert_allclose(values - found.curve_hu, 40.5)
    assert found.voxels == 0


@pytest.mark.parametrize("model", [PATLAK, DECONVOLUTION], ids=lambda m: m.key)
def test_a_fit_that_explains_less_than_half_is_poor(model):
    noise = 40.0 + 10.0 * np.random.default_rng(3).standard_normal(TIMES.size)
    found = read(model, values=noise, sd=10.0)
    assert found.r2 < 0.5
    assert "fit-poor" in found.flags
    assert "fit-poor" not in read(model).flags


def test_noise_is_that_of_the_samples_else_what_neighbours_say():
    usable = np.ones(TIMES.size, bool)
    usable[3] = False
    sd = np.full(TIMES.size, 3.0)
    sd[3], sd[4:10] = 99.0, np.nan
    assert fit_direct._noise(TimeCurve("t", TIMES, VALUES, sd), usable) == pytest.approx(3.0)
    sd[:] = 3.0
    sd[::2] = 4.0
    assert fit_direct._noise(TimeCurve("t", TIMES, VALUES, sd), np.ones(21, bool)) == pytest.approx(
        np.sqrt((11 * 16 + 10 * 9) / 21)
    )
    from_neighbours = sample_noise(TIMES[usable], VALUES[usable][:, None])[0]
    assert fit_direct._noise(TimeCurve("t", TIMES, VALUES), usable) == pytest.approx(from_neighbours)
    assert fit_direct._noise(TimeCurve("t", TIMES, VALUES, np.full(21, np.nan)), usable) == pytest.approx(from_neighbours)


def test_distance_to_the_line_between_neighbours_by_hand():
    times = np.array([0.0, 1.0, 4.0])
    values = np.array([[0.0], [5.0], [8.0]])
    line, size = fit_direct._neighbours(times, values)
    np.testing.assert_allclose(line, [[2.0]])  # a quarter of the way
    # variance of x1 - (3 x0 + x2) / 4
    np.testing.assert_allclose(size, [[np.sqrt(1 + 9 / 16 + 1 / 16)]])
    np.testing.assert_allclose(sample_noise(times, values), 3.0 / size[0] / 0.6745)
    np.testing.assert_allclose(smoothed(np.array([0.0, 1.0, 3.0]), np.array([[0.0], [5.0], [6.0]])), [[0.0], [3.5], [6.0]])
    # one gap more than twice the usual: left as it is
    np.testing.assert_allclose(smoothed(np.array([0.0, 1.0, 2.0, 3.0, 6.0]), np.eye(5)[:, [3]]), [[0], [0], [0.25], [1], [0]])
    np.testing.assert_allclose(smoothed(np.array([0.0, 1.0, 2.0, 5.0, 6.0, 7.0]), np.eye(6)[:, [3]])[3:5], [[1], [0.25]])


def test_draws_stay_where_the_quantity_can_be():
    wild = np.array([-2.0, 0.5, 3.0])
    np.testing.assert_array_equal(fit_direct._within("haf", wild), [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(fit_direct._within("bf", wild), [0.0, 0.5, 3.0])
    for key in ("peak", "auc"):
        np.testing.assert_array_equal(fit_direct._within(key, wild), wild)


@pytest.mark.parametrize("size", [0, 1])
def test_a_spread_needs_two_draws(size):
    assert np.isnan(fit_direct._sd(np.r_[np.full(3, np.nan), np.ones(size)]))


def test_draws_that_have_no_number_leave_the_spread_of_the_others():
    assert fit_direct._sd(np.array([1.0, np.nan, 3.0])) == pytest.approx(np.sqrt(2.0))


def test_inputs_a_tenth_higher_move_every_flow_by_a_tenth_of_itself():
    assert INPUTS.dense_portal is not None
    higher = replace(INPUTS, modes=0.1 * np.stack([INPUTS.dense_arterial, INPUTS.dense_portal])[None])
    settings = MAX_SLOPE.settle(TIMES, VALUES[:, None], higher, 1.0)
    shifts = fit_direct._shifts(MAX_SLOPE, TIMES, VALUES, higher, settings)
    found = MAX_SLOPE.prepare(TIMES, higher, settings).read(VALUES[:, None]).quantities
    for key in ("bf", "habf", "hpbf"):
        np.testing.assert_allclose(shifts[key], [found[key][0] * (1 / 1.1 - 1)])
    np.testing.assert_allclose(shifts["haf"], 0.0, atol=1e-12)
    with_modes, without = read(MAX_SLOPE, inputs=higher), read(MAX_SLOPE)
    # the same noise, moved by the mode's own weights: nothing is cut at zero here
    moved = with_modes.samples["hpbf"] - without.samples["hpbf"]
    np.testing.assert_allclose(moved, common_weights(DRAWS, 1)[:, 0] * shifts["hpbf"][0], atol=1e-9)


def test_draws_are_the_implied_curve_with_noise_read_anew_about_the_value():
    found = read(MAX_SLOPE)
    value = MAX_SLOPE.prepare(TIMES, EXACT, MAX_SLOPE.settle(TIMES, VALUES[:, None], EXACT, 1.0)).read
    smooth = smoothed(TIMES, VALUES[:, None])
    own, flat = (float(value(x).quantities["hpbf"][0]) for x in (VALUES[:, None], smooth))
    noisy = smooth + np.random.default_rng(8).standard_normal((TIMES.size, 4000))
    again = value(noisy).quantities["hpbf"] + own - flat
    # 2000 and 4000 draws: three SDs of the difference of their means and of their SDs
    assert found.samples["hpbf"].mean() == pytest.approx(again.mean(), abs=0.085 * again.std())
    assert found.samples["hpbf"].std() == pytest.approx(again.std(), rel=0.07)


def test_groups_are_shuffled_alike_for_every_quantity():
    found = read(MAX_SLOPE)
    np.testing.assert_allclose(found.samples["habf"] + found.samples["hpbf"], found.samples["bf"], rtol=1e-9, atol=1e-9)
    assert fit_direct.DRAWS % fit_direct.GROUPS == 0
