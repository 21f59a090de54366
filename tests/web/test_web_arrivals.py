"""A study comes in once: what is copied is what was read, a second time leads to the first, and what was removed comes back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from room_for_tests import Inside, brought_in, finished, opened
from tiny_study import tiny, write

from hepaflow.dicom import assemble
from hepaflow.errors import InputRefused
from hepaflow.web.work_study import bring_in


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a file that lacks its preamble, and one that is no DICOM though it begins like one of another byte order."""
    folder = write(tiny(), tmp_path_factory.mktemp("given") / "study")
    (folder / "b" / "0003").write_bytes((folder / "b" / "0003").read_bytes()[132:])
    (folder / "index").write_bytes(b"\x00\x02" + b"not an image" * 20)
    (folder / "notes.txt").write_text("notes")
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, given: Path) -> Iterator[Inside]:
    with opened(tmp_path_factory.mktemp("room") / "data") as (client, room):
        yield Inside(client, room, brought_in(client, given), client.cookies[room.gate.cookie])


def listed(here: Inside) -> list[str]:
    return [one["id"] for one in here.client.get("/api/studies").json()["studies"]]


def again(here: Inside, path: Path) -> tuple[str, dict[str, Any]]:
    answer = here.client.post("/api/studies", json={"path": str(path)}).json()
    return answer["study"], finished(here.client, answer["job"])


def test_the_copies_are_the_study_that_was_read(here: Inside, given: Path) -> None:
    place = here.room.place(here.study)
    assert sum(path.is_file() for path in given.rglob("*")) == 26
    assert len(list(place.source.iterdir())) == 24
    read, copied = assemble.assemble(given), assemble.assemble(place.study_path)
    assert copied.source["digest"] == read.source["digest"]
    assert copied.source["images"] == read.source["images"]


def test_a_study_that_changes_on_its_way_is_refused(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(given, tmp_path / "study"))
    (tmp_path / "place").mkdir()
    read = assemble.assemble

    def slow(path: Path, **options: Any) -> Any:
        series = read(path, **options)
        os.utime(folder / "b" / "0003", (1, 1))
        return series

    monkeypatch.setattr(assemble, "assemble", slow)
    asked = {"folder": str(tmp_path / "place"), "path": str(folder), "salt": "00", "uploaded": False}
    with pytest.raises(InputRefused, match="SOURCE-CHANGED"):
        bring_in(asked, lambda *_: None)
    assert not (tmp_path / "place" / "source").exists()


@pytest.mark.parametrize("other_files", [False, True], ids=["the same files", "the same images"])
def test_a_study_comes_in_once(here: Inside, given: Path, tmp_path: Path, other_files: bool) -> None:
    folder = Path(shutil.copytree(given, tmp_path / "elsewhere"))
    if other_files:
        (folder / "notes.txt").write_text("other notes")
    before = listed(here)
    second, job = again(here, folder)
    assert (job["state"], job["error"]["code"], job["error"]["study"]) == ("failed", "STUDY-KNOWN", here.study)
    assert listed(here) == before
    assert not (here.room.data / "studies" / second).exists()
    asked = here.client.get(f"/api/studies/{second}")
    assert (asked.status_code, asked.json()["error"]["code"], asked.json()["study"]) == (409, "STUDY-KNOWN", here.study)
    assert here.client.get(f"/api/studies/{second}/images").status_code == 404
    assert here.client.get("/api/trash").json() == {"studies": []}
    assert here.client.post(f"/api/jobs/{job['id']}/resume").json()["error"]["code"] == "STUDY-UNKNOWN"
    entered = here.client.get("/enter", params={"study": second}, follow_redirects=False)
    assert entered.headers["location"] == f"/#/study/{here.study}"


def test_the_same_images_of_another_patient_are_another_study(here: Inside, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.PatientID = "SOMEONE-ELSE"
    study = brought_in(here.client, write(images, tmp_path / "other"))
    assert {study, here.study} <= set(listed(here))
    assert here.client.delete(f"/api/studies/{study}").status_code == 200


def test_a_removed_study_comes_back_as_it_was(here: Inside, tmp_path: Path) -> None:
    images = tiny(seed=5)
    for image in images:
        image.ds.PatientID = "REMOVED"
    study = brought_in(here.client, write(images, tmp_path / "third"))
    before = here.client.get(f"/api/studies/{study}").json()
    assert here.client.delete(f"/api/studies/{study}").status_code == 200
    assert study not in listed(here)
    told = here.client.get("/api/trash").json()["studies"][0]
    assert {key: told[key] for key in ("id", "label", "patient", "date")} == {
        key: before[key] for key in ("id", "label", "patient", "date")
    }
    assert here.client.post(f"/api/trash/{study}/restore").json() == {"study": study}
    assert here.client.get(f"/api/studies/{study}").json() == before
    did = [one["what"] for one in here.client.get("/api/audit", params={"study": study}).json()["entries"]]
    assert did[:2] == ["study-restored", "study-trashed"]
    refused = here.client.post(f"/api/trash/{study}/restore")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "TRASH-UNKNOWN")

    here.client.delete(f"/api/studies/{study}")
    anew = brought_in(here.client, tmp_path / "third")
    refused = here.client.post(f"/api/trash/{study}/restore")
    assert (refused.status_code, refused.json()["error"]["code"], refused.json()["study"]) == (409, "STUDY-KNOWN", anew)
    assert study in [one["id"] for one in here.client.get("/api/trash").json()["studies"]]


@pytest.mark.parametrize("asked", ["//evil.example", "https://evil.example", "../x", "0123456789ab", "", "%0d%0aX: y"])
def test_the_address_leads_to_studies_of_the_room_only(here: Inside, asked: str) -> None:
    answer = here.client.get("/enter", params={"study": asked}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    answer = here.client.get("/enter", params={"study": here.study}, follow_redirects=False)
    assert answer.headers["location"] == f"/#/study/{here.study}"


@pytest.mark.parametrize("path", ["/proc/self", "/proc/self/status", "/sys"])
def test_what_lies_on_no_disk_is_not_brought_in(here: Inside, path: str) -> None:
    before = listed(here)
    answer = here.client.post("/api/studies", json={"path": path})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "SOURCE-UNREADABLE")
    assert listed(here) == before
