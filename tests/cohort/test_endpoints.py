from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.endpoints import (
    SCAN_NOTE,
    Endpoint,
    FollowUp,
    columns,
    disease_free_survival,
    liver_progression_free_survival,
    local_tumor_progression,
    overall_survival,
    progression_free_survival,
    time_to_progression,
)
from hepaflow.errors import InputRefused
from hepaflow.therapy.vocabulary import ENDPOINTS, Family

START = date(2024, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


ALIVE = FollowUp(START, day(300), last_scan=day(250))
DEAD = FollowUp(START, day(300), death=day(310), last_scan=day(250))
WORSE = FollowUp(START, day(300), progression=day(100), liver_progression=day(200), recurrence=day(90), last_scan=day(250))
WORSE_AND_DEAD = replace(WORSE, death=day(310))
BLIND, BLIND_DEAD = replace(ALIVE, last_scan=None), replace(DEAD, last_scan=None)


@pytest.mark.parametrize(
    ("of", "outcomes"),
    [
        (overall_survival, [(300, 0), (310, 1), (300, 0), (310, 1), (300, 0), (310, 1)]),
        (disease_free_survival, [(250, 0), (310, 1), (90, 1), (90, 1), (300, 0), (310, 1)]),
        (progression_free_survival, [(250, 0), (310, 1), (100, 1), (100, 1), (300, 0), (310, 1)]),
        (liver_progression_free_survival, [(250, 0), (310, 1), (200, 1), (200, 1), (300, 0), (310, 1)]),
        (time_to_progression, [(250, 0), (250, 0), (100, 1), (100, 1), (300, 0), (310, 0)]),
        (lambda patient: local_tumor_progression(patient, None), [(250, 0), (310, 2), (250, 0), (310, 2), (300, 0), (310, 2)]),
        (lambda patient: local_tumor_progression(patient, day(120)), [(120, 1)] * 6),
    ],
)
def test_every_endpoint_of_every_kind_of_patient(of: Callable[[FollowUp], Endpoint], outcomes: list[tuple[int, int]]) -> None:
    patients = (ALIVE, DEAD, WORSE, WORSE_AND_DEAD, BLIND, BLIND_DEAD)
    assert [(found.time_days, found.code) for found in map(of, patients)] == outcomes


def test_definitions_are_those_of_the_therapies() -> None:
    assert local_tumor_progression(ALIVE, None).definition == ENDPOINTS[Family.ABLATION].en
    assert liver_progression_free_survival(ALIVE).definition == ENDPOINTS[Family.INTRA_ARTERIAL].en
    assert disease_free_survival(ALIVE).definition == ENDPOINTS[Family.SURGERY].en


def test_what_is_seen_on_scans_says_so_and_where_it_is_censored() -> None:
    for of in (disease_free_survival, progression_free_survival, liver_progression_free_survival, time_to_progression):
        assert of(ALIVE).note == of(WORSE).note == SCAN_NOTE
        assert of(BLIND).note.endswith("censored at the last contact.")
    assert time_to_progression(BLIND_DEAD).note.endswith("censored at death.")
    assert local_tumor_progression(BLIND, None).note.endswith("censored at the last contact.")
    assert "scan" not in overall_survival(ALIVE).note


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"last_seen": day(-1), "last_scan": None}, "the last contact is before the start"),
        ({"death": day(299)}, "death is before the last contact"),
        ({"progression": day(-1)}, "progression is before the start"),
        ({"recurrence": day(301), "last_scan": None}, "recurrence is after the last contact"),
        ({"recurrence": day(305), "death": day(303), "last_scan": None}, "recurrence is after death"),
        ({"recurrence": day(301), "death": day(303), "last_scan": None}, "recurrence is after the last contact"),
        ({"last_scan": day(301)}, "last scan is after the last contact"),
        ({"progression": day(251)}, "progression is after the last scan"),
        ({"liver_progression": day(20)}, "liver progression is earlier"),
        ({"liver_progression": day(20), "progression": day(21)}, "liver progression is earlier"),
    ],
)
def test_an_order_that_cannot_be_is_refused(changed: dict[str, date], what: str) -> None:
    with pytest.raises(InputRefused, match=f"FOLLOW-UP-ORDER: {what}"):
        replace(ALIVE, **changed)


def test_local_progression_is_within_the_follow_up() -> None:
    with pytest.raises(InputRefused, match="FOLLOW-UP-ORDER: local progression is after the last scan"):
        local_tumor_progression(ALIVE, day(251))
    with pytest.raises(InputRefused, match="FOLLOW-UP-ORDER: local progression is after death"):
        local_tumor_progression(BLIND_DEAD, day(311))
    with pytest.raises(InputRefused, match="FOLLOW-UP-DAY"):
        local_tumor_progression(ALIVE, datetime(2024, 2, 1))


def test_a_day_has_no_time_of_day_and_an_endpoint_one_event() -> None:
    with pytest.raises(InputRefused, match="FOLLOW-UP-DAY: death"):
        replace(ALIVE, death=datetime(2024, 12, 1))
    with pytest.raises(InputRefused, match="FOLLOW-UP-DAY: last seen"):
        replace(ALIVE, last_seen=None)  # type: ignore[arg-type]
    for time, event, competing in ((-1, False, False), (1, True, True)):
        with pytest.raises(InputRefused, match="ENDPOINT-INVALID"):
            Endpoint("x", "x", "x", time, event, competing)


def test_columns_for_the_survival_functions() -> None:
    times, codes = columns([local_tumor_progression(ALIVE, day(10)), local_tumor_progression(DEAD, None)])
    np.testing.assert_array_equal(times, [10.0, 310.0])
    np.testing.assert_array_equal(codes, [1, 2])
    for mixed in ([], [overall_survival(ALIVE), time_to_progression(ALIVE)]):
        with pytest.raises(InputRefused, match="ENDPOINT-MIXED"):
            columns(mixed)


@st.composite
def patients(draw: st.DrawFn) -> FollowUp:
    seen = draw(st.integers(0, 1000))
    scan = draw(st.none() | st.integers(0, seen))
    on_scan = st.integers(0, seen if scan is None else scan)
    progression = draw(st.none() | on_scan)
    liver = None if progression is None else draw(st.none() | st.integers(progression, seen if scan is None else scan))
    death = draw(st.none() | st.integers(seen, 1100))
    dates = {
        "progression": progression,
        "liver_progression": liver,
        "recurrence": draw(st.none() | on_scan),
        "death": death,
        "last_scan": scan,
    }
    return FollowUp(START, day(seen), **{name: None if number is None else day(number) for name, number in dates.items()})


@given(patients())
def test_no_endpoint_is_later_than_one_that_it_holds(patient: FollowUp) -> None:
    overall, free, liver, to = (
        of(patient) for of in (overall_survival, progression_free_survival, liver_progression_free_survival, time_to_progression)
    )
    assert free.time_days <= overall.time_days
    assert free.event == (patient.progression is not None or patient.death is not None)
    assert to.event == (patient.progression is not None)
    if to.event:
        assert to.time_days == free.time_days
    if liver.event and free.event:
        assert free.time_days <= liver.time_days
