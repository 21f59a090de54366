from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from hepaflow.cli.demo import Size
from hepaflow.cli.phantom import phantom as command
from hepaflow.dicom.write_ct import INJECTION_START
from hepaflow.errors import UsageError
from hepaflow.phantom import Phantom, PhantomSpec
from hepaflow.workflow import phantom_study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Phantom, Path]:
    out = tmp_path_factory.mktemp("study") / "phantom"
    return phantom_study.write(PhantomSpec(seed=2), out), out


def test_the_folder_of_the_contract(made: tuple[Phantom, Path]) -> None:
    phantom, out = made
    assert {path.name for path in out.iterdir()} == {"dicom", "rois.nii.gz", "rois.json", "truth"}
    assert len(list((out / "dicom").rglob("*.dcm"))) == 21 * 32
    rois = json.loads((out / "rois.json").read_text())
    assert rois["frame"] == phantom.reference
    assert {"aorta", "portal_vein", "healthy", "lesion-1"} <= set(rois["labels"].values())
    expected = {f"{key}.nii.gz" for key in ("bf", "habf", "hpbf", "haf", "bv", "mtt", "total_mtt", "ps", "ktrans", "extraction")}
    expected |= {f"displacement_{n:02d}.nii.gz" for n in range(21)} | {"curves.csv", "truth.json", "mask_lesion-1.nii.gz"}
    assert expected <= {path.name for path in (out / "truth").iterdir()}
    image = pydicom.dcmread(out / "dicom" / "series-2" / "ct-00001.dcm")
    assert (image.PatientID, str(image.PatientName)) == ("PHANTOM-0002", "Phantom^Liver")
    np.testing.assert_array_equal(image.pixel_array.astype(int) - 1024, phantom.series.voxels[15, 0])


def test_the_visit_before_lies_weeks_before_the_other(
    made: tuple[Phantom, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Written(Exception):
        pass

    started = []

    def begin(*_: object, injection_start: datetime, **__: object) -> None:
        started.append(injection_start)
        raise Written

    monkeypatch.setattr(phantom_study, "build", lambda _: made[0])
    monkeypatch.setattr(phantom_study, "write_study", begin)
    for visit in ("before", "after"):
        with pytest.raises(Written):
            phantom_study.write(PhantomSpec(visit=visit), tmp_path / visit)
    assert started == [INJECTION_START - timedelta(weeks=12), INJECTION_START]


def test_nifti_files_lie_where_the_images_lie(made: tuple[Phantom, Path]) -> None:
    phantom, out = made
    labels = nib.load(out / "rois.nii.gz")
    voxels = np.asarray(labels.dataobj)
    np.testing.assert_array_equal(voxels.transpose(2, 1, 0), phantom.labels)
    i, j, k = np.argwhere(voxels == 11)[0]
    ras = labels.affine @ (i, j, k, 1)
    np.testing.assert_allclose(ras[:3] * (-1, -1, 1), phantom.grid.to_mm((k, j, i)), atol=1e-4)
    field = nib.load(out / "truth" / "displacement_03.nii.gz")
    assert field.shape == (128, 128, 32, 1, 3)
    assert field.header.get_intent()[0] == "vector"
    back = np.asarray(field.dataobj)[:, :, :, 0].transpose(2, 1, 0, 3)
    np.testing.assert_allclose(back, phantom.displacement(3), atol=0.0006)  # written in steps of 1/1024 mm


def test_truth_json_and_curves_can_be_read_alone(made: tuple[Phantom, Path]) -> None:
    phantom, out = made
    truth = json.loads((out / "truth" / "truth.json").read_text())
    assert truth["reference"] == phantom.reference
    assert truth["density_g_ml"] == 1.05
    assert truth["regions"]["lesion-2"]["bf_ratio"] == pytest.approx(phantom.lesions[1].bf_ratio)
    assert len(truth["lesions"]) == 8
    table = np.genfromtxt(out / "truth" / "curves.csv", delimiter=",", names=True, deletechars="")
    assert (np.diff(table["time_s"]) > 0).all()
    at_20_s = table["arterial"][np.argmin(np.abs(table["time_s"] - 20.0))]
    assert at_20_s == pytest.approx(np.interp(20.0, phantom.curves.times_s, phantom.curves.arterial), abs=0.01)


def test_writing_again_gives_the_same_bytes_and_foreign_files_are_kept(made: tuple[Phantom, Path], tmp_path: Path) -> None:
    _, out = made
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    phantom_study.write(PhantomSpec(seed=2), out)
    assert before == {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match=r"^PHANTOM-OUTPUT"):
        phantom_study.write(PhantomSpec(), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_the_command_lists_the_lesions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path / "new", size=Size.SMALL, noise_hu=0.0, breathing_mm=0.0, seed=2) == 0
    said = capsys.readouterr().out
    assert "lesion-8" in said
    assert said.splitlines()[-1] == str(tmp_path / "new")
    with pytest.raises(UsageError, match=r"^PHANTOM-BREATHING"):
        command(tmp_path / "other", size=Size.SMALL, noise_hu=None, breathing_mm=99.0, seed=2)
    assert not (tmp_path / "other").exists()
