"""Servers that answer what no server should: refused by name, no address followed, no memory filled, nothing taken for an answer."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orthanc
import pytest
from pynetdicom import AE, AllStoragePresentationContexts, evt
from tiny_study import tiny, write

from hepaflow.dicom.network import archive, web
from hepaflow.dicom.network.objects import outgoing
from hepaflow.dicom.network.peer import DimsePeer, Timing, WebPeer
from hepaflow.dicom.network.studies import StudyQuery
from hepaflow.errors import InputRefused

#: Of a busy machine, where an answer comes; and where none does.
PATIENT, QUICK = Timing(20.0, 20.0, 0, 0.01), Timing(0.5, 0.5, 0, 0.01)
WHO = StudyQuery(patient_id="P1")


@contextmanager
def server(status: int, body: bytes | Callable[[], Iterator[bytes]], **headers: str) -> Iterator[tuple[WebPeer, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            try:
                for piece in [body] if isinstance(body, bytes) else body():
                    self.wfile.write(piece)
            except OSError:
                pass

        def do_POST(self) -> None:
            self.do_GET()

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield WebPeer(f"http://127.0.0.1:{running.server_port}/dicom-web", timing=PATIENT), asked
    finally:
        running.shutdown()
        running.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("way", ["find", "store"])
def test_no_redirect_is_followed(status: int, way: str, tmp_path: Path) -> None:
    with server(200, b"[]") as (elsewhere, reached), server(status, b"", Location=f"{elsewhere.url}/studies") as (peer, _):
        files = outgoing(write(tiny()[:1], tmp_path))
        with pytest.raises(InputRefused, match="PACS-REDIRECTED"):
            archive.find(peer, WHO) if way == "find" else archive.store(peer, files)
        assert reached == []


ODD = [
    b"",
    b"null",
    b"1",
    b'"x"',
    b"{}",
    b"[1]",
    b"[null]",
    b"<html>",
    b"[" * 100_000,
    b"[1e400]",
    b"\xff\xfe",
    b'[{"00100020": 1}',
    b"{" * 5,
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("way", ["find", "instances", "echo"])
def test_an_odd_answer_to_a_search_is_none(body: bytes, way: str) -> None:
    with server(200, body, Content_Type="application/dicom+json") as (peer, _), pytest.raises(InputRefused, match="PACS-ANSWER"):
        {
            "find": lambda: archive.find(peer, WHO),
            "instances": lambda: archive.instances(peer, "1.2"),
            "echo": lambda: archive.echo(peer),
        }[way]()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[1]",
        b"<html>",
        b'{"00081199": 1}',
        b'{"00081199": {"Value": [null]}}',
        b'{"00081198": {"Value": [{"00081155": {"Value": ["1"]}, "00081197": {"Value": ["x"]}}]}}',
    ],
)
def test_an_odd_answer_to_stow_is_none(body: bytes, tmp_path: Path) -> None:
    with server(200, body, Content_Type="application/dicom+json") as (peer, _), pytest.raises(InputRefused, match="PACS-ANSWER"):
        archive.store(peer, outgoing(write(tiny()[:1], tmp_path)))


def test_no_content_is_no_study() -> None:
    with server(204, b"") as (peer, _):
        assert archive.find(peer, WHO) == ()


def test_answers_without_end_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LARGEST_ANSWER", 2_000_000)
    monkeypatch.setattr(web, "MOST_PAGES", 5)

    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 100_000

    with server(200, endless) as (peer, _), pytest.raises(InputRefused, match="PACS-ANSWER"):
        archive.find(peer, WHO)
    packed = gzip.compress(bytes(20_000_000))
    with server(200, packed, Content_Encoding="gzip") as (peer, _), pytest.raises(InputRefused, match="PACS-ANSWER"):
        archive.find(peer, WHO)
    with server(200, b"not packed", Content_Encoding="gzip") as (peer, _), pytest.raises(InputRefused, match="PACS-ANSWER"):
        archive.find(peer, WHO)
    count = iter(range(100))

    def another() -> Iterator[bytes]:
        yield json.dumps([{"0020000D": {"vr": "UI", "Value": [f"1.2.{next(count)}"]}}]).encode()

    with server(200, another) as (peer, asked), pytest.raises(InputRefused, match=r"PACS-ANSWER.*do not end"):
        archive.find(peer, WHO)
    assert len(asked) == 5


@pytest.mark.parametrize(
    "said",
    [b"", b"\x02\x00\x00\x00\x01\x00", b"\x02\x00\x00\x00", b"\x02\x00\xff\xff\xff\xff", b"HTTP/1.1 400 Bad Request\r\n\r\n"],
)
def test_half_an_answer_to_an_association_is_waited_for_no_longer_than_it_may_take(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            client, _ = listening.accept()
            client.recv(10_000)
            client.sendall(said)
            kept.append(client)

        kept: list[socket.socket] = []
        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(InputRefused, match="PACS-NO-ANSWER"):
            archive.echo(DimsePeer("127.0.0.1", listening.getsockname()[1], "A", timing=QUICK))
        for client in kept:
            client.close()


@contextmanager
def dimse(stored: Callable[[Any], int], **settings: Any) -> Iterator[DimsePeer]:
    entity = AE("ODD")
    entity.supported_contexts = settings.pop("contexts", AllStoragePresentationContexts)
    for name, value in settings.items():
        setattr(entity, name, value)
    port = orthanc.free_port()
    running = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, stored)])
    try:
        yield DimsePeer("127.0.0.1", port, "ODD", timing=Timing(20.0, 20.0, 1, 0.01), associations=2)
    finally:
        running.shutdown()  # type: ignore[union-attr]


def test_an_archive_that_takes_no_packets_is_refused(tmp_path: Path) -> None:
    files = outgoing(write(tiny()[:2], tmp_path))
    with dimse(lambda _: 0, maximum_pdu_size=6) as peer, pytest.raises(InputRefused, match="PACS-ANSWER"):
        archive.store(peer, files)


def test_an_answer_to_another_request_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pynetdicom.dimse_primitives import C_STORE

    files = outgoing(write(tiny()[:3], tmp_path))
    real = C_STORE.MessageIDBeingRespondedTo

    def other(self: Any, value: int | None) -> None:
        real.fset(self, None if value is None else value + 1)  # type: ignore[misc]

    with dimse(lambda _: 0) as peer:
        monkeypatch.setattr(C_STORE, "MessageIDBeingRespondedTo", property(real.fget, other))
        with pytest.raises(InputRefused, match="PACS-CUT"):
            archive.store(peer, files)


def test_a_file_that_is_gone_or_changed_meanwhile_does_not_end_the_rest(tmp_path: Path) -> None:
    files = outgoing(write(tiny()[:4], tmp_path))
    files[1].path.unlink()
    files[2].path.write_bytes(b"something else")
    with dimse(lambda _: 0) as peer:
        answers = archive.store(peer, files)
    assert answers.taken == {files[0].identity.sop_uid, files[3].identity.sop_uid}
    assert set(answers.refused.values()) == {"UNREADABLE"}


def test_more_kinds_than_one_association_proposes_of_which_few_are_taken(tmp_path: Path) -> None:
    images = tiny() * 7
    for number, image in enumerate(images[:140]):
        image.ds.SOPInstanceUID = f"1.2.77.{number}"
        image.ds.SOPClassUID = f"1.2.3.4.{number}" if number != 3 else image.ds.SOPClassUID
    files = []
    for number, image in enumerate(images[:140]):
        copied = tmp_path / f"{number}"
        copied.mkdir()
        image.ds.SOPInstanceUID, image.ds.SOPClassUID = (
            f"1.2.77.{number}",
            f"1.2.3.4.{number}" if number != 3 else "1.2.840.10008.5.1.4.1.1.2",
        )
        files += list(outgoing(write([image], copied)))
    with dimse(lambda _: 0) as peer:
        answers = archive.store(peer, files)
    assert answers.taken == {"1.2.77.3"}
    assert len(answers.refused) == 139
    assert set(answers.refused.values()) == {"NO-CONTEXT"}
