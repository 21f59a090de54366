"""Comparing models: weights, verdicts, agreement, what is never compared, and the curve between the samples."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES, TISSUES, sampled, true_aath, true_inputs

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.compare import MEANINGS, aicc, compare, meaning, verdict, weights
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.predict import predict
from hepaflow.report.compared import sentence
from hepaflow.report.words import NBSP, Words
from hepaflow.units import QUANTITIES

N = 21


def measured(
    aic: float,
    *,
    unknowns: int = 6,
    fitted: int = N,
    parameters: dict[str, tuple[float, float]] | None = None,
    flags: tuple[str, ...] = (),
) -> Measurement:
    """A fit with this AIC and number of unknowns (noise counted): its residual follows from AIC = n ln(S / n) + 2 K."""
    fit = np.full(N, np.nan)
    fit[:fitted] = 0.0
    curve = np.full(N, float(np.exp((aic - 2 * unknowns) / (2 * fitted))))
    estimates = {key: Estimate(*pair) for key, pair in (parameters or {"bf": (100.0, 5.0)}).items()}
    return Measurement("liver", 0, estimates, {}, curve, fit, {}, 0.9, aic, 1.0, flags)


def said(tried: dict[str, Measurement | InputRefused], language: str = "en") -> str:
    return sentence(compare("liver", tried), Words(language)).replace(NBSP, " ")


def test_weights_are_those_of_burnham_and_anderson() -> None:
    # their rule of thumb in numbers: a model 2 above the best has exp(-1) of its support, one 10 above exp(-5)
    found = weights([0.0, 2.0, 10.0])
    assert found.sum() == pytest.approx(1.0, abs=1e-15)
    assert found[1] / found[0] == pytest.approx(np.exp(-1.0), rel=1e-12)
    assert found[2] / found[0] == pytest.approx(np.exp(-5.0), rel=1e-12)


@pytest.mark.parametrize(("unknowns", "more"), [(7, 2 * 7 * 8 / 13), (9, 2 * 9 * 10 / 11)])
def test_the_small_sample_correction_is_that_of_hurvich_and_tsai(unknowns: int, more: float) -> None:
    assert aicc(measured(-30.0, unknowns=unknowns)) == pytest.approx(-30.0 + more, abs=1e-9)  # rounding of exp and log


def test_too_few_samples_for_the_correction_leave_it_out() -> None:
    assert aicc(measured(0.0, unknowns=N - 1)) == np.inf
    found = compare("liver", {"aath": measured(0.0, unknowns=N - 1), "one-compartment": measured(9.0)})
    assert [fit.aicc_weight for fit in found.ranked] == [None, None]
    assert verdict(found).kind == "clear"


def test_the_best_aic_is_first_whatever_the_order_of_trying() -> None:
    fits = {"aath": measured(3.0), "one-compartment": measured(-4.0), "two-compartment": measured(0.0)}
    for order in (list(fits), list(reversed(fits))):
        found = compare("liver", {key: fits[key] for key in order})
        assert [fit.model for fit in found.ranked] == ["one-compartment", "two-compartment", "aath"]


@pytest.mark.parametrize(
    ("aics", "unknowns", "kind", "models"),
    [
        ((0.0, 1.9), (7, 7), "undecided", ("aath", "one-compartment")),
        ((0.0, 2.5), (7, 7), "preferred", ("aath",)),  # weight 0.78
        ((0.0, 6.0), (7, 7), "clear", ("aath",)),  # weight 0.95
        ((0.0, 6.0), (9, 7), "conflict", ("aath", "one-compartment")),  # AICc takes 7.7 more from the one with two unknowns more
        ((0.0, 12.0), (9, 7), "preferred", ("aath",)),  # 0.998 by AIC, 0.89 by AICc
    ],
)
def test_a_model_is_preferred_only_when_both_criteria_say_so(
    aics: tuple[float, float], unknowns: tuple[int, int], kind: str, models: tuple[str, ...]
) -> None:
    fits = {key: measured(aic, unknowns=k) for key, aic, k in zip(("aath", "one-compartment"), aics, unknowns, strict=True)}
    found = verdict(compare("liver", fits))
    assert (found.kind, found.models) == (kind, models)


def test_only_fits_to_the_same_samples_are_compared() -> None:
    window = measured(-80.0, fitted=8, parameters={"ps": (20.0, 2.0)})
    nothing = dataclasses.replace(measured(0.0), fit_hu=np.full(N, np.nan), aic=float("nan"))
    short = InputRefused("CURVE-TOO-SHORT", "curve 'liver' is short", "Give more")
    found = compare("liver", {"patlak": window, "descriptive": nothing, "deconvolution": short, "aath": measured(5.0)})
    assert [(fit.model, fit.unranked) for fit in found.fits] == [
        ("aath", None),
        ("patlak", "other-samples"),
        ("descriptive", "no-curve"),
        ("deconvolution", "not-fitted"),
    ]
    assert [fit.samples for fit in found.fits] == [N, 8, N, 0]
    assert found.fits[0].aic_weight == 1.0
    assert all(fit.aic_weight is None for fit in found.fits[1:])
    text = sentence(found, Words("en"))
    assert "only AATH could be ranked" in text
    assert "Not ranked: Patlak (fitted to other samples, 8 of them" in text
    assert "deconvolution (not fitted: curve 'liver' is short)" in text


@pytest.mark.parametrize("lacking", [{"fit_hu": np.full(N, np.nan)}, {"aic": float("nan")}], ids=["curve", "criterion"])
def test_a_fit_without_curve_or_criterion_has_no_rank(lacking: dict[str, Any]) -> None:
    found = compare("liver", {"aath": dataclasses.replace(measured(0.0), **lacking), "one-compartment": measured(9.0)})
    assert [(fit.model, fit.unranked) for fit in found.fits] == [("one-compartment", None), ("aath", "no-curve")]


def test_a_free_curve_has_no_rank_however_well_it_follows() -> None:
    free = measured(-60.0, unknowns=14, parameters={"bf": (70.0, 2.0)})
    found = compare("liver", {"deconvolution": free, "aath": measured(0.0), "one-compartment": measured(9.0)})
    assert [(fit.model, fit.unranked) for fit in found.fits] == [
        ("aath", None),
        ("one-compartment", None),
        ("deconvolution", "free-curve"),
    ]
    assert (verdict(found).kind, verdict(found).models) == ("clear", ("aath",))
    assert "deconvolution" in found.agreement[0].models  # its flow is set beside the others all the same


def test_quantities_that_mean_different_things_are_named_and_not_compared() -> None:
    values = {"bf": (100.0, 5.0), "bv": (16.0, 1.0), "mtt": (9.0, 1.0)}
    found = compare("liver", {"aath": measured(0.0, parameters=values), "one-compartment": measured(1.0, parameters=values)})
    assert [a.key for a in found.agreement] == ["bf"]
    assert set(found.own_meaning) == {"bv", "mtt"}
    assert "These models define BV and MTT differently" in sentence(found, Words("en"))
    patlak = measured(0.0, parameters={"ps": (30.0, 2.0)})
    assert set(compare("x", {"aath": patlak, "patlak": patlak}).own_meaning) == {"ps"}
    both = compare("x", {"aath": measured(0.0, parameters=values), "two-compartment": measured(0.0, parameters=values)})
    assert [a.key for a in both.agreement] == ["bf", "bv", "mtt"]
    assert both.own_meaning == {}


def test_a_model_missing_from_the_table_shares_no_contested_quantity() -> None:
    assert meaning("bv", "new") not in {meaning("bv", model) for model in MEANINGS["bv"]}
    assert meaning("bv", "new") != meaning("bv", "newer")
    assert meaning("bf", "new") == meaning("bf", "aath")
    assert set(MEANINGS) <= set(QUANTITIES)


def test_values_apart_by_more_than_their_noise_do_not_agree() -> None:
    def flows(*pairs: tuple[float, float]) -> str:
        return said({key: measured(0.0, parameters={"bf": p}) for key, p in zip(("aath", "one-compartment"), pairs, strict=True)})

    assert "agree within their intervals (up to 20% apart)" in flows((100.0, 10.0), (120.0, 5.0))
    assert "differ by 20%, more than noise explains" in flows((100.0, 5.0), (120.0, 5.0))  # 2.8 SDs of the difference
    assert "100 ± 5 (AATH), 120 ± 5 (one-compartment)" in flows((100.0, 5.0), (120.0, 5.0))
    assert "without an interval, not judged" in flows((100.0, 5.0), (120.0, float("nan")))
    assert "agree" not in flows((100.0, 5.0), (120.0, float("nan")))


def test_the_sentence_follows_the_verdict_in_both_languages() -> None:
    near = {"aath": measured(0.0), "one-compartment": measured(0.1)}
    assert "the data do not tell AATH and one-compartment apart (Akaike weights 0.51 and 0.49)" in said(near)
    far = {"aath": measured(0.0, flags=("fit-poor",)), "one-compartment": measured(50.0)}
    assert "the data clearly prefer AATH (Akaike weight > 0.99), yet even that describes the curve poorly" in said(far)
    assert "les données préfèrent nettement AATH (poids d'Akaike > 0,99)" in said(far, "fr")
    assert "counting one-compartment, more than 10 above the best AIC" in said(far)
    assert "counting" not in said(near)
    split = {"aath": measured(0.0, unknowns=9), "one-compartment": measured(6.0, unknowns=7)}
    assert "AIC puts AATH first (weight 0.95), its small-sample form one-compartment (weight 0.71)" in said(split)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    arterial, portal = (sampled(c, THESIS_TIMES) for c in true_inputs())
    return dense_inputs(TimeCurve("a", THESIS_TIMES, arterial), TimeCurve("p", THESIS_TIMES, portal), baseline_passes=1)


@pytest.fixture(scope="module")
def fitted(inputs: Inputs) -> dict[str, Measurement]:
    values = 50.0 + sampled(true_aath(*true_inputs(), TISSUES[2]), THESIS_TIMES)
    values[4] = np.nan
    curve = TimeCurve("lesion", THESIS_TIMES, values)
    residues = [model for model in MODELS if isinstance(model, ResidueModel)]
    return {model.key: fit_curve(curve, inputs, model=model, density_g_ml=1.05) for model in residues}


@pytest.mark.parametrize("model", [model for model in MODELS if isinstance(model, ResidueModel)], ids=lambda model: model.key)
def test_the_curve_between_samples_goes_through_the_fit_at_the_samples(
    model: ResidueModel, inputs: Inputs, fitted: dict[str, Measurement]
) -> None:
    found = fitted[model.key]
    at = predict(found, inputs, THESIS_TIMES, model=model)
    kept = np.isfinite(found.fit_hu)
    # the same sums in another order; HU
    np.testing.assert_allclose(at[kept], found.fit_hu[kept], atol=1e-8)
    dense = np.linspace(0.0, 148.0, 297)
    curve = predict(found, inputs, dense, model=model)
    np.testing.assert_allclose(np.interp(THESIS_TIMES, dense, curve), at, atol=1e-8)
    assert np.abs(np.diff(curve)).max() < 5.0  # HU in half a second: a tissue of 20 HU has no jumps


def test_data_made_by_a_model_prefer_it_and_aicc_counts_every_unknown(fitted: dict[str, Measurement]) -> None:
    # a noise-free curve of the distributed model: nothing else can follow its plateau
    found = compare("lesion", {key: fitted[key] for key in ("one-compartment", "aath")})
    assert (verdict(found).kind, verdict(found).models) == ("clear", ("aath",))
    # 20 samples; aath has 3 shape, 2 delays, 2 flows, baseline, noise = 9
    assert found.ranked[0].samples == 20
    assert found.ranked[0].aicc == pytest.approx(fitted["aath"].aic + 2 * 9 * 10 / 10, abs=1e-6)
