"""Time to an event: Kaplan-Meier and log-rank here; Cox and cumulative incidence in their own modules and named here too.

Kaplan EL, Meier P. J Am Stat Assoc 1958;53:457-481; Greenwood's variance, log-log limits (Kalbfleisch and Prentice), median after Brookmeyer R, Crowley J.
Biometrics 1982;38:29-41; log-rank: Mantel N. Cancer Chemother Rep 1966;50:163-170.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.censored import Numbers, followed, once, risk_table
from hepaflow.cohort.competing import CumulativeIncidence, cumulative_incidence
from hepaflow.cohort.cox import Cox, Hazard, Proportionality, cox
from hepaflow.errors import InputRefused

__all__ = [
    "Cox",
    "CumulativeIncidence",
    "Hazard",
    "KaplanMeier",
    "LogRank",
    "Proportionality",
    "cox",
    "cumulative_incidence",
    "kaplan_meier",
    "log_rank",
]

_Z = 1.959963984540054
_HALF = 0.5
#: Within this of a half the curve is at it, as in R survival.
_AT_HALF = 1.5e-8
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class AtTime:
    """Survival at a time, its interval (None where it has none), and how many are still followed then."""

    survival: float
    ci95: Interval | None
    at_risk: int


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """Survival after each of ``times``; ``ci95`` is None where it is 1 or 0; ``median`` and its limits are None where they are not reached."""

    test: str
    n: int
    times: tuple[float, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]
    survival: tuple[float, ...]
    ci95: tuple[Interval | None, ...]
    median: float | None
    median_ci95: tuple[float | None, float | None]

    def at(self, time: float) -> AtTime | None:
        """Survival at ``time``; None beyond the last time that anyone was followed to."""
        if not 0 <= time <= self.times[-1]:
            return None
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        at_risk = self.at_risk[int(np.searchsorted(self.times, time))]
        return AtTime(1.0, None, at_risk) if place < 0 else AtTime(self.survival[place], self.ci95[place], at_risk)


@dataclass(frozen=True, slots=True)
class LogRank:
    """Log-rank test; by group how many there are, and the events observed and expected."""

    test: str
    groups: tuple[str, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    chi2: float
    df: int
    p: float


def kaplan_meier(time: npt.ArrayLike, event: npt.ArrayLike) -> KaplanMeier:
    """Kaplan-Meier estimate with log-log 95 % limits; ``event`` is 1 for an event, 0 for censored. Refused: as :func:`followed`, several causes.

    >>> found = kaplan_meier([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
    >>> found.median, round(found.survival[1], 5)
    (31.0, 0.81818)
    """
    times, happened = once(time, event)
    table = risk_table(times, happened)
    left = table.at_risk - table.events
    survival = np.asarray(np.cumprod(left / table.at_risk), np.float64)
    greenwood = np.cumsum(table.events / (table.at_risk * np.maximum(left, 1)))
    ci = tuple(_log_log(float(s), float(v)) for s, v in zip(survival, greenwood, strict=True))
    lower = np.array([np.nan if pair is None else pair[0] for pair in ci])
    upper = np.array([np.nan if pair is None else pair[1] for pair in ci])
    return KaplanMeier(
        test="Kaplan-Meier estimate, Greenwood's variance, log-log 95 % limits; median with Brookmeyer-Crowley limits",
        n=len(times),
        times=tuple(table.times.tolist()),
        at_risk=tuple(table.at_risk.tolist()),
        events=tuple(table.events.tolist()),
        censored=tuple(table.censored.tolist()),
        survival=tuple(survival.tolist()),
        ci95=ci,
        median=_crossing(table.times, survival),
        median_ci95=(_crossing(table.times, lower), _crossing(table.times, upper)),
    )


def _log_log(survival: float, variance: float) -> Interval | None:
    if not 0.0 < survival < 1.0:
        return None
    reach = _Z * math.sqrt(variance) / abs(math.log(survival))
    return survival ** math.exp(reach), survival ** math.exp(-reach)


def _crossing(times: Numbers, curve: Numbers) -> float | None:
    """First time at or below a half; the middle of the step where the curve runs at a half."""
    below = np.flatnonzero(curve <= _HALF + _AT_HALF)
    if not len(below):
        return None
    first = below[0]
    if abs(curve[first] - _HALF) < _AT_HALF:
        later = np.flatnonzero(curve < _HALF - _AT_HALF)
        if len(later):
            return float(times[first] + times[later[0]]) / 2.0
    return float(times[first])


def log_rank(time: npt.ArrayLike, event: npt.ArrayLike, group: Sequence[object], *, cause: int | None = None) -> LogRank:
    """Do the groups differ in time to the event?

    With ``cause``, ``event`` holds numbers of causes and the test is that of the cause-specific hazard: other causes are censored.
    Refused: as :func:`followed`, a group for not every time, fewer than two groups that were at risk when an event happened.
    """
    times, codes = followed(time, event)
    happened = once(times, codes)[1] if cause is None else codes == cause
    labels = [str(one) for one in group]
    if len(labels) != len(times):
        raise InputRefused("SURVIVAL-GROUP", "not every time has its group", "Give one group for every time")
    names, place = np.unique(labels, return_inverse=True)
    at = np.unique(times[happened])
    member = place[:, None] == np.arange(len(names))
    at_risk = (times >= at[:, None]).astype(np.float64) @ member
    died = ((times == at[:, None]) & happened).astype(np.float64).sum(axis=1)
    total = at_risk.sum(axis=1)
    expected = (died / total) @ at_risk
    observed = member[happened].sum(axis=0)
    share = at_risk / total[:, None]
    spread = died * (total - died) / np.maximum(total - 1.0, 1.0)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    compared = np.flatnonzero(expected > 0)
    if len(compared) < 2:
        raise InputRefused(
            "LOG-RANK-GROUPS", "fewer than two groups were at risk when an event happened", "Give groups with events"
        )
    chi2, df = _quadratic((observed - expected)[compared], covariance[np.ix_(compared, compared)])
    from scipy import stats

    return LogRank(
        test="log-rank test" if cause is None else "log-rank test of the cause-specific hazard, other causes censored",
        groups=tuple(names.tolist()),
        n=tuple(member.sum(axis=0).tolist()),
        observed=tuple(observed.tolist()),
        expected=tuple(expected.tolist()),
        chi2=chi2,
        df=df,
        p=float(stats.chi2.sf(chi2, df)),
    )


def _quadratic(apart: Numbers, covariance: Numbers) -> tuple[float, int]:
    """Statistic and degrees of freedom of differences that add up to zero."""
    inner = covariance[1:, 1:]
    if np.linalg.matrix_rank(inner) < len(inner):
        raise InputRefused(
            "LOG-RANK-GROUPS", "the groups were never at risk together when an event happened", "Give groups that overlap"
        )
    return float(apart[1:] @ np.linalg.solve(inner, apart[1:])), len(inner)
