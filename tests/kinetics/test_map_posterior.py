"""The compiled posterior against the same sums in plain float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES, sampled, true_inputs

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.dictionary import Sources
from hepaflow.kinetics.map_posterior import ALONE, NAT, PosteriorTables, Tissue, VoxelPrior, posterior_fitter, prior_rows
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

ARTERIAL, PORTAL = true_inputs()
PAIR = [TimeCurve(n, THESIS_TIMES, sampled(c, THESIS_TIMES)) for n, c in (("arterial", ARTERIAL), ("portal", PORTAL))]
DUAL = dense_inputs(PAIR[0], PAIR[1], baseline_passes=2)
SINGLE = dense_inputs(PAIR[0], None, baseline_passes=2)
NOISE = 2.0


def prior(model: ResidueModel, inputs: int = 2) -> VoxelPrior:
    centre = np.array([float(q.to_scale(q.centre)) for q in model.shape])
    spread = np.array([q.spread for q in model.shape])
    flows = (np.array([25.0, 80.0])[:inputs], np.full(inputs, 40.0))
    other = (np.array([70.0, 30.0])[:inputs], np.full(inputs, 50.0))
    tissues = (Tissue(0.7, centre, spread, *flows), Tissue(0.3, centre + 0.2, spread, *other))
    return VoxelPrior(tissues, np.array([1.5, 1.0])[:inputs], np.array([1.2, 1.0])[:inputs])


def voxels(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    flow, share = rng.uniform(20, 200, count), rng.uniform(0.02, 0.98, count)
    rise = np.stack(
        [sampled(np.cumsum(c) / 6000 * 0.05 * np.exp(-np.arange(c.size) * 0.0005), THESIS_TIMES) for c in (ARTERIAL, PORTAL)]
    )
    curves = flow * (share * rise[0][:, None] + (1 - share) * rise[1][:, None])
    return (40 + curves + NOISE * rng.standard_normal(curves.shape)).astype(np.float32)


def plainly(rows, data: np.ndarray) -> dict[str, np.ndarray]:
    """Weights and flows of every row for every voxel, with loops over the kinds of rows and nothing else clever."""
    d = rows.dictionary
    y = (data - data.mean(0)).astype(float)
    weights, arterial, portal, variance, late, shape = [], [], [], [], [], []

    def centred(x: np.ndarray) -> np.ndarray:
        return x - x.mean(-1, keepdims=True)

    atoms_a, atoms_p = centred(d.arterial), centred(d.portal)
    for s in range(len(d.shapes)):
        q, m = 1 / rows.flow_spread[s] ** 2, rows.flow_centre[s]
        for a in range(d.arterial_delays_s.size):
            for p in range(d.portal_delays_s.size):
                columns = np.stack([atoms_a[s, a], atoms_p[s, p]])
                normal = columns @ columns.T / NOISE**2 + np.diag(q)
                right = columns @ y / NOISE**2 + (q * m)[:, None]
                flow = np.linalg.solve(normal, right)
                w = (
                    0.5 * (right * flow).sum(0)
                    - 0.5 * np.linalg.slogdet(normal)[1]
                    + 0.5 * np.log(q).sum()
                    - 0.5 * (q * m**2).sum()
                )
                w += rows.log_shape[s] + rows.log_arterial[a] + rows.log_portal[p] + np.log(1 - 2 * ALONE)
                weights.append(np.where(flow.min(0) > 0, w, -np.inf))
                arterial.append(flow[0])
                portal.append(flow[1])
                inverse = np.linalg.inv(normal)
                variance.append((inverse[0, 0], inverse[1, 1], inverse.sum()))
                late.append(d.arterial_delays_s[a])
                shape.append(d.shapes[s, 0])
        for i, (table, prior_delay) in enumerate(((atoms_a, rows.log_arterial), (atoms_p, rows.log_portal))):
            for k in range(table.shape[1]):
                normal = table[s, k] @ table[s, k] / NOISE**2 + q[i]
                right = np.maximum(table[s, k] @ y / NOISE**2 + q[i] * m[i], 0)
                w = 0.5 * right**2 / normal - 0.5 * np.log(normal) + 0.5 * np.log(q[i]) - 0.5 * q[i] * m[i] ** 2
                weights.append(w + rows.log_shape[s] + prior_delay[k] + (np.log(ALONE) if atoms_p.size else 0.0))
                arterial.append(right / normal * (i == 0))
                portal.append(right / normal * (i == 1))
                variance.append(((i == 0) / normal, (i == 1) / normal, 1 / normal))
                late.append(d.arterial_delays_s[k] if i == 0 else d.arterial_delays_s.mean())
                shape.append(d.shapes[s, 0])
    w = np.exp(np.stack(weights) - np.max(weights, 0))
    w /= w.sum(0)
    fa, fp = np.stack(arterial), np.stack(portal)
    flow, transit = fa + fp, np.array(shape)[:, None]
    fraction = np.where(flow > 0, fa / np.maximum(flow, 1e-12), 0.5)
    own = np.array(variance)[:, :, None]
    found = {"late": (w * np.array(late)[:, None]).sum(0)}
    for key, x, more in (
        ("arterial", fa, own[:, 0]),
        ("portal", fp, own[:, 1]),
        ("fraction", fraction, 0.0),
        ("flow", flow, own[:, 2]),
        ("volume", flow * transit, own[:, 2] * transit**2),
        ("transit", transit, 0.0),
    ):
        found[key] = (w * x).sum(0)
        found[f"{key}_sd"] = np.sqrt(np.maximum((w * (x**2 + more)).sum(0) - found[key] ** 2, 0.0))  # rounding
    return found


@pytest.mark.parametrize("model", [ONE_COMPARTMENT, AATH, TWO_COMPARTMENT], ids=lambda m: m.key)
def test_equals_plain_sums(model):
    rows = prior_rows(model, Sources.of(DUAL), THESIS_TIMES, prior(model), size=(12, 7, 14))
    transit = rows.dictionary.shapes[:, :1]
    data = voxels(300)
    found = PosteriorTables.of(rows, noise=NOISE, loads=np.hstack([np.ones_like(transit), transit]), values=transit).fit(data)
    want = plainly(rows, data)
    # float32, a short series for the exponential (0.3 %), and one spread of the flows for all portal delays of a row
    np.testing.assert_allclose(found.mean[0], want["arterial"], rtol=5e-3, atol=0.1)
    np.testing.assert_allclose(found.mean[1], want["portal"], rtol=5e-3, atol=0.1)
    np.testing.assert_allclose(found.mean[3], want["flow"], rtol=5e-3, atol=0.1)
    np.testing.assert_allclose(found.mean[4], want["volume"], rtol=1e-2)
    np.testing.assert_allclose(found.mean[5], want["transit"], rtol=1e-2)
    np.testing.assert_allclose(found.late, want["late"], atol=0.02)
    for i, key in ((0, "arterial"), (1, "portal"), (3, "flow"), (4, "volume"), (5, "transit")):
        np.testing.assert_allclose(found.sd[i], want[f"{key}_sd"], rtol=0.1, atol=0.02)
    # the fraction's mean over delays is taken to second order, and the spread of a row's own flows counts
    np.testing.assert_allclose(found.mean[2], want["fraction"], atol=0.02)


def test_weights_of_all_rows_sum_to_one_where_data_say_nothing():
    given = prior(ONE_COMPARTMENT)
    none = VoxelPrior(tuple(replace(t, flow_centre=np.zeros(2)) for t in given.tissues), given.delay_centre_s, given.delay_spread_s)
    rows = prior_rows(ONE_COMPARTMENT, Sources.of(DUAL), THESIS_TIMES, none, size=(12, 7, 7))
    tables = PosteriorTables.of(rows, noise=1e9, loads=np.ones((24, 1)), values=np.ones((24, 1)))
    both = np.exp(tables.pair[..., 2].astype(float) / NAT).sum()
    alone = [np.exp(x[..., 1].astype(float) / NAT).sum() for x in (tables.alone_a, tables.alone_p)]
    # float32 of some ten nats
    np.testing.assert_allclose([both, *alone], [1 - 2 * ALONE, ALONE, ALONE], rtol=1e-5)


def test_voxels_unlike_every_row_equal_plain_sums():
    """Noise of twenty times what is stated: on the scale of a perfect fit every weight is lost."""
    rows = prior_rows(ONE_COMPARTMENT, Sources.of(DUAL), THESIS_TIMES, prior(ONE_COMPARTMENT), size=(12, 7, 7))
    transit = rows.dictionary.shapes[:, :1]
    data = voxels(40)
    data[:, 1::2] += 20 * NOISE * np.random.default_rng(2).standard_normal((21, 20)).astype(np.float32)
    found = PosteriorTables.of(rows, noise=NOISE, loads=np.ones_like(transit), values=transit).fit(data)
    want = plainly(rows, data)
    # evidence of thousands of nats in float32
    np.testing.assert_allclose(found.mean[0], want["arterial"], rtol=0.02, atol=0.5)
    np.testing.assert_allclose(found.mean[1], want["portal"], rtol=0.02, atol=0.5)
    np.testing.assert_allclose(found.mean[3], want["flow"], rtol=0.02, atol=0.5)
    np.testing.assert_allclose(found.mean[4], want["transit"], rtol=0.02)


def test_a_single_input_needs_no_portal():
    rows = prior_rows(ONE_COMPARTMENT, Sources.of(SINGLE), THESIS_TIMES, prior(ONE_COMPARTMENT, 1), size=(12, 7, 7))
    assert rows.dictionary.combinations == 168
    ones = np.ones((len(rows.dictionary.shapes), 1))
    data = voxels(40)
    found = PosteriorTables.of(rows, noise=NOISE, loads=ones, values=ones).fit(data)
    want = plainly(rows, data)
    np.testing.assert_allclose(found.mean[0], want["arterial"], rtol=5e-3)
    np.testing.assert_allclose(found.late, want["late"], atol=0.02)
    np.testing.assert_allclose(found.mean[2], 1.0, atol=1e-4)
    np.testing.assert_allclose(found.mean[4], 1.0, rtol=1e-4)  # the mean of a constant quantity


def test_neither_offset_nor_neighbours_nor_block_edges_matter():
    rows = prior_rows(ONE_COMPARTMENT, Sources.of(DUAL), THESIS_TIMES, prior(ONE_COMPARTMENT), size=(12, 7, 7))
    tables = PosteriorTables.of(rows, noise=NOISE, loads=np.ones((len(rows.dictionary.shapes), 1)), values=rows.dictionary.shapes)
    data = voxels(257)
    every, alone = tables.fit(data), tables.fit(data[:, 256:])
    np.testing.assert_array_equal(every.mean[:, 256:], alone.mean)
    shifted = tables.fit(data + np.float32(100))
    np.testing.assert_allclose(shifted.mean[3], every.mean[3], rtol=2e-3)  # 1e-5 HU of rounding at an offset of 100


def test_flat_voxels_give_a_number_and_hardly_any_flow():
    fit = posterior_fitter(
        ONE_COMPARTMENT, DUAL, THESIS_TIMES, prior=prior(ONE_COMPARTMENT), noise=NOISE, fine=False, density_g_ml=1.0
    )(np.ones(21, bool))
    found = fit(np.zeros((21, 3), np.float32))
    assert all(np.isfinite(x).all() for x in (*found.values.values(), *found.sd.values()))
    assert (found.values["bf"] < 20).all()


def test_the_data_share_rises_as_noise_falls():
    shares = []
    for noise in (1.0, 4.0, 16.0):
        fit = posterior_fitter(
            ONE_COMPARTMENT, DUAL, THESIS_TIMES, prior=prior(ONE_COMPARTMENT), noise=noise, fine=False, density_g_ml=1.0
        )(np.ones(21, bool))
        shares.append(float(np.median(fit(voxels(64)).values["data_share"])))
    assert 1 >= shares[0] > shares[1] > shares[2] >= 0
    assert shares[0] > 0.7
