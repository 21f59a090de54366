from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.primary import (
    DIFFERENTIATION_NAMES,
    HISTOLOGY_NAMES,
    MOST_MONTHS,
    SITE_NAMES,
    SYNCHRONOUS_MONTHS,
    TIMING,
    Differentiation,
    Histology,
    PrimaryTumor,
    Site,
    metastasis_timing,
    stage_of,
)
from hepaflow.pathology.staging import STAGE, stage_group
from hepaflow.pathology.tnm import M, N, T, Tnm

TNM = Tnm(T.T3, N.N1A, M.M1A)


def test_everything_is_unknown_until_recorded_and_everything_has_a_name() -> None:
    primary = PrimaryTumor()
    assert (primary.site, primary.histology, primary.differentiation) == ("unknown", "unknown", "unknown")
    assert primary.tnm is None
    assert primary.diagnosed is None
    assert set(SITE_NAMES) == set(Site)
    assert set(HISTOLOGY_NAMES) == set(Histology)
    assert set(DIFFERENTIATION_NAMES) == set(Differentiation)
    assert [t.fr for t in SITE_NAMES.values()] == ["canal anal", "côlon", "rectum", "siège non renseigné"]
    assert [t.fr.split()[0] for t in DIFFERENTIATION_NAMES.values()] == ["bien", "moyennement", "peu", "différenciation"]
    assert [t.fr.split()[0] for t in HISTOLOGY_NAMES.values()] == ["adénocarcinome", "carcinome", "histologie"]
    for names in (SITE_NAMES, HISTOLOGY_NAMES, DIFFERENTIATION_NAMES):
        assert len({text.en for text in names.values()}) == len(names)


@pytest.mark.parametrize("site", [Site.COLON, Site.RECTUM])
@pytest.mark.parametrize("histology", list(Histology))
def test_colon_and_rectum_are_staged(site: Site, histology: Histology) -> None:
    assert stage_of(PrimaryTumor(site, histology, tnm=TNM)) == stage_group(TNM)


@pytest.mark.parametrize("tnm", [TNM, None])
def test_the_anal_canal_has_another_table(tnm: Tnm | None) -> None:
    said = stage_of(PrimaryTumor(Site.ANAL_CANAL, tnm=tnm))
    assert (said.criterion, said.category, said.flags) == (STAGE, "not_defined", ("stage-table-not-for-site",))
    (reason,) = said.reasons
    assert (reason.rule, reason.numbers) == ("stage-other-table", {})
    assert "anal canal" in reason.text.en
    assert "canal anal" in reason.text.fr


def test_without_site_or_tnm_there_is_no_stage() -> None:
    no_site = stage_of(PrimaryTumor(tnm=TNM))
    assert (no_site.criterion, no_site.category) == (STAGE, "not_evaluable")
    assert [("site" in r.text.en, "siège" in r.text.fr) for r in no_site.reasons] == [(True, True)]
    no_tnm = stage_of(PrimaryTumor(Site.COLON))
    assert [("T, N and M" in r.text.en, "T, N et M" in r.text.fr) for r in no_tnm.reasons] == [(True, True)]
    assert no_tnm.category == "not_evaluable"
    assert len(stage_of(PrimaryTumor()).reasons) == 2


@pytest.mark.parametrize(
    ("primary", "metastases", "months", "category", "last"),
    [
        (date(2020, 1, 15), date(2020, 1, 15), 6, "synchronous", 182),
        (date(2020, 1, 15), date(2020, 7, 15), 6, "synchronous", 182),
        (date(2020, 1, 15), date(2020, 7, 16), 6, "metachronous", 182),
        (date(2020, 8, 31), date(2021, 2, 28), 6, "synchronous", 181),
        (date(2020, 8, 31), date(2021, 3, 1), 6, "metachronous", 181),
        (date(2019, 8, 31), date(2020, 2, 29), 6, "synchronous", 182),
        (date(2020, 12, 31), date(2020, 12, 31), 0, "synchronous", 0),
        (date(2020, 12, 31), date(2021, 1, 1), 0, "metachronous", 0),
        (date(2020, 12, 10), date(2021, 1, 10), 1, "synchronous", 31),
        (date(2020, 11, 10), date(2020, 12, 11), 1, "metachronous", 30),
        (date(2020, 2, 29), date(2021, 2, 28), 12, "synchronous", 365),
        (date(2020, 2, 29), date(2025, 2, 28), MOST_MONTHS, "synchronous", 1826),
    ],
)
def test_timing(primary: date, metastases: date, months: int, category: str, last: int) -> None:
    said = metastasis_timing(primary, metastases, synchronous_months=months)
    assert (said.criterion, said.category, said.flags) == (TIMING, category, ())
    (reason,) = said.reasons
    assert reason.rule == category
    assert reason.numbers == {
        "interval_days": (metastases - primary).days,
        "synchronous_months": months,
        "synchronous_days": last,
    }
    assert "(a convention)" in reason.text.en
    assert ("within" if category == "synchronous" else "after") in reason.text.en
    assert ("dans la" if category == "synchronous" else "après la") in reason.text.fr


def test_six_months_is_the_default() -> None:
    assert SYNCHRONOUS_MONTHS == 6
    assert metastasis_timing(date(2020, 1, 1), date(2020, 7, 1)).reasons[0].numbers["synchronous_months"] == 6


def test_metastases_found_first_are_synchronous_and_flagged() -> None:
    said = metastasis_timing(date(2020, 1, 2), date(2020, 1, 1))
    assert (said.category, said.flags) == ("synchronous", ("metastases-before-primary",))
    assert said.reasons[0].numbers["interval_days"] == -1


def test_a_missing_date_is_named() -> None:
    for dates, words in (((None, date(2020, 1, 1)), ["primary"]), ((date(2020, 1, 1), None), ["metastases"])):
        said = metastasis_timing(*dates)
        assert (said.criterion, said.category, said.flags) == (TIMING, "not_evaluable", ())
        assert [word in reason.text.en for word, reason in zip(words, said.reasons, strict=True)] == [True]
    both = metastasis_timing(None, None).reasons
    assert ["primitive" in both[0].text.fr, "métastases" in both[1].text.fr] == [True, True]


@pytest.mark.parametrize("months", [-1, 61, True, 6.0, "6"])
def test_a_period_that_is_none_is_refused(months: object) -> None:
    with pytest.raises(InputRefused, match="MONTHS-INVALID"):
        metastasis_timing(None, None, synchronous_months=months)  # type: ignore[arg-type]


@given(st.dates(date(1950, 1, 1), date(2050, 1, 1)), st.integers(0, 60), st.integers(0, 4000))
def test_once_metachronous_always_metachronous(primary: date, months: int, days: int) -> None:
    found = primary + timedelta(days)
    said = metastasis_timing(primary, found, synchronous_months=months).category
    later = metastasis_timing(primary, found + timedelta(1), synchronous_months=months).category
    assert (said, later) != ("metachronous", "synchronous")
    assert metastasis_timing(primary, primary + timedelta(32 * months + 1), synchronous_months=months).category == "metachronous"
    assert metastasis_timing(primary, primary + timedelta(28 * months), synchronous_months=months).category == "synchronous"
