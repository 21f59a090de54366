"""Several parameters together: a ridge-penalized logistic rule, judged only on patients that neither the rule nor its penalty has seen.

Every step that looks at the outcome lies inside the outer folds, and folds are of whole patients (Varma S, Simon R. BMC Bioinformatics 2006;7:91).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from hepaflow.cohort.logistic import Logistic, logistic
from hepaflow.cohort.roc import Auc, auc
from hepaflow.cohort.sample import Bools, Floats, Ints, Sample, places
from hepaflow.errors import InputRefused

#: Penalties tried, on standardized columns; from hardly any to nearly all.
PENALTIES = tuple(float(x) for x in np.geomspace(0.01, 300.0, 10))
OUTER_FOLDS, INNER_FOLDS, ROUNDS = 10, 5, 5


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A fitted rule: ``intercept + sum(coefficients * (columns - centre) / scale)`` is the log odds of being positive."""

    names: tuple[str, ...]
    centre: Floats
    scale: Floats
    intercept: float
    coefficients: Floats
    penalty: float

    def probability(self, columns: Floats) -> Floats:
        """Probabilities (n) of ``columns`` (n, names)."""
        score = self.intercept + (columns - self.centre) / self.scale @ self.coefficients
        return np.asarray(special.expit(score))


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """The rule of all patients, the probabilities that rules of other patients gave each lesion (mean over rounds), the area of those, and that of the rule on its own data."""

    rule: Rule
    held_out: Floats
    auc: Auc
    apparent_auc: float
    n: int
    clusters: int


def combine(columns: Floats, positive: Bools, cluster: Ints, *, names: tuple[str, ...], rng: np.random.Generator) -> Combined:
    """Fit and judge the rule. ``columns`` (n, names). Refused: gaps, one class, fewer than 10 patients or 5 lesions of a class, a column of one value."""
    patients = places(cluster)
    count = len(np.unique(cluster))
    if count < OUTER_FOLDS or min(int(positive.sum()), int((~positive).sum())) < 5:
        raise InputRefused(
            "COMBINE-FEW", "too few patients or lesions of a class to judge a rule of several parameters", "Add patients"
        )
    if not np.isfinite(columns).all():
        raise InputRefused("COMBINE-GAPS", "a column of the combined rule has gaps", "Leave such lesions out before")
    if (np.ptp(columns, axis=0) == 0).any():
        raise InputRefused("COMBINE-CONSTANT", "a column of the combined rule has one value only", "Leave it out")
    total = np.zeros(len(positive))
    for _ in range(ROUNDS):
        fold = _folds(patients, positive, OUTER_FOLDS, rng)
        for k in range(OUTER_FOLDS):
            inside = fold != k
            if inside.all():
                continue
            made = _fit(columns[inside], positive[inside], patients[inside], names=names, rng=rng)
            total[~inside] += _at_common_level(made, positive[inside], positive).probability(columns[~inside])
    held_out = total / ROUNDS
    rule = _fit(columns, positive, patients, names=names, rng=rng)
    own = auc(Sample(rule.probability(columns), positive, patients)).auc
    return Combined(rule, held_out, auc(Sample(held_out, positive, patients)), own, len(positive), count)


def _at_common_level(rule: Rule, seen: Bools, every: Bools) -> Rule:
    """The rule moved from the prevalence of the lesions it was made of to that of all.

    A fold rich in positive lesions leaves the others poor in them: without this, rules of different folds would rank lesions against the truth
    (pure noise would reach an area well below one half).
    """
    levels = [float(part.mean()) for part in (seen, every)]
    if not all(0.0 < level < 1.0 for level in levels):
        return rule
    moved = math.log(levels[1] / (1.0 - levels[1])) - math.log(levels[0] / (1.0 - levels[0]))
    return replace(rule, intercept=rule.intercept + moved)


def _fit(columns: Floats, positive: Bools, patients: Ints, *, names: tuple[str, ...], rng: np.random.Generator) -> Rule:
    """A rule whose penalty was chosen by the deviance in held-out patients."""
    fold = _folds(patients, positive, INNER_FOLDS, rng)
    deviance = np.zeros(len(PENALTIES))
    for k in range(INNER_FOLDS):
        inside = fold != k
        if inside.all() or positive[inside].all() or not positive[inside].any():
            continue
        for place, penalty in enumerate(PENALTIES):
            chance = _ridge(columns[inside], positive[inside], penalty, names=names).probability(columns[~inside])
            chance = np.clip(chance, 1e-12, 1 - 1e-12)
            deviance[place] -= 2.0 * np.log(np.where(positive[~inside], chance, 1.0 - chance)).sum()
    return _ridge(columns, positive, PENALTIES[int(np.argmin(deviance))], names=names)


def _ridge(columns: Floats, positive: Bools, penalty: float, *, names: tuple[str, ...]) -> Rule:
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design = np.column_stack([np.ones(len(columns)), (columns - centre) / scale])
    fit: Logistic | None = logistic(design, positive, penalty=np.concatenate([[1e-6], np.full(columns.shape[1], penalty)]))
    if fit is None:
        raise InputRefused("COMBINE-NOT-FOUND", "the combined rule could not be fitted", "Use fewer columns")
    return Rule(names, centre, scale, float(fit.coefficients[0]), fit.coefficients[1:], penalty)


def _folds(patients: Ints, positive: Bools, wanted: int, rng: np.random.Generator) -> Ints:
    """Whole patients dealt to folds, those with mostly positive lesions apart from the others so that each fold has both."""
    names = np.unique(patients)
    share = np.bincount(patients, positive, minlength=int(names.max()) + 1)[names] / np.bincount(patients)[names]
    order = rng.permutation(len(names))
    order = order[np.argsort(share[order] > 0.5, kind="stable")]
    of_patient = np.zeros(int(names.max()) + 1, np.intp)
    of_patient[names[order]] = np.arange(len(names)) % wanted
    return np.asarray(of_patient[patients])
