"""What lesions.csv, curves.csv and motion.csv hold: a head and rows each. Their columns are the contract."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import Estimate, Measurement, Ratio


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
        "border_before_mm",
        "border_after_mm",
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
            p.border_before_mm,
            p.border_after_mm,
            p.excluded,
            p.index == case.motion.reference,
            " ".join(p.flags),
        ]
        for p in case.motion.passes
    ]
    return head, rows


def _values(found: Measurement, keys: list[str]) -> list[float | None]:
    missing = Estimate(math.nan, math.nan)
    return [getattr(found.parameters.get(k, missing), part) for k in keys for part in ("value", "sd", "map_mean", "map_median")]


def _on(times: Any, sampled: Any, values: Any) -> Any:
    """Values at ``times``; NaN where a pass was not sampled."""
    out = np.full(len(times), np.nan)
    at = np.searchsorted(times, sampled)
    out[at] = values
    return out
