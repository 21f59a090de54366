from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.course import Course, Lowest
from hepaflow.domain.exact import exact
from hepaflow.domain.visits import Finding
from hepaflow.errors import InputRefused
from hepaflow.response.enhancing import EASL, MRECIST, Enhancing, assess, category, viable_mm, viable_mm2

RULES = (MRECIST, EASL)


def viable(name: str, longest: Any, across: Any = None, **more: Any) -> Finding:
    return seen(name, 50, viable_mm=longest, viable_perpendicular_mm=longest if across is None else across, **more)


def categories(course: Course) -> list[str]:
    return [verdict.overall.category for verdict in course.verdicts[1:] if verdict.overall is not None]


def one(rule: Enhancing, now: Any, base: Any, lowest: Any = None, *, new: bool = False) -> str:
    return category(rule, exact(now), base=exact(base), lowest=exact(base if lowest is None else lowest), new_lesion=new)


@pytest.mark.parametrize(
    ("now", "base", "lowest", "mrecist", "easl"),
    [
        ("70", "100", None, "PR", "SD"),
        ("70.01", "100", None, "SD", "SD"),
        ("50", "100", None, "PR", "PR"),
        ("50.01", "100", None, "PR", "SD"),
        ("120", "100", None, "PD", "SD"),
        ("119.99", "100", None, "SD", "SD"),
        ("125", "100", None, "PD", "SD"),  # EASL: more than 25 %
        ("125.01", "100", None, "PD", "PD"),
        ("48", "100", "40", "PD", "PR"),
        ("50.01", "100", "40", "PD", "PD"),
        ("0", "100", None, "CR", "CR"),
        ("0", "100", "0", "CR", "CR"),
        ("0.1", "100", "0", "PD", "PD"),  # enhances again
    ],
)
def test_thresholds_on_both_sides(now: str, base: str, lowest: str | None, mrecist: str, easl: str) -> None:
    assert one(MRECIST, now, base, lowest) == mrecist
    assert one(EASL, now, base, lowest) == easl
    assert one(MRECIST, float(now), float(base), None if lowest is None else float(lowest)) == mrecist


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("now", ["0", "50", "100"])
def test_a_new_lesion_is_progression(rule: Enhancing, now: str) -> None:
    assert one(rule, now, "100", new=True) == "PD"


@given(st.decimals(min_value=1, max_value=300, places=2))
def test_boundaries_never_flip_with_the_way_they_are_written(base: Decimal) -> None:
    assert one(MRECIST, float(base * Decimal("0.7")), float(base)) == "PR"
    assert one(MRECIST, base * Decimal("0.7001"), base) == "SD"
    assert one(MRECIST, float(base * Decimal("1.2")), float(base)) == "PD"
    assert one(MRECIST, base * Decimal("1.1999"), base) == "SD"
    assert one(EASL, float(base / 2), float(base)) == "PR"
    assert one(EASL, float(base * Decimal("1.25")), float(base)) == "SD"
    assert one(EASL, base * Decimal("1.2501"), base) == "PD"


@given(st.integers(0, 200), st.integers(1, 100), st.integers(2, 9))
def test_scale_never_matters(now: int, base: int, scale: int) -> None:
    """There is no absolute rule in either."""
    for rule in RULES:
        assert one(rule, now, base) == one(rule, now * scale, base * scale)


@pytest.mark.parametrize(
    ("found", "longest", "area"),
    [
        (viable("a", 20, 10), 20, 200),
        (seen("a", 50, viable_mm=20), 20, None),
        (seen("a", 50, viable_mm=0), 0, 0),
        (seen("a", 50), None, None),
        (seen("a", 50, viable_perpendicular_mm=9), None, None),
        (seen("a", "absent"), 0, 0),
        (seen("a", "merged"), 0, 0),
        (viable("a", 20, 10, state="not_evaluated"), None, None),
    ],
)
def test_what_enhances(found: Finding, longest: int | None, area: int | None) -> None:
    assert viable_mm(found) == longest
    assert viable_mm2(found) == area


def test_a_patient_by_the_sum_of_what_enhances() -> None:
    """The lesions keep their size."""
    first, later = [viable("a", 30), viable("b", 20)], [viable("a", 15), viable("b", 20)]
    course = assess(patient(first, later))
    assert categories(course) == ["PR"]
    found = course.verdicts[1].overall
    assert found is not None
    assert says(found) == ("PR", "mrecist/PR")
    assert found.criterion == course.criterion == "mrecist"
    assert dict(numbers(found)) == {
        "sum_mm": 35,
        "baseline_sum_mm": 50,
        "nadir_sum_mm": 50,
        "nadir_visit": "v0",
        "change_from_baseline": Fraction(-3, 10),
        "new_lesions": 0,
        "non_target_progressed": 0,
        "non_target_remaining": 0,
        "not_evaluated": 0,
    }
    areas = assess(patient(first, later), EASL)
    assert categories(areas) == ["PR"]  # 1300 to 625 is -51.9 %
    assert areas.verdicts[1].overall is not None


def test_easl_reads_areas() -> None:
    course = assess(patient([viable("a", 40, 30)], [viable("a", 30, 20)], [viable("a", 40, 37)]), EASL)
    assert categories(course) == ["PR", "PD"]
    found = course.verdicts[1].overall
    assert found is not None
    assert says(found) == ("PR", "easl/PR")
    assert (numbers(found)["sum_mm2"], numbers(found)["baseline_sum_mm2"], numbers(found)["nadir_sum_mm2"]) == (600, 1200, 1200)
    assert course.lowest == {"sum": Lowest("v1", Fraction(600))}


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([viable("a", 10)], "NE"),
        ([viable("a", 10), seen("b", 50)], "NE"),
        ([seen("a", "absent"), seen("b", 50)], "NE"),
        ([viable("a", 48)], "PD"),  # already +20 % of both
        ([viable("a", "47.9")], "NE"),
        ([seen("a", "absent"), viable("b", 0)], "CR"),
    ],
)
def test_a_part_proves_nothing_but_progression(later: list[Finding], expected: str) -> None:
    course = assess(patient([viable("a", 20), viable("b", 20)], later))
    assert categories(course) == [expected]
    found = course.verdicts[1].overall
    assert found is not None
    assert (numbers(found)["change_from_baseline"] is None) == (expected != "CR")
    assert numbers(found)["not_evaluated"] == (0 if expected == "CR" else 1)


def test_the_smallest_sum_and_the_best_response() -> None:
    course = assess(patient(*([viable("a", size)] for size in (50, 30, 30, 36, 10))))
    assert categories(course) == ["PR", "PR", "PD", "PR"]
    assert course.lowest == {"sum": Lowest("v4", Fraction(10))}
    assert assess(patient(*([viable("a", size)] for size in (50, 30, 30)))).lowest["sum"].visit == "v1"
    gap = assess(patient([viable("a", 50), viable("b", 10)], [viable("a", 5)], [viable("a", 50), viable("b", 10)]))
    assert categories(gap) == ["NE", "SD"]
    assert gap.lowest == {"sum": Lowest("v0", Fraction(60))}
    assert course.best is not None
    assert says(course.best) == ("PR", "mrecist/best/PR")
    assert dict(numbers(course.best)) == {"visits": 3}
    assert assess(patient([viable("a", 50)])).best is None
    assert course.verdicts[0].overall is None


@pytest.mark.parametrize(
    ("sizes", "best"),
    [
        ((50, 45, 46), "SD"),
        ((50, 45, 30), "PR"),
        ((50, 30, 0), "CR"),
        ((50, 70, 0), "PD"),
        ((50, None, 70), "PD"),
        ((50, None), "NE"),
    ],
)
def test_from_best_to_worst(sizes: tuple[int | None, ...], best: str) -> None:
    course = assess(patient(*([seen("a", 50) if size is None else viable("a", size)] for size in sizes)))
    assert course.best is not None
    assert course.best.category == best


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("beside", "size", "expected", "progressed", "remaining"),
    [
        (Finding("x", "non-target", "absent"), 0, "CR", 0, 0),
        (Finding("x", "non-target"), 0, "PR", 0, 1),
        (Finding("x", "non-target", "not_evaluated"), 0, "PR", 0, 1),
        (None, 0, "PR", 0, 1),
        (Finding("x", "non-target", unequivocal=True), 0, "PD", 1, 1),
        (Finding("x", "non-target", unequivocal=False), 20, "SD", 0, 1),
    ],
)
def test_non_target_disease_counts(
    rule: Enhancing, beside: Finding | None, size: int, expected: str, progressed: int, remaining: int
) -> None:
    later = [viable("a", size), *([] if beside is None else [beside])]
    course = assess(patient([viable("a", 20), Finding("x", "non-target")], later), rule)
    assert categories(course) == [expected]
    found = course.verdicts[1].overall
    assert found is not None
    assert (numbers(found)["non_target_progressed"], numbers(found)["non_target_remaining"]) == (progressed, remaining)


@pytest.mark.parametrize(
    ("new", "expected", "count"), [({}, "PD", 1), ({"unequivocal": False}, "SD", 0), ({"state": "absent"}, "SD", 0)]
)
def test_a_new_lesion_beyond_doubt_counts(new: dict[str, Any], expected: str, count: int) -> None:
    course = assess(patient([viable("a", 20)], [viable("a", 20), Finding("n", "new", **new)]))
    assert categories(course) == [expected]
    assert course.verdicts[1].overall is not None
    assert numbers(course.verdicts[1].overall)["new_lesions"] == count


@pytest.mark.parametrize(("size", "flags"), [("10", ()), ("9.9", ("target-not-measurable",))])
def test_a_target_with_little_enhancement_is_flagged(size: str, flags: tuple[str, ...]) -> None:
    for rule in RULES:
        assert assess(patient([viable("a", 30), viable("b", size, 20), Finding("x", "non-target")]), rule).flags == flags


@pytest.mark.parametrize(
    ("rule", "first", "columns"),
    [
        (MRECIST, [seen("a", 50)], "viable_mm"),
        (MRECIST, [viable("b", 20), seen("a", 50, viable_mm=0)], "viable_mm"),
        (MRECIST, [], "viable_mm"),
        (EASL, [seen("a", 50, viable_mm=20)], "viable_mm and viable_perpendicular_mm"),
        (EASL, [Finding("x", "non-target")], "viable_mm and viable_perpendicular_mm"),
    ],
)
def test_a_baseline_without_enhancement_is_refused(rule: Enhancing, first: list[Finding], columns: str) -> None:
    with pytest.raises(InputRefused, match=rf"^VISITS-BASELINE: a target lesion has no enhancing part.*Give {columns}\.$"):
        assess(patient(first), rule)


@pytest.mark.parametrize(
    ("rule", "size", "category_", "en", "fr"),
    [
        (MRECIST, 0, "CR", "Nothing enhances in the arterial phase", "Plus aucun rehaussement au temps artériel"),
        (
            MRECIST,
            10,
            "PR",
            "sum of enhancing diameters has fallen by at least 30 %",
            "somme des diamètres rehaussés a diminué d'au moins 30 %",
        ),
        (MRECIST, 20, "SD", "Neither response nor progression", "Ni réponse, ni progression"),
        (MRECIST, 30, "PD", "diameters has risen by at least 20 %", "diamètres rehaussés a augmenté d'au moins 20 %"),
        (MRECIST, None, "NE", "was not measured", "n'a pas été mesurée"),
        (EASL, 0, "CR", "Nothing enhances in the arterial phase", "Plus aucun rehaussement au temps artériel"),
        (EASL, 10, "PR", "enhancing area has fallen by at least 50 %", "surface rehaussée a diminué d'au moins 50 %"),
        (EASL, 20, "SD", "Neither response nor progression", "Ni réponse, ni progression"),
        (EASL, 30, "PD", "area has risen by more than 25 %", "surface rehaussée a augmenté de plus de 25 %"),
        (EASL, None, "NE", "was not measured", "n'a pas été mesurée"),
    ],
)
def test_the_sentence_belongs_to_the_category(rule: Enhancing, size: int | None, category_: str, en: str, fr: str) -> None:
    later = [seen("a", 50) if size is None else viable("a", size)]
    found = assess(patient([viable("a", 20)], later), rule).verdicts[1].overall
    assert found is not None
    assert says(found) == (category_, f"{rule.key}/{category_}")
    assert tells(found.reasons[0].text, en, fr)
    assert tells(rule.source.limits, "not for hypovascular metastases", "pas pour les métastases hypovasculaires")


def test_sources() -> None:
    assert MRECIST.source.citation.startswith("Lencioni R, Llovet JM.")
    assert MRECIST.source.citation.endswith("Semin Liver Dis 2010;30:52-60")
    assert EASL.source.citation.startswith("Bruix J et al.")
    assert EASL.source.citation.endswith("J Hepatol 2001;35:421-430")


@given(st.permutations(range(3)), st.lists(st.integers(0, 60), min_size=3, max_size=3))
def test_the_order_of_lesions_never_matters(order: list[int], later: list[int]) -> None:
    first, now = [viable(f"l{n}", 20 + n) for n in range(3)], [viable(f"l{n}", size) for n, size in enumerate(later)]
    for rule in RULES:
        straight = assess(patient(first, now), rule)
        mixed = assess(patient([first[n] for n in order], [now[n] for n in order]), rule)
        assert categories(straight) == categories(mixed)
        assert straight.lowest == mixed.lowest
