"""A lesion keeps its tracking identifier across visits where a reader has said which lesion is which."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom_out"))
from case_for_tests import case, source

from hepaflow.dicom.write_ct import write_study
from hepaflow.dicom.write_seg import write_seg
from hepaflow.dicom.write_sr import write_sr
from hepaflow.domain.lesions import Tracked
from hepaflow.errors import InputRefused, UsageError
from hepaflow.store.case import Case
from hepaflow.workflow.earlier import Earlier, carry, read_earlier, same_patient
from hepaflow.workflow.one import analyze
from hepaflow.workflow.plan import Plan


def visit(study_uid, *, patient="P-17"):
    study = case()
    of_it = source(4)
    of_it["header"] = of_it["header"] | {"StudyInstanceUID": study_uid, "PatientID": patient}
    return replace(study, series=replace(study.series, source=of_it))


def written(study, folder):
    write_seg(study, folder / "dicom")
    write_sr(study, folder / "dicom")
    return folder


def tracked(folder):
    return {
        s.SegmentLabel: (s.TrackingID, s.TrackingUID)
        for s in pydicom.dcmread(folder / "dicom" / "segmentation.dcm").SegmentSequence
    }


def in_report(folder):
    found = set()
    for item in pydicom.dcmread(folder / "dicom" / "report.dcm").iterall():
        if item.keyword == "UID":
            found.add(item.value)
    return found


def links(path, **pairs):
    path.write_text(json.dumps({"schema": 1, "links": [{"first": a.replace("_", "-"), "second": b} for a, b in pairs.items()]}))
    return path


def test_three_visits_and_one_lesion_is_one_lesion(tmp_path):
    first = written(visit("1.2.1"), tmp_path / "first")
    # the second visit calls the first one's lesion-1 lesion-2; its own lesion-1 is new
    second = visit("1.2.2")
    earlier = read_earlier(links(tmp_path / "a.json", lesion_1="lesion-2"), first)
    second_folder = written(replace(second, tracking=carry(second, earlier)), tmp_path / "second")
    assert tracked(second_folder)["lesion-2"] == tracked(first)["lesion-1"]
    assert tracked(second_folder)["lesion-2"][1] in in_report(second_folder)
    assert tracked(second_folder)["lesion-1"][0] == "lesion-1 new"
    assert tracked(second_folder)["lesion-1 rim"][0] == "lesion-1 new rim"
    third = visit("1.2.3")
    earlier = read_earlier(links(tmp_path / "b.json", lesion_2="lesion-1"), second_folder)
    third_folder = written(replace(third, tracking=carry(third, earlier)), tmp_path / "third")
    assert tracked(third_folder)["lesion-1"] == tracked(first)["lesion-1"]
    # the second visit had no rim of it, and still it is the first one's
    assert tracked(third_folder)["lesion-1 rim"] == tracked(first)["lesion-1 rim"]
    assert tracked(third_folder)["lesion-2"][1] not in {uid for _, uid in tracked(first).values()}
    uids = [uid for _, uid in tracked(third_folder).values()]
    assert len(set(uids)) == len(uids)


def test_links_make_another_segmentation_and_no_other_region(tmp_path):
    first, plain = written(visit("1.2.1"), tmp_path / "first"), written(visit("1.2.2"), tmp_path / "plain")
    earlier = read_earlier(links(tmp_path / "a.json", lesion_1="lesion-1"), first)
    second = visit("1.2.2")
    linked = written(replace(second, tracking=carry(second, earlier)), tmp_path / "linked")
    uids = [pydicom.dcmread(folder / "dicom" / "segmentation.dcm").SOPInstanceUID for folder in (plain, linked)]
    assert uids[0] != uids[1]
    assert {label for label in tracked(plain) if tracked(plain)[label] != tracked(linked)[label]} == {
        label for label in tracked(plain) if label.startswith("lesion-1")
    }


def test_without_an_earlier_visit_nothing_is_read():
    assert read_earlier(None, None) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "IDENTITY-UNREADABLE"),
        ("[]", "IDENTITY-UNREADABLE"),
        ('{"links": 3}', "IDENTITY-UNREADABLE"),
        ('{"links": [{"first": "lesion-1"}]}', "IDENTITY-UNREADABLE"),
        ('{"links": [{"first": "lesion-1", "second": "a"}, {"first": "lesion-1", "second": "b"}]}', "IDENTITY-TWICE"),
        ('{"links": [{"first": "lesion-1", "second": "a"}, {"first": "lesion-2", "second": "a"}]}', "IDENTITY-TWICE"),
        ('{"links": [{"first": "lesion-9", "second": "lesion-1"}]}', "IDENTITY-UNKNOWN-LESION"),
    ],
)
def test_what_is_no_link_is_refused(text, code, tmp_path):
    first = written(visit("1.2.1"), tmp_path / "first")
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputRefused, match=code):
        read_earlier(tmp_path / "a.json", first)


def test_one_without_the_other_a_case_without_segmentation_and_another_patient_are_refused(tmp_path):
    first = written(visit("1.2.1"), tmp_path / "first")
    path = links(tmp_path / "a.json", lesion_1="lesion-1")
    for given_links, folder in ((path, None), (None, first)):
        with pytest.raises(UsageError, match="IDENTITY-INCOMPLETE"):
            read_earlier(given_links, folder)
    with pytest.raises(InputRefused, match="IDENTITY-NO-SEGMENTATION"):
        read_earlier(path, tmp_path)
    with pytest.raises(InputRefused, match="IDENTITY-OTHER-PATIENT") as refused:
        carry(visit("1.2.2", patient="SECRET"), read_earlier(path, first))
    assert "SECRET" not in str(refused.value)
    assert "P-17" not in str(refused.value)
    with pytest.raises(InputRefused, match="IDENTITY-UNKNOWN-LESION"):
        carry(visit("1.2.2"), read_earlier(links(tmp_path / "b.json", lesion_1="lesion-7"), first))


def test_another_patient_is_refused_before_any_step(tmp_path):
    write_study(case(real=False).series, tmp_path / "dicom", patient_id="P-18", patient_name="A^B", uid_seed="earlier")
    with pytest.raises(InputRefused, match="IDENTITY-OTHER-PATIENT"), Case(tmp_path / "case") as store:
        analyze(Plan(), tmp_path / "dicom", store, earlier=Earlier({}, {}, "P-17"))
    assert not list((tmp_path / "case").glob("steps/*"))


@pytest.mark.parametrize(("here", "there"), [("P-17", "P-17 "), ("", "P-17"), ("P-17", "")])
def test_the_same_or_an_unknown_patient_is_not_refused(here, there):
    same_patient(visit("1.2.2", patient=here).series, Earlier({}, {}, there))


NAMES = ("lesion-1", "lesion-2")
SECOND = visit("1.2.2")


@settings(max_examples=40, deadline=None)
@given(st.permutations(NAMES), st.integers(0, 2), st.text(st.sampled_from("lesion-12 new"), min_size=1, max_size=12))
def test_texts_and_uids_of_one_visit_are_never_shared(order, count, text):
    known = {"lesion-1": Tracked(text, "1.2.3.1"), "lesion-2": Tracked(f"{text}x", "1.2.3.2")}
    pairs = dict(list(zip(NAMES, order, strict=True))[:count])
    found = carry(SECOND, Earlier(pairs, known, "P-17"))
    for here, there in pairs.items():
        assert found[here] == known[there]
    wholes = [found.get(name, Tracked(name, name)) for name in NAMES]
    assert len({one.identifier for one in wholes}) == 2
    assert len({one.uid for one in found.values()}) == len(found)
