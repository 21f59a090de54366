"""The table of responses and the search for the first row, against convolution and all rows one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from one_curve_for_tests import DUAL, SINGLE
from scipy.stats import chi2

from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.convolve import Residues, respond
from hepaflow.kinetics.dictionary import Sources, tabulate
from hepaflow.kinetics.map_search import SearchTables, own_units
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.response_table import DIMS, LAG_STEP_S, LOG_RATE_STEP, ResponseTable
from hepaflow.kinetics.scan import BAND, LANES

#: Extraction given: two unknowns, for which the catalogue has no model.
TWO_UNKNOWNS = replace(
    AATH, shape=AATH.shape[:2], residues=lambda shape: AATH.residues(np.column_stack([shape, np.full(len(shape), 0.3)]))
)


@pytest.fixture(scope="module")
def table() -> ResponseTable:
    """The first DIMS - 2 samples of both inputs, for a small range of rates and lags."""
    sources = Sources.of(DUAL)
    basis = np.eye(THESIS_TIMES.size)[:, : DIMS - 2]
    return ResponseTable.of([sources.arterial, sources.portal], THESIS_TIMES, basis, rates=(0.05, 0.06), lags_s=(-1.0, 0.5))


def test_nodes_are_responses_at_their_rate_and_lag(table):
    assert table.first_log_rate == pytest.approx(np.log(0.05))
    assert table.first_lag_s == -1.0
    for i, source in enumerate((Sources.of(DUAL).arterial, Sources.of(DUAL).portal)):
        for j in range(table.nodes.shape[1]):
            rate = 0.0 if j == 0 else 0.05 * np.exp((j - 1) * LOG_RATE_STEP)
            lags = -1.0 + LAG_STEP_S * np.arange(table.nodes.shape[2])
            want = respond(THESIS_TIMES, source, Residues.of((1.0, 0.0, np.full(lags.size, rate))), lags)[:, : DIMS - 2] / 6000
            np.testing.assert_allclose(table.nodes[i, j, :, : DIMS - 2], want, rtol=1e-5, atol=1e-6)  # float32
    np.testing.assert_array_equal(table.nodes[..., DIMS - 2 :], 0.0)


def test_a_table_goes_one_step_beyond_what_was_asked_and_no_further(table):
    """A look-up at the end needs a node above it."""
    _, rates, lags, _ = table.nodes.shape
    last_lag, last_rate = -1.0 + (lags - 1) * LAG_STEP_S, np.log(0.05) + (rates - 2) * LOG_RATE_STEP
    assert last_lag == pytest.approx(0.5 + LAG_STEP_S)  # 0.5 is a node
    assert np.log(0.06) + LOG_RATE_STEP <= last_rate < np.log(0.06) + 2 * LOG_RATE_STEP
    assert DIMS % 8 == 0  # whole vector instructions


def test_between_nodes_the_table_is_linear_within_seven_thousandths_of_35_hu():
    sources, rng = Sources.of(DUAL), np.random.default_rng(0)
    basis = np.eye(THESIS_TIMES.size)[:, :DIMS]
    table = ResponseTable.of([sources.arterial], THESIS_TIMES, basis, rates=(0.02, 0.5), lags_s=(0.0, 1.0))
    for _ in range(40):
        j, t = rng.integers(1, table.nodes.shape[1] - 1), rng.integers(0, table.nodes.shape[2] - 1)
        middle = table.nodes[0, j : j + 2, t : t + 2].astype(float).mean((0, 1))
        rate = np.exp(table.first_log_rate + (j - 0.5) * LOG_RATE_STEP)
        lag = table.first_lag_s + (t + 0.5) * LAG_STEP_S
        true = respond(THESIS_TIMES, sources.arterial, Residues.of((1.0, 0.0, rate)), np.array([lag]))[0, :DIMS] / 6000
        # the quoted 0.007 HU is what such errors leave after fitting; a single response is off by up to ten times that at its steepest
        assert np.abs(middle - true).max() * 35 / true.max() < 0.07


@pytest.mark.parametrize(("model", "rows"), [(ONE_COMPARTMENT, 5400), (TWO_UNKNOWNS, 15360), (AATH, 15360)])
def test_as_many_combinations_are_searched_as_the_pages_say(model, rows):
    found = SearchTables.of(model, Sources.of(DUAL), THESIS_TIMES)
    assert len(found.shapes) * found.arterial.size * found.portal.size == rows
    assert found.portal.size % BAND == 0
    low, high = (np.array([q.to_scale(q.bounds[i]) for q in model.shape]) for i in (0, 1))
    share = (found.shapes - low) / (high - low)
    assert ((share > 0) & (share < 1)).all()
    for j in range(share.shape[1]):  # even: no fifth holds more than a third of the shapes, nor less than a tenth
        count, _ = np.histogram(share[:, j], 5, (0, 1))
        assert (count > len(share) / 10).all()
        assert (count < len(share) / 3).all()


def searched(inputs, model: ResidueModel, count: int) -> tuple[SearchTables, np.ndarray, np.ndarray, np.ndarray]:
    """Tables, centred atoms (rows of shape x delay) of both inputs and noisy voxels made of such."""
    tables = SearchTables.of(model, Sources.of(inputs), THESIS_TIMES)
    shapes = own_units(model, tables.shapes)
    d = tabulate(model, Sources.of(inputs), THESIS_TIMES, shapes=shapes, delays_s=(tables.arterial, tables.portal))
    a, p = (x - x.mean(-1, keepdims=True) for x in (d.arterial, d.portal))
    rng = np.random.default_rng(3)
    data = rng.uniform(10, 60, count) * a.reshape(-1, 21)[rng.integers(0, a.shape[0] * a.shape[1], count)].T
    if p.size:
        data = data + rng.uniform(10, 90, count) * p.reshape(-1, 21)[rng.integers(0, p.shape[0] * p.shape[1], count)].T
    return tables, a, p, data + 0.5 * rng.standard_normal((21, count))


@pytest.mark.parametrize("count", [3, LANES + 1])
def test_one_input_alone_is_searched_in_all_its_rows(count):
    tables, a, _, data = searched(SINGLE, ONE_COMPARTMENT, count)
    seeds, explained = tables.seeds((tables.basis @ data).astype(np.float32))
    assert seeds.shape == (1, count, 2)
    unit = a / np.linalg.norm(a, axis=-1, keepdims=True)
    energy = np.maximum(np.einsum("sdn,nv->sdv", unit, data), 0) ** 2
    s, d = (np.abs(x[:, None] - y).argmin(0) for x, y in ((tables.shapes[:, 0], seeds[0, :, 0]), (tables.arterial, seeds[0, :, 1])))
    # a thousandth of the energy is what SEARCH_DIMS may leave out of the product with an atom
    np.testing.assert_allclose(energy[s, d, np.arange(count)], energy.max((0, 1)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(explained[0], energy.max((0, 1)), rtol=1e-3, atol=1e-3)


def test_the_first_band_starts_from_the_portal_input_alone_where_that_explains_most():
    """Random atoms of unit length, of which some voxels have none of the artery."""
    rng = np.random.default_rng(0)
    a, p = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (rng.random((3, n, 6)) for n in (4, 2 * BAND)))
    data = rng.standard_normal((6, 300)) + 0.2
    cosine = np.einsum("saq,spq->sap", a, p)
    stretch = 1 / np.sqrt(1 - cosine**2)
    single = (np.eye(6), a.reshape(-1, 6), p.reshape(-1, 6), cosine, cosine * stretch, stretch)
    tables = SearchTables(
        *(np.ascontiguousarray(x, np.float32) for x in single), np.arange(3.0)[:, None], np.arange(4.0), np.arange(10.0)
    )
    seeds, explained = tables.seeds(data.astype(np.float32))
    alone = np.maximum(np.einsum("spq,qv->spv", p, data), 0) ** 2
    x, y, c = np.einsum("saq,qv->sav", a, data)[:, :, None], np.einsum("spq,qv->spv", p, data)[:, None], cosine[..., None]
    fa, fp = (x - c * y) / (1 - c**2), (y - c * x) / (1 - c**2)
    both = np.where((fa > 0) & (fp > 0), fa * x + fp * y, np.maximum(x, 0) ** 2)
    better = alone.max((0, 1)) > both.max((0, 1, 2)) * (1 + 1e-5)
    assert 5 < better.sum() < 150
    s, d = np.unravel_index(alone.reshape(-1, 300).argmax(0), alone.shape[:2])
    np.testing.assert_array_equal(seeds[0, better, 0], s[better])
    np.testing.assert_array_equal(seeds[0, better, 2], d[better])
    np.testing.assert_allclose(explained[0, better], alone.max((0, 1))[better], rtol=1e-4)
    for band in range(2):  # all others are left as they are: float32, and a difference over the sine of the angle between two atoms
        kept = ~better if band == 0 else np.ones(300, bool)
        own = both[:, :, band * BAND : (band + 1) * BAND].max((0, 1, 2))
        np.testing.assert_allclose(explained[band, kept], own[kept], rtol=1e-3, atol=1e-5)


def test_every_band_starts_from_a_row_of_its_own():
    tables, _, _, data = searched(DUAL, ONE_COMPARTMENT, 50)
    seeds, explained = tables.seeds((tables.basis @ data).astype(np.float32))
    assert seeds.shape == (3, 50, 3)
    for band in range(3):
        own = tables.portal[band * BAND : (band + 1) * BAND]
        if band:
            assert np.isin(seeds[band, :, 2], own).all()
    left = ((data - data.mean(0)) ** 2).sum(0) - explained.max(0)
    assert (left < 0.5**2 * chi2.ppf(1 - 1e-6, 21)).all()  # voxels were made of rows: noise alone is left


def test_atoms_that_are_alike_are_told_apart_by_no_more_than_the_limit():
    """The same curve as artery and portal vein: the search stays finite."""
    same = replace(DUAL, dense_portal=DUAL.dense_arterial)
    tables = SearchTables.of(ONE_COMPARTMENT, Sources.of(same), THESIS_TIMES)
    assert np.abs(tables.cosine).max() <= 0.9999 + 1e-6
    # an atom of both inputs at the same delay would have a cosine of 1
    assert tables.cosine.max() == pytest.approx(0.9999, abs=2e-5)
    np.testing.assert_allclose(tables.stretch**2 * (1 - tables.cosine.astype(float) ** 2), 1.0, rtol=1e-2)  # float32 of 1 - c²
    np.testing.assert_allclose(tables.slant, tables.cosine * tables.stretch, rtol=1e-6)
