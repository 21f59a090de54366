from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.flow import Excluded, Flow
from hepaflow.errors import InputRefused

COUNTS = st.integers(0, 20)


@given(st.lists(COUNTS, max_size=5), COUNTS, COUNTS, st.lists(COUNTS, max_size=3))
def test_a_chart_that_adds_up_and_its_neighbours(left: list[int], included: int, more: int, lost: list[int]) -> None:
    reasons = tuple(Excluded(f"reason {k}", count) for k, count in enumerate(left))
    later = tuple(Excluded("no value", count) for count in lost)
    eligible, lesions = included + sum(left), sum(lost) + more
    assert Flow(eligible, reasons, included, lesions, later).analysed == more
    for wrong in (-1, 1):
        if included + wrong >= 0:
            with pytest.raises(InputRefused, match="FLOW-SUM"):
                Flow(eligible, reasons, included + wrong, lesions, later)
        if eligible + wrong >= 0:
            with pytest.raises(InputRefused, match="FLOW-SUM"):
                Flow(eligible + wrong, reasons, included, lesions, later)
    if sum(lost):
        with pytest.raises(InputRefused, match="FLOW-SUM"):
            Flow(eligible, reasons, included, sum(lost) - 1, later)


@pytest.mark.parametrize(
    ("eligible", "excluded", "included", "lesions", "later"),
    [(-1, 0, -1, 0, 0), (0, -1, 1, 0, 0), (0, 1, -1, 0, 0), (1, 0, 1, -1, 0), (1, 0, 1, 3, -1)],
)
def test_negative_counts_are_refused(eligible: int, excluded: int, included: int, lesions: int, later: int) -> None:
    with pytest.raises(InputRefused, match="FLOW-NEGATIVE"):
        Flow(eligible, (Excluded("a", excluded),), included, lesions, (Excluded("b", later),))


def test_the_message_says_what_is_left() -> None:
    with pytest.raises(InputRefused, match="leaves 7 patients after its exclusions and says 8 are included"):
        Flow(10, (Excluded("a", 1), Excluded("b", 2)), 8, 20)


def test_nobody_is_a_chart_too() -> None:
    assert Flow(0, (), 0, 0).analysed == 0
