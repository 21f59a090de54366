"""One study from many files: content, place and order; what cannot be put together is refused by name."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from tiny_study import (
    AXIAL,
    COLUMNS,
    FEET_FIRST,
    OBLIQUE,
    PASSES,
    PRONE,
    ROWS,
    SLICES,
    SPACING,
    TIMES_S,
    Image,
    hounsfield,
    origin_of,
    pick,
    save,
    set_hu,
    tiny,
    write,
)

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.survey import survey
from hepaflow.errors import InputRefused


def refused(images: list[Image], folder: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        assemble(write(images, folder))
    return caught.value


def test_values_times_and_headers_arrive(tmp_path: Path) -> None:
    series = assemble(write(tiny(), tmp_path))
    assert series.voxels.dtype == np.int16
    np.testing.assert_array_equal(series.voxels, hounsfield())
    np.testing.assert_array_equal(series.times_s, TIMES_S)
    assert series.acquisition.time_source == "AcquisitionTime"
    assert series.acquisition.kvp == (80.0,) * PASSES
    assert series.acquisition.kernel == ("B20f",) * PASSES
    assert series.slice_times_s is None
    assert series.flags == ()
    assert series.source["header"]["PatientName"] == "Doe^Jane"
    assert series.source["images"][2][3] == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.0.2.3", "1.2.3.1.0", None)


@pytest.mark.parametrize("axes", [AXIAL, FEET_FIRST, PRONE, OBLIQUE], ids=["head-first", "feet-first", "prone", "oblique"])
def test_a_marked_voxel_lies_at_its_place_in_mm(axes: np.ndarray, tmp_path: Path) -> None:
    images = tiny(axes=axes)
    k, j, i = 3, 2, 17
    marked = hounsfield()[1, k]
    marked[j, i] = 3000
    set_hu(pick(images, 1, k)[0].ds, marked)
    series = assemble(write(images, tmp_path))
    found = np.argwhere(series.voxels == 3000)
    assert found.tolist() == [[1, k, j, i]]
    place = origin_of(k, axes) + j * SPACING[1] * axes[:, 1] + i * SPACING[2] * axes[:, 0]
    # positions are written with six decimals
    np.testing.assert_allclose(series.grid.to_mm(found[0, 1:]), place, atol=2e-6)
    normal = np.cross(series.grid.affine[:3, 2], series.grid.affine[:3, 1])
    assert normal @ series.grid.affine[:3, 0] > 0


def test_order_and_names_of_files_do_not_matter(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = tiny(times_s=TIMES_S[:3])
    first = assemble(write(images, tmp_path / "straight"))
    for number in range(12):
        again = assemble(write(images, tmp_path / str(number), order=generator.permutation(len(images))))
        assert again.source["digest"] == first.source["digest"]
        assert again.source["images"] == first.source["images"]
        np.testing.assert_array_equal(again.voxels, first.voxels)


def test_digest_follows_values_places_and_times(tmp_path: Path) -> None:
    digests = set()
    for number, change in enumerate(("nothing", "value", "place", "time")):
        images = tiny()
        if change == "value":
            changed = hounsfield()[0, 0]
            changed[0, 0] += 1
            set_hu(images[0].ds, changed)
        for image in images:
            if change == "place":
                image.ds.ImagePositionPatient[0] = float(image.ds.ImagePositionPatient[0]) + 1
            if change == "time" and image.p == 5:
                image.ds.AcquisitionTime = "102159"
        digests.add(assemble(write(images, tmp_path / str(number))).source["digest"])
    assert len(digests) == 4


def test_strangers_beside_the_series_are_left_aside(tmp_path: Path) -> None:
    images = tiny()
    folder = write(images, tmp_path)
    (folder / "README.txt").write_text("notes")
    (folder / "VERSION").write_bytes(b"\x00\x01\x02" * 100)
    (folder / "deep" / "er").mkdir(parents=True)
    scout = copy.deepcopy(images[0])
    scout.ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.ds.SeriesInstanceUID, scout.ds.SOPInstanceUID = "1.2.3.1.50", "1.2.3.1.50.1"
    scout.ds.Rows = 8
    scout.ds.PixelData = bytes(8 * COLUMNS * 2)
    save(scout, folder / "deep" / "er" / "scout")
    dose = copy.deepcopy(images[0])
    dose.ds.SOPClassUID, dose.ds.Modality = "1.2.840.10008.5.1.4.1.1.88.67", "SR"
    dose.ds.SeriesInstanceUID, dose.ds.SOPInstanceUID = "1.2.3.1.51", "1.2.3.1.51.1"
    del dose.ds.PixelData, dose.ds.ImagePositionPatient
    save(dose, folder / "dose.dcm")
    capture = copy.deepcopy(images[0])
    capture.ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    capture.ds.SeriesInstanceUID, capture.ds.SOPInstanceUID = "1.2.3.1.52", "1.2.3.1.52.1"
    save(capture, folder / "capture")
    for k in range(30):  # a diagnostic series of other geometry in the same frame of reference
        other = copy.deepcopy(images[0])
        other.ds.SeriesInstanceUID, other.ds.SOPInstanceUID = "1.2.3.1.53", f"1.2.3.1.53.{k}"
        other.ds.ImagePositionPatient = list(origin_of(k) + 0.4)
        other.ds.PixelSpacing = [0.5, 0.5]
        save(other, folder / f"thin{k}")
    for n in range(5):  # bolus monitoring: one slice over time
        spot = copy.deepcopy(images[0])
        spot.ds.SeriesInstanceUID, spot.ds.SOPInstanceUID = "1.2.3.1.54", f"1.2.3.1.54.{n}"
        spot.ds.AcquisitionTime = f"1020{n:02d}"
        save(spot, folder / f"spot{n}")
    series = assemble(folder)
    np.testing.assert_array_equal(series.voxels, hounsfield())
    assert series.flags == ()


@pytest.mark.parametrize(("lost", "code"), [(3, "SERIES-DERIVED-PASS"), (0, None), (5, None)])
@pytest.mark.parametrize("kind", [["DERIVED", "SECONDARY", "AXIAL"], ["DERIVED", "PRIMARY", "AXIAL", "MONO_40_KEV"]])
def test_no_pass_is_left_out_without_a_word(tmp_path: Path, lost: int, code: str | None, kind: list[str]) -> None:
    images = tiny()
    for image in images:
        if image.p == lost:
            image.ds.ImageType = kind
    found = survey(write(images, tmp_path / "study"))
    if code is not None:
        assert found.refusal is not None
        assert found.refusal.code == code
        return
    assert found.dynamic is not None
    assert found.dynamic.passes == len(TIMES_S) - 1
    assert "images-left-aside" in found.dynamic.flags
    assert [(one.role, one.why.partition(" ")[0]) for one in found.series] == [("dynamic", str(SLICES))]


def test_a_picture_without_a_place_in_the_series_is_counted(tmp_path: Path) -> None:
    images = tiny()
    picture = copy.deepcopy(images[0])
    picture.ds.SOPInstanceUID, picture.ds.ImageType = "1.2.3.77", ["DERIVED", "SECONDARY"]
    del picture.ds.ImagePositionPatient
    found = survey(write([*images, picture], tmp_path / "study"))
    assert found.dynamic is not None
    assert "images-left-aside" in found.dynamic.flags
    assert [one.why.partition(" ")[0] for one in found.series] == ["1"]
    assert "images-left-aside" not in assemble(write(images, tmp_path / "whole")).flags


def test_derived_images_are_used_only_where_there_are_no_others(tmp_path: Path) -> None:
    images = tiny()
    derived = copy.deepcopy(images)
    for image in derived:
        image.ds.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
        image.ds.SeriesInstanceUID, image.ds.SOPInstanceUID = "1.2.3.1.60", image.ds.SOPInstanceUID + ".60"
    assert "series-derived" in assemble(write(derived, tmp_path / "alone")).flags
    both = assemble(write(images + derived, tmp_path / "both"))
    assert both.flags == ()
    assert both.source["images"][0][0][2] == "1.2.3.1.0"


def test_two_studies_or_patients_are_refused(tmp_path: Path) -> None:
    assert refused(tiny() + tiny(seed=2), tmp_path / "a").code == "STUDY-MIXED"
    images = tiny()
    images[3].ds.PatientID = "other"
    assert refused(images, tmp_path / "b").code == "STUDY-MIXED"


def test_a_missing_slice_is_named_with_its_pass(tmp_path: Path) -> None:
    images = [image for image in tiny() if (image.p, image.k) != (2, 1)]
    error = refused(images, tmp_path / "time")
    assert error.code == "SERIES-MISSING-SLICE"
    assert "pass 3 of 6 lacks slice 2 of 4" in error.what
    for image in images:
        image.ds.AcquisitionNumber = image.p + 1
    error = refused(images, tmp_path / "number")
    assert error.code == "SERIES-MISSING-SLICE"
    assert "pass 3 of 6 lacks slice 2 of 4" in error.what


def test_an_outer_slice_missing_in_the_last_pass_is_named(tmp_path: Path) -> None:
    error = refused([image for image in tiny() if (image.p, image.k) != (5, 3)], tmp_path)
    assert error.code == "SERIES-MISSING-SLICE"
    assert "pass 6 of 6 lacks slice 4 of 4" in error.what


def test_a_slice_missing_in_every_pass_shows_as_uneven_spacing(tmp_path: Path) -> None:
    error = refused([image for image in tiny(slices=6) if image.k != 2], tmp_path)
    assert error.code == "SERIES-SPACING"
    assert "slices 2 and 3" in error.what


def test_copies_are_used_once_and_flagged(tmp_path: Path) -> None:
    images = tiny()
    same_file = copy.deepcopy(images[5])
    sent_again = copy.deepcopy(images[9])
    sent_again.ds.SOPInstanceUID = "1.2.3.1.77"
    series = assemble(write([*images, same_file, sent_again], tmp_path))
    np.testing.assert_array_equal(series.voxels, hounsfield())
    assert series.flags == ("duplicate-slices-ignored",)


@pytest.mark.parametrize("same_uid", [True, False])
def test_copies_that_contradict_are_refused(same_uid: bool, tmp_path: Path) -> None:
    images = tiny()
    twin = copy.deepcopy(images[5])
    set_hu(twin.ds, hounsfield()[4, 1])
    if not same_uid:
        twin.ds.SOPInstanceUID = "1.2.3.1.77"
    assert refused([*images, twin], tmp_path).code == "SERIES-DUPLICATE"


def test_uneven_spacing_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in pick(images, k=3):
        image.ds.ImagePositionPatient = list(origin_of(3) + 0.6 * OBLIQUE[:, 2])
    assert refused(images, tmp_path).code == "SERIES-SPACING"


def test_gantry_tilt_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.ImagePositionPatient = list(origin_of(image.k) + 0.5 * image.k * OBLIQUE[:, 1])
    assert refused(images, tmp_path).code == "GEOMETRY-SHEARED"


def test_orientation_that_is_none_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.ImageOrientationPatient = [1, 0, 0, 0.5, 0.5, 0]
    assert refused(images, tmp_path).code == "GEOMETRY-ORIENTATION"


def test_a_table_that_moves_sideways_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in pick(images, p=4):
        image.ds.ImagePositionPatient = list(origin_of(image.k) + 3.0 * OBLIQUE[:, 0])
    assert refused(images, tmp_path).code == "SERIES-GEOMETRY"


def test_another_matrix_in_one_pass_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in pick(images, p=4):
        image.ds.Rows = ROWS // 2
        image.ds.PixelData = bytes(ROWS // 2 * COLUMNS * 2)
    assert refused(images, tmp_path).code == "SERIES-MATRIX"


def test_another_spacing_in_one_pass_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in pick(images, p=4):
        image.ds.PixelSpacing = [1.0, 1.1]
    assert refused(images, tmp_path).code == "SERIES-GEOMETRY"


@pytest.mark.parametrize("whole_series", [True, False])
def test_another_frame_of_reference_is_refused(whole_series: bool, tmp_path: Path) -> None:
    images = tiny(series=(0, 0, 0, 1, 1, 1))
    for image in images:
        if (image.p >= 3) if whole_series else (image.p == 4):
            image.ds.FrameOfReferenceUID = "1.2.3.99"
    assert refused(images, tmp_path).code == "SERIES-FRAME"


def test_a_pass_of_its_own_series_in_another_frame_is_refused(tmp_path: Path) -> None:
    images = tiny(series=(0, 1, 2, 3, 4, 5))
    for image in pick(images, p=4):
        image.ds.FrameOfReferenceUID = "1.2.3.99"
    assert refused(images, tmp_path).code == "SERIES-FRAME"


def test_two_reconstructions_of_one_acquisition_are_refused(tmp_path: Path) -> None:
    images = tiny()
    second = copy.deepcopy(images)
    for image in second:
        image.ds.SeriesInstanceUID, image.ds.SOPInstanceUID = "1.2.3.1.60", image.ds.SOPInstanceUID + ".60"
        image.ds.ConvolutionKernel = "B40f"
    assert refused(images + second, tmp_path / "a").code == "SERIES-TIMES"
    for image in second:
        image.ds.PixelSpacing = [0.5, 0.5]
    assert refused(images + second, tmp_path / "b").code == "SERIES-GEOMETRY"


def test_a_study_without_passes_is_refused(tmp_path: Path) -> None:
    assert refused(tiny(times_s=(0.0,)), tmp_path / "one").code == "SERIES-NOT-DYNAMIC"
    (tmp_path / "none").mkdir()
    with pytest.raises(InputRefused, match="STUDY-EMPTY"):
        assemble(tmp_path / "none")
    (tmp_path / "none" / "note.txt").write_text("x")
    with pytest.raises(InputRefused, match="STUDY-EMPTY"):
        assemble(tmp_path / "none")
    with pytest.raises(InputRefused, match="SOURCE-MISSING"):
        assemble(tmp_path / "nowhere")


def test_other_modalities_are_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    assert refused(images, tmp_path).code == "STUDY-NO-CT"


def test_changing_tube_voltage_and_kernel_are_flagged(tmp_path: Path) -> None:
    images = tiny()
    for image in pick(images, p=5):
        image.ds.KVP, image.ds.ConvolutionKernel = "100", "B30f"
    series = assemble(write(images, tmp_path))
    assert series.flags == ("kvp-changes", "kernel-changes")
    assert series.acquisition.kvp[4:] == (80.0, 100.0)


def test_single_slice_study(tmp_path: Path) -> None:
    series = assemble(write(tiny(slices=1), tmp_path))
    assert series.voxels.shape == (PASSES, 1, ROWS, COLUMNS)
    # six decimals in the orientation
    np.testing.assert_allclose(series.grid.spacing_mm, SPACING, atol=1e-6)


def test_missing_frame_of_reference_is_flagged(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        del image.ds.FrameOfReferenceUID
    assert assemble(write(images, tmp_path)).flags == ("frame-of-reference-missing",)


def test_progress_reaches_its_totals(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    assemble(write(tiny(), tmp_path), progress=lambda *step: seen.append(step))
    assert ("scan", PASSES * SLICES, PASSES * SLICES) in seen
    assert seen[-1] == ("read", PASSES, PASSES)


CANARY = "CANARY"


@pytest.mark.parametrize(
    "fault", ["none", "missing", "duplicate", "times", "rescale", "position", "time-value", "cut", "number", "mixed"]
)
def test_no_message_holds_a_value_of_the_patient(fault: str, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        for keyword in ("PatientName", "PatientID", "AccessionNumber", "StudyID", "StudyDescription", "SeriesDescription"):
            setattr(image.ds, keyword, CANARY)
        for keyword in (
            "ReferringPhysicianName",
            "InstitutionName",
            "PatientComments",
            "ImageComments",
            "ProtocolName",
            "StationName",
        ):
            setattr(image.ds, keyword, CANARY)
    bad = images[7].ds
    if fault == "missing":
        images = images[:-1]
    elif fault == "duplicate":
        twin = copy.deepcopy(images[3])
        set_hu(twin.ds, hounsfield()[0, 0])
        images.append(twin)
    elif fault == "times":
        for image in images:
            image.ds.AcquisitionTime = "101010"
    elif fault == "mixed":
        bad.PatientID = CANARY + "2"
    else:
        broken = {
            "rescale": "RescaleSlope",
            "position": "ImagePositionPatient",
            "time-value": "AcquisitionTime",
            "number": "AcquisitionNumber",
        }
        if fault in broken:
            tag = tag_for_keyword(broken[fault])
            bad[tag] = DataElement(tag, "LO", CANARY)
    folder = write(images, tmp_path / CANARY)
    if fault == "cut":
        path = sorted(folder.rglob("0007"))[0]
        path.write_bytes(path.read_bytes()[:-10])
    if fault == "none":
        assert CANARY not in repr(assemble(folder).acquisition)
        return
    with pytest.raises(InputRefused) as caught:
        assemble(folder)
    assert CANARY not in str(caught.value)
    assert "1.2.3" not in str(caught.value)
    assert "\n" not in str(caught.value)
