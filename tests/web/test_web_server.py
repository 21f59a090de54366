"""The server as a process and as a socket: its address, one folder one server, slow and greedy clients, beyond loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_web_jobs import PATIENCE_S, until

from hepaflow.errors import HepaflowError, UsageError
from hepaflow.web import accounts, connection
from hepaflow.web import server as s
from hepaflow.web.room import Gate, Room
from hepaflow.web.tables import Tables


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[int, Room]]:
    """A server in a thread; its port and room."""
    settings = s.Settings(tmp_path / "data", port=0)
    with s.listening(settings) as listener:
        port = listener.getsockname()[1]
        with s.open_room(settings, Gate(frozenset({f"127.0.0.1:{port}"}), port=port)) as room:
            server = s.server_of(room, settings)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            until(lambda: server.started)
            yield port, room
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def headers(room: Room) -> dict[str, str]:
    return {"cookie": f"{room.gate.cookie}={room.sessions.start('local')}", "x-hepaflow": "1"}


def read_all(client: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    client.settimeout(PATIENCE_S)
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            got += part
    return got


def test_headers_that_do_not_come_end_the_connection(running: tuple[int, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.3)
    for begun in (b"", b"GET /api/me HTTP/1.1\r\nHost:", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50):
        with socket.create_connection(("127.0.0.1", running[0])) as client:
            client.sendall(begun)
            assert read_all(client) == b""


def test_a_second_request_must_come_whole_too(running: tuple[int, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.3)
    with socket.create_connection(("127.0.0.1", running[0])) as client:
        client.sendall(f"GET /door.css HTTP/1.1\r\nHost: 127.0.0.1:{running[0]}\r\n\r\nGET /door.css HTT".encode())  # both at once
        assert read_all(client).count(b"HTTP/1.1 200") == 1


def test_a_page_that_thinks_for_a_while_is_not_cut_off(running: tuple[int, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.5)
    client = http.client.HTTPConnection("127.0.0.1", running[0])
    for pause_s in (0.0, 1.0):
        time.sleep(pause_s)
        client.request("GET", "/door.css")
        assert client.getresponse().read()
    client.close()


def test_an_answer_that_nobody_takes_ends_the_connection(running: tuple[int, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TAKE_S", 0.3)
    port, room = running
    with room.tables.begin() as db:
        for _ in range(1000):
            room.tables.audit(db, study=None, who="x" * 2000, what="filler", detail={})
    secret = headers(room)["cookie"]
    with socket.create_connection(("127.0.0.1", port)) as first:  # what the first answer opens for good is not counted
        first.sendall(
            f"GET /api/audit HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nCookie: {secret}\r\n\r\n".encode()
        )
        assert read_all(first).startswith(b"HTTP/1.1 200")
    before = len(os.listdir("/proc/self/fd"))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        request = f"GET /api/audit HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {secret}\r\n\r\n".encode()
        client.sendall(request * 8)
        assert client.recv(1)  # it answers, and no more is taken
        until(lambda: len(os.listdir("/proc/self/fd")) <= before + 1)


def test_there_is_an_end_to_open_connections(running: tuple[int, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 2)
    held = [socket.create_connection(("127.0.0.1", running[0])) for _ in range(2)]  # let in in the order in which they came
    with socket.create_connection(("127.0.0.1", running[0])) as third:
        assert read_all(third) == b""
    held[0].sendall(f"GET /door.css HTTP/1.1\r\nHost: 127.0.0.1:{running[0]}\r\n\r\n".encode())
    assert held[0].recv(100).startswith(b"HTTP/1.1 200")
    for one in held:
        one.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000,
    ],
)
def test_what_is_no_request_is_answered_in_the_one_shape(running: tuple[int, Room], sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running[0])) as client:
        client.sendall(sent)
        got = read_all(client)
    assert got.startswith(b"HTTP/1.1 400")
    assert b'"HTTP-INVALID"' in got


@pytest.mark.parametrize("way", ["chunk", "length"])
def test_a_body_beyond_its_size_is_not_read_to_its_end(running: tuple[int, Room], way: str) -> None:
    port, room = running
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.putrequest("PUT", "/api/me")
    for name, value in headers(room).items():
        client.putheader(name, value)
    client.putheader("content-type", "application/json")
    client.putheader(*(("transfer-encoding", "chunked") if way == "chunk" else ("content-length", str(2**40))))
    client.endheaders()
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            client.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
    with contextlib.suppress(ConnectionError):
        answer = client.getresponse()
        assert answer.status == 413
        assert b"GUARD-TOO-LARGE" in answer.read()
    client.close()


def test_no_descriptor_is_left_over_after_500_requests(running: tuple[int, Room]) -> None:
    port, room = running
    own = headers(room)

    def some(number: int) -> None:
        for n in range(number):
            client = http.client.HTTPConnection("127.0.0.1", port)
            target = ("/api/studies", "/api/me", "/nothing", "/api/jobs/x", "/door.css")[n % 5]
            client.request("GET", target, headers=own if n % 7 else {})
            client.getresponse().read()
            client.close()

    some(50)
    before = len(os.listdir("/proc/self/fd"))
    some(500)
    until(lambda: len(os.listdir("/proc/self/fd")) <= before + 3)


def test_pages_that_leave_are_forgotten(running: tuple[int, Room]) -> None:
    port, room = running
    request = f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {headers(room)['cookie']}\r\n\r\n".encode()
    pages = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) for _ in range(5)]
    for page in pages:
        page.sendall(request)
    until(lambda: len(room.events._pages) == 5)
    room.events.tell("study", {"study": "x"})
    for page in pages:
        got = b""
        while b"event: study" not in got:
            got += page.recv(4096)
        page.close()
    until(lambda: not room.events._pages)


# ---- the command -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def command(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``hepaflow serve`` and the first line that it prints."""
    program = [sys.executable, "-P", "-m", "hepaflow", "serve", "--no-browser", "--port", "0", *options]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_one_command_one_address_one_server_a_folder(tmp_path: Path, hostile_study: Path) -> None:
    with command("--data", str(tmp_path / "data")) as (process, line):
        address, _, token = line.partition("/enter?token=")
        assert address.startswith("http://127.0.0.1:")
        host = address.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(host)) as client:
            client.request("GET", f"/enter?token={token}")
            answer = client.getresponse()
            answer.read()
        assert answer.status == 303
        assert answer.getheader("server") is None
        own = {"Cookie": str(answer.getheader("set-cookie")).split(";")[0], "X-Hepaflow": "1", "Content-Type": "application/json"}
        pages = [http.client.HTTPConnection(host) for _ in range(3)]
        pages[0].request("GET", "/api/events", headers=own)  # open to the end
        for number, path in enumerate((hostile_study, hostile_study / "CANARY-NOT-THERE"), start=1):
            pages[number].request("POST", "/api/studies", json.dumps({"path": str(path)}), own)
            assert pages[number].getresponse().read()
        with command("--data", str(tmp_path / "data")) as (second, said):
            assert said == ""
            assert second.wait(PATIENCE_S) == 2
            assert second.stderr is not None
            assert second.stderr.read().startswith("ROOM-LOCKED")
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        for page in pages:
            page.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""  # no line of a request, an error or a patient
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_two_servers_on_one_folder_are_refused_at_once(tmp_path: Path) -> None:
    settings, gate = s.Settings(tmp_path / "data"), Gate(frozenset())
    with s.open_room(settings, gate), pytest.raises(UsageError, match="ROOM-LOCKED"), s.open_room(settings, gate):
        pass
    with s.open_room(settings, gate):  # and given back
        pass


def test_the_data_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    with s.open_room(s.Settings(tmp_path / "data"), Gate(frozenset())):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_folder_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="DATA-NOT-OURS"), s.open_room(s.Settings(tmp_path), Gate(frozenset())):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_beyond_loopback_a_certificate_is_needed(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="SERVE-NO-TLS"):
        s.serve(s.Settings(tmp_path / "data", host=host, port=0), ready=lambda _: None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_what_loopback_is(tmp_path: Path, host: str) -> None:
    assert s.Settings(tmp_path, host=host).local


def test_beyond_loopback_accounts_are_needed(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="SERVE-NO-ACCOUNTS"),
        s.open_room(s.Settings(tmp_path / "d"), Gate(frozenset(), local=False)),
    ):
        pass


@pytest.mark.parametrize("given", [("certificate",), ("key",), ("certificate", "key")])
def test_a_certificate_must_hold(tmp_path: Path, given: tuple[str, ...]) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="SERVE-TLS"):
        s.serve(s.Settings(tmp_path / "data", port=0, **dict.fromkeys(given, tmp_path / "x.pem")), ready=lambda _: None)


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(HepaflowError, match="SERVE-PORT"):
        s.serve(s.Settings(tmp_path / "data", port=other.getsockname()[1]), ready=lambda _: None)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_with_accounts_and_a_certificate_others_come_in_by_password(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    asked = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=reading.test",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(["openssl", *asked], check=True, capture_output=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".hepaflow-room").touch()
    tables = Tables(tmp_path / "data")
    accounts.add(tables, "marie", role="viewer", password="correct horse", who="test")
    tables.close()
    options = ("--data", str(tmp_path / "data"), "--host", "0.0.0.0", "--name", "reading.test")
    with command(*options, "--certificate", str(certificate), "--key", str(key)) as (process, line):
        assert line.startswith("https://reading.test:")
        assert line.endswith("/login")
        port = int(line.split(":")[2].split("/")[0])
        import ssl

        trust = ssl.create_default_context(cafile=str(certificate))
        trust.check_hostname = False

        def request(method: str, path: str, body: str | None = None, **more: str) -> tuple[http.client.HTTPResponse, bytes]:
            with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", port, context=trust)) as client:
                client.request(method, path, body, {"Host": f"reading.test:{port}", **more})
                answer = client.getresponse()
                return answer, answer.read()

        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://reading.test:{port}"}
        assert request("GET", "/api/studies")[0].status == 401
        assert request("POST", "/login", "name=marie&password=wrong", **form)[0].status == 401
        answer, _ = request("POST", "/login", "name=marie&password=correct+horse", **form)
        cookie = answer.getheader("set-cookie") or ""
        assert answer.status == 303
        assert cookie.startswith(f"__Host-hepaflow-{port}=")
        assert "; Secure" in cookie
        inside = {"Cookie": cookie.split(";")[0], "X-Hepaflow": "1"}
        told, body = request("GET", "/api/me", **inside)
        assert told.getheader("strict-transport-security")
        assert b'"role":"viewer"' in body
        assert request("POST", "/api/studies", "{}", **inside, **{"Content-Type": "application/json"})[0].status == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0


_LOADED = """
import sys
from hepaflow.web import server
before = set(sys.modules)  # what there is when the address is printed
import importlib, pkgutil, hepaflow.web
for found in pkgutil.iter_modules(hepaflow.web.__path__):
    if found.name == "app" or found.name.startswith("views_"):
        importlib.import_module("hepaflow.web." + found.name)
print(*sorted(before & {"numba", "fastapi", "scipy.ndimage", *HEAVY}), "|", *sorted(set(sys.modules) & HEAVY))
"""


def test_a_start_waits_for_no_library_that_it_does_not_need() -> None:
    heavy = {"scipy.stats", "matplotlib", "highdicom", "itk", "pandas", "nibabel", "pynetdicom", "docx"}
    code = _LOADED.replace("HEAVY", repr(heavy))
    told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "|"


def found_at(host: str, path: str) -> tuple[str, str]:
    """The study that a printed address asks for, and the one that is there when it has come in."""
    asked = path.rpartition("=")[2]
    with contextlib.closing(http.client.HTTPConnection(host)) as client:
        client.request("GET", f"/{path}")
        answer = client.getresponse()
        answer.read()
        leads_to = str(answer.getheader("location")).removeprefix("/#/study/")
        own = {"Cookie": str(answer.getheader("set-cookie")).split(";")[0]}
        told: dict[str, Any] = {}

        def ended() -> bool:
            client.request("GET", f"/api/studies/{asked}", headers=own)
            told.update(json.loads(client.getresponse().read()))
            return "error" in told or told["state"] == "imported"

        until(ended)
    if "error" in told:
        assert told["error"]["code"] == "STUDY-KNOWN"
    found = str(told.get("study", asked))
    assert leads_to in {asked, found}
    return asked, found


def test_a_study_given_at_the_start_is_brought_in_once_and_opened(tmp_path: Path, hostile_study: Path) -> None:
    seen = []
    for _ in range(2):
        with command("--data", str(tmp_path / "data"), str(hostile_study)) as (process, line):
            host, _, path = line.removeprefix("http://").partition("/")
            seen.append(found_at(host, path))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
    (first, opened), (second, led_to) = seen
    assert first == opened == led_to != second
    with command("--data", str(tmp_path / "data"), str(tmp_path / "nothing")) as (process, line):
        assert not line
        assert process.wait(PATIENCE_S) == 3
