from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import SHELLS
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.shells import Surroundings, border_distance, delineate, vascular_part

TIMES_S = np.r_[np.arange(0, 30, 2.0), np.arange(48, 149, 20.0)]
LIVER = 45.0 * np.clip((TIMES_S - 8.0) / 30.0, 0.0, 1.0)


def _ball(grid, centre, radius):
    points = grid.to_mm(np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1))
    return np.linalg.norm(points - np.array(centre), axis=-1) <= radius


def _study(*, spacing=(4.0, 1.5, 1.5), radius=20.0, core=0.0, lesion=0.6, dead=0.05, noise=8.0, floats=False, seed=0):
    """A ball in a liver that fills the volume; a core of ``core`` mm with ``dead`` times the liver's enhancement."""
    shape = tuple(round(100.0 / s) for s in spacing)
    grid = Grid.from_spacing(shape, spacing, origin_mm=tuple(-50.0 + s / 2 for s in spacing[::-1]))
    whole, inner = _ball(grid, (1.0, -2.0, 0.5), radius), _ball(grid, (1.0, -2.0, 0.5), core)
    share = np.where(inner, dead, np.where(whole, lesion, 1.0))
    rng = np.random.default_rng(seed)
    voxels = 55.0 + LIVER[:, None, None, None] * share + noise * rng.standard_normal((TIMES_S.size, *shape))
    series = DynamicSeries(
        voxels.astype(np.float32) if floats else np.rint(voxels).astype(np.int16), grid, TIMES_S, Acquisition("synthetic")
    )
    around = Surroundings(np.ones(shape, bool), {"lesion-1": whole}, np.zeros(shape, bool), LIVER)
    return series, whole, inner, around


@pytest.mark.parametrize("spacing", [(2.5, 0.9, 0.9), (5.0, 1.5, 1.5)])
def test_shells_have_the_volumes_of_a_sphere(spacing):
    """Analytic volumes of 0-5 mm inside, deeper, and 0-8 mm outside a 20 mm ball; 7 % is what voxels of 5 mm can do."""
    series, whole, _, around = _study(spacing=spacing)
    lesion = delineate("lesion-1", whole, series=series, around=around)
    volume = {name: shell.voxels * series.grid.voxel_ml for name, shell in lesion.shells.items()}
    ball = {r: 4 / 3 * np.pi * r**3 / 1000 for r in (15.0, 20.0, 28.0)}
    assert volume["whole"] == pytest.approx(ball[20.0], rel=0.03)
    assert volume["core"] == pytest.approx(ball[15.0], rel=0.10)
    assert volume["rim"] == pytest.approx(ball[20.0] - ball[15.0], rel=0.07)
    assert volume["surround"] == pytest.approx(ball[28.0] - ball[20.0], rel=0.07)
    assert lesion.volume_ml == pytest.approx(volume["whole"])
    assert lesion.longest_axial_diameter_mm == pytest.approx(40.0, abs=spacing[1])
    assert set(lesion.shells) <= set(SHELLS)
    assert lesion.flags == ()


def test_shells_partition_and_stay_apart():
    series, whole, _, around = _study()
    shells = {n: s.mask for n, s in delineate("lesion-1", whole, series=series, around=around).shells.items()}
    assert (shells["rim"] ^ shells["core"]).sum() == whole.sum()
    assert not (shells["surround"] & whole).any()
    assert not (shells["vascular"] & ~whole).any()


def test_surround_leaves_out_other_lesions_vessels_and_what_is_not_liver():
    series, whole, _, _ = _study()
    k, j, i = np.indices(whole.shape)
    other, vessel, liver = (i > 45) & (j < 40), j > 45, k > 8
    bounded = Surroundings(liver, {"lesion-1": whole, "lesion-2": other}, vessel & ~whole, LIVER)
    surround = delineate("lesion-1", whole, series=series, around=bounded).shells["surround"].mask
    assert surround.any()
    assert not (surround & (other | vessel | ~liver)).any()


@settings(max_examples=30, deadline=None)
@given(
    spacing=st.tuples(st.floats(1.0, 5.0), st.floats(0.7, 3.0), st.floats(0.7, 3.0)),
    radius=st.floats(14.0, 22.0),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_border_distance_of_balls(spacing, radius, shift):
    """Mean depth error within 0.5 mm and every voxel within one voxel diagonal, inside and outside, on any grid."""
    shape = tuple(int((2 * radius + 24.0) / s) + 2 for s in spacing)
    axes = [(np.arange(n) - (n - 1) / 2 + o) * s for n, s, o in zip(shape, spacing, shift, strict=True)]
    r = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    ball = r <= radius
    for mask, truth in ((ball, radius - r), (~ball, r - radius)):
        depth = border_distance(mask, spacing)
        assert (depth[~mask] == 0).all()
        assert (depth[mask] > 0).all()
        near = mask & (truth < 9.0)
        assert abs((depth - truth)[near].mean()) < 0.5
        assert np.abs(depth - truth)[near].max() < np.hypot(np.hypot(*spacing[:2]), spacing[2])


@pytest.mark.parametrize("seed", range(6))
def test_border_distance_does_not_depend_on_how_much_lies_around(seed):
    """A frayed ball in a close and in a wide array: the same depths to the last bit."""
    rng = np.random.default_rng(seed)
    mask = np.linalg.norm(np.indices((9, 15, 20)) - rng.uniform(4.0, 6.0, (3, 1, 1, 1)), axis=0) <= 4.0
    mask = np.pad(mask & (rng.random(mask.shape) < 0.97), 1)
    wide = np.pad(mask, ((0, 9), (4, 5), (12, 0)))
    assert np.array_equal(border_distance(wide, (2.5, 1.0, 0.7))[:11, 4:21, 12:], border_distance(mask, (2.5, 1.0, 0.7)))


def test_necrotic_core_is_left_out_of_the_vascular_part():
    series, whole, inner, around = _study(core=12.0, lesion=0.8, noise=12.0)
    vascular, enhancing = vascular_part(series, whole, around.reference)
    ring = whole & ~inner
    assert enhancing
    # The border between core and ring is blurred by 2.5 mm of smoothing on 4 mm slices: 12 % of the voxels may change side.
    assert (vascular & ring).sum() > 0.88 * ring.sum()
    assert (vascular & inner).sum() < 0.12 * inner.sum()


@pytest.mark.parametrize("share", [0.15, 0.4, 1.0, 1.6])
def test_even_lesion_is_vascular_as_a_whole(share):
    """Low or high, a lesion that enhances evenly keeps all its voxels, noise notwithstanding."""
    series, whole, _, around = _study(lesion=share, noise=10.0)
    vascular, enhancing = vascular_part(series, whole, around.reference)
    assert enhancing
    assert (vascular == whole).all()


def test_bright_border_of_a_weak_lesion_is_not_taken_for_a_rim():
    """Partial volume with the liver makes the outermost voxels brighter; that is no vascular ring."""
    from scipy import ndimage

    series, whole, _, around = _study(lesion=0.25, noise=0.0, floats=True)
    blurred = np.stack([ndimage.gaussian_filter(v, [0.4, 1.0, 1.0]) for v in series.voxels])
    series = DynamicSeries(blurred, series.grid, TIMES_S, series.acquisition)
    assert (vascular_part(series, whole, around.reference)[0] == whole).all()


def test_lesion_without_enhancement_has_no_vascular_shell():
    series, whole, _, around = _study(lesion=0.0)
    lesion = delineate("lesion-1", whole, series=series, around=around)
    assert "vascular" not in lesion.shells
    assert "lesion-not-enhancing" in lesion.flags


def test_small_lesion_has_no_core_and_is_flagged():
    series, whole, _, around = _study(radius=5.0)
    lesion = delineate("lesion-1", whole, series=series, around=around)
    assert "core" not in lesion.shells
    assert "lesion-below-15-mm" in lesion.flags


def test_truncated_and_partly_unseen_lesions_are_flagged():
    series, whole, _, around = _study(floats=True)
    series.voxels[3, 14:] = np.nan
    seen = delineate("lesion-1", whole, series=series, around=around)
    assert "lesion-out-of-coverage-passes" in seen.flags
    assert "lesion-truncated" not in seen.flags
    at_edge = np.zeros_like(whole)
    at_edge[:4, 20:35, 20:35] = True
    assert "lesion-truncated" in delineate("lesion-1", at_edge, series=series, around=around).flags


def test_lesion_in_vessel_outside_liver_and_in_pieces_is_flagged():
    series, whole, _, _ = _study()
    pieces = whole.copy()
    pieces[2, 2:6, 2:6] = True
    bad = Surroundings(np.zeros_like(whole), {}, whole, LIVER)
    flags = delineate("lesion-1", pieces, series=series, around=bad).flags
    assert {"lesion-overlaps-vessel", "lesion-outside-liver", "lesion-in-pieces"} <= set(flags)
    assert set(flags) <= set(FLAGS)


def test_empty_lesion_is_refused():
    series, whole, _, around = _study()
    with pytest.raises(InputRefused) as error:
        delineate("lesion-1", np.zeros_like(whole), series=series, around=around)
    assert error.value.code == "REGION-EMPTY"
