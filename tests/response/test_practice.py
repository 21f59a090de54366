from __future__ import annotations

import pytest
from patients_for_tests import tells

from hepaflow.response.recist11_practice import ANSWERS, answer

PD, NOT_PD = "PD", "not PD"
GO_ON, BACK, MEASURE = (
    "not PD (continue and re-evaluate)",
    "PD at the date of first appearance",
    "not PD (add measurement to the sum)",
)
MODEST = "not unequivocal progression (overall PR)"


@pytest.mark.parametrize(
    ("event", "expected", "en", "fr"),
    [
        ("new lesion in an organ not scanned at baseline", PD, "not examined at the baseline", "non examinée initialement"),
        ("equivocal new lesion, later confirmed", BACK, "from its first appearance", "datée de sa première apparition"),
        ("equivocal new lesion", GO_ON, "does not count yet", "ne compte pas encore"),
        ("Equivocal new lesion, not confirmed at the next scan", GO_ON, "does not count yet", "ne compte pas encore"),
        ("equivocal lesion never confirmed", GO_ON, "does not count yet", "ne compte pas encore"),
        ("equivocal lesion, unconfirmed", GO_ON, "does not count yet", "ne compte pas encore"),
        ("lesion reappears after a complete response", PD, "back after a complete response", "réapparue après réponse complète"),
        ("lesion  reappears\nafter definite overall CR", PD, "back after a complete response", "réapparue après réponse complète"),
        ("lesion reappears; the overall response was CR", PD, "back after a complete response", "réapparue après réponse"),
        (
            "target lesion disappears then reappears while overall response was PR",
            MEASURE,
            "added to the sum",
            "ajoutée à la somme",
        ),
        ("lesion reappears without a complete response of the patient", MEASURE, "added to the sum", "ajoutée à la somme"),
        ("lesion reappears, not after an overall CR", MEASURE, "added to the sum", "ajoutée à la somme"),
        ("no baseline PET; PET positive at a known CT site that is not progressing on CT", NOT_PD, "known site", "site connu"),
        ("no baseline PET; positive at a known site, stable on CT", NOT_PD, "known site", "site connu"),
        ("no baseline PET; PET positive at a new site confirmed on CT", PD, "new site that CT confirms", "nouveau site confirmé"),
        (
            "FDG-PET negative at baseline, positive at follow-up",
            PD,
            "negative at the baseline and positive",
            "négative initialement",
        ),
        ("modest increase of one non-target lesion, target PR", MODEST, "worsen substantially", "s'aggraver nettement"),
        ("substantial worsening of non-target disease", PD, "Substantial worsening", "Une aggravation nette"),
    ],
)
def test_an_event_has_the_guidelines_answer_and_its_reason(event: str, expected: str, en: str, fr: str) -> None:
    found = answer(event)
    assert found is not None
    assert found.answer == expected
    assert tells(found.because, en, fr)


@pytest.mark.parametrize(
    "event",
    [
        "",
        "a lesion grows",
        "unequivocal new lesion",
        "unequivocal new lesion, later confirmed",
        "no baseline PET; a first PET negative, a second positive at a known site that progresses",
        "PET positive at baseline and negative later",
        "no baseline PET; PET positive at a known CT site that is progressing on CT",
        "no baseline PET; PET positive at a new site not confirmed on CT",
        "no substantial worsening of non-target disease",
        "non-target disease unchanged",
        "lesion reappears",
    ],
)
def test_what_the_words_do_not_settle_has_no_answer(event: str) -> None:
    assert answer(event) is None


def test_every_answer_can_be_given() -> None:
    assert all(tells(one.because, "", "") for one in ANSWERS)
    assert len(ANSWERS) == 11
    assert {one.answer for one in ANSWERS} == {PD, NOT_PD, GO_ON, BACK, MEASURE, MODEST}
