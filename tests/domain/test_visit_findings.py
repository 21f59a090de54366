from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from hepaflow.domain.course import Course, Lowest, Verdict
from hepaflow.domain.visits import ROLES, STATES, Finding, Visit, Visits
from hepaflow.errors import InputRefused

SIZES = ("diameter_mm", "perpendicular_mm", "short_axis_mm", "viable_mm", "viable_perpendicular_mm")


def visit(name: str = "v0", *found: Finding, day: date | None = None) -> Visit:
    return Visit(name, day, found)


def target(lesion: str = "a", **more: Any) -> Finding:
    return Finding(lesion, "target", **more)


# --- one lesion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "nodal", "size"),
    [
        ("measured", False, 30),
        ("measured", True, 12),
        ("fragments", False, 30),
        ("too_small", False, 30),  # small, but measured all the same
        ("too_small", True, 12),
        ("absent", False, 0),
        ("merged", False, 0),
        ("absent", True, 0),
        ("not_evaluated", False, None),
        ("not_evaluated", True, None),
    ],
)
def test_what_a_lesion_adds_to_the_sum(state: Any, nodal: bool, size: int | None) -> None:
    assert target(state=state, nodal=nodal, diameter_mm=Fraction(30), short_axis_mm=Fraction(12)).size_mm == size


@pytest.mark.parametrize(("state", "size"), [("measured", None), ("fragments", None), ("too_small", 5), ("absent", 0)])
@pytest.mark.parametrize("nodal", [False, True])
def test_without_a_size_only_too_small_and_gone_have_one(state: Any, size: int | None, nodal: bool) -> None:
    assert target(state=state, nodal=nodal).size_mm == size
    assert target(state=state, nodal=True, diameter_mm=Fraction(30)).size_mm == size  # a node's longest diameter is not its size


@pytest.mark.parametrize("name", SIZES)
def test_a_negative_size_is_refused(name: str) -> None:
    with pytest.raises(InputRefused, match=r"^NUMBER-NEGATIVE"):
        target(**{name: Fraction(-1, 10**6)})
    assert getattr(target(**{name: Fraction(0)}), name) == 0


@pytest.mark.parametrize("group", [0, 4, -1])
def test_a_morphology_that_is_no_group_is_refused(group: int) -> None:
    with pytest.raises(InputRefused, match=r"^MORPHOLOGY-GROUP"):
        target(morphology=group)
    assert [target(morphology=one).morphology for one in (None, 1, 2, 3)] == [None, 1, 2, 3]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("word", [None, True, False])
def test_a_non_target_lesion_that_is_not_there_has_not_progressed(state: Any, role: Any, word: bool | None) -> None:
    if role == "non-target" and word and state in ("absent", "not_evaluated"):
        with pytest.raises(InputRefused, match=r"^VISITS-CONTRADICTION"):
            Finding("a", role, state, unequivocal=word)
    else:
        assert Finding("a", role, state, unequivocal=word).unequivocal is word


def test_what_is_not_said_is_not_there() -> None:
    found = target()
    assert (found.state, found.organ, found.nodal, found.hu, found.morphology, found.unequivocal) == ("measured", None, False) + (
        None,
    ) * 3
    assert all(getattr(found, name) is None for name in SIZES)
    assert ROLES == ("target", "non-target", "new")
    assert STATES == ("measured", "absent", "too_small", "not_evaluated", "fragments", "merged")


@pytest.mark.parametrize("kind", [Finding, Visit, Visits, Course, Verdict, Lowest], ids=lambda kind: kind.__name__)
def test_values_never_change(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__dict__" not in dir(kind)


# --- one visit --------------------------------------------------------------------------------------------------------


def test_a_lesion_is_there_once() -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-REPEATED: a visit holds a lesion twice"):
        visit("v0", target("a"), target("a"))


def test_a_lesion_by_its_name() -> None:
    found = visit("v0", target("a"), target("b"))
    assert found.of("b") is found.findings[1]
    assert found.of("c") is None


@pytest.mark.parametrize(
    ("others", "carried"),
    [
        ([], False),
        ([target("b")], True),
        ([target("b", state="not_evaluated")], True),
        ([target("b", state="too_small")], True),
        ([target("b", state="absent")], False),
        ([target("b", state="merged")], False),
        ([Finding("b", "non-target")], False),
        ([Finding("b", "non-target"), target("c")], True),
    ],
)
def test_a_merged_target_needs_a_target_that_carries_its_size(others: list[Finding], carried: bool) -> None:
    found = [target("a", state="merged"), *others]
    if carried:
        assert visit("v1", *found).findings[0].size_mm == 0
    else:
        with pytest.raises(InputRefused, match=r"^VISITS-MERGED"):
            visit("v1", *found)


@pytest.mark.parametrize("other", [target("b"), Finding("b", "non-target"), Finding("b", "new")])
def test_another_merged_lesion_needs_any(other: Finding) -> None:
    merged = Finding("a", "non-target", "merged")
    assert visit("v1", merged, other).of("a") is merged
    with pytest.raises(InputRefused, match=r"^VISITS-MERGED"):
        visit("v1", merged)


# --- all visits -------------------------------------------------------------------------------------------------------


def test_the_first_visit_is_the_baseline() -> None:
    first, second, third = visit("v0", target()), visit("v1", target()), visit("v2")
    found = Visits((first, second, third))
    assert (found.baseline, found.followups) == (first, (second, third))


def test_no_visit_is_refused() -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-EMPTY"):
        Visits(())


def test_two_visits_of_one_name_are_refused() -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-REPEATED: two visits"):
        Visits((visit("v0"), visit("v0")))


D1, D2, D3 = date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ((None, None, None), None),
        ((D1, D2, D3), None),
        ((D1, None, D3), "VISITS-DATE"),
        ((None, D2, D3), "VISITS-DATE"),
        ((D1, D2, None), "VISITS-DATE"),
        ((D1, D1, D3), "VISITS-ORDER"),
        ((D2, D1, D3), "VISITS-ORDER"),
        ((D1, D3, D2), "VISITS-ORDER"),
    ],
)
def test_dates_rise_or_are_not_there(days: tuple[date | None, ...], code: str | None) -> None:
    visits = tuple(visit(f"v{n}", day=day) for n, day in enumerate(days))
    if code is None:
        assert len(Visits(visits).visits) == 3
    else:
        with pytest.raises(InputRefused, match="^" + code):
            Visits(visits)


@pytest.mark.parametrize(
    ("first", "later", "code"),
    [
        ([Finding("a", "new")], [], "VISITS-BASELINE: a lesion of the first visit is called new"),
        ([target(state="absent")], [], "VISITS-BASELINE: a lesion of the first visit is absent or merged"),
        ([Finding("x", "non-target", "absent")], [], "VISITS-BASELINE: a lesion of the first visit is absent"),
        ([target(state="merged"), target("b")], [], "VISITS-BASELINE: a lesion of the first visit is absent or merged"),
        ([target()], [target(), target("b")], "VISITS-BASELINE: visit 2 holds a target lesion"),
        ([target()], [Finding("x", "non-target")], "VISITS-BASELINE: visit 2 holds a non-target lesion"),
        ([target()], [Finding("a", "non-target")], "VISITS-ROLE: a lesion of visit 2"),
        ([target()], [Finding("a", "new")], "VISITS-ROLE: a lesion of visit 2"),
        ([target()], [target(nodal=True)], "VISITS-ROLE: a lesion of visit 2"),
        ([target(state="not_evaluated")], [target()], None),
        ([target()], [Finding("n", "new"), target()], None),
        ([target()], [], None),
    ],
)
def test_lesions_keep_what_they_are(first: list[Finding], later: list[Finding], code: str | None) -> None:
    visits = (visit("v0", *first), visit("v1", *later))
    if code is None:
        assert Visits(visits).followups[0].findings == tuple(later)
    else:
        with pytest.raises(InputRefused, match="^" + code):
            Visits(visits)


def test_a_new_lesion_stays_new_at_the_visits_after() -> None:
    new = Finding("n", "new")
    assert len(Visits((visit("v0"), visit("v1", new), visit("v2", new))).visits) == 3
    with pytest.raises(InputRefused, match=r"^VISITS-ROLE: a lesion of visit 3"):
        Visits((visit("v0"), visit("v1", new), visit("v2", target("n"))))
    with pytest.raises(InputRefused, match=r"^VISITS-ROLE: a lesion of visit 3"):
        Visits((visit("v0"), visit("v1", new), visit("v2", Finding("n", "new", nodal=True))))
