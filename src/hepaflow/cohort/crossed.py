"""A test crossed with a condition: the 2x2 with its positive class, rates with intervals, and the rates of clustered units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from hepaflow.cohort.proportion import ClusteredProportion, Proportion, clustered, proportion
from hepaflow.cohort.sample import places
from hepaflow.errors import InputRefused

Bools = npt.NDArray[np.bool_]
Rate = Literal["sensitivity", "specificity", "ppv", "npv", "accuracy"]


@dataclass(frozen=True, slots=True)
class Crossed:
    """Counts of units by test and condition; ``positive`` names the condition that counts as positive (such as "major" response).

    The rates are of independent units; for lesions that share patients see ``clustered_rates``.

    >>> table = Crossed(tp=28, fp=1, fn=1, tn=31, positive="major")
    >>> round(table.youden, 3), round(table.kappa, 3), f"{table.fisher_p:.0e}"
    (0.934, 0.934, '4e-15')
    """

    tp: int
    fp: int
    fn: int
    tn: int
    positive: str

    def __post_init__(self) -> None:
        if min(self.tp, self.fp, self.fn, self.tn) < 0:
            raise InputRefused("CROSSED-COUNTS", "a count of the 2x2 table is negative", "Check the counts")
        if not self.positive.strip():
            raise InputRefused("CROSSED-POSITIVE", "the positive class has no name", "Say which class counts as positive")

    @property
    def n(self) -> int:
        """All units."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def sensitivity(self) -> Proportion:
        """Positive by test among those with the condition."""
        return proportion(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Proportion:
        """Negative by test among those without the condition."""
        return proportion(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> Proportion:
        """With the condition among those positive by test; holds for the prevalence of these units only."""
        return proportion(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> Proportion:
        """Without the condition among those negative by test; holds for the prevalence of these units only."""
        return proportion(self.tn, self.tn + self.fn)

    @property
    def accuracy(self) -> Proportion:
        """Test and condition alike among all."""
        return proportion(self.tp + self.tn, self.n)

    @property
    def youden(self) -> float | None:
        """Sensitivity + specificity - 1 (Youden WJ. Cancer 1950;3:32-35); None where one of them is undefined."""
        sensitivity, specificity = self.sensitivity.value, self.specificity.value
        return None if sensitivity is None or specificity is None else sensitivity + specificity - 1.0

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa of test and condition; None where both are one class throughout."""
        chance = (self.tp + self.fp) * (self.tp + self.fn) + (self.tn + self.fn) * (self.tn + self.fp)
        seen = (self.tp + self.tn) * self.n
        return None if chance == self.n**2 else (seen - chance) / (self.n**2 - chance)

    @property
    def fisher_p(self) -> float:
        """P of Fisher's exact test, two-sided: all tables of these margins that are no more probable; 1 where a margin is 0."""
        return min(1.0, float(stats.fisher_exact([[self.tp, self.fp], [self.fn, self.tn]]).pvalue))


def crossed(test_positive: Bools, condition: Bools, *, positive: str = "major") -> Crossed:
    """The 2x2 of a test and a condition, one value of each per unit; True is positive.

    Refused: arrays that are not boolean or of different length, an unnamed positive class.

    >>> crossed(np.array([True, True, False]), np.array([True, False, False]))
    Crossed(tp=1, fp=1, fn=0, tn=1, positive='major')
    """
    check_units(test_positive, condition)
    tp, fp = int((test_positive & condition).sum()), int((test_positive & ~condition).sum())
    return Crossed(tp, fp, int(condition.sum()) - tp, int((~condition).sum()) - fp, positive)


def clustered_rates(test: Bools, condition: Bools, *, cluster: npt.NDArray[np.generic]) -> dict[Rate, ClusteredProportion]:
    """Rates of a test whose units share clusters (lesions of patients), with intervals that allow for it.

    ``cluster`` names each unit's cluster. Refused as in ``crossed``.
    """
    check_units(test, condition, cluster=cluster)
    right = test == condition
    among: dict[Rate, tuple[Bools, Bools]] = {
        "sensitivity": (right, condition),
        "specificity": (right, ~condition),
        "ppv": (right, test),
        "npv": (right, ~test),
        "accuracy": (right, np.ones_like(test)),
    }
    place = places(cluster)
    return {
        name: clustered(np.bincount(place, events & units).astype(int).tolist(), np.bincount(place, units).astype(int).tolist())
        for name, (events, units) in among.items()
    }


def check_units(first: Bools, second: Bools, *, cluster: npt.NDArray[np.generic] | None = None) -> None:
    """Refuse two readings of units, and their clusters, that are not boolean rows of one length."""
    if first.dtype != np.bool_ or second.dtype != np.bool_:
        raise InputRefused(
            "CROSSED-NOT-BOOLEAN", "test or condition is not true or false throughout", "Leave units of unknown class out first"
        )
    if first.ndim != 1 or first.shape != second.shape or (cluster is not None and cluster.shape != first.shape):
        raise InputRefused(
            "CROSSED-UNEQUAL", "test, condition and clusters are not of the same units", "Give one value of each for every unit"
        )
