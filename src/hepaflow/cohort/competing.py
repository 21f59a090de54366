"""Cumulative incidence of one cause where another may come first (death before local progression).

Aalen OO, Johansen S. Scand J Stat 1978;5:141-150. Variance by the infinitesimal jackknife, which equals Greenwood's without competing events and takes
patients as clusters (as in R survival). Limits by log-log of the incidence: Choudhury JB. Stat Med 2002;21:1129-1144.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.censored import Codes, Numbers, RiskTable, followed, risk_table
from hepaflow.cohort.pairs import Cluster, numbered
from hepaflow.errors import InputRefused

_Z = 1.959963984540054
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CumulativeIncidence:
    """Incidence of the cause by each of ``times``; ``ci95`` is None where it is 0 or 1. ``competing`` counts the events of other causes."""

    test: str
    n: int
    clusters: int
    times: tuple[float, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    competing: tuple[int, ...]
    incidence: tuple[float, ...]
    se: tuple[float, ...]
    ci95: tuple[Interval | None, ...]


def cumulative_incidence(
    time: npt.ArrayLike, event_code: npt.ArrayLike, *, cause: int = 1, cluster: Cluster | None = None
) -> CumulativeIncidence:
    """Aalen-Johansen estimate; ``event_code`` is 0 for censored, else the number of the cause; ``cluster`` names the patient of each lesion.

    Refused: as :func:`followed`, a cause below 1. Groups are compared by ``log_rank(..., cause=...)``, which tests the cause-specific hazard.

    >>> cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0]).incidence
    (0.25, 0.25, 0.5, 0.5)
    """
    times, codes = followed(time, event_code)
    if cause < 1:
        raise InputRefused("INCIDENCE-CAUSE", "the cause is censoring, or none", "Give the number of the cause, 1 or more")
    patient = np.arange(len(times)) if cluster is None else numbered(cluster, len(times))
    every, ours = risk_table(times, codes > 0), risk_table(times, codes == cause)
    incidence, variance = _aalen_johansen(times, codes, (every, ours), cause=cause, patient=patient)
    se = np.sqrt(variance)
    test = "Aalen-Johansen cumulative incidence, infinitesimal jackknife variance, log-log 95 % limits"
    return CumulativeIncidence(
        test=test if cluster is None else f"{test}, clustered by patient",
        n=len(times),
        clusters=int(patient.max()) + 1,
        times=tuple(every.times.tolist()),
        at_risk=tuple(every.at_risk.tolist()),
        events=tuple(ours.events.tolist()),
        competing=tuple((every.events - ours.events).tolist()),
        incidence=tuple(incidence.tolist()),
        se=tuple(se.tolist()),
        ci95=tuple(_log_log(float(value), float(error)) for value, error in zip(incidence, se, strict=True)),
    )


def _aalen_johansen(
    times: Numbers, codes: Codes, tables: tuple[RiskTable, RiskTable], *, cause: int, patient: npt.NDArray[np.intp]
) -> tuple[Numbers, Numbers]:
    """Incidence and its variance at every distinct time: what each unit pulls at survival and incidence is carried along."""
    every, ours = tables
    incidence, variance = np.zeros(len(every.times)), np.zeros(len(every.times))
    survival, value = 1.0, 0.0
    on_survival, on_incidence = np.zeros(len(times)), np.zeros(len(times))
    for n, (when, at_risk) in enumerate(zip(every.times, every.at_risk, strict=True)):
        followed_on, here = times >= when, times == when
        all_hazard, hazard = every.events[n] / at_risk, ours.events[n] / at_risk
        of_all = ((here & (codes > 0)) - followed_on * all_hazard) / at_risk
        of_cause = ((here & (codes == cause)) - followed_on * hazard) / at_risk
        on_incidence += hazard * on_survival + survival * of_cause
        on_survival = on_survival * (1.0 - all_hazard) - survival * of_all
        value += survival * hazard
        survival *= 1.0 - all_hazard
        incidence[n], variance[n] = value, float((np.bincount(patient, on_incidence) ** 2).sum())
    return incidence, variance


def _log_log(incidence: float, se: float) -> Interval | None:
    if not 0.0 < incidence < 1.0 - 1e-12:
        return None
    reach = _Z * se / (incidence * abs(math.log(incidence)))
    return incidence ** math.exp(reach), incidence ** math.exp(-reach)
