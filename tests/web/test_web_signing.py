"""What is signed is what was analysed of what is drawn; it bears the name everywhere and stays as it was."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pypdf
import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study, draw, files, finish, made_up, report, say_analysed
from room_for_tests import finished, opened

from hepaflow.dicom.write_pdf import examined
from hepaflow.dicom.write_sr import write_sr
from hepaflow.errors import InputRefused
from hepaflow.report import html, kept, pdf
from hepaflow.report.signature import Signature, with_signature
from hepaflow.web import regions_log, seals, signing
from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace, fresh_id
from hepaflow.web.refusals import Conflict, NotThere
from hepaflow.web.region_rows import Deed
from hepaflow.web.region_state import Bits, Caliper, Identity, RegionState
from hepaflow.web.regions_log import Step
from hepaflow.web.room import Room
from hepaflow.workflow.outputs import REPORT_KEPT

SHAPE = (6, 10, 13)
READER = "Dr Zoë Łukasiewicz"
Signed = tuple[Any, Room, StudyPlace, str]


def box(shape: tuple[int, ...], low: int) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[1:3, low : low + 3, 2:5] = True
    return mask


@pytest.fixture(scope="module")
def client_and_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Room]]:
    with opened(tmp_path_factory.mktemp("room")) as both:
        yield both


@pytest.fixture
def study(client_and_room: tuple[Any, Room], request: pytest.FixtureRequest) -> Signed:
    client, room = client_and_room
    place = add_study(room)
    for name, low in (("aorta", 0), ("healthy", 4), ("lesion-1", 6)):
        draw(room, place, name, box(SHAPE, low))
    finish(room, place, language=getattr(request, "param", "en"))
    return client, room, place, f"/api/studies/{place.folder.name}"


def trail(room: Room, place: StudyPlace) -> list[str]:
    with room.tables.read() as connection:
        rows = connection.execute(sa.select(t.audits.c.what).where(t.audits.c.study == place.folder.name).order_by(t.audits.c.id))
        return [row.what for row in rows]


def words_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.parametrize(("study", "language", "said"), [("en", "en", "Signed by"), ("fr", "fr", "Signé par")], indirect=["study"])
def test_the_signed_report_bears_name_time_and_digest_everywhere(study: Signed, language: str, said: str) -> None:
    client, room, place, url = study
    answer = client.post(f"{url}/sign", json={"reader": f"  {READER} ", "statement": "I have <b>read</b> it."})
    assert answer.status_code == 200, answer.text
    signed = answer.json()["signed"]
    assert (signed["reader"], signed["statement"], signed["intact"]) == (READER, "I have <b>read</b> it.", True)
    assert signed["language"] == json.loads((place.results(1) / "signature.json").read_text())["language"] == language
    short = signed["digest"][:16]
    page = client.get(f"{url}/report.html")
    assert f"{said} {READER}" in page.text
    assert short in page.text
    assert signed["digest"] in page.text
    assert "I have &lt;b&gt;read&lt;/b&gt; it." in page.text
    assert page.headers["content-security-policy"].startswith("sandbox;")
    paper = client.get(f"{url}/report.pdf").content
    assert all(f"{said} {READER}" in text and short in text for text in words_of(paper))
    held = pydicom.dcmread(place.results(1) / "dicom" / "report_pdf.dcm")
    assert held.EncapsulatedDocument[: held.EncapsulatedDocumentLength] == paper
    unsigned = pydicom.dcmread(place.case / "dicom" / "report_pdf.dcm")
    assert held.StudyInstanceUID == unsigned.StudyInstanceUID
    assert {held.SOPInstanceUID, held.SeriesInstanceUID}.isdisjoint({unsigned.SOPInstanceUID, unsigned.SeriesInstanceUID})
    assert held.SeriesDescription.endswith(", signed")
    assert room.place(place.folder.name).signed == place.signed
    assert client.get(url).json()["signed"]["reader"] == READER
    assert trail(room, place) == ["signed"]


def test_the_digest_is_what_sha256sum_makes_of_the_case(study: Signed) -> None:
    client, _, place, url = study
    digest = client.post(f"{url}/sign", json={"reader": READER}).json()["signed"]["digest"]
    results = {name: data for name, data in files(place.case).items() if not name.startswith((".", "steps/", "log/"))}
    assert set(results) == {
        "case.json",
        "lesions.json",
        "report.html",
        "report.pdf",
        "dicom/report_pdf.dcm",
        "dicom/segmentation.dcm",
    }
    lines = "".join(f"{hashlib.sha256(results[name]).hexdigest()}  {name}\n" for name in sorted(results))
    assert hashlib.sha256(lines.encode()).hexdigest() == digest
    kept_down = json.loads((place.results(1) / "signature.json").read_text())
    assert kept_down["digest"] == digest
    assert kept_down["regions"]["versions"] == {"aorta": 1, "healthy": 1, "lesion-1": 1}


def test_a_case_changed_after_signing_is_told_and_what_was_signed_stays(study: Signed) -> None:
    client, _, place, url = study
    client.post(f"{url}/sign", json={"reader": READER})
    before = files(place.signed)
    # as an analysis replaces files: a new one under the old name
    changed = place.case / "dicom" / "new"
    changed.write_bytes(b"other voxels")
    changed.replace(place.case / "dicom" / "segmentation.dcm")
    assert client.get(f"{url}/sign").json()["signed"]["intact"] is False
    assert files(place.signed) == before
    assert before["1/dicom/segmentation.dcm"] == b"as good as one"


@pytest.mark.parametrize(
    "name", ["signed/1/report.html", "signed/1/dicom/report_pdf.dcm", "signed/1/signature.json", "case/lesions.json"]
)
def test_what_is_changed_on_disk_is_told(study: Signed, name: str) -> None:
    client, _, place, url = study
    assert client.post(f"{url}/sign", json={"reader": READER}).json()["signed"]["intact"] is True
    path = place.folder / name
    data, times = path.read_bytes(), path.stat()
    changed = data.replace(b'"schema"', b'"Schema"') if name.endswith(".json") else data[:-1] + bytes([data[-1] ^ 1])
    path.write_bytes(changed)
    assert len(changed) == len(data)
    assert changed != data
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as if nothing had been
    assert client.get(f"{url}/sign").json()["signed"]["intact"] is False


def test_what_was_drawn_after_the_analysis_is_not_signed(study: Signed) -> None:
    client, room, place, url = study
    draw(room, place, "lesion-1", box(SHAPE, 5), version=2)
    answer = client.post(f"{url}/sign", json={"reader": READER})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CASE-STALE")
    assert client.get(f"{url}/results").json()["stale"] is True
    assert not place.signed.exists()
    # drawn back, and measured with a caliper: what would be analysed is what was
    ends = ((0.0, 0.0, 0.0), (9.0, 0.0, 0.0))
    draw(room, place, "lesion-1", box(SHAPE, 6), version=3, caliper=Caliper(ends, ((0.0, 0.0, 0.0), (0.0, 4.0, 0.0))))
    assert client.get(f"{url}/results").json()["stale"] is False
    assert client.post(f"{url}/sign", json={"reader": READER}).status_code == 200


def test_results_of_an_analysis_that_was_stopped_once_they_were_written_are_not_signed(study: Signed) -> None:
    client, room, place, url = study
    draw(room, place, "lesion-1", box(SHAPE, 5), version=2)
    path = place.case / "case.json"
    before = path.read_text()
    path.write_text(before.replace("noise-high", "motion-large"))  # of the region as it is now; its job never came to its end
    draw(room, place, "lesion-1", box(SHAPE, 6), version=3)  # and as it was when the last finished one was asked for
    for told in (client.get(f"{url}/results").json(), client.get(url).json()):
        assert told["stale"] is True
    answer = client.post(f"{url}/sign", json={"reader": READER})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CASE-STALE")
    path.write_text(before)
    assert client.post(f"{url}/sign", json={"reader": READER}).status_code == 200


def test_what_was_measured_by_hand_stands_in_the_signed_report_with_who_did(study: Signed) -> None:
    client, room, place, url = study
    ends = ((0.0, 0.0, 0.0), (21.5, 0.0, 0.0))
    draw(room, place, "lesion-1", box(SHAPE, 6), version=2, caliper=Caliper(ends, ((0.0, 0.0, 0.0), (0.0, 14.2, 0.0))))
    client.post(f"{url}/sign", json={"reader": READER})
    page = client.get(f"{url}/report.html").text.replace("\u202f", " ").replace("\u00a0", " ")
    assert "Measured with the caliper: " in page
    assert "21.5 × 14.2 mm (Tester)" in page
    kept_down = json.loads((place.results(1) / "signature.json").read_text())
    assert kept_down["calipers"] == [{"lesion": "lesion-1", "long_mm": 21.5, "short_mm": 14.2, "reader": "Tester"}]
    assert client.get(f"{url}/sign").json()["signed"]["intact"] is True


def ended_job(room: Room, study: str, kind: str, state: str) -> str:
    """A job in the queue's table, as if it had come that far."""
    job = fresh_id()
    row = {"id": job, "number": 1, "study": study, "kind": kind, "asked": "{}", "who": "Tester", "state": state}
    with room.tables.begin() as connection:
        connection.execute(sa.insert(t.jobs).values(**row))
    return job


def test_no_job_that_writes_runs_on_a_signed_study(study: Signed) -> None:
    client, room, place, url = study
    job = ended_job(room, place.folder.name, "analyze", "cancelled")
    assert client.post(f"{url}/sign", json={"reader": READER}).status_code == 200
    resumed = client.post(f"/api/jobs/{job}/resume", json={})
    assert (resumed.status_code, resumed.json()["error"]["code"]) == (409, "CASE-SIGNED")
    with pytest.raises(Conflict, match="CASE-SIGNED"):  # past the first look, as a request that was overtaken
        room.jobs.start("analyze", place.folder.name, {}, who="Tester")
    # one that waits all the same ends before it begins
    with room.tables.begin() as connection:
        connection.execute(sa.update(t.jobs).where(t.jobs.c.id == job).values(state="waiting"))
    room.jobs.wake(job)
    ended = client.get(f"/api/jobs/{job}").json()
    assert (ended["state"], ended["error"]["code"]) == ("failed", "CASE-SIGNED")
    assert client.get(f"{url}/sign").json()["signed"]["intact"] is True


@pytest.mark.parametrize("kind", ["analyze", "import", "retrieve"])
def test_nobody_signs_while_a_job_could_still_write(study: Signed, kind: str) -> None:
    client, room, place, url = study
    ended_job(room, place.folder.name, kind, "running")
    answer = client.post(f"{url}/sign", json={"reader": READER})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "JOB-ACTIVE")
    assert not place.signed.exists()


def test_whatever_would_change_a_signed_study_is_refused_in_the_same_words(study: Signed) -> None:
    client, room, place, url = study
    client.post(f"{url}/sign", json={"reader": READER})
    edit = {"base": 1, "edit": {"kind": "delete"}}
    asked: list[tuple[str, dict[str, Any]]] = [("regions/lesion-1", edit), ("regions/undo", {"cursor": 3}), ("analyze", {})]
    asked += [("regions/propose", {}), ("regions/lesion-1/restore", {"version": 1, "base": 1}), ("sign", {"reader": "B"})]
    said = [client.post(f"{url}/{where}", json=body) for where, body in asked]
    assert {(one.status_code, *one.json()["error"].values()) for one in said} == {
        (409, "CASE-SIGNED", "the study is signed", "Reopen it first")
    }
    assert trail(room, place) == ["signed"]


def test_a_signature_whose_file_is_gone_stands_is_told_and_can_be_taken_back(study: Signed) -> None:
    client, room, place, url = study
    client.post(f"{url}/sign", json={"reader": READER})
    (place.results(1) / "signature.json").unlink()
    told = client.get(f"{url}/sign").json()["signed"]
    assert (told["reader"], told["intact"]) == (READER, False)
    assert client.post(f"{url}/regions/lesion-1", json={"base": 1, "edit": {"kind": "delete"}}).status_code == 409
    assert client.delete(f"{url}/sign").json()["signed"] is None
    assert client.post(f"{url}/sign", json={"reader": READER}).json()["signed"]["intact"] is True
    assert trail(room, place) == ["signed", "reopened", "signed"]


def test_an_edit_that_was_overtaken_by_a_signature_is_refused(study: Signed) -> None:
    client, room, place, url = study
    client.post(f"{url}/sign", json={"reader": READER})
    for base in (1, 7):  # in time, and too late
        step = Step(replace(regions_log.one(room, place.folder.name, "lesion-1"), deleted=True), base)
        with pytest.raises(Conflict, match="CASE-SIGNED"):
            regions_log.write(room, place.folder.name, Deed("delete", "Tester", {}), [step])
    assert trail(room, place) == ["signed"]


def test_a_signed_study_is_removed_only_when_the_request_says_that_it_is(study: Signed) -> None:
    client, room, place, url = study
    client.post(f"{url}/sign", json={"reader": READER})
    for asked in (url, f"{url}?signed=false"):
        answer = client.delete(asked)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "STUDY-SIGNED")
    assert client.get(url).json()["signed"]["reader"] == READER
    assert client.delete(f"{url}?signed=true").status_code == 200
    assert trail(room, place) == ["signed", "study-trashed"]
    client.post(f"/api/trash/{place.folder.name}/restore")
    assert client.get(f"{url}/sign").json()["signed"]["intact"] is True


def test_a_lesion_linked_otherwise_than_when_it_was_analysed_is_not_signed(study: Signed) -> None:
    client, room, place, url = study
    mask = box(SHAPE, 6)
    draw(room, place, "lesion-1", mask, version=2, identity=Identity("aaaaaaaaaaaa", "lesion-1"))
    assert client.get(f"{url}/results").json()["stale"] is False  # the results name no other lesion
    say_analysed(room, place)
    draw(room, place, "lesion-1", mask, version=3, identity=Identity("aaaaaaaaaaaa", "lesion-6"))
    assert client.get(url).json()["stale"] is True
    answer = client.post(f"{url}/sign", json={"reader": READER})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CASE-STALE")
    draw(room, place, "lesion-1", mask, version=4, identity=Identity("aaaaaaaaaaaa", "lesion-1"))
    assert client.post(f"{url}/sign", json={"reader": READER}).status_code == 200


def test_reopening_keeps_the_old_signature(study: Signed) -> None:
    client, room, place, url = study
    first = client.post(f"{url}/sign", json={"reader": READER}).json()["signed"]
    again = client.post(f"{url}/sign", json={"reader": "Another"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CASE-SIGNED")
    reopened = client.delete(f"{url}/sign").json()
    assert reopened["signed"] is None
    assert [one["reader"] for one in reopened["earlier"]] == [READER]
    assert client.get(url).json()["signed"] is None
    assert READER not in client.get(f"{url}/report.html").text  # nobody stands for it now
    assert client.delete(f"{url}/sign").json()["error"]["code"] == "NOT-SIGNED"
    say_analysed(room, place)
    second = client.post(f"{url}/sign", json={"reader": "Another"}).json()
    assert second["signed"]["reader"] == "Another"
    assert second["earlier"] == [first]
    assert (first["number"], second["signed"]["number"]) == (1, 2)
    client.delete(f"{url}/sign")
    for number, reader, other in ((1, READER, "Another"), (2, "Another", READER)):  # each with its report, whole
        page = client.get(f"{url}/report.html?signature={number}").text
        assert f"Signed by {reader}" in page
        assert other not in page
        paper = client.get(f"{url}/report.pdf?signature={number}").content
        assert paper == (place.results(number) / "report.pdf").read_bytes()
        held = pydicom.dcmread(place.results(number) / "dicom" / "report_pdf.dcm")
        assert held.EncapsulatedDocument[: held.EncapsulatedDocumentLength] == paper
    for number in (0, 3, -1):
        answer = client.get(f"{url}/report.pdf?signature={number}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SIGNATURE-MISSING")
    assert trail(room, place) == ["signed", "reopened", "signed", "reopened"]


def test_results_as_files(study: Signed) -> None:
    client, _, place, url = study
    before = zipfile.ZipFile(io.BytesIO(client.get(f"{url}/results.zip").content))
    assert before.testzip() is None
    assert "case/lesions.json" in before.namelist()
    assert not any(name.startswith(("case/steps", "signed/")) for name in before.namelist())
    client.post(f"{url}/sign", json={"reader": READER})
    data = client.get(f"{url}/results.zip")
    assert data.headers["content-disposition"] == f'attachment; filename="results-{place.folder.name}.zip"'
    after = zipfile.ZipFile(io.BytesIO(data.content))
    assert {name: after.read(name) for name in after.namelist() if name.startswith("signed/")} == {
        f"signed/{name}": content for name, content in files(place.results(1)).items()
    }
    assert client.get(f"{url}/results.zip").content == data.content
    dicom = zipfile.ZipFile(io.BytesIO(client.get(f"{url}/dicom.zip").content))
    assert dicom.read("report_pdf.dcm") == (place.results(1) / "dicom" / "report_pdf.dcm").read_bytes()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"reader": "  "}, "READER-NAME"),
        ({"reader": "a\u202eb"}, "READER-NAME"),
        ({"reader": "x" * 121}, "READER-NAME"),
        ({"reader": "A", "statement": "bell\u0007"}, "STATEMENT-INVALID"),
        ({"reader": "A", "more": 1}, "REQUEST-INVALID"),
    ],
)
def test_a_name_must_be_one(study: Signed, asked: dict[str, Any], code: str) -> None:
    client, _, place, url = study
    answer = client.post(f"{url}/sign", json=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert not place.signed.exists()


UNPRINTABLE = ("肝臓 太郎", "الكبد", "כבד", "Dr 🙂", "\U0001d5a0na")


@pytest.mark.parametrize("name", UNPRINTABLE)
def test_a_name_that_paper_cannot_show_signs_nothing(study: Signed, name: str) -> None:
    client, _, place, url = study
    signed = client.post(f"{url}/sign", json={"reader": name})
    renamed = client.put("/api/me", json={"reader": name})
    assert [(one.status_code, one.json()["error"]["code"]) for one in (signed, renamed)] == [(400, "READER-LETTERS")] * 2
    assert not place.signed.exists()
    assert client.get("/api/me").json()["reader"] == "Tester"


def test_nor_does_one_under_which_a_caliper_was_set(study: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    client, room, place, url = study
    caliper = Caliper(((0.0, 0.0, 0.0), (0.0, 21.5, 0.0)), ((0.0, 0.0, 0.0), (0.0, 14.2, 0.0)))
    draw(room, place, "lesion-1", box(SHAPE, 6), version=2, caliper=caliper)
    monkeypatch.setattr("hepaflow.web.regions_log.measured_by", lambda *_: {"lesion-1": "肝臓 太郎"})
    assert client.post(f"{url}/sign", json={"reader": "A"}).json()["error"]["code"] == "READER-LETTERS"
    assert not place.signed.exists()


@pytest.mark.parametrize("name", ["Ελένη Παπαδοπούλου", "Жанна Їжакевич", "Ľubomír Šťastný", "Nguyễn Thị Hường"])
def test_a_name_that_paper_shows_is_printed_letter_by_letter(study: Signed, name: str) -> None:
    client, _, _, url = study
    assert client.post(f"{url}/sign", json={"reader": name}).status_code == 200
    assert all(f"Signed by {name}" in text for text in words_of(client.get(f"{url}/report.pdf").content))


def test_a_first_visit_is_signed_with_a_report_that_takes_it_for_one(tmp_path: Path) -> None:
    with opened(tmp_path) as (client, room):

        def visit(date: str) -> StudyPlace:
            place = add_study(room, patient_key="f" * 16, date=date)
            for name, low in (("aorta", 0), ("healthy", 4), ("lesion-1", 6)):
                draw(room, place, name, box(SHAPE, low))
            finish(room, place)
            return place

        def sign(place: StudyPlace) -> str:
            answer = client.post(f"/api/studies/{place.folder.name}/sign", json={"reader": READER})
            return "" if answer.status_code == 200 else answer.json()["error"]["code"]

        second = visit("2026-03-01")
        first = visit("2026-01-01")
        assert [client.get(f"/api/studies/{one.folder.name}").json()["first_visit"] for one in (first, second)] == [True, False]
        assert (sign(first), sign(second)) == ("REPORT-VISIT", "")
        assert not first.signed.exists() or not list(first.signed.iterdir())
        kept_report = first.case / REPORT_KEPT
        kept_report.write_bytes(kept.freeze(replace(report(), first_visit=True)))
        earlier = visit("2025-11-01")
        assert sign(first) == "REPORT-VISIT"  # it is none any more
        trashed = client.delete(f"/api/studies/{earlier.folder.name}")
        assert (trashed.status_code, sign(first)) == (200, "")


def test_only_a_study_before_all_others_of_a_patient_is_known_to_be_the_first_visit(tmp_path: Path) -> None:
    with opened(tmp_path) as (client, room):

        def first(*dates: str, key: str, digest: str = "") -> list[bool]:
            names = [add_study(room, patient_key=key, date=date, digest=digest).folder.name for date in dates]
            return [client.get(f"/api/studies/{name}").json()["first_visit"] for name in names]

        assert first("2026-01-01", key="a" * 16) == [False]
        assert first("2026-01-01", "2026-03-01", key="b" * 16) == [True, False]
        assert first("2026-01-01", "2026-01-01", key="c" * 16) == [False, False]
        assert first("", "2026-03-01", key="d" * 16) == [False, False]
        assert first("2026-01-01", "", key="e" * 16) == [False, False]
        assert first("2026-01-01", "2026-03-01", key="") == [False, False]
        copies = first("2026-01-01", "2026-01-01", key="f" * 16, digest="one")
        assert copies == [False, False]
        assert first("2026-03-01", key="f" * 16) == [False]
        listed = {
            one["date"]: one["first_visit"]
            for one in client.get("/api/studies").json()["studies"]
            if one["patient_key"] == "f" * 16
        }
        assert listed == {"2026-01-01": True, "2026-03-01": False}


def test_without_a_case_there_is_nothing_to_sign_show_or_send(client_and_room: tuple[Any, Room]) -> None:
    client, room = client_and_room
    url = f"/api/studies/{add_study(room).folder.name}"
    asked = [client.post(f"{url}/sign", json={"reader": "A"}), client.post(f"{url}/send", json={"archive": "a"})]
    asked += [
        client.get(f"{url}/{name}") for name in ("report.html", "report.pdf", "results.zip", "dicom.zip", "results", "comparison")
    ]
    assert [(one.status_code, one.json()["error"]["code"]) for one in asked] == [(404, "CASE-MISSING")] * len(asked)


def test_a_viewer_sees_and_does_not_sign(study: Signed) -> None:
    from hepaflow.web.rules import needed_role

    url = study[3]
    assert {needed_role(method, f"{url}/sign") for method in ("POST", "DELETE")} == {"reader"}
    assert {needed_role("GET", f"{url}/{name}") for name in ("sign", "report.html", "results.zip")} == {"viewer"}


def test_an_earlier_signature_that_is_changed_on_disk_is_told_as_it_was(study: Signed) -> None:
    client, _, place, url = study
    client.post(f"{url}/sign", json={"reader": READER, "statement": "I have read it."})
    client.delete(f"{url}/sign")
    assert [one["intact"] for one in client.get(f"{url}/sign").json()["earlier"]] == [True]
    path = place.results(1) / "signature.json"
    path.write_text(path.read_text().replace("I have read it.", "I never said that."))
    (told,) = client.get(f"{url}/sign").json()["earlier"]
    assert (told["reader"], told["statement"], told["intact"]) == (READER, "I have read it.", False)


def waiting(room: Room, place: StudyPlace) -> str:
    """A job that sends what there is now, behind another one."""
    job = ended_job(room, place.folder.name, "send", "waiting")
    with room.tables.begin() as connection:
        asked = json.dumps({"config": "none", "archive": "a", **seals.to_send(connection, place)})
        connection.execute(sa.update(t.jobs).where(t.jobs.c.id == job).values(asked=asked))
    return job


def test_what_is_sent_is_what_was_asked_to_be(study: Signed) -> None:
    client, room, place, url = study
    assert client.post(f"{url}/send", json={"archive": "a"}).json()["error"]["code"] == "PACS-NO-CONFIG"
    unsigned = waiting(room, place)
    client.post(f"{url}/sign", json={"reader": READER})
    room.jobs.wake(unsigned)
    ended = client.get(f"/api/jobs/{unsigned}").json()
    assert (ended["state"], ended["error"]["code"]) == (
        "failed",
        "SEND-CHANGED",
    )  # the unsigned report, when it is signed meanwhile
    signed = waiting(room, place)
    answer = client.delete(f"{url}/sign")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "JOB-ACTIVE")
    assert client.get(f"{url}/sign").json()["signed"]["reader"] == READER
    client.delete(f"/api/jobs/{signed}")
    client.delete(f"{url}/sign")
    client.post(f"{url}/sign", json={"reader": "Another"})
    resumed = client.post(f"/api/jobs/{signed}/resume", json={})  # what was taken back
    assert (resumed.status_code, resumed.json()["error"]["code"]) == (409, "SEND-CHANGED")
    assert client.get(f"/api/jobs/{signed}").json()["state"] == "cancelled"
    client.delete(f"{url}/sign")
    assert client.post(f"/api/jobs/{unsigned}/resume", json={}).status_code == 202  # unsigned again, and the same case
    assert finished(client, unsigned)["error"]["code"] != "SEND-CHANGED"  # there is no such archive


def test_what_is_analysed_anew_is_not_sent_by_an_earlier_job(study: Signed) -> None:
    client, room, place, _ = study
    job = waiting(room, place)
    client.delete(f"/api/jobs/{job}")
    path = place.case / "case.json"
    path.write_text(path.read_text().replace("noise-high", "motion-large"))
    resumed = client.post(f"/api/jobs/{job}/resume", json={})
    assert (resumed.status_code, resumed.json()["error"]["code"]) == (409, "SEND-CHANGED")


@contextmanager
def full_at_the_end(room: Room) -> Iterator[None]:
    """The database's disk is full at the last moment of a transaction, when files are in their place."""

    def full(_: Any) -> None:
        raise sa.exc.OperationalError("commit", {}, Exception("database or disk is full"))

    sa.event.listen(room.tables.engine, "commit", full)
    try:
        yield
    finally:
        sa.event.remove(room.tables.engine, "commit", full)


def test_on_a_full_disk_nothing_is_signed(study: Signed) -> None:
    client, room, place, url = study
    with full_at_the_end(room), pytest.raises(sa.exc.OperationalError):
        signing.sign(room, place.folder.name, reader="Nobody", statement="")
    assert (place.results(1) / "report.pdf").exists()
    assert client.get(f"{url}/report.pdf?signature=1").status_code == 404  # it lies there, and nobody signed it
    assert client.get(f"{url}/sign").json()["signed"] is client.get(url).json()["signed"] is None
    assert client.post(f"{url}/sign", json={"reader": READER}).json()["signed"]["intact"] is True
    page = client.get(f"{url}/report.html?signature=1").text
    assert READER in page
    assert "Nobody" not in page


def test_on_a_full_disk_no_signature_is_taken_back(study: Signed) -> None:
    client, room, place, url = study
    client.post(f"{url}/sign", json={"reader": READER})
    before, row = client.get(f"{url}/sign").json(), client.get(url).json()
    with full_at_the_end(room), pytest.raises(sa.exc.OperationalError):
        signing.reopen(room, place.folder.name, who="A")
    assert (client.get(f"{url}/sign").json(), client.get(url).json()) == (before, row)
    assert trail(room, place) == ["signed"]
    after = client.delete(f"{url}/sign").json()
    assert (after["signed"], after["earlier"][0]["intact"]) == (None, True)


def test_a_kept_report_is_the_report() -> None:
    for language in ("en", "fr"):
        made = report(language)
        assert kept.thaw(kept.freeze(made)) == made
        assert kept.freeze(made) == kept.freeze(report(language))
    for data in (b"", b"[]", b'{"is":"Nothing"}', b'{"is":"Cell","text":"x","tone":""}', b"\xff"):
        with pytest.raises(InputRefused, match="REPORT-DAMAGED"):
            kept.thaw(data)


def test_signing_anew_replaces_the_signature_in_the_report() -> None:
    one = with_signature(report(), Signature("A", "2026-01-01 10:00 UTC", "", "ab" * 32))
    two = with_signature(one, Signature("B", "2026-01-02 10:00 UTC", "", "cd" * 32))
    assert [section.key for section in two.sections] == ["conclusion", "summary", "signature"]
    text = html.render(two).decode()
    assert "abab" not in text
    assert "Signed by B" in text
    assert "The reader wrote no conclusion." in text


CONCLUSION = "Lesion 2: <b>major</b> response, BF ratio 0.55 (α < 0.05).\n\nПечень без особенностей.\n" + "Same again. " * 250


def test_the_conclusion_stands_first_as_typed_on_paper_and_in_the_page(study: Signed) -> None:
    client, _, place, url = study
    assert client.post(f"{url}/sign", json={"reader": READER, "statement": CONCLUSION}).status_code == 200
    date = examined(place.case / "dicom" / "report_pdf.dcm")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
    page = client.get(f"{url}/report.html").text
    assert page.index('id="conclusion"') < page.index('id="summary"')
    assert "Lesion 2: &lt;b&gt;major&lt;/b&gt; response, BF ratio 0.55 (α &lt; 0.05)." in page
    paper = " ".join(" ".join(words_of(client.get(f"{url}/report.pdf").content)).split())
    for said in ("Lesion 2: <b>major</b> response, BF ratio 0.55 (α < 0.05).", "Печень без особенностей."):
        assert 0 < paper.index(said) < paper.index("Bottom line.")
    assert paper.count("Same again.") == 250
    assert f"Date of the examination: {date}" in paper
    held = pydicom.dcmread(place.results(1) / "dicom" / "report_pdf.dcm")
    assert held.BurnedInAnnotation == "YES"


def test_a_conclusion_of_many_lines_breaks_over_pages() -> None:
    signed = Signature("A", "2026-01-01 10:00 UTC", "\n".join(f"line {n}" for n in range(500)), "ab" * 32)
    pages = words_of(pdf.render(with_signature(report(), signed)))
    found = [int(n) for text in pages for n in re.findall(r"line (\d+)", text)]
    assert found == list(range(500))
    assert len(pages) > 3


@pytest.mark.parametrize("said", ["肝臓", "الكبد", "כבד", "ok 🙂"])
def test_a_conclusion_that_paper_cannot_show_is_refused_before_signing(study: Signed, said: str) -> None:
    client, _, place, url = study
    answer = client.post(f"{url}/sign", json={"reader": READER, "statement": said})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "STATEMENT-LETTERS")
    assert not place.signed.exists()


def test_a_study_without_the_patient_has_no_date_of_examination(study: Signed) -> None:
    path = study[2].case / "dicom" / "report_pdf.dcm"
    held = pydicom.dcmread(path)
    assert examined(path) != ""
    held.PatientIdentityRemoved = "YES"
    held.save_as(path)
    assert examined(path) == ""


def test_the_structured_report_holds_the_conclusion_and_who_wrote_it(study: Signed) -> None:
    client, _, place, url = study
    before = write_sr(made_up(), place.case / "dicom")
    told = client.post(f"{url}/sign", json={"reader": "Dr A^B", "statement": "Major.\nLesion 2."}).json()["signed"]
    one, two = pydicom.dcmread(before), pydicom.dcmread(place.results(1) / "dicom" / "report.dcm")
    (written,) = two.ContentSequence[len(one.ContentSequence) :]
    assert list(two.ContentSequence[:-1]) == list(one.ContentSequence)
    kind, who, said = written.ContentSequence
    assert (kind.ConceptCodeSequence[0].CodeValue, str(who.PersonName), said.TextValue) == (
        "121006",
        "Dr A B",
        "Major.\r\nLesion 2.",
    )
    assert said.ObservationDateTime == re.sub("[-:T]", "", told["at"][:19]) + "+0000"
    assert (two.StudyInstanceUID, two.VerificationFlag) == (one.StudyInstanceUID, "UNVERIFIED")
    assert {two.SOPInstanceUID, two.SeriesInstanceUID}.isdisjoint({one.SOPInstanceUID, one.SeriesInstanceUID})
    earlier = two.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert earlier.ReferencedSOPInstanceUID == one.SOPInstanceUID


def test_what_was_at_work_when_a_study_went_neither_writes_nor_keeps_it_from_coming_back(study: Signed) -> None:
    client, room, place, url = study
    name = place.folder.name
    assert client.delete(url).status_code == 200
    (place.folder / "signed" / "stage").mkdir(parents=True)  # as a signature leaves it that was on its way
    step = Step(RegionState("lesion-1", Bits.of(np.ones((1, 1, 1), bool))), 0)
    with pytest.raises(NotThere, match="STUDY-UNKNOWN"):
        regions_log.write(room, name, Deed("mask", "late", {}), [step])
    with pytest.raises(NotThere, match="STUDY-UNKNOWN"):
        room.jobs.start("analyze", name, {}, who="late")
    assert client.get(url).status_code == 404
    assert client.post(f"/api/trash/{name}/restore").status_code == 200
    assert client.post(f"{url}/sign", json={"reader": READER}).status_code == 200
