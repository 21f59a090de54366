"""The ablation margin against shapes whose margin is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes_for_tests import GRIDS, ball, grid_of, half_diagonal, middle, points

from hepaflow.domain.geometry import Grid
from hepaflow.domain.quality import FLAGS
from hepaflow.errors import InputRefused
from hepaflow.therapy.margin import Margin, assess, category, measure


def drawn(generator: np.random.Generator, spacing: tuple[float, float, float]) -> tuple[Margin, float, Grid, np.ndarray, float]:
    """An eccentric ball in a ball: what was measured, the true least margin, the grid, the zone's center and radius."""
    least = max(6.0, *spacing)
    inner, wide = generator.uniform(least, least + 8.0), generator.uniform(1.0, 11.0)
    grid = grid_of(spacing, inner + wide + 6.0)
    center = middle(grid) + generator.uniform(-0.5, 0.5, 3) * np.array(spacing)[::-1]
    off = generator.normal(size=3)
    off *= generator.uniform(0.0, 0.8) * wide / np.linalg.norm(off)
    at = points(grid)
    found = measure(ball(at, center + off, inner), ball(at, center, inner + wide), grid=grid, registration_error_mm=0.0)
    return found, wide - float(np.linalg.norm(off)), grid, center, inner + wide


@pytest.mark.parametrize("name", GRIDS)
def test_least_margin_of_eccentric_balls_is_within_half_a_voxel_diagonal(name: str) -> None:
    generator = np.random.default_rng(0)
    for _ in range(8):
        found, true, grid, center, radius = drawn(generator, GRIDS[name])
        assert found.whole.least_mm == pytest.approx(true, abs=half_diagonal(grid))
        assert found.within == found.whole  # no liver was given
        true_map = radius - np.linalg.norm(found.points_mm - center, axis=1)
        assert np.abs(found.margin_mm - true_map).max() < 2.0 * half_diagonal(grid)  # two surfaces, each within half a diagonal


def test_least_margin_of_ellipsoids_along_each_axis() -> None:
    for axis in range(3):
        grid = grid_of((1.0, 1.0, 1.0), 26.0)
        radii = np.full(3, 18.0)
        radii[axis] = 12.0  # the zone is thin along one axis
        at, center = points(grid), middle(grid) + 0.3
        found = measure(ball(at, center, 9.0), ball(at, center, tuple(radii)), grid=grid, registration_error_mm=0.0)
        assert found.whole.least_mm == pytest.approx(3.0, abs=half_diagonal(grid))
        thinnest = found.points_mm[found.margin_mm.argmin()] - center
        assert np.abs(thinnest).argmax() == axis


def test_tumor_outside_the_zone_has_a_negative_margin_and_a_residual_share() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 26.0)
    at, center = points(grid), middle(grid)
    tumor, zone = ball(at, center + np.array([8.0, 0.0, 0.0]), 8.0), ball(at, center, 12.0)
    found = measure(tumor, zone, grid=grid, registration_error_mm=2.0)
    assert found.whole.least_mm == pytest.approx(-4.0, abs=half_diagonal(grid))
    assert found.residual_share == pytest.approx((tumor & ~zone).sum() / tumor.sum())
    said = assess(found)
    assert said.category == "insufficient"
    assert "ablation-residual" in said.flags
    assert found.whole.below is not None
    assert 0.2 < found.whole.below[0] < 0.5
    assert found.whole.below[0] <= found.whole.below[1] <= found.whole.below[2]
    assert found.whole.below[2] > 0.98  # the deepest point lies 12 mm deep, and only it
    assert set(said.flags) <= set(FLAGS)


def test_shares_are_those_of_the_area() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 34.0)
    at, center = points(grid), middle(grid) + 0.2
    found = measure(
        ball(at, center + np.array([0.0, 0.0, 5.0]), 10.0), ball(at, center, 20.0), grid=grid, registration_error_mm=0.0
    )
    # margin of a point of the tumor at angle t from the axis: 20 - |c + 10 n|, with |.|^2 = 125 + 100 cos t; below 10 where cos t > -0.25, below 7.5 ...
    cosine = (10.0**2 - 125.0) / 100.0
    assert found.whole.below is not None
    assert found.whole.below[2] == pytest.approx((1.0 - cosine) / 2.0, abs=0.04)
    assert found.whole.below[:2] == (0.0, pytest.approx(0.0, abs=0.03))


def test_points_under_the_capsule_are_counted_apart() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 34.0)
    at, center = points(grid), middle(grid)
    liver = at[..., 0] < center[0] + 12.0  # the capsule is a plane 2 mm from the tumor
    tumor, zone = ball(at, center, 10.0), ball(at, center, 16.0) & liver
    found = measure(tumor, zone, grid=grid, registration_error_mm=0.0, liver=liver, wanted_mm=6.0)
    assert found.whole.least_mm == pytest.approx(2.0, abs=half_diagonal(grid))
    # what lies 6 mm or more under the capsule is reached by the zone as far as it goes
    assert found.within.least_mm == pytest.approx(6.0, abs=half_diagonal(grid))
    deep = center[0] + 12.0 - found.points_mm[:, 0]
    assert found.subcapsular[deep < 5.0].all()
    assert not found.subcapsular[deep > 7.0].any()
    said = assess(found)
    assert said.reasons[-1].rule == "ablation-margin/subcapsular"
    assert said.reasons[0].numbers["share_below_5_mm"] > said.reasons[0].numbers["share_below_5_mm_without_subcapsular"]


@pytest.mark.parametrize(
    ("least", "said"),
    [(-3, "insufficient"), (5, "insufficient"), ("5.0000001", "adequate"), ("9.99", "adequate"), (10, "optimal"), (15, "optimal")],
)
def test_classes_and_their_borders(least: object, said: str) -> None:
    assert category(least) == said  # type: ignore[arg-type]


def test_the_registration_error_is_carried_into_the_statement() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 26.0)
    at, center = points(grid), middle(grid)
    tumor, zone = ball(at, center, 8.0), ball(at, center, 15.0)  # 7 mm
    flagged = [
        "margin-within-registration-error" in assess(measure(tumor, zone, grid=grid, registration_error_mm=error)).flags
        for error in (0.0, 1.0, 4.0)
    ]
    assert flagged == [False, False, True]
    said = assess(measure(tumor, zone, grid=grid, registration_error_mm=1.0))
    assert said.category == "adequate"
    assert said.reasons[0].numbers["registration_error_mm"] == 1.0
    assert "optimal (A0) from 10 mm" in said.reasons[1].text.en
    assert said.reasons[0].text.en.endswith("mm: adequate.")


def test_a_mask_at_the_edge_of_the_image_is_flagged() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 12.0)
    at, center = points(grid), middle(grid)
    tumor = ball(at, center + np.array([9.0, 0.0, 0.0]), 6.0)
    found = measure(tumor, ball(at, center, 11.0), grid=grid, registration_error_mm=0.0)
    assert "mask-truncated" in found.flags
    assert "mask-truncated" in FLAGS


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tumor": "empty"}, "MASK-EMPTY: the tumor"),
        ({"zone": "empty"}, "MASK-EMPTY: the ablation zone"),
        ({"zone": "short"}, "MASK-INVALID: the ablation zone"),
        ({"liver": "empty"}, "MARGIN-LIVER"),
        ({"registration_error_mm": -1.0}, "NUMBER-NEGATIVE"),
        ({"wanted_mm": -1.0}, "NUMBER-NEGATIVE"),
    ],
)
def test_what_cannot_be_measured_is_refused(change: dict, code: str) -> None:
    grid = grid_of((2.0, 2.0, 2.0), 16.0)
    at, center = points(grid), middle(grid)
    given: dict = {"tumor": ball(at, center, 6.0), "zone": ball(at, center, 10.0), "liver": None, "registration_error_mm": 0.0}
    shapes = {"empty": np.zeros(grid.shape, bool), "short": np.ones((2, 2, 2), bool)}
    given |= {key: shapes.get(value, value) if isinstance(value, str) else value for key, value in change.items()}
    with pytest.raises(InputRefused, match=code):
        measure(given.pop("tumor"), given.pop("zone"), grid=grid, **given)
