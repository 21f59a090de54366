"""The report and its pictures as DICOM objects: the bytes that went in, and references to what they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from case_for_tests import case
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.dicom.write_capture import KeyImage, write_captures
from hepaflow.dicom.write_pdf import write_pdf
from hepaflow.errors import InputRefused

PDF = b"%PDF-1.4\nnothing much\n%%EOF"


def pictures(study):
    rng = np.random.default_rng(1)
    whole = study.lesions[0].lesion.shells["whole"].mask
    return [
        KeyImage(rng.integers(0, 255, (31, 45, 3), np.uint8)),
        KeyImage(rng.integers(0, 255, (20, 17, 3), np.uint8), whole, "Lésion 1, slice 4 of 6"),
    ]


@pytest.mark.parametrize("pdf", [PDF, PDF + b"\n"])
def test_the_pdf_comes_back(pdf, tmp_path):
    study = case()
    ds = pydicom.dcmread(write_pdf(study, pdf, tmp_path))
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == pdf
    assert (ds.PatientID, ds.StudyInstanceUID) == ("P-17", study.series.source["header"]["StudyInstanceUID"])
    assert (ds.BurnedInAnnotation, ds.ConceptNameCodeSequence[0].CodeValue) == ("NO", "126000")
    referred = [item.ReferencedSOPInstanceUID for item in ds.SourceInstanceSequence]
    assert referred == [image[1] for row in study.series.source["images"] for image in row]


def test_what_is_no_pdf_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="DOCUMENT-NOT-PDF"):
        write_pdf(case(), b"<html>", tmp_path)


@pytest.mark.parametrize("real", [True, False])
def test_pictures_come_back_and_say_what_they_show(real, tmp_path):
    study = case(real=real)
    made = pictures(study)
    first, second, keys = [pydicom.dcmread(path) for path in write_captures(study, made, tmp_path)]
    np.testing.assert_array_equal(first.pixel_array, made[0].pixels)
    np.testing.assert_array_equal(second.pixel_array, made[1].pixels)
    assert [len(first.SourceImageSequence), len(second.SourceImageSequence)] == [6, 2]
    assert ("ImageComments" in first, second.ImageComments) == (False, "Lésion 1, slice 4 of 6")
    assert {first.BurnedInAnnotation, second.BurnedInAnnotation} == {"NO"}
    referred = [i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in keys.ContentSequence if i.ValueType == "IMAGE"]
    assert referred == [first.SOPInstanceUID, second.SOPInstanceUID]
    assert keys.StudyInstanceUID == first.StudyInstanceUID


def test_other_words_are_another_instance(tmp_path):
    study = case()
    one, other = (replace(pictures(study)[1], comment=words) for words in ("one", "two"))
    uids = {
        pydicom.dcmread(write_captures(study, [image], tmp_path / image.comment)[0]).SOPInstanceUID for image in (one, other, one)
    }
    assert len(uids) == 2


def test_no_picture_is_no_object(tmp_path):
    assert write_captures(case(), [], tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.sampled_from(["uint8", "uint16", "float32"]))
def test_only_rgb_of_eight_bits_is_a_picture(shape, dtype):
    pixels = np.zeros(shape, dtype)
    if len(shape) == 3 and shape[2] == 3 and dtype == "uint8" and min(shape) > 0:
        assert KeyImage(pixels).pixels is pixels
    else:
        with pytest.raises(InputRefused, match="CAPTURE-PIXELS"):
            KeyImage(pixels)
