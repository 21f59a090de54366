from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.course import Course
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.visits import Finding, Visits
from hepaflow.response.recist11 import NON, SOURCE, assess, overall

#: Table 1 (target disease) and Table 2 (none) of Eisenhauer 2009, written out: target, non-target, new lesion.
TABLE = {
    ("CR", "CR", "no"): "CR",
    ("CR", None, "no"): "CR",
    ("CR", "NON", "no"): "PR",
    ("CR", "NE", "no"): "PR",
    ("CR", "PD", "no"): "PD",
    ("PR", "CR", "no"): "PR",
    ("PR", None, "no"): "PR",
    ("PR", "NON", "no"): "PR",
    ("PR", "NE", "no"): "PR",
    ("PR", "PD", "no"): "PD",
    ("SD", "CR", "no"): "SD",
    ("SD", None, "no"): "SD",
    ("SD", "NON", "no"): "SD",
    ("SD", "NE", "no"): "SD",
    ("SD", "PD", "no"): "PD",
    ("NE", "CR", "no"): "NE",
    ("NE", None, "no"): "NE",
    ("NE", "NON", "no"): "NE",
    ("NE", "NE", "no"): "NE",
    ("NE", "PD", "no"): "PD",
    ("PD", "CR", "no"): "PD",
    ("PD", None, "no"): "PD",
    ("PD", "NON", "no"): "PD",
    ("PD", "NE", "no"): "PD",
    ("PD", "PD", "no"): "PD",
    (None, "CR", "no"): "CR",
    (None, "NON", "no"): "Non-CR/Non-PD",
    (None, "NE", "no"): "NE",
    (None, "PD", "no"): "PD",
    (None, None, "no"): "NE",  # no disease recorded: the guideline says nothing
}
TARGETS, NON_TARGETS, NEWS = ("CR", "PR", "SD", "PD", "NE", None), ("CR", "NON", "PD", "NE", None), ("no", "equivocal", "yes")
#: A new lesion is progression whatever the rest; one in doubt does not count.
EVERY = [
    (target, beside, new, "PD" if new == "yes" else TABLE[target, beside, "no"])
    for target, beside, new in itertools.product(TARGETS, NON_TARGETS, NEWS)
]

#: One later visit that has this category, against a baseline of 50 mm.
TARGET_AT = {"CR": "0", "PR": "35", "SD": "40", "PD": "60", "NE": None}
NON_TARGET_AT: dict[str, dict[str, Any]] = {
    "CR": {"state": "absent"},
    "NON": {"state": "measured"},
    "PD": {"state": "measured", "unequivocal": True},
    "NE": {"state": "not_evaluated"},
}


def two(target: str | None, beside: str | None, new: str) -> Visits:
    first, later = [], []
    if target is not None:
        first.append(seen("t", "50"))
        later.append(seen("t", TARGET_AT[target]))
    if beside is not None:
        first.append(Finding("x", "non-target"))
        later.append(Finding("x", "non-target", **NON_TARGET_AT[beside]))
    if new != "no":
        later.append(Finding("n", "new", unequivocal=new == "yes"))
    return patient(first, later)


def categories(course: Course) -> list[str]:
    return [verdict.overall.category for verdict in course.verdicts[1:] if verdict.overall is not None]


def parts(course: Course, visit: int = 1) -> dict[str, str]:
    return {name: part.category for name, part in course.verdicts[visit].parts.items()}


def test_the_table_is_whole() -> None:
    assert len(TABLE) == 30
    assert len(EVERY) == 90


@pytest.mark.parametrize(("target", "beside", "new", "expected"), EVERY)
def test_every_combination_is_the_tables(target: Any, beside: Any, new: Any, expected: str) -> None:
    assert overall(target, beside, new) == expected


@pytest.mark.parametrize(("target", "beside", "new", "expected"), EVERY)
def test_every_combination_comes_out_of_lesions(target: str | None, beside: str | None, new: str, expected: str) -> None:
    course = assess(two(target, beside, new))
    wanted = {"target": target, "non-target": NON if beside == "NON" else beside, "new": new}
    assert parts(course) == {name: category for name, category in wanted.items() if category is not None}
    found = course.verdicts[1].overall
    assert found is not None
    assert says(found) == (expected, f"recist-1.1/overall/{expected}")
    assert dict(numbers(found)) == {"target": target, "non_target": wanted["non-target"], "new_lesion": new}
    assert found.criterion == course.criterion == "recist-1.1"
    table = ("Table 1", "Tableau 1") if target else ("Table 2", "Tableau 2") if beside else ("No disease was", "Aucune lésion")
    assert tells(found.reasons[0].text, *table)
    assert found.reasons[1:] == tuple(r for part in course.verdicts[1].parts.values() for r in part.reasons)
    assert course.best is not None
    assert course.best.category == expected


@pytest.mark.parametrize(("target", "beside", "new", "_expected"), [row for row in EVERY if row[2] == "no"])
def test_a_new_lesion_never_improves_a_category(target: Any, beside: Any, new: Any, _expected: str) -> None:
    assert overall(target, beside, "yes") == "PD"
    assert overall(target, beside, "equivocal") == overall(target, beside, new)


def test_the_baseline_has_no_verdict() -> None:
    course = assess(two("PR", "NON", "no"))
    assert (course.verdicts[0].visit, course.verdicts[0].overall, dict(course.verdicts[0].parts)) == ("v0", None, {})
    assert SOURCE.citation.startswith("Eisenhauer EA et al. New response evaluation criteria")
    assert SOURCE.citation.endswith("Eur J Cancer 2009;45:228-247")
    assert tells(SOURCE.limits, "Size alone", "La taille seule")
    only = assess(patient([seen("t", "50")]))
    assert (len(only.verdicts), only.best) == (1, None)


# --- non-target disease -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected", "gone", "missing", "progressed"),
    [
        ([{"state": "absent"}, {"state": "absent"}], "CR", 2, 0, 0),
        ([{"state": "absent"}, {"state": "too_small"}], NON, 1, 0, 0),
        ([{"state": "absent"}, {"state": "measured"}], NON, 1, 0, 0),
        ([{"state": "absent"}, {"state": "not_evaluated"}], "NE", 1, 1, 0),
        ([{"state": "absent"}, None], "NE", 1, 1, 0),
        ([{"state": "not_evaluated"}, {"unequivocal": True}], "PD", 0, 1, 1),
        ([{"unequivocal": False}, {"unequivocal": None}], NON, 0, 0, 0),
        ([{"state": "merged"}, {"state": "measured"}], NON, 1, 0, 0),
    ],
)
def test_non_target_lesions_together(found: list[Any], expected: str, gone: int, missing: int, progressed: int) -> None:
    first = [seen("t", "50"), Finding("x", "non-target"), Finding("y", "non-target")]
    later = [Finding(name, "non-target", **more) for name, more in zip("xy", found, strict=True) if more is not None]
    course = assess(patient(first, [seen("t", "40"), *later]))
    part = course.verdicts[1].parts["non-target"]
    assert says(part) == (expected, f"recist-1.1/non-target/{expected}")
    assert dict(numbers(part)) == {
        "lesions": 2,
        "gone": gone,
        "not_evaluated": missing,
        "progressed": progressed,
        "markers_raised": False,
    }


@pytest.mark.parametrize(("axis", "expected"), [("9.9", "CR"), ("10", NON), ("10.1", NON), (None, NON)])
def test_a_non_target_node_is_gone_below_10_mm(axis: str | None, expected: str) -> None:
    node = seen("n", axis, "non-target", nodal=True)
    course = assess(patient([Finding("n", "non-target", nodal=True)], [node]))
    assert parts(course)["non-target"] == expected


@pytest.mark.parametrize("size", ["9", "4"])
def test_a_small_lesion_that_is_no_node_is_not_gone(size: str) -> None:
    assert parts(assess(patient([Finding("x", "non-target")], [seen("x", size, "non-target")])))["non-target"] == NON


@pytest.mark.parametrize(
    ("beside", "expected_part", "expected"), [("CR", NON, "PR"), ("NON", NON, "PR"), ("NE", "NE", "PR"), (None, NON, "PR")]
)
def test_raised_markers_keep_a_complete_response_away(beside: str | None, expected_part: str, expected: str) -> None:
    course = assess(two("CR", beside, "no"), markers_raised=frozenset({"v1"}))
    assert parts(course)["non-target"] == expected_part
    assert numbers(course.verdicts[1].parts["non-target"])["markers_raised"] is True
    assert categories(course) == [expected]
    assert categories(assess(two("CR", "CR", "no"), markers_raised=frozenset({"v0"}))) == ["CR"]


def test_raised_markers_alone_are_no_disease() -> None:
    course = assess(two(None, None, "no"), markers_raised=frozenset({"v1"}))
    assert (categories(course), "non-target" in course.verdicts[1].parts) == (["NE"], False)
    assert categories(assess(two(None, "CR", "no"), markers_raised=frozenset({"v1"}))) == [NON]


@pytest.mark.parametrize(
    ("beside", "en", "fr"),
    [
        ("CR", "All non-target lesions have disappeared", "Toutes les lésions non cibles ont disparu"),
        ("NON", "Non-target lesions persist", "Des lésions non cibles persistent"),
        ("PD", "unequivocal progression of non-target disease", "progression certaine des lésions non cibles"),
        ("NE", "A non-target lesion was not evaluated", "Une lésion non cible n'a pas été évaluée"),
    ],
)
def test_non_target_sentences(beside: str, en: str, fr: str) -> None:
    assert tells(assess(two("SD", beside, "no")).verdicts[1].parts["non-target"].reasons[0].text, en, fr)


# --- new lesions ------------------------------------------------------------------------------------------------------


def new_parts(*later: list[Finding]) -> list[Any]:
    course = assess(patient([seen("t", "50")], *([seen("t", "50"), *found] for found in later)))
    return [verdict.parts["new"] for verdict in course.verdicts[1:]]


def doubtful(name: str = "n", **more: Any) -> Finding:
    return Finding(name, "new", unequivocal=False, **more)


@pytest.mark.parametrize(
    ("found", "expected", "counted", "equivocal"),
    [
        ([], "no", 0, 0),
        ([Finding("n", "new")], "yes", 1, 0),
        ([Finding("n", "new", unequivocal=True)], "yes", 1, 0),
        ([Finding("n", "new", "too_small")], "yes", 1, 0),
        ([Finding("n", "new", "absent")], "no", 0, 0),
        ([Finding("n", "new", "not_evaluated")], "no", 0, 0),
        ([doubtful()], "equivocal", 0, 1),
        ([doubtful(), Finding("m", "new")], "yes", 1, 1),
        ([seen("n", "9.9", "new", nodal=True)], "equivocal", 0, 1),  # a node of normal size
        ([seen("n", "9.9", "new", nodal=True, unequivocal=True)], "yes", 1, 0),
        ([seen("n", "10", "new", nodal=True)], "yes", 1, 0),
        ([seen("n", "9.9", "new")], "yes", 1, 0),
        ([Finding("n", "new", nodal=True)], "yes", 1, 0),
    ],
)
def test_what_counts_as_new(found: list[Finding], expected: str, counted: int, equivocal: int) -> None:
    (part,) = new_parts(found)
    assert says(part) == (expected, f"recist-1.1/new/{expected}")
    assert part.criterion == "recist-1.1"
    assert dict(numbers(part)) == {
        "new_lesions": counted,
        "equivocal": equivocal,
        "dated_back": 0,
        "back_after_complete_response": 0,
    }
    assert part.flags == (("new-lesion-equivocal",) if expected == "equivocal" else ())


def test_a_confirmed_doubt_is_dated_back_to_where_it_appeared() -> None:
    found = new_parts([], [doubtful()], [Finding("n", "new")])
    assert [part.category for part in found] == ["no", "yes", "yes"]
    assert [part.flags for part in found] == [(), ("progression-dated-back",), ()]
    assert [numbers(part)["dated_back"] for part in found] == [0, 1, 0]
    assert [part.category for part in new_parts([doubtful()], [doubtful()])] == ["equivocal", "equivocal"]
    assert [part.category for part in new_parts([doubtful()], [Finding("n", "new", "absent")])] == ["equivocal", "no"]
    assert [part.category for part in new_parts([doubtful()], [Finding("n", "new", "not_evaluated")])] == ["equivocal", "no"]
    # another lesion's certainty is not this one's
    assert [part.category for part in new_parts([doubtful()], [Finding("m", "new")])] == ["equivocal", "yes"]
    # a node that was of normal size when it was first seen
    node = [seen("n", "8", "new", nodal=True)], [seen("n", "12", "new", nodal=True)]
    assert [part.flags for part in new_parts(*node)] == [("progression-dated-back",), ()]


def test_the_patient_progresses_from_the_first_appearance() -> None:
    course = assess(patient([seen("t", "50")], [seen("t", "30"), doubtful()], [seen("t", "20"), Finding("n", "new")]))
    assert categories(course) == ["PD", "PD"]
    assert course.verdicts[1].overall is not None
    assert course.verdicts[1].overall.flags == ("progression-dated-back",)
    assert course.best is not None
    assert course.best.category == "PD"


@pytest.mark.parametrize(
    ("new", "en", "fr"),
    [
        ("no", "No new lesion.", "Pas de nouvelle lésion."),
        ("equivocal", "A possible new lesion, not certain", "Nouvelle lésion possible, non certaine"),
        ("yes", "A new lesion beyond doubt", "Nouvelle lésion certaine"),
    ],
)
def test_new_lesion_sentences(new: str, en: str, fr: str) -> None:
    assert tells(assess(two("SD", None, new)).verdicts[1].parts["new"].reasons[0].text, en, fr)


# --- back after a complete response -----------------------------------------------------------------------------------


def test_a_target_back_after_a_complete_response_is_progression() -> None:
    course = assess(patient([seen("t", "30")], [seen("t", "absent")], [seen("t", "4")]))
    assert categories(course) == ["CR", "PD"]
    assert parts(course, 2) == {"target": "PR", "new": "yes"}
    assert numbers(course.verdicts[2].parts["new"])["back_after_complete_response"] == 1
    assert course.best is not None
    assert course.best.category == "CR"


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (Finding("x", "non-target"), "PD"),
        (Finding("x", "non-target", "too_small"), "PD"),
        (Finding("x", "non-target", "absent"), "CR"),
        (Finding("x", "non-target", "not_evaluated"), "PR"),
        (seen("x", "0", "non-target"), "PR"),  # measured as nothing is not absent, and not back
    ],
)
def test_a_non_target_lesion_back_after_a_complete_response(again: Finding, expected: str) -> None:
    first = [seen("t", "30"), Finding("x", "non-target")]
    gone = [seen("t", "absent"), Finding("x", "non-target", "absent")]
    assert categories(assess(patient(first, gone, [seen("t", "absent"), again]))) == ["CR", expected]


def test_without_a_complete_response_of_the_patient_a_lesion_that_is_back_is_measured() -> None:
    """The target is gone, non-target disease is not: PR, then the lesion is back at 4 mm."""
    first = [seen("t", "30"), Finding("x", "non-target")]
    course = assess(patient(first, [seen("t", "0"), Finding("x", "non-target")], [seen("t", "4"), Finding("x", "non-target")]))
    assert categories(course) == ["PR", "PR"]
    back_larger = assess(patient(first, [seen("t", "0"), Finding("x", "non-target")], [seen("t", "5"), Finding("x", "non-target")]))
    assert categories(back_larger) == ["PR", "PD"]  # by the sum: +5 mm


def test_a_node_that_regrows_after_a_complete_response_speaks_through_the_sum() -> None:
    course = assess(patient(*([seen("n", axis, nodal=True)] for axis in ("20", "9", "11", "14"))))
    assert categories(course) == ["CR", "PR", "PD"]
    assert parts(course, 2) == {"target": "PR", "new": "no"}


def test_the_complete_response_must_lie_before() -> None:
    course = assess(patient([seen("t", "30")], [seen("t", "20")], [seen("t", "0")], [seen("t", "0")]))
    assert categories(course) == ["PR", "CR", "CR"]
    later = assess(patient([seen("t", "30")], [seen("t", "0")], [seen("t", None)], [seen("t", "3")]))
    assert categories(later) == ["CR", "NE", "PD"]


def test_verdicts_go_on_after_progression_and_the_best_response_does_not() -> None:
    course = assess(patient([seen("t", "110")], [seen("t", "145")], [seen("t", "70")]))
    assert categories(course) == ["PD", "PR"]
    assert course.best is not None
    assert says(course.best) == ("PD", "recist-1.1/best/PD")
    assert dict(numbers(course.best)) == {"visits": 1, "progression": "v1"}


# --- flags of the baseline --------------------------------------------------------------------------------------------


def livers(*sizes: str, organ: str = "liver") -> list[Finding]:
    return [seen(f"{organ}{n}", size, organ=organ) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("first", "flags"),
    [
        (livers("10", "12"), ()),
        (livers("9.9"), ("target-not-measurable",)),
        ([seen("n", "15", nodal=True)], ()),
        ([seen("n", "14.9", nodal=True)], ("target-not-measurable",)),
        (livers("20", "20", "20"), ("too-many-targets",)),
        ([*livers("20", "20"), *livers("20", "20", organ="lung"), seen("n", "20", nodal=True)], ()),
        ([*livers("20", "20"), *livers("20", "20", organ="lung"), *livers("20", "20", organ="bone")], ("too-many-targets",)),
        (
            [seen("a", "20", organ="left lung"), seen("b", "20", organ="right lung"), seen("c", "20", organ="lung")],
            ("too-many-targets",),
        ),
        ([seen("a", "20"), seen("b", "20"), seen("c", "20")], ()),  # organs that are not named are not counted
        ([seen("a", "9"), *livers("20", "20", "20")], ("target-not-measurable", "too-many-targets")),
        ([seen("t", "20"), seen("x", "3", "non-target")], ()),
    ],
)
def test_targets_that_the_guideline_would_not_take_are_flagged(first: list[Finding], flags: tuple[str, ...]) -> None:
    course = assess(patient(first, [seen(one.lesion, one.size_mm, one.role, nodal=one.nodal) for one in first]))
    assert course.flags == flags
    assert set(flags) <= set(FLAGS)


def test_a_visit_carries_the_flags_of_its_parts() -> None:
    course = assess(patient([seen("t", "50")], [seen("t", None), doubtful()]))
    assert course.verdicts[1].overall is not None
    assert course.verdicts[1].overall.flags == ("targets-not-all-evaluated", "new-lesion-equivocal")


@given(st.permutations(range(4)))
def test_the_order_of_rows_never_matters(order: list[int]) -> None:
    first = [seen("a", "30"), seen("b", "20"), Finding("x", "non-target"), Finding("y", "non-target")]
    later = [seen("a", "10"), seen("b", "absent"), Finding("x", "non-target", "absent"), Finding("y", "non-target")]
    one = assess(patient(first, later))
    other = assess(patient([first[n] for n in order], [later[n] for n in order]))
    assert categories(one) == categories(other) == ["PR"]
    assert parts(one) == parts(other)
