"""One object without its patient: the table row by row, what the table does not name, what must stay."""

from __future__ import annotations

import re
from datetime import date, timedelta
from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless
from tiny_study import save, tiny

from hepaflow.dicom.confidentiality import tables
from hepaflow.dicom.deidentify import Deidentified, LeftOutObject, deidentify, patient_of
from hepaflow.dicom.pseudonym import Secret, shifted_date
from hepaflow.errors import InputRefused

KEY = Secret(bytes(range(32)))
CANARY = "CANARY"
#: A canary of every kind of value that can hold one; as a date, a day that no test shifts to.
VALUES = {
    "DA": "19330303",
    "DT": "19330303121212.5",
    "TM": "031733.717171",
    "UI": "1.2.826.77",
    "AS": "077Y",
    "DS": "71.7171",
    "IS": "717171",
}
VALUES |= dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"), CANARY)
VALUES |= dict.fromkeys(("OB", "OW", "UN"), CANARY.encode())
KEEPS_TIME = "TM"


def image():
    ds = tiny()[0].ds
    ds.Manufacturer, ds.ManufacturerModelName = "SIEMENS", "SOMATOM Force"
    return ds


def data_of(ds, tmp_path, syntax="1.2.840.10008.1.2.1"):
    found = tiny()[0]
    found.ds, found.syntax = ds, syntax
    return save(found, tmp_path / "x").read_bytes()


def done(ds, tmp_path, *, key=KEY, syntax="1.2.840.10008.1.2.1", keep=False):
    result = deidentify(data_of(ds, tmp_path, syntax), key, keep_burned_in=keep)
    assert isinstance(result, Deidentified)
    return pydicom.dcmread(BytesIO(result.data)), result


def element_of(tag, vr):
    if vr != "SQ":
        return VALUES.get(vr, 7)  # numbers identify nobody; what is removed is removed whatever it holds
    item = Dataset()
    item.PatientName, item.StationName, item.ReferencedSOPInstanceUID = CANARY, CANARY, VALUES["UI"]
    return [item]


ROWS = sorted(tables().rules)


def test_the_table_is_the_one_of_the_standard_and_the_dictionary():
    assert len(ROWS) > 450
    for tag in ROWS:
        assert keyword_for_tag(tag)
    expected = {
        0x00100010: "Z",
        0x00080050: "Z",
        0x00081030: "X",
        0x00081070: "D",
        0x00080018: "U",
        0x00080022: "M",
        0x00181030: "D",
    }
    assert {tag: tables().rules[tag].action for tag in expected} == expected
    assert not tables().rules[0x00104000].clean or tables().rules[0x00104000].action == "X"


#: Attributes that carry the object itself, and so no canary.
STRUCTURE = {
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "BurnedInAnnotation"),
    *("ConversionType", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("DataSetTrailingPadding", "ImageType", "PhotometricInterpretation"),
}


@pytest.mark.parametrize("declared", [None, "UN", "OB", "LO", "UT"])
@pytest.mark.parametrize("nested", [False, True])
def test_no_attribute_of_the_dictionary_keeps_text(nested, declared, tmp_path):
    """Every text and bulk attribute there is, declared as what it is and as something else, holds a canary: none of it stays."""
    ds, place, count = image(), Dataset(), 0
    for tag, (kind, *_, keyword) in pydicom._dicom_dict.DicomDictionary.items():
        vr = kind.split(" or ")[-1]
        if tag >> 16 in (0, 2, 4, 0x7FE0, 0xFFFE) or not keyword or keyword in STRUCTURE or vr not in VALUES:
            continue
        value, vr = ("077Y", "LO") if vr == "AS" else (VALUES[vr], vr)
        if vr in ("DA", "DT", "TM", "UI", "DS", "IS") or (declared == "UN" and " or " in kind):
            continue
        value = value.encode() if isinstance(value, str) and declared in ("UN", "OB") else value
        value = value.decode() if isinstance(value, bytes) and declared in ("LO", "UT") else value
        place[tag] = pydicom.DataElement(tag, declared or vr, value, validation_mode=pydicom.config.IGNORE)
        count += 1
    assert count > 1200
    if nested:
        ds.PerFrameFunctionalGroupsSequence = [place]
    else:
        ds.update(place)
    raw = data_of(ds, tmp_path)
    assert raw.count(CANARY.encode()) > 1000
    result = deidentify(raw, KEY)
    assert isinstance(result, Deidentified)
    assert CANARY.encode() not in result.data
    assert b"077Y" not in result.data


@pytest.mark.parametrize("nested", [False, True])
def test_no_row_of_the_table_keeps_its_value(nested, tmp_path):
    ds, place = image(), Dataset()
    for tag in ROWS:
        vr = dictionary_VR(tag).split(" or ")[0]
        if keyword_for_tag(tag) not in ("SOPInstanceUID", "StudyInstanceUID", "DataSetTrailingPadding"):
            place.add_new(tag, vr, element_of(tag, vr))
    if nested:
        ds.SharedFunctionalGroupsSequence = [place]
    else:
        ds.update(place)
    raw = data_of(ds, tmp_path)
    assert raw.count(CANARY.encode()) > 200
    result = deidentify(raw, KEY)
    assert isinstance(result, Deidentified)
    kept = [value for vr, value in VALUES.items() if vr not in ("TM", "IS", "AS")]
    for value in kept:
        assert (value if isinstance(value, bytes) else value.encode()) not in result.data, value


@pytest.mark.parametrize("vr", ["LT", "ST", "UT", "PN", "UR", "AE", "DA", "DT", "UI", "SQ"])
def test_what_the_table_does_not_name_is_treated_by_its_kind(vr, tmp_path):
    tags = [
        tag for tag, row in pydicom._dicom_dict.DicomDictionary.items() if row[0] == vr and tag >> 16 >= 0x0008 and tag not in ROWS
    ]
    tags = [
        tag for tag in tags if (tag >> 24) not in (0x50, 0x60) and not keyword_for_tag(tag).endswith(("ClassUID", "SyntaxUID"))
    ][:150]
    tags = [tag for tag in tags if vr != "UI" or not keyword_for_tag(tag).endswith(("SchemeUID", "ContextUID", "ResourceUID"))]
    assert tags
    ds = image()
    for tag in tags:
        ds.add_new(tag, vr, element_of(tag, vr))
    _, result = done(ds, tmp_path)
    assert CANARY.encode() not in result.data
    assert b"19330303" not in result.data
    assert VALUES["UI"].encode() not in result.data


def test_unknown_attributes_overlays_curves_and_private_ones_go(tmp_path):
    ds = image()
    ds.add_new(0x00090010, "LO", CANARY)
    ds.add_new(0x00091001, "LO", CANARY)
    ds.add_new(0x60003000, "OW", CANARY.encode())
    ds.add_new(0x60004000, "LT", CANARY)
    ds.add_new(0x50003000, "OW", CANARY.encode())
    ds.add_new(0x00187FF0, "LO", CANARY)
    clean, result = done(ds, tmp_path)
    assert CANARY.encode() not in result.data
    assert not [e for e in clean if e.tag.is_private or 0x5000 <= e.tag.group < 0x7000]


def test_safe_private_attributes_stay_when_they_hold_what_is_listed(tmp_path):
    ds = image()
    block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x23, "DS", "55.0")
    block.add_new(0x24, "DS", "1.5")
    block.add_new(0x99, "LO", CANARY)
    ds.private_block(0x01F1, "ELSCINT1", create=True).add_new(0x01, "CS", "HELICAL")
    ds.private_block(0x01E1, "ELSCINT1", create=True).add_new(0x21, "ST", "CANARY DOE")
    parameters = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x27, "UN", b"CANARY 4711")
    ds.private_block(0x0025, "GEMS_SERS_01", create=True).add_new(0x07, "SL", 24)
    raw = data_of(ds, tmp_path)
    result = deidentify(raw, KEY)
    assert isinstance(result, Deidentified)
    clean = pydicom.dcmread(BytesIO(result.data))
    assert float(clean.private_block(0x0019, "GEMS_ACQU_01")[0x23].value) == 55.0
    assert [hex(e.tag) for e in clean if e.tag.is_private] == ["0x190010", "0x191023", "0x191024", "0x250010", "0x251007"]
    assert b"anary" not in result.data.lower()


def test_what_was_done_is_said(tmp_path):
    clean, result = done(image(), tmp_path)
    assert clean.PatientName == clean.PatientID == result.pseudonym
    assert re.fullmatch("HF-[A-Z2-7]{12}", result.pseudonym)
    assert (clean.PatientIdentityRemoved, clean.LongitudinalTemporalInformationModified) == ("YES", "MODIFIED")
    assert [c.CodeValue for c in clean.DeidentificationMethodCodeSequence] == ["113100", "113105", "113107", "113111"]
    assert clean.file_meta.MediaStorageSOPInstanceUID == clean.SOPInstanceUID


def test_pixels_and_geometry_stay(tmp_path):
    before, (after, _) = image(), done(image(), tmp_path)
    for keyword in (
        "PixelData",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleIntercept",
        "AcquisitionTime",
        "KVP",
    ):
        assert after[keyword].value == before[keyword].value


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless])
def test_every_transfer_syntax_stays_what_it_is(syntax, tmp_path):
    ds = image()
    pixels = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
    if syntax == RLELossless:
        save(tiny()[0], tmp_path / "plain")
        ds = pydicom.dcmread(tmp_path / "plain")
        ds.compress(RLELossless, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian:
        ds.PixelData = pixels.astype(">u2").tobytes()
    clean, result = done(ds, tmp_path, syntax=syntax)
    assert clean.file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(clean.pixel_array, pixels)
    assert b"Doe" not in result.data


def test_the_same_input_and_key_give_the_same_bytes_and_another_key_another_patient(tmp_path):
    (_, one), (_, two) = done(image(), tmp_path), done(image(), tmp_path)
    _, other = done(image(), tmp_path, key=Secret(bytes(32)))
    assert one == two
    assert one.pseudonym != other.pseudonym
    assert not set(one.uids) & set(other.uids)


def test_a_patient_is_one_in_every_study_and_two_issuers_are_two(tmp_path):
    def pseudonym(**values):
        ds = image()
        for key, value in values.items():
            setattr(ds, key, value)
        return done(ds, tmp_path)[1].pseudonym

    first = pseudonym()
    assert KEY.pseudonym(patient_of("P1", issuer="")) == first
    assert pseudonym(StudyInstanceUID="1.2.9", PatientName="D^J", PatientID=" P1 ") == first
    assert len({first, pseudonym(IssuerOfPatientID="A"), pseudonym(PatientID="P2"), pseudonym(PatientID="")}) == 4
    # without an ID a study stands for itself
    assert pseudonym(PatientID="") != pseudonym(PatientID="", StudyInstanceUID="1.2.9")


def test_uids_that_agree_still_agree_and_registered_ones_stay(tmp_path):
    ds = image()
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.SourceImageSequence = [item]
    clean, _ = done(ds, tmp_path)
    assert clean.SourceImageSequence[0].ReferencedSOPInstanceUID == clean.SOPInstanceUID != ds.SOPInstanceUID
    assert clean.SourceImageSequence[0].ReferencedSOPClassUID == ds.SOPClassUID
    assert clean.FrameOfReferenceUID == done(ds, tmp_path)[0].FrameOfReferenceUID
    for uid in (clean.SOPInstanceUID, clean.StudyInstanceUID, clean.SeriesInstanceUID):
        assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Liver Perfusion 1", "Liver Perfusion"),
        ("Blood flow [mL/min/100 g], research", "Blood flow [mL/min/100 g], research"),
        ("LIVER PERFUSION DOE", "LIVER PERFUSION"),
        ("arterial 1.5 mm", "arterial 1.5 mm"),
        ("Liver 80kV, 2,5mm 400 mg/ml", "Liver 80kV, 2,5mm 400 mg/ml"),
        ("Liver 14.03.24 perfusion", "Liver perfusion"),
        ("post 3-14-24 s", "post"),
        ("Liver 24-03-14 10:21:18", "Liver"),
        ("liver 14. 03. 24 mm", "liver mm"),
        ("liver Smith 5 s", "liver 5 s"),
        ("liver 19 50 01 01", "liver"),
        ("liver 47 11 22 8", "liver"),
        ("Jane", ""),
        ("Mr. 12 Smith 7, liver", "liver"),
        ("liver 19500101", "liver"),
        ("phase Core", "phase Core"),
        ("foie du patient", ""),
    ],
)
def test_descriptors_keep_safe_words_only(text, kept, tmp_path):
    ds = image()
    ds.SeriesDescription, ds.ProtocolName = text, text
    clean, _ = done(ds, tmp_path)
    assert clean.get("SeriesDescription", "") == kept
    assert clean.ProtocolName == (kept or "REMOVED")


def test_a_safe_word_that_is_the_patients_name_is_not_safe(tmp_path):
    ds = image()
    ds.PatientName, ds.SeriesDescription = "Core^Native", "native liver core"
    assert done(ds, tmp_path)[0].SeriesDescription == "liver"


def test_technical_text_that_repeats_the_name_is_emptied(tmp_path):
    ds = image()
    ds.Manufacturer, ds.ConvolutionKernel, ds.RescaleType = "Siemens DOE", "B20f", "HU P1"
    clean, result = done(ds, tmp_path)
    # an empty rescale type would mean HU, and be read as such
    assert (clean.Manufacturer, clean.ConvolutionKernel, clean.RescaleType) == ("", "B20f", "REMOVED")
    assert result.emptied == 2


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(codec="ascii", exclude_characters="\\\x00\x1b"), max_size=60))
def test_no_word_but_a_safe_one_is_ever_kept(text, tmp_path_factory):
    ds = image()
    ds.SeriesDescription = text
    found = done(ds, tmp_path_factory.mktemp("x"))[0].get("SeriesDescription", "") or ""
    bare = re.sub(r"\d{1,3}([.,]\d{1,2})? ?(cm|hu|kvp?|ma|mas|mgi?|ml|mm|ms|s|sec|seconds)\b", "", found, flags=re.IGNORECASE)
    assert {w.lower() for w in re.findall(r"[^\W_]+", bare)} <= tables().words


@pytest.mark.parametrize("name", ["Wu^Li", "Doe^Jane", "Yamada^Taro=\u5c71\u7530^\u592a\u90ce"])
@pytest.mark.parametrize(
    "keyword", ["ConvolutionKernel", "ManufacturerModelName", "BodyPartExamined", "RescaleType", "ContrastBolusRoute"]
)
def test_no_kept_attribute_holds_the_patients_name_or_number(keyword, name, tmp_path):
    for text in (
        name.replace("^", ""),
        name.replace("^", " ") + " B20f",
        "JaneDoe_B20",
        "471122",
        "B20f 47-11-22",
        "B20f 14.03.2024",
    ):
        ds = image()
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.PatientName, ds.PatientID = name, "47-11-22"
        ds[keyword] = pydicom.DataElement(keyword, "LO", text[:16], validation_mode=pydicom.config.IGNORE)
        clean, result = done(ds, tmp_path)
        assert clean.get(keyword) in ("", None, "REMOVED")
        assert result.emptied == 1


def test_a_name_that_is_a_word_of_the_list_goes_from_code_strings_but_not_what_says_how_pixels_lie(tmp_path):
    ds = image()
    ds.PatientName, ds.BodyPartExamined, ds.PatientPosition, ds.ScanOptions = (
        "Liver^Hfs",
        "LIVER",
        "HFS",
        ["HELICAL MODE", "CANARY"],
    )
    clean, result = done(ds, tmp_path)
    assert (clean.BodyPartExamined, clean.PatientPosition, list(clean.ScanOptions)) == (
        "REMOVED",
        "HFS",
        ["HELICAL MODE", "REMOVED"],
    )
    assert result.emptied == 2


def test_whole_numbers_that_are_the_patients_go_and_others_stay(tmp_path):
    ds = image()
    ds.PatientID, ds.InstanceNumber, ds.SeriesNumber = "0047-1122", "471122", "4711"
    ds.DataCollectionDiameter, ds.AcquisitionNumber = "20240314", "3"
    clean, result = done(ds, tmp_path)
    assert (clean.InstanceNumber, clean.DataCollectionDiameter) == (None, None)
    assert (clean.SeriesNumber, clean.AcquisitionNumber, result.emptied) == (4711, 3, 2)


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        (("10200004", "SCT", "CANARY ward 3"), ("10200004", "SCT", "Liver")),
        (("T-62000", "SRT", "Liver"), ("T-62000", "SRT", "Liver")),
        (("REGION-PART", "99HEPAFLOW", "CANARY"), ("REGION-PART", "99HEPAFLOW", "Part of the lesion")),
        (("CANARY", "99HOSP", "CANARY ward 3"), ("REMOVED", "99REMOVED", "REMOVED")),
        (("471122", "SCT", "Liver"), ("REMOVED", "99REMOVED", "REMOVED")),
    ],
)
def test_codes_are_those_of_public_dictionaries(code, kept, tmp_path):
    ds, item = image(), Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    item.CodingSchemeVersion, item.ContextIdentifier, item.MappingResourceName = CANARY, "CANARY", CANARY
    ds.AnatomicRegionSequence = [item]
    clean, result = done(ds, tmp_path)
    found = clean.AnatomicRegionSequence[0]
    assert (found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning) == kept
    assert CANARY.encode() not in result.data
    assert result.emptied == (kept[0] == "REMOVED")


def test_the_dictionarys_kind_of_value_stands_over_the_declared_one(tmp_path):
    ds = image()
    time = str(ds.AcquisitionTime)
    ds["AcquisitionTime"] = pydicom.DataElement("AcquisitionTime", "LO", time)
    ds["PatientID"] = pydicom.DataElement("PatientID", "OB", b"P1")
    ds["StudyDate"] = pydicom.DataElement("StudyDate", "SH", "20240314")
    clean, result = done(ds, tmp_path)
    assert (clean.AcquisitionTime, clean["AcquisitionTime"].VR) == (time, "TM")
    assert result.pseudonym == done(image(), tmp_path)[1].pseudonym
    assert clean.StudyDate == done(image(), tmp_path)[0].StudyDate


@pytest.mark.parametrize("scheme", ["CodingSchemeUID", "ContextUID", "MappingResourceUID"])
def test_uids_of_kinds_stay_only_where_the_standard_gives_them_out(scheme, tmp_path):
    for uid, stays in (("1.2.840.10008.2.6.1", True), ("1.2.276.0.4711", False), ("1.2.840.10008.20240314", False)):
        ds, item = image(), Dataset()
        setattr(item, scheme, uid)
        ds.CodingSchemeIdentificationSequence = [item]
        assert (done(ds, tmp_path)[0].CodingSchemeIdentificationSequence[0][scheme].value == uid) == stays


@pytest.mark.parametrize(
    ("changes", "why", "back"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary-capture", True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"}, "secondary-capture", True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "ultrasound", True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"}, "ultrasound", True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"}, "photography-or-video", True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67"}, "structured-report", False),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "encapsulated-document", False),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1"}, "presentation-state", False),
        ({"BurnedInAnnotation": "YES"}, "burned-in-annotation", True),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "picture-of-text", True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "DOSE_INFO"]}, "picture-of-text", True),
        ({"ConversionType": "WSD"}, "picture-of-text", True),
    ],
)
def test_pictures_and_documents_of_text_are_left_out(changes, why, back, tmp_path):
    ds = image()
    for key, value in changes.items():
        setattr(ds, key, value)
    data = data_of(ds, tmp_path)
    assert deidentify(data, KEY) == LeftOutObject(why)
    kept = deidentify(data, KEY, keep_burned_in=True)
    assert isinstance(kept, Deidentified if back else LeftOutObject)


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.30", "1.2.840.10008.5.1.4.1.1.2.1"])
def test_other_kinds_pass(sop_class, tmp_path):
    ds = image()
    ds.SOPClassUID, ds.BurnedInAnnotation = sop_class, "NO"
    assert isinstance(deidentify(data_of(ds, tmp_path), KEY), Deidentified)


def test_text_in_an_unknown_or_a_wrong_character_set_is_refused(tmp_path):
    ds = image()
    ds.PatientID = "Maker"
    latin = data_of(ds, tmp_path).replace(b"Maker", b"M\xff\xfeer")
    ds.SpecificCharacterSet = "ISO_IR 192"
    utf8 = data_of(ds, tmp_path)
    for wrong in (utf8.replace(b"ISO_IR 192", b"ISO_IR 999"), utf8.replace(b"Maker", b"M\xff\xfeer")):
        with pytest.raises(InputRefused, match="FILE-CHARSET"):
            deidentify(wrong, KEY)
    assert isinstance(deidentify(latin, KEY), Deidentified)  # any byte is a letter of the default set


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID"])
def test_an_object_without_its_uids_is_refused(keyword, tmp_path):
    data = data_of(image(), tmp_path)
    ds = pydicom.dcmread(BytesIO(data))
    del ds[keyword]
    out = BytesIO()
    ds.save_as(out)
    with pytest.raises(InputRefused, match="FILE-TRUNCATED"):
        deidentify(out.getvalue(), KEY)


def test_a_value_that_cannot_be_read_is_refused_without_it(tmp_path):
    data = data_of(image(), tmp_path).replace(b"DS\x04\x002.5 ", b"DS\x04\x00MUEL")
    with pytest.raises(InputRefused, match="FILE-DAMAGED") as refused:
        deidentify(data, KEY)
    assert "MUEL" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "emptied"),
    [("20240314", 0), ("2024.03.14", 0), ("20241399", 1), ("CANARY", 1), ("00010101", 1), ("", 0)],
)
def test_dates_that_are_none_are_emptied_and_counted(value, emptied, tmp_path):
    data = data_of(image(), tmp_path)
    ds = pydicom.dcmread(BytesIO(data))
    ds["StudyDate"] = pydicom.DataElement(0x00080020, "DA", value, validation_mode=pydicom.config.IGNORE)
    out = BytesIO()
    ds.save_as(out)
    result = deidentify(out.getvalue(), KEY)
    assert isinstance(result, Deidentified)
    assert result.emptied == emptied
    found = pydicom.dcmread(BytesIO(result.data)).StudyDate
    assert bool(found) == (not emptied and bool(value))
    assert value != found or not value


@settings(max_examples=200, deadline=None)
@given(st.dates(min_value=date(1900, 1, 1)), st.integers(0, 40000), st.text(max_size=40))
def test_intervals_stay_and_every_date_moves(day, apart, patient):
    shift = KEY.shift_days(patient)
    assert 365 <= shift <= 3650
    try:
        later = day + timedelta(days=apart)
    except OverflowError:
        return
    one, two = (shifted_date(d.strftime("%Y%m%d"), shift) for d in (day, later))
    read = [date(int(t[:4]), int(t[4:6]), int(t[6:])) for t in (one, two)]
    assert (read[1] - read[0]).days == apart
    assert (day - read[0]).days == shift


@settings(max_examples=200)
@given(st.text(max_size=20))
def test_what_is_no_date_is_empty(text):
    found = shifted_date(text, 400)
    assert found == "" or re.fullmatch(r"\s*(\d{8}|\d{4}\.\d{2}\.\d{2})\s*", text)


@settings(max_examples=100)
@given(st.text(max_size=30), st.text(max_size=30))
def test_pseudonyms_and_uids_tell_apart_what_is_apart(one, two):
    assert (KEY.pseudonym(one) == KEY.pseudonym(two)) == (one == two)
    assert (KEY.uid(one) == KEY.uid(two)) == (one == two)
    assert len(KEY.uid(one)) <= 64


def test_a_short_key_is_refused():
    with pytest.raises(InputRefused, match="KEY-UNREADABLE"):
        Secret(b"short")


def test_a_character_set_of_an_item_and_a_private_transfer_syntax_say_nothing(tmp_path):
    ds, item = image(), Dataset()
    item.SpecificCharacterSet, item.BodyPartExamined = "ISO_IR 144", "LIVER"
    ds.PixelMeasuresSequence = [item]
    result = deidentify(data_of(ds, tmp_path).replace(b"ISO_IR 144", b"CANARY4711"), KEY)
    assert isinstance(result, Deidentified)
    assert CANARY.encode() not in result.data
    clean = pydicom.dcmread(BytesIO(result.data))
    assert clean.PixelMeasuresSequence[0].BodyPartExamined == "LIVER"
    raw = data_of(image(), tmp_path)
    with pytest.raises(InputRefused, match="FILE-SYNTAX"):
        deidentify(raw.replace(b"1.2.840.10008.1.2.1\0", b"1.2.826.4711223.1.1\0"), KEY)
