from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.exact import exact
from hepaflow.domain.visits import Finding
from hepaflow.errors import InputRefused
from hepaflow.response.size_change import SOURCE, assess, judge


def one(first: Any, later: Any) -> str:
    return judge(None if first is None else exact(first), None if later is None else exact(later)).category


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [
        ("20", "14", "smaller"),
        ("20", "14.01", "stable"),
        ("46.0", "32.2", "smaller"),
        ("20", "24", "larger"),
        ("20", "23.99", "stable"),
        ("20", "20", "stable"),
        ("20", "0", "gone"),
        ("20", "0.1", "smaller"),
        ("2", "2.4", "larger"),  # no absolute rule
        ("0", "5", "not_evaluable"),
        ("0", "0", "not_evaluable"),
        (None, "5", "not_evaluable"),
        ("5", None, "not_evaluable"),
    ],
)
def test_thresholds_on_both_sides(first: str | None, later: str | None, expected: str) -> None:
    assert one(first, later) == expected
    assert one(None if first is None else float(first), None if later is None else float(later)) == expected


@given(st.decimals(min_value=1, max_value=300, places=2), st.integers(2, 9))
def test_boundaries_never_flip_and_scale_never_matters(first: Decimal, scale: int) -> None:
    assert one(float(first), float(first * Decimal("0.7"))) == one(first * scale, first * scale * Decimal("0.7")) == "smaller"
    assert one(first, first * Decimal("0.7001")) == one(first, first * Decimal("1.1999")) == "stable"
    assert one(float(first), float(first * Decimal("1.2"))) == "larger"


@pytest.mark.parametrize(
    ("later", "category", "en", "fr"),
    [
        (0, "gone", "The lesion has disappeared.", "La lésion a disparu."),
        (10, "smaller", "fallen by at least 30 %", "diminué d'au moins 30 %"),
        (20, "stable", "Between -30 % and +20 %", "Entre -30 % et +20 %"),
        (30, "larger", "risen by at least 20 %", "augmenté d'au moins 20 %"),
    ],
)
def test_it_says_that_it_is_not_recist(later: int, category: str, en: str, fr: str) -> None:
    found = judge(Fraction(20), Fraction(later))
    assert says(found) == (category, f"size-change-not-recist/{category}")
    assert found.criterion == "size-change-not-recist"
    assert tells(found.reasons[0].text, en, fr)
    assert tells(found.reasons[0].text, "Not RECIST.", "N'est pas RECIST.")
    assert dict(numbers(found)) == {"size_base_mm": 20, "size_mm": later, "size_change": Fraction(later - 20, 20)}


def test_what_is_not_known() -> None:
    found = judge(Fraction(20), None)
    assert says(found) == ("not_evaluable", "size-change-not-recist/not_evaluable")
    assert tells(found.reasons[0].text, "was not measured at both", "n'a pas été mesurée aux deux")
    assert dict(numbers(found)) == {"size_base_mm": 20, "size_mm": None, "size_change": None}
    assert SOURCE.citation.startswith("Per-lesion size change as tabulated in the thesis")
    assert tells(SOURCE.limits, "Not RECIST: one lesion", "N'est pas RECIST : une lésion")


@pytest.mark.parametrize("pair", [(-1, 5), (5, -1)])
def test_a_negative_size_is_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(InputRefused, match=r"^NUMBER-NEGATIVE"):
        judge(Fraction(pair[0]), Fraction(pair[1]))


def test_every_lesion_against_its_own_baseline() -> None:
    first = [seen("a", 20), seen("b", 20), seen("n", 20, nodal=True), Finding("x", "non-target")]
    course = assess(
        patient(
            first,
            [seen("a", 10), seen("b", "merged"), seen("n", "absent", nodal=True), seen("m", 9, "new")],
            [seen("a", 20), seen("b", "too_small"), seen("n", 24, nodal=True)],
        )
    )
    assert [{name: one.category for name, one in verdict.lesions.items()} for verdict in course.verdicts] == [
        {},
        {"a": "smaller", "b": "not_evaluable", "n": "gone", "x": "not_evaluable"},
        {"a": "stable", "b": "smaller", "n": "larger", "x": "not_evaluable"},  # against the baseline, not the smallest
    ]
    assert (course.criterion, dict(course.lowest), course.best) == ("size-change-not-recist", {}, None)
    assert [(verdict.visit, verdict.overall) for verdict in course.verdicts] == [("v0", None), ("v1", None), ("v2", None)]
