"""The ablation margin from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused, UsageError
from hepaflow.store import nifti
from hepaflow.workflow import ablation

GRID = Grid.from_spacing((30, 44, 44), (2.0, 1.5, 1.5), origin_mm=(10.0, -20.0, 5.0))


def ball(path: Path, radius: float, *, grid: Grid = GRID, value: int = 1) -> Path:
    at = grid.to_mm(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1))
    inside = np.linalg.norm(at - grid.to_mm((np.array(grid.shape) - 1) / 2), axis=-1) <= radius
    nifti.write(path, (inside * value).astype(np.int16), grid, description="mask")
    return path


def test_masks_in_files_give_margin_class_and_map(tmp_path: Path) -> None:
    tumor, zone = ball(tmp_path / "t.nii.gz", 8.0), ball(tmp_path / "z.nii.gz", 15.0, value=3)
    found = ablation.margin(
        tumor, zone, registration_error_mm=1.0, liver=ball(tmp_path / "l.nii.gz", 21.0), out=tmp_path / "map.csv"
    )
    assert found["category"] == "adequate"
    half_diagonal = 0.5 * float(np.linalg.norm(GRID.spacing_mm))
    assert found["numbers"]["least_mm"] == pytest.approx(7.0, abs=half_diagonal)
    assert found["numbers"]["residual_share"] == 0.0
    table = np.loadtxt(tmp_path / "map.csv", delimiter=",", skiprows=1)
    center = GRID.to_mm((np.array(GRID.shape) - 1) / 2)
    assert np.linalg.norm(table[:, :3] - center, axis=1).mean() == pytest.approx(8.0, abs=0.3)  # LPS, as the study
    assert table[:, 3].min() == pytest.approx(found["numbers"]["least_mm"], abs=0.01)


def test_what_is_no_mask_or_on_another_grid_is_refused(tmp_path: Path) -> None:
    tumor, zone = ball(tmp_path / "t.nii.gz", 8.0), ball(tmp_path / "z.nii.gz", 15.0)
    other = ball(tmp_path / "o.nii.gz", 15.0, grid=Grid.from_spacing(GRID.shape, (2.0, 1.5, 1.5)))
    (tmp_path / "text.nii.gz").write_text("no image")
    (tmp_path / "cut.nii.gz").write_bytes(tumor.read_bytes()[:100])
    for one, two, code in (
        (tumor, other, "MASK-GRID"),
        (tmp_path / "text.nii.gz", zone, "MASK-UNREADABLE: the tumor"),
        (tmp_path / "cut.nii.gz", zone, "MASK-UNREADABLE"),
        (tumor, tmp_path / "none.nii.gz", "MASK-UNREADABLE: the ablation zone"),
    ):
        with pytest.raises(InputRefused, match=code):
            ablation.margin(one, two, registration_error_mm=0.0)


def test_the_map_never_overwrites_a_mask_and_a_full_image_has_no_surface(tmp_path: Path) -> None:
    tumor, zone = ball(tmp_path / "t.nii.gz", 8.0), ball(tmp_path / "z.nii.gz", 15.0)
    before = zone.read_bytes()
    with pytest.raises(UsageError, match="OUT-IS-INPUT"):
        ablation.margin(tumor, zone, registration_error_mm=0.0, out=tmp_path / "sub" / ".." / "z.nii.gz")
    assert zone.read_bytes() == before
    with pytest.raises(InputRefused, match="MARGIN-NO-SURFACE"):
        ablation.margin(ball(tmp_path / "full.nii.gz", 1000.0), zone, registration_error_mm=0.0)
    for what in ("/dev/zero", tmp_path):
        with pytest.raises(InputRefused, match="MASK-UNREADABLE"):
            ablation.margin(Path(what), zone, registration_error_mm=0.0)
