from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES, TISSUES, sampled, true_aath, true_inputs

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Lesion, Region, Regions
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.fit_maps import fit_maps
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
