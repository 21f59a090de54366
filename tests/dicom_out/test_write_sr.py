from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import replace

import highdicom
import pydicom
import pytest
from case_for_tests import case

from hepaflow.dicom import write_seg, write_sr
from hepaflow.domain.history import Rule


def groups(path) -> dict[str, object]:
    """Measurement groups by tracking identifier, as an independent reader finds them."""
    report = highdicom.sr.srread(path)
    return {group.tracking_identifier: group for group in report.content.get_volumetric_roi_measurement_groups()}


def code(item) -> str:
    return item.get("CodeValue") or item.get("LongCodeValue")


def numbers(group) -> dict[tuple[str, str | None, str | None], tuple[float, str]]:
    """(quantity, derivation, vessel) to (value, unit)."""
    found = {}
    for one in group.get_measurements():
        derivation = one.derivation.value if one.derivation is not None else None
        vessel = one.finding_sites[0].value.value if one.finding_sites else None
        key = (code(one[0].ConceptNameCodeSequence[0]), derivation, vessel)
        assert key not in found
        found[key] = (float(one.value), one.unit.value)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    study = case()
    return study, write_sr.write_sr(study, tmp_path_factory.mktemp("sr"))


def test_one_group_a_measured_region(written):
    assert set(groups(written[1])) == {"healthy", "lesion-1", "lesion-1 rim", "lesion-2"}


def test_values_read_back_equal(written):
    study, path = written
    found = groups(path)
    fit, sd, mean, median = "CURVE-FIT", "386136009", "373098007", "373099004"
    for name, measured in (("healthy", study.healthy), ("lesion-1 rim", study.lesions[0].regions["rim"])):
        got = numbers(found[name])
        for key, quantity, vessel in (("bf", "126390", None), ("habf", "126390", "76015000"), ("haf", "HAF", None)):
            unit = "1" if key == "haf" else "ml/(100.g)/min"
            for derivation, value in ((fit, "value"), (sd, "sd"), (mean, "map_mean"), (median, "map_median")):
                assert got[quantity, derivation, vessel] == (getattr(measured.parameters[key], value), unit)
        assert got["VOXELS", None, None] == (18.0, "1")
        assert got["R2", None, None] == (0.9875, "1")


def test_what_is_not_available_is_left_out(written):
    got = numbers(groups(written[1])["healthy"])
    assert not [key for key in got if key[0] == "113052"]  # mtt is NaN
    assert ("126390", "373098007", "32764006") not in got  # hpbf has no map mean
    assert all(math.isfinite(value) for value, _ in got.values())


def test_size_ratio_and_response_of_the_whole_lesion(written):
    study, path = written
    found = groups(path)
    got = numbers(found["lesion-1"])
    assert got["118565006", None, None] == (0.0504, "ml")
    assert got["103339001", None, None] == (3.64, "mm")
    assert got["R-BF", None, None] == (0.515625, "1")
    assert got["R-BF", "386136009", None] == (0.03, "1")
    assert not [key for key in got if key[0] == "R-MTT"]
    assert got["THRESHOLD", None, None] == (0.68, "1")
    assert got["P-MAJOR", None, None] == (0.9975, "1")
    ratio = next(
        m for m in found["lesion-1"].get_measurements() if code(m[0].ConceptNameCodeSequence[0]) == "R-BF" and not m.derivation
    )
    ends = {code(i.ConceptNameCodeSequence[0]): i.MeasuredValueSequence[0].FloatingPointValue for i in ratio[0].ContentSequence}
    low, high = study.lesions[0].ratio["bf"].ci95
    assert ends == {"371886008": high - 0.515625, "371885007": 0.515625 - low}


def said(group) -> list[tuple[str, str]]:
    return [(code(i[0].ConceptNameCodeSequence[0]), code(i[0].ConceptCodeSequence[0])) for i in group.get_qualitative_evaluations()]


def test_response_and_flags_are_coded(written):
    found = groups(written[1])
    assert ("nancy2019-bf-ratio", "MAJOR") in said(found["lesion-1"])
    assert ("REGION-PART", "WHOLE") in said(found["lesion-1"])
    assert said(found["lesion-1 rim"]) == [("REGION-PART", "RIM"), ("QUALITY-FLAG", "fit-poor")]
    assert ("nancy2019-bf-ratio", "NOT-RATED") in said(found["lesion-2"])
    assert said(found["lesion-2"]).count(("QUALITY-FLAG", "lesion-below-15-mm")) == 1
    assert said(found["healthy"]) == [("QUALITY-FLAG", "fit-poor")]


def of_study(path) -> list[tuple[str, str]]:
    """What the report says of the whole study."""
    found = [i for i in pydicom.dcmread(path).ContentSequence if code(i.ConceptNameCodeSequence[0]) == "C0034375"]
    return [(code(i.ConceptNameCodeSequence[0]), code(i.ConceptCodeSequence[0])) for c in found for i in c.ContentSequence]


def with_remarks(study, *, verdict="warn"):
    rules = (Rule("first-pass-interval", verdict, "5", "2", "why", "pourquoi"), Rule("dose", "pass", "5", "2", "why", "pourquoi"))
    return replace(study, flags=("liver-truncated", "region-frame-unverified"), protocol=rules)


def test_flags_and_protocol_of_the_whole_study(written, tmp_path):
    assert of_study(written[1]) == []
    path = write_sr.write_sr(with_remarks(written[0]), tmp_path)
    assert of_study(path) == [
        ("QUALITY-FLAG", "liver-truncated"),
        ("QUALITY-FLAG", "region-frame-unverified"),
        ("PROTOCOL-FIRST-PASS-INTERVAL", "WARN"),
        ("PROTOCOL-DOSE", "PASS"),
    ]
    assert set(groups(path)) == set(groups(written[1]))


def test_another_verdict_is_another_document(written, tmp_path):
    uids = {
        pydicom.dcmread(write_sr.write_sr(with_remarks(written[0], verdict=verdict), tmp_path)).SOPInstanceUID
        for verdict in ("warn", "fail", "warn")
    }
    assert len(uids) == 2


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_the_validator_takes_what_is_said_of_the_study(written, tmp_path):
    path = write_sr.write_sr(with_remarks(written[0]), tmp_path)
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert not [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def test_groups_are_bound_to_the_segments_of_the_segmentation(written, tmp_path):
    study, path = written
    seg = pydicom.dcmread(write_seg.write_seg(study, tmp_path))
    segments = {item.SegmentLabel: item for item in seg.SegmentSequence}
    sr = pydicom.dcmread(path)
    evidence = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.SeriesInstanceUID == seg.SeriesInstanceUID
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == seg.SOPInstanceUID
    assert sr.StudyInstanceUID == seg.StudyInstanceUID
    for name, group in groups(path).items():
        assert group.tracking_uid == segments[name].TrackingUID
        reference = next(item for item in group[0].ContentSequence if item.ValueType == "IMAGE").ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == seg.SOPInstanceUID
        assert reference.ReferencedSegmentNumber == segments[name].SegmentNumber


def test_other_numbers_are_another_document(tmp_path):
    study = case()
    first = pydicom.dcmread(write_sr.write_sr(study, tmp_path))
    other = replace(study, healthy=replace(study.healthy, r2=0.5))
    second = pydicom.dcmread(write_sr.write_sr(other, tmp_path))
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_a_case_without_lesions_is_still_a_report(tmp_path):
    study = case()
    path = write_sr.write_sr(replace(study, lesions=(), regions=replace(study.regions, lesions=())), tmp_path)
    assert set(groups(path)) == {"healthy"}
