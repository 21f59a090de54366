"""The pictures of one patient: regions outlined where they lie, and a profile that follows the known flow of a made-up lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_study import pixels, same_bytes, size_mm, text_stays_inside, words_of
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.regions.shells import border_distance
from hepaflow.report.figures import raster
from hepaflow.report.study_case import BEYOND_MM, halo_figure, placement_figure, profile, signed_distance

GRID = Grid.from_spacing((14, 48, 48), (3.0, 2.5, 2.5))
AT = GRID.to_mm(np.stack(np.meshgrid(*[np.arange(n) for n in GRID.shape], indexing="ij"), axis=-1))
CENTER = GRID.to_mm((np.array(GRID.shape) - 1) / 2)
FROM_CENTER = np.linalg.norm(AT - CENTER, axis=-1)
LESION = FROM_CENTER < 14.0
LIVER = FROM_CENTER < 52.0
HEALTHY = np.linalg.norm(AT - CENTER - np.array([28.0, 0, 0]), axis=-1) < 7.0
IMAGE = np.where(LIVER, 110.0, -80.0).astype(np.float32)
#: A dead core, a bright rim, liver around.
FLOW = np.where(LIVER, np.where(FROM_CENTER < 9.0, 10.0, np.where(LESION, 150.0, 80.0)), np.nan).astype(np.float32)


def halo(**changed: Any) -> Any:
    given = {"lesion": LESION, "others": np.zeros_like(LESION), "healthy_flow": 80.0, "model": "aath", **changed}
    return halo_figure(IMAGE, FLOW, grid=GRID, **given)


def placement(maps: int = 6, **changed: Any) -> Any:
    parts = dict.fromkeys(("bf", "habf", "hpbf", "bv", "mtt", "ttp", "haf")[:maps], FLOW)
    given = {"lesion": LESION, "healthy": HEALTHY, "liver": LIVER, "model": "aath", **changed}
    return placement_figure(IMAGE, parts, grid=GRID, **given)


def test_six_maps_and_ct_are_named_with_their_units() -> None:
    figure = placement()
    text = words_of(figure)
    for said in ("CT", "BF", "HABF", "HPBF", "BV", "MTT", "TTP", "HU", "mL/min/100 g", "5 cm", "lesion", "healthy liver"):
        assert said in text
    assert "another slice" not in text
    assert size_mm(figure)[0] == pytest.approx(180.0)
    assert text_stays_inside(figure)


def test_a_reference_on_another_slice_is_shown_there() -> None:
    elsewhere = np.zeros_like(HEALTHY)
    elsewhere[0, 20:26, 20:26] = True
    assert "another slice" in words_of(placement(healthy=elsewhere))
    assert "healthy" not in words_of(placement(healthy=None))


def test_the_outlines_are_seen() -> None:
    green = np.array([0x5F, 0xE3, 0xA1])

    def greens(figure: Any) -> int:
        return int((np.abs(pixels(raster(figure, 150)).astype(int) - green).max(axis=-1) < 12).sum())

    assert greens(placement()) > 10 * max(greens(placement(healthy=None)), 1)


@pytest.mark.parametrize("maps", [0, 7])
def test_no_map_and_too_many_are_refused(maps: int) -> None:
    with pytest.raises(InputRefused, match="FIGURE-MAPS"):
        placement(maps)


def test_an_empty_lesion_is_refused() -> None:
    for make in (halo, placement):
        with pytest.raises(InputRefused, match="FIGURE-EMPTY"):
            make(lesion=np.zeros_like(LESION))


def test_the_profile_follows_core_rim_and_liver() -> None:
    axes = halo().axes[1]
    line = next(line for line in axes.lines if str(line.get_label()).startswith("median"))
    found = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert found[-9.0] == pytest.approx(10.0)
    assert found[-3.0] == pytest.approx(150.0)
    assert all(value == pytest.approx(80.0) for at, value in found.items() if at > 1.0)
    assert max(found) < BEYOND_MM
    text = words_of(halo())
    for said in ("core", "rim", "surround", "Distance from the border (mm)", "Blood flow (mL/min/100 g)", "healthy liver"):
        assert said in text


def test_another_lesion_has_no_part_in_the_profile() -> None:
    others = (FROM_CENTER > 15.0) & (AT[..., 0] > CENTER[0])
    flow = np.where(others, np.float32(999.0), FLOW)
    figure = halo_figure(IMAGE, flow, grid=GRID, lesion=LESION, others=others, healthy_flow=None, model="aath")
    line = next(line for line in figure.axes[1].lines if str(line.get_label()).startswith("median"))
    assert max(line.get_ydata()) <= 150.0
    assert "healthy" not in words_of(figure)


def test_a_lesion_of_few_voxels_is_drawn() -> None:
    tiny = np.zeros_like(LESION)
    tiny[7, 24, 24] = True
    assert text_stays_inside(halo(lesion=tiny))


def test_distance_is_that_of_the_shells_with_its_sign() -> None:
    distance = signed_distance(LESION, GRID)
    inside = border_distance(LESION, GRID.spacing_mm)
    np.testing.assert_allclose(-distance[LESION], inside[LESION])
    outside = border_distance(~LESION, GRID.spacing_mm)
    near = ~LESION & (outside <= BEYOND_MM)
    np.testing.assert_allclose(distance[near], outside[near])
    assert np.isinf(distance[~LESION & ~near]).all()


@given(st.lists(st.tuples(st.floats(-20, 14), st.floats(0, 300)), max_size=60))
def test_quartiles_lie_in_order_within_the_values(pairs: list[tuple[float, float]]) -> None:
    distance, flow = np.array([d for d, _ in pairs], float), np.array([f for _, f in pairs], float)
    middles, quartiles = profile(distance, flow)
    assert quartiles.shape == (3, len(middles))
    assert (np.diff(middles) > 0).all()
    assert (np.diff(quartiles, axis=0) >= -1e-9).all()


def test_the_same_case_makes_the_same_files() -> None:
    assert same_bytes(placement)
    assert same_bytes(halo)
