"""What the quantities of the residue models are by definition, against the integral of their own residue and hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import Parameter, ResidueModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

RESIDUES = [model for model in MODELS if isinstance(model, ResidueModel)]
#: Flow 120 mL/min/100 mL is 2 mL/s per 100 mL: whole numbers by hand.
FLOW = np.array([120.0, 60.0])
SHAPES = {"aath": [[10.0, 0.02, 0.5], [4.0, 0.1, 0.2]], "two-compartment": [[10.0, 0.02, 0.5], [4.0, 0.1, 0.2]]}


def shape_of(model: ResidueModel) -> np.ndarray:
    return np.array(SHAPES.get(model.key, [[10.0], [4.0]]))


def derived(model: ResidueModel) -> dict[str, np.ndarray]:
    return model.derive(FLOW, shape_of(model))


@pytest.mark.parametrize("model", RESIDUES, ids=lambda m: m.key)
def test_total_transit_time_is_the_integral_of_the_residue(model):
    lag = np.linspace(0.0, 1500.0, 150_001)
    at = model.residues(shape_of(model)).at(lag)
    # the trapezoid rule cuts the jump of the residue: half a step of 10 ms, times its height
    np.testing.assert_allclose(derived(model)["total_mtt"], np.trapezoid(at, lag, axis=1), atol=6e-3)


@pytest.mark.parametrize("model", RESIDUES, ids=lambda m: m.key)
def test_volume_is_flow_times_transit(model):
    found = derived(model)
    np.testing.assert_allclose(found["mtt"], [10.0, 4.0])
    np.testing.assert_allclose(found["bv"], [20.0, 4.0])  # 2 mL/s for 10 s, 1 mL/s for 4 s


def test_exchange_of_aath_by_hand():
    found = derived(AATH)
    np.testing.assert_allclose(found["extraction"], [0.5, 0.2])
    np.testing.assert_allclose(found["ktrans"], [60.0, 12.0])
    np.testing.assert_allclose(found["ps"], [120.0 * np.log(2.0), 60.0 * np.log(1.25)])
    np.testing.assert_allclose(found["ve"], [50.0, 2.0])  # ktrans of 1 and 0.2 mL/s over the rate
    np.testing.assert_allclose(found["total_mtt"], [35.0, 6.0])


def test_exchange_of_two_compartments_by_hand():
    found = derived(TWO_COMPARTMENT)
    np.testing.assert_allclose(found["extraction"], [0.5, 0.2])
    np.testing.assert_allclose(found["ktrans"], [60.0, 12.0])
    np.testing.assert_allclose(found["ps"], [120.0, 15.0])  # E / (1 - E) of the flow
    np.testing.assert_allclose(found["ve"], [100.0, 2.5])
    np.testing.assert_allclose(found["total_mtt"], [60.0, 6.5])


def test_plain_decay_of_one_compartment():
    lag = np.array([0.0, 10.0, 20.0])
    np.testing.assert_allclose(ONE_COMPARTMENT.residues(np.array([[10.0]])).at(lag), [[1.0, np.exp(-1.0), np.exp(-2.0)]])
    np.testing.assert_allclose(ONE_COMPARTMENT.residues(np.array([[10.0]])).at(np.array([-1e-9])), 0.0)


def test_front_and_tail_of_aath():
    lag = np.array([0.0, 9.999, 10.001, 60.0])
    tail = 0.5 * np.exp(-0.02 * (lag[2:] - 10.0))
    np.testing.assert_allclose(AATH.residues(np.array([[10.0, 0.02, 0.5]])).at(lag), [[1.0, 1.0, *tail]])


@pytest.mark.parametrize("model", RESIDUES, ids=lambda m: m.key)
def test_every_quantity_listed_is_given(model):
    assert set(derived(model)) | {"bf", "habf", "hpbf", "haf"} == set(model.quantities)


@pytest.mark.parametrize(
    ("scale", "value", "on_scale"), [("log", np.e**2, 2.0), ("logit", 0.75, np.log(3.0)), ("linear", -1.5, -1.5)], ids=str
)
def test_search_scale_there_and_back(scale, value, on_scale):
    one = Parameter("x", "1", (0.0, 1.0), scale, 0.5, 1.0, "")
    assert one.to_scale(value) == pytest.approx(on_scale, rel=1e-12)
    assert one.from_scale(on_scale) == pytest.approx(value, rel=1e-12)
