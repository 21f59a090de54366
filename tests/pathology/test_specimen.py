from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.regression import Components
from hepaflow.pathology.specimen import (
    BACKGROUND,
    BackgroundLiver,
    Finding,
    Links,
    Necrosis,
    Nodule,
    Residual,
    Steatosis,
    background,
    link,
    steatosis_class,
)


def test_a_nodule_of_which_nothing_is_known_says_so() -> None:
    nodule = Nodule("1")
    assert nodule.differentiation == "unknown"
    assert nodule.residual is Residual.UNKNOWN
    recorded = (nodule.macro_mm, nodule.micro_mm, nodule.trg, nodule.residual_percent, nodule.necrosis, nodule.components)
    assert recorded == (None,) * 6
    assert (nodule.interface_mm, nodule.margin_mm) == (None, None)
    assert [kind.value for kind in Residual] == ["R0", "R1", "R2", "RX", "unknown"]


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("macro_mm", "the macroscopic size"),
        ("micro_mm", "the microscopic size"),
        ("interface_mm", "the thickness of tumor at the interface"),
        ("margin_mm", "the margin"),
        ("residual_percent", "the share of viable tumor cells"),
    ],
)
def test_numbers_of_a_nodule_are_checked_by_name(field: str, what: str) -> None:
    with pytest.raises(InputRefused, match=f"NUMBER-NEGATIVE: {what} is negative"):
        Nodule("1", **{field: -0.1})
    with pytest.raises(InputRefused, match=f"NUMBER-INVALID: {what}"):
        Nodule("1", **{field: "x"})
    assert getattr(Nodule("1", **{field: 0}), field) == 0


def test_grades_shares_and_names_of_a_nodule_are_checked() -> None:
    with pytest.raises(InputRefused, match="TRG-UNKNOWN"):
        Nodule("1", trg=6)
    with pytest.raises(InputRefused, match="PERCENT-OUT-OF-RANGE"):
        Nodule("1", residual_percent=101)
    for empty in ("", "  "):
        with pytest.raises(InputRefused, match="NODULE-UNNAMED"):
            Nodule(empty)


def test_r0_without_a_margin_is_a_contradiction() -> None:
    with pytest.raises(InputRefused, match="NODULE-CONTRADICTS: a margin of 0 mm"):
        Nodule("1", margin_mm="0.0", residual=Residual.R0)
    for nodule in (
        Nodule("1", margin_mm=0.1, residual=Residual.R0),
        Nodule("1", margin_mm=0, residual=Residual.R1),
        Nodule("1", residual=Residual.R0),
    ):
        assert nodule.identifier == "1"


def test_components_must_agree_with_the_rest() -> None:
    made_of = Components(40, 20, 30, 10)
    both = frozenset({Necrosis.INFARCT_LIKE, Necrosis.DIRTY})
    good = Nodule("1", residual_percent="40.0", necrosis=both, components=made_of)
    assert good.components is made_of
    with pytest.raises(InputRefused, match="NODULE-CONTRADICTS: two shares of viable cells"):
        replace(good, residual_percent=41)
    for kind in Necrosis:
        with pytest.raises(InputRefused, match="NODULE-CONTRADICTS: a share of a kind of necrosis"):
            replace(good, necrosis=frozenset({kind}))
    assert replace(good, necrosis=None, residual_percent=None).necrosis is None
    assert replace(good, components=Components(None, 20, None, None), necrosis=frozenset()).necrosis == frozenset()
    none_of_it = Components(40, 60, 0, 0)
    assert replace(good, components=none_of_it, necrosis=frozenset()).components == none_of_it
    # a kind that was seen may have a share of 0 or none recorded
    assert replace(good, components=none_of_it).necrosis == both


@pytest.mark.parametrize(
    ("fat", "category"),
    [
        (None, Steatosis.UNKNOWN),
        (0, Steatosis.NONE),
        ("0.1", Steatosis.BELOW_10),
        ("9.999", Steatosis.BELOW_10),
        (10, Steatosis.FROM_10_TO_50),
        (50, Steatosis.FROM_10_TO_50),
        ("50.001", Steatosis.ABOVE_50),
        (100, Steatosis.ABOVE_50),
    ],
)
def test_steatosis(fat: float | None, category: Steatosis) -> None:
    assert steatosis_class(fat) is category


def test_steatosis_out_of_range_is_refused() -> None:
    with pytest.raises(InputRefused, match="PERCENT-OUT-OF-RANGE: the share of steatosis"):
        steatosis_class(101)


HEALTHY = BackgroundLiver(Steatosis.NONE, Finding.ABSENT, Finding.ABSENT, Finding.ABSENT, Finding.ABSENT)
FIELDS = {
    "fibrosis": ("fibrosis", "fibrose"),
    "iron_overload": ("iron overload", "surcharge en fer"),
    "steatohepatitis": ("steatohepatitis", "stéatohépatite"),
    "sinusoidal_obstruction": ("sinusoidal obstruction", "obstruction sinusoïdale"),
}


def test_a_liver_in_which_nothing_was_found() -> None:
    said = background(HEALTHY)
    assert (said.criterion, said.category, said.flags) == (BACKGROUND, "unaltered", ())
    assert [(r.rule, r.numbers) for r in said.reasons] == [("background-unaltered", {})]
    assert "Nothing" in said.reasons[0].text.en
    assert "Rien" in said.reasons[0].text.fr


@pytest.mark.parametrize("field", FIELDS)
def test_each_finding_alters_and_each_unknown_is_named(field: str) -> None:
    said = background(replace(HEALTHY, **{field: Finding.PRESENT}))
    assert (said.criterion, said.category, said.flags) == (BACKGROUND, "altered", ("background-liver-altered",))
    (reason,) = said.reasons
    assert (reason.rule, reason.numbers) == ("background-" + field.replace("_", "-"), {})
    assert reason.text.en == f"Found in the liver around: {FIELDS[field][0]}."
    assert reason.text.fr == f"Trouvé dans le foie environnant\u00a0: {FIELDS[field][1]}."
    unknown = background(replace(HEALTHY, **{field: Finding.UNKNOWN}))
    assert (unknown.criterion, unknown.category, unknown.flags) == (BACKGROUND, "not_evaluable", ("background-liver-unknown",))
    assert [r.text.en for r in unknown.reasons] == [f"Not recorded: {FIELDS[field][0]}."]
    assert [r.text.fr for r in unknown.reasons] == [f"Non renseigné\u00a0: {FIELDS[field][1]}."]


@pytest.mark.parametrize("fat", [Steatosis.BELOW_10, Steatosis.FROM_10_TO_50, Steatosis.ABOVE_50])
def test_any_steatosis_alters(fat: Steatosis) -> None:
    said = background(BackgroundLiver(steatosis=fat))
    assert (said.category, said.flags) == ("altered", ("background-liver-altered", "background-liver-unknown"))
    assert [(r.rule, r.numbers) for r in said.reasons] == [("background-steatosis", {"steatosis_class": fat.value})]
    assert "stéatose" in said.reasons[0].text.fr


def test_of_an_unknown_liver_nothing_is_said() -> None:
    said = background(BackgroundLiver())
    assert said.category == "not_evaluable"
    assert [r.text.en.split(": ")[1] for r in said.reasons] == ["steatosis.", *(f"{en}." for en, _ in FIELDS.values())]


def test_links_list_what_stays_alone_in_the_order_given() -> None:
    assert link(["c", "a", "b"], ["2", "1", "3"], [("a", "3")]) == Links((("a", "3"),), ("c", "b"), ("2", "1"))
    assert link([], [], []) == Links((), (), ())
    # the two sides may use the same names
    assert link(["1", "2"], ["1", "2"], [("1", "2"), ("2", "1")]) == Links((("1", "2"), ("2", "1")), (), ())


@pytest.mark.parametrize(
    ("lesions", "nodules", "pairs", "code"),
    [
        (["a", "a"], ["1"], [], "LESIONS-REPEATED"),
        (["a"], ["1", "1"], [], "NODULES-REPEATED"),
        (["a"], ["1"], [("b", "1")], "LINK-LESION-UNKNOWN: pair 1"),
        (["a"], ["1"], [("1", "1")], "LINK-LESION-UNKNOWN: pair 1"),
        (["a"], ["1"], [("a", "2")], "LINK-NODULE-UNKNOWN: pair 1"),
        (["a", "b"], ["1", "2"], [("a", "1"), ("a", "2")], "LINK-LESION-TWICE: pair 2"),
        (["a", "b"], ["1", "2"], [("a", "1"), ("b", "1")], "LINK-NODULE-TWICE: pair 2"),
        (["a", "b"], ["1", "2"], [("a", "1"), ("b", "2"), ("a", "1")], "LINK-LESION-TWICE: pair 3"),
    ],
)
def test_a_wrong_link_is_refused_by_name(lesions, nodules, pairs, code) -> None:
    with pytest.raises(InputRefused, match=code):
        link(lesions, nodules, pairs)


def test_a_refusal_of_a_link_holds_no_identifier() -> None:
    with pytest.raises(InputRefused) as caught:
        link(["Dupont"], ["1"], [("Durand", "1")])
    assert "Du" not in str(caught.value)


@given(st.sets(st.text("abc", min_size=1, max_size=3)), st.sets(st.text("abc", min_size=1, max_size=3)), st.data())
def test_every_identifier_ends_up_once(lesions: set[str], nodules: set[str], data: st.DataObject) -> None:
    left, right = sorted(lesions), sorted(nodules)
    count = data.draw(st.integers(0, min(len(left), len(right))))
    pairs = list(zip(data.draw(st.permutations(left)), data.draw(st.permutations(right)), strict=False))[:count]
    found = link(left, right, pairs)
    assert sorted([*(a for a, _ in found.pairs), *found.lesions_alone]) == left
    assert sorted([*(b for _, b in found.pairs), *found.nodules_alone]) == right
    assert found.pairs == tuple(pairs)
