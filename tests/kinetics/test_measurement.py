"""What is said of a fitted curve beside its parameters: goodness of fit, flags, modes, and what the fit is told of the noise."""

from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from one_curve_for_tests import DUAL, SINGLE, problem_of, unknowns

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics import fit_curve as fitting
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.problem import scale_bounds

BEST = ((10.0, 1.5, 1.0), (20.0, 80.0))


def one_compartment_curve(inputs: Inputs, *, noise: float = 1.0, holes: tuple[int, ...] = ()) -> TimeCurve:
    problem = problem_of(ONE_COMPARTMENT, inputs)
    count = problem.sources.count
    values = problem.predict(unknowns(problem, BEST[0][: 1 + count], BEST[1][:count])[None])[0]
    values = values + noise * np.random.default_rng(1).standard_normal(values.size)
    values[list(holes)] = np.nan
    return TimeCurve("liver", THESIS_TIMES, values)


def fitted(inputs: Inputs, curve: TimeCurve, **given) -> Measurement:
    return fitting.fit_curve(curve, inputs, model=ONE_COMPARTMENT, density_g_ml=1.0, voxels=17, **given)


@pytest.mark.parametrize(("inputs", "unknowns_fitted"), [(DUAL, 6), (SINGLE, 4)], ids=["dual", "single"])
def test_goodness_of_fit_follows_from_the_residual(inputs, unknowns_fitted):
    curve = one_compartment_curve(inputs, holes=(4,))
    found = fitted(inputs, curve)
    assert (found.region, found.voxels, found.flags) == ("liver", 17, ())
    residual = (found.curve_hu - found.fit_hu)[np.isfinite(curve.values)]
    n, squares = 20, (residual**2).sum()
    assert residual.size == n
    assert found.residual_sd == pytest.approx(np.sqrt(squares / (n - unknowns_fitted)))
    # the noise counts as an unknown
    assert found.aic == pytest.approx(n * np.log(squares / n) + 2 * (unknowns_fitted + 1))
    valid = curve.values[np.isfinite(curve.values)]
    assert found.r2 == pytest.approx(1 - squares / ((valid - valid.mean()) ** 2).sum())
    np.testing.assert_array_equal(np.isnan(found.fit_hu), np.isnan(curve.values))
    assert list(found.delays_s) == ["arterial", "portal"][: 2 if inputs is DUAL else 1]
    # what moves the curve to zero is its baseline, 40 HU; 1 HU of noise on some samples before contrast
    np.testing.assert_allclose((curve.values - found.curve_hu)[0], 40.0, atol=1.0)
    assert list(found.shape) == ["mtt", "arterial_delay", "portal_delay"][: len(found.delays_s) + 1]
    assert found.delays_s["arterial"] == pytest.approx(found.shape["arterial_delay"])
    # 1 HU on a curve of some 60: flow within a fifth
    assert sum(found.flows_ml_min_100_ml.values()) == pytest.approx(100.0 if inputs is DUAL else 20.0, rel=0.2)


def test_estimates_are_mean_and_sd_of_the_draws():
    found = fitted(DUAL, one_compartment_curve(DUAL))
    assert "fit-ambiguous" not in found.flags
    for key, draws in found.samples.items():
        assert found.parameters[key].sd == pytest.approx(draws.std(ddof=1))
        # one mode: all draws
        assert found.parameters[key].value == pytest.approx(draws.mean())


def test_without_a_count_and_a_seed_they_are_zero():
    curve = one_compartment_curve(SINGLE)
    plain = fitting.fit_curve(curve, SINGLE, model=ONE_COMPARTMENT, density_g_ml=1.0)
    assert plain.voxels == 0
    assert plain.samples["bf"].tobytes() == fitted(SINGLE, curve, seed=0).samples["bf"].tobytes()


def test_a_curve_without_change_has_no_r2_and_is_poor():
    found = fitted(DUAL, TimeCurve("flat", THESIS_TIMES, np.full(21, 40.0)))
    assert np.isnan(found.r2)
    assert "fit-poor" in found.flags


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(("inside", "flagged"), [(0.9e-3, True), (1.1e-3, False)])
def test_a_parameter_within_a_thousandth_of_its_range_is_at_its_bound(which, inside, flagged):
    problem = problem_of(ONE_COMPARTMENT)
    low, high = scale_bounds(problem.chosen)
    for at in (low + inside * (high - low), high - inside * (high - low)):
        best = unknowns(problem, *BEST)
        best[which] = at[which]
        assert fitting._at_bound(problem, best) == (("fit-at-bound",) if flagged else ())


@pytest.mark.parametrize(("inputs", "fewest"), [(DUAL, 7), (SINGLE, 5)], ids=["dual", "single"])
def test_one_sample_more_than_unknowns_is_enough(inputs, fewest):
    whole = one_compartment_curve(inputs)
    values = np.full(21, np.nan)
    places = np.linspace(0, 20, fewest).astype(int)
    values[places] = whole.values[places]
    found = fitted(inputs, TimeCurve("t", THESIS_TIMES, values))
    assert np.isfinite(found.parameters["bf"].value)
    # one degree of freedom
    assert found.residual_sd == pytest.approx(np.sqrt(np.nansum((found.curve_hu - found.fit_hu) ** 2)))
    values[places[-1]] = np.nan
    with pytest.raises(InputRefused, match=f"fewer than {fewest} valid"):
        fitted(inputs, TimeCurve("t", THESIS_TIMES, values))


@pytest.mark.parametrize(("second", "ambiguous"), [(190, False), (210, True)])
def test_two_readings_of_a_curve_are_told_and_the_likelier_is_the_value(monkeypatch, second, ambiguous):
    """Modes at a transit of 5 and 20 s; 2000 draws at the one or the other."""
    problem = problem_of(ONE_COMPARTMENT)
    short, long = (unknowns(problem, (mtt, 1.5, 1.0), BEST[1]) for mtt in (5.0, 20.0))
    draws = np.tile(long, (2000, 1))
    draws[:second] = short
    draws[:, 0] += 0.01 * np.random.default_rng(0).standard_normal(2000)
    monkeypatch.setattr(fitting, "modes_of", lambda problem: [(short, np.eye(6)), (long, np.eye(6))])
    monkeypatch.setattr(fitting, "posterior", lambda problem, modes, rng: draws)
    monkeypatch.setattr(fitting, "with_input_error", lambda problem, best, covariance, draws, inputs: draws)
    found = fitted(DUAL, one_compartment_curve(DUAL))
    assert ("fit-ambiguous" in found.flags) == ambiguous
    assert found.shape["mtt"] == pytest.approx(20.0)
    assert found.parameters["mtt"].value == pytest.approx(20.0, abs=0.05)
    # the SD is of all draws: 15 s apart in about a tenth
    assert found.parameters["mtt"].sd == pytest.approx(15.0 * np.sqrt(second / 2000 * (1 - second / 2000)), rel=0.05)


def test_the_nearest_mode_is_told_in_spreads_of_the_prior():
    problem = problem_of(ONE_COMPARTMENT)
    spread = problem.prior.spread
    one, other = unknowns(problem, *BEST), unknowns(problem, *BEST)
    one[0] -= 2 * spread[0]
    other[1] += 2 * spread[1]
    draws = np.stack([unknowns(problem, *BEST)] * 2)
    draws[0, 0] -= 0.2 * spread[0]
    draws[1, 1] += 0.2 * spread[1]
    modes = [(one, np.eye(6)), (other, np.eye(6))]
    np.testing.assert_array_equal(fitting._nearest_mode(problem, modes, draws), [0, 1])


def test_noise_is_that_of_the_samples_and_never_nothing():
    values = np.array([10.0, np.nan, 60.0, 4.0])
    usable = np.isfinite(values)
    times = np.arange(4.0)
    assert fitting._noise_guess(TimeCurve("t", times, values), usable) == pytest.approx(2e-4 * 50.0)
    sd = np.array([3.0, 99.0, 4.0, np.nan])
    assert fitting._noise_guess(TimeCurve("t", times, values, sd), usable) == pytest.approx(np.sqrt(12.5))
    assert fitting._noise_guess(TimeCurve("t", times, values, np.zeros(4)), usable) == pytest.approx(2e-4 * 50.0)
    assert fitting._noise_guess(TimeCurve("t", times, np.full(4, 40.0)), np.ones(4, bool)) == pytest.approx(2e-4)


def test_quantities_in_contract_units_by_hand():
    shape = np.array([[10.0, 0.02, 0.5]])
    found = {key: float(x[0]) for key, x in fitting.quantities(AATH, shape, np.array([[30.0, 90.0]]), 1.25).items()}
    assert tuple(found) == AATH.quantities
    per_100_g = {"bf": 96.0, "habf": 24.0, "hpbf": 72.0, "bv": 16.0, "ktrans": 48.0, "ve": 40.0, "ps": 96.0 * np.log(2.0)}
    for key, x in {**per_100_g, "haf": 0.25, "mtt": 10.0, "total_mtt": 35.0, "extraction": 0.5}.items():
        assert found[key] == pytest.approx(x), key
    alone = fitting.quantities(AATH, shape, np.array([[30.0]]), 1.25)
    assert not {"habf", "hpbf", "haf"} & set(alone)
    assert alone["bf"][0] == pytest.approx(24.0)
    little = fitting.quantities(AATH, shape, np.array([[0.1, 0.3]]), 1.25)
    assert little["haf"][0] == pytest.approx(0.25)
    nothing = fitting.quantities(AATH, shape, np.zeros((1, 2)), 1.25)
    assert nothing["haf"][0] == 0.0
