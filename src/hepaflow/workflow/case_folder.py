"""A finished case folder as others read it: its picture, regions and lesions."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.workflow.columns import read_text

#: In ``image.nii.gz``: no pass reached.
_OUTSIDE_HU = -2000


@dataclass(frozen=True, slots=True, eq=False)
class CaseTables:
    """The trees of lesions.json and case.json (empty where there is none that can be read)."""

    folder: Path
    table: dict[str, Any]
    summary: dict[str, Any]

    def lesion(self, name: str) -> dict[str, Any] | None:
        """What lesions.json says of a lesion."""
        return next((one for one in self.table["lesions"] if isinstance(one, dict) and one.get("id") == name), None)


@dataclass(frozen=True, slots=True, eq=False)
class CaseFolder:
    """``image`` (k, j, i) float32 HU, NaN where no pass reached; masks of lesions by id; ``liver`` by the maps; the case's tables."""

    folder: Path
    grid: Grid
    image: npt.NDArray[np.float32]
    lesions: dict[str, npt.NDArray[np.bool_]]
    healthy: npt.NDArray[np.bool_] | None
    tables: CaseTables

    def map(self, key: str) -> npt.NDArray[np.float32] | None:
        """A map by its key, None where the case has none."""
        path = self.folder / "maps" / f"{key}.nii.gz"
        return read_volume(path)[0].astype(np.float32) if path.exists() else None

    @property
    def liver(self) -> npt.NDArray[np.bool_]:
        """Where the maps have a value, and the lesions."""
        flows = self.map("bf")
        found = np.zeros(self.grid.shape, bool) if flows is None else np.isfinite(flows)
        for mask in self.lesions.values():
            found |= mask
        return found


def open_tables(path: Path, *, what: str = "the case") -> CaseTables:
    """The tables of a case by its folder or its lesions.json. Refused (``CASE-UNREADABLE``): what holds no lesions."""
    refusal = InputRefused("CASE-UNREADABLE", f"{what} holds no table of lesions", "Give a case folder or its lesions.json")
    try:
        place = path / "lesions.json" if path.is_dir() else path
        table = _tree(place)
        if not isinstance(table.get("lesions"), list):
            raise refusal
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise refusal from error
    try:
        summary = _tree(place.parent / "case.json")
    except (OSError, ValueError, TypeError, RecursionError):
        summary = {}  # then nothing is known of how the case was made
    return CaseTables(place.parent, table, summary)


def open_case(folder: Path, *, what: str = "the case") -> CaseFolder:
    """The finished case in ``folder``. Refused (``CASE-UNREADABLE``): no finished case there, files that are damaged or do not belong together."""
    refusal = InputRefused("CASE-UNREADABLE", f"{what} is not a finished case folder of this version", "Run hepaflow analyze again")
    try:
        trees = [_tree(folder / name) for name in ("lesions.json", "case.json", "rois.json")]
        image, grid = read_volume(folder / "image.nii.gz")
        labels, other = read_volume(folder / "rois.nii.gz")
        numbers: dict[str, list[int]] = {}
        for number, names in trees[2]["labels"].items():
            for name in [names] if isinstance(names, str) else names:
                numbers.setdefault(str(name), []).append(int(number))
        if not grid.same_as(other) or not isinstance(trees[0].get("lesions"), list):
            raise refusal
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise refusal from error
    lesions = {name: np.isin(labels, own) for name, own in numbers.items() if name.startswith("lesion-")}
    healthy = np.isin(labels, numbers["healthy"]) if "healthy" in numbers else None
    picture = np.where(image == _OUTSIDE_HU, np.nan, image).astype(np.float32)
    return CaseFolder(folder, grid, picture, lesions, healthy, CaseTables(folder, trees[0], trees[1]))


def _tree(path: Path) -> dict[str, Any]:
    text = read_text(path)
    if text is None:
        raise ValueError
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise TypeError
    return tree


def read_volume(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    """A NIfTI volume in hepaflow's order with its grid; ValueError for what is none."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    if not path.is_file():
        raise OSError("not a regular file")
    try:
        image: Any = nibabel.load(path)
        data = np.asarray(image.dataobj)
    except (ImageFileError, zlib.error) as error:
        raise ValueError from error
    if data.ndim != 3:
        raise ValueError
    data = data.transpose(2, 1, 0)
    flip = np.zeros((4, 4))
    flip[0, 2] = flip[1, 1] = flip[2, 0] = flip[3, 3] = 1.0
    shape = (int(data.shape[0]), int(data.shape[1]), int(data.shape[2]))
    return data, Grid(shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(image.affine) @ flip)
