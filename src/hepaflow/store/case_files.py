"""The files of a case folder that any program can read: case.json, maps, curves, motion, lesions. Their schema is the contract."""

from __future__ import annotations

import csv
import io
import math
import platform
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow import __version__
from hepaflow.domain.case import CaseResult
from hepaflow.domain.denoising import Denoising
from hepaflow.domain.lesions import Estimate, LesionResult, Measurement, Ratio, Region
from hepaflow.domain.quality import FLAGS
from hepaflow.store import nifti, plain_json
from hepaflow.store.case import LIBRARIES, code_digest
from hepaflow.units import QUANTITIES

SCHEMA = 1


def write(case: CaseResult, folder: Path, *, plan: Mapping[str, Any], study_digest: str, displacements: bool) -> None:
    """Everything but DICOM and the report into ``folder``. ``plan`` is the full configuration; ``displacements`` adds the fields."""
    _maps(case, folder / "maps")
    if displacements:
        _displacements(case, folder / "motion")
    _table(folder / "curves.csv", *curves(case))
    _table(folder / "motion.csv", *motion(case))
    _table(folder / "lesions.csv", *lesion_rows(case))
    _json(folder / "lesions.json", lesions(case))
    _json(folder / "case.json", summary(case, plan=plan, study_digest=study_digest))


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
        "response": [
            {
                "criterion": call.criterion,
                "threshold": number(call.threshold),
                "category": call.category,
                "probability_major": number(call.probability_major),
                "region": call.region,
                "ratio": None if call.ratio is None else ratio(call.ratio),
                "flags": list(call.flags),
            }
            for call in found.response
        ],
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


def lesion_rows(case: CaseResult) -> tuple[list[str], list[list[Any]]]:
    """lesions.csv: one row a lesion x region; a rated part has the call on it and the BF ratio that was judged."""
    keys = list(case.healthy.parameters)
    head = ["lesion", "region", "source", "voxels", "volume_ml", "longest_axial_diameter_mm"]
    head += [f"{key}{part}" for key in keys for part in ("", "_sd", "_map_mean", "_map_median")]
    head += [f"{key}_ratio{part}" for key in keys for part in ("", "_sd", "_low", "_high")]
    head += ["criterion", "category", "probability_major", "flags"]
    rows: list[list[Any]] = []
    for found in case.lesions:
        for shell, measured in found.regions.items():
            whole = shell == "whole"
            row: list[Any] = [found.lesion.id, shell, found.lesion.shells[shell].origin, measured.voxels]
            row += [found.lesion.volume_ml, found.lesion.longest_axial_diameter_mm] if whole else [None, None]
            row += _values(measured, keys)
            call = next((said for said in found.response if said.region == shell), None)
            judged = {"bf": call.ratio} if call is not None and call.ratio is not None else {}
            ratios = found.ratio if whole else judged
            for key in keys:
                over = ratios.get(key, Ratio(None, None, None))
                row += [over.value, over.sd, *(over.ci95 or (None, None))]
            row += [call.criterion, call.category, call.probability_major] if call else [None, None, None]
            row.append(" ".join(dict.fromkeys((*measured.flags, *(found.flags if whole else ()), *(call.flags if call else ())))))
            rows.append(row)
    return head, rows


def curves(case: CaseResult) -> tuple[list[str], list[list[Any]]]:
    """curves.csv: HU enhancement of every region over the passes, and what was fitted to it."""
    times = case.aligned.times_s
    columns: dict[str, Any] = {"time_s": times}
    for name, curve, dense in (
        ("aorta", case.inputs.arterial, case.inputs.dense_arterial),
        ("portal_vein", case.inputs.portal, case.inputs.dense_portal),
    ):
        if curve is not None and dense is not None:
            columns[name] = _on(times, curve.times_s, curve.values)
            columns[f"fit_{name}"] = np.interp(times, case.inputs.dense_times_s, dense)
    measured = {"healthy": case.healthy}
    for found in case.lesions:
        measured |= {found.lesion.id if shell == "whole" else f"{found.lesion.id}_{shell}": m for shell, m in found.regions.items()}
    for name, measurement in measured.items():
        columns[name] = measurement.curve_hu
        columns[f"fit_{name}"] = measurement.fit_hu
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def motion(case: CaseResult) -> tuple[list[str], list[list[Any]]]:
    """motion.csv: one row a pass."""
    head = [
        "pass",
        "time_s",
        "shift_x_mm",
        "shift_y_mm",
        "shift_z_mm",
        "residual_before_hu",
        "residual_after_hu",
        "excluded",
        "reference",
        "flags",
    ]
    rows = [
        [
            p.index,
            p.time_s,
            *p.shift_mm,
            p.residual_before,
            p.residual_after,
            p.excluded,
            p.index == case.motion.reference,
            " ".join(p.flags),
        ]
        for p in case.motion.passes
    ]
    return head, rows


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


def _maps(case: CaseResult, folder: Path) -> None:
    folder.mkdir()
    files: list[tuple[str, Any, str]] = []
    for key, found in case.maps.maps.items():
        files.append((key, found.values, f"{key} {found.quantity.unit}"))
        if found.sd is not None:
            files.append((f"{key}_sd", found.sd, f"standard deviation of {key} {found.quantity.unit}"))
    files.append(("flags", case.maps.flags, "voxel flags, see case.json"))

    def save(file: tuple[str, Any, str]) -> None:
        name, values, description = file
        nifti.write(folder / f"{name}.nii.gz", values, case.maps.grid, description=description)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(save, files))


def _displacements(case: CaseResult, folder: Path) -> None:
    from hepaflow.motion.correct import displacement

    folder.mkdir()
    for index in range(case.series.passes):
        field = displacement(case.motion, case.series.grid, index)
        nifti.write(
            folder / f"displacement_{index:02d}.nii.gz", field, case.series.grid, description="displacement mm LPS pull-back"
        )


def _values(found: Measurement, keys: list[str]) -> list[float | None]:
    missing = Estimate(math.nan, math.nan)
    return [getattr(found.parameters.get(k, missing), part) for k in keys for part in ("value", "sd", "map_mean", "map_median")]


def _on(times: Any, sampled: Any, values: Any) -> Any:
    """Values at ``times``; NaN where a pass was not sampled."""
    out = np.full(len(times), np.nan)
    at = np.searchsorted(times, sampled)
    out[at] = values
    return out


def _mean(values: Iterable[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else math.nan


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return f"{float(value):.7g}" if math.isfinite(value) else ""
    return str(value)


def _table(path: Path, head: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _json(path: Path, value: Any) -> None:
    path.write_text(plain_json.text(value, indent=2), encoding="utf-8")
