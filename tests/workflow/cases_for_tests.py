"""A small finished case folder, made without an analysis: a ball of liver with lesions, its picture, maps and tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hepaflow.domain.geometry import Grid
from hepaflow.store import nifti

GRID = Grid.from_spacing((24, 40, 40), (5.0, 4.0, 4.0))
Lesion = tuple[tuple[float, float, float], float]


def middle(grid: Grid = GRID) -> np.ndarray:
    return grid.to_mm((np.array(grid.shape) - 1) / 2)


def write_case(
    folder: Path,
    lesions: dict[str, Lesion],
    *,
    ratios: dict[str, float] | None = None,
    bf: float = 100.0,
    model: str = "aath",
    kvp: float = 80.0,
    moved_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    flags: tuple[str, ...] = (),
) -> Path:
    """``lesions``: name to center (mm from the liver's middle) and diameter; ``ratios`` over healthy liver; ``moved_mm``: how the patient lies."""
    affine = GRID.affine.copy()
    affine[:3, 3] += moved_mm
    grid = Grid(GRID.shape, affine)
    at = GRID.to_mm(np.stack(np.meshgrid(*[np.arange(n) for n in GRID.shape], indexing="ij"), axis=-1)) - middle()
    liver = np.linalg.norm(at / np.array([1.1, 1.0, 0.8]), axis=-1) < 52.0
    texture = 12.0 * np.sin(at[..., 0] / 9.0) * np.cos(at[..., 1] / 11.0) * np.sin(at[..., 2] / 13.0)
    image = np.where(liver, 120.0 + texture, -90.0)
    labels = np.zeros(GRID.shape, np.int16)
    names, rows = {}, []
    for number, (name, (center, diameter)) in enumerate(lesions.items(), start=1):
        mask = np.linalg.norm(at - np.array(center), axis=-1) < diameter / 2
        image[mask], labels[mask], names[str(number)] = 60.0, number, name
        ratio = (ratios or {}).get(name, 1.0)
        value = {"value": ratio, "sd": 0.05, "ci95": [ratio - 0.1, ratio + 0.1]}
        rows.append(
            {
                "id": name,
                "longest_axial_diameter_mm": diameter,
                "regions": {
                    "whole": {"voxels": int(mask.sum()), "bf": {"value": bf * ratio, "sd": 2.0}, "haf": {"value": 0.3, "sd": 0.02}}
                },
                "ratio": {"bf": value},
                "response": [
                    {
                        "criterion": "nancy2019-bf-ratio",
                        "threshold": 0.68,
                        "category": "major" if ratio < 0.68 else "minor",
                        "probability_major": 0.99 if ratio < 0.68 else 0.01,
                        "region": "whole",
                        "ratio": value,
                    }
                ],
            }
        )
    (folder / "maps").mkdir(parents=True)
    nifti.write(folder / "image.nii.gz", np.rint(image).astype(np.int16), grid, description="picture")
    nifti.write(folder / "rois.nii.gz", labels, grid, description="regions")
    flow = np.where(liver, np.float32(bf), np.float32(np.nan)).astype(np.float32)
    nifti.write(folder / "maps" / "bf.nii.gz", flow, grid, description="bf")
    (folder / "rois.json").write_text(json.dumps({"labels": names, "frame": 3}))
    (folder / "lesions.json").write_text(
        json.dumps({"schema": 1, "model": model, "healthy": {"haf": {"value": 0.41}, "bf": {"value": bf}}, "lesions": rows})
    )
    summary = {
        "software": {"version": "0.1.0"},
        "density_g_ml": 1.05,
        "acquisition": {"kvp": [kvp], "times_s": [0.0, 2.0, 4.0], "contrast_volume_ml": 45.0, "contrast_flow_ml_s": 5.0},
        "flags": list(flags),
    }
    (folder / "case.json").write_text(json.dumps(summary))
    return folder
