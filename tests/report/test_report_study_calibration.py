"""Calibration and decision curves as figures: groups, numbers and curves are those found."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_study import same_bytes, text_stays_inside, words_of

from hepaflow.cohort.calibration import calibrate, decision_curve
from hepaflow.cohort.resample import draw
from hepaflow.errors import InputRefused
from hepaflow.report.study_calibration import NET_BENEFIT_FLOOR, calibration_figure, decision_figure

RNG = np.random.default_rng(4)
PROBABILITY = RNG.beta(0.8, 0.8, 61)
POSITIVE = RNG.random(61) < PROBABILITY
CLUSTER = np.arange(61) // 2


def test_every_group_stands_at_its_share_with_its_number() -> None:
    found = calibrate(PROBABILITY, POSITIVE, CLUSTER)
    figure = calibration_figure(found, "BF ratio", probability=PROBABILITY, positive=POSITIVE)
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [(float(d.get_xdata()[0]), float(d.get_ydata()[0])) for d in dots] == [(g.predicted, g.observed) for g in found.groups]
    text = words_of(figure)
    assert f"61 lesions, {found.events} positive" in text
    assert f"Brier score {found.brier:.3f}" in text
    assert all(f"n = {group.n}" in text for group in found.groups)
    assert text_stays_inside(figure)


def test_the_strip_counts_every_lesion() -> None:
    figure = calibration_figure(calibrate(PROBABILITY, POSITIVE, CLUSTER), "x", probability=PROBABILITY, positive=POSITIVE)
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert sum(h for h in heights if h > 0) == POSITIVE.sum()
    assert -sum(h for h in heights if h < 0) == (~POSITIVE).sum()


def test_equal_probabilities_are_drawn_and_say_that_there_is_no_slope() -> None:
    chance, truth = np.full(4, 0.5), np.array([True, False, True, False])
    figure = calibration_figure(calibrate(chance, truth, np.arange(4)), "x", probability=chance, positive=truth)
    assert "Slope not estimable" in words_of(figure)


def test_what_does_not_belong_together_is_refused() -> None:
    found = calibrate(PROBABILITY, POSITIVE, CLUSTER)
    with pytest.raises(InputRefused, match="FIGURE-UNEQUAL"):
        calibration_figure(found, "x", probability=PROBABILITY[1:], positive=POSITIVE)


@pytest.mark.parametrize("banded", [True, False])
def test_the_decision_curve_is_the_one_found_and_cut_below(banded: bool) -> None:
    counts = draw(31, repeats=50, rng=np.random.default_rng(1)) if banded else None
    curve = decision_curve(PROBABILITY, POSITIVE, CLUSTER, counts=counts)
    figure = decision_figure(curve, "Acting on it " * 12)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["rule"].get_ydata(), curve.net_benefit)
    np.testing.assert_array_equal(lines["all"].get_ydata(), curve.all_positive)
    assert figure.axes[0].get_ylim()[0] == NET_BENEFIT_FLOOR
    assert ("95 % interval" in words_of(figure)) is banded
    assert text_stays_inside(figure)


def test_the_same_numbers_make_the_same_files() -> None:
    found = calibrate(PROBABILITY, POSITIVE, CLUSTER)
    curve = decision_curve(PROBABILITY, POSITIVE, CLUSTER)
    assert same_bytes(lambda: calibration_figure(found, "x", probability=PROBABILITY, positive=POSITIVE))
    assert same_bytes(lambda: decision_figure(curve, "x"))
