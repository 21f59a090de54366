"""A region moved by hand follows a vessel that moves; everything else stays where it was."""

from __future__ import annotations

import numpy as np
import pytest

from hepaflow.curves.enhancement import region_curve
from hepaflow.curves.inputs import make_inputs
from hepaflow.curves.shifts import ShiftsMm, moved
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Region, Regions
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import UsageError
from hepaflow.workflow.feeding import feed

TIMES_S = np.r_[np.arange(0, 30, 2.0), np.arange(48, 149, 20.0)]
GRID = Grid.from_spacing((8, 20, 20), (5.0, 2.0, 2.0))
#: Pass and where the portal vein went, in mm to the left, back and up.
WENT = {7: (4.0, 0.0, -5.0), 16: (0.0, -6.0, 5.0)}


def bolus(arrival_s: float, height: float, to_peak_s: float) -> np.ndarray:
    x = np.maximum(TIMES_S - arrival_s, 0) / to_peak_s
    return height * x**3 * np.exp(3 * (1 - x)) + 0.2 * height * (1 - np.exp(-x / 4))


def box(k: slice, j: slice, i: slice) -> np.ndarray:
    mask = np.zeros(GRID.shape, bool)
    mask[k, j, i] = True
    return mask


AORTA, VEIN, SPLEEN = (box(slice(2, 6), slice(j, j + 4), slice(i, i + 4)) for j, i in ((13, 3), (8, 8), (3, 14)))


def study(*, spleen_hu: float = 90.0, noise_hu: float = 1.0) -> tuple[DynamicSeries, Regions]:
    """The portal vein really moves in two passes; elsewhere 50 HU."""
    voxels = np.full((TIMES_S.size, *GRID.shape), 50.0, np.float32)
    for n in range(TIMES_S.size):
        voxels[n][AORTA] += bolus(5.0, 330.0, 7.0)[n]
        voxels[n][moved(VEIN, GRID, WENT.get(n, (0.0, 0.0, 0.0)))[0]] += bolus(9.0, 160.0, 14.0)[n]
        voxels[n][SPLEEN] += bolus(6.0, spleen_hu, 9.0)[n]
    voxels += noise_hu * np.random.default_rng(3).standard_normal(voxels.shape).astype(np.float32)
    given = {name: Region(name, mask, "given") for name, mask in (("aorta", AORTA), ("portal_vein", VEIN), ("spleen", SPLEEN))}
    liver = Region("liver", np.ones(GRID.shape, bool), "given")
    regions = Regions(GRID, given["aorta"], given["portal_vein"], liver, liver, (), spleen=given["spleen"])
    return DynamicSeries(voxels, GRID, TIMES_S, Acquisition("synthetic")), regions


def test_the_moved_region_sees_the_vessel_and_only_in_its_passes() -> None:
    series, _ = study(noise_hu=0.0)
    plain, right = region_curve(series, VEIN, name="portal"), region_curve(series, VEIN, name="portal", shifts=WENT)
    # float32 voxels
    np.testing.assert_allclose(right.values, 50 + bolus(9.0, 160.0, 14.0), atol=1e-3)
    other = np.setdiff1d(np.arange(TIMES_S.size), list(WENT))
    np.testing.assert_array_equal(plain.values[other], right.values[other])
    # of 4 x 4 x 4 voxels, those still under the region: 3 x 4 x 2 after a step of (1, 0, 2), 3 x 1 x 4 after one of (1, 3, 0)
    share = np.array([24 / 64, 12 / 64])
    np.testing.assert_allclose(plain.values[list(WENT)] - 50, share * (right.values[list(WENT)] - 50), atol=1e-3)


@pytest.mark.parametrize(("mm", "step"), [((0.9, 0, 0), (0, 0, 0)), ((1.1, 0, 0), (0, 0, 1)), ((0, -5, 2.6), (1, -2, 0))])
def test_a_shift_goes_to_the_nearest_voxel(mm: tuple[float, float, float], step: tuple[int, int, int]) -> None:
    place, share = moved(VEIN, GRID, mm)
    assert share == 1.0
    np.testing.assert_array_equal(np.argwhere(place), np.argwhere(VEIN) + step)


def test_a_shift_follows_a_turned_grid() -> None:
    """Where columns run from left to right and rows along the body, mm still mean left, back and up."""
    affine = np.array([[0, 0, -2.0, 0], [0, -2.0, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]])
    place, _ = moved(VEIN, Grid(GRID.shape, affine), (2.0, 2.0, 5.0))
    np.testing.assert_array_equal(np.argwhere(place), np.argwhere(VEIN) + np.array([1, -1, -1]))


def test_a_region_moved_out_gives_no_sample_and_a_flag() -> None:
    series, regions = study()
    shifts = {"portal_vein": WENT | {9: (0.0, 0.0, 20.0)}}
    found = make_inputs(series, regions, shifts=shifts)
    assert np.flatnonzero(np.isnan(found.portal.values)).tolist() == [9]
    assert "region-shift-outside" in found.flags
    assert np.isfinite(found.dense_portal).all()
    assert "region-shift-outside" not in make_inputs(series, regions, shifts={"portal_vein": WENT}).flags


def test_curves_that_are_known_are_not_measured_again() -> None:
    """Who edits one vessel keeps the curves of the others; the inputs are the same to the bit."""
    series, regions = study()
    shifts = {"portal_vein": WENT}
    asked = []

    def known(region: Region, name: str, shift: ShiftsMm | None) -> TimeCurve:
        asked.append((region.name, name, shift))
        return region_curve(series, region.mask, name=name, shifts=shift)

    found = make_inputs(series, regions, shifts=shifts, curve_of=known)
    assert asked == [("aorta", "arterial", None), ("portal_vein", "portal", WENT), ("spleen", "spleen", None)]
    plain = make_inputs(series, regions, shifts=shifts)
    for name in ("dense_arterial", "dense_portal", "modes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    nothing = make_inputs(series, regions, curve_of=lambda region, name, shift: known(regions.aorta, name, shift))
    np.testing.assert_array_equal(nothing.portal.values, nothing.arterial.values)


def test_inputs_with_the_vessel_followed_are_those_of_a_vessel_that_stays() -> None:
    series, regions = study()
    plain, right = make_inputs(series, regions), make_inputs(series, regions, shifts={"portal_vein": WENT})
    true = bolus(9.0, 160.0, 14.0)
    # 64 voxels of 1 HU noise, and the baseline's: 0.5 HU is three standard errors
    np.testing.assert_allclose(right.portal.values, true, atol=0.5)
    assert np.abs(plain.portal.values - true).max() > 20
    np.testing.assert_array_equal(plain.dense_arterial, right.dense_arterial)


def test_the_plan_reaches_the_inputs_and_is_checked_against_the_study() -> None:
    series, regions = study()
    rows = [{"region": "portal_vein", "pass": n, "mm": list(mm)} for n, mm in WENT.items()]
    found = feed(series, regions, baseline_passes=None, haematocrit=None, shifts=rows)
    np.testing.assert_allclose(found.portal.values, bolus(9.0, 160.0, 14.0), atol=0.5)
    with pytest.raises(UsageError, match=r"^CONFIG-INVALID: .*pass 21 "):
        feed(series, regions, baseline_passes=None, haematocrit=None, shifts=[rows[0] | {"pass": 21}])
    lone = Regions(GRID, regions.aorta, None, regions.liver, regions.healthy, ())
    with pytest.raises(UsageError, match=r"^CONFIG-INVALID: .*portal_vein"):
        feed(series, lone, baseline_passes=None, haematocrit=None, shifts=rows)


def test_the_spleen_goes_along_where_it_enhances() -> None:
    series, regions = study()
    found = make_inputs(series, regions)
    np.testing.assert_allclose(found.spleen.values, bolus(6.0, 90.0, 9.0), atol=0.5)
    assert "spleen-not-enhancing" not in found.flags
    series, regions = study(spleen_hu=0.0)
    found = make_inputs(series, regions)
    assert found.spleen is None
    assert "spleen-not-enhancing" in found.flags


@pytest.mark.parametrize(("ceiling", "flag"), [(3071.0, True), (3000.0, False)])
def test_a_vessel_partly_at_the_limit_of_12_bits_is_told(ceiling: float, flag: bool) -> None:
    """A tenth of the aorta's voxels stand at one value: at 12 bits' limit they are clipped, and their mean says nothing."""
    series, regions = study()
    voxels = series.voxels.copy()
    column = box(slice(2, 6), slice(13, 14), slice(3, 5))
    voxels[6][column] = ceiling
    found = make_inputs(DynamicSeries(voxels, GRID, TIMES_S, series.acquisition), regions)
    assert ("arterial-clipped" in found.flags) is flag
    if flag:
        # the mean of that pass is 300 HU too high or too low; the curve is the model's
        true = bolus(5.0, 330.0, 7.0)[6]
        assert found.arterial.values[6] > true + 200


def test_a_shared_maximum_in_several_passes_is_a_ceiling() -> None:
    series, regions = study()
    voxels = np.where(series.voxels > 340.0, 340.0, series.voxels).astype(np.float32)
    found = make_inputs(DynamicSeries(voxels, GRID, TIMES_S, series.acquisition), regions)
    assert "arterial-clipped" in found.flags
    assert "portal-clipped" not in found.flags
    # 48 HU were cut from the top; the model gives most of them back
    assert found.dense_arterial.max() > 340 - 50 + 0.5 * (bolus(5.0, 330.0, 7.0).max() - 290)
