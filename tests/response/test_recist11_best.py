from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import START, numbers, says, tells

from hepaflow.domain.course import Verdict
from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.errors import UsageError
from hepaflow.response.recist11_best import NON, ORDER, Confirmation, Seen, best, confirmed, two_visits, unconfirmed

ALL = ("CR", "PR", "SD", NON, "PD", "NE")
#: Table 3 of Eisenhauer 2009, written out. Rows: the first visit; columns: the second, in the order of ALL. What the table does not print follows from its
#: rule: what is not confirmed is stable disease if it lasted, else progression if that came next, else not evaluable.
LASTED = {
    "CR": ("CR", "SD", "SD", "SD", "SD", "SD"),
    "PR": ("PR", "PR", "SD", "SD", "SD", "SD"),
    "SD": ("SD", "SD", "SD", "SD", "SD", "SD"),
    NON: (NON, NON, NON, NON, NON, NON),
    "PD": ("PD", "PD", "PD", "PD", "PD", "PD"),
    "NE": ("SD", "SD", "SD", NON, "PD", "NE"),
}
DID_NOT = {
    "CR": ("CR", "PD", "PD", "PD", "PD", "NE"),
    "PR": ("PR", "PR", "SD", "NE", "PD", "NE"),
    "SD": ("NE", "NE", "NE", "NE", "PD", "NE"),
    NON: ("NE", "NE", "NE", "NE", "PD", "NE"),
    "PD": ("PD", "PD", "PD", "PD", "PD", "PD"),
    "NE": ("NE", "NE", "NE", "NE", "PD", "NE"),
}
EVERY = [
    (first, second, met, table[first][ALL.index(second)])
    for met, table in ((True, LASTED), (False, DID_NOT))
    for first, second in itertools.product(ALL, ALL)
]


def after(*visits: tuple[int, str]) -> list[Seen]:
    return [Seen(START + timedelta(days=day), category) for day, category in visits]


RULE = Confirmation(min_sd_days=42, confirm_days=28, most_ne_between=1, accept_sd_between=False)


def test_from_best_to_worst() -> None:
    assert ORDER == ALL


@pytest.mark.parametrize(("first", "second", "met", "expected"), EVERY)
def test_every_pair_of_visits_is_table_3s(first: str, second: str, met: bool, expected: str) -> None:
    assert two_visits(first, second, min_sd_met=met) == expected


@pytest.mark.parametrize(
    ("first", "second", "met"),
    [
        (first, second, met)
        for first, second, met, _ in EVERY
        # no minimum met, then something other than progression: the visits' own days decide, which the table does not know;
        # and Non-CR/Non-PD is said of patients without target lesions, who have no PR and SD
        if (met or second in ("PD", "NE") or (first, second) in {("CR", "CR"), ("PR", "CR"), ("PR", "PR")})
        and (first != NON or second in (NON, "PD", "NE"))
    ],
)
def test_dated_visits_say_what_table_3_says(first: str, second: str, met: bool) -> None:
    visits = after((60, first), (120, second)) if met else after((10, first), (40, second))
    until = next((one.day for one in visits if one.category == "PD"), None)
    assert confirmed(visits, START, RULE, until=until) == two_visits(first, second, min_sd_met=met)


# --- days, on both sides ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "expected"), [(27, "SD"), (28, "PR"), (29, "PR")])
def test_a_confirmation_comes_four_weeks_later_or_more(days: int, expected: str) -> None:
    assert confirmed(after((50, "PR"), (50 + days, "PR")), START, RULE) == expected


@pytest.mark.parametrize("category", ["SD", NON])
@pytest.mark.parametrize(("day", "lasted"), [(41, False), (42, True), (43, True)])
def test_stable_disease_lasts_six_weeks_or_more(category: str, day: int, lasted: bool) -> None:
    expected = category if lasted else "NE"
    assert confirmed(after((day, category)), START, RULE) == expected
    assert unconfirmed(after((day, category)), START) == expected
    assert confirmed(after((day, category), (day + 30, "PD")), START, RULE) == (category if lasted else "PD")


@pytest.mark.parametrize(("day", "expected"), [(41, "NE"), (42, "SD")])
@pytest.mark.parametrize("category", ["CR", "PR"])
def test_an_unconfirmed_response_is_stable_disease_if_that_lasted(category: str, day: int, expected: str) -> None:
    assert confirmed(after((day, category)), START, RULE) == expected
    assert unconfirmed(after((day, category)), START) == category


def test_days_are_the_protocols() -> None:
    assert confirmed(after((10, "SD")), START, Confirmation(min_sd_days=10)) == "SD"
    assert unconfirmed(after((10, "SD")), START, min_sd_days=10) == "SD"
    assert unconfirmed(after((10, "SD")), START, min_sd_days=11) == "NE"
    assert confirmed(after((50, "CR"), (57, "CR")), START, Confirmation(confirm_days=7)) == "CR"
    assert Confirmation() == Confirmation(42, 28, 1, False)
    # no date is too late, no number of days too large
    assert confirmed([Seen(date.max, "PR")], START, Confirmation(10**9, 10**9)) == "NE"


@pytest.mark.parametrize("wrong", [{"min_sd_days": -1}, {"confirm_days": -1}, {"most_ne_between": -1}])
def test_a_negative_number_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"^CONFIRMATION-INVALID"):
        Confirmation(**wrong)
    assert Confirmation(0, 0, 0).confirm_days == 0


# --- between a response and its confirmation --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ((), "PR"),
        (("NE",), "PR"),
        (("NE", "NE"), "SD"),
        (("PR", "NE"), "PR"),
        (("SD",), "SD"),
        ((NON,), "SD"),
        (("PD",), "SD"),
    ],
)
def test_little_may_lie_between_two_partial_responses(between: tuple[str, ...], expected: str) -> None:
    path = [(60 + n, category) for n, category in enumerate(between, start=1)]
    assert confirmed(after((60, "PR"), *path, (100, "PR")), START, RULE) == expected


@pytest.mark.parametrize(
    ("between", "expected"),
    [(("SD",), "PR"), (("SD", "SD"), "SD"), (("SD", "NE"), "PR"), ((NON,), "SD")],
)
def test_one_stable_visit_between_may_be_accepted(between: tuple[str, ...], expected: str) -> None:
    rule = Confirmation(accept_sd_between=True)
    path = [(60 + n, category) for n, category in enumerate(between, start=1)]
    assert confirmed(after((60, "PR"), *path, (100, "PR")), START, rule) == expected
    assert confirmed(after((60, "CR"), *path, (100, "CR")), START, rule) == "SD"  # never between two complete ones


@pytest.mark.parametrize(("most", "expected"), [(0, "SD"), (1, "CR"), (2, "CR")])
def test_how_many_visits_may_be_missing_is_the_protocols(most: int, expected: str) -> None:
    assert confirmed(after((60, "CR"), (70, "NE"), (100, "CR")), START, Confirmation(most_ne_between=most)) == expected


def test_a_complete_response_is_confirmed_by_a_complete_one_only() -> None:
    assert confirmed(after((60, "CR"), (100, "PR")), START, RULE) == "SD"
    assert confirmed(after((60, "CR"), (100, "CR")), START, RULE) == "CR"
    assert confirmed(after((60, "PR"), (100, "CR")), START, RULE) == "PR"
    assert confirmed(after((60, "PR"), (100, "CR"), (140, "CR")), START, RULE) == "CR"
    assert confirmed(after((60, "CR"), (70, "PR"), (100, "CR")), START, RULE) == "PR"  # the partial one, by the second complete one


def test_a_complete_response_that_is_lost_again_confirms_nothing() -> None:
    assert confirmed(after((60, "PR"), (70, "CR"), (100, "PR")), START, RULE) == "SD"
    assert confirmed(after((60, "PR"), (70, "PR"), (80, "CR"), (100, "CR")), START, RULE) == "PR"


def test_visits_need_no_order() -> None:
    visits = after((100, "PR"), (60, "PR"))
    assert confirmed(visits, START, RULE) == confirmed(visits[::-1], START, RULE) == "PR"


def test_what_comes_after_progression_does_not_count() -> None:
    visits = after((60, "SD"), (90, "PD"), (120, "CR"), (160, "CR"))
    until = START + timedelta(days=90)
    assert confirmed(visits, START, RULE, until=until) == "SD"
    assert unconfirmed(visits, START, until=until) == "SD"
    assert unconfirmed(visits, START) == "CR"
    assert unconfirmed(after((30, "SD"), (90, "PD")), START, until=until) == "PD"


def test_without_visits_there_is_no_best() -> None:
    assert confirmed([], START, RULE) is None
    assert unconfirmed([], START) is None
    assert unconfirmed(after((90, "CR")), START, until=START) is None


@given(st.lists(st.tuples(st.integers(1, 400), st.sampled_from(ALL)), min_size=1, max_size=6, unique_by=lambda one: one[0]))
def test_confirmation_never_makes_a_response_better(visits: list[tuple[int, str]]) -> None:
    """Rank by ORDER, but for stable disease in place of an unconfirmed response, which is worse too."""
    strict, free = confirmed(after(*visits), START, RULE), unconfirmed(after(*visits), START)
    assert strict is not None
    assert free is not None
    assert ORDER.index(strict) >= ORDER.index(free)
    longer = confirmed(after(*visits), START, Confirmation(confirm_days=56))
    assert longer is not None
    assert ORDER.index(longer) >= ORDER.index(strict)


# --- of a patient's verdicts ------------------------------------------------------------------------------------------


def verdicts(*visits: tuple[int | None, str | None]) -> list[Verdict]:
    return [
        Verdict(
            f"v{n}",
            None if day is None else START + timedelta(days=day),
            None if category is None else Assessment("recist-1.1", category, (Reason("r", Text("", ""), {}),)),
        )
        for n, (day, category) in enumerate(visits)
    ]


def test_the_unconfirmed_best_is_the_best_until_progression() -> None:
    found = best(verdicts((0, None), (10, "SD"), (20, "PR"), (30, "PD"), (40, "CR")), None)
    assert found is not None
    assert says(found) == ("PR", "recist-1.1/best/PR")
    assert dict(numbers(found)) == {"visits": 3, "progression": "v3"}
    assert found.criterion == "recist-1.1"
    assert tells(found.reasons[0].text, "The best category from the first visit", "La meilleure catégorie de la première visite")


def test_the_confirmed_best_counts_days_from_the_baseline() -> None:
    found = best(verdicts((0, None), (60, "PR"), (100, "PR"), (130, "SD")), RULE)
    assert found is not None
    assert says(found) == ("PR", "recist-1.1/best/PR")
    assert dict(numbers(found)) == {
        "visits": 3,
        "progression": None,
        "min_sd_days": 42,
        "confirm_days": 28,
        "most_ne_between": 1,
        "accept_sd_between": False,
    }
    assert tells(found.reasons[0].text, "when a later visit confirms them", "si une visite ultérieure les confirme")
    early = best(verdicts((0, None), (10, "SD"), (41, "PD"), (100, "CR")), RULE)
    assert early is not None
    assert early.category == "PD"
    assert numbers(early)["progression"] == "v2"


def test_undated_visits_are_not_confirmed() -> None:
    found = best(verdicts((None, None), (None, "PR")), RULE)
    assert found is not None
    assert found.category == "PR"
    assert "confirm_days" not in numbers(found)


@pytest.mark.parametrize("rule", [None, RULE])
def test_a_baseline_alone_has_no_best(rule: Confirmation | None) -> None:
    assert best(verdicts((0, None)), rule) is None
    assert best([], rule) is None
    assert best(verdicts((0, None), (None, "PR")), RULE) is None
