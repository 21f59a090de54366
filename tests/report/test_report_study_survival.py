"""Survival curves as figures: steps, ticks of the censored, and the numbers at risk."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_study import same_bytes, text_stays_inside, words_of

from hepaflow.errors import InputRefused
from hepaflow.report.study_survival import Survived, survival_figure

A = np.array


TIMES, VALUES = A([6.0, 12.0]), A([0.8, 0.5])


def survived(label: str = "major", *, times: np.ndarray = TIMES, values: np.ndarray = VALUES) -> Survived:
    low, high = np.maximum(values - 0.1, 0), np.minimum(values + 0.1, 1)
    return Survived(label, times, values, low, high, A([3.0, 13.0, 20.0]), A([0.0, 12.0, 24.0]), A([10, 6, 1]))


@pytest.mark.parametrize(("rising", "start"), [(False, 1.0), (True, 0.0)])
def test_the_steps_hold_until_the_next_time_and_to_the_last_seen(rising: bool, start: float) -> None:
    values = A([0.2, 0.5]) if rising else A([0.8, 0.5])
    figure = survival_figure([survived(values=values)], "Time (months)", event_name="Recurrence", rising=rising)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "major")
    assert list(line.get_xdata()) == [0, 6, 12, 20]
    assert list(line.get_ydata()) == [start, *values, values[-1]]
    ticks = next(line for line in figure.axes[0].lines if line.get_label() == "_censored")
    assert list(ticks.get_ydata()) == [start, 0.5, 0.5]
    text = words_of(figure)
    for said in ("At risk (n)", " 10 6 1", "Time (months)", "Recurrence (fraction)"):
        assert said in text


@pytest.mark.parametrize("number", [1, 2, 12])
def test_every_group_has_its_row_and_nothing_is_cut(number: int) -> None:
    figure = survival_figure(
        [survived(f"group {k} with a long name that has to wrap") for k in range(number)], "Time (months)", event_name="x"
    )
    assert words_of(figure).count(" 10 6 1") == number
    assert text_stays_inside(figure)


def test_a_group_without_an_event_stays_at_its_start() -> None:
    none = A([])
    one = Survived("none", none, none, none, none, A([5.0]), A([0.0]), A([1]))
    line = survival_figure([one], "Time (months)", event_name="x").axes[0].lines[0]
    assert list(line.get_ydata()) == [1.0, 1.0]
    assert list(line.get_xdata()) == [0.0, 5.0]


@pytest.mark.parametrize(
    ("times", "values", "code"),
    [
        (A([6.0, 6.0]), A([0.8, 0.5]), "FIGURE-SURVIVAL"),
        (A([-1.0, 6.0]), A([0.8, 0.5]), "FIGURE-SURVIVAL"),
        (A([6.0, 12.0]), A([0.8, 1.5]), "FIGURE-SURVIVAL"),
        (A([6.0, 12.0]), A([0.8, np.nan]), "FIGURE-SURVIVAL"),
        (A([6.0]), A([0.8, 0.5]), "FIGURE-UNEQUAL"),
    ],
)
def test_what_is_no_curve_is_refused(times: np.ndarray, values: np.ndarray, code: str) -> None:
    with pytest.raises(InputRefused, match=code):
        survived(times=times, values=values)


def test_no_curve_is_refused() -> None:
    with pytest.raises(InputRefused, match="FIGURE-LINES"):
        survival_figure([], "Time", event_name="x")


def test_the_same_curves_make_the_same_files() -> None:
    assert same_bytes(lambda: survival_figure([survived(), survived("minor")], "Time (months)", event_name="x"))
