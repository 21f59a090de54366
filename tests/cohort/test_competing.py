from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.cohort.competing import cumulative_incidence

ROWS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=12)


def weighted(rows: list[tuple[int, int, int]], weights: np.ndarray) -> list[float]:
    """Aalen-Johansen incidence of cause 1 where every unit counts as much as its weight, at every distinct time."""
    survival, value, found = 1.0, 0.0, []
    for when in sorted({t for t, _, _ in rows}):
        at_risk = sum(w for (t, _, _), w in zip(rows, weights, strict=True) if t >= when)
        ours = sum(w for (t, c, _), w in zip(rows, weights, strict=True) if t == when and c == 1)
        every = sum(w for (t, c, _), w in zip(rows, weights, strict=True) if t == when and c > 0)
        value += survival * ours / at_risk
        survival *= 1 - every / at_risk
        found.append(value)
    return found


@settings(deadline=None)
@given(ROWS, st.booleans())
def test_the_error_is_the_pull_of_every_patient(rows: list[tuple[int, int, int]], grouped: bool) -> None:
    """Infinitesimal jackknife: slope of the estimate in each unit's weight, here by central differences."""
    time, code, patient = (np.array(column) for column in zip(*rows, strict=True))
    found = cumulative_incidence(time, code, cluster=patient if grouped else None)
    ones, h = np.ones(len(rows)), 1e-5
    assert found.incidence == pytest.approx(weighted(rows, ones), abs=1e-12)
    pull = []
    for k in range(len(rows)):
        moved = h * (np.arange(len(rows)) == k)
        pull.append((np.array(weighted(rows, ones + moved)) - weighted(rows, ones - moved)) / (2 * h))
    names = patient if grouped else np.arange(len(rows))
    by_patient = [sum(pull[k] for k in range(len(rows)) if names[k] == name) for name in sorted(set(names.tolist()))]
    assert found.se == pytest.approx(np.sqrt(sum(one**2 for one in by_patient)), abs=1e-6)
    assert found.clusters == len(by_patient)


@settings(deadline=None)
@given(ROWS)
def test_counts_at_every_time(rows: list[tuple[int, int, int]]) -> None:
    found = cumulative_incidence([t for t, _, _ in rows], [c for _, c, _ in rows], cause=2)
    for when, at_risk, ours, others in zip(found.times, found.at_risk, found.events, found.competing, strict=True):
        assert at_risk == sum(t >= when for t, _, _ in rows)
        assert ours == sum(t == when and c == 2 for t, c, _ in rows)
        assert others == sum(t == when and c == 1 for t, c, _ in rows)
    assert list(found.incidence) == sorted(found.incidence)
