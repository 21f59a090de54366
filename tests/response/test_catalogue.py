from __future__ import annotations

from typing import Any

import pytest
from patients_for_tests import patient, seen

from hepaflow.cohort.kappa import Agreement
from hepaflow.errors import UsageError
from hepaflow.response import (
    choi,
    chun,
    enhancing,
    real_change,
    recist11,
    recist11_best,
    recist11_practice,
    recist11_selection,
    size_change,
    who,
)
from hepaflow.response.catalogue import KEYS, SIZE_CRITERIA, SizeCriterion, find
from hepaflow.response.criterion import CRITERIA, Criterion
from hepaflow.response.progress import Beside

ALL_KEYS = (
    "nancy2019-bf-ratio",
    "recist-1.1",
    "who",
    "choi",
    "modified-choi",
    "chung",
    "chun",
    "mrecist",
    "easl",
    "size-change-not-recist",
)


def test_the_list_is_explicit() -> None:
    assert KEYS == ALL_KEYS
    assert len(set(KEYS)) == len(CRITERIA) + len(SIZE_CRITERIA) == 10


@pytest.mark.parametrize("key", ALL_KEYS)
def test_every_key_finds_its_criterion_however_it_is_spelled(key: str) -> None:
    for spelled in (key, key.upper(), key.replace("-", ""), key.replace("-", "_"), f" {key} "):
        assert find(spelled).key == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("recist", "recist-1.1"),
        ("RECIST11", "recist-1.1"),
        ("RECIST1.1", "recist-1.1"),
        ("OMS", "who"),
        ("mChoi", "modified-choi"),
        ("morphology", "chun"),
        ("size-change", "size-change-not-recist"),
    ],
)
def test_other_names(name: str, key: str) -> None:
    assert find(name).key == key


@pytest.mark.parametrize("name", ["", "-", "recist 1.0", "x" * 100, "cho", "DUPONT\x1b[2J"])
def test_an_unknown_name_gets_the_list(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(name)
    assert caught.value.code == "CRITERION-UNKNOWN"
    assert caught.value.advice == "Use one of: " + ", ".join(ALL_KEYS)
    assert caught.value.what == f"no criterion {name[:40]!r}"


def test_names_never_overlap() -> None:
    names = [name for one in SIZE_CRITERIA for name in (one.key, *one.aliases)]
    assert len({find(name).key for name in names}) == len(SIZE_CRITERIA)
    assert len(names) == len(set(names))


WHOM = {
    "recist-1.1": "patient",
    "who": "patient",
    "choi": "lesion",
    "modified-choi": "lesion",
    "chung": "lesion",
    "chun": "lesion",
    "mrecist": "patient",
    "easl": "patient",
    "size-change-not-recist": "lesion",
}
FIRST = [seen("a", 50, perpendicular_mm=50, viable_mm=40, viable_perpendicular_mm=40, hu=80, morphology=3)]
LATER = [seen("a", 34, perpendicular_mm=34, viable_mm=28, viable_perpendicular_mm=28, hu=60, morphology=1)]
SAYS = {
    "recist-1.1": "PR",
    "who": "PR",
    "choi": "PR",
    "modified-choi": "PR",
    "chung": "PR",
    "chun": "optimal",
    "mrecist": "PR",
    "easl": "PR",
    "size-change-not-recist": "smaller",
}
#: A part of each rule's sentence, in both languages.
RULES = {
    "recist-1.1": ("+20 % and +5 mm or more from the smallest", "+20 % et +5 mm ou plus"),
    "who": ("sum of products -50 % or more", "somme des produits -50 % ou plus"),
    "choi": ("diameter -10 % or attenuation -15 %", "diamètre -10 % ou atténuation -15 %"),
    "modified-choi": ("diameter -10 % and attenuation -15 %", "diamètre -10 % et atténuation -15 %"),
    "chung": ("diameter -10 % or attenuation -15 %", "diamètre -10 % ou atténuation -15 %"),
    "chun": ("group 3 or 2 to 1", "groupe 3 ou 2 vers 1"),
    "mrecist": ("enhancing diameters -30 % or more", "diamètres rehaussés -30 % ou plus"),
    "easl": ("enhancing area -50 % or more", "surface rehaussée -50 % ou plus"),
    "size-change-not-recist": ("not RECIST", "n'est pas RECIST"),
}
SOURCES = {
    "recist-1.1": recist11.SOURCE,
    "who": who.SOURCE,
    "choi": choi.CHOI.source,
    "modified-choi": choi.MODIFIED_CHOI.source,
    "chung": choi.CHUNG.source,
    "chun": chun.SOURCE,
    "mrecist": enhancing.MRECIST.source,
    "easl": enhancing.EASL.source,
    "size-change-not-recist": size_change.SOURCE,
}


@pytest.mark.parametrize("rule", SIZE_CRITERIA, ids=lambda rule: rule.key)
def test_every_criterion_applies_its_own_rule_and_knows_its_source(rule: SizeCriterion) -> None:
    course = rule.assess(patient(FIRST, LATER))
    verdict = course.verdicts[1]
    found = verdict.lesions["a"] if verdict.overall is None else verdict.overall
    assert course.criterion == found.criterion == rule.key
    assert found.category == SAYS[rule.key]
    assert rule.rates == WHOM[rule.key]
    assert rule.source is SOURCES[rule.key]
    assert RULES[rule.key][0] in rule.rule.en
    assert RULES[rule.key][1] in rule.rule.fr
    first = {"PR: ", "CR: ", "PR : ", "CR : ", "optimal", "diamètr", "diamete", "optimale"}
    assert all(any(one.startswith(start) for start in first) for one in (rule.rule.en, rule.rule.fr))


def test_names_for_people() -> None:
    assert [(one.name.en, one.name.fr) for one in SIZE_CRITERIA] == [
        ("RECIST 1.1", "RECIST 1.1"),
        ("WHO", "OMS"),
        ("Choi", "Choi"),
        ("Modified Choi", "Choi modifié"),
        ("Chung (size and density)", "Chung (taille et densité)"),
        ("Chun morphology", "Morphologie de Chun"),
        ("mRECIST", "mRECIST"),
        ("EASL", "EASL"),
        ("Size of each lesion (not RECIST)", "Taille de chaque lésion (n'est pas RECIST)"),
    ]


@pytest.mark.parametrize(
    "kind",
    [
        SizeCriterion,
        Criterion,
        Agreement,
        Beside,
        choi.SizeAndDensity,
        enhancing.Enhancing,
        recist11_best.Confirmation,
        recist11_best.Seen,
        recist11_practice.Answer,
        recist11_selection.Candidate,
        real_change.Measured,
        real_change.Repeatability,
    ],
    ids=lambda kind: kind.__name__,
)
def test_values_never_change(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__dict__" not in dir(kind)
