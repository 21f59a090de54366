"""Small studies for hypothesis, with ties, patients of several lesions, both classes."""

from __future__ import annotations

from hypothesis import strategies as st

from hepaflow.cohort.sample import Sample, sample

Lesion = tuple[int, bool, int]


def lesions(*, most: int = 14) -> st.SearchStrategy[list[Lesion]]:
    """Value, true class, patient of each; one positive and one negative at least."""
    values, patients = st.integers(-4, 4), st.integers(0, 4)
    return st.builds(
        lambda high, low, rest: [(high[0], True, high[1]), (low[0], False, low[1]), *rest],
        st.tuples(values, patients),
        st.tuples(values, patients),
        st.lists(st.tuples(values, st.booleans(), patients), max_size=most),
    ).flatmap(st.permutations)


def samples(*, most: int = 14) -> st.SearchStrategy[Sample]:
    """Studies of either direction."""
    return st.builds(
        lambda rows, lower: sample(
            [float(v) for v, _, _ in rows],
            [t for _, t, _ in rows],
            [p for _, _, p in rows],
            direction="lower" if lower else "higher",
        ),
        lesions(most=most),
        st.booleans(),
    )
