from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.chemotherapy import (
    ANTI_EGFR,
    ANTIANGIOGENIC,
    EXPOSURE,
    REGIMEN_DRUGS,
    Course,
    Drug,
    Regimen,
    cycles_given,
    exposure,
    read_course,
)

FOLFOX = Course(Regimen.FOLFOX, cycles=6)
WITH_BEVACIZUMAB = Course(Regimen.FOLFIRI, frozenset({Drug.BEVACIZUMAB}), 4)
WITH_CETUXIMAB = Course(Regimen.FOLFOX, frozenset({Drug.CETUXIMAB}), 3)


def test_what_regimens_consist_of() -> None:
    letters = {
        Regimen.FLUOROURACIL: "F",
        Regimen.CAPECITABINE: "C",
        Regimen.FOLFOX: "FO",
        Regimen.FOLFIRI: "FI",
        Regimen.FOLFIRINOX: "FIO",
        Regimen.IRINOX: "IO",
        Regimen.UNKNOWN: "",
    }
    drugs = {"F": Drug.FLUOROURACIL, "C": Drug.CAPECITABINE, "O": Drug.OXALIPLATIN, "I": Drug.IRINOTECAN}
    assert {key: {drugs[one] for one in text} for key, text in letters.items()} == dict(REGIMEN_DRUGS)
    assert {one.value for one in ANTIANGIOGENIC} == {"bevacizumab", "aflibercept", "ramucirumab", "regorafenib"}
    assert {one.value for one in ANTI_EGFR} == {"cetuximab", "panitumumab"}
    assert WITH_BEVACIZUMAB.drugs == {Drug.FLUOROURACIL, Drug.IRINOTECAN, Drug.BEVACIZUMAB}
    assert Course(Regimen.IRINOX, None).drugs == REGIMEN_DRUGS[Regimen.IRINOX]


#: Table 1 of the thesis, as printed.
@pytest.mark.parametrize(
    ("written", "regimen", "added"),
    [
        ("5FU", Regimen.FLUOROURACIL, set()),
        ("5-FU", Regimen.FLUOROURACIL, set()),
        ("FOLFIRI- BEVACIZUMAB (Avastin®)", Regimen.FOLFIRI, {Drug.BEVACIZUMAB}),
        ("FOLFIRI-ERBITUX", Regimen.FOLFIRI, {Drug.CETUXIMAB}),
        ("FOLFIRINOX", Regimen.FOLFIRINOX, set()),
        ("FOLFIRINOX- \nBEVACIZUMAB (Avastin®)", Regimen.FOLFIRINOX, {Drug.BEVACIZUMAB}),
        ("FOLFOX", Regimen.FOLFOX, set()),
        ("FOLFOX- CETUXIMAB \n(Erbitux®)", Regimen.FOLFOX, {Drug.CETUXIMAB}),
        ("IRINOX", Regimen.IRINOX, set()),
        ("CAPECITABINE", Regimen.CAPECITABINE, set()),
        (" folfox + Avastin® ", Regimen.FOLFOX, {Drug.BEVACIZUMAB}),
        ("5-FU + panitumumab", Regimen.FLUOROURACIL, {Drug.PANITUMUMAB}),
        ("FOLFIRI+aflibercept+cetuximab", Regimen.FOLFIRI, {Drug.AFLIBERCEPT, Drug.CETUXIMAB}),
    ],
)
def test_courses_are_read_as_tables_write_them(written: str, regimen: Regimen, added: set[Drug]) -> None:
    assert read_course(written, cycles=7) == Course(regimen, frozenset(added), 7)
    assert read_course(written).cycles is None


@pytest.mark.parametrize(
    "written", ["", "unknown", "FOLFOX6", "bevacizumab", "FOLFOX+", "FOLFOX-FOLFIRI", "FOLFOX + Dupont", "FOLFOX oxaliplatin"]
)
def test_what_is_no_course_is_refused_and_not_echoed(written: str) -> None:
    with pytest.raises(InputRefused, match="REGIMEN-UNKNOWN") as caught:
        read_course(written)
    assert "Dupont" not in str(caught.value)
    assert "IRINOX" in str(caught.value)
    assert "erbitux" in str(caught.value)


@pytest.mark.parametrize("cycles", [0, -1, 1.5, True, "4"])
def test_cycles_that_cannot_be_are_refused(cycles: object) -> None:
    with pytest.raises(InputRefused, match="CYCLES-INVALID"):
        Course(Regimen.FOLFOX, cycles=cycles)  # type: ignore[arg-type]
    assert Course(Regimen.FOLFOX, cycles=1).cycles == 1


def test_cycles_add_up_when_all_are_known() -> None:
    assert cycles_given([FOLFOX, WITH_BEVACIZUMAB]) == 10
    assert cycles_given([]) == 0
    assert cycles_given([FOLFOX, Course(Regimen.FOLFIRI)]) is None


def test_exposure_to_antiangiogenics() -> None:
    said = exposure([FOLFOX, WITH_BEVACIZUMAB])
    assert (said.criterion, said.category, said.flags) == (EXPOSURE, "targeted", ("antiangiogenic-exposure",))
    (reason,) = said.reasons
    assert (reason.rule, reason.numbers) == ("antiangiogenic-exposure", {"drugs": "bevacizumab", "cycles": 10})
    assert "Chun" in reason.text.en
    assert "RECIST" in reason.text.en
    assert "Antiangiogénique" in reason.text.fr


def test_exposure_to_anti_egfr() -> None:
    said = exposure([WITH_CETUXIMAB])
    assert (said.category, said.flags) == ("targeted", ("anti-egfr-exposure",))
    assert [(r.rule, r.numbers) for r in said.reasons] == [("anti-egfr-exposure", {"drugs": "cetuximab", "cycles": 3})]
    assert "EGFR" in said.reasons[0].text.fr
    assert "size criteria" in said.reasons[0].text.en


def test_both_exposures_and_an_unknown_course() -> None:
    several = Course(Regimen.FOLFIRI, frozenset({Drug.RAMUCIRUMAB, Drug.AFLIBERCEPT}))
    said = exposure([several, WITH_CETUXIMAB, Course(Regimen.UNKNOWN)])
    assert said.flags == ("antiangiogenic-exposure", "anti-egfr-exposure", "exposure-unknown")
    assert [r.numbers for r in said.reasons] == [
        {"drugs": "aflibercept, ramucirumab", "cycles": None},
        {"drugs": "cetuximab", "cycles": None},
    ]


@pytest.mark.parametrize("courses", [[FOLFOX], [FOLFOX, Course(Regimen.FLUOROURACIL, cycles=1)], []])
def test_without_targeted_drugs(courses: list[Course]) -> None:
    said = exposure(courses)
    assert (said.criterion, said.category, said.flags) == (EXPOSURE, "none", ())
    assert [(r.rule, r.numbers) for r in said.reasons] == [("no-targeted-drug", {"cycles": cycles_given(courses)})]
    assert "No targeted" in said.reasons[0].text.en
    assert "Aucune" in said.reasons[0].text.fr


@pytest.mark.parametrize("courses", [None, [Course(Regimen.UNKNOWN)], [FOLFOX, Course(Regimen.FOLFOX, None)]])
def test_what_is_not_recorded_is_no_absence(courses: list[Course] | None) -> None:
    said = exposure(courses)
    assert (said.criterion, said.category, said.flags) == (EXPOSURE, "not_evaluable", ("exposure-unknown",))
    assert "drugs of every course" in said.reasons[0].text.en
    assert "médicaments" in said.reasons[0].text.fr


@given(st.lists(st.builds(Course, st.sampled_from(Regimen), st.frozensets(st.sampled_from(Drug))), max_size=4))
def test_flags_follow_the_drugs_that_were_given(courses: list[Course]) -> None:
    given_drugs = {drug for course in courses for drug in course.drugs}
    flags = exposure(courses).flags
    assert ("antiangiogenic-exposure" in flags) == bool(given_drugs & ANTIANGIOGENIC)
    assert ("anti-egfr-exposure" in flags) == bool(given_drugs & ANTI_EGFR)
    assert ("exposure-unknown" in flags) == any(course.regimen is Regimen.UNKNOWN for course in courses)
