"""Accounts: roles held at every request, passwords checked slowly, and the door's pages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from room_for_tests import HOST, Answer, ask

from hepaflow.errors import UsageError
from hepaflow.web import accounts
from hepaflow.web import tables as t
from hepaflow.web.app import make_app
from hepaflow.web.refusals import NotThere, Refused
from hepaflow.web.room import Gate, Room
from hepaflow.web.server import Settings, open_room
from hepaflow.web.sessions import Sessions

GATE = Gate(frozenset({HOST}), local=False)
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Room]]:
    """An application that people log in to, with an account of every role."""
    data = tmp_path_factory.mktemp("accounts") / "data"
    with open_room(Settings(data), Gate(frozenset())) as room:
        for role in accounts.ROLES:
            accounts.add(room.tables, role, role=role, password=PASSWORD, who="test")
    with open_room(Settings(data), GATE) as room:
        yield make_app(room), room


def request(guarded: tuple[Any, Room], who: str | None, method: str, target: str, body: bytes = b"") -> Answer:
    app, room = guarded
    own = [] if who is None else [("cookie", f"{GATE.cookie}={room.sessions.start(who)}")]
    sent = [("content-type", "application/json"), ("content-length", str(len(body)))] if body else []
    return ask(app, method, target, [("host", HOST), ("x-hepaflow", "1"), *own, *sent], body)


MATRIX = [
    ("GET", "/api/studies", b"", "viewer"),
    ("PUT", "/api/me", b'{"language": "fr"}', "viewer"),
    ("POST", "/api/studies", b'{"path": "/nothing-here"}', "reader"),
    ("POST", "/api/studies/aaaaaaaaaaaa/regions/import", b"", "reader"),
    ("DELETE", "/api/studies/aaaaaaaaaaaa", b"", "reader"),
    ("POST", "/api/studies/aaaaaaaaaaaa/analyze", b"{}", "reader"),
    ("DELETE", "/api/jobs/aaaaaaaaaaaa", b"", "reader"),
    ("POST", "/api/archives/x/find", b'{"patient_id": "1"}', "reader"),
    ("GET", "/api/accounts", b"", "admin"),
    ("PUT", "/api/accounts/new", b'{"role": "admin", "password": "short"}', "admin"),
    ("DELETE", "/api/accounts/nobody", b"", "admin"),
]


@pytest.mark.parametrize(("method", "body"), [("DELETE", b""), ("PUT", b'{"role": "reader", "password": "correct horse battery"}')])
def test_an_admin_does_not_lock_the_door_from_inside(guarded: tuple[Any, Room], method: str, body: bytes) -> None:
    answer = request(guarded, "admin", method, "/api/accounts/admin", body)
    assert (answer.status, answer.code) == (400, "ACCOUNT-OWN")
    assert accounts.role_of(guarded[1].tables, "admin") == "admin"


@pytest.mark.parametrize(("method", "target", "body", "least"), MATRIX)
@pytest.mark.parametrize("who", accounts.ROLES)
def test_a_role_is_held_at_every_request(
    guarded: tuple[Any, Room], who: str, method: str, target: str, body: bytes, least: str
) -> None:
    answer = request(guarded, who, method, target, body)
    refused = answer.status == 403 and answer.code == "GUARD-ROLE"
    assert refused == (accounts.ROLES.index(who) < accounts.ROLES.index(least))


def test_an_account_that_is_gone_is_out_at_once(guarded: tuple[Any, Room]) -> None:
    app, room = guarded
    accounts.add(room.tables, "leaver", role="admin", password=PASSWORD, who="test")
    headers = [("host", HOST), ("cookie", f"{GATE.cookie}={room.sessions.start('leaver')}")]
    assert ask(app, "GET", "/api/accounts", headers).status == 200
    accounts.add(room.tables, "leaver", role="viewer", password=PASSWORD, who="test")
    assert ask(app, "GET", "/api/accounts", headers).code == "GUARD-ROLE"
    accounts.remove(room.tables, "leaver", who="test")
    assert ask(app, "GET", "/api/me", headers).code == "GUARD-SESSION"
    with pytest.raises(NotThere, match="ACCOUNT-UNKNOWN"):
        accounts.remove(room.tables, "leaver", who="test")


def test_a_name_is_the_accounts_and_no_link_leads_in(guarded: tuple[Any, Room]) -> None:
    assert request(guarded, "admin", "PUT", "/api/me", b'{"reader": "Somebody Else"}').code == "READER-NAME"
    assert request(guarded, "admin", "POST", "/api/links").code == "LINK-ACCOUNTS"
    token = guarded[1].sessions.link()
    assert request(guarded, None, "GET", f"/enter?token={token}").status == 401
    told = json.loads(request(guarded, "reader", "GET", "/api/me").body)
    assert (told["reader"], told["role"], told["local"]) == ("reader", "reader", False)


@pytest.mark.parametrize("who", ["reader", "admin"])
@pytest.mark.parametrize(
    "path", ["/etc", "/etc/hostname", "/not/there", "relative", "{open}/../shut", "{open}/link", "{open}x", "\\u0000"]
)
def test_an_account_brings_in_nothing_but_what_is_open_for_it(
    guarded: tuple[Any, Room], tmp_path: Path, who: str, path: str
) -> None:
    room = guarded[1]
    folder, shut = tmp_path / "open", tmp_path / "shut"
    folder.mkdir()
    shut.mkdir()
    (folder / "link").symlink_to(shut)
    for folders in ((), (folder,)):
        at = (make_app(replace(room, folders=folders)), room)
        answer = request(at, who, "POST", "/api/studies", f'{{"path": "{path.format(open=folder)}"}}'.encode())
        assert (answer.status, answer.code) == (403, "IMPORT-OUTSIDE")  # the same whether it is there or not
        assert json.loads(request(at, who, "GET", "/api/me").body)["paths"] == bool(folders)
    inside = request(at, who, "POST", "/api/studies", f'{{"path": "{folder}/study"}}'.encode())
    assert inside.code == "SOURCE-MISSING"


def test_a_folder_to_bring_studies_in_from_must_be_there(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="SERVE-NO-FOLDER"),
        open_room(Settings(tmp_path / "data", folders=(tmp_path / "x",)), GATE),
    ):
        pass


def test_one_account_cannot_push_the_others_out(guarded: tuple[Any, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepaflow.web.sessions.MOST", 8)
    monkeypatch.setattr("hepaflow.web.sessions.MOST_OWN", 4)
    sessions = Sessions(guarded[1].tables, reader="", language="en")
    other = sessions.start("reader")
    greedy = [sessions.start("viewer") for _ in range(9)]
    assert [sessions.account(one) for one in greedy] == [None] * 5 + ["viewer"] * 4
    assert sessions.account(other) == "reader"


def login(
    guarded: tuple[Any, Room], name: str, password: str, *, origin: str | None = f"http://{HOST}", language: str = "en"
) -> Answer:
    body = f"name={name}&password={password}".encode()
    headers = [("host", HOST), ("content-type", "application/x-www-form-urlencoded"), ("content-length", str(len(body)))]
    headers += [("accept-language", language)] + ([] if origin is None else [("origin", origin)])
    return ask(guarded[0], "POST", "/login", headers, body)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, guarded: tuple[Any, Room]) -> None:
    """Digests that cost little: what is tested is who is let in."""
    monkeypatch.setattr(accounts, "_N", 16)
    for role in accounts.ROLES:
        accounts.add(guarded[1].tables, role, role=role, password=PASSWORD, who="test")


@pytest.mark.usefixtures("quick")
def test_the_right_password_lets_in_and_a_wrong_one_does_not(guarded: tuple[Any, Room]) -> None:
    good = login(guarded, "reader", PASSWORD.replace(" ", "+"))
    assert (good.status, good.headers["location"]) == (303, "/")
    assert "httponly" in good.headers["set-cookie"].lower()
    for name, password in (("reader", "wrong"), ("reader", ""), ("nobody", "x"), ("", ""), ("reader'--", "x"), ("%00", "%00")):
        app = (make_app(guarded[1]), guarded[1])  # a door that has seen no wrong password yet
        answer = login(app, name, password)
        assert answer.status == 401
        assert "set-cookie" not in answer.headers
        assert b"wrong" in answer.body
    assert b"incorrect" in login((make_app(guarded[1]), guarded[1]), "reader", "x", language="fr-FR").body


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
def test_nobody_is_logged_in_from_another_site(guarded: tuple[Any, Room], origin: str | None) -> None:
    answer = login(guarded, "reader", PASSWORD.replace(" ", "+"), origin=origin)
    assert (answer.status, answer.code) == (403, "GUARD-ORIGIN")


@pytest.mark.usefixtures("quick")
def test_wrong_passwords_make_everybody_wait_longer(guarded: tuple[Any, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [1000.0]
    monkeypatch.setattr(accounts.time, "monotonic", lambda: moment[0])
    door = accounts.Door(guarded[1].tables)
    for _ in range(accounts.FREE_TRIES):
        assert not door.check("reader", "wrong", address="192.0.2.7")
    waits = []
    for _ in range(12):
        with pytest.raises(Refused, match="LOGIN-WAIT") as refused:  # the right one too: nothing may be learnt by trying
            door.check("reader", PASSWORD, address="192.0.2.8")
        assert refused.value.status == 429
        waits.append(refused.value.wait_s)
        moment[0] += float(refused.value.wait_s or 0)
        assert not door.check("reader", "wrong", address="192.0.2.9")
    assert waits[0] == 3
    assert waits == sorted(waits)
    assert waits[-1] == accounts.LONGEST_S + 1
    with pytest.raises(Refused, match="LOGIN-WAIT"):  # another name from an address that tried too often
        door.check("viewer", "x", address="192.0.2.9")
    assert door.check("viewer", PASSWORD, address="192.0.2.10")
    moment[0] += accounts.FORGET_S + 1
    assert door.check("reader", PASSWORD, address="192.0.2.9")


def test_a_password_is_kept_as_a_costly_digest(guarded: tuple[Any, Room]) -> None:
    accounts.add(guarded[1].tables, "costly", role="viewer", password=PASSWORD, who="test")
    with guarded[1].tables.read() as connection:
        secret = connection.execute(sa.select(t.accounts.c.secret).where(t.accounts.c.name == "costly")).scalar_one()
    kind, n, r, p, salt, digest = secret.split("$")
    assert (kind, int(n), int(r), int(p), len(salt), len(digest)) == ("scrypt", 2**15, 8, 1, 32, 64)
    assert PASSWORD not in secret


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [
        ("", "viewer", PASSWORD, "ACCOUNT-NAME"),
        ("local", "viewer", PASSWORD, "ACCOUNT-NAME"),
        ("a b", "viewer", PASSWORD, "ACCOUNT-NAME"),
        ("<script>", "viewer", PASSWORD, "ACCOUNT-NAME"),
        ("x" * 41, "viewer", PASSWORD, "ACCOUNT-NAME"),
        ("a", "root", PASSWORD, "ACCOUNT-ROLE"),
        ("a", "viewer", "short", "ACCOUNT-PASSWORD"),
        ("a", "viewer", "x" * 201, "ACCOUNT-PASSWORD"),
    ],
)
def test_what_no_account_can_be(guarded: tuple[Any, Room], name: str, role: str, password: str, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        accounts.add(guarded[1].tables, name, role=role, password=password, who="test")


def test_accounts_from_the_terminal_read_the_password_from_stdin(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]

    def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-P", "-m", "hepaflow", "account", *words, *data]
        return subprocess.run(program, input=given, capture_output=True, text=True, check=False)

    made = run("add", "marie", "--role", "admin", given=f"{PASSWORD}\n")
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    found = json.loads(run("list", "--json").stdout)["accounts"]
    assert [(one["name"], one["role"]) for one in found] == [("marie", "admin")]
    assert run("add", "eve", given="short\n").stderr.startswith("ACCOUNT-PASSWORD")
    assert run("remove", "marie").returncode == 0
    assert run("list").stdout == "no account\n"
