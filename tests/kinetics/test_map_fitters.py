"""What fitters make of a chunk of voxels: SD against linear algebra in float64, flags, units, missing samples."""

from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from one_curve_for_tests import DUAL, SINGLE

from hepaflow.domain.curves import Inputs
from hepaflow.domain.quality import FLAGS
from hepaflow.kinetics import map_exact, map_posterior
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.dictionary import Sources, atoms, parameters, prior_of
from hepaflow.kinetics.map_chunk import LATE_S
from hepaflow.kinetics.map_exact import ExactTables, Found, exact_fitter
from hepaflow.kinetics.map_posterior import COARSE, FINE, Tissue, VoxelPrior, posterior_fitter, prior_rows
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT

ALL = np.ones(THESIS_TIMES.size, bool)


def made(model: ResidueModel, inputs: Inputs, *rows: tuple[float, ...]) -> np.ndarray:
    """Curves (n, v) with an offset of 40 HU; a row is shape, delays, then flows in mL/min/100 mL."""
    count = len(model.shape) + Sources.of(inputs).count
    values = np.array(rows, float)
    parts = atoms(model, Sources.of(inputs), THESIS_TIMES, values[:, :count]) / 6000
    return (40 + np.einsum("ivn,vi->nv", parts, values[:, count:])).astype(np.float32)


def flagged(code: str, flags: np.ndarray) -> list[bool]:
    return [bool(x) for x in (flags >> FLAGS[code].bit) & 1]


def spread(model: ResidueModel, inputs: Inputs, row: tuple[float, ...], noise: float) -> dict[str, float]:
    """SD of flow, fraction, volume and transit to first order, from derivatives of the curve itself; an input without flow has no delay."""
    values, p, k = np.array(row, float), len(model.shape), Sources.of(inputs).count
    chosen = parameters(model, k)

    def curve(theta: np.ndarray) -> np.ndarray:
        own = np.array([[q.from_scale(x) for q, x in zip(chosen, theta[: p + k], strict=True)]], float)
        return theta[p + k :] @ atoms(model, Sources.of(inputs), THESIS_TIMES, own)[:, 0] / 6000

    def told(theta: np.ndarray) -> np.ndarray:
        shape = np.array([[q.from_scale(x) for q, x in zip(model.shape, theta[:p], strict=True)]], float)
        flow = theta[p + k :].sum()
        more = model.derive(np.array([flow]), shape)
        return np.array([flow, theta[p + k] / flow, more["bv"][0], more["mtt"][0]])

    theta = np.r_[[float(q.to_scale(x)) for q, x in zip(chosen, values, strict=False)], values[p + k :]]
    free = [j for j in range(theta.size) if not (p <= j < p + k and theta[j + k] == 0)]
    steps = 1e-4 * np.eye(theta.size)[free]
    columns = np.stack([(curve(theta + h) - curve(theta - h)) / 2e-4 for h in steps] + [np.ones(THESIS_TIMES.size)], -1)
    covariance = noise**2 * np.linalg.inv(columns.T @ columns)[:-1, :-1]
    slopes = np.stack([(told(theta + h) - told(theta - h)) / 2e-4 for h in steps], -1)
    sd = np.sqrt(np.einsum("ki,ij,kj->k", slopes, covariance, slopes))
    return dict(zip(("bf", "haf", "bv", "mtt"), sd, strict=True))


@pytest.mark.parametrize(
    ("model", "inputs", "row"),
    [
        (ONE_COMPARTMENT, DUAL, (12.0, 1.5, 1.0, 30.0, 70.0)),
        (ONE_COMPARTMENT, SINGLE, (12.0, 1.5, 60.0)),
        (AATH, SINGLE, (9.0, 0.03, 0.4, 1.5, 100.0)),
    ],
    ids=["two inputs", "one input", "exchange"],
)
def test_sd_of_an_exact_fit_is_that_of_the_linear_problem(model, inputs, row):
    data = made(model, inputs, row)
    found = exact_fitter(model, inputs, THESIS_TIMES, noise=0.3, density_g_ml=1.25)(ALL)(data)
    want = spread(model, inputs, row, 0.3)
    # the fit ends within one per cent of the truth
    assert found.values["bf"][0] == pytest.approx(sum(row[-Sources.of(inputs).count :]) / 1.25, rel=0.01)
    assert found.values["mtt"][0] == pytest.approx(row[0], rel=0.01)
    for key in ("bf", "bv", "mtt", *(("haf",) if inputs is DUAL else ())):
        share = 1 / 1.25 if key in ("bf", "bv") else 1.0
        # derivatives from a table that is linear between its nodes
        assert found.sd[key][0] == pytest.approx(want[key] * share, rel=0.05), key
    assert ("haf" in found.values) == (inputs is DUAL)
    assert (found.flags == 0).all()


def test_an_input_without_flow_has_no_delay_to_be_unsure_of():
    rng = np.random.default_rng(0)
    data = made(ONE_COMPARTMENT, DUAL, (12.0, 1.5, 1.0, 60.0, 0.0)) + 0.3 * rng.standard_normal((21, 80)).astype(np.float32)
    end = ExactTables.of(ONE_COMPARTMENT, Sources.of(DUAL), THESIS_TIMES).fit(data)
    found = exact_fitter(ONE_COMPARTMENT, DUAL, THESIS_TIMES, noise=0.3, density_g_ml=1.0)(ALL)(data)
    idle = np.flatnonzero(end.flows[:, 1] == 0)
    assert idle.size > 3
    chosen = parameters(ONE_COMPARTMENT, 2)
    for v in idle:
        own = (*(float(q.from_scale(x)) for q, x in zip(chosen, end.unknown[v], strict=True)), *end.flows[v].tolist())
        want = spread(ONE_COMPARTMENT, DUAL, own, 0.3)
        for key, sd in want.items():
            # derivatives from a table that is linear between its nodes, at a place where noise and not the curve decides
            assert found.sd[key][v] == pytest.approx(sd, rel=0.1), key


def test_bounds_and_late_arrival_are_flagged():
    rows = [(0.5, 1.5, 1.0, 90.0, 30.0), (120.0, 1.5, 1.0, 10.0, 30.0), (12.0, 1.5, 1.0, 30.0, 70.0), (12.0, 6.5, 1.0, 30.0, 70.0)]
    found = exact_fitter(ONE_COMPARTMENT, DUAL, THESIS_TIMES, noise=1.0, density_g_ml=1.0)(ALL)(made(ONE_COMPARTMENT, DUAL, *rows))
    assert flagged("voxel-at-bound", found.flags) == [True, True, False, False]
    assert flagged("voxel-late-arrival", found.flags) == [False, False, False, True]
    assert not any(flagged("voxel-not-converged", found.flags))


def test_a_thousandth_of_the_range_counts_as_the_bound(monkeypatch):
    low, high = (float(ONE_COMPARTMENT.shape[0].to_scale(x)) for x in ONE_COMPARTMENT.shape[0].bounds)
    shares = np.array([0.0009, 0.0011, 0.5, 0.5, 0.9989, 0.9991])
    delays = np.array([1.0, 1.0, LATE_S, LATE_S + 0.01, 1.0, 1.0])
    unknown = np.stack([low + (high - low) * shares, delays, np.ones(6)], -1)
    end = Found(
        unknown,
        np.ones((6, 2), np.float32),
        np.ones(6, np.float32),
        np.tile(np.eye(5, dtype=np.float32), (6, 1, 1)),
        np.ones(6, bool),
    )
    monkeypatch.setattr(ExactTables, "fit", lambda *_: end)
    fit = exact_fitter(ONE_COMPARTMENT, DUAL, THESIS_TIMES, noise=1.0, density_g_ml=1.0)(ALL)
    flags = fit(np.zeros((21, 6), np.float32)).flags
    assert flagged("voxel-at-bound", flags) == [True, False, False, False, False, True]
    assert flagged("voxel-late-arrival", flags) == [False, False, False, True, False, False]


def test_what_no_sample_sees_has_no_sd(monkeypatch):
    """Of two voxels the second says nothing of the transit time."""
    normal = np.tile(4 * np.eye(5, dtype=np.float32), (2, 1, 1))
    normal[1, 0, 0] = 0.0
    unknown = np.tile([np.log(12.0), 1.0, 1.0], (2, 1))
    end = Found(unknown, np.full((2, 2), 30.0, np.float32), np.ones(2, np.float32), normal, np.ones(2, bool))
    monkeypatch.setattr(ExactTables, "fit", lambda *_: end)
    found = exact_fitter(ONE_COMPARTMENT, DUAL, THESIS_TIMES, noise=1.0, density_g_ml=1.0)(ALL)(np.zeros((21, 2), np.float32))
    # each flow has an SD of a half, the logarithm of the transit time too
    for key, sd in (("bf", np.sqrt(0.5)), ("habf", 0.5), ("hpbf", 0.5), ("haf", np.sqrt(0.5) / 120)):
        np.testing.assert_allclose(found.sd[key], sd, rtol=1e-4)
    for key, sd in (("mtt", 6.0), ("bv", np.hypot(6.0, np.sqrt(0.5) * 12 / 60))):
        assert found.sd[key][0] == pytest.approx(sd, rel=1e-4)
        assert np.isnan(found.sd[key][1])
        assert np.isfinite(found.values[key]).all()


def test_a_delay_at_its_bound_is_no_shape_at_its_bound():
    found = exact_fitter(ONE_COMPARTMENT, SINGLE, THESIS_TIMES, noise=1.0, density_g_ml=1.0)(ALL)(
        made(ONE_COMPARTMENT, SINGLE, (12.0, 9.5, 60.0))  # delays end at 8 s
    )
    assert flagged("voxel-late-arrival", found.flags) == [True]
    assert flagged("voxel-at-bound", found.flags) == [False]


def test_a_fit_that_is_cut_short_says_so(monkeypatch):
    rng = np.random.default_rng(0)
    rows = [(m, a, p, f, 100 - f) for m, a, p, f in rng.uniform((6, 0, 0, 20), (20, 3, 2, 80), (40, 4))]
    data = made(ONE_COMPARTMENT, DUAL, *rows) + rng.standard_normal((21, 40)).astype(np.float32)
    tables = ExactTables.of(ONE_COMPARTMENT, Sources.of(DUAL), THESIS_TIMES)
    assert tables.fit(data).settled.all()
    monkeypatch.setattr(map_exact, "MOST_STEPS", 1)
    short = tables.fit(data)
    assert not short.settled.all()
    found = exact_fitter(ONE_COMPARTMENT, DUAL, THESIS_TIMES, noise=1.0, density_g_ml=1.0)(ALL)(data)
    assert flagged("voxel-not-converged", found.flags) == (~short.settled).tolist()


def test_missing_samples_leave_an_exact_fit_where_it_is():
    data = made(ONE_COMPARTMENT, DUAL, (12.0, 1.5, 1.0, 30.0, 70.0))
    some = ALL.copy()
    some[[3, 8, 16]] = False
    found = exact_fitter(ONE_COMPARTMENT, DUAL, THESIS_TIMES, noise=1.0, density_g_ml=1.0)(some)(data[some])
    assert found.values["bf"][0] == pytest.approx(100.0, rel=0.01)
    assert found.values["haf"][0] == pytest.approx(0.3, abs=0.01)


def prior(delay_s: float = 1.5, inputs: int = 2) -> VoxelPrior:
    centre, width = prior_of(ONE_COMPARTMENT.shape)
    first = Tissue(0.7, centre, width, np.array([25.0, 80.0])[:inputs], np.array([30.0, 50.0])[:inputs])
    other = Tissue(0.3, centre + 0.5, 0.5 * width, np.array([90.0, 20.0])[:inputs], np.array([40.0, 20.0])[:inputs])
    return VoxelPrior((first, other), np.array([delay_s, 1.0])[:inputs], np.array([1.2, 0.8])[:inputs])


def mapped(inputs: Inputs, given: VoxelPrior, data: np.ndarray, *, noise: float = 1.0, density: float = 1.0, fine: bool = False):
    return posterior_fitter(
        ONE_COMPARTMENT, inputs, THESIS_TIMES, prior=given, noise=noise, fine=fine, density_g_ml=density
    )(ALL)(data)  # fmt: skip


VOXELS = made(ONE_COMPARTMENT, DUAL, (12.0, 1.5, 1.0, 30.0, 70.0), (12.0, 2.0, 0.5, 80.0, 20.0), (25.0, 1.0, 1.0, 15.0, 30.0))


def test_a_posterior_is_in_contract_units_and_splits_two_inputs_only():
    one, dense = (mapped(DUAL, prior(), VOXELS, density=density) for density in (1.0, 1.25))
    assert set(one.values) == {"habf", "hpbf", "haf", "bf", "bv", "mtt", "total_mtt", "data_share"}
    assert set(one.sd) == set(one.values) - {"data_share"}
    for key in one.sd:
        share = 1.25 if key in ("habf", "hpbf", "bf", "bv") else 1.0
        np.testing.assert_allclose(one.values[key], share * dense.values[key], rtol=1e-5)
        np.testing.assert_allclose(one.sd[key], share * dense.sd[key], rtol=1e-5)
    # noise free, of flows within the prior: what is left is the prior's pull at 1 HU
    np.testing.assert_allclose(one.values["bf"], [100, 100, 45], rtol=0.15)
    np.testing.assert_allclose(one.values["haf"], [0.3, 0.8, 1 / 3], atol=0.1)
    np.testing.assert_allclose(one.values["mtt"], [12, 12, 25], rtol=0.25)
    np.testing.assert_allclose(one.values["mtt"], one.values["total_mtt"])
    single = mapped(SINGLE, prior(inputs=1), made(ONE_COMPARTMENT, SINGLE, (12.0, 1.5, 60.0)))
    assert set(single.values) == {"bf", "bv", "mtt", "total_mtt", "data_share"}
    assert single.values["bf"][0] == pytest.approx(60.0, rel=0.1)
    assert single.values["bv"][0] == pytest.approx(12.0, rel=0.1)


def test_the_data_share_is_of_the_priors_own_variance():
    rng = np.random.default_rng(0)
    kind = rng.random(400_000) < 0.7
    flow = np.where(kind, rng.normal(105, np.hypot(30, 50), kind.size), rng.normal(110, np.hypot(40, 20), kind.size))
    found = mapped(DUAL, prior(), VOXELS, noise=20.0)
    want = 1 - found.sd["bf"] ** 2 / flow.var()
    assert want.min() < 0.9
    np.testing.assert_allclose(
        found.values["data_share"], np.clip(want, 0, 1), atol=0.005
    )  # 400 000 draws know a variance to 0.2 %
    loose = mapped(DUAL, prior(), VOXELS, noise=300.0)
    np.testing.assert_array_equal(flagged("voxel-prior-driven", loose.flags), loose.sd["bf"] > 0.5 * flow.std())
    assert all(flagged("voxel-prior-driven", loose.flags))
    assert not any(flagged("voxel-prior-driven", mapped(DUAL, prior(), VOXELS).flags))


def test_late_arterial_blood_is_flagged():
    late = made(ONE_COMPARTMENT, DUAL, (12.0, 7.0, 1.0, 80.0, 20.0))
    assert flagged("voxel-late-arrival", mapped(DUAL, prior(7.0), late).flags) == [True]
    assert not any(flagged("voxel-late-arrival", mapped(DUAL, prior(), VOXELS).flags))


def test_a_finer_dictionary_says_much_the_same():
    coarse, fine = (mapped(DUAL, prior(), VOXELS, noise=2.0, fine=fine) for fine in (False, True))
    assert (coarse.values["bf"] != fine.values["bf"]).all()
    for key in ("bf", "haf", "mtt"):
        assert (np.abs(coarse.values[key] - fine.values[key]) < 0.5 * fine.sd[key]).all()


@pytest.mark.parametrize(("model", "rows"), [(ONE_COMPARTMENT, 735), (AATH, 7105)])
def test_a_tissue_of_the_prior_has_as_many_combinations_as_the_pages_say(model, rows, monkeypatch):
    sizes = []
    monkeypatch.setattr(map_posterior, "prior_rows", lambda *_, size: sizes.append(size) or 1 / 0)
    for fine in (False, True):
        with pytest.raises(ZeroDivisionError):
            posterior_fitter(model, DUAL, THESIS_TIMES, prior=prior(), noise=1.0, fine=fine, density_g_ml=1.0)
    assert np.prod(sizes[0]) == rows
    assert all(b >= a for a, b in zip(*sizes, strict=True))
    assert np.prod(sizes[1]) > rows
    assert set(COARSE) == set(FINE) == {1, 2, 3}
    assert COARSE[2] == COARSE[3]
    assert FINE[2] == FINE[3]


def test_voxels_like_the_rows_are_looked_at_once(monkeypatch):
    before = mapped(DUAL, prior(), VOXELS)
    monkeypatch.setattr(map_posterior, "best_evidence", lambda *_: 1 / 0)
    np.testing.assert_array_equal(mapped(DUAL, prior(), VOXELS).values["bf"], before.values["bf"])


def test_rows_stand_for_the_prior():
    given = prior()
    rows = prior_rows(ONE_COMPARTMENT, Sources.of(DUAL), THESIS_TIMES, given, size=(64, 21, 14))
    assert rows.log_shape.size == 128
    for tissue, part in zip(given.tissues, (slice(0, 64), slice(64, 128)), strict=True):
        weight = np.exp(rows.log_shape[part])
        assert weight.sum() == pytest.approx(tissue.share)
        u = np.log(rows.dictionary.shapes[part, 0])
        mean = weight @ u / weight.sum()
        # 64 points of a Sobol sequence, wide enough that bounds hold few
        assert mean == pytest.approx(tissue.centre[0], abs=0.05 * tissue.spread[0])
        assert np.sqrt(weight @ (u - mean) ** 2 / weight.sum()) == pytest.approx(tissue.spread[0], rel=0.06)
        np.testing.assert_array_equal(rows.flow_centre[part], np.tile(tissue.flow_centre, (64, 1)))
        np.testing.assert_array_equal(rows.flow_spread[part], np.tile(tissue.flow_spread, (64, 1)))
    d = rows.dictionary
    for i, (delays, log_weight) in enumerate(((d.arterial_delays_s, rows.log_arterial), (d.portal_delays_s, rows.log_portal))):
        z = (delays - given.delay_centre_s[i]) / given.delay_spread_s[i]
        np.testing.assert_allclose(z, np.linspace(-2.1, 2.1, z.size), atol=1e-12)
        weight = np.exp(-(z**2) / 2)
        np.testing.assert_allclose(np.exp(log_weight), weight / weight.sum())
