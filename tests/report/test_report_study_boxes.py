"""Box plots of a study: every lesion is there at its value, no point covers another, edge cases hold."""

from __future__ import annotations

import time

import numpy as np
import pytest
from drawn_study import same_bytes, size_mm, text_stays_inside, words_of
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.report.figures import raster
from hepaflow.report.study_boxes import Boxed, box_figure, swarm


def boxed(values: np.ndarray, *, label: str = "BF ratio", cut: float | None = None, both: bool = True) -> Boxed:
    n = len(values)
    positive = np.arange(n) % 2 == 0
    cluster = np.arange(n) // 2 if both else np.arange(n)
    return Boxed(label, "mL/min/100 mL", values, positive, cluster, "major response", "minor response", cut, 1.0, "p = 0.01")


def points(axes: object) -> np.ndarray:
    return np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections])  # type: ignore[attr-defined]


def test_every_lesion_is_drawn_at_its_value() -> None:
    values = np.random.default_rng(1).normal(size=61)
    figure = box_figure([boxed(values, cut=0.68)])
    np.testing.assert_allclose(np.sort(points(figure.axes[0])[:, 1]), np.sort(values))
    text = words_of(figure)
    for said in ("31 lesions", "30 lesions", "31 patients", "0.68", "p = 0.01", "mL/min/100 mL", "ringed"):
        assert said in text


def test_a_ring_marks_patients_with_both_classes_only() -> None:
    one = Boxed("x", "", np.arange(5.0), np.array([True, False, True, True, False]), np.array([0, 0, 1, 1, 2]), "a", "b")
    assert one.mixed.tolist() == [True, True, False, False, False]
    assert "ringed" not in words_of(box_figure([boxed(np.arange(6.0), both=False)]))


@pytest.mark.parametrize(
    ("values", "logarithmic"), [([1.0, 21.0], True), ([1.0, 20.0], False), ([0.0, 50.0], False), ([-1.0, 50.0], False)]
)
def test_the_axis_is_logarithmic_where_positive_values_spread(values: list[float], logarithmic: bool) -> None:
    figure = box_figure([boxed(np.array(values))])
    assert (figure.axes[0].get_yscale() == "log") is logarithmic


def test_an_empty_group_says_zero_and_equal_values_have_room() -> None:
    one = Boxed("x", "s", np.full(9, 3.0), np.ones(9, bool), np.arange(9), "a", "b")
    figure = box_figure([one])
    assert "b 0 lesions 0 patients" in words_of(figure)
    low, high = figure.axes[0].get_ylim()
    assert low < 3.0 < high


@pytest.mark.parametrize(("number", "width"), [(1, 85.0), (2, 180.0), (5, 180.0), (12, 180.0)])
def test_small_multiples_fit_the_page(number: int, width: float) -> None:
    columns = [boxed(np.linspace(1, 400, 61), label=f"Parameter {k} with a long name that wraps") for k in range(number)]
    figure = box_figure(columns)
    assert size_mm(figure)[0] == pytest.approx(width)
    assert size_mm(figure)[1] < 240.0
    assert len(figure.axes) == number
    assert text_stays_inside(figure)


def test_ten_thousand_lesions_are_drawn_within_two_seconds() -> None:
    values = np.exp(np.random.default_rng(2).normal(size=10_000))
    box_figure([boxed(values[:10])])
    start = time.process_time()
    figure = box_figure([boxed(values)])
    raster(figure)
    assert time.process_time() - start < 2.0
    assert len(points(figure.axes[0])) == 10_000


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=60), st.floats(0.5, 4.0))
def test_no_point_covers_another_and_all_stay_within_the_width(levels: list[int], size: float) -> None:
    heights = np.array(levels, float)
    places = swarm(heights, half_width=1e9, size=size)
    apart = np.hypot(places[:, None] - places, heights[:, None] - heights)
    assert (apart + 2 * size * np.eye(len(levels)) >= size - 1e-6).all()
    assert np.abs(swarm(heights, half_width=3.0, size=size)).max() <= 3.0 + 1e-9


def test_many_points_are_dealt_evenly_about_the_middle() -> None:
    places = swarm(np.zeros(401), half_width=1e9, size=1.0)
    assert sorted(places.tolist()) == list(range(-200, 201))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputRefused, match="FIGURE-NOT-FINITE"):
        boxed(np.array([1.0, np.nan]))
    with pytest.raises(InputRefused, match="FIGURE-UNEQUAL"):
        Boxed("x", "", np.arange(3.0), np.ones(2, bool), np.arange(3), "a", "b")
    with pytest.raises(InputRefused, match="FIGURE-EMPTY"):
        boxed(np.array([]))
    with pytest.raises(InputRefused, match="FIGURE-LINES"):
        box_figure([])


def test_the_same_lesions_make_the_same_files() -> None:
    values = np.random.default_rng(1).normal(size=61)
    assert same_bytes(lambda: box_figure([boxed(values)]))
