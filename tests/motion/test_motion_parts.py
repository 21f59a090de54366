"""Laws of the pieces: grids in patient order, resampling, windows, modes, folding, the cavity."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import torso

from hepaflow.domain.geometry import Grid
from hepaflow.motion import correct, lattice, local_fit, mask, modes, resample, score

ORDERS = list(itertools.permutations(range(3)))


@given(order=st.sampled_from(ORDERS), signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3))
def test_patient_order_undoes_any_storage_order(order: tuple[int, int, int], signs: tuple[float, float, float]) -> None:
    plain = Grid.from_spacing((4, 5, 6), (5.0, 3.0, 2.0), origin_mm=(1.0, 2.0, 3.0))
    affine = plain.affine.copy()
    affine[:3, :3] = plain.affine[:3, list(order)] * np.array(signs)
    stored = Grid(tuple(plain.shape[a] for a in order), affine)
    found, against = lattice.patient_order(stored)
    back = lattice.reordered(stored, found, against)
    assert np.allclose(back.affine[:3, :3], np.abs(plain.affine[:3, :3]))
    assert back.shape == plain.shape
    # the same voxel lies at the same place in both
    here = np.array([1, 2, 3])
    there = np.empty(3, int)
    for axis, (source, flip) in enumerate(zip(found, against, strict=True)):
        there[source] = back.shape[axis] - 1 - here[axis] if flip else here[axis]
    assert np.allclose(stored.to_mm(there), back.to_mm(here))


def test_block_mean_uses_what_is_measured() -> None:
    volume = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    volume[0, 0, 0] = np.nan
    volume[:, 2:, 2:] = np.nan
    small = lattice.block_mean(volume, (2, 2, 2))
    assert small.shape == (1, 2, 2)
    assert small[0, 0, 0] == pytest.approx(np.nanmean(volume[:, :2, :2]))
    assert np.isnan(small[0, 1, 1])


def grids(moved: np.ndarray | None = None) -> tuple[Grid, Grid, np.ndarray]:
    grid = Grid.from_spacing((9, 12, 14), (4.0, 2.0, 2.0))
    nodes = lattice.coarser(grid, (1, 2, 2))
    field = np.zeros((*nodes.shape, 3), np.float32)
    if moved is not None:
        field[:] = moved
    return grid, nodes, field


def test_a_field_of_zero_copies_every_value() -> None:
    grid, nodes, field = grids()
    volume = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    volume[2, 3, 4] = np.nan
    out = np.empty(grid.shape, np.float32)
    resample.pull_back(volume, grid, field=field, nodes=nodes, out=out)
    assert out.tobytes() == volume.tobytes()


def test_a_shift_of_whole_voxels_moves_values_unchanged_and_invents_none() -> None:
    grid, nodes, field = grids(np.array([4.0, -2.0, 8.0]))  # x, y, z: two columns, one row back, two slices
    volume = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    out = np.empty(grid.shape, np.float32)
    resample.pull_back(volume, grid, field=field, nodes=nodes, out=out)
    assert np.array_equal(out[:-2, 1:, :-2], volume[2:, :-1, 2:])
    assert np.isnan(out[-2:]).all()
    assert np.isnan(out[:, 0]).all()
    assert np.isnan(out[:, :, -2:]).all()


@settings(max_examples=25, deadline=None)
@given(shift=st.tuples(*[st.floats(-3.0, 3.0)] * 3), slope=st.tuples(*[st.floats(-5.0, 5.0)] * 3))
def test_cubic_interpolation_is_exact_on_a_ramp(shift: tuple[float, float, float], slope: tuple[float, float, float]) -> None:
    grid, nodes, field = grids(np.array(shift))
    at = torso.points(grid)
    volume = (at @ np.array(slope)).astype(np.float32)
    out = np.empty(grid.shape, np.float32)
    resample.pull_back(volume, grid, field=field, nodes=nodes, out=out)
    inner = (slice(2, -2), slice(4, -4), slice(4, -4))
    # float32 of values up to some 300
    assert np.abs(out - (at + np.array(shift)) @ np.array(slope))[inner].max() < 1e-3


def test_a_missing_value_spreads_only_to_what_needs_it() -> None:
    grid, nodes, field = grids(np.array([1.0, 0.0, 0.0]))  # half a column
    volume = np.ones(grid.shape, np.float32)
    volume[4, 6, 7] = np.nan
    out = np.empty(grid.shape, np.float32)
    resample.pull_back(volume, grid, field=field, nodes=nodes, out=out)
    assert np.argwhere(np.isnan(out[4, 6])).ravel().tolist() == [5, 6, 7, 8]
    assert np.isnan(out).sum() == 4


def test_upsampling_is_linear_between_nodes_and_flat_beyond() -> None:
    grid = Grid.from_spacing((1, 1, 8), (1.0, 1.0, 1.0))
    nodes = Grid.from_spacing((1, 1, 2), (1.0, 1.0, 4.0), origin_mm=(2.0, 0.0, 0.0))
    field = np.zeros((1, 1, 2, 3), np.float32)
    field[0, 0, 1] = (4.0, 0.0, -8.0)
    dense = resample.upsample(field, nodes, grid)[0, 0]
    assert dense[:, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 4]
    assert dense[:, 2].tolist() == [0, 0, 0, -2, -4, -6, -8, -8]


def one_window(fixed: np.ndarray, moving: np.ndarray, field: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, float]:
    """Information, gradient and unexplained variance of a volume taken as one window."""
    slopes = np.stack([np.gradient(fixed, axis=axis) for axis in range(3)]).astype(np.float32)
    inside = np.zeros(fixed.shape, bool)
    inside[3:-3, 3:-3, 3:-3] = True
    sums = np.empty((1, 1, 1, local_fit.SUMS))
    u = np.broadcast_to(np.array(field, np.float32), (1, 1, 1, 3)).copy()
    window = np.array([-1000.0, 1000.0])
    local_fit.accumulate(
        fixed.astype(np.float32),
        slopes,
        np.where(inside, moving, np.nan).astype(np.float32),
        u,
        np.ones(3),
        np.array(fixed.shape),
        window,
        sums,
    )
    hessian, gradient, residual = np.empty((1, 1, 1, 6)), np.empty((1, 1, 1, 3)), np.empty((1, 1, 1))
    local_fit.normal_equations(sums, 1.0, hessian, gradient, residual)
    return hessian[0, 0, 0], gradient[0, 0, 0], float(residual[0, 0, 0])


def blobs(shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    k, j, i = (axis - s for axis, s in zip(np.meshgrid(*[np.arange(18.0)] * 3, indexing="ij"), shift, strict=True))
    return 100.0 * np.sin(k / 3.0) * np.cos(j / 3.5) + 60.0 * np.sin(i / 4.0 + j / 5.0)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.5, 1.8), offset=st.floats(-100.0, 100.0))
def test_contrast_change_is_no_motion(gain: float, offset: float) -> None:
    hessian, gradient, residual = one_window(blobs(), gain * blobs() + offset, (0.0, 0.0, 0.0))
    step = gradient / hessian[[0, 3, 5]]
    assert np.abs(step).max() < 1e-2  # voxels; the ridge against empty windows is all that is left
    assert residual < 0.1


def test_a_step_points_to_the_true_shift() -> None:
    true = np.array([0.4, -0.3, 0.5])
    # the pass holds at x + true what the reference holds at x
    hessian, gradient, _ = one_window(blobs(), 1.3 * blobs((0.4, -0.3, 0.5)) + 20.0, (0.0, 0.0, 0.0))
    matrix = hessian[[[0, 1, 2], [1, 3, 4], [2, 4, 5]]]
    assert -np.linalg.solve(matrix, gradient) == pytest.approx(true, abs=0.12)  # one Gauss-Newton step


def test_modes_keep_breathing_and_drop_noise() -> None:
    generator = np.random.default_rng(4)
    shapes = generator.normal(size=(2, 900))
    clean = (generator.normal(size=(20, 2)) * (8.0, 2.5)) @ shapes
    noisy = clean + generator.normal(0.0, 1.0, clean.shape)
    fields = noisy.reshape(20, 300, 3).astype(np.float32)
    kept = modes.shared(fields)
    assert modes.split(fields)[1].shape == (2, 300, 3)
    # two of twenty directions are left: noise falls to about sqrt(2 / 20)
    assert (kept.reshape(20, -1) - clean).std() < 0.4


def test_few_passes_and_no_motion_are_left_alone() -> None:
    few = np.ones((3, 5, 3), np.float32)
    assert modes.shared(few) is few
    still = np.zeros((9, 5, 3), np.float32)
    assert modes.shared(still) is still


@given(stretch=st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_jacobian_of_a_stretch(stretch: tuple[float, float, float]) -> None:
    nodes = torso.turned()
    nodes = Grid((5, 6, 7), nodes.affine)
    field = (torso.points(nodes) * np.array(stretch)).astype(np.float32)
    assert score.jacobian(field, nodes) == pytest.approx(np.prod(1.0 + np.array(stretch)), rel=1e-3)


def test_jacobian_sees_a_fold() -> None:
    nodes = Grid.from_spacing((6, 6, 6), (5.0, 5.0, 5.0))
    field = np.zeros((6, 6, 6, 3), np.float32)
    field[3:, ..., 2] = -14.0
    assert score.jacobian(field, nodes).min() < 0.0


def test_a_folding_field_is_smoothed_or_refused() -> None:
    table = correct.lay_table(torso.series(torso.axial(), travel=((0.0, 0.0),) * 2))
    soft = np.zeros((*table.scene.nodes.shape, 3), np.float32)
    soft[10:, 18:22, 24:28, 0] = -9.0
    mended = correct._unfolded(soft * table.fade[..., None], table)
    assert mended is not None
    assert score.jacobian(mended @ table.scene.axes.T.astype(np.float32), table.scene.nodes).min() > 0.0
    wild = np.where(np.arange(22)[:, None, None, None] < 11, 300.0, -300.0) * np.ones_like(soft)
    assert correct._unfolded(wild.astype(np.float32) * table.fade[..., None], table) is None


def test_disagreement_leaves_out_the_worst_windows_and_the_unknown() -> None:
    variance = np.full(100, 4.0)
    variance[0] = 1e6
    variance[1] = np.nan
    assert score.disagreement(variance, np.ones(100, bool)) == pytest.approx(2.0)
    assert np.isnan(score.disagreement(variance, np.zeros(100, bool)))


def test_cavity_holds_the_organs_and_leaves_the_wall() -> None:
    grid = torso.axial()
    at = torso.points(grid)
    scene = lattice.scene(torso.series(grid, travel=((0.0, 0.0), (-10.0, -2.0))))
    found = mask.cavity(scene.lowest, grid.spacing_mm)
    deep = (torso.radius(at) < 0.64) & (np.hypot(at[..., 0], at[..., 1] - 75.0) > 40.0)
    assert found[deep].mean() > 0.97
    assert found[torso.radius(at) > 0.80].mean() < 0.01  # beyond the middle of the ribs
    assert not found[torso.radius(at) > 1.05].any()


def test_mmode_shows_the_border_that_moved() -> None:
    study = torso.series(torso.axial())
    field = correct.estimate(study, method="rigid", reference=torso.REFERENCE)
    picture = score.mmode(study, correct.apply(study, field), field)
    assert picture.before.shape == picture.after.shape == (8, 22)
    assert picture.heights_mm[1] - picture.heights_mm[0] == pytest.approx(6.0)
    middle = slice(5, 17)
    spread_before = np.abs(np.diff(picture.before[3:, middle], axis=0)).mean()
    spread_after = np.nanmean(np.abs(np.diff(picture.after[3:, middle], axis=0)))
    assert spread_after < 0.6 * spread_before
