"""A case of made-up numbers on a small oblique grid with unequal spacings: what is written can be followed digit by digit."""

from __future__ import annotations

import numpy as np

from hepaflow.domain.case import CaseResult
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.history import Rule, Step
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Ratio, Region, Regions, ResponseCall
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.domain.motion import MotionField, PassMotion
from hepaflow.domain.series import Acquisition, DynamicSeries

SHAPE = (4, 5, 6)
TIMES = np.array([0.0, 2.0, 4.0, 8.0])
#: Stands for anything that identifies a patient.
CANARY = "CANARY^Jeanne"


def grid() -> Grid:
    turn = np.deg2rad(20.0)
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(turn), -np.sin(turn)], [0.0, np.sin(turn), np.cos(turn)]])
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]).astype(float) @ np.diag([2.5, 0.8, 0.7])
    affine[:3, 3] = (-30.0, 12.0, 100.0)
    return Grid(SHAPE, affine, frame_of_reference_uid=CANARY)


def region(name: str, origin: str = "given") -> Region:
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 1:4, 2:4] = True
    return Region(name, mask, origin)  # type: ignore[arg-type]


def measurement(name: str, bf: float) -> Measurement:
    return Measurement(
        region=name,
        voxels=12,
        parameters={"bf": Estimate(bf, 2.0, bf + 1, bf - 1), "haf": Estimate(0.25, float("nan"))},
        samples={"bf": np.array([bf - 1, bf + 1])},
        curve_hu=np.array([0.0, 1.0, 2.0, np.nan]),
        fit_hu=np.array([0.0, 1.1, 1.9, np.nan]),
        delays_s={"arterial": 1.0, "portal": 0.5},
        r2=0.99,
        aic=-12.0,
        residual_sd=0.4,
        flags=("fit-at-bound",),
    )


def case() -> CaseResult:
    space = grid()
    values = np.arange(120, dtype=np.float32).reshape(SHAPE)
    values[0] = np.nan
    voxels = np.zeros((4, *SHAPE), np.int16)
    series = DynamicSeries(voxels, space, TIMES, Acquisition("AcquisitionTime", kvp=(80.0, None)), source={"PatientName": CANARY})
    inputs = Inputs(
        arterial=TimeCurve("arterial", TIMES[[0, 1, 3]], np.array([0.0, 300.0, 100.0])),
        portal=None,
        dense_times_s=np.arange(9.0),
        dense_arterial=np.linspace(0, 80, 9),
        dense_portal=None,
        modes=np.zeros((0, 2, 9)),
        baseline_passes=1,
        interpolation="linear",
    )
    shells = {name: region(f"lesion-1/{name}") for name in ("whole", "rim")}
    lesion = Lesion("lesion-1", shells, 1.5, 17.0, None, ("lesion-truncated",))
    call = ResponseCall("nancy2019-bf-ratio", 0.68, "minor", 0.001, "whole")
    ratios = {"bf": Ratio(1.25, 0.04, (1.17, 1.33)), "haf": Ratio(None, None, None)}
    result = LesionResult(
        lesion, {"whole": measurement("whole", 125.0), "rim": measurement("rim", 130.0)}, ratios, (call,), ("ratio-undefined",)
    )
    passes = tuple(PassMotion(i, float(t), (0.1 * i, 0.0, -1.0), 9.0, 4.0, 1.5, 0.5, i == 2) for i, t in enumerate(TIMES))
    field = MotionField(
        "rigid", 1, space, np.zeros((4, *SHAPE, 3), np.float32), passes, (0.9, 1.1), np.full(SHAPE, 0.5, np.float32)
    )
    return CaseResult(
        series=series,
        aligned=series,
        motion=field,
        protocol=(Rule("length", "warn", "8 s", "220 s", "why", "pourquoi"),),
        regions=Regions(space, region("aorta"), None, region("liver", "proposed"), region("healthy"), (lesion,), frame=1),
        inputs=inputs,
        maps=MapSet("aath", space, {"bf": ParameterMap("bf", values, values / 10)}, np.ones(SHAPE, np.uint8), 4.0, 1.05),
        healthy=measurement("healthy", 100.0),
        lesions=(result,),
        history=(Step("maps", {"model": "aath"}, "in", "out", "0.1.0", float("nan"), float("nan")),),
        flags=("portal-peak-in-gap",),
    )
