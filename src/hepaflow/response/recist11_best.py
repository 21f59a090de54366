"""RECIST 1.1, best overall response: the best category until progression, with or without confirmation.

Eisenhauer EA et al. Eur J Cancer 2009;45:228-247, 4.3.4, 4.4 and Table 3. The conditions on what may lie between a response and its confirmation are
parameters, as protocols differ; their names follow the public package admiralonco.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hepaflow.domain.course import Verdict
from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.errors import UsageError
from hepaflow.response.progress import BEST
from hepaflow.response.recist11_target import KEY

NON = "Non-CR/Non-PD"
#: From best to worst; what cannot be said is worst.
ORDER = ("CR", "PR", "SD", NON, "PD", "NE")
#: What stable disease asks of time since the start, and a confirmation of time since the response (the guideline: 6 to 8 weeks, and 4 weeks).
_SD_DAYS, _CONFIRM_DAYS = 42, 28

_CONFIRMED = Text(
    "The best category to progression; CR and PR count when a later visit confirms them, otherwise as stable disease if that lasted long enough.",
    "La meilleure catégorie jusqu'à la progression ; RC et RP comptent si une visite ultérieure les confirme, sinon comme maladie stable si celle-ci a duré assez longtemps.",
)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a protocol asks: days from the start to stable disease, from a response to its confirmation, visits not evaluable between them, and whether one visit of stable disease between two partial responses is accepted.

    Refused: negative numbers.
    """

    min_sd_days: int = _SD_DAYS
    confirm_days: int = _CONFIRM_DAYS
    most_ne_between: int = 1
    accept_sd_between: bool = False

    def __post_init__(self) -> None:
        if min(self.min_sd_days, self.confirm_days, self.most_ne_between) < 0:
            raise UsageError(
                "CONFIRMATION-INVALID", "a number of the confirmation rule is negative", "Give days and counts of 0 or more"
            )


@dataclass(frozen=True, slots=True)
class Seen:
    """The overall category of one visit on its day."""

    day: date
    category: str


def unconfirmed(seen: Sequence[Seen], start: date, *, min_sd_days: int = _SD_DAYS, until: date | None = None) -> str | None:
    """The best category of the visits up to ``until`` (the day of progression), none confirmed; stable disease counts from ``min_sd_days`` after ``start`` on, before that it is NE.

    None without any visit.
    """
    return _best([_unless_too_early(one, start, min_sd_days) for one in _known(seen, until)])


def confirmed(seen: Sequence[Seen], start: date, rule: Confirmation, *, until: date | None = None) -> str | None:
    """The best category of the visits up to ``until`` with responses confirmed as ``rule`` asks; None without any visit.

    An unconfirmed response counts as stable disease if it lies ``min_sd_days`` or more after ``start``, else as not evaluable.
    """
    known = _known(seen, until)
    counted = []
    for place, one in enumerate(known):
        if one.category in ("CR", "PR"):
            holds = _confirmed(one, known[place + 1 :], rule)
            one = one if holds else Seen(one.day, "SD")  # noqa: PLW2901
        counted.append(one.category if one.category in ("CR", "PR") else _unless_too_early(one, start, rule.min_sd_days))
    return _best(counted)


def two_visits(first: str, second: str, *, min_sd_met: bool) -> str:
    """Best overall response of two visits where confirmation is required (Table 3); ``min_sd_met``: the first lasted as long as stable disease must.

    Combinations that the table does not print follow from its rule: what is not confirmed is stable disease if it lasted, else progression if that came next, else not evaluable.

    >>> two_visits("CR", "SD", min_sd_met=True), two_visits("CR", "SD", min_sd_met=False), two_visits("PR", "CR", min_sd_met=False)
    ('SD', 'PD', 'PR')
    """
    if first == "PD":
        return "PD"
    if first == "CR" and second == "CR":
        return "CR"
    if first == "PR" and second in ("CR", "PR"):
        return "PR"
    if first == "PR" and second == "SD":
        return "SD"
    if first == NON:
        return "PD" if second == "PD" and not min_sd_met else NON if min_sd_met else "NE"
    if first in ("CR", "PR", "SD") and min_sd_met:
        return "SD"
    if first == "NE":
        return _after_nothing(second, min_sd_met)
    # too short for stable disease: after a complete response anything seen again is progression
    return "PD" if second == "PD" or (first == "CR" and second != "NE") else "NE"


def _after_nothing(second: str, min_sd_met: bool) -> str:
    if second in ("PD", "NE"):
        return second
    if second == NON:
        return NON if min_sd_met else "NE"
    return "SD" if min_sd_met else "NE"


def best(verdicts: Sequence[Verdict], rule: Confirmation | None) -> Assessment | None:
    """The best overall response of a patient's visits, the first being the baseline; None without a later visit.

    It ends with the first progression, that visit included. Without ``rule`` nothing is confirmed and stable disease asks for no time.
    """
    rated = [(verdict, verdict.overall.category) for verdict in verdicts if verdict.overall is not None]
    if not rated:
        return None
    end = next((place for place, (_, category) in enumerate(rated) if category == "PD"), len(rated) - 1)
    considered = rated[: end + 1]
    start = verdicts[0].day
    if rule is None or start is None:
        category = _best([category for _, category in considered])
        text, numbers = BEST, {}
    else:
        seen = [Seen(verdict.day, category) for verdict, category in considered if verdict.day is not None]
        category = confirmed(seen, start, rule)
        text = _CONFIRMED
        numbers = {
            "min_sd_days": rule.min_sd_days,
            "confirm_days": rule.confirm_days,
            "most_ne_between": rule.most_ne_between,
            "accept_sd_between": rule.accept_sd_between,
        }
    if category is None:
        return None
    until = considered[-1][0].visit if considered[-1][1] == "PD" else None
    return Assessment(
        KEY, category, (Reason(f"{KEY}/best/{category}", text, {"visits": len(considered), "progression": until, **numbers}),)
    )


def _confirmed(one: Seen, later: Sequence[Seen], rule: Confirmation) -> bool:
    """Whether a response is confirmed: a good enough later visit, far enough away, with little enough between."""
    enough = ("CR",) if one.category == "CR" else ("CR", "PR")
    place = next(
        (n for n, other in enumerate(later) if other.category in enough and (other.day - one.day).days >= rule.confirm_days), None
    )
    if place is None:
        return False
    path = [other.category for other in later[: place + 1]]
    allowed = {"CR", "NE"} if one.category == "CR" else {"CR", "PR", "SD", "NE"}
    relapsed = "CR" in path and "PR" in path and path.index("CR") < len(path) - 1 - path[::-1].index("PR")
    return (
        set(path) <= allowed
        and path.count("NE") <= rule.most_ne_between
        and path.count("SD") <= int(rule.accept_sd_between)
        and not relapsed
    )


def _unless_too_early(one: Seen, start: date, days: int) -> str:
    if one.category in ("SD", NON) and (one.day - start).days < days:
        return "NE"
    return one.category


def _known(seen: Sequence[Seen], until: date | None) -> list[Seen]:
    return sorted((one for one in seen if until is None or one.day <= until), key=lambda one: one.day)


def _best(categories: Sequence[str]) -> str | None:
    return min(categories, key=ORDER.index, default=None)
