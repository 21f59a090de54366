"""Agreement of two readers on ordered categories: Cohen's kappa, weighted; with several lesions a patient by the jackknife of patients.

Cohen J. Psychol Bull 1968;70:213-220; variance after Fleiss JL, Cohen J, Everitt BS. Psychol Bull 1969;72:323-327; jackknife: Efron B, Stein C.
Ann Stat 1981;9:586-596.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.pairs import Cluster, numbered
from hepaflow.errors import InputRefused

Weights = Literal["none", "linear", "quadratic"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kappa with its standard error and 95 % interval, the share of equal readings, and the number of lesions; kappa is None where all readings are one category."""

    n: int
    equal: float
    kappa: float | None
    se: float | None
    ci95: tuple[float, float] | None
    weights: Weights


def weighted_kappa(
    first: Sequence[int], second: Sequence[int], *, categories: Sequence[int], weights: Weights = "quadratic"
) -> Agreement:
    """Two readers' categories of the same lesions, ``categories`` in their order.

    Refused: readings of different number, none, a reading outside the categories, unknown weights.

    >>> weighted_kappa([1, 2, 3, 3], [1, 2, 3, 2], categories=(1, 2, 3)).kappa
    0.8
    """
    if len(first) != len(second) or not first:
        raise InputRefused(
            "READERS-UNEQUAL", "the two readers did not read the same lesions", "Give one reading of each for every lesion"
        )
    place = {category: n for n, category in enumerate(categories)}
    if not {*first, *second} <= set(place):
        raise InputRefused("READERS-CATEGORY", "a reading is none of the categories", "Check the readings")
    size = len(categories)
    table = np.zeros((size, size))
    for one, other in zip(first, second, strict=True):
        table[place[one], place[other]] += 1
    share = table / len(first)
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    weight = _weights(size, weights)
    seen, chance = float((weight * share).sum()), float(rows @ weight @ columns)
    equal = float(np.trace(share))
    if math.isclose(chance, 1.0):
        return Agreement(len(first), equal, None, None, None, weights)
    kappa = (seen - chance) / (1.0 - chance)
    of_rows, of_columns = weight @ columns, rows @ weight
    pull = weight - (of_rows[:, None] + of_columns[None, :]) * (1.0 - kappa)
    variance = (float((share * pull**2).sum()) - (kappa - chance * (1.0 - kappa)) ** 2) / (len(first) * (1.0 - chance) ** 2)
    se = math.sqrt(max(variance, 0.0))
    return Agreement(len(first), equal, round(kappa, 12), se, (max(-1.0, kappa - 1.96 * se), min(1.0, kappa + 1.96 * se)), weights)


@dataclass(frozen=True, slots=True)
class ClusteredAgreement:
    """Kappa of lesions in ``clusters`` patients; ``se`` and ``ci95`` are None where a patient left out leaves no kappa."""

    test: str
    n: int
    clusters: int
    equal: float
    kappa: float | None
    se: float | None
    ci95: tuple[float, float] | None
    weights: Weights


def clustered_kappa(
    first: Sequence[int], second: Sequence[int], *, categories: Sequence[int], cluster: Cluster, weights: Weights = "none"
) -> ClusteredAgreement:
    """Kappa as :func:`weighted_kappa` gives it, its standard error by leaving out each patient in turn; the interval is by t with patients - 1.

    Refused: as :func:`weighted_kappa`, a patient for not every lesion, one patient.

    >>> found = clustered_kappa([1, 2, 1, 2, 2], [1, 2, 2, 2, 2], categories=(1, 2), cluster=["p", "p", "q", "r", "r"])
    >>> round(found.kappa, 3), found.clusters
    (0.545, 3)
    """
    from scipy import stats

    whole = weighted_kappa(first, second, categories=categories, weights=weights)
    patient = numbered(cluster, len(first))
    patients = int(patient.max()) + 1
    if patients < 2:
        raise InputRefused("READERS-ONE-PATIENT", "all lesions are of one patient", "Give lesions of several patients")
    without = []
    for left_out in range(patients):
        kept = np.flatnonzero(patient != left_out).tolist()
        one, other = [first[n] for n in kept], [second[n] for n in kept]
        without.append(weighted_kappa(one, other, categories=categories, weights=weights).kappa)
    known = [kappa for kappa in without if kappa is not None]
    se, ci = None, None
    if whole.kappa is not None and len(known) == patients:
        se = math.sqrt((patients - 1) / patients * float(((np.array(known) - np.mean(known)) ** 2).sum()))
        reach = float(stats.t.ppf(0.975, patients - 1)) * se
        ci = (max(-1.0, whole.kappa - reach), min(1.0, whole.kappa + reach))
    named = {"none": "Cohen's kappa", "linear": "kappa with linear weights", "quadratic": "kappa with quadratic weights"}[weights]
    return ClusteredAgreement(
        f"{named}, standard error by the jackknife of patients", whole.n, patients, whole.equal, whole.kappa, se, ci, weights
    )


def _weights(size: int, kind: str) -> npt.NDArray[np.float64]:
    if kind not in ("none", "linear", "quadratic"):
        raise InputRefused("READERS-WEIGHTS", "the weights are not known", "Use none, linear or quadratic")
    apart = np.abs(np.subtract.outer(np.arange(size, dtype=np.float64), np.arange(size))) / max(size - 1, 1)
    lost: npt.NDArray[np.float64] = {"none": np.sign(apart), "linear": apart, "quadratic": apart**2}[kind]
    return np.asarray(1.0 - lost)
