from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.course import Lowest
from hepaflow.domain.exact import exact
from hepaflow.domain.visits import Finding, Visit, Visits
from hepaflow.errors import InputRefused
from hepaflow.response import recist11
from hepaflow.response.recist11_target import baseline_sum, judge, progressed, targets

decimals = st.decimals(min_value=1, max_value=300, places=2)


def judged(sizes: list[Finding], base: Any, nadir: Any = None) -> Any:
    return judge(sizes, exact(base), Lowest("v0", exact(base if nadir is None else nadir)))


def category(size: Any, base: Any, nadir: Any = None, **more: Any) -> str:
    return judged([seen("a", size, **more)], base, nadir)[0].category


# --- the four thresholds, on both sides -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "base", "nadir", "expected"),
    [
        ("70", "100", None, "PR"),
        ("70.01", "100", None, "SD"),
        ("32.2", "46.0", None, "PR"),
        ("120", "100", None, "PD"),
        ("119.99", "100", None, "SD"),
        ("24", "200", "19", "PD"),
        ("24", "200", "20", "PR"),  # +20 % but only 4 mm
        ("25", "26", "20", "PD"),  # +5 mm and more than 20 %
        ("24.99", "26", "20", "SD"),
        ("30.1", "25.1", None, "SD"),  # +5 mm, +19.92 %
        ("30.12", "25.1", None, "PD"),
        ("20.9", "15.9", None, "PD"),
        ("60", "100", "50", "PD"),  # -40 % from the baseline, +20 % from the nadir: progression comes first
        ("5", "100", "0", "PD"),
        ("4.99", "100", "0", "PR"),
        ("100", "100", "100", "SD"),
    ],
)
def test_each_threshold_is_met_exactly(size: str, base: str, nadir: str | None, expected: str) -> None:
    assert category(size, base, nadir) == expected
    assert category(float(size), float(base), None if nadir is None else float(nadir)) == expected


@given(decimals)
def test_a_fall_of_exactly_30_percent_responds_however_it_is_written(base: Decimal) -> None:
    there = base * Decimal("0.7")
    assert category(str(there), base) == "PR"
    assert category(float(there), float(base)) == "PR"
    assert category(str(there + Decimal("0.0001")), base) != "PR"


@given(st.decimals(min_value=25, max_value=300, places=2))
def test_a_rise_of_exactly_20_percent_progresses_however_it_is_written(nadir: Decimal) -> None:
    """From 25 mm on: below it 20 % is less than 5 mm."""
    there = nadir * Decimal("1.2")
    assert progressed(exact(there), exact(nadir))
    assert category(float(there), float(nadir)) == "PD"
    assert not progressed(exact(there - Decimal("0.0001")), exact(nadir))


@given(st.decimals(min_value=0, max_value=25, places=2))
def test_a_rise_of_exactly_5_mm_progresses_however_it_is_written(nadir: Decimal) -> None:
    """Up to 25 mm: above it 5 mm is less than 20 %."""
    there = nadir + 5
    assert progressed(exact(float(there)), exact(float(nadir)))
    assert not progressed(exact(there - Decimal("0.01")), exact(nadir))


@pytest.mark.parametrize(("axis", "expected"), [("10", "PR"), ("10.0", "PR"), ("9.99", "CR"), ("9.9", "CR"), ("0", "CR")])
def test_a_node_is_normal_below_10_mm(axis: str, expected: str) -> None:
    assert category(axis, "20", nodal=True) == expected
    assert category(float(axis), 20.0, nodal=True) == expected


def test_complete_response_comes_before_progression() -> None:
    """A node that regrows from 2 to 9 mm is +350 % and +7 mm, and normal."""
    assert category("9", "20", "2", nodal=True) == "CR"
    assert category("9", "20", "2") == "PD"  # the same in the liver


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([seen("a", "absent"), seen("n", "9.9", nodal=True)], "CR"),
        ([seen("a", "0"), seen("n", "absent", nodal=True)], "CR"),
        ([seen("a", "absent"), seen("n", "10", nodal=True)], "PR"),
        ([seen("a", "0.1"), seen("n", "9", nodal=True)], "PR"),
        ([seen("a", "too_small"), seen("n", "9", nodal=True)], "PR"),
        ([seen("a", "absent"), seen("n", "too_small", nodal=True)], "CR"),
        ([seen("a", "absent"), seen("n", nodal=True, state="not_evaluated")], "NE"),
        ([seen("a", "absent"), seen("n", nodal=True, diameter_mm="4")], "NE"),  # a node without its short axis
    ],
)
def test_complete_response_needs_every_lesion(found: list[Finding], expected: str) -> None:
    assert judged(found, "70")[0].category == expected


# --- what is not evaluated --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "expected", "total"), [("60", "PD", None), ("59.99", "NE", None), ("0", "NE", None), ("35", "NE", None)]
)
def test_a_part_proves_nothing_but_progression(measured: str, expected: str, total: Fraction | None) -> None:
    found, sum_mm = judged([seen("a", measured), seen("b", None)], "50")
    assert (found.category, sum_mm) == (expected, total)
    assert found.flags == ("targets-not-all-evaluated",)


def test_what_is_said_is_said_with_its_numbers() -> None:
    found, sum_mm = judge([seen("a", "20"), seen("b", "16")], Fraction(60), Lowest("v3", Fraction(30)))
    assert sum_mm == 36
    assert (found.criterion, found.category, found.flags) == ("recist-1.1", "PD", ())
    assert says(found) == ("PD", "recist-1.1/target/PD")
    assert dict(numbers(found)) == {
        "sum_mm": 36,
        "baseline_sum_mm": 60,
        "nadir_sum_mm": 30,
        "nadir_visit": "v3",
        "change_from_baseline": Fraction(-2, 5),
        "change_from_nadir": Fraction(1, 5),
        "rise_from_nadir_mm": 6,
        "not_evaluated": 0,
    }
    part, _ = judge([seen("a", "20"), seen("b", None), seen("c", None)], Fraction(60), Lowest("v3", Fraction(30)))
    assert dict(numbers(part)) == {
        "sum_mm": 20,
        "baseline_sum_mm": 60,
        "nadir_sum_mm": 30,
        "nadir_visit": "v3",
        "change_from_baseline": None,
        "change_from_nadir": None,
        "rise_from_nadir_mm": None,
        "not_evaluated": 2,
    }


@pytest.mark.parametrize(
    ("found", "nadir", "expected", "en", "fr"),
    [
        ([seen("a", "0")], "50", "CR", "All target lesions have disappeared", "Toutes les lésions cibles ont disparu"),
        ([seen("a", "35")], "50", "PR", "fallen by at least 30 % from the baseline sum", "diminué d'au moins 30 %"),
        ([seen("a", "45")], "50", "SD", "Neither a fall of 30 %", "Ni diminution de 30 %"),
        ([seen("a", "60")], "50", "PD", "at least 20 % and by at least 5 mm from the smallest", "au moins 20 % et d'au moins 5 mm"),
        ([seen("a", "60"), seen("b", None)], "50", "PD", "Not all target lesions were evaluated, but", "n'ont pas toutes été"),
        ([seen("a", "9"), seen("b", None)], "50", "NE", "was not evaluated, and those that were do not", "ne démontrent pas"),
    ],
)
def test_the_sentence_belongs_to_the_category(found: list[Finding], nadir: str, expected: str, en: str, fr: str) -> None:
    said, _ = judged(found, "50", nadir)
    assert said.category == expected
    assert tells(said.reasons[0].text, en, fr)


# --- baseline ---------------------------------------------------------------------------------------------------------


def test_targets_are_those_of_the_baseline_with_their_kind() -> None:
    base = Visit("v0", None, (seen("a", "30", organ="liver"), seen("n", "20", nodal=True), seen("x", "9", "non-target")))
    later = Visit("v1", None, (seen("n", "12", nodal=True), seen("x", "9", "non-target"), seen("new", "9", "new")))
    assert targets(base, later) == (Finding("a", "target", "not_evaluated", "liver", False), later.of("n"))
    assert targets(base, Visit("v1", None, ()))[1] == Finding("n", "target", "not_evaluated", None, True)


def test_the_baseline_sum_is_of_targets_only() -> None:
    base = Visit(
        "v0", None, (seen("a", "30"), seen("n", nodal=True, diameter_mm="40", short_axis_mm="20"), seen("x", "9", "non-target"))
    )
    assert baseline_sum(base) == 50


@pytest.mark.parametrize("first", [seen("a", "0"), seen("a", None), seen("a", nodal=True, diameter_mm="30"), seen("a", hu="60")])
def test_a_target_without_a_size_at_the_baseline_is_refused(first: Finding) -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-BASELINE: a target lesion has no size at the baseline"):
        recist11.assess(Visits((Visit("v0", None, (seen("b", "20"), first)), Visit("v1", None, ()))))


# --- the whole course against the rule written a second time, in whole tenths of a millimetre ---------------------------

tenths = st.integers(0, 600)
first_sizes = st.lists(st.tuples(st.integers(1, 600), st.booleans()), min_size=1, max_size=4)


def expected_course(kinds: list[bool], base: list[int], visits: list[list[int | None]]) -> tuple[list[str], int]:
    """The rule in integers: categories of the visits and the nadir in tenths of a millimetre."""
    first = nadir = sum(base)
    said = []
    for sizes in visits:
        there = sum(size for size in sizes if size is not None)
        whole = None not in sizes
        if whole and all((size < 100) if node else (size == 0) for size, node in zip(sizes, kinds, strict=True)):
            said.append("CR")
        elif 10 * there >= 12 * nadir and there - nadir >= 50:
            said.append("PD")
        elif not whole:
            said.append("NE")
        else:
            said.append("PR" if 10 * there <= 7 * first else "SD")
        if whole:
            nadir = min(nadir, there)
    return said, nadir


def course_of(kinds: list[bool], sizes_by_visit: list[list[int | None]]) -> Any:
    return recist11.assess(
        patient(
            *(
                [
                    seen(f"l{n}", None if size is None else Decimal(size) / 10, nodal=node, state="not_evaluated")
                    if size is None
                    else seen(f"l{n}", Decimal(size) / 10, nodal=node)
                    for n, (size, node) in enumerate(zip(sizes, kinds, strict=True))
                ]
                for sizes in sizes_by_visit
            )
        )
    )


def said(course: Any) -> list[str]:
    return [verdict.parts["target"].category for verdict in course.verdicts[1:]]


@given(first_sizes, st.data())
def test_the_course_is_the_rules(first: list[tuple[int, bool]], data: st.DataObject) -> None:
    kinds, base = [node for _, node in first], [size for size, _ in first]
    size = st.one_of(tenths, st.none(), st.sampled_from([0, 99, 100]))
    visits = data.draw(st.lists(st.lists(size, min_size=len(base), max_size=len(base)), min_size=1, max_size=4))
    course = course_of(kinds, [list(base), *visits])
    wanted, nadir = expected_course(kinds, base, visits)
    assert said(course) == wanted
    assert course.lowest["sum"].value == Fraction(nadir, 10)


@given(first_sizes, st.data())
def test_the_order_of_lesions_never_matters(first: list[tuple[int, bool]], data: st.DataObject) -> None:
    later = data.draw(st.lists(st.one_of(tenths, st.none()), min_size=len(first), max_size=len(first)))
    order = data.draw(st.permutations(range(len(first))))
    kinds, base = [node for _, node in first], [size for size, _ in first]
    one = course_of(kinds, [list(base), later])
    other = course_of([kinds[n] for n in order], [[base[n] for n in order], [later[n] for n in order]])
    assert said(one) == said(other)
    assert one.lowest == other.lowest


@given(st.integers(50, 600), st.lists(tenths, min_size=1, max_size=4), st.integers(2, 9))
def test_a_larger_scale_changes_nothing_but_through_the_5_mm(base: int, visits: list[int], scale: int) -> None:
    """Liver lesions with their measured sizes, so that neither the 10 mm of nodes nor the 5 mm of what is too small is there.

    The one absolute rule left is +5 mm: a visit at which +20 % is reached but 5 mm only in one of the two scales is left out.
    """
    nadir = base
    for size in visits:
        rise = size - nadir
        assume(not (10 * size >= 12 * nadir and (rise >= 50) != (rise * scale >= 50)))
        nadir = min(nadir, size)
    one = course_of([False], [[base], *([size] for size in visits)])
    other = course_of([False], [[base * scale], *([size * scale] for size in visits)])
    assert said(one) == said(other)


@given(st.integers(100, 600), st.lists(tenths, min_size=2, max_size=4), st.data())
def test_a_visit_that_is_not_evaluated_never_changes_the_nadir(base: int, visits: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(visits)))
    seen_part = data.draw(tenths)
    pairs: list[list[int | None]] = [[size, 0] for size in visits]
    with_gap = [*pairs[:place], [seen_part, None], *pairs[place:]]
    plain = course_of([False, False], [[base, 10], *pairs])
    gap = course_of([False, False], [[base, 10], *with_gap])
    assert plain.lowest["sum"].value == gap.lowest["sum"].value
    assert said(plain) == [category for n, category in enumerate(said(gap)) if n != place]


def test_the_nadir_names_its_visit_and_only_a_smaller_sum_moves_it() -> None:
    course = course_of([False], [[500], [300], [300], [400], [290]])
    assert course.lowest["sum"] == Lowest("v4", Fraction(29))
    assert course_of([False], [[500], [300], [300]]).lowest["sum"] == Lowest("v1", Fraction(30))
    nadirs = [verdict.parts["target"].reasons[0].numbers["nadir_visit"] for verdict in course.verdicts[1:]]
    assert nadirs == ["v0", "v1", "v1", "v1"]  # before the visit itself counts
