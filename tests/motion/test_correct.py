from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import torso

from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused, UsageError
from hepaflow.motion import correct
from hepaflow.phantom import PhantomSpec, build


@pytest.fixture(scope="module")
def study() -> DynamicSeries:
    return torso.series(torso.axial())


@pytest.fixture(scope="module")
def found(study: DynamicSeries) -> MotionField:
    return correct.estimate(study, method="deformable", reference=torso.REFERENCE)


def test_deformable_finds_the_displacement(found: MotionField) -> None:
    for index in range(5):
        error, size = torso.error_mm(found, torso.axial(), index)
        # a fifth of a 5-6 mm voxel on a noisy toy
        assert error < 1.2, (index, error, size)
    assert found.flags == ()
    assert found.jacobian_range[0] > 0.0
    assert all(one.residual_after < one.residual_before for one in found.passes if one.index != torso.REFERENCE)


def test_rigid_beats_nothing_and_deformable_beats_rigid(study: DynamicSeries, found: MotionField) -> None:
    shifts = correct.estimate(study, method="rigid", reference=torso.REFERENCE)
    for index in (0, 3):  # the passes that moved most
        rigid, size = torso.error_mm(shifts, study.grid, index)
        assert torso.error_mm(found, study.grid, index)[0] < rigid < 0.5 * size
    z = shifts.passes[3].shift_mm[2]
    assert z == pytest.approx(-13.0, abs=1.5)  # the mean over height of a travel that grows with height


def test_an_oblique_flipped_grid_gives_the_same_displacement_in_mm() -> None:
    study = torso.series(torso.turned())
    field = correct.estimate(study, method="deformable", reference=torso.REFERENCE)
    for index in range(5):
        assert torso.error_mm(field, study.grid, index)[0] < 1.4  # as on the axial grid, slices cut the ribs askew


def test_wall_and_air_stay(study: DynamicSeries, found: MotionField) -> None:
    at = torso.points(study.grid)
    outside = torso.radius(at) > 1.0
    moved = np.abs(correct.displacement(found, study.grid, 3)).max(axis=-1)
    assert moved[outside].mean() < 0.05
    aligned = correct.apply(study, found)
    far = torso.radius(at) > 1.2
    assert np.array_equal(aligned.voxels[:, far], study.voxels[:, far].astype(np.float32))


def test_apply_keeps_the_reference_and_flattens_the_rest(study: DynamicSeries, found: MotionField) -> None:
    aligned = correct.apply(study, found)
    assert aligned.voxels.dtype == np.float32
    assert np.array_equal(aligned.voxels[torso.REFERENCE], study.voxels[torso.REFERENCE].astype(np.float32))
    at = torso.points(study.grid)
    where = (torso.radius(at) < 0.62) & (np.abs(at[..., 2]) < 40.0) & (np.hypot(at[..., 0], at[..., 1] - 75.0) > 45.0)
    still = torso.series(study.grid, travel=((0.0, 0.0),) * 8)
    before = (study.voxels[3].astype(float) - still.voxels[3])[where].std()
    after = (aligned.voxels[3].astype(float) - still.voxels[3])[where].std()
    assert after < 0.4 * before
    # the pass moved down by 13 mm: at the bottom its tissue left the coverage and is missing, not invented
    assert np.isnan(aligned.voxels[3][0][torso.radius(at[0]) < 0.5]).mean() > 0.9
    assert not np.isnan(aligned.voxels[3][8:14]).any()


def test_same_bytes_again_and_with_another_number_of_workers(
    study: DynamicSeries, found: MotionField, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correct, "_workers", lambda: 1)
    again = correct.estimate(study, method="deformable", reference=torso.REFERENCE)
    assert again.displacements.tobytes() == found.displacements.tobytes()
    assert again.passes == found.passes
    one = correct.apply(study, again)
    monkeypatch.setattr(correct, "_workers", lambda: 3)
    assert correct.apply(study, found).voxels.tobytes() == one.voxels.tobytes()


def test_none_moves_nothing_but_measures(study: DynamicSeries) -> None:
    ticks: list[tuple[str, int, int]] = []
    field = correct.estimate(study, method="none", reference=2, progress=lambda *tick: ticks.append(tick))
    assert not field.displacements.any()
    assert field.jacobian_range == (1.0, 1.0)
    assert field.passes[0].residual_before == field.passes[0].residual_after > 3.0
    assert np.array_equal(correct.apply(study, field).voxels, study.voxels.astype(np.float32))


def test_progress_counts_passes(study: DynamicSeries) -> None:
    ticks: list[tuple[str, int, int]] = []
    correct.estimate(study, method="rigid", reference=0, progress=lambda *tick: ticks.append(tick))
    assert ticks == [("align", n, 7) for n in range(1, 8)] + [("motion check", n, 7) for n in range(8)]


def test_a_pass_of_something_else_is_excluded_and_flagged(study: DynamicSeries) -> None:
    voxels = study.voxels.copy()
    voxels[1] = voxels[1][:, ::-1, ::-1] + np.random.default_rng(0).integers(-150, 150, voxels[1].shape, dtype=np.int16)
    field = correct.estimate(replace(study, voxels=voxels), method="rigid", reference=torso.REFERENCE)
    assert [one.index for one in field.passes if one.excluded] == [1]
    assert "motion-pass-excluded" in field.flags
    assert set(field.flags) <= set(FLAGS)
    assert correct.apply(replace(study, voxels=voxels), field).excluded == (1,)


def test_excluded_passes_take_no_part(study: DynamicSeries) -> None:
    field = correct.estimate(replace(study, excluded=(0,)), method="rigid", reference=None)
    assert field.passes[0].excluded
    assert not field.displacements[0].any()
    assert field.reference != 0


def test_the_chosen_reference_is_enhanced_and_usual(study: DynamicSeries) -> None:
    # travel -13, 3, 0 of the later, enhanced passes; the median of all is between -4 and 0
    assert correct.estimate(study, method="none", reference=None).reference == torso.REFERENCE


def test_what_is_not_measured_stays_missing(study: DynamicSeries) -> None:
    voxels = study.voxels.astype(np.float32)
    voxels[0, 10, 20:24, 30:34] = np.nan
    gappy = replace(study, voxels=voxels)
    field = correct.estimate(gappy, method="rigid", reference=torso.REFERENCE)
    assert np.isfinite(field.displacements).all()
    missing = np.isnan(correct.apply(gappy, field).voxels[0, 6:16])
    assert 16 <= missing.sum() <= 16 * 20  # the hole, widened by the taps of the cubic, and nothing else
    assert torso.error_mm(field, study.grid, 0)[0] < 3.0


@pytest.mark.parametrize("number", [-1, 8, 0])
def test_a_reference_that_is_not_there_is_refused(study: DynamicSeries, number: int) -> None:
    with pytest.raises(UsageError) as caught:
        correct.estimate(replace(study, excluded=(0,)), method="none", reference=number)
    assert caught.value.code == "MOTION-REFERENCE"


def test_other_refusals(study: DynamicSeries, found: MotionField) -> None:
    with pytest.raises(UsageError) as caught:
        correct.estimate(study, method="magic", reference=None)  # type: ignore[arg-type]
    assert caught.value.code == "MOTION-METHOD"
    with pytest.raises(UsageError) as caught:
        correct.estimate(replace(study, excluded=(0, 1, 2, 3, 4, 6, 7)), method="none", reference=None)
    assert caught.value.code == "MOTION-PASSES"
    short = replace(study, voxels=study.voxels[:3], times_s=study.times_s[:3])
    with pytest.raises(UsageError) as caught:
        correct.apply(short, found)
    assert caught.value.code == "MOTION-PASSES"


def test_without_a_trunk_the_whole_image_is_used_and_flagged() -> None:
    generator = np.random.default_rng(5)
    from scipy.ndimage import gaussian_filter

    texture = gaussian_filter(generator.normal(size=(16, 40, 40)), 2.0) * 400.0 - 650.0  # nothing as dense as a body
    voxels = np.stack([np.roll(texture, n, axis=0) for n in (0, 1, 0)]).astype(np.float32)
    study = torso.series(Grid.from_spacing((16, 40, 40), (5.0, 5.0, 5.0)), travel=((0.0, 0.0),) * 3)
    field = correct.estimate(replace(study, voxels=voxels), method="rigid", reference=0)
    assert "motion-no-cavity" in field.flags
    assert field.passes[1].shift_mm[2] == pytest.approx(5.0, abs=0.5)


def test_a_pass_that_gets_worse_is_given_back(study: DynamicSeries) -> None:
    from hepaflow.motion import deformable

    table = correct.lay_table(study)
    fixed = deformable.fixed_at(table.scene, torso.REFERENCE, table.cavity, 3.0)
    wrong = np.zeros((*table.scene.nodes.shape, 3), np.float32)
    wrong[..., 0] = 12.0  # pass 4 moved by 3 mm
    verdict = correct._judge(table, fixed, 4, wrong, None)
    assert not verdict.field.any()
    assert verdict.after == verdict.before
    assert verdict.flags == ("motion-pass-uncorrected",)


def test_an_empty_pass_is_excluded(study: DynamicSeries) -> None:
    voxels = study.voxels.astype(np.float32)
    voxels[2] = np.nan
    field = correct.estimate(replace(study, voxels=voxels), method="deformable", reference=None)
    assert [one.index for one in field.passes if one.excluded] == [2]
    assert np.isfinite(field.displacements).all()


def test_a_single_slice_moves_in_its_plane() -> None:
    travel = ((0.0, -8.0), (0.0, 0.0))
    grid = Grid.from_spacing((1, 52, 64), (6.0, 5.0, 5.0), origin_mm=(-157.5, -127.5, 0.0))
    study = torso.series(grid, travel=travel)
    field = correct.estimate(study, method="rigid", reference=1)
    assert field.passes[0].shift_mm == pytest.approx((0.0, -8.0, 0.0), abs=1.0)
    middle = torso.radius(torso.points(grid)) < 0.5
    assert np.isfinite(correct.apply(study, field).voxels[0][middle]).all()


@pytest.mark.slow
def test_the_library_engine_finds_the_displacement_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    phantom = build(PhantomSpec(seed=0))
    moved = int(np.argmax([np.abs(phantom.displacement(n)).max() for n in range(15)]))
    pair = sorted((moved, phantom.reference))
    few = replace(phantom.series, voxels=phantom.series.voxels[pair], times_s=phantom.series.times_s[pair])
    field = correct.estimate(few, method="deformable", reference=pair.index(phantom.reference), engine="elastix")
    true = phantom.displacement(moved)[phantom.masks["liver"]]
    found = correct.displacement(field, few.grid, pair.index(moved))[phantom.masks["liver"]]
    assert np.linalg.norm(found - true, axis=-1).mean() < 0.5 * np.linalg.norm(true, axis=-1).mean()
    assert not list(tmp_path.iterdir())


def test_an_unknown_engine_is_refused(study: DynamicSeries) -> None:
    with pytest.raises(UsageError, match="MOTION-ENGINE"):
        correct.estimate(study, method="deformable", reference=0, engine="magic")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_pass_that_the_library_gives_up_on_is_refused(study: DynamicSeries) -> None:
    with pytest.raises(InputRefused, match="MOTION-LIBRARY"):
        correct.estimate(study, method="deformable", reference=torso.REFERENCE, engine="elastix")
