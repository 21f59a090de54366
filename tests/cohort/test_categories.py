from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.categories import chi_square, fisher_exact
from hepaflow.errors import InputRefused

TABLES = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda shape: st.lists(st.lists(st.integers(0, 3), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0])
)


def by_labels(table: np.ndarray) -> float:
    """P over every way to deal the columns' labels to the units of the rows, weighed by listing tables cell by cell with whole numbers."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)

    def weight(cells: np.ndarray) -> int:
        return math.prod(math.factorial(int(k)) for k in cells.ravel())

    inner = [range(int(min(r, c)) + 1) for r in rows[:-1] for c in columns[:-1]]
    weights = []
    for cells in itertools.product(*inner):
        full = np.zeros_like(table)
        full[:-1, :-1] = np.array(cells, dtype=np.int64).reshape(full[:-1, :-1].shape)
        full[:-1, -1] = rows[:-1] - full[:-1].sum(axis=1)
        full[-1] = columns - full[:-1].sum(axis=0)
        if (full >= 0).all():
            weights.append(weight(full))
    seen = weight(table)
    probability = [1 / w for w in weights]
    return sum(p for p, w in zip(probability, weights, strict=True) if w >= seen) / sum(probability)


@given(TABLES)
@settings(deadline=None)
def test_exact_by_listing_every_table(rows: list[list[int]]) -> None:
    table = np.array(rows)
    if not table.any():
        with pytest.raises(InputRefused, match="CATEGORIES-EMPTY"):
            fisher_exact(table)
        return
    found = fisher_exact(table)
    assert found.p == pytest.approx(by_labels(table), rel=1e-9)
    assert fisher_exact(table.T).p == pytest.approx(found.p, rel=1e-9)
    assert fisher_exact(table[::-1, ::-1]).p == pytest.approx(found.p, rel=1e-9)
    assert (found.n, found.dropped_rows, found.dropped_columns) == (
        table.sum(),
        (table.sum(1) == 0).sum(),
        (table.sum(0) == 0).sum(),
    )


def test_published_tables() -> None:
    """R: TeaTasting .4857; Job (Agresti 2002, p. 57) .7827, too large to list here."""
    assert fisher_exact(np.array([[3, 1], [1, 3]])).p == pytest.approx(0.4857143, abs=5e-8)
    job = fisher_exact(np.array([[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]]))
    assert job.test == "Fisher-Freeman-Halton test, Monte Carlo with 99999 tables and a fixed seed"
    # four standard errors of a share of 99 999 tables
    assert job.p == pytest.approx(0.7827, abs=4 * math.sqrt(0.7827 * 0.2173 / 99_999))
    assert fisher_exact(np.array([[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]])) == job


def test_recist_category_by_histology() -> None:
    """Partial response, stable, progressive against major and minor response of 57 lesions: 13.24, p .0013."""
    counts = np.array([[11, 12, 2], [3, 15, 14]])
    found = chi_square(counts)
    assert (found.statistic, found.df, found.p) == (pytest.approx(13.24, abs=5e-3), 2, pytest.approx(0.0013, abs=5e-5))
    assert found.smallest_expected == pytest.approx(14 * 25 / 57)
    exact = fisher_exact(counts)
    assert (exact.test, exact.statistic, exact.df, exact.smallest_expected) == (
        "Fisher-Freeman-Halton exact test",
        None,
        2,
        pytest.approx(found.smallest_expected),
    )


@given(TABLES)
def test_chi_square_is_the_sum_over_cells(rows: list[list[int]]) -> None:
    table = np.array(rows)
    if not table.any():
        return
    found = chi_square(table)
    kept = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(kept.shape) < 2:
        assert (found.statistic, found.df, found.p, found.smallest_expected) == (None, 0, 1.0, None)
        return
    expected = np.outer(kept.sum(axis=1), kept.sum(axis=0)) / kept.sum()
    assert found.statistic == pytest.approx(((kept - expected) ** 2 / expected).sum(), abs=1e-12)
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, (kept.shape[0] - 1) * (kept.shape[1] - 1)))


def test_yates_correction_is_for_two_by_two_only_and_named() -> None:
    table = np.array([[12, 5], [3, 9]])
    found, expected = chi_square(table, correction=True), np.outer([17, 12], [15, 14]) / 29
    assert found.statistic == pytest.approx(((np.abs(table - expected) - 0.5) ** 2 / expected).sum())
    assert found.test == "Pearson's chi-square test, with Yates' continuity correction"
    wide = np.array([[12, 5, 1], [3, 9, 4]])
    assert chi_square(wide, correction=True) == chi_square(wide)


def test_a_large_table_is_not_enumerated() -> None:
    """Shares of 400 units among 5 columns alone are more than the limit; the margins' chi-square is near."""
    table = np.full((3, 5), 80) + np.arange(15).reshape(3, 5) % 4
    assert "Monte Carlo" in fisher_exact(table).test
    assert fisher_exact(table).p == pytest.approx(chi_square(table).p, abs=0.01)


def test_bad_input_is_refused() -> None:
    for bad in (np.array([1, 2]), np.array([[1.0, 2.0]]), np.array([[1, -1], [2, 2]])):
        for test in (chi_square, fisher_exact):
            with pytest.raises(InputRefused, match="CATEGORIES-COUNTS"):
                test(bad)
    with pytest.raises(InputRefused, match="CATEGORIES-EMPTY"):
        chi_square(np.zeros((2, 2), int))
