"""Curves without flow: falling ones, and how they are sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES, TISSUES, sampled, true_aath
from direct_for_tests import ARTERIAL, PORTAL
from one_curve_for_tests import DUAL, SINGLE, problem_of

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.flows_above_zero import EDGES, flows_above_zero
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.problem import log_posterior
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

LIVER = sampled(true_aath(ARTERIAL, PORTAL, TISSUES[0]), THESIS_TIMES)
FALLING = {"mirrored": -LIVER, "slightly mirrored": -0.1 * LIVER, "drift": -5.0 * THESIS_TIMES / THESIS_TIMES.max()}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("curve", FALLING)
@pytest.mark.parametrize("model", [ONE_COMPARTMENT, AATH, TWO_COMPARTMENT], ids=lambda m: m.key)
def test_a_curve_that_falls_has_no_flow_below_zero_and_is_not_sure_of_any(model: ResidueModel, curve: str) -> None:
    found = fit_curve(TimeCurve("x", THESIS_TIMES, 60.0 + FALLING[curve]), DUAL, model=model, density_g_ml=1.05)
    for key in ("bf", "habf", "hpbf", "bv"):
        assert (found.samples[key] >= 0).all()
    flow, fraction = found.parameters["bf"], found.parameters["haf"]
    # far below the 100 of a liver, and nothing that stands out from zero by three SDs
    assert 0 <= flow.value < min(40.0, 3.0 * flow.sd)
    assert fraction.sd > 0.2  # even between 0 and 1 has 0.29
    assert "fit-poor" in found.flags


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_draws_above_zero_weigh_as_the_density_they_were_drawn_with(inputs: Inputs) -> None:
    problem = problem_of(ONE_COMPARTMENT, inputs, noise=2.0)
    problem = replace(problem, observed=60.0 + FALLING["slightly mirrored"])
    rng = np.random.default_rng(0)
    u = np.tile(problem.prior.centre, (100_000, 1))
    theta, weight = flows_above_zero(problem, u, rng)
    p = u.shape[1]
    assert (theta[:, p:-1] > 0).all()
    total = theta[:, p:-1].sum(1)
    assert np.log(total).min() >= EDGES[0]
    assert np.log(total).max() <= EDGES[-1]
    share = np.exp(weight - weight.max())
    share /= share.sum()
    # the same moments by a grid over flow(s) and baseline at this one shape
    flow = np.exp(np.linspace(np.log(1e-3), np.log(200.0), 120))
    fraction = (np.arange(10) + 0.5) / 10 if inputs is DUAL else np.ones(1)
    base = np.linspace(50.0, 66.0, 65)
    f, a, b = (x.ravel() for x in np.meshgrid(flow, fraction, base, indexing="ij"))
    flows = np.stack([f * a, f * (1.0 - a)][: problem.sources.count], -1)
    rows = np.concatenate([np.tile(problem.prior.centre, (f.size, 1)), flows, b[:, None]], axis=1)
    value = np.concatenate([log_posterior(problem, part) for part in np.array_split(rows, 40)])
    value += problem.sources.count * np.log(f)  # from flows to log flow and fraction
    grid = np.exp(value - value.max())
    grid /= grid.sum()
    for drawn, expected in ((total, f), (theta[:, -1], b)):
        mean, sd = grid @ expected, np.sqrt(grid @ (expected - grid @ expected) ** 2)
        # 100 000 draws of similar weight: a hundredth of an SD, five times that with the grid's own steps
        assert share @ drawn == pytest.approx(mean, abs=0.05 * sd)
        assert np.sqrt(share @ (drawn - share @ drawn) ** 2) == pytest.approx(sd, rel=0.05)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", [ONE_COMPARTMENT, AATH], ids=lambda m: m.key)
def test_a_scan_that_ends_as_the_bolus_begins_is_flagged_and_says_nearly_nothing(model: ResidueModel) -> None:
    times = THESIS_TIMES[:12]
    arterial, portal = np.r_[np.zeros(10), 20.0, 260.0], np.r_[np.zeros(11), 2.0]
    inputs = dense_inputs(TimeCurve("arterial", times, arterial), TimeCurve("portal", times, portal), baseline_passes=10)
    assert "arterial-peak-not-seen" in inputs.flags
    # late delays move the whole response behind the last sample, so that no flow can be read from these shapes
    found = fit_curve(TimeCurve("x", times, 60.0 + LIVER[:12]), inputs, model=model, density_g_ml=1.05)
    flow = found.parameters["bf"]
    assert np.isfinite([flow.value, flow.sd]).all()
    assert flow.sd > 0.5 * flow.value > 0
