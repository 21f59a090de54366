"""A comparison of models as plain objects, for ``fit --json`` and a case's comparison.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hepaflow.domain.comparison import Comparison, ModelFit
from hepaflow.domain.lesions import LesionResult, Measurement, ResponseCall
from hepaflow.kinetics.compare import verdict
from hepaflow.lesions.by_model import by_curve
from hepaflow.lesions.ratios import ratio
from hepaflow.report.compared import meaning_text, sentence, unranked_reason
from hepaflow.report.words import NBSP, Words
from hepaflow.response.perfusion import says
from hepaflow.store import case_json
from hepaflow.units import QUANTITIES

SCHEMA = 1


def case_object(compared: Sequence[Comparison], lesions: Sequence[LesionResult], *, language: str = "en") -> dict[str, Any]:
    """The whole of comparison.json: per curve what :func:`as_comparison` says, every model's values, its ratio to the first curve, and
    the category that the criterion of ``lesions`` gives it, with the probability of a major response (None where it gives none, or the
    model is not comparable).
    """
    said = by_curve(lesions, compared, says=says)
    healthy = {fit.model: fit.found for one in compared[:1] for fit in one.fits if fit.found is not None}
    return {
        "schema": SCHEMA,
        "units": {key: QUANTITIES[key].unit for key in dict.fromkeys(k for one in compared for f in one.fits for k in _keys(f))},
        "curves": [
            as_comparison(one, unit=1.0, language=language)
            | {
                "models": {
                    f.model: _values(f, healthy) | _said(said.get(one.curve, {}).get(f.model)) if number else _values(f, {})
                    for f in one.fits
                    if f.found
                }
            }
            for number, one in enumerate(compared)
        ],
    }


def aic_in(aic: float, fit: ModelFit, unit: float) -> float:
    """AIC of a fit in the file's unit, of which the fit's is worth ``unit``; differences between models on one curve stay as they are."""
    return aic + 2.0 * fit.samples * math.log(unit)


def standing(fit: ModelFit) -> dict[str, Any]:
    """What comparing models changes in an entry of a curve: an AIC that does not compare with the others is not set beside them."""
    own = {"aic": None} if fit.unranked else {}
    return own | {"aic_weight": fit.aic_weight, "aicc_weight": fit.aicc_weight, "unranked": unranked_reason(fit, Words("en"))}


def as_comparison(found: Comparison, *, unit: float, language: str = "en") -> dict[str, Any]:
    """One curve's ranking, agreement and sentence; ``unit`` is what the fit's unit is worth in the curve's."""
    said = verdict(found)
    words = Words(language)
    return {
        "curve": found.curve,
        "ranking": [
            {
                "model": fit.model,
                "aic": aic_in(fit.found.aic, fit, unit),
                "aicc": None if fit.aicc is None else aic_in(fit.aicc, fit, unit),
                "aic_weight": fit.aic_weight,
                "aicc_weight": fit.aicc_weight,
                "samples": fit.samples,
            }
            for fit in found.ranked
            if fit.found is not None
        ],
        "unranked": [
            {
                "model": fit.model,
                "reason": unranked_reason(fit, words),
                "aic": None if fit.found is None else aic_in(fit.found.aic, fit, unit),
                "samples": fit.samples,
            }
            for fit in found.fits
            if fit.unranked
        ],
        "verdict": {"kind": said.kind, "models": list(said.models)},
        "agreement": [
            {"quantity": a.key, "models": list(a.models), "difference": a.difference, "beyond_noise": a.beyond_noise}
            for a in found.agreement
        ],
        "own_meaning": {
            key: {model: meaning_text(code, words) for model, code in meanings.items()}
            for key, meanings in found.own_meaning.items()
        },
        "sentence": sentence(found, words).replace(NBSP, " "),
    }


def _said(call: ResponseCall | None) -> dict[str, Any]:
    category, probability = (None, None) if call is None else (call.category, call.probability_major)
    return {"category": category, "probability_major": probability}


def _keys(fit: ModelFit) -> list[str]:
    return [] if fit.found is None else list(fit.found.parameters)


def _values(fit: ModelFit, healthy: Mapping[str, Measurement]) -> dict[str, Any]:
    if fit.found is None:
        return {}
    found = fit.found
    over = {"ratio": {"bf": case_json.ratio(ratio(found, healthy[fit.model], "bf"))}} if fit.model in healthy else {}
    return {
        **{key: {"value": e.value, "sd": e.sd} for key, e in found.parameters.items()},
        "fit": {"r2": found.r2, "residual_sd_hu": found.residual_sd, "delays_s": dict(found.delays_s)},
        **over,
        "flags": list(found.flags),
    }
