"""The waterfall of size changes: every lesion once, in order, with its class."""

from __future__ import annotations

import time

import numpy as np
import pytest
from drawn_study import same_bytes, text_stays_inside, words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.report.figures import raster
from hepaflow.report.study_waterfall import waterfall_figure


def heights(figure: object) -> list[list[float]]:
    """Height of every bar, one list a class; that of a lesion without change is 0."""
    found = []
    for part in figure.axes[0].collections:  # type: ignore[attr-defined]
        ys = [path.vertices[:, 1] for path in part.get_paths()]
        found.append([round(float(y.max() + y.min()), 9) for y in ys])
    return found


def test_each_lesion_is_a_bar_of_its_class_from_growth_to_shrinkage() -> None:
    figure = waterfall_figure(np.array([-66.0, 246.0, 0.0, 12.0]), np.array([True, False, True, False]), "major", "minor")
    assert heights(figure) == [[0.0, -66.0], [246.0, 12.0]]
    text = words_of(figure)
    assert "major (2 lesions)" in text
    assert "4 lesions" in text
    low, high = figure.axes[0].get_ylim()
    assert low < -66
    assert high > 246
    dashed = [float(line.get_ydata()[0]) for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert dashed == [20.0, -30.0]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(-100, 900), st.booleans()), min_size=1, max_size=30))
def test_bars_fall_from_left_to_right_and_none_is_lost(lesions: list[tuple[int, bool]]) -> None:
    change = np.array([float(c) for c, _ in lesions])
    figure = waterfall_figure(change, np.array([p for _, p in lesions]), "a", "b")
    bars = [path.vertices for part in figure.axes[0].collections for path in part.get_paths()]
    ordered = sorted(bars, key=lambda corners: corners[0, 0])
    sizes = [float(corners[:, 1].max() + corners[:, 1].min()) for corners in ordered]
    np.testing.assert_allclose(sizes, np.sort(change)[::-1], atol=1e-9)


def test_one_class_alone_and_no_change_are_drawn() -> None:
    figure = waterfall_figure(np.zeros(2), np.array([True, True]), "a", "b")
    assert "b (0 lesions)" in words_of(figure)
    assert text_stays_inside(figure)


def test_ten_thousand_lesions_are_drawn_within_two_seconds() -> None:
    change = np.linspace(-100, 300, 10_000)
    start = time.process_time()
    raster(waterfall_figure(change, change > 0, "a", "b"))
    assert time.process_time() - start < 2.0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputRefused, match="FIGURE-SHRINKAGE"):
        waterfall_figure(np.array([-101.0]), np.array([True]), "a", "b")
    with pytest.raises(InputRefused, match="FIGURE-EMPTY"):
        waterfall_figure(np.array([]), np.array([], bool), "a", "b")
    with pytest.raises(InputRefused, match="FIGURE-NOT-FINITE"):
        waterfall_figure(np.array([np.nan]), np.array([True]), "a", "b")


def test_the_same_lesions_make_the_same_files() -> None:
    change = np.linspace(-60, 200, 57)
    assert same_bytes(lambda: waterfall_figure(change, change < 0, "a", "b"))
