"""Several models on one curve: which the data prefer, which quantities may be set side by side, and whether they agree.

Akaike's criterion compares models on the same samples (Burnham KP, Anderson DR. Model selection and multimodel inference, 2nd ed. 2002):
weight_i = exp(-D_i / 2) / sum of exp(-D_j / 2), D the difference from the lowest AIC. They advise its small-sample form,
AICc = AIC + 2 K (K + 1) / (n - K - 1), below n / K = 40. AICc is derived for fits by the data alone; here priors hold the unknowns,
which are then fewer in effect than K, and AICc takes off too much (docs/explain/comparing-models.md has the measurement). Models are
ranked by AIC, and one is preferred only where AICc puts the same one first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.comparison import Agreement, Comparison, ModelFit
from hepaflow.domain.lesions import Measurement
from hepaflow.errors import InputRefused
from hepaflow.units import QUANTITIES

FloatArray = npt.NDArray[np.float64]
Tried = Measurement | InputRefused

#: Models within this of the lowest AIC have substantial support (Burnham and Anderson, section 2.6).
SUPPORTED = 2.0
#: From this weight on one model stands clear of the others (the same, section 2.6).
CLEAR_WEIGHT = 0.9
#: A model this far above the lowest AIC has essentially no support (the same, section 2.6).
UNSUPPORTED = 10.0
#: Two values farther apart than this many SDs of their difference do not agree (95 %).
DEVIATIONS = 1.96

#: Models whose curve is free, as smooth as the samples ask for. Their AIC counts the unknowns left at the smoothness chosen and not the
#: choice, so they would come first on noise alone.
FREE_CURVES = frozenset({"deconvolution"})

#: Quantities that carry one key and are not the same thing in every model; what is not listed means the same wherever it is given.
MEANINGS: dict[str, dict[str, str]] = {
    "bv": {
        "aath": "vessels",
        "two-compartment": "vessels",
        "one-compartment": "vessels-and-interstitium",
        "deconvolution": "seen-by-the-end",
        "patlak": "filled-at-once",
    },
    "mtt": {
        "aath": "vessels",
        "two-compartment": "vessels",
        "one-compartment": "vessels-and-interstitium",
    },
    "total_mtt": {
        "aath": "whole-residue",
        "two-compartment": "whole-residue",
        "one-compartment": "whole-residue",
        "deconvolution": "seen-by-the-end",
    },
    "ps": {"aath": "exchange", "two-compartment": "exchange", "patlak": "uptake-without-return"},
    "ktrans": {"aath": "exchange", "two-compartment": "exchange", "patlak": "uptake-without-return"},
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the data say of the ranked models: ``models`` are the preferred one, those they do not tell apart, or in a conflict the first
    by AIC and the first by AICc.
    """

    kind: Literal["none", "only", "undecided", "conflict", "preferred", "clear"]
    models: tuple[str, ...]


def compare(curve: str, tried: Mapping[str, Tried]) -> Comparison:
    """Every model tried on ``curve``, by key: its measurement, or why it was refused.

    Ranked by AIC are models of a fixed number of unknowns fitted to the same samples, those of the model that used most; the others keep
    their place behind them.
    """
    fits = [_fit(model, outcome) for model, outcome in tried.items()]
    fits = _same_samples(fits)
    ranked = sorted((fit for fit in fits if fit.unranked is None), key=_aic)
    ranked = _weighted(ranked)
    every = (*ranked, *(fit for fit in fits if fit.unranked is not None))
    given = {fit.model: fit.found for fit in every if fit.found is not None}
    return Comparison(curve, every, _agreements(given), _own_meanings(given))


def verdict(comparison: Comparison) -> Verdict:
    """Which model the data prefer.

    Undecided where a second model lies within SUPPORTED of the lowest AIC, a conflict where AICc puts one first that does not; clear
    from a weight of CLEAR_WEIGHT by both.
    """
    ranked = comparison.ranked
    if len(ranked) < 2:
        return Verdict("only" if ranked else "none", tuple(fit.model for fit in ranked))
    best = ranked[0]
    near = tuple(fit.model for fit in ranked if _aic(fit) - _aic(best) <= SUPPORTED)
    corrected = corrected_first(comparison)
    if corrected is not None and corrected.model not in near:
        return Verdict("conflict", (best.model, corrected.model))
    if len(near) > 1:
        return Verdict("undecided", near)
    support = [w for w in (best.aic_weight, best.aicc_weight) if w is not None]
    return Verdict("clear" if min(support) >= CLEAR_WEIGHT else "preferred", (best.model,))


def rejected(comparison: Comparison, model: str) -> bool:
    """Whether the data clearly reject ``model``: it lies more than UNSUPPORTED above the best by AIC, and by AICc where every model has it."""
    ranked = comparison.ranked
    own = next((fit for fit in ranked if fit.model == model), None)
    if own is None or _aic(own) - min(map(_aic, ranked)) <= UNSUPPORTED:
        return False
    small = [fit.aicc for fit in ranked if fit.aicc is not None]
    return own.aicc is None or len(small) < len(ranked) or own.aicc - min(small) > UNSUPPORTED


def corrected_first(comparison: Comparison) -> ModelFit | None:
    """The model that AICc puts first; None where it says nothing of some ranked model."""
    ranked = comparison.ranked
    if not ranked or any(fit.aicc_weight is None for fit in ranked):
        return None
    return max(ranked, key=lambda fit: fit.aicc_weight or 0.0)


def weights(criteria: Sequence[float]) -> FloatArray:
    """Akaike weights (m,) of AIC or AICc values (m,).

    >>> weights([10.0, 10.0, 1010.0]).round(3).tolist()
    [0.5, 0.5, 0.0]
    """
    difference = np.asarray(criteria, float) - min(criteria)
    share = np.exp(-0.5 * difference)
    return np.asarray(share / share.sum())


def meaning(key: str, model: str) -> str:
    """What quantity ``key`` is in ``model``: a code that two models share only when they mean the same.

    >>> meaning("bf", "aath") == meaning("bf", "one-compartment"), meaning("bv", "aath") == meaning("bv", "one-compartment")
    (True, False)
    """
    if key not in MEANINGS:
        return "same"
    return MEANINGS[key].get(model, f"as in {model}")


def _fit(model: str, outcome: Tried) -> ModelFit:
    if isinstance(outcome, InputRefused):
        return ModelFit(model, None, 0, "not-fitted", outcome.code, outcome.what)
    fitted = int(np.isfinite(outcome.fit_hu).sum())
    if not fitted or not np.isfinite(outcome.aic):
        return ModelFit(model, outcome, int(np.isfinite(outcome.curve_hu).sum()), "no-curve")
    return ModelFit(model, outcome, fitted, "free-curve" if model in FREE_CURVES else None)


def _same_samples(fits: list[ModelFit]) -> list[ModelFit]:
    """The fits, those to other samples than the fullest one's marked."""
    open_fits = [fit for fit in fits if fit.unranked is None]
    if not open_fits:
        return fits
    fullest = _fitted_at(max(open_fits, key=lambda fit: fit.samples))
    return [
        replace(fit, unranked="other-samples") if fit.unranked is None and not np.array_equal(_fitted_at(fit), fullest) else fit
        for fit in fits
    ]


def _fitted_at(fit: ModelFit) -> npt.NDArray[np.bool_]:
    return np.isfinite(fit.found.fit_hu) if fit.found is not None else np.empty(0, bool)


def _aic(fit: ModelFit) -> float:
    return fit.found.aic if fit.found is not None else float("inf")


def _weighted(ranked: list[ModelFit]) -> list[ModelFit]:
    if not ranked:
        return []
    plain = weights([_aic(fit) for fit in ranked])
    corrected = [aicc(fit.found) for fit in ranked if fit.found is not None]
    small = weights(corrected) if np.isfinite(corrected).all() else None
    return [
        replace(
            fit,
            aicc=corrected[i] if np.isfinite(corrected[i]) else None,
            aic_weight=float(plain[i]),
            aicc_weight=None if small is None else float(small[i]),
        )
        for i, fit in enumerate(ranked)
    ]


def aicc(found: Measurement) -> float:
    """The small-sample AIC of a fit; infinite when there are not two more samples than unknowns, noise counted as one.

    The number of unknowns K is what AIC itself counted: AIC = n ln(S / n) + 2 K, with S the sum of squared residuals.
    """
    residual = (found.curve_hu - found.fit_hu)[np.isfinite(found.fit_hu)]
    n = residual.size
    count = round((found.aic - n * float(np.log(max(float(residual @ residual) / n, 1e-300)))) / 2)
    return found.aic + 2 * count * (count + 1) / (n - count - 1) if n - count > 1 else float("inf")


def _agreements(given: Mapping[str, Measurement]) -> tuple[Agreement, ...]:
    """Every quantity that at least two models give with one meaning."""
    found = []
    for key in QUANTITIES:
        groups: dict[str, list[str]] = {}
        for model, measured in given.items():
            if key in measured.parameters and np.isfinite(measured.parameters[key].value):
                groups.setdefault(meaning(key, model), []).append(model)
        found += [_agreement(key, {m: given[m] for m in models}) for models in groups.values() if len(models) > 1]
    return tuple(found)


def _agreement(key: str, given: Mapping[str, Measurement]) -> Agreement:
    """How far the values lie apart, and whether a pair lies beyond what noise explains.

    The SDs are added as if the two errors were independent. They come from the same samples, so the true SD of the difference is
    smaller: what is called beyond noise is.
    """
    estimates = {model: measured.parameters[key] for model, measured in given.items()}
    pairs = combinations([e for e in estimates.values() if np.isfinite(e.sd)], 2)
    apart = [(abs(a.value - b.value), abs(a.value - b.value) > DEVIATIONS * float(np.hypot(a.sd, b.sd)), a, b) for a, b in pairs]
    beyond = [pair for pair in apart if pair[1]]
    difference = None
    if apart:
        _, _, a, b = max(beyond or apart, key=lambda pair: pair[0])
        low, high = sorted((a.value, b.value))
        difference = high / low - 1.0 if low > 0 else None
    return Agreement(
        key,
        tuple(estimates),
        tuple(e.value for e in estimates.values()),
        tuple(e.sd for e in estimates.values()),
        difference,
        bool(beyond),
    )


def _own_meanings(given: Mapping[str, Measurement]) -> dict[str, dict[str, str]]:
    found = {}
    for key in MEANINGS:
        meanings = {model: meaning(key, model) for model, measured in given.items() if key in measured.parameters}
        if len(set(meanings.values())) > 1:
            found[key] = meanings
    return found
