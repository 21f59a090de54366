from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.tnm import DEFINITIONS, NODES, M, N, T, Tnm, n_from_counts, read_tnm

#: Words that set each definition apart, English and French, written from the thesis (lines 64 to 81).
WORDS = {
    "TX": ("tumor cannot be assessed", "primitive non évaluable"),
    "T0": ("No evidence", "Pas de tumeur"),
    "Tis": ("in situ", "in situ"),
    "T1": ("submucosa", "sous-muqueuse"),
    "T2": ("muscularis", "musculeuse"),
    "T3": ("subserosa", "sous-séreuse"),
    "T4": ("letter not given", "lettre non précisée"),
    "T4a": ("visceral peritoneum", "péritoine viscéral"),
    "T4b": ("neighboring", "voisinage"),
    "NX": ("nodes cannot be assessed", "Ganglions lymphatiques régionaux non évaluables"),
    "N0": ("No metastasis in regional", "Pas de métastase ganglionnaire"),
    "N1": ("1 to 3", "1 à 3"),
    "N1a": ("in 1 regional", "dans 1 ganglion"),
    "N1b": ("2 or 3", "2 ou 3"),
    "N1c": ("deposits", "Dépôts"),
    "N2": ("4 or more", "4 ganglions régionaux ou plus"),
    "N2a": ("4 to 6", "4 à 6"),
    "N2b": ("7 or more", "7 ganglions régionaux ou plus"),
    "MX": ("not known", "non connues"),
    "M0": ("No distant", "Pas de métastase à distance"),
    "M1": ("letter not given", "lettre non précisée"),
    "M1a": ("confined to one", "un seul organe"),
    "M1b": ("more than one", "plus d’un"),
    "M1c": ("to the peritoneum", "Métastase péritonéale"),
}


def test_every_category_has_its_definition_in_both_languages() -> None:
    assert [one.value for one in (*T, *N, *M)] == list(WORDS)
    assert {one.value for one in DEFINITIONS} == set(WORDS)
    for one, text in DEFINITIONS.items():
        english, french = WORDS[one.value]
        assert english in text.en, one
        assert french in text.fr, one


def test_tnm_is_read_as_written() -> None:
    for t in T:
        for n in N:
            for m in M:
                assert read_tnm(t.value, n.value, m.value) == Tnm(t, n, m)


@pytest.mark.parametrize(
    ("written", "which", "advice"),
    [
        (("T5", "N0", "M0"), "T", "TX, T0, Tis"),
        (("pT4a", "N0", "M0"), "T", "T4, T4a, T4b"),
        (("T1", "N3", "M0"), "N", "N2b"),
        (("T1", "", "M0"), "N", "NX, N0"),
        (("T1", "N0", "M2"), "M", "M1c"),
        (("T1", "M0", "N0"), "N", "N1"),
    ],
)
def test_what_is_no_category_is_refused_and_not_echoed(written: tuple[str, str, str], which: str, advice: str) -> None:
    with pytest.raises(InputRefused, match=f"TNM-UNKNOWN: {which} is not a category") as caught:
        read_tnm(*written)
    assert advice in str(caught.value)
    assert "pT4a" not in str(caught.value)


@pytest.mark.parametrize(
    ("nodes", "deposits", "category"),
    [
        (0, 0, "N0"),
        (0, 1, "N1c"),
        (0, 9, "N1c"),
        (1, 0, "N1a"),
        (1, 5, "N1a"),
        (1, None, "N1a"),
        (2, None, "N1b"),
        (3, 0, "N1b"),
        (4, 0, "N2a"),
        (6, 0, "N2a"),
        (7, 3, "N2b"),
        (30, None, "N2b"),
    ],
)
def test_n_from_counts(nodes: int, deposits: int | None, category: str) -> None:
    said = n_from_counts(nodes, deposits)
    assert (said.criterion, said.category, said.flags) == (NODES, category, ())
    (reason,) = said.reasons
    assert reason.rule == f"counts-{category.lower()}"
    assert reason.text == DEFINITIONS[N(category)]
    assert reason.numbers == {"nodes_positive": nodes, "deposits": deposits}


@pytest.mark.parametrize(
    ("nodes", "deposits", "missing", "french"),
    [
        (None, 0, "metastatic nodes", "ganglions métastatiques"),
        (None, None, "metastatic nodes", "ganglions métastatiques"),
        (0, None, "tumor deposits", "dépôts tumoraux"),
    ],
)
def test_a_count_that_decides_and_is_missing_leaves_n_open(nodes, deposits, missing, french) -> None:
    said = n_from_counts(nodes, deposits)
    assert (said.criterion, said.category, said.flags) == (NODES, "not_evaluable", ())
    (reason,) = said.reasons
    assert missing in reason.text.en
    assert french in reason.text.fr


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1), (1.0, 0), (True, 0), (0, False), ("1", 0), (None, -2)])
def test_what_is_no_count_is_refused(counts: tuple[object, object]) -> None:
    with pytest.raises(InputRefused, match="COUNT-INVALID"):
        n_from_counts(*counts)  # type: ignore[arg-type]


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 5))
def test_more_nodes_never_lower_n_and_deposits_do_not_matter_beside_them(one: int, other: int, deposits: int) -> None:
    order = ["N1a", "N1b", "N2a", "N2b"]
    few, many = sorted((one, other))
    assert order.index(n_from_counts(few, deposits).category) <= order.index(n_from_counts(many, None).category)
    assert n_from_counts(one, deposits).category == n_from_counts(one, None).category
