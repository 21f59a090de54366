"""Intraclass correlation of readers: the six forms of Shrout and Fleiss, with F tests and exact or approximate 95 % intervals.

Shrout PE, Fleiss JL. Psychol Bull 1979;86:420-428; intervals after McGraw KO, Wong SP. Psychol Methods 1996;1:30-46.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused

_LEVEL = 0.975
#: A mean square below this share of the largest is rounding, and counts as zero.
_ROUNDING = 1e-24
#: The same for the denominator of ICC(2,1), which is zero for two subjects whom two readers order the other way round.
_EMPTY = 1e-12


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One form of the coefficient.

    ``f`` with ``df`` tests that subjects do not differ; ``f`` is infinite where readers agree wholly. ``value`` and ``ci95`` are None where the data leave
    them undefined: the mean of k readers where subjects differ by nothing or by less than readers could make them, and limits without degrees of freedom.
    """

    form: str
    test: str
    value: float | None
    f: float
    df: tuple[int, int]
    p: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class IntraclassCorrelation:
    """The six forms for ``subjects`` read by ``readers``; ``one``, ``two`` and ``three`` are the models, ``_k`` the mean of all readers."""

    subjects: int
    readers: int
    one: Coefficient
    two: Coefficient
    three: Coefficient
    one_k: Coefficient
    two_k: Coefficient
    three_k: Coefficient


def icc(ratings: npt.ArrayLike) -> IntraclassCorrelation:
    """Agreement of readers on a continuous value; ``ratings`` has a row a subject and a column a reader.

    ICC(1): each subject read by others; ICC(2): the readers are a sample, absolute agreement; ICC(3): these readers only, consistency.
    Refused: missing cells, fewer than two subjects or readers, readings that are all the same.

    >>> round(icc([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]).two.value, 2)
    0.29
    """
    table = _checked(ratings)
    n, k = table.shape
    rows, columns, within, error = _mean_squares(table)
    between_df, within_df, error_df = n - 1, n * (k - 1), (n - 1) * (k - 1)
    one, one_k = _of_one_source(rows, within, k, df=(between_df, within_df), form="ICC(1,{})", design="one-way random effects")
    three, three_k = _of_one_source(
        rows, error, k, df=(between_df, error_df), form="ICC(3,{})", design="two-way mixed effects, consistency"
    )
    two, two_k = _absolute(rows, columns, error, (n, k))
    return IntraclassCorrelation(n, k, one, two, three, one_k, two_k, three_k)


def _checked(ratings: npt.ArrayLike) -> npt.NDArray[np.float64]:
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise InputRefused("ICC-TOO-FEW", "fewer than two subjects or two readers", "Give a row a subject and a column a reader")
    missing = int((~np.isfinite(table)).sum())
    if missing:
        raise InputRefused(
            "ICC-MISSING", f"{missing} of {table.size} readings are missing", "Leave out the subjects that not every reader read"
        )
    if np.ptp(table) == 0:
        raise InputRefused("ICC-CONSTANT", "all readings are the same", "Agreement cannot be told apart from no difference")
    return table


def _mean_squares(table: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Of subjects, readers, within subjects, and what is left."""
    n, k = table.shape
    centred = table - table.mean()
    of_rows, of_columns = centred.mean(axis=1), centred.mean(axis=0)
    rows = k * float((of_rows**2).sum()) / (n - 1)
    columns = n * float((of_columns**2).sum()) / (k - 1)
    within = float(((centred - of_rows[:, None]) ** 2).sum()) / (n * (k - 1))
    error = float(((centred - of_rows[:, None] - of_columns[None, :]) ** 2).sum()) / ((n - 1) * (k - 1))
    least = _ROUNDING * float((table**2).sum())
    rows, columns, within, error = (0.0 if square <= least else square for square in (rows, columns, within, error))
    return rows, columns, within, error


def _f_test(rows: float, rest: float, df: tuple[int, int]) -> tuple[float, float]:
    from scipy import stats

    f = rows / rest if rest > 0 else np.inf if rows > 0 else np.nan
    return f, float(stats.f.sf(f, *df))


def _of_one_source(
    rows: float, rest: float, k: int, *, df: tuple[int, int], form: str, design: str
) -> tuple[Coefficient, Coefficient]:
    """Single and mean coefficient where one mean square is the error: ICC(1) and ICC(3)."""
    from scipy import stats

    f, p = _f_test(rows, rest, df)
    high, low = float(stats.f.ppf(_LEVEL, *df)), 1.0 / float(stats.f.ppf(_LEVEL, df[1], df[0]))

    def single(quantile: float) -> float:
        return (rows - quantile * rest) / (rows + (k - 1) * quantile * rest)

    def mean(quantile: float) -> float:
        return 1.0 - quantile * rest / rows

    test = f"{form}, {design}, F test and exact 95 % interval (Shrout and Fleiss)"
    alone = (single(1.0), (single(high), single(low))) if rows + rest > 0 else (None, None)
    averaged = (mean(1.0), (mean(high), mean(low))) if rows > 0 else (None, None)
    return (
        Coefficient(form.format(1), test.format(1), alone[0], f, df, p, alone[1]),
        Coefficient(form.format("k"), test.format("k"), averaged[0], f, df, p, averaged[1]),
    )


def _absolute(rows: float, columns: float, error: float, shape: tuple[int, int]) -> tuple[Coefficient, Coefficient]:
    """ICC(2,1) and ICC(2,k); the interval's degrees of freedom are Satterthwaite's."""
    n, k = shape
    df = (n - 1, (n - 1) * (k - 1))
    f, p = _f_test(rows, error, df)
    below = rows + (k - 1) * error + k * (columns - error) / n
    value = (rows - error) / below if below > _EMPTY * error else None
    ci = None if value is None else _absolute_limits(value, (rows, columns, error), shape)
    averaged = None if value is None or rows == 0 or value <= -1 / (k - 1) else _stepped_up(value, k)
    limits = None if averaged is None or ci is None or ci[0] <= -1 / (k - 1) else (_stepped_up(ci[0], k), _stepped_up(ci[1], k))
    test = "ICC(2,{}), two-way random effects, absolute agreement, F test, 95 % interval with Satterthwaite degrees of freedom (Shrout and Fleiss)"
    return (
        Coefficient("ICC(2,1)", test.format(1), value, f, df, p, ci),
        Coefficient("ICC(2,k)", test.format("k"), averaged, f, df, p, limits),
    )


def _absolute_limits(value: float, squares: tuple[float, float, float], shape: tuple[int, int]) -> tuple[float, float] | None:
    from scipy import stats

    (rows, columns, error), (n, k) = squares, shape
    left = n * (1 + (k - 1) * value) - k * value
    spread = (n - 1) * (k * value * columns) ** 2 + (left * error) ** 2
    if spread == 0:
        return value, value
    freedom = (n - 1) * (k - 1) * (k * value * columns + left * error) ** 2 / spread
    high, low = float(stats.f.ppf(_LEVEL, n - 1, freedom)), float(stats.f.ppf(_LEVEL, freedom, n - 1))
    rest = k * columns + (k * n - k - n) * error
    limits = n * (rows - high * error) / (high * rest + n * rows), n * (low * rows - error) / (rest + n * low * rows)
    return limits if np.isfinite(limits).all() else None


def _stepped_up(single: float, k: int) -> float:
    """Spearman-Brown: from one reader to the mean of k."""
    return k * single / (1 + (k - 1) * single)
