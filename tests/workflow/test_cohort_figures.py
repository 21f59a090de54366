"""Figures of a paper from a case folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases_for_tests import write_case

from hepaflow.errors import InputRefused
from hepaflow.report.figures import raster
from hepaflow.workflow.cohort_figures import case_figures

LESIONS = {"lesion-1": ((-25.0, 0.0, 8.0), 16.0), "lesion-2": ((20.0, 14.0, -10.0), 28.0)}


def test_both_figures_come_from_a_case_and_the_largest_lesion_is_the_default(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "case", LESIONS)
    found = case_figures(folder, None)
    assert list(found) == ["placement", "halo"]
    assert raster(found["halo"], 80) == raster(case_figures(folder, "lesion-2")["halo"], 80)
    assert raster(found["halo"], 80) != raster(case_figures(folder, "lesion-1")["halo"], 80)


def test_a_lesion_that_is_not_there_and_a_case_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="CASE-LESION"):
        case_figures(write_case(tmp_path / "case", LESIONS), "lesion-9")
    with pytest.raises(InputRefused, match="CASE-LESION"):
        case_figures(write_case(tmp_path / "none", {}), None)


def test_a_case_without_flow_has_no_halo_and_without_maps_is_refused(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "case", LESIONS)
    (folder / "maps" / "bf.nii.gz").rename(folder / "maps" / "ttp.nii.gz")
    assert list(case_figures(folder, None)) == ["placement"]
    (folder / "maps" / "ttp.nii.gz").unlink()
    with pytest.raises(InputRefused, match="CASE-MAPS"):
        case_figures(folder, None)


def test_a_model_that_is_not_known_is_refused(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "case", LESIONS)
    table = json.loads((folder / "lesions.json").read_text())
    (folder / "lesions.json").write_text(json.dumps({**table, "model": "unheard-of"}))
    with pytest.raises(InputRefused, match="CASE-MAPS"):
        case_figures(folder, None)
