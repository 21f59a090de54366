"""Proportional hazards regression, with the check of its assumption beside every result.

Cox DR. J R Stat Soc B 1972;34:187-220; ties: Efron B. J Am Stat Assoc 1977;72:557-565; robust variance of clusters: Lin DY, Wei LJ. J Am Stat Assoc
1989;84:1074-1078; proportionality: Grambsch PM, Therneau TM. Biometrika 1994;81:515-526, as the score test of R survival 3. Own code, since
statsmodels takes the residuals of its robust variance without Efron's correction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.censored import Numbers, once, risk_table
from hepaflow.cohort.pairs import Cluster, numbered
from hepaflow.errors import InputRefused

_Z = 1.959963984540054
#: Below this many events a covariate estimates and intervals are unreliable (Peduzzi P et al. J Clin Epidemiol 1995;48:1503-1510).
EVENTS_PER_COVARIATE = 10
_ROUNDS = 40
_SETTLED = 1e-10
#: Of the logarithm of a hazard ratio.
_LARGEST = 700.0
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Hazard:
    """One covariate: log hazard ratio for one unit with its standard error (robust with clusters), the ratio with its interval, and Wald's p."""

    name: str
    coefficient: float
    se: float
    hazard_ratio: float
    ci95: Interval
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class Proportionality:
    """Does the hazard ratio of a covariate (or of any: ``all covariates``) change with time? A small p says that one ratio does not describe it.

    ``chi2`` and ``p`` are None where events are too few to tell.
    """

    name: str
    chi2: float | None
    df: int
    p: float | None


@dataclass(frozen=True, slots=True)
class Cox:
    """Hazard ratios, and the check of proportional hazards for each covariate and for all; ``few_events``: fewer than 10 a covariate."""

    test: str
    ties: str
    n: int
    events: int
    clusters: int
    hazards: tuple[Hazard, ...]
    proportionality_test: str
    proportionality: tuple[Proportionality, ...]
    log_likelihood: float

    @property
    def few_events(self) -> bool:
        """Fewer events a covariate than :data:`EVENTS_PER_COVARIATE`."""
        return self.events < EVENTS_PER_COVARIATE * len(self.hazards)


@dataclass(frozen=True, slots=True)
class _Sums:
    """At the coefficients: a row an event (its place among ties is one of Efron's), a column a unit for ``share``."""

    likelihood: float
    share: Numbers
    mean: Numbers
    information: Numbers


def cox(
    time: npt.ArrayLike, event: npt.ArrayLike, covariates: npt.ArrayLike, names: Sequence[str], *, cluster: Cluster | None = None
) -> Cox:
    """Cox regression; ``covariates`` has a row a unit and a column for each of ``names``; ``cluster`` names the patient of each lesion.

    The check of proportionality does not know of clusters (as in R). Refused: as :func:`followed`, missing covariates, names that are not one a column,
    no event, one cluster, covariates that are constant or follow from others, hazard ratios that run to zero or infinity or are so for one unit.
    """
    times, happened = once(time, event)
    table = _columns(covariates, names, len(times))
    deaths = np.flatnonzero(happened)
    deaths = deaths[np.argsort(times[deaths], kind="stable")]
    if not len(deaths):
        raise InputRefused("COX-NO-EVENT", "no event happened", "Give follow-up with events")
    patient = np.arange(len(times)) if cluster is None else numbered(cluster, len(times))
    if patient.max() == 0:
        raise InputRefused("COX-ONE-CLUSTER", "all units are of one patient", "Give units of several patients")
    scale = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    if np.linalg.matrix_rank(scaled) < scaled.shape[1]:
        raise InputRefused("COX-COLLINEAR", "a covariate is constant or follows from the others", "Leave it out")
    at_risk = _at_risk(times, happened, deaths)
    beta = _maximum(scaled, deaths, at_risk)
    sums = _sums(beta, scaled, deaths, at_risk)
    variance = np.linalg.inv(sums.information.sum(axis=0))
    if cluster is not None:
        pulls = _score_residuals(times, happened, scaled, sums, deaths) @ variance
        by_patient = np.array([np.bincount(patient, column) for column in pulls.T])
        variance = by_patient @ by_patient.T
    se = np.sqrt(np.diag(variance))
    return Cox(
        test="Cox proportional hazards regression, Wald tests"
        + ("" if cluster is None else ", robust variance by patient (Lin and Wei)"),
        ties="Efron",
        n=len(times),
        events=len(deaths),
        clusters=int(patient.max()) + 1,
        hazards=tuple(_hazard(*one) for one in zip(names, beta / scale, se / scale, strict=True)),
        proportionality_test="score test of Schoenfeld residuals against 1 - Kaplan-Meier (Grambsch and Therneau)",
        proportionality=_proportionality(times, happened, (scaled, sums, deaths), names),
        log_likelihood=sums.likelihood,
    )


def _columns(covariates: npt.ArrayLike, names: Sequence[str], n: int) -> Numbers:
    table = np.asarray(covariates, np.float64)
    if table.ndim != 2 or table.shape != (n, len(names)) or not names or len(set(names)) != len(names):
        raise InputRefused(
            "COX-COLUMNS", "the covariates are not a row a unit and a column a name", "Give one name for every column"
        )
    missing = int((~np.isfinite(table)).any(axis=1).sum())
    if missing:
        raise InputRefused("COX-MISSING", f"{missing} of {n} units lack a covariate", "Leave them out and say so")
    return table


def _at_risk(times: Numbers, happened: npt.NDArray[np.bool_], deaths: npt.NDArray[np.intp]) -> Numbers:
    """How much each unit is at risk at each event: the k-th of d tied events counts those d by 1 - k/d (Efron)."""
    when = times[deaths]
    same, first, count = np.unique(when, return_index=True, return_counts=True)
    place = np.searchsorted(same, when)
    passed = (np.arange(len(when)) - first[place]) / count[place]
    tied = (times == when[:, None]) & happened
    return np.asarray((times >= when[:, None]) - tied * passed[:, None], np.float64)


def _sums(beta: Numbers, table: Numbers, deaths: npt.NDArray[np.intp], at_risk: Numbers) -> _Sums:
    risk = table @ beta
    top = risk.max()
    weight = at_risk * np.exp(risk - top)
    total = weight.sum(axis=1)
    share = weight / total[:, None]
    mean = share @ table
    products = share @ (table[:, :, None] * table[:, None, :]).reshape(len(table), -1)
    information = products.reshape(len(deaths), *[table.shape[1]] * 2) - mean[:, :, None] * mean[:, None, :]
    return _Sums(float((risk[deaths] - top - np.log(total)).sum()), share, mean, information)


def _maximum(table: Numbers, deaths: npt.NDArray[np.intp], at_risk: Numbers) -> Numbers:
    """Newton's method with halved steps where the likelihood would fall."""
    beta = np.zeros(table.shape[1])
    sums = _sums(beta, table, deaths, at_risk)
    for _ in range(_ROUNDS):
        information = sums.information.sum(axis=0)
        if np.linalg.eigvalsh(information)[0] <= 1e-9:
            break
        step = np.linalg.solve(information, (table[deaths] - sums.mean).sum(axis=0))
        tried = _sums(beta + step, table, deaths, at_risk)
        while tried.likelihood < sums.likelihood - 1e-9 * (1 + abs(sums.likelihood)):
            step = step / 2.0
            tried = _sums(beta + step, table, deaths, at_risk)
        beta, sums = beta + step, tried
        if np.abs(step).max() < _SETTLED:
            return beta
    raise InputRefused(
        "COX-NOT-FINITE",
        "a hazard ratio runs to zero or infinity",
        "A covariate tells all events apart: describe it, or leave it out",
    )


def _score_residuals(
    times: Numbers, happened: npt.NDArray[np.bool_], table: Numbers, sums: _Sums, deaths: npt.NDArray[np.intp]
) -> Numbers:
    """What each unit adds to the score, summed over events."""
    same, place = np.unique(times[deaths], return_inverse=True)
    count = np.bincount(place)
    mean = np.array([np.bincount(place, column) / count for column in sums.mean.T]).T
    residual: Numbers = np.zeros_like(table)
    residual[happened] = table[happened] - mean[np.searchsorted(same, times[happened])]
    return np.asarray(residual - sums.share.sum(axis=0)[:, None] * table + sums.share.T @ sums.mean)


def _hazard(name: str, coefficient: float, se: float) -> Hazard:
    from scipy import stats

    if abs(coefficient) + _Z * se > _LARGEST:
        raise InputRefused(
            "COX-UNIT",
            "the hazard ratio for one unit of a covariate is too large to write",
            "Give the covariate in a unit that makes its numbers larger",
        )
    z = coefficient / se
    ends = (math.exp(coefficient - _Z * se), math.exp(coefficient + _Z * se))
    return Hazard(name, float(coefficient), float(se), math.exp(coefficient), ends, float(z), float(2 * stats.norm.sf(abs(z))))


def _proportionality(
    times: Numbers,
    happened: npt.NDArray[np.bool_],
    fitted: tuple[Numbers, _Sums, npt.NDArray[np.intp]],
    names: Sequence[str],
) -> tuple[Proportionality, ...]:
    from scipy import stats

    table, sums, deaths = fitted
    risk = risk_table(times, happened)
    before = np.concatenate([[1.0], np.cumprod(1.0 - risk.events / risk.at_risk)[:-1]])
    clock = 1.0 - before[np.searchsorted(risk.times, times[deaths])]
    clock = clock - clock.mean()
    score = clock @ (table[deaths] - sums.mean)
    plain, mixed, square = (np.tensordot(clock**power, sums.information, axes=1) for power in (0, 1, 2))
    left = square - mixed @ np.linalg.solve(plain, mixed)
    found = []
    for name, picked in [(name, [n]) for n, name in enumerate(names)] + [("all covariates", list(range(len(names))))]:
        inner = left[np.ix_(picked, picked)]
        regular = np.linalg.matrix_rank(inner, tol=1e-10) == len(picked)
        chi2 = float(score[picked] @ np.linalg.solve(inner, score[picked])) if regular else None
        p = None if chi2 is None else float(stats.chi2.sf(chi2, len(picked)))
        found.append(Proportionality(name, chi2, len(picked), p))
    return tuple(found)
