"""A cut-off found in the data that it is judged on flatters itself: Youden's cut with what is left of it in patients it was not tuned on.

Youden WJ. Cancer 1950;3:32-35. Harrell FE, Lee KL, Mark DB. Stat Med 1996;15:361-387 (optimism by bootstrap). Thresholds are midpoints between neighbouring values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hepaflow.cohort.resample import Counts, Resampled, leave_one_out, midpoint, percentile, resample
from hepaflow.cohort.roc import Interval
from hepaflow.cohort.sample import Bools, Floats, Ints, Sample


@dataclass(frozen=True, slots=True)
class Cut:
    """One operating point: positive is ``direction`` than ``threshold``; the largest observed value below and the smallest above it stand in ``between``."""

    threshold: float
    between: tuple[float, float]
    sensitivity: float
    specificity: float

    @property
    def youden(self) -> float:
        """Sensitivity + specificity - 1."""
        return self.sensitivity + self.specificity - 1.0

    @property
    def shown(self) -> str:
        """The threshold with as many digits as it needs to stay between its neighbours: whoever applies the printed cut gets the printed rates.

        >>> Cut(1.1285, (1.127, 1.130), 0.8, 0.9).shown, Cut(0.68, (0.66, 0.70), 0.8, 0.9).shown
        ('1.129', '0.68')
        """
        return _shown(self.threshold, *self.between)


def _shown(threshold: float, low: float, high: float) -> str:
    for digits in range(3, 17):
        text = f"{threshold:.{digits}g}"
        if low < float(text) < high or low == high:
            return text
    return repr(threshold)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Sensitivity, specificity and Youden's index that the way of finding the cut may be expected to reach in new patients."""

    sensitivity: float
    specificity: float
    youden: float


@dataclass(frozen=True, slots=True)
class Youden:
    """The best cut, all cuts as good as it, its corrected figures by bootstrap (``bootstrap``) and by leaving each patient out (``left_out``), and where the cut
    falls in 95 % of the drawn studies. ``failed``: draws that held one class only.
    """

    cut: Cut
    equal: tuple[Cut, ...]
    bootstrap: Corrected | None
    left_out: Corrected | None
    threshold_ci95: Interval | None
    repeats: int
    failed: int


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The empirical ROC curve: one point a threshold, from the strictest (nothing positive) to the laxest. ``thresholds`` in the column's own unit, ends infinite.

    ``lesions``: which of the sample each point calls positive that the point before does not, several where they tie in the one value ``values`` has there (NaN: none).
    """

    thresholds: Floats
    sensitivity: Floats
    specificity: Floats
    values: Floats
    lesions: tuple[Ints, ...]

    @property
    def shown(self) -> tuple[str | None, ...]:
        """The thresholds as :attr:`Cut.shown` writes them, None for the infinite ones."""
        between = [sorted(map(float, pair)) for pair in pairwise(self.values[1:])]
        return (None, *(_shown(float(cut), *ends) for cut, ends in zip(self.thresholds[1:-1], between, strict=True)), None)


def curve(found: Sample) -> Curve:
    """The empirical curve of a sample.

    >>> from hepaflow.cohort.sample import sample
    >>> curve(sample([1.0, 2.0, 3.0], [False, True, True])).thresholds.tolist()
    [inf, 2.5, 1.5, -inf]
    """
    values, counts_high, counts_low = _steps(found)
    sensitivity = np.concatenate([[0.0], np.cumsum(counts_high[::-1])]) / counts_high.sum()
    specificity = 1.0 - np.concatenate([[0.0], np.cumsum(counts_low[::-1])]) / counts_low.sum()
    between = [midpoint(under, over) for under, over in pairwise(values)]
    cuts = np.array([np.inf, *reversed(between), -np.inf])
    sign = -1.0 if found.direction == "lower" else 1.0
    alike = np.split(np.argsort(found.oriented, kind="stable"), np.cumsum(counts_high + counts_low).astype(np.intp))
    own = sign * np.concatenate([[np.nan], values[::-1]])
    # what is left after the last value is nothing: the point at which no lesion is called positive
    return Curve(sign * cuts, sensitivity, specificity, own, tuple(reversed(alike)))


def called_positive(values: Floats, threshold: float, *, direction: str) -> Bools:
    """Which values a cut calls positive; a value on the cut is not."""
    return np.asarray(values < threshold if direction == "lower" else values > threshold)


def youden(
    found: Sample, counts: Counts | None = None, *, drawn: Resampled | None = None, calls: Bools | None = None
) -> Youden | None:
    """The best cut by Youden's index. Of several equal ones the one nearest the upper left corner, then the most specific. None where all values are one.

    ``counts`` are the draws for the correction (none: no correction by bootstrap), ``drawn`` what :func:`hepaflow.cohort.resample.resample` made of them,
    ``calls`` what :func:`left_out_calls` says; both are computed where they are not given.
    """
    cuts = _cuts(found)
    if not cuts:
        return None
    top = max(one.youden for one in cuts)
    equal = tuple(one for one in cuts if one.youden > top - 1e-12)
    best = min(equal, key=lambda one: (round((1 - one.sensitivity) ** 2 + (1 - one.specificity) ** 2, 12), -one.specificity))
    left = _left_out(found, left_out_calls(found) if calls is None else calls)
    if counts is None:
        return Youden(best, equal, None, left, None, 0, 0)
    draws = drawn or resample(found, counts)
    whole = np.isfinite(draws.cut)
    better = None
    if whole.any():
        lost_se = float((draws.own_sensitivity - draws.real_sensitivity)[whole].mean())
        lost_sp = float((draws.own_specificity - draws.real_specificity)[whole].mean())
        better = _corrected(best.sensitivity - lost_se, best.specificity - lost_sp)
    ends = percentile(draws.cut)
    if ends is not None and found.direction == "lower":
        ends = (-ends[1], -ends[0])
    return Youden(best, equal, better, left, ends, counts.shape[0], draws.failed)


def _left_out(found: Sample, called: Bools | None) -> Corrected | None:
    if called is None:
        return None
    return _corrected(float(called[found.positive].mean()), float((~called[~found.positive]).mean()))


def left_out_calls(found: Sample) -> Bools | None:
    """Which lesions the cut of all other patients calls positive; None where leaving a patient out leaves one class or one value."""
    cuts = leave_one_out(found).cut[found.places]
    return np.asarray(found.oriented > cuts) if np.isfinite(cuts).all() else None


def _corrected(sensitivity: float, specificity: float) -> Corrected:
    return Corrected(sensitivity, specificity, sensitivity + specificity - 1.0)


def _steps(found: Sample) -> tuple[Floats, Floats, Floats]:
    values, place = np.unique(found.oriented, return_inverse=True)
    high = np.bincount(place[found.positive], minlength=len(values)).astype(np.float64)
    low = np.bincount(place[~found.positive], minlength=len(values)).astype(np.float64)
    return values, high, low


def _cuts(found: Sample) -> list[Cut]:
    values, high, low = _steps(found)
    passed_high, passed_low = np.cumsum(high), np.cumsum(low)
    sign = -1.0 if found.direction == "lower" else 1.0
    made = []
    for k in range(len(values) - 1):
        under, over = sorted((sign * float(values[k]), sign * float(values[k + 1])))
        made.append(
            Cut(
                sign * float(midpoint(values[k], values[k + 1])),
                (under, over),
                float(1.0 - passed_high[k] / passed_high[-1]),
                float(passed_low[k] / passed_low[-1]),
            )
        )
    return made
