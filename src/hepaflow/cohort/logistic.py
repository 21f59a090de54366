"""Logistic regression with an optional ridge penalty, its errors with lesions within patients.

le Cessie S, van Houwelingen JC. Appl Stat 1992;41:191-201 (ridge); Liang KY, Zeger SL. Biometrika 1986;73:13-22 (sandwich).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from hepaflow.cohort.sample import Bools, Floats, Ints, places

_STEPS = 100
#: A linear predictor beyond this means that the classes are wholly apart: no finite estimate exists.
_APART = 30.0
#: Condition of the information from which a coefficient has no estimate.
_SINGULAR = 1e9
#: No step moves a linear predictor further: where probabilities are near 0 or 1 the likelihood is flat and Newton's step far too long.
_LONGEST = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """Coefficients (in the order of the columns), fitted probabilities, the log-likelihood, and the matrix of second derivatives of the (penalized) fit."""

    coefficients: Floats
    probability: Floats
    log_likelihood: float
    information: Floats


def logistic(design: Floats, positive: Bools, *, offset: Floats | None = None, penalty: Floats | None = None) -> Logistic | None:
    """Fit by Newton's method. ``design`` (n, p) with its own column of ones, ``penalty`` (p): half of it times the squared coefficient is taken off the likelihood.

    None where no finite estimate exists (classes wholly apart, or a column that says nothing new).

    >>> import numpy as np
    >>> fit = logistic(np.ones((4, 1)), np.array([True, True, True, False]))
    >>> round(float(fit.coefficients[0]), 4)
    1.0986
    """
    n, p = design.shape
    if penalty is None and np.linalg.matrix_rank(design) < p:
        return None
    fixed = np.zeros(n) if offset is None else offset
    ridge = np.zeros(p) if penalty is None else penalty
    found = np.zeros(p)
    best = _penalized(design, positive, fixed, found, ridge)
    for _ in range(_STEPS):
        chance = special.expit(design @ found + fixed)
        information = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.diag(ridge)
        slope = design.T @ (positive - chance) - ridge * found
        try:
            step = np.linalg.solve(information, slope)
        except np.linalg.LinAlgError:
            return None
        scale = _LONGEST / max(float(np.abs(design @ step).max()), _LONGEST)
        while scale > 1e-6 and (reached := _penalized(design, positive, fixed, found + scale * step, ridge)) < best - 1e-12:
            scale *= 0.5
        found, best = found + scale * step, max(best, reached)
        score = design @ found + fixed
        if penalty is None and float(np.where(positive, score, -score).min()) > _APART:
            return None
        if np.abs(scale * step).max() < 1e-10:
            chance = special.expit(design @ found + fixed)
            weights = chance * (1.0 - chance)
            information = (design * weights[:, None]).T @ design + np.diag(ridge)
            if penalty is None and np.linalg.cond(information) > _SINGULAR:
                return None  # classes apart in part: a coefficient still runs away, too slowly to see
            return Logistic(found, chance, _penalized(design, positive, fixed, found, np.zeros(p)), information)
    return None


def robust_covariance(fit: Logistic, design: Floats, positive: Bools, cluster: Ints) -> Floats:
    """Sandwich covariance of the coefficients with lesions within patients, times patients / (patients - 1)."""
    place = places(cluster)
    patients = int(place.max()) + 1
    scores = np.zeros((patients, design.shape[1]))
    np.add.at(scores, place, design * (positive - fit.probability)[:, None])
    bread = np.linalg.inv(fit.information)
    factor = patients / (patients - 1) if patients > 1 else np.nan
    return np.asarray(factor * bread @ (scores.T @ scores) @ bread)


def _penalized(design: Floats, positive: Bools, fixed: Floats, coefficients: Floats, ridge: Floats) -> float:
    score = design @ coefficients + fixed
    return float(-np.logaddexp(0.0, np.where(positive, -score, score)).sum() - 0.5 * (ridge * coefficients**2).sum())
