from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.dates import (
    INTERVAL,
    LIMIT_DAYS,
    NANCY_INTERVAL,
    PORTAL,
    PORTAL_NAMES,
    PortalEvent,
    PortalIntervention,
    StudyDates,
    age_years,
    portal_intervention,
    scan_to_surgery,
)

DAY = date(2018, 3, 1)


def after(days: int) -> date:
    return DAY + timedelta(days)


def test_dates_in_order_are_kept_and_missing_ones_allowed() -> None:
    assert StudyDates(DAY, DAY, DAY).surgery == DAY
    assert StudyDates(DAY, None, after(1)).before_surgery is None
    assert StudyDates() == StudyDates(None, None, None)


@pytest.mark.parametrize(
    "dates",
    [
        (after(1), DAY, None),
        (None, after(1), DAY),
        (after(1), None, DAY),
        (after(2), after(1), after(3)),
        (DAY, after(2), after(1)),
    ],
)
def test_dates_out_of_order_are_refused(dates) -> None:
    with pytest.raises(InputRefused, match="DATES-REVERSED: scans and surgery"):
        StudyDates(*dates)


@pytest.mark.parametrize(
    ("days", "limit", "category", "flags", "below", "at_most"),
    [
        (0, 8, "within", (), True, True),
        (7, 8, "within", (), True, True),
        (8, 8, "ambiguous", ("scan-surgery-interval-ambiguous",), False, True),
        (9, 8, "outside", ("scan-surgery-interval-long",), False, False),
        (29, 30, "within", (), True, True),
        (30, 30, "ambiguous", ("scan-surgery-interval-ambiguous",), False, True),
        (1, 1, "ambiguous", ("scan-surgery-interval-ambiguous",), False, True),
    ],
)
def test_scan_to_surgery(days, limit, category, flags, below, at_most) -> None:
    said = scan_to_surgery(StudyDates(None, DAY, after(days)), limit_days=limit)
    assert (said.criterion, said.category, said.flags) == (INTERVAL, category, flags)
    (reason,) = said.reasons
    assert reason.rule == f"interval-{category}"
    assert reason.numbers == {"days": days, "limit_days": limit, "below_limit": below, "at_most_limit": at_most}
    words = {"within": ("below", "inférieur"), "ambiguous": ("ambiguous", "ambigu"), "outside": ("above", "supérieur")}[category]
    assert words[0] in reason.text.en
    assert words[1] in reason.text.fr


def test_eight_days_is_the_default() -> None:
    assert LIMIT_DAYS == 8
    said = scan_to_surgery(StudyDates(None, DAY, after(8)))
    assert said.category == "ambiguous"
    assert said.reasons[0].text == NANCY_INTERVAL.limits


def test_a_missing_date_is_named_and_a_limit_of_nothing_refused() -> None:
    said = scan_to_surgery(StudyDates(surgery=DAY))
    assert (said.criterion, said.category, said.flags) == (INTERVAL, "not_evaluable", ())
    assert ["scan" in r.text.en and "examen" in r.text.fr for r in said.reasons] == [True]
    said = scan_to_surgery(StudyDates(before_surgery=DAY))
    assert said.category == "not_evaluable"
    assert ["date of surgery" in r.text.en and "chirurgie" in r.text.fr for r in said.reasons] == [True]
    assert len(scan_to_surgery(StudyDates()).reasons) == 2
    with pytest.raises(InputRefused, match="LIMIT-INVALID"):
        scan_to_surgery(StudyDates(), limit_days=0)


@pytest.mark.parametrize(
    ("birth", "on", "age"),
    [
        (date(1950, 6, 15), date(2018, 6, 14), 67),
        (date(1950, 6, 15), date(2018, 6, 15), 68),
        (date(1950, 6, 15), date(2018, 5, 30), 67),
        (date(1950, 6, 15), date(2018, 7, 1), 68),
        (date(1952, 2, 29), date(2018, 2, 28), 65),
        (date(1952, 2, 29), date(2018, 3, 1), 66),
        (DAY, DAY, 0),
    ],
)
def test_age(birth: date, on: date, age: int) -> None:
    assert age_years(birth, on) == age


def test_no_age_before_birth() -> None:
    with pytest.raises(InputRefused, match="DATES-REVERSED: the day lies before birth"):
        age_years(DAY, after(-1))


@given(st.dates(date(1920, 1, 1), date(2020, 1, 1)), st.integers(0, 40000))
def test_age_in_years_fits_the_days(birth: date, days: int) -> None:
    age = age_years(birth, birth + timedelta(days))
    assert 365 * age <= days < 366 * (age + 1)


@pytest.mark.parametrize("kind", list(PortalIntervention))
@pytest.mark.parametrize(
    ("on", "scan", "days"), [(DAY, after(10), 10), (DAY, DAY, 0), (None, DAY, None), (DAY, None, None), (None, None, None)]
)
def test_a_portal_intervention_before_the_scan(
    kind: PortalIntervention, on: date | None, scan: date | None, days: int | None
) -> None:
    said = portal_intervention([PortalEvent(kind, on)], scan)
    assert (said.criterion, said.category, said.flags) == (PORTAL, "altered", ("portal-intervention",))
    (reason,) = said.reasons
    assert (reason.rule, reason.numbers) == ("portal-" + kind.value.replace("_", "-"), {"days_before_scan": days})
    assert PORTAL_NAMES[kind].en in reason.text.en
    assert PORTAL_NAMES[kind].fr in reason.text.fr
    assert "HAF" in reason.text.en
    assert "HPBF" in reason.text.fr


def test_an_intervention_after_the_scan_did_not_alter_it() -> None:
    later = PortalEvent(PortalIntervention.ALPPS, after(1))
    said = portal_intervention([later], DAY)
    assert (said.criterion, said.category, said.flags) == (PORTAL, "none", ())
    assert [(r.rule, r.numbers) for r in said.reasons] == [("no-portal-intervention", {"later": 1})]
    assert "No portal" in said.reasons[0].text.en
    assert "Pas d’intervention" in said.reasons[0].text.fr
    assert portal_intervention([], DAY).reasons[0].numbers == {"later": 0}
    earlier = PortalEvent(PortalIntervention.PORTAL_VEIN_EMBOLISATION, DAY)
    assert [r.rule for r in portal_intervention([later, earlier], DAY).reasons] == ["portal-portal-vein-embolisation"]


def test_interventions_that_are_not_recorded() -> None:
    said = portal_intervention(None, DAY)
    assert (said.criterion, said.category, said.flags) == (PORTAL, "not_evaluable", ("portal-intervention-unknown",))
    assert "portal vein" in said.reasons[0].text.en
    assert "veine porte" in said.reasons[0].text.fr


def test_interventions_have_their_names() -> None:
    assert [text.fr.split()[0] for text in PORTAL_NAMES.values()] == ["hépatectomie", "embolisation", "bipartition"]
    assert [text.en.split()[0] for text in PORTAL_NAMES.values()] == ["two-stage", "portal", "liver"]
    assert list(PORTAL_NAMES) == list(PortalIntervention)
