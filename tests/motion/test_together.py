"""All passes together: splines, what is foretold of a pass, borders, and studies with one broken pass."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import torso

from hepaflow.domain.geometry import Grid
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import UsageError
from hepaflow.motion import correct, score, together
from hepaflow.motion.spline import Splines

SHAPE, SPACING = (9, 11, 14), (5.0, 6.0, 7.0)


def places() -> np.ndarray:
    return np.stack(np.meshgrid(*[np.arange(n) * s for n, s in zip(SHAPE, SPACING, strict=True)], indexing="ij"), axis=-1)


def fitted(splines: Splines, target: np.ndarray, *, stiffness: float, weight: np.ndarray | None = None) -> np.ndarray:
    """The field nearest to ``target`` (k, j, i, 2), every node or those of ``weight`` counting."""
    share = np.ones(SHAPE) if weight is None else weight
    matrices = share[..., None, None] * np.eye(2)
    start = np.zeros((*splines.knots, 2))
    for _ in range(20):  # each solution is cut off after some steps
        start = splines.solve(matrices, share[..., None] * target, np.full(2, stiffness), start)
    return splines.field(start)


def test_a_field_and_its_transpose_are_one_matrix() -> None:
    splines = Splines.over(SHAPE, SPACING)
    generator = np.random.default_rng(0)
    knots, nodes = generator.normal(size=(*splines.knots, 3)), generator.normal(size=(*SHAPE, 3))
    assert (splines.field(knots) * nodes).sum() == pytest.approx((knots * splines.gathered(nodes)).sum())
    other = generator.normal(size=knots.shape)
    assert (splines.bending(knots) * other).sum() == pytest.approx((knots * splines.bending(other)).sum())
    assert (splines.bending(knots) * knots).sum() > 0.0


def test_shifts_stretches_and_tilts_cost_no_bending() -> None:
    splines = Splines.over(SHAPE, SPACING)
    at = places()
    straight = np.stack([3.0 + 0.1 * at[..., 0] - 0.05 * at[..., 2], 0.2 * at[..., 1]], axis=-1)
    assert fitted(splines, straight, stiffness=1e3) == pytest.approx(straight, abs=0.05)
    wavy = np.sin(at[..., :2] / 4.0)
    assert np.abs(fitted(splines, wavy, stiffness=1e3)).max() < 0.5  # what bends is flattened


def test_where_nothing_is_known_the_field_goes_on_straight() -> None:
    splines = Splines.over(SHAPE, SPACING)
    at = places()
    target = np.repeat(0.1 * at[..., 2:], 2, axis=-1)
    half = np.zeros(SHAPE)
    half[..., :7] = 1.0
    assert fitted(splines, target, stiffness=1.0, weight=half) == pytest.approx(target, abs=0.25)  # up to 9.1


def test_nothing_of_a_pass_is_in_what_is_foretold_of_it() -> None:
    generator = np.random.default_rng(1)
    images = generator.normal(size=(3, 500))
    rows = generator.normal(size=(12, 3)) @ images + 40.0
    for place in (0, 7):
        odd = rows.copy()
        foretold = []
        for change in (0.0, 25.0):
            odd[place] = rows[place] + change * images[0]
            mean = odd.mean(0)
            moved = odd - mean
            foretold.append((together._weights(moved @ moved.T, place, 3), mean, moved))
        first, second = (mean + weights @ moved for weights, mean, moved in foretold)
        # three images explain all: the pass is foretold as it is, by the others
        assert first == pytest.approx(rows[place], abs=1e-6)
        assert second == pytest.approx(rows[place] + 25.0 * images[0], abs=1e-6)
        strange = rows.copy()
        strange[place] = 500.0 * generator.normal(size=500)  # nothing like the others
        mean = strange.mean(0)
        moved = strange - mean
        others = np.delete(rows, place, 0)
        found = mean + together._weights(moved @ moved.T, place, 3) @ moved
        # what is foretold is a sum of the others, however strange the pass is
        left = found - others.T @ np.linalg.lstsq(others.T, found, rcond=None)[0]
        assert np.abs(left).max() < 1e-6 * np.abs(found).max()


@pytest.mark.parametrize("shift", [1, 3])
def test_border_of_a_shifted_block_lies_as_far_as_it_was_shifted(shift: int) -> None:
    grid = Grid.from_spacing((30, 30, 30), (2.0, 2.0, 2.0))
    still = np.full((30, 30, 30), -100.0, np.float32)
    still[10:] = 50.0
    moved = np.roll(still, shift, axis=0)
    moved[:shift] = -100.0
    # a plane along the grid has no slant: its area is overstated by nothing, and the distance by the half that is taken off
    assert score.border_mm(moved, still, grid) == pytest.approx(1.5 * 2.0 * shift)
    assert score.border_mm(still + 80.0 * (still > 0), still, grid) == 0.0  # contrast moves no border
    assert np.isnan(score.border_mm(still, np.full_like(still, 40.0), grid))


def test_border_of_a_ball_is_right_on_average() -> None:
    grid = Grid.from_spacing((40, 40, 40), (1.0, 1.0, 1.0))
    at = np.stack(np.meshgrid(*[np.arange(40.0) - 19.5] * 3, indexing="ij"), axis=-1)
    radius = np.linalg.norm(at, axis=-1)
    still, larger = (np.where(radius < r, 50.0, -100.0).astype(np.float32) for r in (12.0, 13.0))
    shell, area = 4.0 / 3.0 * np.pi * (13.0**3 - 12.0**3), 4.0 * np.pi * 12.0**2
    assert score.border_mm(larger, still, grid) == pytest.approx(shell / area, rel=0.1)


@pytest.fixture(scope="module")
def study() -> DynamicSeries:
    return torso.series(torso.axial())


def noise(study: DynamicSeries) -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 1000, study.voxels[1].shape)


def test_a_pass_of_noise_is_excluded_and_harms_no_other(study: DynamicSeries) -> None:
    voxels = study.voxels.copy()
    voxels[1] = noise(study)
    found = correct.estimate(replace(study, voxels=voxels), method="deformable", reference=torso.REFERENCE)
    assert [one.index for one in found.passes if one.excluded] == [1]
    assert "motion-no-cavity" not in found.flags
    assert set(found.flags) <= set(FLAGS)
    for index in (0, 2, 3, 4):
        assert torso.error_mm(found, study.grid, index)[0] < 1.4


def test_a_gasp_is_corrected_or_excluded() -> None:
    travel = tuple((-41.0, -5.0) if n == 1 else t for n, t in enumerate(torso.TRAVEL))
    found = correct.estimate(torso.series(torso.axial(), travel=travel), method="deformable", reference=torso.REFERENCE)
    gasp = found.passes[1]
    assert gasp.excluded or gasp.border_after_mm < 0.3 * gasp.border_before_mm
    assert [one.index for one in found.passes if one.excluded] in ([], [1])
    assert found.jacobian_range[0] > 0.0


def test_contrast_alone_moves_nothing() -> None:
    still = torso.series(torso.axial(), travel=((0.0, 0.0),) * 8)
    found = correct.estimate(still, method="deformable", reference=torso.REFERENCE)
    assert not found.displacements.any()
    assert found.flags == ("motion-none-found",)


def test_a_truncated_pass_keeps_what_it_has(study: DynamicSeries) -> None:
    voxels = study.voxels.astype(np.float32)
    voxels[3, :8] = np.nan
    cut = replace(study, voxels=voxels)
    found = correct.estimate(cut, method="deformable", reference=torso.REFERENCE)
    assert not found.passes[3].excluded
    assert np.isnan(correct.apply(cut, found).voxels[3]).any(axis=(1, 2))[:6].all()


@pytest.mark.parametrize("shift_mm", [(0.0, 0.0, 15.0), (0.0, 20.0, 0.0), (30.0, 0.0, 0.0), (100.0, 100.0, 100.0)])
def test_a_large_shift_by_hand_is_applied_whole_and_flagged_where_it_harms(study: DynamicSeries, shift_mm: tuple) -> None:
    found = correct.estimate(study, method="manual", reference=torso.REFERENCE, shifts_mm={2: shift_mm})
    inside = np.isfinite(found.remaining_mm)
    moved = found.displacements[2][inside]
    assert np.median(moved, axis=0) == pytest.approx(shift_mm, abs=1e-3)
    assert found.jacobian_range[0] > 0.0
    assert "motion-shift-worse" in found.passes[2].flags
    assert "motion-shift-worse" in FLAGS


@pytest.mark.parametrize("method", ["rigid", "deformable"])
def test_a_pass_that_lies_far_off_is_brought_back(method: str) -> None:
    still = torso.series(torso.axial(), travel=tuple((0.0, 0.0) if n != 3 else (26.0, 0.0) for n in range(8)))
    found = correct.estimate(still, method=method, reference=torso.REFERENCE)  # type: ignore[arg-type]
    inside = np.isfinite(found.remaining_mm)
    assert found.passes[3].residual_after < 0.7 * found.passes[3].residual_before or found.passes[3].excluded
    if not found.passes[3].excluded:
        assert np.median(found.displacements[3][inside][:, 2]) == pytest.approx(26.0, abs=3.0)


def test_an_estimate_that_was_stopped_goes_on_to_the_same_bits(study: DynamicSeries) -> None:
    filed: dict[str, tuple[np.ndarray, ...]] = {}

    def keep(name: str, make: together.Keep, *, most: int) -> tuple[np.ndarray, ...]:
        if name not in filed:
            if len(filed) == most:
                raise KeyboardInterrupt
            filed[name] = make()
        return filed[name]

    whole = correct.estimate(study, method="deformable", reference=None)
    for most in (3, study.passes, 10**6):  # stopped among the passes, and among the turns of all together
        with nullcontext() if most > study.passes else pytest.raises(KeyboardInterrupt):
            found = correct.estimate(study, method="deformable", reference=None, keep=partial(keep, most=most))
    assert {f"pass-{n}" for n in range(study.passes) if n != whole.reference} <= set(filed)
    assert "turn-1" in filed
    np.testing.assert_array_equal(found.displacements, whole.displacements)


def test_remaining_motion_is_less_after_correction_and_near_what_remains(study: DynamicSeries) -> None:
    none = correct.estimate(study, method="none", reference=torso.REFERENCE)
    found = correct.estimate(study, method="deformable", reference=torso.REFERENCE)
    before, after = (correct.remaining(field, study.grid) for field in (none, found))
    middle = torso.radius(torso.points(study.grid)) < 0.6
    assert np.nanmean(after[middle]) < 0.5 * np.nanmean(before[middle])
    assert np.isnan(after[torso.radius(torso.points(study.grid)) > 1.1]).all()


def test_shifts_by_hand_are_taken_as_they_are(study: DynamicSeries) -> None:
    by_hand = {0: (1.0, -2.0, -9.0), 3: (0.0, 0.0, 25.0)}  # the second is plainly wrong
    found = correct.estimate(study, method="manual", reference=torso.REFERENCE, shifts_mm=by_hand)
    assert found.passes[0].shift_mm == pytest.approx(by_hand[0], abs=1e-5)
    assert found.passes[3].shift_mm == pytest.approx(by_hand[3], abs=1e-5)
    assert not found.displacements[[1, 2, 4, 5]].any()
    assert found.passes[0].border_after_mm < found.passes[0].border_before_mm
    assert found.passes[3].border_after_mm > found.passes[3].border_before_mm


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"method": "rigid", "reference": 5, "shifts_mm": {0: (0.0, 0.0, 1.0)}}, "MOTION-SHIFTS"),
        ({"method": "manual", "reference": None, "shifts_mm": {0: (0.0, 0.0, 1.0)}}, "MOTION-REFERENCE"),
        ({"method": "manual", "reference": 5, "shifts_mm": {5: (0.0, 0.0, 1.0)}}, "MOTION-SHIFTS"),
        ({"method": "manual", "reference": 5, "shifts_mm": {8: (0.0, 0.0, 1.0)}}, "MOTION-SHIFTS"),
    ],
)
def test_shifts_that_cannot_be_meant_are_refused(study: DynamicSeries, asked: dict, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        correct.estimate(study, **asked)
    assert caught.value.code == code
