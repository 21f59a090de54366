"""Regions sent as files: what is in a .zip of them, and what is refused of it. No path of the server is ever asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from regions_for_tests import ZIP, disc, drawing, post, put, send, voxels
from room_for_tests import brought_in
from shown_study import SHAPE, acquired
from test_read_regions import FRAME, LESION, box, rtstruct, seg
from test_web_upload import HOSTILE
from tiny_study import tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.read_regions import read_regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.web import import_regions, regions_log
from hepaflow.web.drawn import flags_of
from hepaflow.web.room import Room
from hepaflow.workflow import one

NAMES = json.dumps({"labels": {"1": "aorta", "2": "lesion-1"}}).encode()


@pytest.fixture(scope="module")
def opened_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Room]]:
    with drawing(tmp_path_factory.mktemp("room") / "data", acquired()) as (client, room, _):
        yield client, room


@pytest.fixture
def at(opened_room: tuple[Any, Room]) -> str:
    """A study of its own for every test."""
    return f"/api/studies/{put(opened_room[1], acquired())}/regions"


@pytest.fixture(scope="module")
def drawn(opened_room: tuple[Any, Room]) -> tuple[str, bytes, bytes]:
    """Another study's regions: where they are drawn, and the label map and JSON that an analysis is given of them."""
    client, room = opened_room
    other = put(room, acquired())
    post(client, f"/api/studies/{other}/regions/lesion-1", 0, **disc(2))
    post(client, f"/api/studies/{other}/regions/aorta", 0, **disc(3))
    path = regions_log.write_drawn(room, other)
    assert path is not None
    return f"/api/studies/{other}/regions", path.read_bytes(), (path.parent / "rois.json").read_bytes()


def label_map(values: np.ndarray) -> bytes:
    """Labels (slices, rows, columns) where the study's images are."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ acquired().grid.affine[:, [2, 1, 0, 3]]  # of LPS to RAS
    image = nibabel.Nifti1Image(values.T, affine)
    image.header.set_xyzt_units("mm")
    return bytes(image.to_bytes())


def test_a_set_is_brought_in_and_its_undo_brings_back_what_it_replaced(
    opened_room: tuple[Any, Room], at: str, drawn: tuple[str, bytes, bytes]
) -> None:
    client, room = opened_room
    there, labels, names = drawn
    mine = post(client, f"{at}/lesion-1", 0, **disc())
    # named as somebody else names files, packed as macOS packs them
    members = {"Mrs X/regions of Mrs X.nii.gz": labels, "Mrs X/names.json": names, "__MACOSX/._names.json": b"\0\5\x16\7ATTR"}
    answer = send(client, at, members).json()
    assert {one["name"]: (one["version"], one["origin"]) for one in answer["regions"]} == {
        "aorta": (1, "given"),
        "lesion-1": (2, "given"),
    }
    assert (voxels(client, f"{at}/aorta", SHAPE) == voxels(client, f"{there}/aorta", SHAPE)).all()
    back = client.post(f"{at}/undo", json={"cursor": answer["cursor"]}).json()["regions"]
    assert {one["name"]: one["deleted"] for one in back} == {"aorta": True, "lesion-1": False}
    assert next(one for one in back if one["name"] == "lesion-1")["voxels"] == mine["voxels"]
    assert not list((room.data / "incoming").iterdir())


def test_a_path_of_the_server_is_not_taken(opened_room: tuple[Any, Room], at: str) -> None:
    answer = opened_room[0].post(f"{at}/import", json={"path": "/etc/hostname"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "GUARD-TYPE")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(opened_room: tuple[Any, Room], at: str, kind: str) -> None:
    client, room = opened_room
    answer = client.post(f"{at}/import", content=HOSTILE[kind], headers=ZIP)
    assert answer.status_code == 422
    assert "script" not in answer.text
    assert client.get(at).json()["regions"] == []
    assert not list((room.data / "incoming").iterdir())


SECRET = b"root:x:0:0:/root"
MANY = json.dumps({"labels": {str(n): f"lesion-{n}" for n in range(1, 400)}}).encode()


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"a.nii": SECRET, "a.json": NAMES}, "NIFTI-DAMAGED"),
        ({"a.nii.gz": SECRET, "a.json": NAMES}, "NIFTI-DAMAGED"),
        ({"a.nii": label_map(np.ones((2, 2, 2), np.uint8))}, "SIDECAR-MISSING"),
        ({"a.nii": label_map(np.ones((2, 2, 2), np.uint8)), "a.json": SECRET}, "SIDECAR-INVALID"),
        ({"a.nii": label_map(np.ones((2, 2, 2), np.uint8)), "a.json": b'{"labels": {"1": "root"}}'}, "REGIONS-UNKNOWN"),
        ({"a.nii": b"", "b.nii": b"", "a.json": NAMES}, "REGIONS-AMBIGUOUS"),
        ({"a.nii": b"", "a.json": NAMES, "b.json": NAMES}, "REGIONS-AMBIGUOUS"),
        ({"a.dcm": SECRET}, "FILE-NOT-DICOM"),
        # every number of it is a region: a full-size study would take a mask for each
        ({"a.nii": label_map(np.arange(400, dtype=np.int16).reshape(4, 10, 10)), "a.json": MANY}, "REGIONS-TOO-MANY"),
    ],
)
def test_what_is_no_set_of_regions_is_refused_and_not_repeated(
    opened_room: tuple[Any, Room], at: str, members: dict[str, bytes], code: str
) -> None:
    client, room = opened_room
    answer = send(client, at, members)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert "root" not in answer.text
    assert not list((room.data / "incoming").iterdir())


def test_an_archive_that_unpacks_to_more_than_regions_is_refused(
    opened_room: tuple[Any, Room], at: str, monkeypatch: pytest.MonkeyPatch, drawn: tuple[str, bytes, bytes]
) -> None:
    monkeypatch.setattr(import_regions, "MOST_BYTES", len(drawn[1]) + len(drawn[2]) - 1)
    answer = send(opened_room[0], at, {"rois.nii.gz": drawn[1], "rois.json": drawn[2]})
    assert answer.json()["error"]["code"] == "REGIONS-TOO-LARGE"


def test_a_signed_study_takes_no_file(opened_room: tuple[Any, Room], drawn: tuple[str, bytes, bytes]) -> None:
    client, room = opened_room
    study = put(room, acquired())
    with room.tables.begin() as connection:
        connection.exec_driver_sql("update studies set signed = '{}' where id = ?", (study,))
    answer = send(client, f"/api/studies/{study}/regions", {"rois.nii.gz": drawn[1], "rois.json": drawn[2]})
    assert answer.json()["error"]["code"] == "CASE-SIGNED"


# ---- on which images regions were drawn ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def imported(opened_room: tuple[Any, Room], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, DynamicSeries]:
    """A DICOM study brought in as the page does, and its series as an analysis reads it."""
    client, room = opened_room
    study = brought_in(client, write(tiny(), tmp_path_factory.mktemp("tiny") / "study"))
    return study, assemble(room.place(study).study_path)


def flags(room: Room, imported: tuple[str, DynamicSeries]) -> tuple[str, ...]:
    """What an analysis says of the regions that the room hands it."""
    study, series = imported
    path = regions_log.write_drawn(room, study)
    assert path is not None
    return one._read(path, series).flags


def shown(room: Room, study: str) -> tuple[str, ...]:
    """What live numbers say of the same regions."""
    return flags_of(room.place(study), regions_log.current(room, study).values())


def test_regions_of_another_frame_of_reference_are_refused(
    opened_room: tuple[Any, Room], imported: tuple[str, DynamicSeries], tmp_path: Path
) -> None:
    client, _ = opened_room
    at = f"/api/studies/{imported[0]}/regions"
    outline = {"Lesion 9": [box(1, (9, 13), (1, 6)), box(2, (9, 13), (1, 6))]}
    other = send(client, at, {"rt.dcm": rtstruct(tmp_path / "other.dcm", outline, frame="1.2.3.99").read_bytes()})
    assert other.json()["error"]["code"] == "REGIONS-FRAME"
    own = send(client, at, {"rt.dcm": rtstruct(tmp_path / "own.dcm", outline, frame=FRAME).read_bytes()}).json()
    assert ([one["name"] for one in own["regions"]], own["flags"]) == (["lesion-9"], [])
    assert flags(opened_room[1], imported) == ()


def test_only_regions_that_nobody_drew_on_these_images_are_said_to_be_unverified(
    opened_room: tuple[Any, Room], imported: tuple[str, DynamicSeries]
) -> None:
    client, room = opened_room
    study, series = imported
    at = f"/api/studies/{study}/regions"
    post(client, f"{at}/lesion-1", 0, **disc(3, 10.0, 4.0, 3.0))
    assert flags(room, imported) == ()
    given = np.zeros(series.grid.shape, np.uint8)
    given[2:4, 2:5, 8:11] = 2
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ series.grid.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(given.T, affine)
    names = json.dumps({"labels": {"2": "lesion-2"}}).encode()
    assert send(client, at, {"a.nii": bytes(image.to_bytes()), "a.json": names}).json()["flags"] == ["region-frame-unverified"]
    assert flags(room, imported) == ("region-frame-unverified",)
    assert shown(room, study) == ("region-frame-unverified",)
    post(client, f"{at}/lesion-2", 1, kind="brush", plane="axial", index=2, path=[[3.0, 9.0]], radius_mm=2.0)
    assert flags(room, imported) == shown(room, study) == ()  # a reader looked at it on these images
    post(client, f"{at}/liver", 0, **disc(2, 3.0, 9.0, 3.0))
    assert flags(room, imported) == shown(room, study) == ()  # regions may lie in the liver
    post(client, f"{at}/lesion-3", 0, **disc(2, 3.0, 12.0, 3.0))
    assert flags(room, imported) == shown(room, study) == ("region-overlap",)
    post(client, f"{at}/lesion-3", 1, kind="delete")


def test_a_segmentation_lies_in_the_pass_whose_images_it_names(
    opened_room: tuple[Any, Room], imported: tuple[str, DynamicSeries], tmp_path: Path
) -> None:
    client, room = opened_room
    study, series = imported
    path = seg(tmp_path / "seg.dcm", {"Lesion 7": LESION})  # of the first pass
    given = one._read(path, series)
    assert given.frame == 0
    at = f"/api/studies/{study}/regions"
    found = send(client, at, {"seg.dcm": path.read_bytes()}).json()
    assert [(each["name"], each["frame"]) for each in found["regions"]] == [("lesion-7", given.frame)]
    assert (regions_log.current(room, study)["lesion-7"].mask == given.masks["lesion-7"]).all()
    client.post(f"{at}/undo", json={"cursor": found["cursor"]})


def test_a_label_map_of_a_pass_that_is_not_there_is_refused(opened_room: tuple[Any, Room], at: str) -> None:
    client, _ = opened_room
    values = np.zeros(SHAPE, np.uint8)
    values[3, 5:9, 6:10] = 1
    for frame, code in ((5, 200), (6, 422), (10**12, 422)):
        names = json.dumps({"labels": {"1": "lesion-1"}, "frame": frame}).encode()
        answer = send(client, at, {"a.nii": label_map(values), "a.json": names})
        assert answer.status_code == code, frame
    assert answer.json()["error"]["code"] == "SHIFT-PASS"


def test_what_a_label_map_says_of_its_series_is_held_against_it(
    opened_room: tuple[Any, Room], imported: tuple[str, DynamicSeries], tmp_path: Path
) -> None:
    study, series = imported
    path = regions_log.write_drawn(opened_room[1], study)
    assert path is not None
    digest = series.source["digest"]
    assert read_regions(path, series.grid, series_digest=digest).flags == ()
    assert "region-frame-unverified" in read_regions(path, series.grid, series_digest="0" * 64).flags
    assert "region-frame-unverified" in read_regions(path, series.grid).flags
    moved = replace(series.grid, affine=series.grid.affine @ np.diag([1.0, 1.0, 1.01, 1.0]))
    assert "region-frame-unverified" in read_regions(path, moved, series_digest=digest).flags
