from __future__ import annotations

from itertools import product

import pytest

from hepaflow.pathology.staging import STAGE, stage_group
from hepaflow.pathology.tnm import DEFINITIONS, M, N, T, Tnm

#: M0, written out a second time as a grid from the thesis (lines 94 to 115): rows T, columns N.
COLUMNS = ("N0", "N1a", "N1b", "N1c", "N2a", "N2b")
GRID = {
    "T0": ("-", "-", "-", "-", "-", "-"),
    "Tis": ("0", "-", "-", "-", "-", "-"),
    "T1": ("I", "IIIA", "IIIA", "IIIA", "IIIA", "IIIB"),
    "T2": ("I", "IIIA", "IIIA", "IIIA", "IIIB", "IIIB"),
    "T3": ("IIA", "IIIB", "IIIB", "IIIB", "IIIB", "IIIC"),
    "T4a": ("IIB", "IIIB", "IIIB", "IIIB", "IIIC", "IIIC"),
    "T4b": ("IIC", "IIIC", "IIIC", "IIIC", "IIIC", "IIIC"),
}
METASTATIC = {"M1a": "IVA", "M1b": "IVB", "M1c": "IVC"}
#: What a category may stand for.
OPEN = {
    "TX": tuple(GRID),
    "T4": ("T4a", "T4b"),
    "NX": COLUMNS,
    "N1": ("N1a", "N1b", "N1c"),
    "N2": ("N2a", "N2b"),
    "MX": ("M0", *METASTATIC),
    "M1": tuple(METASTATIC),
}
EVERY = list(product(T, N, M))


def expected(t: str, n: str, m: str) -> set[str]:
    """Every stage the three may mean; ``-`` where the table has no row."""
    return {
        METASTATIC[c] if c in METASTATIC else GRID[a][COLUMNS.index(b)]
        for a in OPEN.get(t, (t,))
        for b in OPEN.get(n, (n,))
        for c in OPEN.get(m, (m,))
    }


def test_every_t_n_and_m_has_one_answer() -> None:
    assert len(EVERY) == 9 * 9 * 6
    for t, n, m in EVERY:
        said = stage_group(Tnm(t, n, m))
        stages = expected(t.value, n.value, m.value)
        assert said.criterion == STAGE
        assert [reason.text for reason in said.reasons[1:]] == [DEFINITIONS[t], DEFINITIONS[n], DEFINITIONS[m]]
        assert [reason.rule for reason in said.reasons[1:]] == [f"tnm-{one.value.lower()}" for one in (t, n, m)]
        assert all(reason.numbers == {} for reason in said.reasons[1:])
        numbers = said.reasons[0].numbers
        assert (numbers["t"], numbers["n"], numbers["m"]) == (t.value, n.value, m.value)
        if len(stages) == 1 and stages != {"-"}:
            assert {said.category} == stages
            assert said.flags == ()
            assert said.reasons[0].rule == f"stage-{said.category.lower()}"
            assert said.reasons[0].text.en == f"Stage {said.category}: {t.value} {n.value} {m.value}."
            assert said.reasons[0].text.fr == f"Stade {said.category}\u00a0: {t.value} {n.value} {m.value}."
            assert "possible" not in numbers
            continue
        assert said.category == "not_defined"
        assert set(str(numbers["possible"]).split(", ")) == stages
        assert said.reasons[0].rule == said.flags[0]
        if stages == {"-"}:
            assert said.flags == ("stage-no-row",)
            assert "no row" in said.reasons[0].text.en
            assert "pas de ligne" in said.reasons[0].text.fr
            continue
        letter = bool({t.value, n.value, m.value} & {"T4", "N1", "N2", "M1"})
        unknown = bool({t.value, n.value, m.value} & {"TX", "NX", "MX"})
        assert said.flags == ("stage-letter-missing",) * letter + ("stage-part-unknown",) * unknown
        assert "more than one stage" in said.reasons[0].text.en
        assert "plus d’un stade" in said.reasons[0].text.fr


@pytest.mark.parametrize(
    ("t", "n", "m", "category"),
    [
        ("Tis", "N0", "M0", "0"),
        ("T4", "N2", "M0", "IIIC"),
        ("T1", "N1", "M0", "IIIA"),
        ("T4a", "N1", "M0", "IIIB"),
        ("T2", "N2", "M0", "IIIB"),
        ("T4b", "N1", "M0", "IIIC"),
        ("TX", "NX", "M1a", "IVA"),
        ("T0", "N0", "M1c", "IVC"),
        ("T4", "N1", "M1b", "IVB"),
        ("T4", "N0", "M0", "not_defined"),
        ("T4", "N1", "M0", "not_defined"),
        ("T1", "N2", "M0", "not_defined"),
        ("T3", "N2", "M0", "not_defined"),
        ("T1", "N0", "M1", "not_defined"),
        ("T1", "N0", "MX", "not_defined"),
        ("T0", "N0", "M0", "not_defined"),
        ("Tis", "N1a", "M0", "not_defined"),
    ],
)
def test_categories_without_letter_or_not_known(t: str, n: str, m: str, category: str) -> None:
    assert stage_group(Tnm(T(t), N(n), M(m))).category == category


def test_possible_stages_are_named_in_order() -> None:
    named = stage_group(Tnm(T.TX, N.NX, M.M0)).reasons[0].numbers["possible"]
    assert named == "-, 0, I, IIA, IIB, IIC, IIIA, IIIB, IIIC"
    assert stage_group(Tnm(T.T4, N.N0, M.MX)).reasons[0].numbers["possible"] == "IIB, IIC, IVA, IVB, IVC"


def test_the_table_names_each_of_its_combinations_once() -> None:
    from hepaflow.pathology.staging import _ROWS

    pairs = [pair for _, ts, ns in _ROWS for pair in product(ts, ns)]
    assert len(pairs) == len(set(pairs)) == 31
