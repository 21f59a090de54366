from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.regression import (
    BLAZER,
    GRADE_DEFINITIONS,
    GROUP,
    GROUP_DEFINITIONS,
    MODIFIED,
    TRG,
    Components,
    grade_of,
    modified_grade,
    regression_grade,
    regression_group,
    residual_cells,
)


@pytest.mark.parametrize(
    ("grade", "group"), [(1, "MjHR"), (2, "MjHR"), (3, "PHR"), (4, "NHR"), (5, "NHR"), ("2", "MjHR"), (4.0, "NHR")]
)
def test_every_grade_has_its_group_and_its_definition(grade: int, group: str) -> None:
    number = int(grade)
    said = regression_grade(grade)
    assert (said.criterion, said.category, said.flags) == (TRG, f"TRG{number}", ())
    assert [(r.rule, r.text, r.numbers) for r in said.reasons] == [(f"trg-{number}", GRADE_DEFINITIONS[number], {"trg": number})]
    grouped = regression_group(grade)
    assert (grouped.criterion, grouped.category, grouped.flags) == (GROUP, group, ())
    first, second = grouped.reasons
    assert (first.rule, first.text, first.numbers) == (f"group-{group.lower()}", GROUP_DEFINITIONS[group], {"trg": number})
    assert second == said.reasons[0]


def test_definitions_say_what_sets_the_grades_apart() -> None:
    words = {
        1: "No tumor cells",
        2: "Rare tumor cells",
        3: "fibrosis predominates",
        4: "predominate over fibrosis",
        5: "no fibrosis",
    }
    french = {1: "Aucune", 2: "Rares", 3: "la fibrose prédomine", 4: "prédominent sur la fibrose", 5: "sans fibrose"}
    assert all(words[grade] in text.en and french[grade] in text.fr for grade, text in GRADE_DEFINITIONS.items())
    assert sorted(GRADE_DEFINITIONS) == [1, 2, 3, 4, 5]
    assert {key: text.en[-4:-1].strip() for key, text in GROUP_DEFINITIONS.items()} == {"MjHR": "r 2", "PHR": "G 3", "NHR": "r 5"}


@pytest.mark.parametrize("grade", [0, 6, 2.5, -1, "10"])
def test_a_grade_that_does_not_exist_is_refused(grade: float) -> None:
    for rule in (grade_of, regression_grade, regression_group):
        with pytest.raises(InputRefused, match="TRG-UNKNOWN"):
            rule(grade)


@pytest.mark.parametrize("grade", [True, "three", float("nan")])
def test_a_grade_that_is_no_number_is_refused(grade: object) -> None:
    with pytest.raises(InputRefused, match="NUMBER-INVALID: the regression grade"):
        grade_of(grade)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "criterion"), [(regression_grade, TRG), (regression_group, GROUP), (residual_cells, BLAZER)])
def test_what_was_not_recorded_is_not_evaluable(rule, criterion) -> None:
    said = rule(None)
    assert (said.criterion, said.category, said.flags) == (criterion, "not_evaluable", ())
    (reason,) = said.reasons
    assert reason.rule == "not-recorded"
    assert reason.numbers == {}
    missing = ("viable", "viables") if criterion == BLAZER else ("grade", "grade")
    assert missing[0] in reason.text.en
    assert missing[1] in reason.text.fr
    assert reason.text.en.startswith("Not recorded: the ")
    assert reason.text.fr.startswith("Non renseigné\u00a0: l")


@pytest.mark.parametrize(
    ("percent", "category"),
    [
        (0, "complete"),
        ("0.0", "complete"),
        ("0.0001", "major"),
        (1, "major"),
        (49, "major"),
        (49.5, "major"),
        ("49.99999999999999999999", "major"),
        (50, "minor"),
        ("50.00000000000000000001", "minor"),
        (100, "minor"),
    ],
)
def test_residual_cells(percent: float, category: str) -> None:
    said = residual_cells(percent)
    assert (said.criterion, said.category, said.flags) == (BLAZER, category, ())
    (reason,) = said.reasons
    assert reason.rule == f"blazer-{category}"
    assert reason.numbers == {"viable_percent": Fraction(str(percent)), "minor_from_percent": 50}
    assert {"complete": "No viable", "major": "below 50", "minor": "or more"}[category] in reason.text.en
    assert {"complete": "Aucune", "major": "moins de 50", "minor": "ou plus"}[category] in reason.text.fr


def test_a_share_out_of_range_is_refused() -> None:
    with pytest.raises(InputRefused, match="PERCENT-OUT-OF-RANGE: the share of viable tumor cells is more"):
        residual_cells("100.0001")
    with pytest.raises(InputRefused, match="NUMBER-NEGATIVE: the share of viable tumor cells"):
        residual_cells(-1)


@given(st.fractions(min_value=0, max_value=100), st.fractions(min_value=0, max_value=100))
def test_more_viable_cells_never_give_a_better_category(one: Fraction, other: Fraction) -> None:
    order = ["complete", "major", "minor"]
    few, many = sorted((one, other))
    assert order.index(residual_cells(few).category) <= order.index(residual_cells(many).category)


@pytest.mark.parametrize(
    ("viable", "fibrosis", "infarct", "dirty", "rare", "category", "flags"),
    [
        # infarct-like necrosis counts like fibrosis
        (0, 100, 0, 0, None, "mTRG1", ()),
        (0, 0, 100, 0, None, "mTRG1", ()),
        (5, 0, 95, 0, True, "mTRG2", ()),
        (5, 95, 0, 0, True, "mTRG2", ()),
        (30, 10, 60, 0, False, "mTRG3", ()),
        (60, 20, 20, 0, False, "mTRG4", ()),
        (60, 20, 20, 0, None, "mTRG4", ()),
        (60, 20, 20, 0, True, "mTRG4", ()),
        (100, 0, 0, 0, None, "mTRG5", ()),
        # dirty necrosis never counts as response
        (40, 0, 0, 60, None, "mTRG5", ()),
        (40, 30, 0, 30, None, "mTRG4", ()),
        (20, 70, 0, 10, False, "mTRG3", ()),
        (5, 51, 0, 44, True, "mTRG2", ()),
        (0, 60, 0, 40, None, "mTRG1", ()),
        # where it matters on which side it stands, no grade
        (0, 40, 0, 60, None, "not_defined", ("dirty-necrosis-decides",)),
        (0, 50, 0, 50, None, "not_defined", ("dirty-necrosis-decides",)),
        (20, 30, 0, 50, False, "not_defined", ("dirty-necrosis-decides",)),
        (20, 30, 0, 10, False, "not_defined", ("dirty-necrosis-decides", "components-incomplete")),
        (20, 30, 0, 50, None, "not_defined", ("rare-cells-not-recorded", "dirty-necrosis-decides")),
        (0, 0, 0, 100, None, "not_defined", ()),
        # the word of the pathologist sets 2 and 3 apart
        (5, 95, 0, 0, None, "not_defined", ("rare-cells-not-recorded",)),
        (5, 90, 0, 0, None, "not_defined", ("rare-cells-not-recorded", "components-incomplete")),
        # neither predominates
        (50, 30, 20, 0, False, "not_defined", ()),
        (50, 30, 20, 0, True, "not_defined", ()),
        (50, 30, 20, 0, None, "not_defined", ("rare-cells-not-recorded",)),
        # the rest counts on neither side
        (10, 20, 0, 0, False, "mTRG3", ("components-incomplete",)),
        (0, 0, 0, 0, None, "not_defined", ("components-incomplete",)),
        ("33.3", "33.4", 0, 0, False, "mTRG3", ("components-incomplete",)),
        ("33.4", "33.3", 0, 0, False, "mTRG4", ("components-incomplete",)),
    ],
)
def test_modified_grade(viable, fibrosis, infarct, dirty, rare, category, flags) -> None:
    said = modified_grade(Components(viable, fibrosis, infarct, dirty, rare))
    assert (said.criterion, said.category, said.flags) == (MODIFIED, category, flags)
    (reason,) = said.reasons
    assert reason.rule == ("mtrg-open" if category == "not_defined" else category.replace("mTRG", "mtrg-"))
    viable, fibrosis, infarct, dirty = (Fraction(str(one)) for one in (viable, fibrosis, infarct, dirty))
    given_numbers = {
        "viable_percent": viable,
        "response_percent": fibrosis + infarct,
        "dirty_necrosis_percent": dirty,
        "recorded_percent": viable + fibrosis + infarct + dirty,
        "rare": rare,
    }
    assert {key: reason.numbers[key] for key in given_numbers} == given_numbers
    assert len(reason.numbers) == (7 if category == "not_defined" else 5)
    words = {"1": "No tumor", "2": "Rare", "3": "More", "4": "Tumor predominates", "5": "Neither", "d": "settle"}
    assert words[category[-1]] in reason.text.en
    french = {"1": "Aucune", "2": "Rares", "3": "Davantage", "4": "La tumeur", "5": "Ni", "d": "déterminent"}
    assert french[category[-1]] in reason.text.fr


def test_what_stays_open_names_the_grades_left() -> None:
    numbers = modified_grade(Components(20, 30, 0, 50)).reasons[0].numbers
    assert numbers["possible_if_dirty_necrosis_is_apart"] == "2, 3"
    assert numbers["possible_if_dirty_necrosis_is_tumor"] == "4"
    equal = modified_grade(Components(50, 50, 0, 0, False)).reasons[0].numbers
    assert equal["possible_if_dirty_necrosis_is_apart"] == equal["possible_if_dirty_necrosis_is_tumor"] == "3, 4"
    assert modified_grade(Components(0, 0, 0, 100)).reasons[0].numbers["possible_if_dirty_necrosis_is_tumor"] == ""


@pytest.mark.parametrize("place", range(4))
def test_a_component_not_recorded_gives_no_grade_and_is_named(place: int) -> None:
    shares: list[int | None] = [10, 20, 30, 40]
    shares[place] = None
    said = modified_grade(Components(*shares))  # type: ignore[arg-type]
    assert (said.criterion, said.category) == (MODIFIED, "not_evaluable")
    (reason,) = said.reasons
    assert ("viable tumor", "fibrosis", "infarct-like necrosis", "dirty necrosis")[place] in reason.text.en
    assert ("tumeur viable", "fibrose", "nécrose de type infarctus", "nécrose sale")[place] in reason.text.fr
    assert len(modified_grade(Components(None, None, None, None)).reasons) == 4


@pytest.mark.parametrize("place", range(4))
def test_components_out_of_range_are_refused_by_name(place: int) -> None:
    name = ("viable tumor", "fibrosis", "infarct-like necrosis", "dirty necrosis")[place]
    shares: list[float] = [0, 0, 0, 0]
    shares[place] = 101
    with pytest.raises(InputRefused, match=f"PERCENT-OUT-OF-RANGE: the share of {name}"):
        Components(*shares)
    shares[place] = -1
    with pytest.raises(InputRefused, match=f"NUMBER-NEGATIVE: the share of {name}"):
        Components(*shares)


def test_components_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputRefused, match="COMPONENTS-OVER-100"):
        Components(25, 25, 25, "25.01")
    with pytest.raises(InputRefused, match="COMPONENTS-OVER-100"):
        Components(60, None, None, 41)
    with pytest.raises(InputRefused, match="COMPONENTS-CONTRADICT"):
        Components(0, 100, 0, 0, True)
    assert Components(0, 100, 0, 0, False).rare is False
    assert Components(None, 100, 0, 0, True).rare is True
    assert Components(25, 25, 25, 25).dirty_necrosis_percent == 25


shares = st.lists(st.integers(0, 25), min_size=4, max_size=4)


@given(shares, st.sampled_from([False, None]))
def test_infarct_like_necrosis_and_fibrosis_are_interchangeable(four: list[int], rare: bool | None) -> None:
    viable, fibrosis, infarct, dirty = four
    assert modified_grade(Components(viable, fibrosis, infarct, dirty, rare)) == modified_grade(
        Components(viable, infarct, fibrosis, dirty, rare)
    )


@given(shares)
def test_dirty_necrosis_never_improves_a_grade(four: list[int]) -> None:
    viable, fibrosis, infarct, dirty = four
    with_it = modified_grade(Components(viable, fibrosis, infarct, dirty, False)).category
    without = modified_grade(Components(viable, fibrosis, infarct, 0, False)).category
    assert with_it in {without, "not_defined"}
