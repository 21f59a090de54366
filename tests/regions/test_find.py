from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from hepaflow.domain.geometry import Grid
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.phantom import PhantomSpec, build
from hepaflow.regions.find import find, find_quick


def _inside(found, truth):
    """Share of the found voxels that lie in the truth."""
    return float((found & truth).sum() / found.sum())


def _dice(a, b):
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def _within(mask, grid, mm):
    return ndimage.distance_transform_edt(~mask, sampling=grid.spacing_mm) <= mm


@pytest.fixture(scope="module")
def phantom():
    return build(PhantomSpec(size="small", breathing_mm=0.0, seed=4))


@pytest.fixture(scope="module")
def lesions(phantom):
    return {n: m for n, m in phantom.masks.items() if n.startswith("lesion-") and n.count("-") == 1}


@pytest.fixture(scope="module")
def on_phantom(phantom, lesions):
    return find(phantom.series, lesions, frame=3)


@pytest.fixture(scope="module")
def on_abdomen(abdomen):
    return find(abdomen.series, {})


def test_vessels_of_the_phantom_lie_in_their_lumen(phantom, on_phantom):
    """Judged by the contrast itself, without noise: 95 of 100 voxels follow the true input within 20 % of its peak (pure blood)."""
    clean = build(dataclasses.replace(phantom.spec, noise_hu=0.0)).series.voxels
    for region, truth, least in (
        (on_phantom.aorta, phantom.curves.arterial, 100),
        (on_phantom.portal_vein, phantom.curves.portal, 20),
    ):
        rise = clean[:, region.mask] - clean[:2, region.mask].mean(0)
        expected = np.interp(phantom.series.times_s, phantom.curves.times_s, truth)
        assert region.voxels >= least
        assert (np.abs(rise - expected[:, None]).max(0) < 0.2 * expected.max()).mean() > 0.95
        assert np.abs(rise.mean(1) - expected).max() < 0.08 * expected.max()


def test_liver_spleen_and_healthy_of_the_phantom(phantom, lesions, on_phantom):
    liver = phantom.masks["liver_whole"]
    assert _dice(on_phantom.liver.mask, liver) > 0.92
    assert on_phantom.spleen is not None
    assert (on_phantom.spleen.mask & phantom.masks["spleen"]).sum() > 0.85 * phantom.masks["spleen"].sum()
    healthy = on_phantom.healthy
    assert _inside(healthy.mask, liver) > 0.98
    assert 10.0 < healthy.voxels * phantom.grid.voxel_ml < 60.0
    for mask in lesions.values():
        assert not (healthy.mask & _within(mask, phantom.grid, 7.0)).any()
    assert _inside(healthy.mask, phantom.masks["liver_vessels"]) < 0.02


def test_lesions_are_taken_as_given_and_never_proposed(on_phantom, lesions, on_abdomen):
    assert [lesion.id for lesion in on_phantom.lesions] == sorted(lesions)
    for lesion in on_phantom.lesions:
        whole = lesion.shells["whole"]
        assert (whole.mask == lesions[lesion.id]).all()
        assert whole.origin == "given"
        assert (on_phantom.liver.mask | ~whole.mask).all()
    assert on_abdomen.lesions == ()


def test_lesion_sizes_of_the_phantom(phantom, on_phantom):
    """The masks were digitised at 3 mm from ellipsoids: diameter within one voxel diagonal of the drawn one."""
    for lesion, truth in zip(on_phantom.lesions, phantom.lesions, strict=True):
        assert lesion.longest_axial_diameter_mm == pytest.approx(truth.diameter_mm, abs=4.3)


def test_necrotic_core_of_the_phantom_is_not_vascular(phantom, on_phantom):
    necrotic = next(t for t in phantom.lesions if t.kind == "necrotic").id
    shells = next(x for x in on_phantom.lesions if x.id == necrotic).shells
    core = phantom.masks[f"{necrotic}-core"]
    assert (shells["vascular"].mask & core).sum() < 0.35 * core.sum()
    ring = phantom.masks[f"{necrotic}-vascular"]
    assert (shells["vascular"].mask & ring).sum() > 0.85 * ring.sum()


def test_proposals_are_marked(on_phantom):
    for name in ("aorta", "portal_vein", "spleen", "liver", "healthy"):
        region = getattr(on_phantom, name)
        assert region.origin == "proposed"
        assert f"{name.replace('_', '-')}-proposed" in region.flags
        assert f"{name.replace('_', '-')}-proposed" in on_phantom.flags
    assert on_phantom.frame == 3
    assert set(on_phantom.flags) <= set(FLAGS)


def test_other_anatomy(abdomen, on_abdomen):
    """A body that shares nothing with the phantom but medicine."""
    truth = abdomen.truth
    assert _inside(on_abdomen.aorta.mask, truth["aorta"]) > 0.95
    assert _inside(on_abdomen.portal_vein.mask, truth["portal_vein"]) > 0.95
    assert _dice(on_abdomen.liver.mask, truth["organ"]) > 0.9
    assert on_abdomen.spleen is not None
    assert _dice(on_abdomen.spleen.mask, truth["spleen"]) > 0.85
    assert _inside(on_abdomen.healthy.mask, truth["liver"]) > 0.98


def test_undrawn_lesions_keep_out_of_the_healthy_region(abdomen, on_abdomen):
    assert not (on_abdomen.healthy.mask & (abdomen.truth["lesion-1"] | abdomen.truth["lesion-2"])).any()


def _turned(series, order, flips):
    """The same patient stored along other array axes and directions."""
    voxels = series.voxels.transpose(0, *(a + 1 for a in order))
    affine = series.grid.affine[:, [*order, 3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            voxels = np.flip(voxels, axis + 1)
            affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis + 1] - 1)
            affine[:3, axis] *= -1
    return dataclasses.replace(series, voxels=np.ascontiguousarray(voxels), grid=Grid(voxels.shape[1:], affine))


def _back(mask, order, flips):
    return np.flip(mask, [a for a in range(3) if flips[a]]).transpose(np.argsort(order))


@pytest.mark.parametrize(
    ("order", "flips"),
    [
        pytest.param((0, 1, 2), (True, False, True), id="feet-first"),
        pytest.param((0, 1, 2), (False, True, True), id="prone"),
        pytest.param((2, 0, 1), (True, True, False), id="sagittal"),
    ],
)
def test_orientation_of_the_array_does_not_matter(abdomen, on_abdomen, order, flips):
    """Rounding in another order of summation may move single voxels of a border: Dice above 0.99."""
    turned = find(_turned(abdomen.series, order, flips), {})
    for name in ("aorta", "portal_vein", "liver", "spleen", "healthy"):
        assert _dice(_back(getattr(turned, name).mask, order, flips), getattr(on_abdomen, name).mask) > 0.99, name


def test_missing_samples_and_excluded_passes_are_tolerated(abdomen, on_abdomen):
    voxels = abdomen.series.voxels.astype(np.float32)
    voxels[5:12, -4:] = np.nan
    voxels[9] = 0.0
    series = DynamicSeries(voxels, abdomen.series.grid, abdomen.series.times_s, abdomen.series.acquisition, excluded=(9,))
    found = find(series, {"lesion-1": abdomen.truth["lesion-1"]})
    assert _inside(found.aorta.mask, abdomen.truth["aorta"]) > 0.95
    assert _inside(found.portal_vein.mask, abdomen.truth["portal_vein"]) > 0.95
    assert _dice(found.liver.mask, on_abdomen.liver.mask) > 0.9


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"contrast": 0.55}, id="120 kV"),
        pytest.param({"hu": {"liver": 12}, "leave_out": ("spine",)}, id="fatty liver, no bone"),
        pytest.param({"noise_hu": 30.0, "leave_out": ("spleen",)}, id="noisy, no spleen"),
        pytest.param(
            {
                "shape": (32, 160, 160),
                "spacing": (5.0, 2.4, 2.4),
                "noise_hu": 20.0,
                "delay": 6.0,
                "times": np.r_[0:36:3.0, 48:149:20.0],
            },
            id="finer grid, late bolus every 3 s",
        ),
    ],
)
def test_other_patients(make_abdomen, other):
    case = make_abdomen(**other)
    found = find(case.series, {})
    assert _inside(found.aorta.mask, case.truth["aorta"]) > 0.95
    assert _inside(found.portal_vein.mask, case.truth["portal_vein"]) > 0.95
    assert _dice(found.liver.mask, case.truth["organ"]) > 0.9
    assert _inside(found.healthy.mask, case.truth["liver"]) > 0.95
    assert (found.spleen is None) == ("spleen" in other.get("leave_out", ()))


def _refusal(series, given):
    with pytest.raises(InputRefused) as error:
        find(series, given)
    return error.value.code


def test_nothing_is_guessed(abdomen, make_abdomen):
    still = abdomen.series.voxels.copy()
    still[:] = still[:1]
    unenhanced = dataclasses.replace(abdomen.series, voxels=still)
    assert _refusal(unenhanced, {}) == "AORTA-NOT-FOUND"
    no_portal = make_abdomen(leave_out=("portal_vein",))
    assert _refusal(no_portal.series, {}) == "PORTAL-NOT-FOUND"
    assert _refusal(make_abdomen(leave_out=("aorta", "ivc")).series, {}) == "AORTA-NOT-FOUND"


def test_given_regions_keep_their_voxels(abdomen):
    truth = {n: abdomen.truth[n] for n in ("aorta", "portal_vein", "liver", "lesion-1", "lesion-2", "spleen")}
    found = find(abdomen.series, {**truth, "healthy": truth["liver"] & (np.indices(truth["liver"].shape)[0] == 14)})
    assert (found.aorta.mask == truth["aorta"]).all()
    assert (found.portal_vein.mask == truth["portal_vein"]).all()
    assert found.spleen is not None
    assert (found.spleen.mask == truth["spleen"]).all()
    assert (found.liver.mask == (truth["liver"] | truth["lesion-1"] | truth["lesion-2"])).all()
    assert {r.origin for r in (found.aorta, found.portal_vein, found.liver, found.healthy, found.spleen)} == {"given"}


def test_a_proposal_handed_on_untouched_is_still_marked(abdomen, on_abdomen):
    given = {"aorta": on_abdomen.aorta.mask, "liver": on_abdomen.liver.mask}
    found = find(abdomen.series, given, proposed={"aorta"})
    assert (found.aorta.origin, found.liver.origin) == ("proposed", "given")
    assert (found.aorta.mask == given["aorta"]).all()
    assert "aorta-proposed" in found.flags
    assert "liver-proposed" not in found.flags


def test_poor_given_healthy_region_is_flagged(abdomen):
    small = np.zeros(abdomen.series.grid.shape, bool)
    k, j, i = np.argwhere(abdomen.truth["lesion-1"])[200]
    small[k - 1 : k + 2, j - 2 : j + 3, i - 2 : i + 3] = True
    flags = find(abdomen.series, {"healthy": small, "lesion-1": abdomen.truth["lesion-1"]}).healthy.flags
    assert {"healthy-too-small", "healthy-overlaps-lesion"} <= set(flags)


def test_bad_given_masks_are_refused(abdomen):
    empty = np.zeros(abdomen.series.grid.shape, bool)
    assert _refusal(abdomen.series, {"lesion-1": empty}) == "REGION-EMPTY"
    assert _refusal(abdomen.series, {"gallbladder": ~empty}) == "REGION-NAME"
    assert _refusal(abdomen.series, {"aorta": np.ones((2, 2, 2), bool)}) == "REGION-GRID"


def test_quick_look_agrees_with_the_full_search(abdomen, on_abdomen):
    quick = find_quick(abdomen.series)
    assert quick.arterial is not None
    assert quick.portal is not None
    full = abdomen.series.voxels[:, on_abdomen.aorta.mask].mean(1)
    assert np.abs(quick.arterial.values - full).max() < 0.1 * full.max()
    assert quick.portal.times_s[quick.portal.values.argmax()] == 28.0


def test_quick_look_without_contrast_finds_nothing(abdomen):
    still = np.repeat(abdomen.series.voxels[:1], abdomen.series.passes, axis=0)
    assert find_quick(dataclasses.replace(abdomen.series, voxels=still)).arterial is None
