from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.phantom import Phantom, breathing, canvas, liver, raster
from hepaflow.phantom.protocol import PASS_TIMES_S

TIMES = np.array(PASS_TIMES_S)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 30))
def test_the_travel_is_what_was_asked_for(seed: int, travel: float) -> None:
    found = breathing.amplitudes(np.random.default_rng(seed), TIMES, travel)
    assert np.ptp(found[:, 0]) == pytest.approx(travel, abs=1e-9)
    # breaths differ: no two passes need lie at one place, and the hysteresis stays a part of the breath
    assert np.abs(found[:, 1]).max() <= 0.6 * travel + 1e-9


def test_the_same_seed_breathes_the_same() -> None:
    one, same, other = (breathing.amplitudes(np.random.default_rng(seed), TIMES, 12.0) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1


def test_the_reference_does_not_move(clean: Phantom) -> None:
    assert not clean.displacement(clean.reference).any()


def test_organs_move_and_the_wall_does_not(clean: Phantom) -> None:
    deepest = int(np.argmax(clean.amplitudes[:, 0]))
    field = clean.displacement(deepest)
    length = np.linalg.norm(field, axis=-1)
    grid = clean.grid
    xs = grid.affine[0, 3] + np.arange(grid.shape[2]) * grid.spacing_mm[2]
    ys = grid.affine[1, 3] + np.arange(grid.shape[1]) * grid.spacing_mm[1]
    wall = liver.cavity_level(xs[None, :], ys[:, None]) > 0
    assert length[:, wall].max() == 0
    # sliding: a jump of most of the travel between neighbours on either side of the wall
    side = int(np.argmin(np.abs(ys - 0.0)))
    edge = int(np.argmax(~wall[side]))
    assert length[20, side, edge] > 3
    assert length[20, side, edge - 1] == 0
    assert length[clean.masks["liver"]].mean() > 0.4 * length.max()
    assert length[clean.masks["aorta"]].max() < 0.5  # behind, at the spine
    assert field[..., 0].max() == 0
    assert field[..., 2][clean.masks["liver"]].mean() < 0  # down on inspiration
    assert field[..., 1][clean.masks["liver"]].mean() < 0  # and forwards


def test_two_modes_make_every_pass(clean: Phantom) -> None:
    fields = np.stack([clean.displacement(n)[::4, ::8, ::8].ravel() for n in range(clean.series.passes)])
    values = np.linalg.svd(fields, compute_uv=False)
    assert values[1] > 0.02 * values[0]  # hysteresis is there
    assert values[2] < 1e-5 * values[0]  # float32


@pytest.mark.parametrize("amplitude", [(12.0, -4.0), (-6.0, 5.0), (30.0, -12.0)])
def test_the_image_is_traced_back_through_the_same_displacement(amplitude: tuple[float, float]) -> None:
    """An image of the coordinate z itself shows where each voxel came from: X(x) + u(X(x)) must be x again."""
    grid = canvas.image_grid("small")
    nk, nj, ni = grid.shape
    z = grid.affine[2, 3] + np.arange(-16, nk + 16) * 5.0
    y = grid.affine[1, 3] + np.arange(nj) * 3.0
    x = grid.affine[0, 3] + np.arange(ni) * 3.0
    origin, pitch = np.array([x[0], y[0], z[0]]), np.array([3.0, 3.0, 5.0])
    inside = (liver.cavity_level(x[None, :], y[:, None]) < 0).astype(np.float32)
    came = []
    for ramp in (y[None, :, None], z[:, None, None]):
        values = np.ascontiguousarray(np.broadcast_to(ramp, (z.size, nj, ni)).astype(np.float32))
        out = np.zeros(grid.shape, dtype=np.float32)
        raster.take_image(values, inside, origin, pitch, (1, 1, 1), 16, *amplitude, liver.MOTION, out)
        came.append(out)
    worst = 0.0
    for j in range(20, 100, 9):
        for i in range(20, 110, 9):
            if not inside[j, i]:
                continue
            for k in range(0, nk, 5):
                there = np.array([came[0][k, j, i]]), np.array([came[1][k, j, i]])
                field = np.zeros((1, 1, 1, 3), dtype=np.float32)
                at = np.array([x[i]]), *there
                raster.displacement_field(*at, np.array([[True]]), *amplitude, liver.MOTION, field)
                worst = max(worst, abs(there[0][0] + field[0, 0, 0, 1] - y[j]), abs(there[1][0] + field[0, 0, 0, 2] - z[16 + k]))
    assert worst < 0.02  # mm; the iteration stops when it changes by less than 0.01


def test_the_dome_lesion_leaves_the_coverage(clean: Phantom) -> None:
    lesion = next(lesion for lesion in clean.lesions if lesion.kind == "dome")
    _, high = liver.BOX_MM[2]
    radius = lesion.diameter_mm / 2
    points = np.random.default_rng(0).uniform(-radius, radius, (4000, 3))
    points = points[(points**2).sum(1) < radius**2] + np.array(lesion.centre_mm)
    seen = []
    for a1, a2 in clean.amplitudes - clean.amplitudes[clean.reference]:
        field = np.zeros((1, 1, 1, 3), dtype=np.float32)
        out = 0
        for px, py, pz in points[:300]:
            raster.displacement_field(
                np.array([px]), np.array([py]), np.array([pz]), np.array([[True]]), float(a1), float(a2), liver.MOTION, field
            )
            out += pz + field[0, 0, 0, 2] > high
        seen.append(1 - out / 300)
    assert min(seen) < seen[clean.reference] - 0.08
    assert max(seen) > 0.97
    assert min(seen) > 0.4
