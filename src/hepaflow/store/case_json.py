"""What case.json and lesions.json say, as plain objects. Their schema is the contract."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from hepaflow import __version__
from hepaflow.domain.case import CaseResult
from hepaflow.domain.denoising import Denoising
from hepaflow.domain.lesions import Estimate, LesionResult, Measurement, Ratio, Region, ResponseCall
from hepaflow.domain.quality import FLAGS
from hepaflow.store.case import LIBRARIES, code_digest
from hepaflow.units import QUANTITIES

SCHEMA = 1


def number(value: float | None) -> float | None:
    """A JSON number, or None for what is not a number."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.9g}")


def estimate(found: Estimate) -> dict[str, float | None]:
    """One parameter of one region, as the contract writes it."""
    return {key: number(getattr(found, key)) for key in ("value", "sd", "map_mean", "map_median")}


def region(found: Measurement) -> dict[str, Any]:
    """One region: its size and every parameter."""
    quality = {
        "r2": number(found.r2),
        "residual_sd_hu": number(found.residual_sd),
        "delays_s": {k: number(v) for k, v in found.delays_s.items()},
    }
    return {
        "voxels": found.voxels,
        **{key: estimate(value) for key, value in found.parameters.items()},
        "fit": quality,
        "flags": list(found.flags),
    }


def ratio(found: Ratio) -> dict[str, Any] | None:
    """Lesion over healthy, or None when it has no meaning."""
    if found.value is None or not math.isfinite(found.value):
        return None
    interval = None if found.ci95 is None else [number(found.ci95[0]), number(found.ci95[1])]
    return {"value": number(found.value), "sd": number(found.sd), "ci95": interval}


def lesion(found: LesionResult) -> dict[str, Any]:
    """One lesion of lesions.json."""
    return {
        "id": found.lesion.id,
        "volume_ml": number(found.lesion.volume_ml),
        "longest_axial_diameter_mm": number(found.lesion.longest_axial_diameter_mm),
        "source": found.lesion.shells["whole"].origin,
        "flags": list(dict.fromkeys((*found.lesion.flags, *found.flags))),
        "regions": {shell: region(measured) for shell, measured in found.regions.items()},
        "ratio": {key: ratio(value) for key, value in found.ratio.items()},
        "response": [response(call) for call in found.response],
    }


def response(call: ResponseCall) -> dict[str, Any]:
    """What a criterion says of a lesion."""
    return {
        "criterion": call.criterion,
        "threshold": number(call.threshold),
        "category": call.category,
        "probability_major": number(call.probability_major),
        "region": call.region,
        "ratio": None if call.ratio is None else ratio(call.ratio),
        "flags": list(call.flags),
    }


def lesion_flags(found: LesionResult) -> set[str]:
    """Every flag of a lesion: its own, those of its curves, those of its calls."""
    parts = [*(part.flags for part in found.regions.values()), *(call.flags for call in found.response)]
    return {*found.flags, *found.lesion.flags, *(code for codes in parts for code in codes)}


def voxel_flag_counts(case: CaseResult) -> dict[str, int]:
    """How many voxels of the liver carry each voxel flag, by code; flags that none carries are left out."""
    inside = case.maps.flags[case.regions.liver.mask]
    bits = {code: flag.bit for code, flag in FLAGS.items() if flag.bit is not None and flag.bit < 8}
    counts = {code: int(((inside >> bit) & 1).sum()) for code, bit in bits.items()}
    return {code: count for code, count in counts.items() if count}


def lesions(case: CaseResult) -> dict[str, Any]:
    """The whole of lesions.json."""
    keys = dict.fromkeys([*case.maps.maps, *case.healthy.parameters])
    return {
        "schema": SCHEMA,
        "model": case.maps.model,
        "units": {key: QUANTITIES[key].unit for key in keys},
        "healthy": {"source": case.regions.healthy.origin, **region(case.healthy)},
        "lesions": [lesion(found) for found in case.lesions],
    }


def summary(case: CaseResult, *, plan: Mapping[str, Any], study_digest: str) -> dict[str, Any]:
    """case.json: what was done to what, with which software. Nothing of the patient, no path, no time of day."""
    haematocrit = plan.get("haematocrit")
    codes = sorted({*case.flags, *case.healthy.flags, *(code for found in case.lesions for code in lesion_flags(found))})
    grid, field = case.series.grid, case.motion
    return {
        "schema": SCHEMA,
        "software": {
            "name": "hepaflow",
            "version": __version__,
            "code_digest": code_digest(),
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in LIBRARIES},
        },
        "notice": "Research use only; not a medical device.",
        "study_digest": study_digest,
        "plan": dict(plan),
        "model": case.maps.model,
        "density_g_ml": case.maps.density_g_ml,
        "haematocrit": {
            "value": haematocrit,
            "handling": "off: whole-blood flow" if haematocrit is None else "inputs divided by 1 - haematocrit: plasma flow",
        },
        "units": {key: QUANTITIES[key].unit for key in case.maps.maps},
        "steps": [
            {
                "name": step.name,
                "parameters": step.parameters,
                "input_digest": step.input_digest,
                "output_digest": step.output_digest,
                "version": step.version,
            }
            for step in case.history
        ],
        "acquisition": {
            **asdict(case.series.acquisition),
            "passes": case.series.passes,
            "times_s": [number(t) for t in case.series.times_s],
            "slices_rows_columns": list(grid.shape),
            "spacing_mm": [number(s) for s in grid.spacing_mm],
        },
        "protocol": [asdict(rule) for rule in case.protocol],
        "motion": {
            "method": field.method,
            "reference": field.reference,
            "excluded": [p.index for p in field.passes if p.excluded],
            "residual_before_hu": number(_mean(p.residual_before for p in field.passes)),
            "residual_after_hu": number(_mean(p.residual_after for p in field.passes)),
            "border_before_mm": number(_mean(p.border_before_mm for p in field.passes)),
            "border_after_mm": number(_mean(p.border_after_mm for p in field.passes)),
            "remaining_mm": number(_mean(field.remaining_mm.ravel())),
            "jacobian_range": [number(v) for v in field.jacobian_range],
        },
        "inputs": {
            "source": case.inputs.provenance,
            "baseline_passes": case.inputs.baseline_passes,
            "interpolation": case.inputs.interpolation,
            "portal": case.inputs.portal is not None,
        },
        "noise_hu": number(case.maps.noise_hu),
        "denoising": None if case.denoising is None else denoising(case.denoising),
        "regions": {
            found.name: {"source": found.origin, "voxels": found.voxels, "flags": list(found.flags)} for found in _regions(case)
        },
        "regions_frame": case.regions.frame,
        "flags": list(case.flags),
        "flag_meanings": {code: {"severity": f.severity, "en": f.en, "fr": f.fr} for code in codes if (f := FLAGS.get(code))},
        "voxel_flags": {str(flag.bit): code for code, flag in FLAGS.items() if flag.bit is not None},
        "voxel_flag_counts": voxel_flag_counts(case),
    }


def denoising(found: Denoising) -> dict[str, Any]:
    """Settings of the denoising and what it changed, for case.json."""
    return {
        "method": found.method,
        "radius_mm": number(found.radius_mm),
        "strength": number(found.strength),
        "noise_before_hu": number(found.noise_before_hu),
        "noise_after_hu": number(found.noise_after_hu),
        "regions": {
            change.region: {
                "voxels": change.voxels,
                "rms_hu": number(change.rms_hu),
                "max_hu": number(change.max_hu),
                "enhancement_hu": number(change.enhancement_hu),
                "share": number(change.share),
                "standard_error_hu": number(change.standard_error_hu),
                "map_bf_before": number(change.bf_before),
                "map_bf_after": number(change.bf_after),
                "blurred": change.blurred,
            }
            for change in found.regions
        },
    }


def _regions(case: CaseResult) -> list[Region]:
    found = case.regions
    named = [found.aorta, found.portal_vein, found.spleen, found.liver, found.healthy]
    return [r for r in named if r is not None] + [item.shells["whole"] for item in found.lesions]


def _mean(values: Iterable[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else math.nan
