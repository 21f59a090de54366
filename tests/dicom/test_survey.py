"""What ``inspect`` says of a study, whole or refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from scipy.spatial.transform import Rotation
from tiny_study import PASSES, TIMES_S, clock, save, tiny, write

from hepaflow.cli.inspect import inspect
from hepaflow.dicom.survey import orientation, survey
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused

CANARY = "CANARY"


def study(folder: Path) -> Path:
    images = tiny(series=(0, 0, 0, 1, 1, 1))
    for image in images:
        for keyword in ("PatientName", "PatientID", "SeriesDescription", "ProtocolName", "InstitutionName", "AccessionNumber"):
            setattr(image.ds, keyword, CANARY)
        image.ds.ContrastBolusStartTime = clock(37_267)
    scout = copy.deepcopy(images[0])
    scout.ds.ImageType, scout.ds.SeriesInstanceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], "1.2.3.1.8"
    scout.ds.SOPInstanceUID = "1.2.3.1.8.1"
    write(images, folder)
    save(scout, folder / "scout")
    (folder / "note.txt").write_text("x")
    return folder


def test_a_study_is_described(tmp_path: Path) -> None:
    facts = survey(study(tmp_path)).to_json()
    assert [(s["files"], s["role"], s["positions"]) for s in facts["series"]] == [
        (12, "dynamic", 4),
        (12, "dynamic", 4),
        (1, "localizer", 0),
    ]
    assert facts["files_not_dicom"] == 1
    assert facts["geometry"]["shape"] == [4, 16, 20]
    assert facts["geometry"]["spacing_mm"] == pytest.approx([2.5, 0.8, 1.1], abs=1e-5)
    assert facts["geometry"]["coverage_mm"] == pytest.approx([10.0, 12.8, 22.0], abs=1e-3)
    assert facts["geometry"]["orientation"] == "SPL"
    assert facts["times_s"] == list(TIMES_S)
    assert facts["time_source"] == "AcquisitionTime"
    assert facts["passes_told_by"] == "time"
    assert [g["from_s"] for g in facts["gaps"]] == [4.0, 9.0, 20.0]
    assert facts["acquisition"]["injection_to_first_s"] == 11.0
    assert facts["acquisition"]["series_of_pass"] == (0, 0, 0, 1, 1, 1)
    assert facts["refused"] is None
    assert CANARY not in json.dumps(facts)
    assert "1.2.3" not in json.dumps(facts)


def test_a_refused_study_is_described_as_far_as_it_went(tmp_path: Path) -> None:
    folder = study(tmp_path)
    next(folder.rglob("0005")).unlink()
    facts = survey(folder).to_json()
    assert len(facts["series"]) == 3
    assert facts["geometry"] is None
    assert facts["refused"]["code"] == "SERIES-MISSING-SLICE"
    assert CANARY not in json.dumps(facts)


def test_json_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect(study(tmp_path), as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["schema"] == 1
    assert len(facts["times_s"]) == PASSES
    assert {"key", "verdict", "measured", "expected", "why"} == set(facts["protocol"][0])


def test_the_table_is_readable_and_anonymous(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect(study(tmp_path), as_json=False) == 0
    said = capsys.readouterr().out
    assert "localizer" in said
    assert "20 x 16, 4 slices" in said
    assert "6 in 40 s" in said
    assert CANARY not in said


@pytest.mark.parametrize("as_json", [True, False])
def test_a_refusal_is_raised_after_what_is_known(as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = study(tmp_path)
    next(folder.rglob("0005")).unlink()
    with pytest.raises(InputRefused, match="SERIES-MISSING-SLICE"):
        inspect(folder, as_json=as_json)
    said = capsys.readouterr().out
    assert json.loads(said)["refused"]["code"] == "SERIES-MISSING-SLICE" if as_json else "localizer" in said


def test_series_bear_the_number_that_the_archive_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tiny(series=(0, 0, 0, 1, 1, 1))
    for image in images:
        image.ds.SeriesNumber = 4711 if image.ds.SeriesInstanceUID == images[0].ds.SeriesInstanceUID else None
    write(images, tmp_path)
    assert [one["series_number"] for one in survey(tmp_path).to_json()["series"]] == [4711, None]
    inspect(tmp_path, as_json=False)
    assert "4711" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["12; CANARY", "9" * 12, "", "1.5"])
def test_what_is_no_number_is_not_shown(tmp_path: Path, number: str) -> None:
    images = tiny()
    for image in images:
        image.ds[0x00200011] = DataElement(0x00200011, "LO", number)
    write(images, tmp_path)
    facts = survey(tmp_path).to_json()
    assert [one["series_number"] for one in facts["series"]] == [None]
    assert "CANARY" not in json.dumps(facts)


def test_nothing_is_said_to_be_missing_of_what_the_refusal_explains(tmp_path: Path) -> None:
    write(tiny() + tiny(seed=2), tmp_path / "mixed")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "note.txt").write_text("x")
    said = {name: survey(tmp_path / name).to_json() for name in ("mixed", "empty", "nowhere")}
    assert {name: (facts["refused"]["code"], facts["missing"]) for name, facts in said.items()} == {
        "mixed": ("STUDY-MIXED", []),
        "empty": ("STUDY-EMPTY", ["any DICOM image or 4D NIfTI"]),
        "nowhere": ("SOURCE-MISSING", []),
    }


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 3, 1)])
def test_one_volume_is_not_said_to_lack_times(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)), tmp_path / "rois.nii.gz")
    (tmp_path / "rois.json").write_text('{"labels": {"1": "liver"}}')
    facts = survey(tmp_path / "rois.nii.gz").to_json()
    assert (facts["refused"]["code"], facts["missing"]) == ("NIFTI-SHAPE", [])


@pytest.mark.parametrize(
    ("description", "rescale", "why"),
    [
        ("Blood flow [mL/min/100 g], research, images", "US", "a result: its values are not HU"),
        ("Dynamic series, motion-corrected, research", "HU", "derived images"),
    ],
)
def test_own_results_beside_the_study_are_named(tmp_path: Path, description: str, rescale: str, why: str) -> None:
    images = tiny()
    results = copy.deepcopy(images)
    for number, image in enumerate(results):
        image.ds.SeriesInstanceUID, image.ds.SOPInstanceUID = "1.2.3.1.9", f"1.2.3.1.9.{number}"
        image.ds.Manufacturer, image.ds.SeriesDescription, image.ds.RescaleType = "hepaflow", description, rescale
        image.ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    write(images, tmp_path / "a")
    write(results, tmp_path / "b")
    scan, result = survey(tmp_path).to_json()["series"]
    assert (scan["role"], result["role"], result["why"]) == ("dynamic", "other", why)
    assert result["what"].startswith("CT images, made by hepaflow: ")


@given(angles=st.tuples(*[st.floats(-180, 180)] * 3))
def test_no_two_array_axes_are_called_by_one_patient_axis(angles: tuple[float, float, float]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * (2.5, 0.8, 1.1)
    series = DynamicSeries(
        np.zeros((2, 2, 2, 2), np.int16), Grid((2, 2, 2), affine), np.array([0.0, 2.0]), Acquisition("AcquisitionTime")
    )
    assert sorted(pair for letter in orientation(series) for pair in ("SI", "PA", "LR") if letter in pair) == ["LR", "PA", "SI"]
