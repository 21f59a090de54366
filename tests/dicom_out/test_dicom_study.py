"""What all results share: one valid, self-consistent study that does not depend on the clock."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from case_for_tests import case

from hepaflow.dicom import origin, write_capture, write_corrected, write_map, write_pdf, write_seg, write_sr
from hepaflow.domain.history import Step

#: Warnings of dciodvfy that say nothing of a defect: its dictionary is older than the term, or the term is meant to be private.
BENIGN = (
    "Unrecognized defined term <QUANTITY>",  # in PS3.3 C.8.32.2 since 2014
    "Unrecognized defined term <99HEPAFLOW>",
    "Unrecognized defined term <2.25.",  # the UID of the private scheme
    "Unrecognized defined term <US> for value 1 of attribute <Rescale Type>",  # PS3.3 C.11.1.1.2: unspecified
)


ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def write(study, folder):
    paths = list(write_map.write_maps(study, folder))
    paths += [
        write_seg.write_seg(study, folder),
        write_sr.write_sr(study, folder),
        write_pdf.write_pdf(study, b"%PDF-1.7 x", folder),
    ]
    paths += write_capture.write_captures(study, [write_capture.KeyImage(np.full((5, 7, 3), 9, np.uint8))], folder)
    return paths


def write_all(study, folder):
    return [*write(study, folder), *write_corrected.write_corrected(study, folder)]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize(("kind", "real"), [("axial", True), ("oblique", False), ("feet-first", True)])
def test_independent_validator_finds_nothing(kind, real, tmp_path):
    paths = write_all(case(kind, real=real), tmp_path)
    first = [path for path in paths if path.parent == tmp_path or path.name == "0001.dcm"]
    for path in first:
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Warning"))]
        assert [line for line in lines if not any(term in line for term in BENIGN)] == []


@pytest.mark.parametrize("real", [True, False])
def test_the_same_case_gives_the_same_bytes(real, tmp_path):
    def digests(folder):
        return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.dcm")}

    write_all(case(real=real), tmp_path / "one")
    write_all(case(real=real), tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(digests(tmp_path / "one")) > 60


def test_reports_of_two_analyses_are_told_apart_by_their_description_and_maps_that_did_not_change_stay(tmp_path):
    def analysed(digest):
        return replace(case(), history=(Step("lesions", {}, "0", digest, "1", 0.0, 0.0),))

    def uids(folder):
        return {path.name: pydicom.dcmread(path).SOPInstanceUID for path in folder.glob("*.dcm")}

    for name, digest in (("one", "a"), ("two", "b"), ("again", "a")):
        write(analysed(digest), tmp_path / name)
    one, two = uids(tmp_path / "one"), uids(tmp_path / "two")
    reports = {"report.dcm", "report_pdf.dcm", "key_01.dcm", "key_images.dcm"}
    assert {name for name in one if one[name] != two[name]} == reports
    assert one == uids(tmp_path / "again")
    versions = [{pydicom.dcmread(tmp_path / name / file).SeriesDescription[-9:] for file in reports} for name in ("one", "two")]
    assert [len(found) for found in versions] == [1, 1]
    assert versions[0] != versions[1]


@pytest.mark.parametrize("real", [True, False])
def test_no_date_comes_from_the_clock(real, tmp_path):
    allowed = {"", "19500102", "20190402", "101112.5"} if real else {"", origin.NO_DATE, origin.NO_TIME}
    for path in write(case(real=real), tmp_path):
        values = {str(item.value or "") for item in pydicom.dcmread(path).iterall() if item.VR in {"DA", "TM", "DT"}}
        assert values <= allowed


def test_a_study_without_headers_is_anonymous_and_self_consistent(tmp_path):
    study = case(real=False)
    read = [pydicom.dcmread(path) for path in write_all(study, tmp_path)]
    assert len({ds.StudyInstanceUID for ds in read}) == 1
    assert len({ds.PatientID for ds in read}) == 1
    assert {ds.PatientIdentityRemoved for ds in read} == {"YES"}
    known = {ds.SOPInstanceUID for ds in read}
    series = {ds.SeriesInstanceUID for ds in read}
    for ds in read:
        referred = [item.value for item in ds.iterall() if item.keyword == "ReferencedSOPInstanceUID"]
        assert set(referred) <= known
        for item in ds.get("ReferencedSeriesSequence", ()):
            assert item.SeriesInstanceUID in series
    reference = sorted((tmp_path / "images_reference").iterdir())
    first = pydicom.dcmread(reference[0])
    assert len(reference) == 6
    assert (first.pixel_array == study.series.voxels[study.motion.reference, 0]).all()


def test_other_voxels_are_another_anonymous_study():
    study = case(real=False)
    voxels = study.series.voxels.copy()
    voxels[0, 0, 0, 0] += 1
    other = replace(study, series=replace(study.series, voxels=voxels))
    assert origin.origin_of(study).study_uid != origin.origin_of(other).study_uid


def test_odd_headers_are_kept_without_a_word(tmp_path, caplog):
    study = case()
    odd = {
        "PatientName": "SECRET NAME WITHOUT CARET",
        "PatientSex": "U",
        "StudyDate": "2019-04-02",
        "PatientID": "X" * 80,
        "StudyID": "",
    }
    study = replace(
        study, series=replace(study.series, source=study.series.source | {"header": study.series.source["header"] | odd})
    )
    path = write_seg.write_seg(study, tmp_path)
    assert re.search("SECRET|XXX", caplog.text) is None
    text = path.read_bytes()
    assert b"SECRET NAME WITHOUT CARET" in text


def test_results_of_multi_frame_images_refer_to_their_frames(tmp_path):
    study = case()
    whole = [[(ENHANCED_CT, "1.2.3.4", "1.2.3", 6 * n + k + 1) for k in range(6)] for n in range(4)]
    study = replace(study, series=replace(study.series, source=study.series.source | {"images": whole}))
    write(study, tmp_path)
    for name in ("pm_bf.dcm", "segmentation.dcm"):
        made = pydicom.dcmread(tmp_path / name)
        (series,) = made.ReferencedSeriesSequence
        assert [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence] == ["1.2.3.4"]
        for frame in made.PerFrameFunctionalGroupsSequence:
            source = frame.DerivationImageSequence[0].SourceImageSequence[0]
            assert (source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID) == (ENHANCED_CT, "1.2.3.4")
            height = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
            assert source.ReferencedFrameNumber == 6 * 2 + round((height - 250.5) / 3.0) + 1
    (image,) = pydicom.dcmread(tmp_path / "images_bf" / "0001.dcm").SourceImageSequence
    assert image.ReferencedFrameNumber in range(13, 19)


def test_pictures_corrected_images_and_document_refer_to_multi_frame_images_once(tmp_path):
    study = case()
    whole = [[(ENHANCED_CT, f"1.2.3.{n}", "1.2.3", k + 1) for k in range(6)] for n in range(4)]
    study = replace(study, series=replace(study.series, source=study.series.source | {"images": whole}))
    region = np.zeros(study.series.grid.shape, bool)
    region[1:3] = True
    picture, *_ = write_capture.write_captures(study, [write_capture.KeyImage(np.zeros((4, 4, 3), np.uint8), region)], tmp_path)
    (source,) = pydicom.dcmread(picture).SourceImageSequence
    assert (source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID) == (ENHANCED_CT, "1.2.3.2")
    assert list(source.ReferencedFrameNumber) == [2, 3]
    corrected = [pydicom.dcmread(path) for path in write_corrected.write_corrected(replace(study, aligned=study.series), tmp_path)]
    named = [
        (ds.SourceImageSequence[0].ReferencedSOPInstanceUID, ds.SourceImageSequence[0].ReferencedFrameNumber) for ds in corrected
    ]
    assert named == [(f"1.2.3.{n}", k + 1) for n in range(4) for k in range(6)]
    document = pydicom.dcmread(write_pdf.write_pdf(study, b"%PDF-1.4", tmp_path))
    assert [item.ReferencedSOPInstanceUID for item in document.SourceInstanceSequence] == [f"1.2.3.{n}" for n in range(4)]
