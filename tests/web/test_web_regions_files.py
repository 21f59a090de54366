"""Regions sent as files: what is in a .zip of them, and what is refused of it. No path of the server is ever asked for."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
from regions_for_tests import disc, drawing, post, put, voxels
from shown_study import SHAPE, acquired
from test_web_upload import HOSTILE

from hepaflow.web import import_regions, regions_log
from hepaflow.web.room import Room

ZIP = {"Content-Type": "application/zip"}
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


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def send(client: Any, at: str, members: dict[str, bytes]) -> Any:
    return client.post(f"{at}/import", content=packed(members), headers=ZIP)


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
