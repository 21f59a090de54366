"""What the prior of a voxel takes from the fits of the organ's tissues."""

from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from one_curve_for_tests import DUAL, problem_of, unknowns

from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics import map_prior
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT

MTT = {"liver": 15.0, "tumour": 500.0, "vessel": 5.0}
FLOWS = {"liver": (20.0, 80.0), "tumour": (50.0, 10.0), "vessel": (0.5, 0.5)}


@pytest.fixture
def fits(monkeypatch):
    """A fit that answers by the name of the curve and refuses ``short`` and ``shorter``; the seeds it was given."""
    seeds = {}

    def fit(curve, inputs, *, model, density_g_ml, seed):
        seeds[curve.name] = seed
        if curve.name.startswith("short"):
            raise InputRefused("CURVE-TOO-SHORT", f"{curve.name} is short", "Give more")
        delay = 1.0 if curve.name == "liver" else 9.0
        flows = dict(zip(("arterial", "portal"), FLOWS[curve.name], strict=True))
        return Measurement(
            curve.name, 0, {}, {}, curve.values, curve.values, {"arterial": delay, "portal": delay + 1}, 1.0, 0.0, 1.0, (),
            shape={"mtt": MTT[curve.name]}, flows_ml_min_100_ml=flows,
        )  # fmt: skip

    monkeypatch.setattr(map_prior, "fit_curve", fit)
    return seeds


def prior(counts: dict[str, int]):
    curves = {name: (TimeCurve(name, np.arange(3.0), np.zeros(3)), n) for name, n in counts.items()}
    return map_prior.organ_prior(curves, DUAL, model=ONE_COMPARTMENT)


def test_every_tissue_gives_its_centre_and_the_first_the_delays(fits):
    found = prior({"liver": 300, "tumour": 100})
    liver, tumour = found.tissues
    np.testing.assert_allclose([liver.share, tumour.share], [0.75, 0.25])
    np.testing.assert_allclose(liver.centre, [np.log(15.0)])
    np.testing.assert_allclose(tumour.centre, [np.log(120.0)])  # held inside bounds
    np.testing.assert_allclose(liver.spread, [0.7 * 0.7])  # 0.7 of the physiological 0.7
    np.testing.assert_allclose(liver.flow_centre, [20.0, 80.0])
    np.testing.assert_allclose(liver.flow_spread, [40.0, 40.0])  # 40 % of the total
    np.testing.assert_allclose(tumour.flow_spread, [24.0, 24.0])
    np.testing.assert_allclose(found.delay_centre_s, [1.0, 2.0])
    np.testing.assert_allclose(found.delay_spread_s, [1.5, 1.5])


def test_a_tissue_of_few_voxels_keeps_a_share_and_one_without_flow_a_spread(fits):
    found = prior({"liver": 9999, "vessel": 1})
    np.testing.assert_allclose([t.share for t in found.tissues], [0.9999 / 1.0999, 0.1 / 1.0999])
    np.testing.assert_allclose(found.tissues[1].flow_spread, [1.0, 1.0])


def test_a_tissue_that_cannot_be_fitted_is_left_out_and_all_of_them_are_refused_by_the_first(fits):
    found = prior({"short": 500, "liver": 30, "tumour": 70})
    np.testing.assert_allclose([t.share for t in found.tissues], [0.3, 0.7])
    np.testing.assert_allclose(found.delay_centre_s, [1.0, 2.0])
    with pytest.raises(InputRefused, match="short is short"):
        prior({"short": 1, "shorter": 1})


def test_draws_of_a_tissue_hang_on_its_name_alone(fits):
    prior({"liver": 1, "tumour": 1})
    before = dict(fits)
    prior({"tumour": 5, "vessel": 1, "liver": 1})
    assert {name: fits[name] for name in before} == before
    assert len(set(fits.values())) == 3


def voxels(noise: float, *, count: int = 64) -> np.ndarray:
    problem = problem_of(ONE_COMPARTMENT)
    rng = np.random.default_rng(0)
    theta = [unknowns(problem, (rng.uniform(8, 20), 1.5, 1.0), (rng.uniform(15, 40), rng.uniform(40, 90))) for _ in range(count)]
    clean = problem.predict(np.stack(theta)).T
    return (clean + noise * rng.standard_normal(clean.shape)).astype(np.float32)


def test_noise_of_a_voxel_is_what_its_fit_leaves():
    found = map_prior.voxel_noise(voxels(5.0, count=1024), THESIS_TIMES, DUAL, model=ONE_COMPARTMENT)
    # the median of 1024 chi-squares of 15, its root: half a per cent, and flows held at zero leave a little more
    assert found == pytest.approx(5.0, rel=0.02)


def test_noise_is_believed_down_to_a_share_of_the_enhancement_or_a_fifth_of_a_hu():
    clean = voxels(0.0)
    enhancement = np.median(np.ptp(clean, axis=0))
    assert map_prior.enhancement(clean) == pytest.approx(enhancement)
    assert enhancement > 20.0
    assert map_prior.voxel_noise(clean, THESIS_TIMES, DUAL, model=ONE_COMPARTMENT) == pytest.approx(0.03 * enhancement)
    assert map_prior.voxel_noise(0.1 * clean, THESIS_TIMES, DUAL, model=ONE_COMPARTMENT) == pytest.approx(0.2)
