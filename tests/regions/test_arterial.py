"""What of a lesion enhances in the arterial phase: on lesions of known make, and axes that cross no necrosis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.arterial import enhancing_part, late_arterial_passes, longest_within

TIMES_S = np.r_[np.arange(0, 40, 2.0), np.arange(48, 129, 20.0)]
ARTERIAL = np.where(TIMES_S > 8, 300.0 * np.exp(-(((TIMES_S - 18.0) / 6.0) ** 2)), 0.0)
PORTAL = 150.0 * np.clip((TIMES_S - 16.0) / 20.0, 0.0, 1.0)
#: Of the arterial supply, and of the late one: what wakes early and what wakes late.
EARLY, LATE = np.clip((TIMES_S - 10.0) / 12.0, 0.0, 1.0), np.clip((TIMES_S - 22.0) / 20.0, 0.0, 1.0)


def _inputs() -> Inputs:
    curves = (TimeCurve("aorta", TIMES_S, 40.0 + ARTERIAL), TimeCurve("portal", TIMES_S, 40.0 + PORTAL))
    return dense_inputs(*curves, baseline_passes=5)


def _discs(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> tuple[Grid, np.ndarray]:
    """A grid around 0, and each voxel's distance from its middle within the slice, mm."""
    grid = Grid.from_spacing(
        shape, spacing, origin_mm=tuple(-0.5 * (n - 1) * s for n, s in zip(shape[::-1], spacing[::-1], strict=True))
    )
    at = grid.to_mm(np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1))
    return grid, np.hypot(at[..., 0], at[..., 1])


def _study(share: float, noise: float = 6.0) -> tuple[DynamicSeries, np.ndarray, np.ndarray, np.ndarray]:
    """A lesion of 24 mm whose outer part has ``share`` HU of arterial enhancement, none within 6 mm; healthy liver far from it."""
    grid, radius = _discs((6, 60, 60), (4.0, 1.5, 1.5))
    whole, dead = radius <= 24.0, radius <= 6.0
    healthy = radius >= 34.0
    liver = 60.0 + 12.0 * EARLY + 50.0 * LATE
    lesion = 55.0 + share * EARLY
    voxels = np.where(dead, 40.0, np.where(whole, lesion[:, None, None, None], liver[:, None, None, None]))
    voxels = voxels + noise * np.random.default_rng(4).standard_normal(voxels.shape)
    return DynamicSeries(np.rint(voxels).astype(np.int16), grid, TIMES_S, Acquisition("synthetic")), whole, whole & ~dead, healthy


def test_the_arterial_phase_ends_where_the_portal_vein_overtakes() -> None:
    """ARTERIAL and PORTAL cross near 24 s; the last 6 s before that are three passes."""
    series, *_ = _study(60.0)
    late = late_arterial_passes(series, _inputs())
    assert TIMES_S[late[0]] >= 18.0
    assert TIMES_S[late[-1]] <= 25.0
    assert len(late) in (3, 4)


def test_what_enhances_early_is_found_and_the_dead_middle_is_not() -> None:
    series, whole, alive, healthy = _study(70.0)
    found = enhancing_part(series, whole, healthy, _inputs())
    # smoothing by 2.5 mm moves a border by about a voxel of 1.5 mm
    assert 2 * (found & alive).sum() / (found.sum() + alive.sum()) > 0.95
    assert not found[~whole].any()


def test_a_lesion_that_enhances_no_more_than_the_liver_has_no_viable_part() -> None:
    series, whole, _, healthy = _study(2.0)
    assert not enhancing_part(series, whole, healthy, _inputs()).any()


def test_without_a_pass_before_the_contrast_nothing_is_said() -> None:
    series, whole, _, healthy = _study(70.0)
    without = DynamicSeries(series.voxels, series.grid, TIMES_S, series.acquisition, excluded=(0, 1, 2, 3, 4))
    with pytest.raises(InputRefused) as refused:
        enhancing_part(without, whole, healthy, _inputs())
    assert refused.value.code == "ARTERIAL-PHASE-MISSING"


@settings(max_examples=25, deadline=None)
@given(outer=st.floats(15.0, 30.0), hole=st.floats(0.3, 0.7), pixel=st.floats(0.7, 1.5))
def test_the_axis_of_a_ring_passes_by_its_hole(outer: float, hole: float, pixel: float) -> None:
    """The longest chord of a ring touches the hole: 2 sqrt(R2 - r2); it may leave the ring for a tenth of its length, and ends on voxels."""
    grid, radius = _discs((3, round(64 / pixel), round(64 / pixel)), (4.0, pixel, pixel))
    inner = hole * outer
    axes = longest_within((radius <= outer) & (radius > inner), grid)
    assert axes is not None
    long, short = (float(np.linalg.norm(np.subtract(*ends))) for ends in (axes.long, axes.short))
    least = 2.0 * np.sqrt(outer**2 - inner**2)
    # through the hole's edge for a tenth: the chord at depth d leaves the ring over 2 sqrt(r2 - d2) = 0.1 of 2 sqrt(R2 - d2)
    depth = np.sqrt((inner**2 - 0.01 * outer**2) / 0.99)
    most = 2.0 * np.sqrt(outer**2 - depth**2)
    assert least - 2.0 * pixel <= long <= most + 2.0 * pixel
    assert short <= long + pixel  # the short axis runs to the borders of voxels, half a voxel further at either end
    assert np.dot(np.subtract(*axes.long), np.subtract(*axes.short)) == pytest.approx(0.0, abs=1e-6 * long * short)


@pytest.mark.parametrize("pixel", [0.7, 1.5])
def test_a_disc_is_as_wide_one_way_as_the_other(pixel: float) -> None:
    grid, radius = _discs((3, 60, 60), (4.0, pixel, pixel))
    axes = longest_within(radius <= 15.0, grid)
    assert axes is not None
    for ends in (axes.long, axes.short):
        assert np.linalg.norm(np.subtract(*ends)) == pytest.approx(30.0, abs=1.5 * pixel)


def test_a_single_voxel_has_no_axis() -> None:
    grid, _ = _discs((3, 9, 9), (4.0, 1.0, 1.0))
    one = np.zeros((3, 9, 9), bool)
    one[1, 4, 4] = True
    assert longest_within(one, grid) is None
