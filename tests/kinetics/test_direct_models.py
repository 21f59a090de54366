"""What every direct model promises, whatever it reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from direct_for_tests import curves_at, inputs_at, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hepaflow.domain.quality import FLAGS
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import DirectModel
from hepaflow.units import QUANTITIES

DIRECT = [model for model in MODELS if isinstance(model, DirectModel)]
TIMES = THESIS_TIMES
DUAL, SINGLE = inputs_at(TIMES), inputs_at(TIMES, single=True)
every = pytest.mark.parametrize("model", DIRECT, ids=lambda m: m.key)
#: Grow with the curve; the others must not change when it is scaled.
SIZES = {"bf", "habf", "hpbf", "bv", "ktrans", "msi", "peak", "auc"}


def test_all_four_are_in_the_catalogue():
    assert [model.key for model in DIRECT] == ["patlak", "max-slope", "deconvolution", "descriptive"]


@every
@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_gives_what_it_says(model, inputs):
    reader = model.prepare(TIMES, inputs, model.settle(TIMES, curves_at(TIMES), inputs, 1.0))
    found = reader.read(curves_at(TIMES))
    missing = {"habf", "hpbf", "haf"} if inputs is SINGLE else set()
    assert set(found.quantities) == set(model.quantities) - missing
    assert set(found.quantities) <= set(QUANTITIES)
    assert set(found.sd) <= set(found.quantities)
    assert set(reader.flags) <= set(FLAGS)
    assert all(x.shape == (40,) for x in (*found.quantities.values(), *found.sd.values()))


@every
@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_many_at_once_are_read_as_one_by_one(model, inputs):
    values = curves_at(TIMES, count=1100, noise=3.0)
    reader = model.prepare(TIMES, inputs, model.settle(TIMES, values, inputs, 3.0))
    whole = reader.read(values)
    for i in (0, 511, 512, 1099):
        alone = reader.read(values[:, i : i + 1])
        for key, x in whole.quantities.items():
            # matrix products of other shapes add up in another order
            np.testing.assert_allclose(alone.quantities[key], x[i : i + 1], rtol=1e-9, err_msg=key)


@every
def test_float32_gives_the_same_numbers(model):
    values = curves_at(TIMES, count=200)
    reader = model.prepare(TIMES, DUAL, model.settle(TIMES, values, DUAL, 1.0))
    double, single = reader.read(values), reader.read(values.astype(np.float32))
    for key, x in double.quantities.items():
        assert single.quantities[key].dtype == np.float32
        scale = np.nanmax(np.abs(x))
        # 40 HU below the enhancement cost two of the seven digits, inverting the Patlak columns two more
        close = np.isclose(single.quantities[key], x, rtol=1e-3, atol=1e-3 * scale, equal_nan=True)
        assert close.mean() > 0.99, key  # two nodes or sets that are equal in float32 may change places


@every
@hypothesis_settings(max_examples=20, deadline=None)
@given(offset=st.floats(-1000, 1000), seed=st.integers(0, 1000))
def test_an_offset_changes_nothing(model, offset, seed):
    values = curves_at(TIMES, count=6, seed=seed)
    settings = model.settle(TIMES, values, DUAL, 1.0)
    one, other = (read(model, TIMES, v, DUAL, settings=settings) for v in (values, values + offset))
    for key, x in one.quantities.items():
        np.testing.assert_allclose(other.quantities[key], x, rtol=1e-7, atol=1e-7, err_msg=key)  # digits lost under 1000 HU


@every
@hypothesis_settings(max_examples=20, deadline=None)
@given(factor=st.floats(0.05, 20), seed=st.integers(0, 1000))
def test_flows_and_volumes_are_linear_in_the_curve(model, factor, seed):
    values = curves_at(TIMES, count=6, seed=seed)
    settings = model.settle(TIMES, values, DUAL, 0.0)
    one, other = (read(model, TIMES, v, DUAL, settings=settings) for v in (values, factor * values))
    for key, x in one.quantities.items():
        np.testing.assert_allclose(other.quantities[key], x * (factor if key in SIZES else 1.0), rtol=1e-6, atol=1e-9, err_msg=key)


@every
def test_any_unit_of_both_curves_gives_the_same_flows(model):
    """Inputs and tissue in another unit: flows, volumes and times stay; the delays and the regularisation follow by themselves."""
    values = curves_at(TIMES, count=6)
    scaled = replace(DUAL, dense_arterial=0.01 * DUAL.dense_arterial, dense_portal=0.01 * DUAL.dense_portal)
    one, other = read(model, TIMES, values, DUAL), read(model, TIMES, 0.01 * values, scaled, noise=0.01)
    for key, x in one.quantities.items():
        in_hu = key in {"msi", "peak", "auc"}
        np.testing.assert_allclose(other.quantities[key], 0.01 * x if in_hu else x, rtol=1e-6, err_msg=key)


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_curve_is_nan_and_changes_no_other(model, bad):
    values = curves_at(TIMES)
    reader = model.prepare(TIMES, DUAL, model.settle(TIMES, values, DUAL, 1.0))
    good = reader.read(values)
    values[3, 7] = bad
    with np.errstate(invalid="ignore"):
        found = reader.read(values)
    others = np.arange(40) != 7
    for key, x in found.quantities.items():
        assert np.isnan(x[7]), key
        np.testing.assert_array_equal(x[others], good.quantities[key][others])


@every
def test_what_has_no_meaning_is_nan_and_fractions_are_fractions(model):
    values = np.stack([np.full(TIMES.size, 40.0), 40.0 - np.arange(TIMES.size), *curves_at(TIMES, noise=30.0).T], axis=1)
    found = read(model, TIMES, values, DUAL, settings=model.settle(TIMES, curves_at(TIMES), DUAL, 1.0)).quantities
    for key, x in found.items():
        finite = x[np.isfinite(x)]
        if key not in {"peak", "auc"}:
            assert (finite >= 0).all(), key
        assert not np.isinf(x).any(), key
    assert (found.get("haf", np.zeros(1))[2:] <= 1).all()
    for key in ("ttp", "msi", "haf", "total_mtt"):
        if key in found:
            assert np.isnan(found[key][0]), key  # nothing enhances


@every
@pytest.mark.parametrize("noise", [1.0])
def test_sd_is_what_noise_makes_of_it(model, noise):
    """The first-order SD against noise drawn anew; where a largest value is chosen it holds for the chosen one, hence the wide limits."""
    clean = curves_at(TIMES, count=1, noise=0.0)
    draws = clean + noise * np.random.default_rng(5).standard_normal((TIMES.size, 4000))
    settings = model.settle(TIMES, draws[:, :100], DUAL, noise)
    found = read(model, TIMES, draws, DUAL, settings=settings)
    for key, sd in found.sd.items():
        real = found.quantities[key].std()
        assert 0.6 < np.median(sd) / real < 1.7, key
