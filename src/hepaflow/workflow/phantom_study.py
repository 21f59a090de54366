"""A phantom as a folder: ``dicom/`` as a scanner would send it, the regions, and the truth (``hepaflow phantom``)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.dicom.write_ct import INJECTION_START, write_study
from hepaflow.errors import UsageError
from hepaflow.phantom import Phantom, PhantomSpec, build
from hepaflow.store import atomic, nifti
from hepaflow.units import DEFAULT_DENSITY_G_ML, QUANTITIES

Progress = Callable[[str, int, int], None]

_CURVE_STEP_S = 0.1
#: Displacements are written to this fraction of a millimetre: far under any use, and it makes small files.
_FIELD_STEPS_MM = 1024.0
_OF_VISIT = {"after": "", "before": " before"}
#: From the visit before chemotherapy to the one after it: six courses, two weeks each.
_BETWEEN_VISITS = timedelta(weeks=12)
#: Space for the written folder as a multiple of the images' own bytes.
_SPACE = {"small": 3.0, "full": 2.0}


def write(spec: PhantomSpec, out: Path, *, progress: Progress | None = None) -> Phantom:
    """Build the phantom of ``spec`` and write it to ``out`` in one step; the same specification gives the same files.

    Refused: an ``out`` that holds anything but an earlier phantom.
    """
    if out.exists() and not _replaceable(out):
        raise UsageError("PHANTOM-OUTPUT", "the output folder is not empty and holds no phantom", "Give a new or empty folder")
    phantom = build(spec)
    atomic.require_space(out, round(phantom.series.voxels.nbytes * _SPACE[spec.size]))
    with atomic.staging(out.absolute().parent) as aside:
        staged = aside / "phantom"
        staged.mkdir()
        with atomic.reporting("the phantom"):
            name = f"PHANTOM-{spec.seed:04d}"
            write_study(
                phantom.series,
                staged / "dicom",
                patient_id=name,
                patient_name="Phantom^Liver",
                uid_seed=f"hepaflow-phantom {spec.size} {spec.noise_sd_hu:g} {spec.breathing_mm:g} {spec.seed}"
                + _OF_VISIT[spec.visit],
                injection_start=INJECTION_START - (_BETWEEN_VISITS if spec.visit == "before" else timedelta()),
                progress=progress,
            )
            _write_regions(phantom, staged)
            _write_truth(phantom, staged / "truth", progress)
        atomic.move_folder(staged, out.absolute())
    return phantom


def _replaceable(out: Path) -> bool:
    return out.is_dir() and (
        not any(out.iterdir()) or {"dicom", "truth", "rois.json"} == {path.name for path in out.iterdir()} - {"rois.nii.gz"}
    )


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(_finite(value), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_regions(phantom: Phantom, folder: Path) -> None:
    nifti.write(folder / "rois.nii.gz", phantom.labels, phantom.grid, description="hepaflow phantom regions")
    names = {str(number): name for number, name in sorted(phantom.names.items())}
    _json(folder / "rois.json", {"labels": names, "frame": phantom.reference})


def _write_truth(phantom: Phantom, folder: Path, progress: Progress | None) -> None:
    folder.mkdir()
    grid = phantom.grid
    for key, values in phantom.truth_maps.items():
        nifti.write(folder / f"{key}.nii.gz", values, grid, description=f"{key} in {QUANTITIES[key].unit}")
    for name, mask in phantom.masks.items():
        nifti.write(folder / f"mask_{name}.nii.gz", mask.astype(np.uint8), grid, description=name)
    passes = phantom.series.passes

    def field(index: int) -> None:
        values = phantom.displacement(index)
        values *= np.float32(_FIELD_STEPS_MM)
        np.rint(values, out=values)
        values /= np.float32(_FIELD_STEPS_MM)
        nifti.write(folder / f"displacement_{index:02d}.nii.gz", values, grid, description="pull-back, mm LPS")

    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(field, range(passes)), start=1):
            if progress is not None:
                progress("truth", done, passes)
    _write_curves(phantom, folder / "curves.csv")
    _json(folder / "truth.json", describe(phantom))


def _write_curves(phantom: Phantom, path: Path) -> None:
    """Noise-free curves of the two inputs and of every tissue with a truth; HU enhancement, time from the first pass."""
    curves = phantom.curves
    chosen = ["liver", *(name for name in curves.tissues if name.startswith("lesion-"))]
    times = (
        np.arange(math.ceil(curves.times_s[0] / _CURVE_STEP_S), math.floor(curves.times_s[-1] / _CURVE_STEP_S) + 1) * _CURVE_STEP_S
    )
    columns = [curves.arterial, curves.portal, *(curves.tissues[name] for name in chosen)]
    table = np.stack([times, *(np.interp(times, curves.times_s, column) for column in columns)], axis=1)
    lines = [",".join(["time_s", "arterial", "portal", *chosen])]
    lines += [f"{row[0]:.1f}," + ",".join(f"{value:.4f}" for value in row[1:]) for row in table]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def describe(phantom: Phantom) -> dict[str, Any]:
    """The truth that fits in a page, as plain values (``truth/truth.json``)."""
    spec, series = phantom.spec, phantom.series
    tissues = {"liver": phantom.design.healthy} | {
        lesion.id: perfusion for lesion, perfusion in zip(phantom.lesions, phantom.design.lesions, strict=True)
    }
    necrotic = next(lesion.id for lesion in phantom.lesions if lesion.core_share > 0.0)
    tissues[f"{necrotic}-core"] = phantom.design.core
    return {
        "schema": 1,
        "spec": {**asdict(spec), "noise_hu": spec.noise_sd_hu},
        "model": "dual-input adiabatic tissue homogeneity; haematocrit left out",
        "density_g_ml": DEFAULT_DENSITY_G_ML,
        "units": {key: QUANTITIES[key].unit for key in phantom.truth_maps} | {"time": "s from the first pass", "length": "mm LPS"},
        "times_s": series.times_s.tolist(),
        "injection_to_first_s": series.acquisition.injection_to_first_s,
        "reference": phantom.reference,
        "breathing": {"modes_mm": np.round(phantom.amplitudes - phantom.amplitudes[phantom.reference], 4).tolist()},
        "regions": phantom.truth_regions,
        "lesions": [asdict(lesion) for lesion in phantom.lesions],
        "tissues": {name: asdict(perfusion) | perfusion.parameters() for name, perfusion in tissues.items()},
    }
