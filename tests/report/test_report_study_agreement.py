"""The Bland-Altman figure: differences over means, lines and bands where they were found."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_study import same_bytes, text_stays_inside, words_of
from matplotlib.figure import Figure

from hepaflow.errors import InputRefused
from hepaflow.report.study_agreement import bland_altman_figure

FIRST = np.random.default_rng(1).normal(60.0, 15.0, 31)
SECOND = FIRST + np.random.default_rng(2).normal(-2.0, 5.0, 31)


def made(first: np.ndarray = FIRST, second: np.ndarray = SECOND, *, banded: bool = True) -> Figure:
    apart = first - second
    bias, reach = float(apart.mean()), 1.96 * float(apart.std())
    low, high = bias - reach, bias + reach
    return bland_altman_figure(
        first,
        second,
        bias=bias,
        limits=(low, high),
        bias_ci=(bias - 1.0, bias + 1.0) if banded else None,
        limit_cis=((low - 2.0, low + 2.0), (high - 2.0, high + 2.0)) if banded else None,
        unit="mL/min/100 mL",
        cluster=np.arange(len(first)) // 2,
    )


@pytest.mark.parametrize(("banded", "bands"), [(True, 3), (False, 0)])
def test_points_lines_and_bands_are_those_given(banded: bool, bands: int) -> None:
    figure = made(banded=banded)
    axes = figure.axes[0]
    points = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(points, np.column_stack([(FIRST + SECOND) / 2, FIRST - SECOND]))
    lines = {str(line.get_label()): float(np.asarray(line.get_ydata())[0]) for line in axes.lines}
    assert lines["bias"] == pytest.approx((FIRST - SECOND).mean())
    assert lines["upper limit"] - lines["lower limit"] == pytest.approx(2 * 1.96 * (FIRST - SECOND).std())
    assert len(axes.patches) == bands
    text = words_of(figure)
    assert "31 lesions in 16 patients" in text
    assert ("bands: 95 % intervals" in text) is banded
    assert "First − second (mL/min/100 mL)" in text
    assert text_stays_inside(figure)


def test_names_of_lines_that_fall_together_stand_apart() -> None:
    figure = made(FIRST, FIRST, banded=False)
    levels = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert np.diff(levels).min() > 0.1


def test_two_columns_of_unlike_length_and_none_are_refused() -> None:
    with pytest.raises(InputRefused, match="FIGURE-UNEQUAL"):
        bland_altman_figure(FIRST, SECOND[1:], bias=0, limits=(0, 0), bias_ci=None, limit_cis=None, unit="", cluster=np.arange(31))
    with pytest.raises(InputRefused, match="FIGURE-EMPTY"):
        bland_altman_figure(
            FIRST[:0], SECOND[:0], bias=0, limits=(0, 0), bias_ci=None, limit_cis=None, unit="", cluster=np.arange(0)
        )


def test_the_same_lesions_make_the_same_files() -> None:
    assert same_bytes(made)
