from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES, TISSUES, sampled, true_aath, true_inputs
from scipy.stats import chi2

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Lesion, Region, Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.deconvolution import DECONVOLUTION
from hepaflow.kinetics.descriptive import DESCRIPTIVE, rise
from hepaflow.kinetics.fit_maps import fit_maps
from hepaflow.kinetics.map_exact import exact_fitter
from hepaflow.kinetics.max_slope import MAX_SLOPE
from hepaflow.kinetics.model import Direct, Reader
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT

ARTERIAL, PORTAL = true_inputs()
INPUTS = dense_inputs(
    TimeCurve("arterial", THESIS_TIMES, sampled(ARTERIAL, THESIS_TIMES)),
    TimeCurve("portal", THESIS_TIMES, sampled(PORTAL, THESIS_TIMES)),
    baseline_passes=2,
)
SHAPE = (4, 20, 20)
LIVER, LESION = TISSUES[0], (45, 0.5, 9, 0.5, 0.3, 1.5, 1.0)


def study(noise: float, seed: int = 0) -> tuple[DynamicSeries, Regions]:
    curve = np.stack([sampled(true_aath(ARTERIAL, PORTAL, t), THESIS_TIMES) for t in (LIVER, LESION)], 1)
    tumour = np.zeros(SHAPE, bool)
    tumour[:, 12:, 12:] = True
    voxels = np.where(tumour[None], curve[:, 1, None, None, None], curve[:, 0, None, None, None]) + 60.0
    voxels = voxels + noise * np.random.default_rng(seed).standard_normal(voxels.shape)
    grid = Grid.from_spacing(SHAPE, (5, 3, 3))
    healthy = np.zeros(SHAPE, bool)
    healthy[:, :8, :8] = True
    lesion = Lesion("lesion-1", {"whole": Region("lesion-1/whole", tumour, "given")}, 1.0, 20.0)
    empty = Region("aorta", np.zeros(SHAPE, bool), "given")
    regions = Regions(
        grid, empty, empty, Region("liver", np.ones(SHAPE, bool), "given"), Region("healthy", healthy, "given"), (lesion,)
    )
    return DynamicSeries(voxels.astype(np.float32), grid, THESIS_TIMES, Acquisition("AcquisitionTime")), regions


def mapped(series: DynamicSeries, regions: Regions, model=AATH, threads=1):
    return fit_maps(series, INPUTS, regions=regions, model=model, density_g_ml=1.0, threads=threads)


def test_maps_find_liver_and_lesion():
    series, regions = study(noise=2.0)
    found = mapped(series, regions)
    tumour = np.zeros(SHAPE, bool)
    tumour[:, 12:, 12:] = True
    bf, haf = found.maps["bf"], found.maps["haf"]
    # the voxel posterior leans on the organ's prior: the mean of a tissue within 15 % of the truth at 2 HU
    assert bf.values[~tumour].mean() == pytest.approx(100, rel=0.1)
    assert bf.values[tumour].mean() == pytest.approx(45, rel=0.15)
    assert haf.values[~tumour].mean() == pytest.approx(0.2, abs=0.04)
    assert haf.values[tumour].mean() == pytest.approx(0.5, abs=0.08)
    inside = np.abs(bf.values[~tumour] - 100) < 1.96 * bf.sd[~tumour]
    assert inside.mean() > 0.9
    assert found.noise_hu == pytest.approx(2.0, rel=0.15)


def test_every_quantity_of_the_model_has_a_map():
    series, regions = study(noise=1.0)
    assert set(mapped(series, regions).maps) == {*AATH.quantities, "ttp", "msi", "data_share"}
    assert set(mapped(series, regions, ONE_COMPARTMENT).maps) == {*ONE_COMPARTMENT.quantities, "ttp", "msi", "data_share"}


def test_a_part_is_mapped_as_it_is_in_the_whole():
    series, regions = study(noise=2.0)
    whole, part = (
        fit_maps(series, INPUTS, regions=regions, model=AATH, density_g_ml=1.0, only=only) for only in (None, regions.healthy.mask)
    )
    assert part.noise_hu == whole.noise_hu
    values = part.maps["bf"].values
    np.testing.assert_array_equal(np.isfinite(values), regions.healthy.mask)
    # products of other blocks round differently in float32
    np.testing.assert_allclose(values[regions.healthy.mask], whole.maps["bf"].values[regions.healthy.mask], rtol=1e-4)


def test_missing_samples_change_no_neighbour():
    series, regions = study(noise=1.0)
    before = mapped(series, regions)
    voxels = series.voxels.copy()
    voxels[4, 2, 3, 3] = np.nan
    voxels[3:18, 2, 15, 4] = np.nan
    holed = DynamicSeries(voxels, series.grid, series.times_s, series.acquisition)
    after = mapped(holed, regions)
    untouched = np.ones(SHAPE, bool)
    untouched[2, 3, 3] = untouched[2, 15, 4] = False
    # the healthy region's mean curve sets the prior, and voxel (2, 3, 3) is one of its 256: equal to a hundredth, not to the bit
    np.testing.assert_allclose(after.maps["bf"].values[untouched], before.maps["bf"].values[untouched], rtol=0.02)
    assert np.isfinite(after.maps["bf"].values[2, 3, 3])
    assert np.isnan(after.maps["bf"].values[2, 15, 4])
    assert after.flags[2, 15, 4] & 1


def test_threads_change_nothing():
    series, regions = study(noise=3.0)
    one, two = mapped(series, regions, threads=1), mapped(series, regions, threads=2)
    assert one.maps["bf"].values.tobytes() == two.maps["bf"].values.tobytes()


def test_empty_liver_is_refused():
    series, regions = study(noise=1.0)
    nothing = Region("liver", np.zeros(SHAPE, bool), "given")
    with pytest.raises(InputRefused, match="MAPS-NO-VOXELS"):
        mapped(series, Regions(regions.grid, nothing, nothing, nothing, nothing, ()))


def small(voxels: np.ndarray, **more) -> tuple[DynamicSeries, Regions]:
    """A study of a few slices in which all is healthy liver; ``voxels`` (passes, slices, rows, columns)."""
    shape = voxels.shape[1:]
    grid = Grid.from_spacing(shape, (5, 3, 3))
    empty, liver = Region("aorta", np.zeros(shape, bool), "given"), Region("liver", np.ones(shape, bool), "given")
    times = more.pop("times_s", THESIS_TIMES)
    series = DynamicSeries(voxels.astype(np.float32), grid, times, Acquisition("AcquisitionTime"), **more)
    return series, Regions(grid, empty, empty, liver, Region("healthy", np.ones(shape, bool), "given"), ())


def liver_voxels(times_s: np.ndarray, shape: tuple[int, int, int], noise: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    curve = sampled(true_aath(ARTERIAL, PORTAL, LIVER), times_s)
    curves = curve[:, None, None, None] * rng.uniform(0.7, 1.3, shape)
    return 60 + curves + noise * rng.standard_normal(curves.shape)


def read_of(model, times_s: np.ndarray, voxels: np.ndarray, noise: float) -> dict[str, np.ndarray]:
    """What the model reads from voxels (n, ...) by itself."""
    flat = voxels.reshape(len(voxels), -1).astype(np.float32)
    settings = model.settle(times_s, flat, INPUTS, noise)
    found = model.prepare(times_s, INPUTS, settings).read(flat).quantities
    return {key: x.reshape(voxels.shape[1:]) for key, x in found.items()}


def test_slices_are_fitted_at_their_own_times():
    """The last two slices are imaged 0.6 s later; 0.05 s between neighbours is no difference."""
    late = np.array([0.0, 0.05, 0.6, 0.62])
    voxels = np.stack([liver_voxels(THESIS_TIMES + x, (1, 4, 5))[:, 0] for x in late], 1)
    series, regions = small(voxels, slice_times_s=THESIS_TIMES[:, None] + late)
    found = mapped(series, regions, MAX_SLOPE)
    for slices, offset in ((slice(0, 2), 0.025), (slice(2, 4), 0.61)):
        want = read_of(MAX_SLOPE, THESIS_TIMES + offset, voxels[:, slices], found.noise_hu)
        np.testing.assert_allclose(found.maps["bf"].values[slices], want["bf"], rtol=1e-5)
        ttp, msi = rise(THESIS_TIMES + offset, voxels[:, slices].reshape(21, -1).astype(np.float32), INPUTS, found.noise_hu)
        np.testing.assert_allclose(found.maps["ttp"].values[slices].ravel(), ttp, rtol=1e-5)
        np.testing.assert_allclose(found.maps["msi"].values[slices].ravel(), msi, rtol=1e-5)
    # a slice without voxels to map is no layer
    only = np.zeros(series.grid.shape, bool)
    only[3] = True
    part = fit_maps(series, INPUTS, regions=regions, model=MAX_SLOPE, density_g_ml=1.0, only=only)
    np.testing.assert_array_equal(np.isfinite(part.maps["bf"].values), only)
    # products of other sizes round differently in float32
    np.testing.assert_allclose(part.maps["bf"].values[3], found.maps["bf"].values[3], rtol=1e-5)


@pytest.mark.parametrize("model", [MAX_SLOPE, DECONVOLUTION], ids=lambda m: m.key)
def test_an_excluded_pass_is_as_good_as_none(model):
    voxels = liver_voxels(THESIS_TIMES, (2, 4, 5))
    series, regions = small(np.where(np.arange(21)[:, None, None, None] == 6, 3000.0, voxels), excluded=(6,))
    rest = np.arange(21) != 6
    without, _ = small(voxels[rest], times_s=THESIS_TIMES[rest])
    one, other = mapped(series, regions, model), mapped(without, regions, model)
    assert one.noise_hu == other.noise_hu
    assert set(one.maps) == {*model.quantities, "ttp", "msi"}
    for key, found in one.maps.items():
        np.testing.assert_array_equal(found.values, other.maps[key].values)


def test_only_what_is_per_mass_takes_the_density():
    series, regions = small(liver_voxels(THESIS_TIMES, (2, 4, 5)))
    one, dense = (fit_maps(series, INPUTS, regions=regions, model=MAX_SLOPE, density_g_ml=density) for density in (1.0, 1.25))
    want = read_of(MAX_SLOPE, THESIS_TIMES, series.voxels, one.noise_hu)
    np.testing.assert_allclose(one.maps["bf"].values, want["bf"], rtol=1e-6)
    for key, share in (("bf", 0.8), ("habf", 0.8), ("hpbf", 0.8), ("haf", 1.0)):
        np.testing.assert_allclose(dense.maps[key].values, share * one.maps[key].values, rtol=1e-6)
        np.testing.assert_allclose(dense.maps[key].sd, share * one.maps[key].sd, rtol=1e-6)
    assert one.maps["ttp"].sd is None
    assert (one.flags == 0).all()


def test_chunks_change_nothing_and_each_is_told(monkeypatch):
    series, regions = small(liver_voxels(THESIS_TIMES, (3, 4, 5)))
    whole = mapped(series, regions, MAX_SLOPE)
    monkeypatch.setattr("hepaflow.kinetics.fit_maps.CHUNK", 25)
    told = []
    parts = fit_maps(
        series, INPUTS, regions=regions, model=MAX_SLOPE, density_g_ml=1.0, progress=lambda *one: told.append(one), threads=1
    )
    assert told == [("maps", 1, 3), ("maps", 2, 3), ("maps", 3, 3)]
    for key, found in whole.maps.items():
        np.testing.assert_allclose(found.values, parts.maps[key].values, rtol=1e-5)  # float32, as above
    np.testing.assert_array_equal(whole.flags, parts.flags)


def flagged(code: str, found: MapSet) -> list[tuple[int, ...]]:
    return [tuple(int(x) for x in place) for place in np.argwhere(found.flags >> FLAGS[code].bit & 1)]


def test_a_voxel_that_enhances_and_of_which_nothing_is_known_says_so():
    voxels = liver_voxels(THESIS_TIMES, (2, 4, 5), noise=0.5)
    voxels[-1] = 60.0
    voxels[-1, 0, :2, 0] = 62.0  # one of these gives no flow, the other none of the two quantities
    voxels[-2, 0, 1, 0] = 20.0
    voxels[:, 1, 2, 3] = 60 + 0.2 * np.random.default_rng(0).standard_normal(21)
    voxels[-1, 1, 2, 3] = 62.0

    def read(curves: np.ndarray) -> Direct:
        odd, low = curves[-1] > 61, curves[-2] < 30
        odd_everywhere = odd & (low | (np.ptp(curves, axis=0) < 10))
        one = np.ones(curves.shape[1], curves.dtype)
        return Direct({"bf": np.where(odd, np.nan, one), "habf": np.where(odd_everywhere, np.nan, one)})

    model = replace(MAX_SLOPE, prepare=lambda *_: Reader(read), quantities=("bf", "habf"))
    found = mapped(*small(voxels), model)
    assert np.argwhere(np.isnan(found.maps["bf"].values)).tolist() == [[0, 0, 0], [0, 1, 0], [1, 2, 3]]
    assert flagged("voxel-not-finite", found) == [(0, 1, 0)]
    assert flagged("voxel-no-enhancement", found) == [(1, 2, 3)]


def test_voxels_with_few_samples_or_no_enhancement_say_so():
    voxels = liver_voxels(THESIS_TIMES, (2, 4, 5), noise=0.5)
    voxels[:11, 0, 0, 0] = np.nan  # ten are left
    voxels[:12, 0, 0, 1] = np.nan  # nine
    voxels[:, 1, 2, 3] = 60 + 0.2 * np.random.default_rng(0).standard_normal(21)
    series, regions = small(voxels)
    found = fit_maps(series, INPUTS, regions=regions, model=ONE_COMPARTMENT, density_g_ml=1.0, estimation="exact")
    assert flagged("voxel-missing-samples", found) == [(0, 0, 1)]
    assert flagged("voxel-no-enhancement", found) == [(1, 2, 3)]
    assert flagged("voxel-not-finite", found) == []
    assert np.isfinite(found.maps["bf"].values[0, 0, 0])
    assert np.isnan(found.maps["bf"].values[0, 0, 1])
    assert np.isfinite(found.maps["bf"].values).sum() >= 38
    assert found.maps["bf"].values[0, 1:].mean() == pytest.approx(100, rel=0.25)  # another model than that of the curves


def test_a_liver_that_no_pass_covers_whole_is_refused():
    voxels = liver_voxels(THESIS_TIMES, (2, 4, 5))
    voxels[3] = np.nan
    series, regions = small(voxels)
    with pytest.raises(InputRefused, match="MAPS-NO-COVERAGE"):
        mapped(series, regions, MAX_SLOPE)


def test_low_noise_takes_the_fine_dictionary(monkeypatch):
    """Enhancement is some 35 HU, of which 5 % are 1.8 HU."""
    asked = []

    def fitter(model, inputs, times_s, *, fine, **rest):
        asked.append((fine, rest["noise"]))
        return exact_fitter(model, inputs, times_s, noise=rest["noise"], density_g_ml=1.0)

    monkeypatch.setattr("hepaflow.kinetics.fit_maps.posterior_fitter", fitter)
    for noise in (0.5, 4.0):
        mapped(*small(liver_voxels(THESIS_TIMES, (2, 4, 5), noise)), ONE_COMPARTMENT)
    assert [fine for fine, _ in asked] == [True, False]
    assert asked[0][1] < 1.5
    assert asked[1][1] > 2.5


def test_the_prior_is_of_healthy_liver_and_of_all_lesions_by_their_voxels(monkeypatch):
    """Liver of 1600 voxels, 256 of them lesion and another 256 the healthy region, which stands for all that is no lesion."""
    series, regions = study(noise=1.0)
    given = {}

    def prior(curves, inputs, *, model):
        given.update(curves)
        raise InputRefused("STOP", "enough was seen", "Go on")

    monkeypatch.setattr("hepaflow.kinetics.fit_maps.organ_prior", prior)
    with pytest.raises(InputRefused, match="STOP"):
        mapped(series, regions, ONE_COMPARTMENT)
    assert {name: count for name, (_, count) in given.items()} == {"healthy": 1600 - 256, "lesions": 256}
    for name, mask in (("healthy", regions.healthy.mask), ("lesions", regions.lesions[0].shells["whole"].mask)):
        np.testing.assert_allclose(given[name][0].values, series.voxels[:, mask].mean(1), rtol=1e-5)
    given.clear()
    with pytest.raises(InputRefused, match="STOP"):
        mapped(*small(liver_voxels(THESIS_TIMES, (2, 4, 5))), ONE_COMPARTMENT)
    assert {name: count for name, (_, count) in given.items()} == {"healthy": 40}


def test_ten_passes_are_mapped():
    voxels = liver_voxels(THESIS_TIMES, (2, 4, 5))
    series, regions = small(voxels[:11], times_s=THESIS_TIMES[:11], excluded=(10,))
    assert np.isfinite(mapped(series, regions, DESCRIPTIVE).maps["peak"].values).all()


def test_nine_passes_are_refused():
    voxels = liver_voxels(THESIS_TIMES, (2, 4, 5))
    series, regions = small(voxels[:11], times_s=THESIS_TIMES[:11], excluded=(9, 10))
    with pytest.raises(InputRefused, match="MAPS-TOO-FEW-PASSES"):
        mapped(series, regions, DESCRIPTIVE)


def test_scatter_as_of_noise_alone_is_no_enhancement():
    """Of voxels of noise alone 95 % are said not to enhance, as far as the noise is known."""
    voxels = liver_voxels(THESIS_TIMES, (4, 20, 20), noise=3.0)
    voxels[:, :1] = 60 + 3.0 * np.random.default_rng(1).standard_normal((21, 1, 20, 20))
    found = mapped(*small(voxels), MAX_SLOPE)
    weak = (found.flags >> FLAGS["voxel-no-enhancement"].bit & 1).astype(bool)
    assert not weak[1:].any()
    share = chi2.cdf(chi2.ppf(0.95, 20) * (found.noise_hu / 3.0) ** 2, 20)
    assert weak[0].mean() == pytest.approx(share, abs=0.03)  # 400 voxels know it to 1.1 %
