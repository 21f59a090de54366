"""Patients drawn with replacement, all their lesions with them: areas and cut-offs of thousands of such studies in one pass over sorted values.

Field CA, Welsh AH. J R Stat Soc B 2007;69:369-390 (cluster bootstrap).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.cohort.sample import Floats, Sample
from hepaflow.errors import InputRefused

Counts = npt.NDArray[np.int32]
#: Patients left out in one pass: bounds the memory.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """One entry a drawn study: its ``auc``, its best ``cut`` (oriented: above means positive) with sensitivity and specificity there (``own_*``) and those of the
    same cut in the real study (``real_*``). Draws without both classes are NaN; draws whose values are all one have no cut.
    """

    auc: Floats
    cut: Floats
    own_sensitivity: Floats
    own_specificity: Floats
    real_sensitivity: Floats
    real_specificity: Floats

    @property
    def failed(self) -> int:
        """Draws that held one class only."""
        return int(np.isnan(self.auc).sum())


def draw(clusters: int, *, repeats: int, rng: np.random.Generator) -> Counts:
    """How often each patient is in each drawn study (repeats x patients). Refused: fewer than two patients, no repeat."""
    if clusters < 2 or repeats < 1:
        raise InputRefused("RESAMPLE-FEW", "there are fewer than two patients to draw from", "Give more patients")
    return rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=repeats).astype(np.int32)


def resample(found: Sample, counts: Counts) -> Resampled:
    """The drawn studies of one value. ``counts`` comes from :func:`draw`; the same counts for several values keep them paired."""
    values = found.oriented
    order = np.argsort(values, kind="stable")
    patients = found.places[order].astype(np.int64)
    if counts.shape[1] != patients.max() + 1:
        raise InputRefused("RESAMPLE-PATIENTS", "the draws are of another number of patients", "Draw for this study")
    out = _draws(np.ascontiguousarray(values[order]), found.positive[order], patients, np.ascontiguousarray(counts))
    return Resampled(*out)


def percentile(draws: Floats) -> tuple[float, float] | None:
    """2.5th and 97.5th percentile of the draws that could be computed; None where fewer than 20 could."""
    kept = draws[np.isfinite(draws)]
    if len(kept) < 20:
        return None
    low, high = np.quantile(kept, [0.025, 0.975])
    return float(low), float(high)


def leave_one_out(found: Sample) -> Resampled:
    """The study without each patient in turn."""
    clusters, parts = found.clusters, []
    for start in range(0, clusters, _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, clusters))
        counts = np.ones((len(rows), clusters), np.int32)
        counts[rows - start, rows] = 0
        parts.append(resample(found, counts))
    return Resampled(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Resampled)))


@numba.njit(cache=True, nogil=True)
def midpoint(under: float, over: float) -> float:
    """The middle of two values (under < over), never rounded up to ``over``: a cut there leaves ``over`` above it."""
    middle = 0.5 * under + 0.5 * over
    return middle if middle < over else under


@numba.njit(cache=True, nogil=True)
def _draws(values, positive, patient, counts):  # type: ignore[no-untyped-def]
    repeats, size = counts.shape[0], len(values)
    auc = np.full(repeats, np.nan)
    cut, own_se, own_sp = np.full(repeats, np.nan), np.full(repeats, np.nan), np.full(repeats, np.nan)
    real_se, real_sp = np.full(repeats, np.nan), np.full(repeats, np.nan)
    is_high, ends_value = np.zeros(size, np.int64), np.ones(size, np.bool_)
    # how many of each class of the real study lie below each place
    low_before, high_before = np.zeros(size + 1), np.zeros(size + 1)
    for k in range(size):
        is_high[k] = positive[k]
        ends_value[k] = k + 1 == size or values[k + 1] != values[k]
        high_before[k + 1] = high_before[k] + is_high[k]
        low_before[k + 1] = low_before[k] + 1 - is_high[k]
    for b in range(repeats):
        times = counts[b]
        high = low = 0
        for k in range(size):
            high += times[patient[k]] * is_high[k]
            low += times[patient[k]] * (1 - is_high[k])
        if high == 0 or low == 0:
            continue
        # whole numbers throughout: twice the pairs won, and Youden's index times high times low
        passed_high = passed_low = here_high = here_low = won = 0
        best, apart, at, high_at, low_at = -high * low - 1, 0, -1, 0, 0
        for k in range(size):
            drawn_high = times[patient[k]] * is_high[k]
            here_high += drawn_high
            here_low += times[patient[k]] - drawn_high
            if ends_value[k] and here_high + here_low > 0:
                won += here_high * (2 * passed_low + here_low)
                passed_high += here_high
                passed_low += here_low
                here_high = here_low = 0
                youden = passed_low * high - passed_high * low
                off = abs((high - passed_high) * low - passed_low * high)
                # of equal ones the nearest to the corner, where both rates are most alike, then the most specific, which comes last
                if (youden > best or (youden == best and off <= apart)) and passed_high + passed_low < high + low:
                    best, apart, at, high_at, low_at = youden, off, k, passed_high, passed_low
        auc[b] = won / (2.0 * high * low)
        if at >= 0:
            following = at + 1
            while times[patient[following]] == 0:
                following += 1
            cut[b] = midpoint(values[at], values[following])
            own_se[b], own_sp[b] = 1.0 - high_at / high, low_at / low
            place = np.searchsorted(values, cut[b], side="right")  # a value on the cut is not positive
            real_se[b] = 1.0 - high_before[place] / high_before[size]
            real_sp[b] = low_before[place] / low_before[size]
    return auc, cut, own_se, own_sp, real_se, real_sp
