"""A comparison of models in plain words; every number comes from the comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hepaflow.domain.comparison import Agreement, Comparison, ModelFit
from hepaflow.kinetics.compare import UNSUPPORTED, rejected, verdict
from hepaflow.report.words import NBSP, Words


def sentence(found: Comparison, words: Words, *, own: bool = True) -> str:
    """What the models give for blood flow, whether they agree, which the data prefer; then what is not compared, and why.

    ``own`` False leaves out the quantities of different meaning, where they stand elsewhere.
    """
    parts = [text for text in (_flow(found, words), _preference(found, words)) if text]
    said = [_semicolon(words).join(parts) + "."] if parts else []
    if own and found.own_meaning:
        keys = listed([_short(key) for key in found.own_meaning], words)
        said.append(words("compare_own", keys=keys))
    reasons: dict[str, list[str]] = {}
    for fit in found.fits:
        reason = unranked_reason(fit, words)
        if reason is not None:
            reasons.setdefault(reason, []).append(words.brief_model(fit.model))
    said += [words("compare_unranked", models=listed(models, words), reason=reason) for reason, models in reasons.items()]
    return " ".join(text[:1].upper() + text[1:] for text in said)


def unranked_reason(fit: ModelFit, words: Words) -> str | None:
    """Why a model has no rank, in words; None when it has one."""
    if fit.unranked is None:
        return None
    if fit.detail:
        return words("unranked_not-fitted_because", detail=fit.detail)
    return words(f"unranked_{fit.unranked}", samples=str(fit.samples))


def meaning_text(code: str, words: Words) -> str:
    """What a quantity is in a model, in words; the code of a model that is not in the table is a phrase already."""
    key = f"meaning_code_{code}"
    return words(key) if words.has(key) else code


def listed(names: Sequence[str], words: Words) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = names
    return words("and", first=", ".join(first), last=last) if first else last


def weight_text(weight: float | None, words: Words) -> str:
    """A weight to two decimals, never shown as certain.

    >>> weight_text(0.9999, Words("en")).replace("\u00a0", " ")
    '> 0.99'
    """
    if weight is None:
        return words("na")
    if weight > 0.99:
        return f">{NBSP}{words.number(0.99, 2)}"
    return f"<{NBSP}{words.number(0.01, 2)}" if weight < 0.01 else words.number(weight, 2)


def share(difference: float, words: Words) -> str:
    """A difference in whole per cent; it may be over 100."""
    space = NBSP if words.language == "fr" else ""
    return f"{words.number(100.0 * difference, 0)}{space}%"


def _semicolon(words: Words) -> str:
    return words.typeset(words.choose("; ", " ; "))


def _brief(models: Sequence[str], words: Words) -> str:
    return listed([words.brief_model(model) for model in models], words)


def _short(key: str) -> str:
    return {"total_mtt": "total MTT", "ktrans": "Ktrans"}.get(key, key.upper())


def _flow(found: Comparison, words: Words) -> str:
    flow = next((a for a in found.agreement if a.key == "bf"), None) or _single_flow(found)
    if flow is None:
        return ""
    values = [
        words("compare_value", value=words.plus_minus(value, sd, 0), model=words.brief_model(model))
        for model, value, sd in zip(flow.models, flow.values, flow.sds, strict=True)
    ]
    text = words("compare_flow", values=", ".join(values))
    judged = [model for model, sd in zip(flow.models, flow.sds, strict=True) if math.isfinite(sd)]
    clauses = []
    if len(judged) > 1:
        kind = "compare_differ" if flow.beyond_noise else "compare_agree"
        if flow.difference is None:
            clauses.append(words(f"{kind}_plain"))
        else:
            clauses.append(words(kind, share=share(flow.difference, words)))
        poor = [model for model in judged if rejected(found, model)]
        if poor:
            clauses[-1] += words("compare_rejected", models=_brief(poor, words), limit=words.number(UNSUPPORTED, 0))
    silent = [model for model in flow.models if model not in judged]
    if silent and len(flow.models) > 1:
        clauses.append(words("compare_no_sd", models=_brief(silent, words)))
    colon = words.typeset(words.choose(": ", " : "))
    return text + (colon + _semicolon(words).join(clauses) if clauses else "")


def _single_flow(found: Comparison) -> Agreement | None:
    """The only flow that there is, when a single model gives one."""
    for fit in found.fits:
        estimate = None if fit.found is None else fit.found.parameters.get("bf")
        if estimate is not None and math.isfinite(estimate.value):
            return Agreement("bf", (fit.model,), (estimate.value,), (estimate.sd,), None, False)
    return None


def _preference(found: Comparison, words: Words) -> str:
    said = verdict(found)
    if said.kind == "none":
        return words("compare_none")
    fits = {fit.model: fit for fit in found.ranked}
    best = [fits[model] for model in said.models]
    if said.kind == "only":
        text = words("compare_only", model=words.brief_model(best[0].model))
    elif said.kind == "conflict":
        first, second = best
        values = {"weight": weight_text(first.aic_weight, words), "corrected": weight_text(second.aicc_weight, words)}
        text = words("compare_conflict", first=words.brief_model(first.model), second=words.brief_model(second.model), **values)
    elif said.kind == "undecided":
        shares = listed([weight_text(fit.aic_weight, words) for fit in best], words)
        text = words("compare_undecided", models=_brief([fit.model for fit in best], words), weights=shares)
    else:
        text = words(f"compare_{said.kind}", model=words.brief_model(best[0].model), weight=weight_text(best[0].aic_weight, words))
    if all(fit.found is not None and "fit-poor" in fit.found.flags for fit in best):
        text += ", " + words("compare_poor" if len(best) == 1 else "compare_poor_several")
    return text
