from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.pathology.interface import INTERFACE, NOT_A_RIM, interface_thickness, patient_interface

RULES = {"<0.5": "interface-thin", "0.5-<5": "interface-middle", ">=5": "interface-thick"}
WORDS = {"<0.5": ("Below 0.5", "Moins de 0,5"), "0.5-<5": ("From 0.5", "De 0,5"), ">=5": ("5 mm or more", "5 mm ou plus")}


@pytest.mark.parametrize(
    ("mm", "category"),
    [
        (0, "<0.5"),
        (0.4, "<0.5"),
        ("0.49999999999999999999", "<0.5"),
        (0.5, "0.5-<5"),
        (2.8, "0.5-<5"),
        (4.99, "0.5-<5"),
        ("4.99999999999999999999", "0.5-<5"),
        (5, ">=5"),
        (12, ">=5"),
    ],
)
def test_thickness_of_one_nodule(mm: float, category: str) -> None:
    said = interface_thickness(mm)
    assert (said.criterion, said.category, said.flags) == (INTERFACE, category, ())
    first, second = said.reasons
    assert (first.rule, first.numbers) == (RULES[category], {"thickness_mm": Fraction(str(mm))})
    assert WORDS[category][0] in first.text.en
    assert WORDS[category][1] in first.text.fr
    assert second is NOT_A_RIM


def test_the_rim_on_ct_is_said_not_to_be_it() -> None:
    assert NOT_A_RIM.rule == "interface-is-not-the-rim"
    assert NOT_A_RIM.numbers == {"ct_slice_mm": Fraction(5, 2)}
    assert "2.5 mm" in NOT_A_RIM.text.en
    assert "2,5 mm" in NOT_A_RIM.text.fr


@pytest.mark.parametrize(
    ("mms", "mean", "category"),
    [
        ([0.2, 0.7], "0.45", "<0.5"),
        ([0.2, 0.8], "0.5", "0.5-<5"),
        ([0, 9.99], "4.995", "0.5-<5"),
        ([0, 10], "5", ">=5"),
        ([0.1, 0.2, 0.3], "0.2", "<0.5"),
        ([3], "3", "0.5-<5"),
    ],
)
def test_the_patient_is_the_mean_over_nodules(mms: list[float], mean: str, category: str) -> None:
    said = patient_interface(mms)
    assert (said.criterion, said.category, said.flags) == (INTERFACE, category, ())
    assert said.reasons[0].rule == RULES[category]
    assert said.reasons[0].numbers == {"mean_mm": Fraction(mean), "nodules": len(mms)}
    assert said.reasons[1] is NOT_A_RIM


def test_a_nodule_not_recorded_leaves_the_mean_open_unless_the_others_reach_5_mm() -> None:
    short = patient_interface([9.99, None])
    assert (short.criterion, short.category, short.flags) == (INTERFACE, "not_evaluable", ("nodules-unknown",))
    assert "interface" in short.reasons[0].text.en
    enough = patient_interface([10, None])
    assert (enough.criterion, enough.category, enough.flags) == (INTERFACE, ">=5", ("nodules-unknown",))
    assert enough.reasons[0].rule == "interface-thick"
    assert enough.reasons[0].numbers == {"mean_at_least_mm": 5, "nodules": 2, "unknown": 1}
    assert enough.reasons[1] is NOT_A_RIM


def test_what_cannot_be_is_refused_and_what_is_not_known_is_said() -> None:
    with pytest.raises(InputRefused, match="NODULES-MISSING"):
        patient_interface([])
    for rule in (interface_thickness, lambda mm: patient_interface([1, mm])):
        with pytest.raises(InputRefused, match="NUMBER-NEGATIVE: the thickness of tumor at the interface"):
            rule(-0.1)
    said = interface_thickness(None)
    assert (said.criterion, said.category, said.flags) == (INTERFACE, "not_evaluable", ())
    assert "interface" in said.reasons[0].text.fr


@given(st.lists(st.fractions(min_value=0, max_value=20), min_size=1, max_size=6))
def test_the_mean_of_a_patient_does_not_depend_on_order_and_lies_between_its_nodules(mms: list[Fraction]) -> None:
    said = patient_interface(mms)
    assert said == patient_interface(mms[::-1])
    order = list(RULES)
    places = [order.index(interface_thickness(mm).category) for mm in mms]
    assert min(places) <= order.index(said.category) <= max(places)
