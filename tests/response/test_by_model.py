"""A response says how far it rests on the model: one that is assumed, one that is rejected, one that decides the category."""

from __future__ import annotations

import numpy as np
import pytest

from hepaflow.domain.comparison import Comparison
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Region
from hepaflow.kinetics.compare import compare, rejected
from hepaflow.lesions.by_model import calls_by, flag_healthy, flag_lesion
from hepaflow.response.criterion import NANCY_2019
from hepaflow.response.perfusion import call, says

CURVE = np.linspace(0, 50, 40)


def fit(flow: float, misfit: float) -> Measurement:
    """A fit of the curve; AIC is that of its residuals with 5 unknowns."""
    residual = misfit * np.where(np.arange(CURVE.size) % 2, 1.0, -1.0)
    aic = CURVE.size * float(np.log(misfit**2)) + 2 * 5
    draws = np.full(50, flow)
    return Measurement("x", 10, {"bf": Estimate(flow, 1.0)}, {"bf": draws}, CURVE, CURVE - residual, {}, 0.99, aic, misfit)


def result(ratio: float, *, mm: float = 30.0) -> LesionResult:
    region = Region("lesion-1", np.ones((1, 1, 1), bool), "given")
    said = call(NANCY_2019, ratio, sd=0.01, diameter_mm=mm)
    return LesionResult(Lesion("lesion-1", {"whole": region}, 1.0, mm), {"whole": fit(100 * ratio, 1.0)}, {}, (said,))


def both(name: str, flows: tuple[float, float], misfits: tuple[float, float]) -> Comparison:
    models = ("aath", "one-compartment")
    return compare(name, {model: fit(flow, misfit) for model, flow, misfit in zip(models, flows, misfits, strict=True)})


def flags(found: LesionResult) -> set[str]:
    return set(found.response[0].flags)


def test_a_model_that_is_not_the_default_is_an_assumption_of_every_rated_lesion() -> None:
    for model, assumed in (("aath", False), ("max-slope", True), ("one-compartment", True)):
        found = flag_lesion(result(0.4), model=model, compared=(), says=says)
        assert ("response-assumes-model" in flags(found)) is assumed
    small = flag_lesion(result(0.4, mm=9.0), model="max-slope", compared=(), says=says)
    assert "response-assumes-model" not in flags(small)  # nothing is said of it


# 40 samples: misfits 1.0 and 1.1 lie 7.6 apart in AIC, 1.0 and 2.0 lie 55 apart
@pytest.mark.parametrize(("misfit", "clearly"), [(1.1, False), (2.0, True)])
def test_a_model_that_the_data_clearly_reject_is_named(misfit: float, clearly: bool) -> None:
    compared = (both("healthy", (100, 100), (1.0, misfit)), both("lesion-1", (40, 40), (1.0, misfit)))
    assert rejected(compared[0], "one-compartment") is clearly
    assert not rejected(compared[0], "aath")
    assert not rejected(compared[0], "max-slope")  # not ranked: nothing to judge it by
    found = flag_lesion(result(0.4), model="one-compartment", compared=compared, says=says)
    assert ("model-rejected" in flags(found)) is clearly
    healthy = flag_healthy(fit(100, misfit), model="one-compartment", compared=compared)
    assert ("model-rejected" in healthy.flags) is clearly


@pytest.mark.parametrize(
    ("model", "misfits", "other", "depends"),
    [
        ("aath", (1.0, 1.05), 60.0, False),  # the same category
        ("aath", (1.0, 1.05), 80.0, True),
        ("aath", (1.0, 2.0), 80.0, False),  # what the data reject does not put the call in doubt
        ("deconvolution", (1.0, 2.0), 80.0, False),
        ("deconvolution", (2.0, 1.0), 80.0, True),
    ],
)
def test_a_category_that_another_standing_model_changes_is_flagged(
    model: str, misfits: tuple[float, float], other: float, depends: bool
) -> None:
    compared = (both("healthy", (100, 100), (1.0, 1.05)), both("lesion-1", (40, other), misfits))
    found = flag_lesion(result(0.4), model=model, compared=compared, says=says)
    assert ("response-depends-on-model" in flags(found)) is depends
    said = calls_by(found.response[0], compared[1], compared[0], says=says)
    assert {key: one.category for key, one in said.items()} == {
        "aath": "major",
        "one-compartment": "major" if other < 68 else "minor",
    }
