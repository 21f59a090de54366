from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.operability import (
    CHANGE,
    CHECKLIST,
    GROUP_NAMES,
    Answer,
    BoardDecision,
    Checklist,
    Group,
    change_of_group,
    checklist,
)

NAMES = [field.name for field in fields(Checklist)]
R, P, U = Group.RESECTABLE, Group.POTENTIALLY_RESECTABLE, Group.UNRESECTABLE
DAY = date(2017, 5, 2)


def test_nothing_is_known_until_answered() -> None:
    said = checklist(Checklist())
    assert (said.criterion, said.category, said.flags) == (CHECKLIST, "open", ("resectability-unknowns",))
    assert said.reasons[0].numbers == {"unknown": 6}
    assert [r.numbers["answer"] for r in said.reasons[1:]] == ["unknown"] * 6
    assert all(r.text.en.endswith(": not known.") and r.text.fr.endswith("\u00a0: non connu.") for r in said.reasons[1:])


@pytest.mark.parametrize(("r0", "remnant"), list(product(Answer, Answer)))
@pytest.mark.parametrize("others", list(Answer))
def test_margins_and_remnant_make_the_category_and_nothing_else(r0: Answer, remnant: Answer, others: Answer) -> None:
    said = checklist(Checklist(r0, remnant, others, others, others, others))
    both = {r0, remnant}
    expected = "conditions_not_met" if Answer.NO in both else "conditions_met" if both == {Answer.YES} else "open"
    assert said.category == expected
    unknown = [r0, remnant, others, others, others, others].count(Answer.UNKNOWN)
    assert said.flags == (("resectability-unknowns",) if unknown else ())
    head = said.reasons[0]
    assert (head.rule, head.numbers) == ("checklist-" + expected.replace("_", "-"), {"unknown": unknown})
    assert "the board decides" in head.text.en
    assert "la RCP décide" in head.text.fr
    start = {"conditions_met": "R0 margins and", "conditions_not_met": "recorded as not possible", "open": "not known"}
    assert start[expected] in head.text.en
    french = {"conditions_met": "tous deux", "conditions_not_met": "comme non possibles", "open": "non connus"}
    assert french[expected] in head.text.fr


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_listed_in_order(name: str) -> None:
    said = checklist(replace(Checklist(), **{name: Answer.NO}))
    listed = said.reasons[1:]
    assert [r.rule for r in listed] == ["checklist-" + one.replace("_", "-") for one in NAMES]
    assert [r.numbers["defining"] for r in listed] == [True, True, False, False, False, False]
    assert [r.numbers["answer"] == "no" for r in listed] == [one == name for one in NAMES]
    answered = listed[NAMES.index(name)]
    assert answered.text.en.endswith(": no.")
    assert answered.text.fr.endswith("\u00a0: non.")
    yes = checklist(replace(Checklist(), **{name: Answer.YES})).reasons[1 + NAMES.index(name)]
    assert yes.text.en.endswith(": yes.")
    assert yes.text.fr.endswith("\u00a0: oui.")
    words = ("R0", "remain", "condition", "diseases", "nutrition", "liver around")
    french = ("R0", "restant", "général", "comorbidités", "nutritionnel", "sous-jacent")
    assert words[NAMES.index(name)] in yes.text.en
    assert french[NAMES.index(name)] in yes.text.fr


def decided(*groups: Group) -> list[BoardDecision]:
    return [BoardDecision(DAY + timedelta(30 * i), group) for i, group in enumerate(groups)]


@pytest.mark.parametrize(
    ("groups", "category", "flags"),
    [
        ((P, R), "conversion", ()),
        ((U, R), "conversion", ()),
        ((U, P, R), "conversion", ()),
        ((U, P), "improved", ()),
        ((R, R), "unchanged", ()),
        ((P, P), "unchanged", ()),
        ((U, U), "unchanged", ()),
        ((R, P), "worsened", ()),
        ((R, U), "worsened", ()),
        ((P, U), "worsened", ()),
        ((R, R, P, U), "worsened", ()),
        ((P, U, P), "unchanged", ("group-not-steady",)),
        ((P, U, R), "conversion", ("group-not-steady",)),
        ((R, U, P), "worsened", ("group-not-steady",)),
        ((U, R, P), "improved", ("group-not-steady",)),
    ],
)
def test_change_from_the_first_to_the_last_decision(groups: tuple[Group, ...], category: str, flags: tuple[str, ...]) -> None:
    said = change_of_group(decided(*groups))
    assert said == change_of_group(decided(*groups)[::-1])
    assert (said.criterion, said.category, said.flags) == (CHANGE, category, flags)
    head, *steps = said.reasons
    assert head.rule == f"group-{category}"
    count = len(groups)
    assert head.numbers == {
        "from": groups[0].value,
        "to": groups[-1].value,
        "days": 30 * (count - 1),
        "decisions": count,
    }
    words = {"conversion": "conversion", "improved": "potentially", "unchanged": "Same", "worsened": "Less"}
    french = {"conversion": "Devenu résécable", "improved": "potentiellement", "unchanged": "Même", "worsened": "Moins"}
    assert words[category] in head.text.en
    assert french[category] in head.text.fr
    assert [step.rule for step in steps] == [f"board-{i}" for i in range(1, count + 1)]
    assert [step.numbers for step in steps] == [{"group": group.value} for group in groups]
    assert [step.text.en for step in steps] == [f"Board: {GROUP_NAMES[group].en}." for group in groups]
    assert [step.text.fr for step in steps] == [f"RCP\u00a0: {GROUP_NAMES[group].fr}." for group in groups]


def test_groups_have_their_names() -> None:
    assert [GROUP_NAMES[one].fr for one in (R, P, U)] == [
        "résécable",
        "potentiellement résécable",
        "définitivement non résécable",
    ]
    assert [GROUP_NAMES[one].en for one in (R, P, U)] == ["resectable", "potentially resectable", "definitively unresectable"]


@pytest.mark.parametrize("groups", [(), (R,)])
def test_one_decision_is_no_change(groups: tuple[Group, ...]) -> None:
    said = change_of_group(decided(*groups))
    assert (said.criterion, said.category, said.flags) == (CHANGE, "not_evaluable", ())
    assert said.reasons[0].rule == "board-too-few"
    assert said.reasons[0].numbers == {"decisions": len(groups)}
    assert "Fewer than two" in said.reasons[0].text.en
    assert "Moins de deux" in said.reasons[0].text.fr
    assert len(said.reasons) == 1 + len(groups)


def test_one_day_has_one_group() -> None:
    with pytest.raises(InputRefused, match="BOARD-CONTRADICTS"):
        change_of_group([BoardDecision(DAY, R), BoardDecision(DAY, P)])
    assert change_of_group([BoardDecision(DAY, R), BoardDecision(DAY, R)]).category == "not_evaluable"


@given(st.lists(st.sampled_from(Group), min_size=2, max_size=6))
def test_played_backwards_a_gain_is_a_loss(groups: list[Group]) -> None:
    forth, back = change_of_group(decided(*groups)).category, change_of_group(decided(*groups[::-1])).category
    gains = {"conversion", "improved"}
    assert (forth in gains) == (back == "worsened")
    assert (forth == "unchanged") == (back == "unchanged")
