"""Two readings of the same lesions, and the patients that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.sample import places
from hepaflow.errors import InputRefused

Cluster = Sequence[int] | Sequence[str] | npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Complete pairs; ``patient`` numbers the patients from 0 (None: every pair is a patient); ``left_out`` pairs lacked a reading."""

    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    patient: npt.NDArray[np.intp] | None
    left_out: int

    @property
    def clusters(self) -> int:
        """Number of patients."""
        return len(self.first) if self.patient is None else int(self.patient.max()) + 1


def numbered(cluster: Cluster, n: int) -> npt.NDArray[np.intp]:
    """Patients numbered from 0 in the order of their names. Refused: not one patient for each of ``n`` units."""
    names = np.asarray(cluster)
    if names.shape != (n,):
        raise InputRefused("CLUSTER-UNEQUAL", "not every unit has its patient", "Give one patient for every unit")
    return places(names)


def paired(first: npt.ArrayLike, second: npt.ArrayLike, *, cluster: Cluster | None = None, least: int = 2) -> Pairs:
    """The pairs with both readings. Refused: columns of different length, infinite values, fewer than ``least`` complete pairs."""
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape or one.ndim != 1:
        raise InputRefused("PAIRS-UNEQUAL", "the two readings are not of the same lesions", "Give two columns of one length")
    if np.isinf(one).any() or np.isinf(other).any():
        raise InputRefused("PAIRS-INFINITE", "a reading is infinite", "Give finite values, NaN where a reading is missing")
    whole = ~(np.isnan(one) | np.isnan(other))
    if int(whole.sum()) < least:
        raise InputRefused("PAIRS-TOO-FEW", f"fewer than {least} pairs have both readings", "Give more pairs")
    patient = None if cluster is None else numbered(np.asarray(numbered(cluster, len(one)))[whole], int(whole.sum()))
    if patient is not None and patient.max() + 1 == len(patient):
        patient = None
    return Pairs(one[whole], other[whole], patient, int((~whole).sum()))
