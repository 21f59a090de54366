"""A 4D NIfTI beside its JSON: values and places arrive, everything doubtful is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from hepaflow.dicom.assemble import assemble
from hepaflow.errors import InputRefused

TIMES = [0.0, 2.0, 5.0]
#: Oblique RAS, mirrored in i, three different spacings.
AFFINE = np.array([[-1.5, 0.2, 0.1, 30.0], [0.15, 1.9, -0.3, -20.0], [0.1, 0.3, 3.0, 7.0], [0, 0, 0, 1.0]])
AFFINE[:3, :3] = np.linalg.qr(AFFINE[:3, :3])[0] @ np.diag([1.5, 2.0, 3.0])


def hounsfield() -> np.ndarray:
    """(i, j, k, t)."""
    generator = np.random.default_rng(1)
    still = generator.integers(-1000, 1000, (5, 4, 3, 1))
    return (still + generator.integers(0, 50, (5, 4, 3, 3))).astype(np.int16)


def put(folder: Path, data: np.ndarray, *, name: str = "study.nii.gz", facts: Any = None, affine: np.ndarray = AFFINE) -> Path:
    path = folder / name
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    facts = {"times_s": TIMES} if facts is None else facts
    (folder / f"{name.partition('.')[0]}.json").write_text(facts if isinstance(facts, str) else json.dumps(facts))
    return path


def code(path: Path) -> str:
    with pytest.raises(InputRefused) as caught:
        assemble(path)
    assert str(path) not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("name", ["study.nii", "study.nii.gz"])
def test_a_marked_voxel_lies_at_its_place_in_mm(name: str, tmp_path: Path) -> None:
    data = hounsfield()
    data[4, 1, 2, 1] = 2000
    series = assemble(put(tmp_path, data, name=name))
    assert series.voxels.dtype == np.int16
    np.testing.assert_array_equal(series.voxels, data.transpose())
    found = np.argwhere(series.voxels == 2000)
    assert found.tolist() == [[1, 2, 1, 4]]
    ras = AFFINE @ [4, 1, 2, 1]
    # the file keeps its affine in single precision
    np.testing.assert_allclose(series.grid.to_mm(found[0, 1:]), [-ras[0], -ras[1], ras[2]], atol=1e-5)
    np.testing.assert_array_equal(series.times_s, TIMES)
    assert series.flags == ()


def test_floats_keep_what_is_missing(tmp_path: Path) -> None:
    data = hounsfield().astype(np.float32)
    data[0, 0, 0, 0], data[1, 0, 0, 0] = np.nan, np.inf
    series = assemble(put(tmp_path, data))
    assert series.voxels.dtype == np.float32
    assert np.isnan(series.voxels[0, 0, 0, :2]).all()
    assert series.flags == ("values-missing",)


def test_scaled_integers(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(hounsfield(), AFFINE)
    image.header.set_slope_inter(0.5, 0)
    path = tmp_path / "study.nii"
    nibabel.save(image, path)
    (tmp_path / "study.json").write_text(json.dumps({"times_s": TIMES}))
    np.testing.assert_allclose(assemble(path).voxels, hounsfield().transpose() * 0.5)


@pytest.mark.parametrize(("kind", "expected"), [(np.uint8, np.int16), (np.int32, np.int16), (np.float64, np.float32)])
def test_other_types(kind: Any, expected: Any, tmp_path: Path) -> None:
    data = np.abs(hounsfield() % 200).astype(kind)
    series = assemble(put(tmp_path, data))
    assert series.voxels.dtype == expected
    np.testing.assert_array_equal(series.voxels, data.transpose())


def test_what_the_json_says(tmp_path: Path) -> None:
    facts = {"times_s": [11, 13, 16], "injection_to_first_s": 11.0, "kvp": 80, "contrast_volume_ml": 45}
    series = assemble(put(tmp_path, hounsfield(), facts=facts))
    np.testing.assert_array_equal(series.times_s, TIMES)
    assert series.acquisition.injection_to_first_s == 11.0
    assert series.acquisition.kvp == (80.0, 80.0, 80.0)
    assert series.acquisition.contrast_volume_ml == 45.0
    assert series.acquisition.time_source == "times_s"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"times_s": [0, 2]}, "SERIES-TIMES"),
        ({"times_s": [0, 2, 2]}, "SERIES-TIMES"),
        ({"times_s": [0, 5, 2]}, "SERIES-TIMES"),
        ({"times_s": [0, 2, "x"]}, "SERIES-TIMES"),
        ('{"times_s": [0, 2, NaN]}', "SERIES-TIMES"),
        ({"times_s": [0, 2, True]}, "SERIES-TIMES"),
        ({}, "SERIES-TIMES"),
        ([0, 2, 5], "SIDECAR-INVALID"),
        ("{", "SIDECAR-INVALID"),
        ("[" * 100_000, "SIDECAR-INVALID"),
        ({"times_s": TIMES, "kvp": [80]}, "SIDECAR-INVALID"),
        ({"times_s": TIMES, "injection_to_first_s": "soon"}, "SIDECAR-INVALID"),
    ],
)
def test_json_that_does_not_fit_is_refused(facts: Any, expected: str, tmp_path: Path) -> None:
    assert code(put(tmp_path, hounsfield(), facts=facts)) == expected


def test_absent_files_are_refused(tmp_path: Path) -> None:
    assert code(tmp_path / "no.nii") == "SOURCE-MISSING"
    path = put(tmp_path, hounsfield())
    (tmp_path / "study.json").unlink()
    assert code(path) == "SIDECAR-MISSING"


@pytest.mark.parametrize("name", ["study.nii", "study.nii.gz"])
def test_cut_files_are_refused(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, hounsfield(), name=name)
    data = path.read_bytes()
    for end in (0, 1, 100, 347, 352, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        assert code(path) == "NIFTI-DAMAGED", end


def test_a_changed_byte_in_a_compressed_file_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, hounsfield())
    data = bytearray(path.read_bytes())
    data[len(data) - 6] ^= 1  # the checksum
    path.write_bytes(bytes(data))
    assert code(path) == "NIFTI-DAMAGED"


def test_sizes_beyond_the_file_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, hounsfield(), name="study.nii")
    data = bytearray(path.read_bytes())
    data[42:50] = np.array([30000, 30000, 30000, 3], "<i2").tobytes()
    path.write_bytes(bytes(data))
    assert code(path) == "NIFTI-DAMAGED"


def test_three_dimensions_are_refused(tmp_path: Path) -> None:
    assert code(put(tmp_path, hounsfield()[..., 0])) == "NIFTI-SHAPE"


def test_no_orientation_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, hounsfield())
    image = nibabel.load(path)
    image.header["sform_code"] = image.header["qform_code"] = 0
    bare = nibabel.Nifti1Image(np.asarray(image.dataobj), None, image.header)
    bare.header["sform_code"] = bare.header["qform_code"] = 0
    nibabel.save(bare, tmp_path / "study.nii.gz")
    assert code(path) == "NIFTI-GEOMETRY"


def test_orientations_that_disagree_are_flagged(tmp_path: Path) -> None:
    path = put(tmp_path, hounsfield())
    image = nibabel.Nifti1Image(hounsfield(), AFFINE)
    moved = AFFINE.copy()
    moved[0, 3] += 4
    image.set_qform(moved, code=1)
    image.set_sform(AFFINE, code=2)
    nibabel.save(image, path)
    assert assemble(path).flags == ("nifti-orientation-conflict",)


def test_metres_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, hounsfield())
    image = nibabel.Nifti1Image(hounsfield(), AFFINE)
    image.header.set_xyzt_units("meter", "sec")
    nibabel.save(image, path)
    assert code(path) == "NIFTI-UNITS"


def test_colours_are_refused(tmp_path: Path) -> None:
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert code(put(tmp_path, np.zeros((5, 4, 3, 3), kind))) == "NIFTI-TYPE"


def test_digest_follows_the_values(tmp_path: Path) -> None:
    data = hounsfield()
    one = assemble(put(tmp_path, data)).source["digest"]
    assert assemble(put(tmp_path, data, name="other.nii")).source["digest"] == one
    data[0, 0, 0, 0] += 1
    assert assemble(put(tmp_path, data)).source["digest"] != one
