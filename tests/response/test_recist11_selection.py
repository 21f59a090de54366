from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused
from hepaflow.response.recist11_selection import Candidate, measurable, organ_of, select


def lesions(*told: tuple[str, str, float]) -> list[Candidate]:
    return [Candidate(name, organ, Fraction(str(size))) for name, organ, size in told]


@pytest.mark.parametrize(
    ("size", "nodal", "slice_mm", "expected"),
    [
        ("10", False, 5, True),
        ("9.99", False, 5, False),
        ("15", True, 5, True),
        ("14.99", True, 5, False),
        ("10", False, 1, True),
        ("10.1", False, "5.1", False),  # 2 x 5.1
        ("10.2", False, "5.1", True),
        ("16", False, 8, True),
        ("15.99", False, 8, False),
        ("15", True, 6, True),  # 12 mm would do, but a node needs 15
        ("15.99", True, 8, False),
        ("16", True, 8, True),
    ],
)
def test_what_can_be_measured(size: str, nodal: bool, slice_mm: float | str, expected: bool) -> None:
    assert measurable(Fraction(size), nodal=nodal, slice_mm=slice_mm) is expected


def test_without_a_size_nothing_can_be_measured() -> None:
    assert measurable(None, nodal=False) is False
    assert measurable(Fraction(10), nodal=False) is True


@pytest.mark.parametrize(
    ("organ", "nodal", "expected"),
    [
        ("liver", False, "liver"),
        ("Left Lung", False, "lung"),
        ("lung, right", False, "lung"),
        ("lung_left", False, "lung"),
        ("right-kidney", False, "kidney"),
        ("Poumon gauche", False, "poumon"),
        ("rein droit", False, "rein"),
        ("surrénale droite", False, "surrénale"),
        ("hilum", True, "lymph nodes"),
        (None, True, "lymph nodes"),
        (None, False, None),
        ("left", False, None),
        ("", False, None),
        ("upright bone", False, "upright bone"),
    ],
)
def test_sides_of_a_pair_and_all_nodes_are_one_organ(organ: str | None, nodal: bool, expected: str | None) -> None:
    assert organ_of(organ, nodal=nodal) == expected


def test_at_most_two_an_organ_and_the_largest() -> None:
    assert select(lesions(("a", "liver", 12), ("b", "liver", 30), ("c", "liver", 20))) == ("b", "c")
    pair = lesions(("r", "right lung", 30), ("l", "left lung", 28), ("l2", "left lung", 27), ("h", "liver", 12))
    assert select(pair) == ("r", "l", "h")
    nodes = [Candidate(name, organ, Fraction(20), nodal=True) for name, organ in (("n", "hilum"), ("m", "axilla"), ("o", "neck"))]
    assert select(nodes) == ("n", "m")


def test_every_organ_before_the_second_of_any() -> None:
    told = [("liver1", "liver", 90), ("liver2", "liver", 80), ("lung1", "lung", 70), ("lung2", "lung", 60)]
    told += [("bone", "bone", 12), ("skin", "skin", 11), ("brain", "brain", 10)]
    assert select(lesions(*told)) == ("liver1", "lung1", "bone", "skin", "brain")
    assert select(lesions(*told[:-1])) == ("liver1", "liver2", "lung1", "bone", "skin")


def test_at_most_five_and_the_largest_of_too_many_organs() -> None:
    told = [(f"o{n}", f"organ {n}", 10 + n) for n in range(7)]
    assert select(lesions(*told)) == ("o6", "o5", "o4", "o3", "o2")


def test_what_does_not_fit_is_left_out() -> None:
    effusion, ablated = (
        Candidate("e", "pleura", Fraction(40), suitable=False),
        Candidate("r", "liver", Fraction(30), suitable=False),
    )
    assert select([effusion, ablated, *lesions(("x", "liver", 11), ("y", "liver", 9.9))]) == ("x",)
    assert select(lesions(("a", "liver", 14), ("b", "liver", 16)), slice_mm=8) == ("b",)
    assert select([Candidate("n", "liver", Fraction(14), nodal=True)]) == ()
    assert select([]) == ()


def test_a_negative_slice_is_refused() -> None:
    with pytest.raises(InputRefused, match=r"^NUMBER-NEGATIVE: the slice thickness"):
        select([], slice_mm=-1)
    with pytest.raises(InputRefused, match=r"^NUMBER-INVALID: the slice thickness"):
        measurable(Fraction(10), nodal=False, slice_mm="thick")
    assert select(lesions(("a", "liver", 10)), slice_mm=0) == ("a",)


candidates = st.lists(
    st.builds(
        lambda name, organ, size, nodal, suitable: Candidate(f"{organ}{name}", organ, Fraction(size, 10), nodal, suitable),
        st.integers(0, 10**6),
        st.sampled_from(["liver", "left lung", "right lung", "bone", "skin", "brain", "kidney"]),
        st.integers(0, 500),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
    unique_by=(lambda one: one.lesion, lambda one: one.size_mm),
)


@given(candidates, st.randoms())
def test_laws_of_selection(told: list[Candidate], chance: object) -> None:
    chosen = select(told)
    by_name = {one.lesion: one for one in told}
    organs = [organ_of(by_name[name].organ, nodal=by_name[name].nodal) for name in chosen]
    fit = [one for one in told if one.suitable and measurable(one.size_mm, nodal=one.nodal)]
    assert len(chosen) <= 5
    assert all(organs.count(organ) <= 2 for organ in organs)
    assert {by_name[name] for name in chosen} <= set(fit)
    assert len({organ_of(one.organ, nodal=one.nodal) for one in fit}) == len(set(organs)) or len(set(organs)) == 5
    sizes = [by_name[name].size_mm for name in chosen]
    assert sizes == sorted(sizes, reverse=True)
    mixed = list(told)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert select(mixed) == chosen
