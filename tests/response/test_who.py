from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.course import Course, Lowest
from hepaflow.domain.visits import Finding
from hepaflow.errors import InputRefused
from hepaflow.response.who import SOURCE, assess, grown, product


def pair(name: str, longest: Any, across: Any = None, **more: Any) -> Finding:
    return seen(name, longest, perpendicular_mm=longest if across is None else across, **more)


def categories(course: Course) -> list[str]:
    return [verdict.overall.category for verdict in course.verdicts[1:] if verdict.overall is not None]


def one(*sizes: tuple[Any, Any], at_least: bool = True) -> list[str]:
    return categories(assess(patient(*([pair("a", *size)] for size in sizes)), at_least=at_least))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(20, 20), (20, 10)], ["PR"]),  # exactly -50 %
        ([(20, 20), (20, "10.01")], ["NC"]),
        ([(20, 20), (25, 20)], ["PD"]),  # exactly +25 %
        ([(20, 20), ("24.99", 20)], ["NC"]),
        ([(20, 20), (22, 22)], ["NC"]),
        ([(40, 30), (0, 0)], ["CR"]),
        ([(40, 30), (1, 0)], ["CR"]),
        ([(40, 30), (20, 30), (25, 30)], ["PR", "PD"]),  # +25 % from the smallest, though below the baseline
        ([(40, 30), (20, 30), ("24.9", 30)], ["PR", "NC"]),
        ([(40, 30), (0, 0), (1, 1)], ["CR", "PD"]),
        ([(40, 30), (0, 0), (0, 0)], ["CR", "CR"]),
    ],
)
def test_thresholds_on_both_sides(sizes: list[tuple[Any, Any]], expected: list[str]) -> None:
    assert one(*sizes) == expected


def test_whether_exactly_25_percent_progresses_is_an_option() -> None:
    assert one((20, 20), (25, 20), at_least=False) == ["NC"]
    assert one((20, 20), ("25.01", 20), at_least=False) == ["PD"]
    assert one((20, 20), (0, 0), (0, 0), at_least=False) == ["CR", "CR"]
    assert grown(Fraction(125), Fraction(100), at_least=True)
    assert not grown(Fraction(125), Fraction(100), at_least=False)
    assert not grown(Fraction(0), Fraction(0), at_least=True)
    assert grown(Fraction(1, 9), Fraction(0), at_least=False)


@given(st.decimals(min_value=1, max_value=300, places=2), st.decimals(min_value=1, max_value=300, places=2))
def test_boundaries_never_flip_with_the_way_they_are_written(longest: Decimal, across: Decimal) -> None:
    assert one((float(longest), float(across)), (float(longest), float(across / 2))) == ["PR"]
    assert one((longest, across), (longest * Decimal("1.25"), across)) == ["PD"]
    assert one((longest, across), (longest * Decimal("1.2499"), across)) == ["NC"]


def test_one_lesion_that_grows_outweighs_the_sum() -> None:
    course = assess(patient([pair("a", 40, 30), pair("b", 20, 20)], [pair("a", 20, 15), pair("b", 25, 20)]))
    assert categories(course) == ["PD"]
    found = course.verdicts[1].overall
    assert found is not None
    assert says(found) == ("PD", "who/PD")
    assert dict(numbers(found)) == {
        "sum_mm2": 800,
        "baseline_sum_mm2": 1600,
        "change_from_baseline": Fraction(-1, 2),
        "lesions_grown": 1,
        "progression_at_exactly_25_percent": True,
        "new_lesions": 0,
        "non_target_progressed": 0,
        "non_target_remaining": 0,
        "not_evaluated": 0,
    }


def test_the_sum_of_the_lesions_responds() -> None:
    assert categories(assess(patient([pair("a", 20), pair("b", 10)], [pair("a", 10), pair("b", 10)]))) == ["PR"]  # 500 to 200
    assert categories(assess(patient([pair("a", 20), pair("b", 10)], [pair("a", "14.2"), pair("b", 10)]))) == ["NC"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pair("a", 20, 30), 600),
        (seen("a", 20), None),
        (seen("a", perpendicular_mm=20), None),
        (seen("a", "absent"), 0),
        (seen("a", "merged"), 0),
        (seen("a", "too_small"), None),
        (Finding("a", "target", "not_evaluated", diameter_mm=Fraction(2), perpendicular_mm=Fraction(2)), None),
    ],
)
def test_products(found: Finding, expected: int | None) -> None:
    assert product(found) == expected


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([pair("a", 10), seen("b", 10)], "NE"),
        ([pair("a", 10)], "NE"),
        ([pair("a", 30), seen("b", None)], "PD"),
        ([seen("a", "absent"), seen("b", None)], "NE"),
        ([seen("a", "absent"), seen("b", "absent")], "CR"),
    ],
)
def test_a_part_proves_nothing_but_progression(later: list[Finding], expected: str) -> None:
    course = assess(patient([pair("a", 20), pair("b", 20)], later))
    assert categories(course) == [expected]
    found = course.verdicts[1].overall
    assert found is not None
    missing = numbers(found)["not_evaluated"]
    assert (numbers(found)["change_from_baseline"] is None) == (missing > 0)
    assert missing == (0 if expected == "CR" else 1)


@pytest.mark.parametrize(
    ("new", "expected", "count"),
    [
        (Finding("n", "new"), "PD", 1),
        (Finding("n", "new", unequivocal=True), "PD", 1),
        (Finding("n", "new", unequivocal=False), "PR", 0),
        (Finding("n", "new", "absent"), "PR", 0),
        (Finding("n", "new", "not_evaluated"), "PR", 0),
    ],
)
def test_a_new_lesion_beyond_doubt_is_progression(new: Finding, expected: str, count: int) -> None:
    course = assess(patient([pair("a", 20)], [pair("a", 10), new]))
    assert categories(course) == [expected]
    assert course.verdicts[1].overall is not None
    assert numbers(course.verdicts[1].overall)["new_lesions"] == count


@pytest.mark.parametrize(
    ("beside", "size", "expected", "progressed", "remaining"),
    [
        (Finding("x", "non-target", "absent"), 0, "CR", 0, 0),
        (Finding("x", "non-target"), 0, "PR", 0, 1),
        (Finding("x", "non-target", "not_evaluated"), 0, "PR", 0, 1),
        (None, 0, "PR", 0, 1),
        (Finding("x", "non-target", unequivocal=True), 0, "PD", 1, 1),
        (Finding("x", "non-target", unequivocal=False), 20, "NC", 0, 1),
    ],
)
def test_non_target_disease_counts(beside: Finding | None, size: int, expected: str, progressed: int, remaining: int) -> None:
    later = [pair("a", size), *([] if beside is None else [beside])]
    course = assess(patient([pair("a", 20), Finding("x", "non-target")], later))
    assert categories(course) == [expected]
    found = course.verdicts[1].overall
    assert found is not None
    assert (numbers(found)["non_target_progressed"], numbers(found)["non_target_remaining"]) == (progressed, remaining)


def test_lesions_that_grew_together_are_compared_together() -> None:
    first = [pair("a", 20), pair("b", 20)]
    assert categories(assess(patient(first, [pair("a", 30), seen("b", "merged")]))) == ["NC"]  # 800 to 900
    assert categories(assess(patient(first, [pair("a", 40, 25), seen("b", "merged")]))) == ["PD"]  # to 1000
    assert categories(assess(patient(first, [pair("a", "39.9", 25), seen("b", "merged")]))) == ["NC"]
    # apart again: the smallest product is that of before, not nothing
    course = assess(patient(first, [pair("a", 20), seen("b", "merged")], [pair("a", 20), pair("b", 20)]))
    assert categories(course) == ["PR", "NC"]
    assert course.lowest == {"a": Lowest("v0", Fraction(400)), "b": Lowest("v0", Fraction(400))}


def test_what_did_not_merge_is_compared_with_itself() -> None:
    first = [pair("a", 40), pair("b", 40), pair("c", 10)]
    into = Finding("b", "target", "merged", merged_with="a")
    assert categories(assess(patient(first, [pair("a", 40), into, pair("c", 40)]))) == ["PD"]
    assert categories(assess(patient(first, [pair("a", 60), into, pair("c", 10)]))) == ["NC"]  # 3600 of 1600 + 1600
    later = [[pair("a", 40), into, pair("c", 10)], [pair("a", 10), into, pair("c", 10)], [pair("a", 50), into, pair("c", 10)]]
    course = assess(patient(first, *later))
    assert categories(course) == ["NC", "PR", "PD"]  # 3300 to 1700, to 200, and 100 to 2500
    assert course.lowest["a"] == Lowest("v2", Fraction(100))
    for unsaid in (None, "x", "b"):
        with pytest.raises(InputRefused, match="VISITS-MERGED"):
            assess(patient(first, [pair("a", 40), Finding("b", "target", "merged", merged_with=unsaid), pair("c", 10)]))


def test_the_smallest_products_and_the_best_response() -> None:
    course = assess(patient([pair("a", 20)], [pair("a", 10)], [pair("a", 10)], [pair("a", 30)], [pair("a", 0)]))
    assert categories(course) == ["PR", "PR", "PD", "CR"]
    assert course.lowest == {"a": Lowest("v4", Fraction(0))}
    assert assess(patient([pair("a", 20)], [pair("a", 10)], [pair("a", 10)])).lowest["a"].visit == "v1"
    assert course.best is not None
    assert says(course.best) == ("PR", "who/best/PR")
    assert course.best.criterion == course.criterion == "who"
    assert dict(numbers(course.best)) == {"visits": 3}
    assert tells(course.best.reasons[0].text, "The best category", "La meilleure catégorie")
    assert assess(patient([pair("a", 20)])).best is None
    assert course.verdicts[0].overall is None


@pytest.mark.parametrize(
    ("sizes", "best"),
    [
        ((20, 15, 19), "NC"),
        ((20, 19, 10), "PR"),
        ((20, 10, 0), "CR"),
        ((20, 30, 0), "PD"),
        ((20, None, 30), "PD"),
        ((20, None), "NE"),
    ],
)
def test_from_best_to_worst(sizes: tuple[int | None, ...], best: str) -> None:
    course = assess(patient(*([seen("a", None) if size is None else pair("a", size)] for size in sizes)))
    assert course.best is not None
    assert course.best.category == best


@pytest.mark.parametrize(
    "first",
    [
        [seen("a", 20)],
        [pair("a", 20), seen("b", perpendicular_mm=9)],
        [pair("a", 0)],
        [Finding("x", "non-target")],
        [],
    ],
)
def test_a_baseline_without_two_diameters_is_refused(first: list[Finding]) -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-BASELINE: a target lesion lacks a diameter"):
        assess(patient(first))


@pytest.mark.parametrize(
    ("later", "category", "en", "fr"),
    [
        ([pair("a", 0)], "CR", "All lesions have disappeared", "Toutes les lésions ont disparu"),
        ([pair("a", 10)], "PR", "fallen by at least 50 %", "diminué d'au moins 50 %"),
        ([pair("a", 20)], "NC", "No change", "Pas de changement"),
        ([pair("a", 30)], "PD", "risen by 25 %", "augmenté de 25 %"),
        ([], "NE", "lacks one of its two diameters", "l'un de ses deux diamètres"),
    ],
)
def test_the_sentence_belongs_to_the_category(later: list[Finding], category: str, en: str, fr: str) -> None:
    found = assess(patient([pair("a", 20)], later)).verdicts[1].overall
    assert found is not None
    assert says(found) == (category, f"who/{category}")
    assert found.criterion == "who"
    assert tells(found.reasons[0].text, en, fr)
    assert SOURCE.citation == "Miller AB et al. Reporting results of cancer treatment. Cancer 1981;47:207-214"
    assert tells(SOURCE.limits, "Superseded by RECIST", "Remplacé par RECIST")


@given(st.permutations(range(3)), st.lists(st.integers(1, 60), min_size=3, max_size=3))
def test_the_order_of_lesions_never_matters(order: list[int], later: list[int]) -> None:
    first, now = [pair(f"l{n}", 20 + n) for n in range(3)], [pair(f"l{n}", size) for n, size in enumerate(later)]
    straight = assess(patient(first, now))
    mixed = assess(patient([first[n] for n in order], [now[n] for n in order]))
    assert categories(straight) == categories(mixed)
    assert straight.lowest == mixed.lowest


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(2, 9))
def test_scale_never_matters(sizes: list[int], scale: int) -> None:
    """There is no absolute rule in WHO."""
    assert one((20, 20), *((size, size) for size in sizes)) == one(
        (20 * scale, 20 * scale), *((size * scale, size * scale) for size in sizes)
    )
