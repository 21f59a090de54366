"""Lesions of two examinations, linked by where they lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.lesions.identity import NEAR_MM, Place, propose

centers = st.lists(st.tuples(*[st.floats(-200, 200) for _ in range(3)]), min_size=1, max_size=6)


def places(points: list[tuple[float, float, float]], prefix: str, diameter_mm: float = 20.0) -> dict[str, Place]:
    return {f"{prefix}{n}": Place(point, diameter_mm) for n, point in enumerate(points)}


@given(centers, st.integers(0, 2**32 - 1))
def test_lesions_that_did_not_move_are_found_whatever_their_order(points: list[tuple[float, float, float]], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(points))
    found = propose(places(points, "a"), {f"b{n}": Place(points[n], 10.0) for n in order})
    assert found.only_first == found.only_second == ()
    assert sum(pair.distance_mm for pair in found.pairs) == pytest.approx(0.0, abs=1e-9)
    assert {pair.size_ratio for pair in found.pairs} == {0.5}


def test_the_whole_is_nearest_not_each_alone() -> None:
    here = {"a": Place((0.0, 0.0, 0.0), 20.0), "b": Place((10.0, 0.0, 0.0), 20.0)}
    there = {"x": Place((9.0, 0.0, 0.0), 20.0), "y": Place((22.0, 0.0, 0.0), 20.0)}
    # b is nearer to x than a is, but then a would have no partner within reach: y is 22 mm away
    assert {(pair.first, pair.second) for pair in propose(here, there).pairs} == {("a", "x"), ("b", "y")}


@pytest.mark.parametrize(
    ("apart_mm", "diameter_mm", "linked"),
    [(NEAR_MM, 20.0, True), (NEAR_MM + 0.01, 20.0, False), (20.0, 40.0, True), (20.01, 40.0, False)],
)
def test_no_link_beyond_reach(apart_mm: float, diameter_mm: float, linked: bool) -> None:
    found = propose({"a": Place((0.0, 0.0, 0.0), diameter_mm)}, {"b": Place((0.0, 0.0, apart_mm), 5.0)})
    assert bool(found.pairs) is linked
    assert (found.only_first, found.only_second) == (((), ()) if linked else (("a",), ("b",)))


def test_nothing_on_one_side_links_nothing() -> None:
    one = {"a": Place((0.0, 0.0, 0.0), 20.0)}
    assert propose(one, {}).only_first == ("a",)
    assert propose({}, one).only_second == ("a",)
