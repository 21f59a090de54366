"""Against a real Orthanc: find, send, fetch, by C-GET, C-MOVE and DICOMweb."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orthanc
import pytest
from pydicom import dcmread
from tiny_study import save, tiny, write

from hepaflow.dicom.network import archive as archives
from hepaflow.dicom.network.peer import DimsePeer, Timing, WebPeer
from hepaflow.dicom.network.studies import StudyQuery
from hepaflow.errors import HepaflowError, InputRefused, UsageError
from hepaflow.workflow import pacs

STUDY, INSTANCES = "1.2.3.1", 24
WAYS = ["get", "move", "web"]
PeerOf = Callable[..., Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tiny(), tmp_path_factory.mktemp("study"))


def contents(folder: Path) -> dict[str, tuple[str, Any]]:
    """Digest of the pixels and the data set, by instance."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            ds = dcmread(path)
            found[str(ds.SOPInstanceUID)] = (hashlib.sha256(ds.PixelData).hexdigest(), ds)
    return found


def test_the_fixture_is_a_study_of_24_different_images(study: Path) -> None:
    assert len({digest for digest, _ in contents(study).values()}) == INSTANCES


@pytest.mark.parametrize("way", WAYS)
def test_what_was_sent_comes_back_the_same(way: str, study: Path, peer_of: PeerOf, tmp_path: Path) -> None:
    peer = peer_of(way)
    archives.echo(peer)
    sent = pacs.send(peer, study)
    assert (sent.sent, sent.already, sent.refused, sent.missing) == (INSTANCES, 0, {}, 0)
    assert sent.verified == ("commitment" if way == "move" else "query")
    assert pacs.fetch(peer, STUDY, tmp_path / "out") == pacs.Fetched(INSTANCES, 0, INSTANCES)
    assert contents(tmp_path / "out") == contents(study)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() + ".dcm" for name in names}


class SlowlyWoken(threading.Event):
    """Of a busy machine: who waits goes on a while after it is set."""

    def wait(self, timeout: float | None = None) -> bool:
        held = super().wait(timeout)
        time.sleep(0.02)
        return held


@pytest.mark.parametrize("way", ["get", "move"])
def test_no_answer_is_lost_when_the_library_is_slow_to_pause(
    way: str, peer_of: PeerOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = tiny()
    for number, image in enumerate(images):
        image.ds.SeriesInstanceUID = f"1.2.3.1.9.{number % 8}"
    study = write(images, tmp_path / "study")
    monkeypatch.setattr("pynetdicom.association.threading.Event", SlowlyWoken)
    peer = peer_of(way)
    assert pacs.send(peer, study).sent == INSTANCES
    assert len(archives.instances(peer, STUDY)) == INSTANCES
    assert pacs.fetch(peer, STUDY, tmp_path / "out").fetched == INSTANCES


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_study_sent_twice_is_there_once(way: str, study: Path, peer_of: PeerOf, archive: orthanc.Orthanc) -> None:
    pacs.send(peer_of(way), study)
    again = pacs.send(peer_of("web" if way == "get" else "get"), study)
    assert (again.sent, again.already, again.refused) == (0, INSTANCES, {})
    assert archive.rest("/statistics")["CountInstances"] == INSTANCES


@pytest.mark.parametrize("way", ["get", "web"])
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"patient_id": "P1"}, 1),
        ({"patient_id": "P?"}, 2),
        ({"patient_name": "doe*"}, 2),
        ({"patient_name": "Doe^Jane"}, 2),
        ({"patient_name": "Roe*"}, 0),
        ({"date": "20240301-20240331"}, 2),
        ({"date": "20240315-"}, 0),
        ({"accession": "A", "modality": "CT"}, 2),
        ({"accession": "A", "modality": "MR"}, 0),
    ],
)
def test_find(
    way: str, asked: dict[str, str], found: int, running: orthanc.Orthanc, peer_of: PeerOf, study: Path, tmp_path: Path
) -> None:
    pacs.send(peer_of("web"), write([*tiny()[:2], *tiny(seed=2)[:1]], tmp_path))
    rows = archives.find(peer_of(way), StudyQuery(**asked))
    assert len(rows) == found
    for row in rows:
        assert (row.patient_name, row.date, row.accession, row.modalities) == ("Doe^Jane", "20240314", "A", ("CT",))
        assert (row.study_uid, row.patient_id, row.series, row.instances) in (("1.2.3.1", "P1", 1, 2), ("1.2.3.2", "P2", 1, 1))


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_cut_while_sending_is_taken_up_again(
    way: str, study: Path, peer_of: PeerOf, archive: orthanc.Orthanc, tmp_path: Path
) -> None:
    # 24 images of 1.3 kB, by C-STORE over four associations: each ends before its share is through, and the query after them is not cut
    proxy = orthanc.Cutter(archive.dimse if way == "get" else archive.http, after=3_000 if way == "get" else 12_000, cuts=2)
    try:
        sent = pacs.send(peer_of(way, port=proxy.port), study)
    finally:
        proxy.close()
    assert proxy.left == 0
    assert (sent.sent, sent.already, sent.refused, sent.missing) == (INSTANCES, 0, {}, 0)
    pacs.fetch(peer_of("web"), STUDY, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(study)


@pytest.mark.parametrize("way", WAYS)
def test_a_cut_while_fetching_keeps_what_came_and_goes_on(
    way: str, study: Path, peer_of: PeerOf, archive: orthanc.Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacs.send(peer_of("web"), study)
    whole: list[str] = []
    real = pacs.atomic.write_bytes
    monkeypatch.setattr(pacs.atomic, "write_bytes", lambda path, data: (whole.append(path.name), real(path, data))[1])
    listed = archives.instances(peer_of(way), STUDY)
    monkeypatch.setattr(pacs.archive, "instances", lambda *_: listed)
    # C-MOVE brings the images over another connection; the proxy cuts the one that asks for them
    after = 900 if way == "move" else 15_000
    proxy = orthanc.Cutter(archive.http if way == "web" else archive.dimse, after=after, way="down")
    try:
        done = pacs.fetch(peer_of(way, port=proxy.port), STUDY, tmp_path / "out")
    finally:
        proxy.close()
    assert proxy.left == 0
    assert proxy.connections > 1
    assert done == pacs.Fetched(INSTANCES, 0, INSTANCES)
    assert len(whole) == len(set(whole)) == INSTANCES
    assert contents(tmp_path / "out") == contents(study)


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_connection_that_is_always_cut_is_given_up(way: str, study: Path, peer_of: PeerOf, archive: orthanc.Orthanc) -> None:
    proxy = orthanc.Cutter(archive.dimse if way == "get" else archive.http, after=3_000, cuts=1000)
    peer = peer_of(way, port=proxy.port, timing=Timing(5.0, 5.0, 1, 0.01))
    try:
        with pytest.raises(InputRefused, match="PACS-CUT"):
            archives.store(peer, pacs.outgoing(study)[:3] if way == "web" else [pacs.outgoing(big(study))[0]])
    finally:
        proxy.close()
    assert archive.rest("/statistics")["CountInstances"] == 0


def big(study: Path) -> Path:
    """One image that does not fit through the proxy."""
    image = tiny()[0]
    image.ds.ImageComments = "x" * 8_000
    return save(image, study.parent / "big" / "0").parent


@pytest.mark.parametrize("way", WAYS)
def test_what_is_there_and_whole_is_not_fetched_again(way: str, study: Path, peer_of: PeerOf, tmp_path: Path) -> None:
    peer, out = peer_of(way), tmp_path / "out"
    pacs.send(peer, study)
    pacs.fetch(peer, STUDY, out)
    gone, damaged, *kept = sorted(out.iterdir())
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:700])
    (out / ".hepaflow-tmp-left-by-a-kill").write_bytes(b"half")
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert pacs.fetch(peer, STUDY, out) == pacs.Fetched(INSTANCES, INSTANCES - 2, 2)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert contents(out) == contents(study)


def test_fetch_leaves_folders_of_others_alone(study: Path, peer_of: PeerOf, tmp_path: Path) -> None:
    peer = peer_of("web")
    pacs.send(peer, write([tiny()[0], tiny(seed=2)[0]], tmp_path / "two"))
    pacs.fetch(peer, STUDY, tmp_path / "one")
    with pytest.raises(UsageError, match=r"FETCH-OUTPUT.*another study"):
        pacs.fetch(peer, "1.2.3.2", tmp_path / "one")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"FETCH-OUTPUT.*other files"):
        pacs.fetch(peer, STUDY, tmp_path / "other")
    assert (tmp_path / "other" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("way", ["get", "web"])
def test_a_study_that_is_not_there(way: str, peer_of: PeerOf, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"PACS-NO-STUDY"):
        pacs.fetch(peer_of(way), "1.2.3.99", tmp_path / "out")
    with pytest.raises(UsageError, match=r"FETCH-UID"):
        pacs.fetch(peer_of(way), "../1.2.3", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("change", "reason"), [({"ae_title": "OTHER"}, "another"), ({"own_ae_title": "STRANGER"}, "our AE title")])
def test_a_refused_association_says_why(change: dict[str, str], reason: str, peer_of: PeerOf, study: Path) -> None:
    peer = replace(peer_of("get"), **change)
    with pytest.raises(InputRefused, match="PACS-REFUSED"):
        archives.echo(peer)
    with pytest.raises(InputRefused, match="PACS-REFUSED"):
        pacs.send(peer, study)


def test_nobody_there(study: Path, tmp_path: Path) -> None:
    port = orthanc.free_port()
    quick = Timing(2.0, 2.0, 0, 0.01)
    for peer in (DimsePeer("127.0.0.1", port, "A", timing=quick), WebPeer(f"http://127.0.0.1:{port}/x", timing=quick)):
        for work in (archives.echo, lambda p: pacs.send(p, study), lambda p: pacs.fetch(p, STUDY, tmp_path / "o")):
            with pytest.raises(InputRefused, match="PACS-UNREACHABLE"):
                work(peer)


def test_someone_there_who_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        quick = Timing(0.5, 0.5, 0, 0.01)
        with pytest.raises(InputRefused, match=r"PACS-NO-ANSWER"):
            archives.echo(DimsePeer("127.0.0.1", port, "A", timing=quick))
        with pytest.raises(InputRefused, match="PACS-CUT"):
            archives.echo(WebPeer(f"http://127.0.0.1:{port}/x", timing=quick))


def test_a_server_that_is_not_dicomweb(archive: orthanc.Orthanc, study: Path) -> None:
    for path in ("/nothing", "/app"):
        peer = WebPeer(f"http://127.0.0.1:{archive.http}{path}", timing=Timing(5.0, 5.0, 0, 0.01))
        with pytest.raises(HepaflowError, match=r"PACS-FAILED.*404"):
            archives.find(peer, StudyQuery(patient_id="P1"))


@pytest.mark.parametrize("change", [{"AllowGet": False}, {"AllowGet": False, "AllowMove": False}], ids=["no C-GET", "neither"])
def test_without_c_get_the_images_come_by_c_move(change: dict[str, bool], study: Path, tmp_path: Path) -> None:
    running = orthanc.start(tmp_path / "orthanc", modality=change)
    peer = DimsePeer("127.0.0.1", running.dimse, orthanc.TITLE, orthanc.OWN, timing=Timing(5.0, 20.0, 0, 0.01))
    try:
        pacs.send(peer, study)
        with pytest.raises(InputRefused, match="PACS-INCOMPLETE"):
            pacs.fetch(peer, STUDY, tmp_path / "out")
        reachable = replace(peer, listen_port=running.back)
        if change.get("AllowMove", True):
            assert pacs.fetch(reachable, STUDY, tmp_path / "out").fetched == INSTANCES
        else:
            with pytest.raises(InputRefused, match="PACS-INCOMPLETE"):
                pacs.fetch(reachable, STUDY, tmp_path / "out")
    finally:
        running.process.kill()
        running.process.wait()


def test_a_user_and_password(study: Path, tmp_path: Path) -> None:
    running = orthanc.start(tmp_path / "orthanc", AuthenticationEnabled=True, RegisteredUsers={"reader": "secret"})
    quick = Timing(5.0, 20.0, 0, 0.01)
    try:
        archives.echo(WebPeer(running.web, "reader", "secret", timing=quick))
        for user, password in ((None, None), ("reader", "wrong")):
            with pytest.raises(InputRefused, match="PACS-REFUSED"):
                archives.echo(WebPeer(running.web, user, password, timing=quick))
        assert "secret" not in repr(WebPeer(running.web, "reader", "secret"))
    finally:
        running.process.kill()
        running.process.wait()
