"""The node against our own sender: who may call, what is kept, what a sender makes of refusals."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orthanc
import pytest
from pydicom import dcmread
from tiny_study import save, tiny, write

from hepaflow.dicom.network import archive
from hepaflow.dicom.network.node import CONTRADICTS, NO_SPACE, NOT_UNDERSTOOD, Node, listening
from hepaflow.dicom.network.objects import data_set, outgoing
from hepaflow.dicom.network.peer import DimsePeer, Timing, Tls
from hepaflow.errors import HepaflowError, InputRefused, OutputFailed, UsageError
from hepaflow.workflow import receive_inbox
from hepaflow.workflow.receive_inbox import Inbox, Outcome, content

TIMING = Timing(5.0, 10.0, 1, 0.01)
#: Of a busy machine; a connection held for good would take longer.
PATIENCE_S = 30.0


@pytest.fixture
def port() -> int:
    return orthanc.free_port()


@contextmanager
def node(port: int, take: Callable[[bytes], int], **change: Any) -> Iterator[list[str]]:
    said: list[str] = []
    settings = {"ae_title": "NODE", "port": port, "calling": ("US",)} | change
    with listening(Node(**settings), take, said.append):
        yield said


def us(port: int, **change: Any) -> DimsePeer:
    return DimsePeer(**({"host": "127.0.0.1", "port": port, "ae_title": "NODE", "own_ae_title": "US", "timing": TIMING} | change))


def test_every_object_arrives_as_it_was_sent(port: int, tmp_path: Path) -> None:
    objects = outgoing(write(tiny(), tmp_path / "s"))
    came: list[bytes] = []
    with node(port, lambda data: came.append(data) or 0):
        archive.echo(us(port))
        answers = archive.store(us(port), objects)
    assert answers.taken == {one.identity.sop_uid for one in objects}
    assert not answers.refused
    assert sorted(map(data_set, came)) == sorted(data_set(one.path.read_bytes()) for one in objects)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"own_ae_title": "STRANGER"}, "NODE-CALLER-REFUSED"), ({"ae_title": "OTHER"}, "NODE-CALLER-REFUSED")],
)
def test_titles_that_are_not_known_are_refused(port: int, change: dict[str, str], said: str) -> None:
    with node(port, lambda _: 0) as heard:
        with pytest.raises(InputRefused, match="PACS-REFUSED"):
            archive.echo(us(port, **change))
        archive.echo(us(port))
    assert heard == [said]


def test_addresses_that_are_not_known_are_hung_up_on(port: int) -> None:
    with node(port, lambda _: 0, peers=("127.0.0.9",)) as heard, pytest.raises(InputRefused, match="PACS-NO-ANSWER"):
        archive.echo(us(port))
    assert "NODE-ADDRESS-REFUSED" in heard


def test_a_port_in_use_is_said(port: int) -> None:
    with node(port, lambda _: 0), pytest.raises(OutputFailed, match="NODE-PORT"), node(port, lambda _: 0):
        pass


def test_refusals_are_counted_by_code_and_the_rest_goes_on(port: int, tmp_path: Path) -> None:
    objects = outgoing(write(tiny()[:6], tmp_path / "s"))
    answers = iter([0, NO_SPACE, 0x0111, 0xB000, NOT_UNDERSTOOD, 0])
    with node(port, lambda _: next(answers)):
        found = archive.store(us(port, associations=1), objects)
    uids = [one.identity.sop_uid for one in objects]
    assert found.taken == {uids[0], uids[2], uids[3], uids[5]}
    assert found.refused == {uids[1]: "0xA700", uids[4]: "0xC000"}


def test_a_kind_that_the_node_does_not_know_is_refused_and_the_rest_goes_on(port: int, tmp_path: Path) -> None:
    images = tiny()[:2]
    images[0].ds.SOPClassUID = "1.2.3.4.5"
    objects = outgoing(write(images, tmp_path / "s"))
    with node(port, lambda _: 0):
        found = archive.store(us(port), objects)
    assert found.refused == {images[0].ds.SOPInstanceUID: "NO-CONTEXT"}
    assert found.taken == {images[1].ds.SOPInstanceUID}


def test_more_kinds_than_one_association_may_propose(port: int, tmp_path: Path) -> None:
    from pynetdicom.presentation import AllStoragePresentationContexts

    kinds = [str(context.abstract_syntax) for context in AllStoragePresentationContexts][:70]  # two contexts each
    images = []
    for number, kind in enumerate(kinds):
        (image,) = tiny(times_s=(0.0,), slices=1)
        image.ds.SOPClassUID, image.ds.SOPInstanceUID = kind, f"1.2.3.{number}"
        images.append(image)
    objects = outgoing(write(images, tmp_path / "s"))
    with node(port, lambda _: 0):
        found = archive.store(us(port), objects)
    assert len(found.taken) == len(kinds)
    assert not found.refused


@pytest.fixture
def inbox(tmp_path: Path) -> SimpleNamespace:
    said: list[tuple[str, dict[str, Any]]] = []
    folder = tmp_path / "data"
    made = Inbox(folder, least_free_gb=0.0, log=lambda event, **facts: said.append((event, facts)))
    return SimpleNamespace(inbox=made, said=said, folder=folder)


def received(image: Any, folder: Path) -> bytes:
    """An image as the node writes it."""
    return save(image, folder / "one").read_bytes()


def test_the_inbox_keeps_an_object_once(inbox: SimpleNamespace, tmp_path: Path) -> None:
    data = received(tiny()[0], tmp_path)
    assert [inbox.inbox.take(data) for _ in range(3)] == [0, 0, 0]
    (study,) = inbox.inbox.studies()
    (file,) = study.iterdir()
    assert file.read_bytes() == data
    assert "1.2.3" not in str(file)
    assert inbox.said == []
    assert list((inbox.folder / "arriving").iterdir()) == []


def test_another_content_for_an_instance_is_kept_out_and_said(inbox: SimpleNamespace, tmp_path: Path) -> None:
    image = tiny()[0]
    data = received(image, tmp_path)
    inbox.inbox.take(data)
    image.ds.PatientName = "Canary^Name"
    assert inbox.inbox.take(received(image, tmp_path)) == CONTRADICTS
    (study,) = inbox.inbox.studies()
    (file,) = study.iterdir()
    assert file.read_bytes() == data
    assert inbox.said == [("object-refused", {"code": "RECEIVE-CONTRADICTS", "study": study.name})]


@pytest.mark.parametrize("cut", [0, 100, 140, 200, 600, -1])
def test_a_damaged_object_is_not_kept(inbox: SimpleNamespace, tmp_path: Path, cut: int) -> None:
    assert inbox.inbox.take(received(tiny()[0], tmp_path)[:cut]) == NOT_UNDERSTOOD
    assert inbox.inbox.studies() == []
    assert [event for event, _ in inbox.said] == ["object-refused"]


def test_a_uid_never_becomes_a_path(inbox: SimpleNamespace, tmp_path: Path) -> None:
    image = tiny()[0]
    path = save(image, tmp_path / "one")
    path.write_bytes(path.read_bytes().replace(b"1.2.3.1.0.0.0", b"../../../.a/b"))
    assert inbox.inbox.take(path.read_bytes()) == NOT_UNDERSTOOD
    assert inbox.said == [("object-refused", {"code": "OBJECT-UID"})]


def test_nothing_is_kept_when_the_disk_is_nearly_full(
    inbox: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = received(tiny()[0], tmp_path)
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(receive_inbox.shutil, "disk_usage", lambda _: usage(10**9, 10**9, len(data) - 1))
    assert inbox.inbox.take(data) == NO_SPACE
    assert inbox.said[0][1]["code"] == "RECEIVE-NO-SPACE"
    monkeypatch.setattr(receive_inbox.shutil, "disk_usage", lambda _: usage(10**9, 0, len(data)))
    assert inbox.inbox.take(data) == 0


def test_a_write_that_fails_is_no_success(inbox: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OutputFailed("OUTPUT-NO-SPACE", "no space left", "Free space")

    monkeypatch.setattr(receive_inbox.atomic, "write_bytes", full)
    assert inbox.inbox.take(received(tiny()[0], tmp_path)) == NO_SPACE
    assert inbox.said == [("object-refused", {"code": "OUTPUT-NO-SPACE"})]


def test_outcomes_are_read_back_and_damaged_ones_are_none(inbox: SimpleNamespace, tmp_path: Path) -> None:
    inbox.inbox.take(received(tiny()[0], tmp_path))
    (study,) = inbox.inbox.studies()
    assert inbox.inbox.outcome(study) is None
    outcome = Outcome(*content(study), "left", "RULE-MODALITY")
    inbox.inbox.record(study, outcome)
    assert inbox.inbox.outcome(study) == outcome
    for text in ("", "[]", '{"schema": 1}', '{"schema": 1, "other": 2}', '"x"'):
        (inbox.folder / "state" / f"{study.name}.json").write_text(text)
        assert inbox.inbox.outcome(study) is None


def test_outgoing_takes_each_instance_once(tmp_path: Path) -> None:
    folder = write(tiny()[:3], tmp_path / "s")
    first = sorted(path for path in folder.rglob("*") if path.is_file())[0]
    shutil.copy(first, folder / "copy")
    (folder / "notes.txt").write_text("not DICOM")
    assert len(outgoing(folder)) == 3
    changed = dcmread(first)
    changed.PatientName = "Canary^Name"
    changed.save_as(folder / "other")
    with pytest.raises(InputRefused, match="SEND-TWO-CONTENTS") as refused:
        outgoing(folder)
    assert "Canary" not in str(refused.value)


def test_outgoing_refuses(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="SOURCE-MISSING"):
        outgoing(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("not DICOM at all, and long enough to be something")
    with pytest.raises(InputRefused, match="STUDY-EMPTY"):
        outgoing(tmp_path)
    shutil.make_archive(str(tmp_path / "a"), "zip", write(tiny()[:1], tmp_path / "s"))
    with pytest.raises(UsageError, match="SEND-ARCHIVE"):
        outgoing(tmp_path / "a.zip")
    path = save(tiny()[0], tmp_path / "t" / "0.dcm")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputRefused, match="FILE-TRUNCATED"):
        outgoing(tmp_path / "t")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([program, *words.split(), "-keyout", folder / "key", "-out", folder / "pem"], check=True, capture_output=True)
    return Tls(folder / "pem", folder / "pem", folder / "key")


def test_tls_lets_in_who_shows_a_trusted_certificate_and_no_one_else(port: int, tls: Tls, tmp_path: Path) -> None:
    objects = outgoing(write(tiny()[:4], tmp_path / "s"))
    once = Timing(5.0, 10.0, 0, 0.01)
    with node(port, lambda _: 0, tls=tls), socket.create_connection(("127.0.0.1", port)):
        # the silent connection holds up nobody
        assert len(archive.store(us(port, host="localhost", tls=tls, timing=TIMING), objects).taken) == 4
        for stranger in (None, Tls(tls.trusted)):
            with pytest.raises(HepaflowError, match="PACS-"):
                archive.echo(us(port, host="localhost", tls=stranger, timing=once))
        with pytest.raises(InputRefused, match="PACS-UNREACHABLE"):  # the certificate is of another name
            archive.echo(us(port, host="127.0.0.1", tls=tls, timing=once))
        archive.echo(us(port, host="localhost", tls=tls))


def until_let_in(peer: DimsePeer) -> None:
    """Places are free a moment after their connections have ended."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return archive.echo(peer)
        except InputRefused:
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.parametrize(
    "said", [b"", b"\x01\x00\x00\x00\x01", b"\x01\x00\x00\x00\x00\xce" + bytes(100), b"\x01\x00\xff\xff\xff\xff"]
)
def test_callers_that_stop_in_the_middle_are_dropped_and_do_not_hold_the_end_up(port: int, said: bytes) -> None:
    with node(port, lambda _: 0, idle_s=1.0) as heard:
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        for caller in callers:
            caller.sendall(said)
        for caller in callers:
            caller.settimeout(PATIENCE_S)
            while caller.recv(100):  # perhaps an abort, then the end
                pass
        until_let_in(us(port))
        again = socket.create_connection(("127.0.0.1", port))
        again.sendall(said)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE_S
    assert set(heard) <= {"NODE-CUT"}
    for caller in (*callers, again):
        caller.close()


def test_tls_addresses_are_looked_at_before_the_handshake(port: int, tls: Tls) -> None:
    with node(port, lambda _: 0, tls=tls) as heard:
        strangers = [socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)) for _ in range(4)]
        archive.echo(us(port, host="localhost", tls=tls, timing=TIMING))
        for one in strangers:
            one.close()
    assert heard.count("NODE-ADDRESS-REFUSED") == 4
