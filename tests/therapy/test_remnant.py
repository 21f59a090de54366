"""The future liver remnant: both denominators, thresholds, formulas worked by hand, and masks of segments."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.therapy.remnant import Volumes, assess, body_surface_m2, enough, standard_liver_ml, standardized_percent, volumes_of


@pytest.mark.parametrize(("liver", "least"), [("normal", 25), ("chemo", 30), ("hepatopathy", 40)])
def test_a_remnant_suffices_from_its_threshold_on(liver: str, least: int) -> None:
    assert enough(least, liver)
    assert not enough(f"{least - 1}.999", liver)


def test_formulas_are_those_of_the_papers() -> None:
    # 1267.28 * 1.8 - 794 = 1487.104; 706.2 * 1.8 + 2.4 = 1273.56
    assert standard_liver_ml("1.8") == Fraction("1487.104")
    assert standard_liver_ml("1.8", "urata") == Fraction("1273.56")
    assert float(standardized_percent(400, "1.8")) == pytest.approx(26.898, abs=1e-3)
    # sqrt(180 * 80 / 3600) = 2; Du Bois 0.007184 * 180^0.725 * 80^0.425
    assert body_surface_m2(180, 80) == pytest.approx(2.0)
    assert body_surface_m2(180, 80, "du_bois") == pytest.approx(1.9964, abs=1e-4)


@pytest.mark.parametrize(
    ("volumes", "liver", "surface", "category"),
    [
        (Volumes(400, 1700, 100), "normal", "1.8", "sufficient"),  # 25 % and 26.9 %
        (Volumes(399, 1700, 100), "normal", "1.8", "depends_on_denominator"),  # 24.9 % and 26.8 %
        (Volumes(300, 1700, 100), "normal", "1.8", "insufficient"),
        (Volumes(400, 1000, 0), "chemo", "1.8", "depends_on_denominator"),  # 40 % and 26.9 %
        (Volumes(400, 1700, 100), "normal", None, "sufficient"),
        (Volumes(400, 1700, 99), "normal", None, "insufficient"),  # 24.98 %
    ],
)
def test_both_denominators_are_reported(volumes: Volumes, liver: str, surface: str | None, category: str) -> None:
    found = assess(volumes, liver, surface_m2=surface)
    assert found.category == category
    by_ct, by_body = found.reasons
    assert by_ct.numbers["percent"] == 100 * Fraction(volumes.remnant_ml) / (
        Fraction(volumes.total_ml) - Fraction(volumes.tumor_ml)
    )
    assert by_ct.numbers["least_percent"] == by_body.numbers["least_percent"]
    if surface is None:
        assert by_body.numbers["percent"] is None
        assert by_body.text.en.endswith("not available.")
        assert by_body.text.fr.endswith("non disponible.")
    else:
        assert by_body.numbers["percent"] == standardized_percent(volumes.remnant_ml, surface)
        assert by_body.numbers["denominator"] == "standardized (vauthey)"


def test_the_sentence_says_on_which_side_of_the_threshold() -> None:
    low, high = (assess(Volumes(ml, 1000), "chemo").reasons[0].text for ml in (299, 300))
    assert low.en == "29.9 % of the liver on CT without its tumors (below 30 %)."
    assert high.fr == "30.0 % du foie au scanner sans ses tumeurs (au moins 30 %)."


@given(st.integers(1, 400), st.integers(0, 300), st.integers(1, 5))
def test_scaling_all_volumes_changes_no_share(remnant: int, tumor: int, factor: int) -> None:
    one, more = Volumes(remnant, 1000, tumor), Volumes(factor * remnant, factor * 1000, factor * tumor)
    assert assess(one, "normal").reasons[0].numbers == assess(more, "normal").reasons[0].numbers


def test_segments_add_up_to_the_remnant_without_its_tumors() -> None:
    grid = Grid.from_spacing((4, 10, 8), (5.0, 2.0, 2.0))  # 0.02 mL a voxel
    segments = np.zeros(grid.shape, np.int16)
    segments[:, :8] = np.arange(1, 9)[None, :, None]  # 32 voxels a segment
    tumor = np.zeros(grid.shape, bool)
    tumor[0, 0] = True  # 8 voxels in segment 1
    tumor[1, 6] = True  # 8 in segment 7
    tumor[2, 9] = True  # outside the liver
    found = volumes_of(segments, {5, 6, 7, 8}, tumor, grid=grid)
    assert found.total_ml == pytest.approx(256 * 0.02)
    assert found.tumor_ml == pytest.approx(16 * 0.02)
    assert found.remnant_ml == pytest.approx((128 - 8) * 0.02)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: Volumes(-1, 1000), "NUMBER-NEGATIVE"),
        (lambda: Volumes(400, 300), "REMNANT-VOLUMES"),
        (lambda: Volumes(0, 300, 300), "REMNANT-VOLUMES"),
        (lambda: Volumes(901, 1000, 100), "REMNANT-VOLUMES"),
        (lambda: enough(25, "sick"), "REMNANT-LIVER"),
        (lambda: body_surface_m2(0, 80), "BODY-SIZE"),
        (lambda: body_surface_m2(180, float("nan")), "BODY-SIZE"),
        (lambda: standard_liver_ml("0.6"), "BODY-SIZE"),
        (lambda: standard_liver_ml(0, "urata"), "BODY-SIZE"),
    ],
)
def test_what_cannot_be_is_refused(call: object, code: str) -> None:
    with pytest.raises(InputRefused, match=code):
        call()  # type: ignore[operator]


def test_segments_that_are_none_are_refused() -> None:
    grid = Grid.from_spacing((2, 2, 2), (1.0, 1.0, 1.0))
    nothing, tumor = np.zeros(grid.shape, np.int16), np.zeros(grid.shape, bool)
    for segments, resected, code in (
        (nothing, [], "REMNANT-SEGMENTS"),
        (nothing + 9, [], "REMNANT-SEGMENTS"),
        (nothing + 3, [4], "REMNANT-SEGMENTS"),
        (nothing[1:] + 3, [3], "REMNANT-SHAPE"),
    ):
        with pytest.raises(InputRefused, match=code):
            volumes_of(segments, resected, tumor, grid=grid)
    with pytest.raises(InputRefused, match="REMNANT-SHAPE"):
        volumes_of(nothing + 3, [3], tumor[1:], grid=grid)
