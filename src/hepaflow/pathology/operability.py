"""Whether the lesions can be resected: what the board said, what it had before it, and how that changed. Nothing here decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.unsaid import NOT_EVALUABLE

CHECKLIST: Final = "resectability-checklist"
CHANGE: Final = "resectability-change"
RESECTABILITY = Source(
    "Thesis Nancy 2019, groups and definition of resectability as discussed by the multidisciplinary board",
    Text(
        "Recorded from the board (RCP); no group is ever computed from images or from this checklist.",
        "Enregistré d’après la réunion de concertation pluridisciplinaire (RCP) ; aucun groupe n’est calculé depuis les images ou cette liste.",
    ),
)


class Group(StrEnum):
    """The board’s group."""

    RESECTABLE = "resectable"
    POTENTIALLY_RESECTABLE = "potentially_resectable"
    UNRESECTABLE = "definitively_unresectable"


GROUP_NAMES: Mapping[Group, Text] = MappingProxyType(
    {
        Group.RESECTABLE: Text("resectable", "résécable"),
        Group.POTENTIALLY_RESECTABLE: Text("potentially resectable", "potentiellement résécable"),
        Group.UNRESECTABLE: Text("definitively unresectable", "définitivement non résécable"),
    }
)
#: From the least to the most.
_RANK: Mapping[Group, int] = MappingProxyType({Group.UNRESECTABLE: 0, Group.POTENTIALLY_RESECTABLE: 1, Group.RESECTABLE: 2})


class Answer(StrEnum):
    """An answer of the checklist."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Checklist:
    """What resectability rests on; “yes” is in favor of it.

    ``r0_possible`` and ``remnant_sufficient`` define it; the patient’s condition, other diseases, nutrition and the liver itself modulate it.
    """

    r0_possible: Answer = Answer.UNKNOWN
    remnant_sufficient: Answer = Answer.UNKNOWN
    performance_status_allows: Answer = Answer.UNKNOWN
    comorbidities_allow: Answer = Answer.UNKNOWN
    nutrition_allows: Answer = Answer.UNKNOWN
    liver_disease_allows: Answer = Answer.UNKNOWN


_DEFINING: Final = ("r0_possible", "remnant_sufficient")
_ITEMS: Mapping[str, Text] = MappingProxyType(
    {
        "r0_possible": Text("margins free of tumor (R0) are possible", "marges saines (R0) possibles"),
        "remnant_sufficient": Text("enough working liver would remain", "volume de foie restant suffisant"),
        "performance_status_allows": Text("general condition allows it", "état général compatible"),
        "comorbidities_allow": Text("other diseases allow it", "comorbidités compatibles"),
        "nutrition_allows": Text("nutrition allows it", "état nutritionnel compatible"),
        "liver_disease_allows": Text("the liver around allows it", "foie sous-jacent compatible"),
    }
)
_ANSWERS: Mapping[Answer, Text] = MappingProxyType(
    {Answer.YES: Text("yes", "oui"), Answer.NO: Text("no", "non"), Answer.UNKNOWN: Text("not known", "non connu")}
)


def checklist(answers: Checklist) -> Assessment:
    """What the answers add up to, never a decision: ``conditions_met``, ``conditions_not_met`` or ``open``.

    R0 margins and the remnant decide: both yes is met, one no is not met, else open. All six answers are listed as reasons in order, unknown
    ones as such (flag ``resectability-unknowns``); the four that modulate do not change the category.
    """
    given = {one.name: Answer(getattr(answers, one.name)) for one in fields(answers)}
    defining = [given[name] for name in _DEFINING]
    met = "open" if Answer.UNKNOWN in defining else "conditions_met"
    category = "conditions_not_met" if Answer.NO in defining else met
    items = tuple(
        Reason(
            f"checklist-{name.replace('_', '-')}",
            Text(f"{_ITEMS[name].en}: {_ANSWERS[answer].en}.", f"{_ITEMS[name].fr} : {_ANSWERS[answer].fr}."),
            {"answer": answer.value, "defining": name in _DEFINING},
        )
        for name, answer in given.items()
    )
    unknown = list(given.values()).count(Answer.UNKNOWN)
    head = Reason(f"checklist-{category.replace('_', '-')}", _CHECKLIST[category], {"unknown": unknown})
    return Assessment(CHECKLIST, category, (head, *items), ("resectability-unknowns",) if unknown else ())


_CHECKLIST: Final = {
    "conditions_met": Text(
        "R0 margins and a sufficient remnant are both recorded; the board decides.",
        "Marges R0 et foie restant suffisant sont tous deux renseignés ; la RCP décide.",
    ),
    "conditions_not_met": Text(
        "R0 margins or the remnant are recorded as not possible; the board decides.",
        "Marges R0 ou foie restant renseignés comme non possibles ; la RCP décide.",
    ),
    "open": Text(
        "R0 margins or the remnant are not known; the board decides.", "Marges R0 ou foie restant non connus ; la RCP décide."
    ),
}


@dataclass(frozen=True, slots=True)
class BoardDecision:
    """The group that the board gave, and on which day."""

    on: date
    group: Group


def change_of_group(decisions: Sequence[BoardDecision]) -> Assessment:
    """From the first to the last decision by date: ``conversion`` (to resectable), ``improved``, ``unchanged``, ``worsened``; ``not_evaluable`` with fewer than two.

    The reasons list every decision in order after the deciding one. A way that goes both up and down is flagged ``group-not-steady``. Refused: two groups on one day (``BOARD-CONTRADICTS``).
    """
    by_day: dict[date, Group] = {}
    for decision in decisions:
        if by_day.setdefault(decision.on, decision.group) is not decision.group:
            raise InputRefused("BOARD-CONTRADICTS", "the board gave two groups on one day", "Keep the one that holds")
    ordered = sorted(by_day.items())
    steps = tuple(
        Reason(f"board-{i}", Text(f"Board: {GROUP_NAMES[group].en}.", f"RCP : {GROUP_NAMES[group].fr}."), {"group": group.value})
        for i, (_, group) in enumerate(ordered, 1)
    )
    if len(ordered) < 2:
        text = Text("Fewer than two decisions of the board.", "Moins de deux décisions de RCP.")
        return Assessment(CHANGE, NOT_EVALUABLE, (Reason("board-too-few", text, {"decisions": len(ordered)}), *steps))
    ranks = [_RANK[group] for _, group in ordered]
    (first_day, first), (last_day, last) = ordered[0], ordered[-1]
    category = _change(first, last)
    moves = {b > a for a, b in pairwise(ranks) if a != b}
    numbers = {"from": first.value, "to": last.value, "days": (last_day - first_day).days, "decisions": len(ordered)}
    head = Reason(f"group-{category}", _CHANGES[category], numbers)
    return Assessment(CHANGE, category, (head, *steps), ("group-not-steady",) if len(moves) > 1 else ())


def _change(first: Group, last: Group) -> str:
    if first is last:
        return "unchanged"
    if _RANK[last] < _RANK[first]:
        return "worsened"
    return "conversion" if last is Group.RESECTABLE else "improved"


_CHANGES: Final = {
    "conversion": Text("Became resectable (conversion).", "Devenu résécable (conversion)."),
    "improved": Text("Became potentially resectable.", "Devenu potentiellement résécable."),
    "unchanged": Text("Same group as at first.", "Même groupe qu’au départ."),
    "worsened": Text("Less resectable than at first.", "Moins résécable qu’au départ."),
}
