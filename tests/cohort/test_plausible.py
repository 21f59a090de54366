from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.plausible import MADE_WITH, SMALLEST_MM, checked
from hepaflow.cohort.table import Finding, LesionTable

UP, DOWN = np.inf, -np.inf


def table(numbers: dict[str, list[float]], texts: dict[str, tuple[str | None, ...]] | None = None) -> LesionTable:
    """Lesions of as many patients; the header is row 1."""
    n = len(next(iter(numbers.values()), next(iter((texts or {}).values()), ())))
    names = tuple(f"P{k}" for k in range(n))
    return LesionTable(names, ("1",) * n, tuple(range(2, n + 2)), {k: np.array(v) for k, v in numbers.items()}, texts or {})


def codes(found: tuple[Finding, ...]) -> list[tuple[str, str | None, tuple[int, ...]]]:
    return [(one.code, one.column, one.rows) for one in found]


@pytest.mark.parametrize("name", ["haf", "HAF", "lesion_haf", "extraction", "extract", "probability_major", "fraction_portal"])
def test_a_fraction_lies_between_0_and_1(name: str) -> None:
    values = [0.0, 1.0, float(np.nextafter(0.0, DOWN)), float(np.nextafter(1.0, UP)), np.nan, 6.3]
    kept, found = checked(table({name: values}))
    assert codes(found) == [("impossible-value", name, (4, 5, 7))]
    assert kept.numbers[name].tolist() == pytest.approx([0, 1, np.nan, np.nan, np.nan, np.nan], nan_ok=True)
    assert found[0].severity == "serious"
    assert found[0].text.startswith(f"{name}: 3 of 6 values are impossible (a fraction lies between 0 and 1)")


@pytest.mark.parametrize(
    "name", ["bf", "BF", "bv_ml_100g", "lesion_mtt_s", "habf", "hpbf", "ps", "ktrans", "ttp_s", "volume", "diameter_mm", "size_mm"]
)
def test_flows_volumes_times_and_sizes_are_not_negative(name: str) -> None:
    kept, found = checked(table({name: [20.0, -0.0, 0.0, float(np.nextafter(0.0, DOWN)), np.nan]}))
    impossible = [one for one in codes(found) if one[0] == "impossible-value"]
    assert impossible == [("impossible-value", name, (5,))]
    assert np.isnan(kept.numbers[name]).tolist() == [False, False, False, True, True]
    assert "cannot be negative" in found[0].text


def test_ratios_may_exceed_1_and_are_not_negative() -> None:
    kept, found = checked(table({"haf_ratio": [3.0, -0.1, 0.0], "bf_ratio": [1.2, 0.4, -2.0]}))
    assert codes(found) == [("impossible-value", "haf_ratio", (3,)), ("impossible-value", "bf_ratio", (4,))]
    assert "ratio of flows" in found[0].text
    assert np.isnan(kept.numbers["bf_ratio"]).tolist() == [False, False, True]


@pytest.mark.parametrize(
    "name", ["size_change_percent", "bf_difference", "haf_sd", "log_bf", "delta_bv", "bf_change_ratio", "score", "age", "bfx"]
)
def test_what_may_have_a_sign_is_left_alone(name: str) -> None:
    kept, found = checked(table({name: [-3.0, 0.0, 7.0]}))
    assert found == ()
    assert kept.numbers[name].tolist() == [-3.0, 0.0, 7.0]


@pytest.mark.parametrize("pattern", ["{}", "lesion_{}", "{}_ml_min_100g", "a_{}_b"])
def test_parts_of_a_flow_within_5_per_cent(pattern: str) -> None:
    whole, arterial, portal = (pattern.format(key) for key in ("bf", "habf", "hpbf"))
    numbers = {
        whole: [100.0, 100.0, 100.0, 100.0, 100.0, 0.0],
        arterial: [20.0, 20.0, 20.0, 20.0, np.nan, 0.0],
        portal: [80.0, 85.0, 85.1, 74.9, 10.0, 0.0],
    }
    kept, found = checked(table(numbers))
    assert codes(found) == [("flow-parts", whole, (4, 5))]
    assert found[0].severity == "caution"
    assert found[0].text.startswith(f"{arterial} + {portal} is more than 5% off {whole} in 2 lesions")
    assert kept.numbers[whole].tolist() == numbers[whole]  # said, not left out
    assert codes(checked(table({name.upper(): values for name, values in numbers.items()}))[1]) == [
        ("flow-parts", whole.upper(), (4, 5))
    ]


def test_volume_is_flow_times_time_within_10_per_cent() -> None:
    numbers = {"bf": [60.0] * 5, "mtt": [20.0] * 5, "bv": [20.0, 22.0, 22.1, 17.9, np.nan]}
    _, found = checked(table(numbers))
    assert codes(found) == [("volume-is-not-flow-times-time", "bv", (4, 5))]
    assert found[0].text.startswith("bv is more than 10% off bf x mtt in 2 lesions")


@pytest.mark.parametrize("left_out", ["bf", "mtt", "bv"])
def test_families_must_be_whole(left_out: str) -> None:
    numbers = {"bf": [60.0], "mtt": [20.0], "bv": [90.0]}
    del numbers[left_out]
    assert checked(table(numbers))[1] == ()


@pytest.mark.parametrize("pattern", ["{}_ratio", "total_{}", "{}_sd", "log_{}"])
def test_ratios_and_totals_and_spreads_need_not_add_up(pattern: str) -> None:
    assert checked(table({pattern.format(key): [50.0] for key in ("bf", "habf", "hpbf", "bv", "mtt")}))[1] == ()


def test_an_impossible_cell_is_not_judged_again() -> None:
    _, found = checked(table({"bf": [-100.0], "habf": [20.0], "hpbf": [80.0]}))
    assert codes(found) == [("impossible-value", "bf", (2,))]


@pytest.mark.parametrize("name", MADE_WITH)
def test_lesions_made_in_different_ways_are_said(name: str) -> None:
    _, found = checked(table({}, {name: ("a", "b", "a")}))
    assert [(one.code, one.severity, one.column, one.rows) for one in found] == [
        (f"mixed-{name.replace('_', '-')}", "serious", name, ())
    ]
    assert "(a, b)" in found[0].text
    assert checked(table({}, {name: ("a", "a", "a")}))[1] == ()
    assert checked(table({}, {name: (None, None, None)}))[1] == ()
    _, unknown = checked(table({}, {name: ("a", None, None)}))
    assert [(one.code, one.severity, one.column, one.rows) for one in unknown] == [("made-with-unknown", "caution", name, (3, 4))]


def test_numbers_that_say_how_are_read_too() -> None:
    _, found = checked(table({"density_g_ml": [1.0, 1.05, np.nan], "haematocrit": [0.4, 0.4, np.nan]}))
    assert codes(found) == [("mixed-density-g-ml", "density_g_ml", ()), ("made-with-unknown", "haematocrit", (4,))]
    assert "(1, 1.05)" in found[0].text


def test_five_of_many_ways_are_shown() -> None:
    names = tuple("abcdef")
    assert "(a, b, c, d, e ...)" in checked(table({}, {"model": names}))[1][0].text
    assert "(a, b, c, d, e)" in checked(table({}, {"model": names[:5]}))[1][0].text


@pytest.mark.parametrize("name", ["diameter_mm", "size_mm"])
def test_lesions_under_15_mm(name: str) -> None:
    _, found = checked(table({name: [15.0, float(np.nextafter(15.0, DOWN)), np.nan, 3.0]}))
    assert codes(found) == [("small-lesion", name, (3, 5))]
    assert found[0].text.startswith("2 lesions are smaller than 15 mm")
    assert SMALLEST_MM == 15.0


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=12))
def test_checking_again_finds_nothing_impossible(values: list[float]) -> None:
    first, _ = checked(table({"haf": values, "bf_ratio": values}))
    again, found = checked(first)
    assert not [one for one in found if one.code == "impossible-value"]
    for name in ("haf", "bf_ratio"):
        assert again.numbers[name].tolist() == pytest.approx(first.numbers[name].tolist(), nan_ok=True)
    kept = first.numbers["haf"][np.isfinite(first.numbers["haf"])]
    assert kept.tolist() == [v for v in values if 0 <= v <= 1]
