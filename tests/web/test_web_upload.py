"""Uploads: a .zip from the browser, whole or not at all."""

from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from pathlib import Path

import pytest
from room_for_tests import Inside, finished, leave
from tiny_study import tiny, write

from hepaflow.errors import InputRefused
from hepaflow.web.jobs import Jobs
from hepaflow.web.work_study import bring_in

ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def zipped(tmp_path: Path) -> bytes:
    images = tiny()
    for image in images:
        image.ds.PatientID = "UPLOADED"  # the patient of no other study here
    return Path(shutil.make_archive(str(tmp_path / "study"), "zip", write(images, tmp_path / "in"))).read_bytes()


def left(inside: Inside) -> list[Path]:
    return list((inside.room.data / "incoming").iterdir())


def test_a_zip_becomes_a_study(inside: Inside, zipped: bytes) -> None:
    answer = inside.client.post("/api/studies/upload", content=zipped, headers={**ZIP, "X-Name": "C%C3%A9line%2E.zip"})
    assert answer.status_code == 202, answer.text
    assert finished(inside.client, answer.json()["job"])["state"] == "done"
    place = inside.room.place(answer.json()["study"])
    assert len(list(place.source.iterdir())) == 24
    assert all(path.name[:6].isdecimal() and path.suffix == ".dcm" for path in place.source.iterdir())
    assert not left(inside)


@pytest.mark.parametrize("name", ["../../etc/cron.d/x.zip", "%00", "<script>.zip", "a%0d%0ab", "C:\\x.zip", ""])
def test_the_name_of_an_upload_is_a_label_and_no_path(inside: Inside, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jobs, "wake", lambda *_: None)  # what is in it is not looked at here
    answer = inside.client.post("/api/studies/upload", content=b"PK\x03\x04", headers={**ZIP, "X-Name": name})
    assert answer.status_code == 202
    inside.client.delete(f"/api/jobs/{answer.json()['job']}")
    found = inside.client.get(f"/api/studies/{answer.json()['study']}").json()
    assert found["label"].isprintable()
    assert found["label"]
    assert not (inside.room.data / "etc").exists()


def _zip(*members: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


HOSTILE = {
    "leads out": _zip(("../../x.dcm", b"x")),
    "absolute": _zip(("/etc/x", b"x")),
    "bomb": _zip(("x.dcm", b"\0" * 2**26)),
    "nested": _zip(("x.zip", _zip(("y", b"y")))),
    "empty": _zip(),
    "no DICOM": _zip(("index.html", b"<script>alert(1)</script>")),
    "no zip": b"<html><script>alert(1)</script>",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "upload.zip").write_bytes(HOSTILE[kind])
    asked = {"folder": str(tmp_path), "path": str(tmp_path / "upload.zip"), "salt": "00", "uploaded": True}
    with pytest.raises(InputRefused):
        bring_in(asked, lambda *_: None)
    assert not list(tmp_path.iterdir())


def test_what_a_refused_upload_was_is_told_and_gone(inside: Inside) -> None:
    answer = inside.client.post("/api/studies/upload", content=HOSTILE["leads out"], headers=ZIP)
    job = finished(inside.client, answer.json()["job"])
    assert (job["state"], job["error"]["code"]) == ("failed", "ZIP-UNSAFE")
    assert not list(inside.room.place(answer.json()["study"]).folder.iterdir())


def test_an_upload_larger_than_the_disk_is_refused_before_it_begins(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(inside.room.data)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30))
    answer = inside.ask("POST", "/api/studies/upload", but={"content-type": "application/zip", "content-length": str(2**30)})
    assert (answer.status, answer.code) == (507, "OUTPUT-NO-SPACE")
    for target, most in (("/api/studies/upload", 2**36), (f"/api/studies/{inside.study}/regions/import", 2**27)):
        too_large = {"content-type": "application/zip", "content-length": str(most + 1)}
        assert inside.ask("POST", target, but=too_large).code == "GUARD-TOO-LARGE"


def test_a_disk_that_fills_up_ends_the_upload(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(inside.room.data)
    monkeypatch.setattr("hepaflow.web.uploads.shutil.disk_usage", lambda _: usage._replace(free=1000))
    monkeypatch.setattr("hepaflow.web.uploads._room_for", lambda *_: None)
    answer = inside.client.post("/api/studies/upload", content=b"x" * 5000, headers=ZIP)
    assert answer.json()["error"]["code"] == "OUTPUT-NO-SPACE"
    assert not left(inside)


def test_an_upload_that_breaks_off_leaves_nothing(inside: Inside) -> None:
    before = len(inside.client.get("/api/studies").json()["studies"])
    headers = [*inside.usual, ("content-type", "application/zip"), ("content-length", "5000")]
    asyncio.run(leave(inside.client.app, "/api/studies/upload", headers, b"PK\x03\x04"))
    assert not left(inside)
    assert len(inside.client.get("/api/studies").json()["studies"]) == before
