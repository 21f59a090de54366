from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, map_coordinates

from hepaflow.errors import UsageError
from hepaflow.phantom import Phantom, PhantomSpec, build, design, liver
from hepaflow.phantom.canvas import draw_texture, make_canvas
from hepaflow.phantom.noise import correlated_noise, kernel_1d


def test_it_is_a_study_of_the_protocol(noisy: Phantom) -> None:
    series = noisy.series
    assert series.voxels.shape == (21, 32, 128, 128)
    assert series.voxels.dtype == np.int16
    assert series.grid.spacing_mm == pytest.approx((5.0, 3.0, 3.0))
    assert series.grid.spacing_mm[0] * 32 == pytest.approx(160.0)
    assert series.acquisition.injection_to_first_s == 11
    assert series.acquisition.kvp == (80.0,) * 21
    assert 8 <= noisy.reference <= 14


def test_the_same_seed_makes_the_same_bytes(noisy: Phantom) -> None:
    again = build(PhantomSpec(seed=0))
    np.testing.assert_array_equal(again.series.voxels, noisy.series.voxels)
    np.testing.assert_array_equal(again.labels, noisy.labels)
    assert again.truth_regions == noisy.truth_regions


def test_another_seed_is_another_patient() -> None:
    one, other = (np.random.default_rng(seed) for seed in (0, 7))
    assert liver.lesion_shapes(one) != liver.lesion_shapes(other)
    assert design.draw_design(one).healthy != design.draw_design(other).healthy
    assert (draw_texture(one).lattice != draw_texture(other).lattice).any()


@pytest.mark.parametrize(
    "wrong", [{"size": "huge"}, {"noise_hu": -1.0}, {"noise_hu": float("nan")}, {"breathing_mm": 31.0}, {"seed": -1}]
)
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"^PHANTOM-"):
        PhantomSpec(**wrong)  # type: ignore[arg-type]


def test_noise_has_its_sd_and_its_correlation(noisy: Phantom, clean: Phantom) -> None:
    body = clean.labels > 0
    noise = (noisy.series.voxels.astype(float) - clean.series.voxels)[:, body]
    # 21 x 57,000 voxels: the sample SD is within 0.5 %; rounding twice adds 1/6 HU^2 to 16
    assert noise.std() == pytest.approx(np.sqrt(16 + 1 / 6), rel=0.01)
    assert abs(noise.mean()) < 0.02
    raw = correlated_noise(np.random.default_rng(0), clean.grid, sd_hu=4.0, fwhm_mm=3.0)
    weights = kernel_1d(3.0, 3.0)
    expected = (weights[1:] * weights[:-1]).sum()
    for axis, lag in ((2, expected), (1, expected), (0, 0.0)):
        found = np.mean(np.take(raw, range(1, 31), axis) * np.take(raw, range(30), axis)) / 16.0
        assert found == pytest.approx(lag, abs=0.01)  # half a million pairs: standard error 0.002
    assert 0.1 < expected < 0.2  # what the fine grain of a full-size image leaves between neighbouring 3-mm voxels
    fine = kernel_1d(2.0, 0.75)
    assert (fine[1:] * fine[:-1]).sum() > 0.8


def test_what_does_not_breathe_stays(clean: Phantom) -> None:
    xs = clean.grid.affine[0, 3] + np.arange(128) * 3.0
    ys = clean.grid.affine[1, 3] + np.arange(128) * 3.0
    wall = liver.cavity_level(xs[None, :], ys[:, None]) > 3.0
    before = clean.series.voxels[:2, :, wall].astype(int)  # no contrast yet
    assert np.ptp(before, axis=0).max() == 0
    assert (before > 400).any()  # ribs and spine are part of it
    assert np.ptp(clean.series.voxels[:2].astype(int), axis=0).max() > 300


def test_pulling_a_pass_back_gives_the_patient_who_holds_still(clean: Phantom, still: Phantom) -> None:
    deepest = int(np.argmax(np.abs(clean.amplitudes[:, 0] - clean.amplitudes[clean.reference, 0])))
    moved = np.moveaxis(clean.displacement(deepest).astype(float), -1, 0)[::-1]  # z, y, x
    steps = np.array(clean.grid.spacing_mm)
    where = np.indices(clean.grid.shape) + moved / steps[:, None, None, None]
    back = map_coordinates(clean.series.voxels[deepest].astype(float), where, order=1, mode="nearest")
    truth = still.series.voxels[deepest].astype(float)
    seen = (where[0] > 0) & (where[0] < clean.grid.shape[0] - 1)
    inner = binary_erosion(clean.masks["liver_whole"], iterations=2) & seen
    # linear interpolation and twice rounding inside an organ whose vessels and lesions are edges
    assert np.median(np.abs(back - truth)[inner]) < 0.6
    assert np.abs(back - truth)[inner].mean() < 1.5
    edge = clean.masks["liver_whole"] & ~binary_erosion(clean.masks["liver_whole"]) & seen
    uncorrected = np.abs(clean.series.voxels[deepest] - truth)[edge].mean()
    assert np.abs(back - truth)[edge].mean() < 0.5 * uncorrected


def test_regions_show_the_curves_of_the_truth(still: Phantom) -> None:
    times, curves = still.series.times_s, still.curves

    def measured(name: str) -> np.ndarray:
        mean = still.series.voxels[:, still.labels == next(n for n, found in still.names.items() if found == name)].mean(1)
        return np.asarray(mean - mean[0])

    # lumen only, all voxels alike: half a HU of rounding twice
    for name, curve in (("aorta", curves.arterial), ("portal_vein", curves.portal)):
        np.testing.assert_allclose(measured(name), np.interp(times, curves.times_s, curve), atol=1.0, rtol=0.001)
    ball = still.truth_regions["healthy"]["bf"] / still.design.healthy.bf  # mean texture
    expected = ball * np.interp(times, curves.times_s, curves.tissues["liver"])
    np.testing.assert_allclose(measured("healthy"), expected, atol=0.4, rtol=0.01)


def test_the_maps_agree_with_each_other(noisy: Phantom) -> None:
    maps = noisy.truth_maps
    known = np.isfinite(maps["bf"])
    assert all((np.isfinite(values) == known).all() for values in maps.values())
    assert all(values.dtype == np.float32 for values in maps.values())
    bf, extraction = maps["bf"][known], maps["extraction"][known]
    np.testing.assert_allclose(bf, maps["habf"][known] + maps["hpbf"][known], rtol=1e-5)
    np.testing.assert_allclose(maps["habf"][known], maps["haf"][known] * bf, rtol=1e-5)
    np.testing.assert_allclose(maps["ktrans"][known], extraction * bf, rtol=1e-5)
    np.testing.assert_allclose(maps["ps"][known], -bf * np.log1p(-extraction), rtol=1e-4)
    np.testing.assert_allclose(maps["bv"][known], bf * maps["mtt"][known] / 60, rtol=1e-5)
    assert (maps["total_mtt"][known] > maps["mtt"][known]).all()
    assert (known & (noisy.labels == 5)).sum() == (noisy.labels == 5).sum()  # every liver voxel has a truth
    assert not known[noisy.labels == 1].any()
    spread = bf[noisy.masks["healthy"][known]].std() / bf[noisy.masks["healthy"][known]].mean()
    assert 0.03 < spread < 0.10  # the texture


def test_the_voxel_map_is_what_the_voxel_does(still: Phantom) -> None:
    index = 15
    known = still.masks["healthy"]
    enhancement = (still.series.voxels[index].astype(float) - still.series.voxels[0])[known]
    curve = np.interp(still.series.times_s[index], still.curves.times_s, still.curves.tissues["liver"])
    expected = curve * still.truth_maps["bf"][known] / still.design.healthy.bf
    assert np.abs(enhancement - expected).max() < 1.01  # two roundings


def test_lesions_cover_the_categories(noisy: Phantom) -> None:
    lesions = {lesion.role: lesion for lesion in noisy.lesions}
    assert len(lesions) == 8
    assert all(8 <= lesion.diameter_mm <= 45 for lesion in noisy.lesions)
    assert any(8 <= lesion.diameter_mm <= 10 for lesion in noisy.lesions)
    assert max(lesion.diameter_mm for lesion in noisy.lesions) > 43
    assert lesions["major response"].bf_ratio == pytest.approx(0.40, abs=0.03)
    assert lesions["minor response"].bf_ratio == pytest.approx(1.10, abs=0.06)
    necrotic = lesions["necrotic core, perfused rim"]
    assert necrotic.vascular_bf_ratio > necrotic.bf_ratio + 0.15
    assert noisy.truth_regions["lesion-1-core"]["bf_ratio"] < 0.15
    assert {lesion.expected for lesion in noisy.lesions} == {"major", "minor"}
    assert min(lesion.haf for lesion in noisy.lesions) < 0.3
    assert max(lesion.haf for lesion in noisy.lesions) > 0.7
    for lesion in noisy.lesions:
        assert noisy.truth_regions[lesion.id]["bf_ratio"] == pytest.approx(lesion.bf_ratio)


@pytest.mark.parametrize("seed", range(6))
def test_every_patient_is_anatomically_sound(seed: int) -> None:
    generator = np.random.default_rng(seed)
    lesions = liver.lesion_shapes(generator)
    for n, one in enumerate(lesions):
        for other in lesions[n + 1 :]:
            apart = np.linalg.norm(np.subtract(one.centre_mm, other.centre_mm))
            assert apart > (one.diameter_mm + other.diameter_mm) / 2 + 3
        apart = np.linalg.norm(np.subtract(one.centre_mm, liver.HEALTHY_BALL[0]))
        assert apart > one.diameter_mm / 2 + liver.HEALTHY_BALL[1] + 2
    patient = design.draw_design(generator)
    near = [p.bf / patient.healthy.bf for p, role in zip(patient.lesions, patient.roles, strict=True) if "cut-off" in role]
    assert [p.bf < design.CUT_OFF * patient.healthy.bf for p in patient.lesions] == [n in (1, 4, 6, 7) for n in range(8)]
    assert all(abs(ratio - design.CUT_OFF) < 0.06 for ratio in near)
    assert sorted(ratio < design.CUT_OFF for ratio in near) == [False, True]


def test_lesions_lie_inside_the_liver(noisy: Phantom) -> None:
    for lesion in noisy.lesions:
        mask = noisy.masks[lesion.id]
        index = np.argwhere(mask)
        centre = noisy.grid.to_mm(index).mean(0)
        if lesion.kind != "dome":  # the dome lesion is cut by the coverage
            assert np.abs(centre - np.array(lesion.centre_mm)).max() < 1.5
        assert noisy.masks["liver_whole"][mask].mean() > 0.98
        assert (noisy.labels[mask] == 10 + int(lesion.id[7:])).all()


def test_both_sizes_are_one_anatomy() -> None:
    lesions = liver.lesion_shapes(np.random.default_rng(0))
    texture = draw_texture(np.random.default_rng(1))
    small, full = (make_canvas(size, lesions, texture) for size in ("small", "full"))  # type: ignore[arg-type]
    for tissue, tolerance in (("liver", 0.004), ("spleen", 0.01), ("aorta", 0.02), ("portal_trunk", 0.03)):
        number = liver.NUMBER[tissue]
        volumes = [canvas.share([number]).sum() * canvas.grid.voxel_ml for canvas in (small, full)]
        assert volumes[0] == pytest.approx(volumes[1], rel=tolerance)
        places = [canvas.grid.to_mm(np.argwhere(canvas.share([number]) > 0.5)).mean(0) for canvas in (small, full)]
        assert np.abs(places[0] - places[1]).max() < 1.0
    assert small.grid.to_mm((-0.5, -0.5, -0.5)) == pytest.approx(full.grid.to_mm((-0.5, -0.5, -0.5)))
