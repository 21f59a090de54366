"""A shuttling table: regions are sampled when their own slices were, and the flow comes out as on a table at rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import TISSUES, sampled, true_aath, true_inputs

from hepaflow.curves.enhancement import region_curve
from hepaflow.curves.inputs import make_inputs
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Measurement, Region, Regions
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.fit_curve import fit_curve

ARTERIAL, PORTAL = true_inputs()
ROUNDS = np.r_[np.arange(24) * 3.0, 75 + 10.0 * np.arange(8)]
SHAPE = (4, 12, 12)


def box(slices: tuple[int, int], rows: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[slices[0] : slices[1], rows[0] : rows[1]] = True
    return mask


AORTA, VEIN, TISSUE = box((0, 2), (0, 4)), box((2, 4), (0, 4)), box((2, 4), (4, 12))


def study(tissue: tuple[float, ...], turn_s: float, noise: float = 4.0) -> tuple[DynamicSeries, Regions]:
    """Aorta at the first table position, liver at the second, ``turn_s`` later in every round."""
    times = ROUNDS[:, None] + turn_s * np.array([0, 0, 1, 1])
    voxels = np.full((ROUNDS.size, *SHAPE), 40.0, np.float32)
    voxels += noise * np.random.default_rng(5).standard_normal(voxels.shape).astype(np.float32)
    for mask, curve in ((AORTA, ARTERIAL), (VEIN, PORTAL), (TISSUE, true_aath(ARTERIAL, PORTAL, tissue))):
        for k in range(SHAPE[0]):
            voxels[:, k, mask[k]] += sampled(curve, times[:, k])[:, None]
    grid = Grid.from_spacing(SHAPE, (5.0, 2.0, 2.0))
    acquisition = Acquisition("AcquisitionTime")
    series = DynamicSeries(voxels, grid, ROUNDS, acquisition, slice_times_s=times if turn_s else None)
    healthy = Region("healthy", TISSUE, "given")
    aorta, vein = Region("aorta", AORTA, "given"), Region("portal_vein", VEIN, "given")
    return series, Regions(grid, aorta, vein, replace(healthy, name="liver"), healthy, ())


def flow(series: DynamicSeries, regions: Regions) -> Measurement:
    curve = region_curve(series, regions.healthy.mask, name="healthy")
    return fit_curve(curve, make_inputs(series, regions), model=AATH, density_g_ml=1.0)


def test_samples_stand_at_the_times_of_their_slices() -> None:
    series, _ = study(TISSUES[0], 1.5)
    np.testing.assert_array_equal(region_curve(series, AORTA, name="a").times_s, ROUNDS)
    np.testing.assert_allclose(region_curve(series, TISSUE, name="t").times_s, ROUNDS + 1.5)
    both = box((1, 4), (0, 4))  # one slice of the first position, two of the second
    np.testing.assert_allclose(region_curve(series, both, name="b").times_s, ROUNDS + 1.0)


def test_inputs_reach_to_the_last_slice() -> None:
    series, regions = study(TISSUES[0], 1.5)
    assert make_inputs(series, regions).dense_times_s[-1] >= ROUNDS[-1] + 1.5


@pytest.mark.parametrize("tissue", TISSUES)
def test_flow_lies_in_its_interval(tissue: tuple[float, ...]) -> None:
    series, regions = study(tissue, 1.5)
    found = flow(series, regions)
    low, high = np.percentile(found.samples["bf"], [0.5, 99.5])
    assert low <= tissue[0] <= high
    assert found.parameters["bf"].value == pytest.approx(tissue[0], rel=0.1)
    still = flow(*study(tissue, 0.0))
    assert found.parameters["bf"].value == pytest.approx(still.parameters["bf"].value, rel=0.08)


def test_delays_do_not_absorb_the_turn() -> None:
    """Taken as if all slices were imaged at once, the same samples give delays that are wrong by the turn of the table."""
    series, regions = study(TISSUES[0], 1.5)
    right, wrong = flow(series, regions), flow(replace(series, slice_times_s=None), regions)
    assert right.delays_s["arterial"] == pytest.approx(TISSUES[0][5], abs=0.5)
    assert abs(wrong.delays_s["arterial"] - right.delays_s["arterial"]) > 0.8
