from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.quality import FLAGS
from hepaflow.domain.visits import Finding
from hepaflow.errors import InputRefused
from hepaflow.response.chun import CATEGORIES, GROUPS, SOURCE, assess, judge, of_patient

#: Chun 2009, written out: (first group, later group).
TABLE = {
    (3, 1): "optimal",
    (2, 1): "optimal",
    (3, 2): "incomplete",
    (1, 1): "none",
    (2, 2): "none",
    (3, 3): "none",
    (1, 2): "none",
    (1, 3): "none",
    (2, 3): "none",
}
groups = st.sampled_from([None, 1, 2, 3])


@pytest.mark.parametrize(("first", "later"), list(itertools.product((1, 2, 3), repeat=2)))
def test_every_pair_of_groups(first: int, later: int) -> None:
    found = judge(first, later)
    assert says(found) == (TABLE[first, later], f"chun/{TABLE[first, later]}")
    assert dict(numbers(found)) == {"group_base": first, "group": later}
    assert found.flags == (("morphology-not-assessable",) if first == 1 else ())
    assert found.criterion == "chun"


@pytest.mark.parametrize(("first", "later"), [(None, 1), (3, None), (None, None)])
def test_a_group_that_was_not_read(first: int | None, later: int | None) -> None:
    assert says(judge(first, later)) == ("not_evaluable", "chun/not_evaluable")
    assert judge(first, later).flags == ()


@pytest.mark.parametrize("wrong", [0, 4, -1])
def test_what_is_no_group_is_refused(wrong: int) -> None:
    for pair in ((wrong, 1), (1, wrong), (wrong, None)):
        with pytest.raises(InputRefused, match=r"^MORPHOLOGY-GROUP"):
            judge(*pair)


@pytest.mark.parametrize(
    ("pair", "en", "fr"),
    [
        ((3, 1), "From group 3 or 2 to group 1.", "Du groupe 3 ou 2 au groupe 1."),
        ((3, 2), "From group 3 to group 2.", "Du groupe 3 au groupe 2."),
        ((2, 2), "unchanged or has worsened", "inchangé ou s'est aggravé"),
        ((2, None), "not read at both", "n'a pas été lu aux deux"),
    ],
)
def test_the_sentence_belongs_to_the_category(pair: tuple[int, int | None], en: str, fr: str) -> None:
    assert tells(judge(*pair).reasons[0].text, en, fr)


def test_what_a_reader_looks_for() -> None:
    assert tells(GROUPS[1], "Homogeneous and hypoattenuating, sharp border", "Homogène et hypodense, interface nette")
    assert tells(GROUPS[2], "Between the two", "Intermédiaire")
    assert tells(GROUPS[3], "Heterogeneous attenuation, ill-defined border", "Densité hétérogène, interface mal définie")
    assert sorted(GROUPS) == [1, 2, 3]
    assert SOURCE.citation.startswith("Chun YS et al. Association of computed tomography morphologic criteria")
    assert SOURCE.citation.endswith("JAMA 2009;302:2338-2344")
    assert tells(SOURCE.limits, "two readers", "deux lecteurs")


@pytest.mark.parametrize(
    ("lesions", "expected", "tied"),
    [
        (["optimal", "optimal", "none"], "optimal", False),
        (["optimal", "none"], "none", True),
        (["optimal", "incomplete"], "incomplete", True),
        (["incomplete", "none"], "none", True),
        (["optimal", "incomplete", "none"], "none", True),
        (["optimal", "optimal", "incomplete", "incomplete", "none"], "incomplete", True),
        (["incomplete", "not_evaluable", "not_evaluable"], "incomplete", False),
        (["not_evaluable"], "not_evaluable", False),
        ([], "not_evaluable", False),
    ],
)
def test_the_patient_by_majority(lesions: list[str], expected: str, tied: bool) -> None:
    pairs = {"optimal": (3, 1), "incomplete": (3, 2), "none": (2, 2), "not_evaluable": (None, 2)}
    found = of_patient([judge(*pairs[one]) for one in lesions])
    assert says(found) == (expected, f"chun/patient/{expected}")
    assert found.flags == (("morphology-tied",) if tied else ())
    assert dict(numbers(found)) == {name: lesions.count(name) for name in ("optimal", "incomplete", "none")}
    assert tells(found.reasons[0].text, "The category that most lesions have", "La catégorie de la majorité")
    assert set(found.flags) <= set(FLAGS)


@given(st.lists(st.tuples(groups, groups), max_size=6), st.randoms())
def test_the_order_of_lesions_never_matters(pairs: list[tuple[int | None, int | None]], chance: object) -> None:
    lesions = [judge(*pair) for pair in pairs]
    found = of_patient(lesions)
    chance.shuffle(lesions)  # type: ignore[attr-defined]
    assert of_patient(lesions) == found
    assert found.category in CATEGORIES


def read(lesion: str, group: int | None) -> Finding:
    return seen(lesion, morphology=group) if group else seen(lesion, 20)


def test_over_visits() -> None:
    first = [read("a", 3), read("b", 3), read("c", 1)]
    course = assess(patient(first, [read("a", 2), read("b", 2), read("c", 1)], [read("a", 1), read("b", None)]))
    assert [{name: one.category for name, one in verdict.lesions.items()} for verdict in course.verdicts] == [
        {},
        {"a": "incomplete", "b": "incomplete", "c": "none"},
        {"a": "optimal", "b": "not_evaluable", "c": "not_evaluable"},
    ]
    assert [None if verdict.overall is None else verdict.overall.category for verdict in course.verdicts] == [
        None,
        "incomplete",
        "optimal",
    ]
    assert (course.criterion, dict(course.lowest), course.best) == ("chun", {}, None)
    assert [verdict.visit for verdict in course.verdicts] == ["v0", "v1", "v2"]


def test_lesions_that_could_not_improve_have_no_vote_where_others_could() -> None:
    assert of_patient([judge(1, 1), judge(1, 1), judge(3, 1)]).category == "optimal"
    assert of_patient([judge(1, 1), judge(1, 2)]).category == "none"
