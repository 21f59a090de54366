"""What every diagnostic statistic reads: one value a lesion, its true class, the patient it belongs to, and which way the value points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused

Direction = Literal["lower", "higher"]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """``values`` (n), ``positive`` (n, true class), ``cluster`` (n, patients numbered from 0), ``direction``: which values mean positive.

    Refused: arrays of unlike length, a value that is not finite, a sample without both classes (they have no curve).
    """

    values: Floats
    positive: Bools
    cluster: Ints
    direction: Direction = "higher"

    def __post_init__(self) -> None:
        if not (len(self.values) == len(self.positive) == len(self.cluster)):
            raise InputRefused(
                "SAMPLE-UNEQUAL", "values, classes and patients differ in number", "Give one of each for every lesion"
            )
        if self.direction not in ("lower", "higher"):
            raise InputRefused("SAMPLE-DIRECTION", "the direction is neither lower nor higher", "Say which values mean positive")
        if not np.isfinite(self.values).all():
            raise InputRefused("SAMPLE-NOT-FINITE", "a value is missing or infinite", "Leave such lesions out before")
        if self.positive.all() or not self.positive.any():
            raise InputRefused(
                "SAMPLE-ONE-CLASS", "the lesions that have a value are all of one class", "Give lesions of both classes"
            )

    @property
    def oriented(self) -> Floats:
        """The values turned so that higher means positive."""
        return -self.values if self.direction == "lower" else self.values

    @property
    def places(self) -> Ints:
        """The patients numbered without gaps, which ``cluster`` has where some have no value."""
        return places(self.cluster)

    @property
    def clusters(self) -> int:
        """How many patients there are."""
        return len(np.unique(self.cluster))


def places(cluster: npt.NDArray[Any]) -> Ints:
    """Patients (or other clusters) numbered 0, 1, ... in their order, without gaps.

    >>> places(np.array([7, 2, 7])).tolist()
    [1, 0, 1]
    """
    return np.asarray(np.unique(cluster, return_inverse=True)[1], np.intp)


def sample(
    values: Sequence[float] | Floats,
    positive: Sequence[bool] | Bools,
    cluster: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    direction: Direction = "higher",
) -> Sample:
    """A sample from any sequences; without ``cluster`` every lesion is a patient of its own."""
    numbers = np.asarray(values, np.float64)
    names = np.arange(len(numbers)) if cluster is None else np.asarray(cluster)
    return Sample(numbers, np.asarray(positive, np.bool_), places(names), direction)
