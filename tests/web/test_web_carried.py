"""Links of lesions that were made after the analysis: said until the DICOM results hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from analysed_for_tests import add_study, draw
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage
from room_for_tests import opened

from hepaflow.web.places import StudyPlace
from hepaflow.web.region_state import Identity
from hepaflow.web.room import Room

MASK = np.ones((2, 3, 4), bool)


def segmented(place: StudyPlace, uids: dict[str, str]) -> None:
    """A segmentation as far as its tracking identifiers."""
    whole = Dataset()
    whole.SOPClassUID, whole.SOPInstanceUID = SegmentationStorage, "1.2.3"
    whole.SegmentSequence = []
    for name, uid in uids.items():
        one = Dataset()
        one.SegmentLabel, one.TrackingID, one.TrackingUID = name, name, uid
        whole.SegmentSequence.append(one)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SegmentationStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole.file_meta = meta
    (place.case / "dicom").mkdir(parents=True, exist_ok=True)
    dcmwrite(place.case / "dicom" / "segmentation.dcm", whole, enforce_file_format=True)


def left_out(client: Any, place: StudyPlace) -> list[str]:
    found: list[str] = client.get(f"/api/studies/{place.folder.name}/sign").json()["links_left_out"]
    return found


def visit(room: Room, date: str, same: dict[str, Identity]) -> StudyPlace:
    place = add_study(room, patient_key="c" * 16, date=date)
    for name in ("lesion-1", "lesion-2"):
        draw(room, place, name, MASK, identity=same.get(name))
    return place


def test_a_link_is_left_out_until_both_visits_name_one_lesion(tmp_path: Path) -> None:
    with opened(tmp_path) as (client, room):
        first = visit(room, "2026-01-01", {})
        study = first.folder.name
        second = visit(room, "2026-03-01", {"lesion-1": Identity(study, "lesion-2"), "lesion-2": Identity(study, "lesion-1")})
        assert left_out(client, second) == []  # nothing analysed: no results that could lack a link
        segmented(second, {"lesion-1": "1.2.31", "lesion-2": "1.2.32"})
        assert left_out(client, second) == ["lesion-1", "lesion-2"]
        segmented(first, {"lesion-1": "1.2.11", "lesion-2": "1.2.12"})
        assert left_out(client, second) == ["lesion-1", "lesion-2"]
        segmented(second, {"lesion-1": "1.2.12", "lesion-2": "1.2.32"})
        assert left_out(client, second) == ["lesion-2"]
        segmented(second, {"lesion-1": "1.2.12", "lesion-2": "1.2.11"})
        assert left_out(client, second) == []
        assert left_out(client, first) == []
