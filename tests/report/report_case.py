"""A small made-up case with everything in it: breathing, a proposed vessel, missing numbers, every kind of verdict."""

from __future__ import annotations

import dataclasses

import numpy as np

from hepaflow.domain.case import CaseResult
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.history import Rule, Step
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Ratio, Region, Regions, ResponseCall
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.domain.motion import MotionField, PassMotion
from hepaflow.domain.series import Acquisition, DynamicSeries

#: Appears in the headers of the made-up study and must appear nowhere else.
CANARY = "CANARY^PATIENT"
TIMES = np.concatenate([np.arange(15) * 2.0, 28.0 + 20.0 * np.arange(1, 7)])
SHAPE = (16, 48, 60)
SPACING = (10.0, 6.0, 6.0)
TRUE_BF = {"healthy": 100.0, "lesion-1": 40.0, "lesion-2": 66.0, "lesion-3": 125.0}
KEYS = ("bf", "habf", "hpbf", "haf", "bv", "mtt", "total_mtt", "ps", "ktrans", "extraction")


def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float], shift_k: float = 0.0) -> np.ndarray:
    k, j, i = np.indices(SHAPE, dtype=float)
    terms = ((k - shift_k - centre[0]) / radii[0], (j - centre[1]) / radii[1], (i - centre[2]) / radii[2])
    return sum(term**2 for term in terms) <= 1.0


def arterial(t: np.ndarray) -> np.ndarray:
    s = np.clip(t - 5.0, 0, None)
    return 350.0 * (s / 6.0) ** 2 * np.exp(2 * (1 - s / 6.0)) + 60.0 * (1 - np.exp(-s / 15.0)) * np.exp(-s / 300.0)


def portal(t: np.ndarray) -> np.ndarray:
    s = np.clip(t - 11.0, 0, None)
    return 170.0 * (1 - np.exp(-s / 9.0)) * np.exp(-s / 140.0)


def tissue(t: np.ndarray, flow: float) -> np.ndarray:
    s = np.clip(t - 9.0, 0, None)
    return 0.6 * flow * (1 - np.exp(-s / 14.0)) * np.exp(-s / 200.0)


def measurement(region: str, flow: float, voxels: int, rng: np.random.Generator, *, flags: tuple[str, ...] = ()) -> Measurement:
    haf = 0.2 if flow > 80 else 0.4
    values = {
        "bf": flow,
        "habf": flow * haf,
        "hpbf": flow * (1 - haf),
        "haf": haf,
        "bv": flow * 0.15,
        "mtt": 9.0,
        "total_mtt": 24.0,
    }
    values |= {"ps": flow * 0.2, "ktrans": flow * 0.18, "extraction": 0.18}
    parameters = {key: Estimate(value, 0.04 * value, value * 1.02, value * 0.99) for key, value in values.items()}
    fit = tissue(TIMES, flow)
    curve = fit + rng.normal(0, 0.8, fit.size)
    delays = {"arterial": 1.4, "portal": 0.9}
    return Measurement(
        region, voxels, parameters, {"bf": rng.normal(flow, 0.04 * flow, 64)}, curve, fit, delays, 0.994, 31.5, 0.8, flags
    )


def without_passes(case: CaseResult) -> CaseResult:
    """The case with nothing known of its passes' motion: no film of them, which takes most of the time of a report."""
    return dataclasses.replace(case, motion=dataclasses.replace(case.motion, passes=()))


def build_case(*, seed: int = 3) -> CaseResult:
    rng = np.random.default_rng(seed)
    grid = Grid.from_spacing(SHAPE, SPACING, origin_mm=(-180.0, -140.0, 0.0))
    liver_shape = ((8.0, 22.0, 21.0), (6.5, 15.0, 16.0))
    balls = {
        "lesion-1": ((8.0, 18.0, 16.0), (2.2, 3.6, 3.6)),
        "lesion-2": ((6.0, 28.0, 22.0), (1.6, 2.8, 2.8)),
        "lesion-3": ((11.0, 20.0, 26.0), (1.2, 2.0, 2.0)),
    }

    def frame(time: float, shift: float) -> np.ndarray:
        hu = np.where(ellipsoid((8, 24, 30), (40, 21, 27)), 10.0, -1000.0)
        at = np.array([time])
        hu = np.where(ellipsoid(*liver_shape, shift), 60.0 + tissue(at, 100.0)[0], hu)
        for name, (centre, radii) in balls.items():
            hu = np.where(ellipsoid(centre, radii, shift), 50.0 + tissue(at, TRUE_BF[name])[0], hu)
        hu = np.where(ellipsoid((8, 33, 32), (40, 2.2, 2.2)), 45.0 + arterial(at)[0], hu)
        return np.where(ellipsoid((7, 26, 25), (4, 1.6, 1.8), shift), 45.0 + portal(at)[0], hu)

    shifts = 1.6 * np.sin(np.arange(TIMES.size) * 1.7)
    raw = np.stack([frame(time, shift) for time, shift in zip(TIMES, shifts, strict=True)])
    straight = np.stack([frame(time, 0.0) for time in TIMES])
    raw = (raw + rng.normal(0, 8, raw.shape)).astype(np.int16)
    straight = (straight + rng.normal(0, 8, straight.shape)).astype(np.float32)
    straight[:, 0] = np.nan
    acquisition = Acquisition(
        "AcquisitionTime",
        manufacturer="Phantom",
        kvp=(80.0,) * TIMES.size,
        kernel=("STANDARD",) * TIMES.size,
        ctdi_vol_mgy=(3.6,) * TIMES.size,
        injection_to_first_s=11.0,
        contrast_volume_ml=45.0,
        contrast_flow_ml_s=5.0,
    )
    series = DynamicSeries(raw, grid, TIMES, acquisition, source={"PatientName": CANARY})
    aligned = DynamicSeries(straight, grid, TIMES, acquisition, excluded=(12,), source={"PatientName": CANARY})
    passes = tuple(
        PassMotion(
            n,
            float(TIMES[n]),
            (0.2 * shift, -0.4 * shift, 10.0 * shift),
            9.0 + 4 * abs(shift),
            8.2,
            0.4 + 0.2 * abs(shift),
            0.4,
            n == 12,
        )
        for n, shift in enumerate(shifts)
    )
    coarse = Grid.from_spacing((4, 4, 4), (40.0, 72.0, 90.0))
    motion = MotionField(
        "deformable",
        9,
        coarse,
        np.zeros((TIMES.size, 4, 4, 4, 3), np.float32),
        passes,
        (0.82, 1.21),
        np.full((4, 4, 4), 0.6, np.float32),
    )

    liver = ellipsoid(*liver_shape)
    masks = {name: ellipsoid(*ball) for name, ball in balls.items()}
    healthy = liver & ellipsoid((7, 16, 27), (2, 4, 4)) & ~np.logical_or.reduce(list(masks.values()))
    vessel = ellipsoid((7, 26, 25), (4, 1.6, 1.8))
    lesions = []
    for name, mask in masks.items():
        centre, radii = balls[name]
        core = ellipsoid(centre, tuple(0.6 * r for r in radii))
        surround = ellipsoid(centre, tuple(1.5 * r for r in radii)) & liver & ~mask
        parts = {"whole": mask, "rim": mask & ~core, "core": core, "surround": surround}
        shells = {part: Region(name, voxels, "given") for part, voxels in parts.items()}
        lesions.append(Lesion(name, shells, float(mask.sum() * grid.voxel_ml), 2 * radii[1] * 6.0))
    regions = Regions(
        grid,
        aorta=Region("aorta", ellipsoid((8, 33, 32), (40, 2.2, 2.2)), "given"),
        portal_vein=Region("portal_vein", vessel, "proposed"),
        liver=Region("liver", liver, "proposed"),
        healthy=Region("healthy", healthy, "given"),
        lesions=tuple(lesions),
        frame=9,
    )
    dense = np.arange(0.0, TIMES[-1] + 0.1, 0.25)
    gap = np.exp(-0.5 * ((dense - 38.0) / 4.0) ** 2)
    modes = np.stack([np.stack([0.02 * arterial(dense), np.zeros_like(dense)]), np.stack([np.zeros_like(dense), 12.0 * gap])])
    inputs = Inputs(
        TimeCurve("aorta", TIMES, arterial(TIMES) + rng.normal(0, 1, TIMES.size), np.full(TIMES.size, 1.0)),
        TimeCurve("portal_vein", TIMES, portal(TIMES) + rng.normal(0, 1, TIMES.size), np.full(TIMES.size, 1.0)),
        dense,
        arterial(dense),
        portal(dense),
        modes,
        3,
        "pchip",
        provenance="proposed",
    )
    truth_bf = np.where(liver, 100.0, np.nan)
    for name, mask in masks.items():
        truth_bf = np.where(mask, TRUE_BF[name], truth_bf)
    noisy = truth_bf * (1 + 0.08 * rng.standard_normal(SHAPE))
    factor = {"bf": 1, "habf": 0.25, "hpbf": 0.75, "bv": 0.15, "ps": 0.2, "ktrans": 0.18}
    maps = {key: ParameterMap(key, (noisy * factor[key]).astype(np.float32)) for key in factor}
    for key, level in {"haf": 0.25, "mtt": 9.0, "total_mtt": 24.0, "extraction": 0.18}.items():
        maps[key] = ParameterMap(key, (noisy * 0 + level * (1 + 0.1 * rng.standard_normal(SHAPE))).astype(np.float32))
    maps["bf"] = ParameterMap("bf", maps["bf"].values, (0.15 * np.abs(noisy)).astype(np.float32))
    flags = np.zeros(SHAPE, np.uint8)
    flags[liver & (rng.random(SHAPE) < 0.03)] = 8
    mapset = MapSet("aath", grid, maps, flags, 8.1, 1.05)

    results = []
    for lesion in lesions:
        flow = TRUE_BF[lesion.id]
        parts = {"whole": flow, "rim": flow * 1.1, "core": flow * 0.7, "surround": 96.0}
        measured = {part: measurement(lesion.id, value, lesion.shells[part].voxels, rng) for part, value in parts.items()}
        ratio = flow / 100.0
        ratios = {"bf": Ratio(ratio, 0.03, (ratio - 0.06, ratio + 0.06)), "bv": Ratio(ratio, 0.05, (ratio - 0.1, ratio + 0.1))}
        probability = {"lesion-1": 0.9999, "lesion-2": 0.74, "lesion-3": 0.0001}[lesion.id]
        category = "major" if ratio < 0.68 else "minor"
        call = ResponseCall("nancy2019-bf-ratio", 0.68, category, probability, "whole")
        results.append(LesionResult(lesion, measured, ratios, (call,)))
    rules = (
        Rule("baseline", "pass", "3", ">= 2", "Without baseline the zero is a guess.", "Sans ligne de base, le zéro est supposé."),
        Rule(
            "portal-peak", "warn", "34 s", "sampled", "A peak between passes is a guess.", "Un pic entre deux passages est supposé."
        ),
        Rule("total-length", "fail", "148 s", ">= 220 s", "PS is weak.", "PS est faible."),
        Rule("dose", "unknown", "-", "-", "Dose is not in the headers.", "La dose n'est pas dans les en-têtes."),
    )
    history = tuple(
        Step(
            name,
            {"model": "aath", "spacing_mm": 5.0, "source": f"/data/{CANARY}"},
            f"{n:064x}",
            f"{n + 1:064x}",
            "0.1.0",
            1.5,
            80.0,
        )
        for n, name in enumerate(("assemble", "align", "regions", "inputs", "maps", "lesions"))
    )
    healthy_measured = measurement("healthy", 100.0, int(healthy.sum()), rng)
    return CaseResult(series, aligned, motion, rules, regions, inputs, mapset, healthy_measured, tuple(results), history, ())


def without_answer(case: CaseResult) -> CaseResult:
    """The same case, its third lesion without ratio, category or core values, each with its flag."""
    nan = float("nan")
    third = case.lesions[2]
    core = dataclasses.replace(
        third.regions["core"],
        parameters={key: Estimate(nan, nan) for key in KEYS},
        curve_hu=np.full(TIMES.size, nan),
        flags=("voxel-missing-samples",),
    )
    call = dataclasses.replace(third.response[0], category=None, probability_major=None, flags=("voxel-no-enhancement",))
    none = Ratio(None, None, None)
    changed = dataclasses.replace(third, regions={**third.regions, "core": core}, ratio={"bf": none, "bv": none}, response=(call,))
    flags = (*case.flags, "arterial-peak-in-gap")
    return dataclasses.replace(case, lesions=(*case.lesions[:2], changed), flags=flags)
