"""The ideal candidate for ablation: every combination, boundaries on both sides, and what is said."""

from __future__ import annotations

import itertools
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes_for_tests import ball, grid_of, half_diagonal, middle, points

from hepaflow.errors import InputRefused
from hepaflow.therapy.eligibility import HILUM_MM, LARGEST_MM, VESSEL_MM, Offer, assess, measured


@pytest.mark.parametrize("answers", list(itertools.product([True, False, None], repeat=4)))
def test_one_no_makes_it_not_ideal_and_one_unknown_leaves_it_open(answers: tuple[bool | None, ...]) -> None:
    small, hilum, vessel, visible = answers
    found = assess(Offer(None if small is None else 20 if small else 30, hilum, vessel, visible))
    assert found.category == ("not_ideal" if False in answers else "unknown" if None in answers else "ideal")
    verdicts = [{True: "met", False: "not_met", None: "unknown"}[one] for one in answers]
    assert [reason.numbers.get("verdict") for reason in found.reasons] == [*verdicts, None]


@pytest.mark.parametrize(
    ("offer", "category"),
    [
        (Offer("29.9", 10, 5, True), "ideal"),
        (Offer(30, 10, 5, True), "not_ideal"),
        (Offer(20, "9.9", 5, True), "not_ideal"),
        (Offer(20, 10, "4.9", True), "not_ideal"),
        (Offer(0.1 + 0.2, 10, 5, True), "ideal"),
    ],
)
def test_boundaries(offer: Offer, category: str) -> None:
    assert assess(offer).category == category


def test_the_distances_are_printed_as_a_choice_and_may_be_others() -> None:
    found = assess(Offer(20, 8, 8, True), hilum_mm=8, vessel_mm="8.1")
    by = {reason.rule.split("/")[-1]: reason for reason in found.reasons}
    assert (by["hilum"].numbers["verdict"], by["vessels"].numbers["verdict"]) == ("met", "not_met")
    assert (by["hilum"].numbers["measured"], by["hilum"].numbers["threshold"]) == (8, 8)
    assert "our choice" in by["hilum"].text.en
    assert "notre choix" in by["vessels"].text.fr
    assert by["size"].numbers["threshold"] == LARGEST_MM == 30
    assert (HILUM_MM, VESSEL_MM) == (10, 5)
    assert found.reasons[-1].text.en == "Measured, not decided by software."
    assert by["vessels"].text.en.endswith("not met.")
    assert by["size"].text.fr == "Plus grand diamètre inférieur à 30 mm : rempli."


def test_a_yes_is_taken_as_it_is_and_keeps_the_threshold_beside_it() -> None:
    reason = assess(Offer(20, True, False, True)).reasons[1]
    assert (reason.numbers["measured"], reason.numbers["threshold"]) == (True, Fraction(10))


def test_distances_are_measured_from_masks() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 30.0)
    at, center = points(grid), middle(grid)
    lesion, nothing = ball(at, center, 8.0), np.zeros(grid.shape, bool)
    hilum, vessel = ball(at, center + np.array([24.0, 0.0, 0.0]), 4.0), ball(at, center - np.array([0.0, 15.0, 0.0]), 4.0)
    found = measured(lesion, "16.0", grid=grid, hilum=hilum, vessels=vessel, visible=True)
    assert found.offer.hilum == pytest.approx(12.0, abs=half_diagonal(grid))
    assert found.offer.vessel == pytest.approx(3.0, abs=half_diagonal(grid))
    said = assess(found.offer)
    assert [reason.numbers.get("verdict") for reason in said.reasons] == ["met", "met", "not_met", "met", None]
    assert found.flags == ()
    unknown = measured(lesion, 16, grid=grid, hilum=None, vessels=nothing, visible=None)
    assert (unknown.offer.hilum, unknown.offer.vessel, unknown.hilum) == (None, None, None)
    assert unknown.flags == ("distance-no-structure",)
    assert assess(unknown.offer).category == "unknown"


@pytest.mark.parametrize("offer", [Offer(-1, 10, 5, True), Offer(20, -1, 5, True), Offer(20, 10, -1, True)])
def test_negative_sizes_are_refused(offer: Offer) -> None:
    with pytest.raises(InputRefused, match="NUMBER-NEGATIVE"):
        assess(offer)
