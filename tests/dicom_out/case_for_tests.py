"""A small case with asymmetric contents, on any grid."""

from __future__ import annotations

import numpy as np

from hepaflow.dicom.write_ct import CT_IMAGE_STORAGE, stable_uid
from hepaflow.domain.case import CaseResult
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Ratio, Region, Regions, ResponseCall
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import Acquisition, DynamicSeries

SHAPE = (6, 10, 13)
KEYS = ("bf", "habf", "hpbf", "bv", "mtt", "ttp", "ktrans", "haf", "ps", "extraction", "ve", "msi", "total_mtt")


def grid(kind: str) -> Grid:
    """``axial``, ``oblique`` (turned about two axes) or ``feet-first`` (slices downwards, left-handed stack); spacing 3 x 0.8 x 0.7 mm."""
    affine = np.eye(4)
    turn = np.eye(3)
    if kind == "oblique":
        a, b = np.radians(20.0), np.radians(-35.0)
        about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
        turn = about_x @ about_z
    along = np.array([0.0, 0.0, -1.0 if kind == "feet-first" else 1.0])
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = 3.0 * turn @ along, 0.8 * turn @ [0, 1, 0], 0.7 * turn @ [1, 0, 0]
    affine[:3, 3] = (-101.25, 33.125, 250.5)
    return Grid(SHAPE, affine, stable_uid("test", "frame"))


def source(passes: int) -> dict[str, object]:
    return {
        "kind": "dicom",
        "header": {
            "PatientName": "Müller^Ève",
            "PatientID": "P-17",
            "PatientBirthDate": "19500102",
            "PatientSex": "F",
            "StudyInstanceUID": stable_uid("test", "study"),
            "StudyDate": "20190402",
            "StudyTime": "101112.5",
            "StudyID": "7",
            "AccessionNumber": "A1",
            "FrameOfReferenceUID": stable_uid("test", "frame"),
            "PatientPosition": "HFS",
        },
        "images": [
            [
                (CT_IMAGE_STORAGE, stable_uid("test", "image", n, k), stable_uid("test", "series", n // 2), None)
                for k in range(SHAPE[0])
            ]
            for n in range(passes)
        ],
    }


def case(kind: str = "axial", *, real: bool = True) -> CaseResult:
    where, times = grid(kind), np.array([0.0, 2.0, 5.0, 9.0])
    rng = np.random.default_rng(3)
    voxels = rng.integers(-100, 200, (4, *SHAPE)).astype(np.int16)
    series = DynamicSeries(voxels, where, times, Acquisition("AcquisitionTime", kvp=(80.0,) * 4), source=source(4) if real else {})
    regions = _regions(where)
    values = {key: _map(rng, regions.liver.mask, scale) for key, scale in zip(KEYS, np.geomspace(0.3, 300, len(KEYS)), strict=True)}
    maps = MapSet(
        "aath", where, {key: ParameterMap(key, value) for key, value in values.items()}, np.zeros(SHAPE, np.uint8), 4.0, 1.05
    )
    curve = TimeCurve("aorta", times, np.array([0.0, 50.0, 30.0, 10.0]))
    inputs = Inputs(curve, curve, times, curve.values, curve.values, np.zeros((0, 2, 4)), 1, "linear")
    motion = MotionField("none", 2, where, np.zeros((4, *SHAPE, 3), np.float32), (), (1.0, 1.0), np.full(SHAPE, np.nan, np.float32))
    return CaseResult(series, series, motion, (), regions, inputs, maps, _measured("healthy"), _lesions(regions), (), ())


def _map(rng: np.random.Generator, mask: np.ndarray, scale: float) -> np.ndarray:
    values = np.full(SHAPE, np.nan, np.float32)
    values[mask] = rng.uniform(0.0, scale, int(mask.sum())).astype(np.float32)
    return values


def _box(*spans: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(*span) for span in spans)] = True
    return mask


def _regions(where: Grid) -> Regions:
    lesion = _box((2, 4), (3, 7), (2, 7))
    rim = lesion & ~_box((2, 4), (4, 6), (3, 6))
    shells = {"whole": lesion, "rim": rim, "core": lesion & ~rim, "surround": _box((2, 4), (2, 8), (1, 8)) & ~lesion}
    parts = {name: Region(f"lesion-1 {name}", mask, "given") for name, mask in shells.items()}
    first = Lesion("lesion-1", parts, 0.0504, 3.64)
    second = Lesion("lesion-2", {"whole": Region("lesion-2", _box((1, 2), (8, 10), (10, 12)), "proposed")}, 0.00672, 2.1)
    return Regions(
        where,
        aorta=Region("aorta", _box((0, 6), (0, 2), (0, 3)), "given"),
        portal_vein=Region("portal_vein", _box((1, 3), (8, 9), (4, 6)), "proposed"),
        liver=Region("liver", _box((1, 5), (2, 10), (1, 13)), "proposed"),
        healthy=Region("healthy", _box((3, 5), (2, 5), (9, 12)), "given"),
        lesions=(first, second),
    )


def _measured(name: str, factor: float = 1.0) -> Measurement:
    parameters = {
        "bf": Estimate(98.125 * factor, 2.0625, 97.5 * factor, 96.25 * factor),
        "habf": Estimate(20.3 * factor, 1.1, 20.1 * factor, 20.0 * factor),
        "hpbf": Estimate(77.9 * factor, 1.7),
        "haf": Estimate(0.2071, 0.01, 0.21, 0.2),
        "mtt": Estimate(float("nan"), float("nan")),
    }
    nothing = np.zeros(4)
    return Measurement(name, 18, parameters, {}, nothing, nothing, {}, 0.9875, -12.0, 1.5, ("fit-poor",))


def _lesions(regions: Regions) -> tuple[LesionResult, ...]:
    first, second = regions.lesions
    call = ResponseCall("nancy2019-bf-ratio", 0.68, "major", 0.9975, "whole")
    none = ResponseCall("nancy2019-bf-ratio", 0.68, None, None, "whole", ("lesion-below-15-mm",))
    shells = {name: _measured(name, 0.5) for name in ("whole", "rim")}
    one = LesionResult(first, shells, {"bf": Ratio(0.515625, 0.03, (0.46, 0.58)), "mtt": Ratio(None, None, None)}, (call,))
    two = LesionResult(
        second, {"whole": _measured("whole", 1.2)}, {"bf": Ratio(1.2, 0.1, (1.0, 1.4))}, (none,), ("lesion-below-15-mm",)
    )
    return one, two
