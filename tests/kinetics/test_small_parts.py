"""Small parts that models and maps share: perturbed inputs, largest readings, flag bits, units, dictionaries and their projection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from direct_for_tests import inputs_at
from scipy.stats import norm

from hepaflow.domain.quality import FLAGS
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.dictionary import Dictionary, Sources, atoms, draw, parameters, prior_of, tabulate
from hepaflow.kinetics.fit_csv import inputs_of_columns
from hepaflow.kinetics.input_error import common_weights, perturbed
from hepaflow.kinetics.largest import BLOCK, largest
from hepaflow.kinetics.map_chunk import factor, marked
from hepaflow.kinetics.project import Projected, project
from hepaflow.kinetics.scan import LANES

DUAL, SINGLE = inputs_at(THESIS_TIMES), inputs_at(THESIS_TIMES, single=True)


def test_each_mode_changes_both_inputs_by_one_sigma():
    m = DUAL.dense_times_s.size
    modes = np.random.default_rng(0).standard_normal((3, 2, m))
    found = list(perturbed(replace(DUAL, modes=modes)))
    assert len(found) == 3
    for changed, mode in zip(found, modes, strict=True):
        np.testing.assert_array_equal(changed.dense_arterial, DUAL.dense_arterial + mode[0])
        np.testing.assert_array_equal(changed.dense_portal, DUAL.dense_portal + mode[1])
    (alone,) = perturbed(replace(SINGLE, modes=modes[:1]))
    assert alone.dense_portal is None
    np.testing.assert_array_equal(alone.dense_arterial, SINGLE.dense_arterial + modes[0, 0])


def test_weights_are_standard_normal_and_always_the_same():
    one, again = common_weights(4000, 2), common_weights(4000, 2)
    np.testing.assert_array_equal(one, again)
    np.testing.assert_allclose(one.mean(0), 0.0, atol=0.06)  # four SDs of a mean of 4000
    np.testing.assert_allclose(np.cov(one.T), np.eye(2), atol=0.09)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_largest_reading_of_every_part_and_its_row(kind):
    """Parts of every length up to nine, side by side: a maximum in any row is found, and never that of a neighbour."""
    lengths = np.arange(1, 10)
    ends = np.cumsum(lengths)
    parts = tuple(slice(int(end - n), int(end)) for n, end in zip(lengths, ends, strict=True))
    n = int(ends[-1])
    rng = np.random.default_rng(1)
    rows = np.concatenate([np.eye(n), np.full((1, n), 0.5)])
    values = rng.uniform(-1.0, 3.0, (n, 2 * BLOCK + 3)).astype(kind)
    tops, which, last = largest(rows, parts, values)
    for q, part in enumerate(parts):
        found = values[part]
        np.testing.assert_array_equal(tops[q], np.maximum(found.max(0), 0.0))
        expected = np.where(found.max(0) > 0, part.start + found.argmax(0), part.start)
        np.testing.assert_array_equal(which[q], expected)
    # the same sum in another order, in the kind's digits
    np.testing.assert_allclose(last, 0.5 * values.sum(0), rtol=1e-4 if kind is np.float32 else 1e-12)
    assert tops.dtype == last.dtype == kind


def test_a_curve_that_is_not_finite_is_nan_in_every_part():
    values = np.ones((3, 4))
    values[1, 2] = np.inf
    with np.errstate(invalid="ignore"):
        tops, _, last = largest(np.concatenate([np.eye(3), np.ones((1, 3))]), (slice(0, 1), slice(1, 3)), values)
    np.testing.assert_array_equal(np.isnan(tops), np.isnan(last) | np.zeros((2, 1), bool))
    np.testing.assert_array_equal(np.isnan(last), [False, False, True, False])


@pytest.mark.parametrize("code", [code for code, flag in FLAGS.items() if flag.bit is not None])
def test_a_flag_sets_its_own_bit(code):
    found = marked(code, np.array([True, False]))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [2 ** FLAGS[code].bit, 0])


def test_only_what_is_per_mass_is_divided_by_density():
    assert factor("bf", 1.25) == pytest.approx(0.8)
    assert factor("mtt", 1.25) == 1.0
    assert factor("haf", 1.25) == 1.0


def test_draws_are_as_probable_as_the_prior_says_and_stay_in_bounds():
    chosen = parameters(AATH, 2)
    centre, spread = prior_of(chosen)
    rows = draw(chosen, 4096, centre=centre, spread=spread)
    assert [q.key for q in chosen] == ["mtt", "rate", "extraction", "arterial_delay", "portal_delay"]
    for j, q in enumerate(chosen):
        assert (rows[:, j] >= q.bounds[0]).all()
        assert (rows[:, j] <= q.bounds[1]).all()
        for u in (-1.0, -0.5, 0.0, 0.5, 1.0):
            below = (q.to_scale(rows[:, j]) <= centre[j] + u * spread[j]).mean()
            # a Sobol sequence of 4096 leaves less than 1 % in any interval; bounds lie beyond one spread
            assert below == pytest.approx(norm.cdf(u), abs=0.01), (q.key, u)
    wide = draw(chosen, 4096, centre=centre, spread=5 * spread)
    assert (wide.min(0) == [q.bounds[0] for q in chosen]).all()
    # rounding of exp and log at the bound
    np.testing.assert_allclose(wide.max(0), [q.bounds[1] for q in chosen])


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_a_dictionary_holds_every_shape_at_every_delay(inputs):
    sources = Sources.of(inputs)
    shapes = np.array([[10.0, 0.03, 0.4], [5.0, 0.1, 0.7]])
    arterial, portal = np.array([0.0, 1.0, 2.5]), np.array([-1.0, 2.0])
    found = tabulate(AATH, sources, THESIS_TIMES, shapes=shapes, delays_s=(arterial, portal))
    two = sources.count == 2
    assert found.combinations == (12 if two else 6)
    assert found.portal.shape == (2, 2 if two else 0, THESIS_TIMES.size)
    for s, shape in enumerate(shapes):
        for a, delay_a in enumerate(arterial):
            for p, delay_p in enumerate(portal if two else [0.0]):
                alone = atoms(AATH, sources, THESIS_TIMES, np.array([[*shape, delay_a, delay_p][: 3 + sources.count]]))[:, 0] / 6000
                np.testing.assert_allclose(found.arterial[s, a], alone[0], rtol=1e-12)
                if two:
                    np.testing.assert_allclose(found.portal[s, p], alone[1], rtol=1e-12)
    some = THESIS_TIMES < 20
    np.testing.assert_array_equal(found.at(some).arterial, found.arterial[:, :, some])
    np.testing.assert_array_equal(found.at(some).portal, found.portal[:, :, some])


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    shapes = draw(AATH.shape, 64, centre=prior_of(AATH.shape)[0], spread=prior_of(AATH.shape)[1])
    delays = (np.linspace(-1, 5, 4), np.linspace(-2, 4, 3))
    return tabulate(AATH, Sources.of(DUAL), THESIS_TIMES, shapes=shapes, delays_s=delays)


def test_projection_keeps_the_inner_products_of_centred_curves(dictionary):
    found = Projected.of(dictionary)
    arterial, portal = (x - x.mean(-1, keepdims=True) for x in (dictionary.arterial, dictionary.portal))
    expected = (
        (arterial**2).sum(-1),
        (portal**2).sum(-1),
        np.einsum("san,spn->sap", arterial, portal),
    )
    for one, other in zip(found.inner(), expected, strict=True):
        # directions with less than 1e-10 of the energy of all atoms together are left out
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6 * other.max())
    np.testing.assert_allclose(found.basis.T @ found.basis, np.eye(found.basis.shape[1]), atol=1e-12)
    # the last directions carry 1e-10 of the energy: six of sixteen digits are left
    np.testing.assert_allclose(found.basis.sum(0), 0.0, atol=1e-6)
    assert found.basis.shape[1] < THESIS_TIMES.size


def test_fewer_dimensions_are_those_with_most_energy(dictionary):
    whole, few = Projected.of(dictionary), Projected.of(dictionary, most=4)
    np.testing.assert_array_equal(few.basis, whole.basis[:, :4])
    flat = np.concatenate([x.reshape(-1, whole.basis.shape[1]) for x in (whole.arterial, whole.portal)])
    energy = ((flat / np.linalg.norm(flat, axis=1, keepdims=True)) ** 2).sum(0)
    assert (np.diff(energy) <= 1e-9 * energy[0]).all()


def test_every_atom_has_the_same_weight_whatever_its_size(dictionary):
    sizes = np.geomspace(1e-3, 1e3, len(dictionary.shapes))[:, None, None]
    scaled = replace(dictionary, arterial=sizes * dictionary.arterial, portal=sizes[::-1] * dictionary.portal)
    one, other = Projected.of(dictionary, most=4).basis, Projected.of(scaled, most=4).basis
    # the same directions, each up to its sign; rounding
    np.testing.assert_allclose(np.abs(one.T @ other), np.eye(4), atol=1e-9)


def test_a_dictionary_of_nothing_has_no_direction(dictionary):
    nothing = replace(dictionary, arterial=0 * dictionary.arterial, portal=0 * dictionary.portal)
    assert Projected.of(nothing).basis.shape == (THESIS_TIMES.size, 0)


@pytest.mark.parametrize("voxels", [1, LANES - 1, LANES, 2 * LANES + 5])
def test_a_voxel_is_projected_alike_in_any_company(voxels):
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((7, 21)).astype(np.float32)
    data = rng.standard_normal((21, 3 * LANES)).astype(np.float32)
    found = project(basis, data[:, :voxels])
    np.testing.assert_allclose(found, basis @ data[:, :voxels], atol=1e-4)  # 21 products in float32
    np.testing.assert_array_equal(found, project(basis, data)[:, :voxels])


def test_a_baseline_of_any_height_is_one_where_the_unit_is_not_known():
    times = np.arange(0, 40, 2.0)
    arterial = 400.0 + 300.0 * np.exp(-0.5 * ((times - 14) / 3) ** 2)
    assert not {"baseline-missing", "baseline-short"} & set(inputs_of_columns(times, arterial, None).flags)
    # one sample before contrast is what many published curves have
    assert "baseline-short" not in inputs_of_columns(times[:-3], arterial[3:], None).flags
