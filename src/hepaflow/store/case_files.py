"""The files of a case folder that any program can read: case.json, maps, curves, motion, lesions."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.curves.picture import mean_over, picture_passes
from hepaflow.domain.boxes import WHOLE
from hepaflow.domain.case import CaseResult
from hepaflow.store import case_json, case_tables, nifti, plain_json
from hepaflow.store.label_map import labelled

#: What stands in the picture where no pass reaches.
_OUTSIDE_HU = -2000


def write(case: CaseResult, folder: Path, *, plan: Mapping[str, Any], study_digest: str, displacements: bool) -> None:
    """Everything but DICOM and the report into ``folder``. ``plan`` is the full configuration; ``displacements`` adds the fields."""
    _maps(case, folder / "maps")
    (folder / "motion").mkdir()
    _remaining(case, folder / "motion")
    _picture(case, folder)
    _regions(case, folder)
    if displacements:
        _displacements(case, folder / "motion")
    _table(folder / "curves.csv", *case_tables.curves(case))
    _table(folder / "motion.csv", *case_tables.motion(case))
    _table(folder / "lesions.csv", *case_tables.lesion_rows(case))
    _json(folder / "lesions.json", case_json.lesions(case))
    _json(folder / "case.json", case_json.summary(case, plan=plan, study_digest=study_digest))


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


def _remaining(case: CaseResult, folder: Path) -> None:
    from hepaflow.motion.correct import remaining

    values = remaining(case.motion, case.series.grid)
    nifti.write(folder / "remaining_mm.nii.gz", values, case.series.grid, description="motion that remains between passes, mm")


def _picture(case: CaseResult, folder: Path) -> None:
    passes = [case.aligned.voxels[index] for index in picture_passes(case)]
    whole = np.clip(np.nan_to_num(np.rint(mean_over(passes)), nan=_OUTSIDE_HU), -32768, 32767).astype(np.int16)
    nifti.write(folder / "image.nii.gz", whole, case.series.grid, description="mean CT near the portal peak, HU")


def _regions(case: CaseResult, folder: Path) -> None:
    """The regions as a set that ``--rois`` reads, all but the liver, in which most of them lie."""
    regions = case.regions
    named = [
        ("aorta", regions.aorta),
        ("portal_vein", regions.portal_vein),
        ("healthy", regions.healthy),
        ("spleen", regions.spleen),
    ]
    found = [(name, WHOLE, region.mask) for name, region in named if region is not None]
    found += [(lesion.id, WHOLE, lesion.shells["whole"].mask) for lesion in regions.lesions]
    labels, names = labelled(found, case.series.grid.shape)
    nifti.write(folder / "rois.nii.gz", labels, case.series.grid, description="regions, see rois.json")
    _json(folder / "rois.json", {"labels": names, "frame": case.motion.reference})


def _displacements(case: CaseResult, folder: Path) -> None:
    from hepaflow.motion.correct import displacement

    for index in range(case.series.passes):
        field = displacement(case.motion, case.series.grid, index)
        nifti.write(
            folder / f"displacement_{index:02d}.nii.gz", field, case.series.grid, description="displacement mm LPS pull-back"
        )


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
