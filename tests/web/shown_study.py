"""A tiny analysed study as it lies in the data folder: series, maps and steps of known contents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.store import codec

SHAPE = (8, 24, 26)
TIMES_S = (0.0, 2.0, 5.0, 9.0, 20.0, 41.0)
#: An array whose slices run from head to feet and whose columns run from the patient's left to the right.
AFFINE = np.array([[0, 0, -0.7, 9.0], [0, 0.8, 0, -4.0], [-3.0, 0, 0, 30.0], [0, 0, 0, 1.0]])


def acquired() -> DynamicSeries:
    voxels = np.random.default_rng(5).integers(-1000, 1400, (len(TIMES_S), *SHAPE)).astype(np.int16)
    return DynamicSeries(voxels, Grid(SHAPE, AFFINE), np.array(TIMES_S), Acquisition("AcquisitionTime"))


def corrected(series: DynamicSeries) -> DynamicSeries:
    """Not whole numbers, nothing measured in the first slice of pass 1 nor anywhere in one voxel, pass 3 excluded."""
    voxels = series.voxels.astype(np.float32) + np.float32(0.25)
    voxels[1, 0] = np.nan
    voxels[:, 5, 6, 7] = np.nan
    return replace(series, voxels=voxels, excluded=(3,))


def maps(seed: int = 1) -> MapSet:
    """Two maps with SD and one without in a box of the volume; bits of two reasons at one voxel."""
    rng = np.random.default_rng(seed)
    found = {}
    for key in ("bf", "mtt", "data_share"):
        values = np.full((2, *SHAPE), np.nan, np.float32)
        values[:, 2:6, 5:15, 7:20] = rng.uniform(0.1, 90.0, (2, 4, 10, 13))
        values[:, 3, 8, 9] = np.nan
        found[key] = ParameterMap(key, values[0], None if key == "data_share" else values[1])
    flags = np.zeros(SHAPE, np.uint8)
    flags[3, 8, 9] = 0b1000010
    return MapSet("aath", Grid(SHAPE, AFFINE), found, flags, 4.0, 1.05)


def save(value: object, folder: Path) -> None:
    folder.mkdir(parents=True)
    codec.save(value, folder)


def write(home: Path, *, analysed: bool = True) -> Path:
    """The study's folder."""
    series = acquired()
    save(series, home / "acquired")
    if analysed:
        save(corrected(series), home / "corrected")
        steps = home / "case" / "steps"
        save(maps(), steps / "maps")
        times = np.array(TIMES_S)
        curve = TimeCurve("aorta", times, np.array([0.0, 1.0, 150.0, 90.0, 60.0, 50.0]))
        save(Inputs(curve, None, times, curve.values, None, np.zeros((0, 2, 6)), 2, "linear"), steps / "inputs")
        fields = np.zeros((6, 1, 1, 1, 3), np.float32)
        one = Grid((1, 1, 1), AFFINE)
        save(MotionField("rigid", 4, one, fields, (), (1.0, 1.0), np.zeros((1, 1, 1), np.float32)), steps / "motion")
    return home
