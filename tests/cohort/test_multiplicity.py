from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.cohort.multiplicity import Method, adjust
from hepaflow.errors import InputRefused

EVERY: tuple[Method, ...] = ("holm", "benjamini-hochberg", "bonferroni")
FAMILY = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12)


def by_definition(tested: list[float], method: str) -> list[float]:
    n, order = len(tested), sorted(range(len(tested)), key=lambda i: tested[i])
    out = [0.0] * n
    for rank, place in enumerate(order):
        if method == "bonferroni":
            out[place] = min(1.0, n * tested[place])
        elif method == "holm":
            out[place] = min(1.0, max((n - k) * tested[order[k]] for k in range(rank + 1)))
        else:
            out[place] = min(1.0, *(n / (k + 1) * tested[order[k]] for k in range(rank, n)))
    return out


@given(FAMILY, st.sampled_from(EVERY))
@settings(deadline=None)
def test_adjusted_by_definition(p_values: list[float | None], method: Method) -> None:
    found = adjust(p_values, method=method)
    assert [p is None for p in found] == [p is None for p in p_values]
    tested = [p for p in p_values if p is not None]
    assert [p for p in found if p is not None] == pytest.approx(by_definition(tested, method), abs=1e-12)


def test_what_was_not_tested_stays_out_of_the_family() -> None:
    for method in EVERY:
        found = adjust([math.nan, 0.01, None, 0.04], method=method)
        assert math.isnan(found[0] or 0.0)
        assert found[2] is None
        assert [found[1], found[3]] == list(adjust([0.01, 0.04], method=method))
    assert adjust([]) == ()
    assert adjust([None]) == (None,)


def test_holm_is_what_is_done_unless_asked() -> None:
    assert adjust([0.01, 0.04, 0.03]) == adjust([0.01, 0.04, 0.03], method="holm") == pytest.approx((0.03, 0.06, 0.06))


def test_the_ends_of_what_a_p_can_be() -> None:
    assert adjust([0.0, 1.0]) == (0.0, 1.0)


def test_bad_input_is_refused() -> None:
    for bad in (-0.1, 1.1, math.inf):
        with pytest.raises(InputRefused, match="MULTIPLICITY-P"):
            adjust([0.5, bad])
    with pytest.raises(InputRefused, match="MULTIPLICITY-METHOD"):
        adjust([0.5], method="none")  # type: ignore[arg-type]
