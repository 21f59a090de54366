from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from hepaflow.dicom.write_ct import stable_uid, write_study
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused


def oblique_series() -> DynamicSeries:
    """Small, asymmetric in every axis, turned about two axes, uneven in time."""
    turn, tilt = np.deg2rad(20.0), np.deg2rad(-12.0)
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    axes = about_x @ about_z
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = axes[:, 2] * 2.5, axes[:, 1] * 0.75, axes[:, 0] * 1.25
    affine[:3, 3] = (-31.5, 12.25, 207.125)
    voxels = np.random.default_rng(3).integers(-1024, 3000, (3, 4, 5, 7)).astype(np.int16)
    acquisition = Acquisition(
        time_source="test",
        manufacturer="hepaflow",
        kvp=(80.0, 80.0, 100.0),
        kernel=("A", "A", "B"),
        tube_current_ma=(200.0, 201.0, 150.0),
        exposure_mas=(100.0, 101.0, 75.0),
        ctdi_vol_mgy=(3.5, 3.5, 3.6),
        series_of_pass=(0, 0, 1),
        injection_to_first_s=11.0,
        contrast_volume_ml=45.0,
        contrast_flow_ml_s=5.0,
        contrast_agent="Iobitridol 350",
        rotation_s=0.5,
        body_part="LIVER",
    )
    return DynamicSeries(voxels, Grid((4, 5, 7), affine), np.array([0.0, 2.25, 48.5]), acquisition)


def written(folder: Path, series: DynamicSeries) -> list[Path]:
    return write_study(series, folder, patient_id="PHANTOM-0042", patient_name="Phantom^Liver", uid_seed="test")


def test_every_voxel_comes_back_at_its_place_and_time(tmp_path: Path) -> None:
    series = oblique_series()
    paths = written(tmp_path, series)
    assert len(paths) == len(set(paths)) == 12
    for n, path in enumerate(paths):
        index, k = divmod(n, 4)
        image = pydicom.dcmread(path)
        hu = image.pixel_array.astype(int) * int(image.RescaleSlope) + int(image.RescaleIntercept)
        np.testing.assert_array_equal(hu, series.voxels[index, k])
        # position of an off-centre pixel as the standard defines it (PS3.3 C.7.6.2.1.1)
        across, down = np.array(image.ImageOrientationPatient[:3], float), np.array(image.ImageOrientationPatient[3:], float)
        row_step, column_step = (float(step) for step in image.PixelSpacing)
        place = np.array(image.ImagePositionPatient, float) + across * column_step * 6 + down * row_step * 2
        np.testing.assert_allclose(place, series.grid.to_mm((k, 2, 6)), atol=1e-5)
        assert float(image.SliceThickness) == pytest.approx(2.5)
        clock = image.AcquisitionTime
        seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + float(clock[4:])
        start = image.ContrastBolusStartTime
        injected = int(start[:2]) * 3600 + int(start[2:4]) * 60 + float(start[4:])
        assert seconds - injected == pytest.approx(11.0 + series.times_s[index], abs=1e-6)
        assert image.AcquisitionDateTime == image.AcquisitionDate + image.AcquisitionTime
        assert image.AcquisitionNumber == index + 1
        assert float(image.KVP) == series.acquisition.kvp[index]
        assert image.ConvolutionKernel == series.acquisition.kernel[index]
        assert image.CTDIvol == pytest.approx(series.acquisition.ctdi_vol_mgy[index])


def test_one_study_one_frame_two_series(tmp_path: Path) -> None:
    images = [pydicom.dcmread(path, stop_before_pixels=True) for path in written(tmp_path, oblique_series())]
    assert len({image.StudyInstanceUID for image in images}) == 1
    assert len({image.FrameOfReferenceUID for image in images}) == 1
    assert len({image.SOPInstanceUID for image in images}) == 12
    assert [image.SeriesNumber for image in images] == [1] * 8 + [2] * 4
    assert len({image.SeriesInstanceUID for image in images}) == 2
    assert [image.InstanceNumber for image in images] == [*range(1, 9), *range(1, 5)]
    assert images[0].file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert images[0].SOPClassUID == pydicom.uid.CTImageStorage
    assert images[0].PatientID == "PHANTOM-0042"
    assert float(images[0].ContrastBolusVolume) == 45


def test_slice_times_are_written_where_known(tmp_path: Path) -> None:
    series = oblique_series()
    timed = DynamicSeries(
        series.voxels,
        series.grid,
        series.times_s,
        series.acquisition,
        slice_times_s=series.times_s[:, None] + 0.125 * np.arange(4),
    )
    images = [pydicom.dcmread(path, stop_before_pixels=True) for path in written(tmp_path, timed)]
    assert [image.AcquisitionTime[-9:] for image in images[:4]] == ["18.000000", "18.125000", "18.250000", "18.375000"]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    series = oblique_series()
    one, two = written(tmp_path / "a", series), written(tmp_path / "b", series)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    other = write_study(series, tmp_path / "c", patient_id="X", patient_name="Y", uid_seed="other")
    assert pydicom.dcmread(other[0]).SOPInstanceUID != pydicom.dcmread(one[0]).SOPInstanceUID


def test_a_uid_is_valid_and_depends_on_every_part() -> None:
    uids = {stable_uid("a", n, k) for n in range(20) for k in range(20)}
    assert len(uids) == 400
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)


@pytest.mark.parametrize("value", [np.nan, -1025.0, 70000.0])
def test_values_that_a_ct_cannot_store_are_refused(tmp_path: Path, value: float) -> None:
    series = oblique_series()
    voxels = series.voxels.astype(np.float32)
    voxels[1, 2, 3, 4] = value
    bad = DynamicSeries(voxels, series.grid, series.times_s, series.acquisition)
    with pytest.raises(InputRefused, match=r"^SERIES-NOT-STORABLE"):
        written(tmp_path, bad)
    assert not list(tmp_path.rglob("*.dcm"))


def test_large_values_use_all_bits(tmp_path: Path) -> None:
    series = oblique_series()
    voxels = series.voxels.astype(np.int32)
    voxels[0, 0, 0, 0] = 20000
    paths = written(tmp_path, DynamicSeries(voxels, series.grid, series.times_s, series.acquisition))
    image = pydicom.dcmread(paths[0])
    assert image.BitsStored == 16
    assert int(image.pixel_array[0, 0]) + int(image.RescaleIntercept) == 20000


def test_dicom3tools_finds_no_error(tmp_path: Path) -> None:
    check, entity = shutil.which("dciodvfy"), shutil.which("dcentvfy")
    if check is None or entity is None:
        pytest.skip("dciodvfy and dcentvfy (dicom3tools) are not installed")
    paths = written(tmp_path, oblique_series())
    for path in (paths[0], paths[5], paths[-1]):
        done = subprocess.run([check, "-new", str(path)], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "CTImage" in said
        assert "Error" not in said
    done = subprocess.run([entity, *map(str, paths)], capture_output=True, text=True, check=False)
    assert "Error" not in done.stdout + done.stderr
