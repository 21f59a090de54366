"""What a page of another site, a neighbour on the network or a hostile study could try: every case is turned away, in one shape."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3

import pytest
import sqlalchemy as sa
from room_for_tests import HOST, Inside, ask

from hepaflow.web.guard import PAGE_POLICY, REPORT_POLICY, Guard
from hepaflow.web.rules import BODIES, ROLES, may, needed_role

# ---- who is asked: Host ------------------------------------------------------------------------------------------------------

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:8717",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1:8717.evil.example",
    "localhost.evil.example:8717",
    "user@127.0.0.1:8717",
    "2130706433:8717",
    "127.1:8717",
    "0.0.0.0:8717",
    "127.0.0.1:8717, evil.example",
    " ",
    "",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("target", ["/", "/api/me"])
def test_a_name_that_was_made_to_point_here_gets_nothing(inside: Inside, host: str, target: str) -> None:
    answer = inside.ask("GET", target, but={"host": host, "origin": None})
    assert (answer.status, answer.code) == (421, "GUARD-HOST")


@pytest.mark.parametrize("hosts", [[], [HOST, HOST], [HOST, "evil.example"]])
def test_exactly_one_host_must_be_named(inside: Inside, hosts: list[str]) -> None:
    headers = [(name, value) for name, value in inside.usual if name not in {"host", "origin"}]
    answer = ask(inside.client.app, "GET", "/api/me", headers + [("host", host) for host in hosts])
    assert (answer.status, answer.code) == (421, "GUARD-HOST")


def test_our_own_names_are_let_in(inside: Inside) -> None:
    for host in (HOST, "localhost:8717", "LOCALHOST:8717"):
        assert inside.ask("GET", "/api/me", but={"host": host, "origin": None}).status == 200


# ---- who asks: Origin, Sec-Fetch-Site, the header ----------------------------------------------------------------------------

FOREIGN_ORIGINS = [
    "http://evil.example",
    "https://127.0.0.1:8717",
    "http://127.0.0.1:8718",
    "http://127.0.0.1",
    "http://localhost:8717",
    "http://127.0.0.1:8717.evil.example",
    "null",
    "file://",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused(inside: Inside, origin: str, method: str) -> None:
    target = "/api/studies" if method == "GET" else "/api/links"
    answer = inside.ask(method, target, but={"origin": origin})
    assert (answer.status, answer.code) == (403, "GUARD-ORIGIN")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "weird"])
@pytest.mark.parametrize(("method", "target"), [("GET", "/api/studies"), ("GET", "/assets/x.js"), ("POST", "/api/links")])
def test_another_sites_page_is_refused_even_without_an_origin(inside: Inside, site: str, method: str, target: str) -> None:
    answer = inside.ask(method, target, but={"sec-fetch-site": site, "origin": None})
    assert (answer.status, answer.code) == (403, "GUARD-SITE")


def test_somebody_may_arrive_from_elsewhere_at_the_door_only(inside: Inside) -> None:
    arriving = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "origin": None, "cookie": None}
    assert inside.ask("GET", "/", but=arriving).status == 401
    assert inside.ask("GET", "/api/studies", but=arriving).code == "GUARD-SITE"
    assert inside.ask("GET", "/", but=arriving | {"sec-fetch-mode": "no-cors"}).code == "GUARD-SITE"


CHANGING = [
    ("POST", "/api/studies"),
    ("POST", "/api/studies/upload"),
    ("DELETE", "/api/studies/{study}"),
    ("POST", "/api/studies/{study}/analyze"),
    ("PUT", "/api/me"),
    ("POST", "/api/links"),
    ("POST", "/api/logout"),
    ("DELETE", "/api/jobs/000000000000"),
    ("POST", "/api/jobs/000000000000/resume"),
    ("POST", "/api/archives/x/find"),
    ("PUT", "/api/accounts/x"),
    ("DELETE", "/api/accounts/x"),
]


@pytest.mark.parametrize("said", [None, "0", "1, 1", "true"])
@pytest.mark.parametrize(("method", "target"), CHANGING)
def test_a_form_of_another_site_lacks_the_header(inside: Inside, method: str, target: str, said: str | None) -> None:
    answer = inside.ask(method, target.format(study=inside.study), but={"x-hepaflow": said, "origin": None, "sec-fetch-site": None})
    assert (answer.status, answer.code) == (403, "GUARD-HEADER")


def test_the_tables_of_changing_requests_are_complete(inside: Inside) -> None:
    """Every route of HOUSE's that changes something stands in the table above: a new one must be added to it."""
    ours = {"views_studies", "views_jobs", "views_people", "views_archives"}
    found = set()
    for route in _routes(inside.client.app):
        if route.endpoint.__module__.rsplit(".", 1)[-1] in ours:
            found |= {(method, re.sub(r"\{\w+\}", "*", route.path)) for method in route.methods - {"GET", "HEAD"}}
    listed = {(m, re.sub(r"\{study\}|000000000000|(?<=accounts/)x|(?<=archives/)x", "*", t)) for m, t in CHANGING}
    assert found - listed == {("POST", "/api/archives/*/retrieve")}


def _routes(app: object) -> list:
    found, waiting = [], list(app.routes)  # type: ignore[attr-defined]
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner:
            waiting += inner
        elif hasattr(route, "endpoint"):
            found.append(route)
    return found


# ---- session and token -------------------------------------------------------------------------------------------------------

READING = ["/api/me", "/api/studies", "/api/audit", "/api/events", "/api/accounts", "/api/archives", "/api/nothing-here"]


@pytest.mark.parametrize("target", [*READING, "/api/studies/{study}", "/api/studies/{study}/protocol", "/api"])
def test_without_a_session_nothing_is_told(inside: Inside, target: str) -> None:
    answer = inside.ask("GET", target.format(study=inside.study), but={"cookie": None})
    assert (answer.status, answer.code) == (401, "GUARD-SESSION")


@pytest.mark.parametrize("kind", ["other", "empty", "another-name", "twice", "in-two-headers", "quoted", "another-port"])
def test_a_wrong_cookie_is_no_session(inside: Inside, kind: str) -> None:
    name, secret = inside.room.gate.cookie, inside.secret
    values = {
        "other": [f"{name}={'A' * 43}"],
        "empty": [f"{name}="],
        "another-name": [f"session={secret}"],
        "twice": [f"{name}={secret}; {name}=x"],
        "in-two-headers": [f"{name}={secret}", f"{name}={secret}"],
        "quoted": [f'{name}="{secret}x"'],
        "another-port": [f"hepaflow-9999={secret}"],
    }[kind]
    headers = [(key, value) for key, value in inside.usual if key != "cookie"] + [("cookie", value) for value in values]
    answer = ask(inside.client.app, "GET", "/api/studies", headers)
    assert (answer.status, answer.code) == (401, "GUARD-SESSION")


@pytest.mark.parametrize("other", ['prefs={"dark":true}', "note=two words", "alone", "=nameless", "größe=1", "x=a=b"])
@pytest.mark.parametrize("first", [True, False])
def test_cookies_of_other_servers_of_this_machine_lock_nobody_out(inside: Inside, other: str, first: bool) -> None:
    own = f"{inside.room.gate.cookie}={inside.secret}"
    answer = inside.ask("GET", "/api/studies", but={"cookie": "; ".join((other, own) if first else (own, other))})
    assert answer.status == 200


def test_the_token_works_once_and_leaves_the_address_bar(inside: Inside) -> None:
    bare = {"cookie": None, "origin": None, "sec-fetch-site": "none"}
    target = f"/enter?token={inside.room.sessions.link()}"
    first, second = inside.ask("GET", target, but=bare), inside.ask("GET", target, but=bare)
    assert (first.status, first.headers["location"]) == (303, "/")
    given = first.headers["set-cookie"].lower()
    assert "httponly" in given
    assert "samesite=strict" in given
    assert "path=/" in given
    assert second.status == 401
    assert "set-cookie" not in second.headers


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 100_000, "%00", "'%20or%201=1"])
def test_a_guessed_token_opens_nothing(inside: Inside, token: str) -> None:
    answer = inside.ask("GET", f"/enter?token={token}", but={"cookie": None, "origin": None})
    assert answer.status == 401
    assert "set-cookie" not in answer.headers


def test_a_browser_that_is_inside_uses_up_no_token(inside: Inside) -> None:
    token = inside.room.sessions.link()
    assert inside.ask("GET", f"/enter?token={token}").status == 303
    assert inside.ask("GET", f"/enter?token={token}", but={"cookie": None, "origin": None}).status == 303


def test_after_logging_out_the_cookie_is_worth_nothing(inside: Inside) -> None:
    secret = inside.room.sessions.start("local")
    cookie = {"cookie": f"{inside.room.gate.cookie}={secret}"}
    assert inside.ask("GET", "/api/me", but=cookie).status == 200
    assert inside.ask("POST", "/api/logout", but=cookie).status == 204
    assert inside.ask("GET", "/api/me", but=cookie).code == "GUARD-SESSION"


# ---- paths -------------------------------------------------------------------------------------------------------------------

STEPS = [
    "..",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..",
    "%00",
    "a%00b",
    "%252e%252e",
    "..;",
    "~root%2f",
    "%0d%0aset-cookie:a=b",
]
PARAMETERS = [
    ("GET", "/api/studies/{}"),
    ("GET", "/api/studies/{}/protocol"),
    ("DELETE", "/api/studies/{}"),
    ("POST", "/api/studies/{}/analyze"),
    ("GET", "/api/jobs/{}"),
    ("DELETE", "/api/jobs/{}"),
    ("POST", "/api/jobs/{}/resume"),
    ("POST", "/api/archives/{}/find"),
    ("POST", "/api/archives/{}/retrieve"),
    ("DELETE", "/api/accounts/{}"),
    ("GET", "/assets/{}"),
    ("GET", "/{}"),
]


@pytest.mark.parametrize(("method", "pattern"), PARAMETERS)
@pytest.mark.parametrize("step", STEPS)
def test_no_part_of_an_address_leads_out(inside: Inside, method: str, pattern: str, step: str) -> None:
    answer = inside.ask(method, pattern.format(step), body=b"{}" if method == "POST" else b"")
    assert 400 <= answer.status < 500
    assert answer.code
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "part", ["..", ".", "%2e%2e", "%2E", "a%2fb", "a%5Cb", "a\\b", "%00", "%0d%0a", "%7f", "%252e", "a//b", "a b", "a|b", "<b>"]
)
@pytest.mark.parametrize("target", ["/api/studies/{}", "/assets/{}", "/api/archives/{}/find"])
def test_an_address_with_a_hidden_step_is_refused_before_anything_looks_at_it(inside: Inside, target: str, part: str) -> None:
    answer = inside.ask("GET", target.format(part))
    assert (answer.status, answer.code) == (400, "GUARD-PATH")


@pytest.mark.parametrize("study", ["a" * 12, "0" * 12, "A" * 12, "x", "studies", "1" * 300, "%C3%A9"])
def test_a_study_that_is_not_there_is_unknown(inside: Inside, study: str) -> None:
    answer = inside.ask("GET", f"/api/studies/{study}")
    assert (answer.status, answer.code) == (404, "STUDY-UNKNOWN")


@pytest.mark.parametrize(
    "path", ["relative/folder", "", "/does/not/exist", "/etc/passwd\x00", "~", "{data}", "/", "{data}/studies"]
)
def test_only_a_study_elsewhere_on_the_disk_is_brought_in(inside: Inside, path: str) -> None:
    given = path.format(data=inside.room.data)
    answer = inside.ask("POST", "/api/studies", body=json.dumps({"path": given}).encode())
    assert answer.code in {"IMPORT-PATH", "SOURCE-MISSING", "IMPORT-OWN", "REQUEST-INVALID"}


# ---- bodies ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/zip", ""]
)
def test_a_body_that_a_form_could_send_is_refused(inside: Inside, kind: str) -> None:
    answer = inside.ask("PUT", "/api/me", but={"content-type": kind}, body=b'{"language": "fr"}')
    assert (answer.status, answer.code) == (415, "GUARD-TYPE")


@pytest.mark.parametrize(
    ("method", "target", "most"),
    [
        ("PUT", "/api/me", 256 * 1024),
        ("POST", "/api/studies", 256 * 1024),
        ("POST", "/api/studies/x/regions/lesion-1", 16 * 2**20),
        ("POST", "/api/cohorts", 16 * 2**20),
        ("GET", "/api/me", 0),
    ],
)
@pytest.mark.parametrize("way", ["declared", "undeclared", "lied"])
def test_a_body_has_a_size(inside: Inside, method: str, target: str, most: int, way: str) -> None:
    length = {
        "declared": {"content-length": str(most + 1)},
        "undeclared": {"transfer-encoding": "chunked"},
        "lied": {"content-length": "1"},
    }
    if method == "GET" and way != "declared":
        return  # nothing reads the body of these
    body = b"" if way == "declared" else b" " * (most + 1)
    answer = inside.ask(method, target, but={**length[way], "content-type": "application/json"}, body=body)
    if way == "declared":
        assert (answer.status, answer.code) == (413, "GUARD-TOO-LARGE")
    else:  # an address that nobody serves yet reads no body
        assert answer.code in {"GUARD-TOO-LARGE", "NOT-FOUND", "METHOD-NOT-ALLOWED"}


def test_two_lengths_are_none(inside: Inside) -> None:
    answer = ask(inside.client.app, "PUT", "/api/me", [*inside.usual, ("content-length", "2"), ("content-length", "3")], b"{}")
    assert answer.code == "GUARD-LENGTH"
    both = {"content-length": "2", "transfer-encoding": "chunked"}
    assert inside.ask("PUT", "/api/me", but=both, body=b"{}").code == "GUARD-LENGTH"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"language": "canary"}',
        b'{"more": 1}',
        b'{"reader": ""}',
        b'{"reader": ["canary"]}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_a_body_that_does_not_fit_is_named_without_its_values(inside: Inside, body: bytes) -> None:
    answer = inside.ask("PUT", "/api/me", but={"content-type": "application/json", "content-length": str(len(body))}, body=body)
    assert answer.status == 400
    assert answer.code in {"REQUEST-INVALID", "REQUEST-REFUSED"}
    assert b"canary" not in answer.body


@pytest.mark.parametrize("name", ["\u202eevil", "a\nb", " ", "x" * 81])
def test_a_reader_has_a_name_that_can_be_read(inside: Inside, name: str) -> None:
    assert inside.ask("PUT", "/api/me", body=json.dumps({"reader": name}).encode()).status == 400


def test_silence_ends_a_request(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepaflow.web.guard.SILENCE_S", 0.05)
    said = []

    async def run() -> None:
        async def receive() -> dict:
            await asyncio.sleep(60)
            return {}

        async def send(message: dict) -> None:
            said.append(message)

        headers = [*inside.usual, ("content-length", "20"), ("content-type", "application/json")]
        scope = {"type": "http", "method": "PUT", "path": "/api/me", "raw_path": b"/api/me", "query_string": b"", "root_path": ""}
        scope |= {"headers": [(k.encode(), v.encode()) for k, v in headers], "state": {}, "client": None, "server": None}
        await inside.client.app(scope | {"http_version": "1.1", "scheme": "http"}, receive, send)

    asyncio.run(run())
    assert said[0]["status"] == 408
    assert json.loads(said[1]["body"])["error"]["code"] == "GUARD-SLOW"


# ---- answers -----------------------------------------------------------------------------------------------------------------

EVERYWHERE = [
    ("GET", "/api/me"),
    ("GET", "/"),
    ("GET", "/nothing"),
    ("GET", "/api/studies/x"),
    ("PATCH", "/api/me"),
    ("GET", "/door.css"),
]


@pytest.mark.parametrize(("method", "target"), EVERYWHERE)
def test_every_answer_tells_the_browser_what_it_may_not_do(inside: Inside, method: str, target: str) -> None:
    headers = inside.ask(method, target).headers
    assert headers["content-security-policy"] == PAGE_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"]
    assert "server" not in headers
    assert not any(name.startswith("access-control-") for name in headers)


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    assert "default-src 'none'" in PAGE_POLICY
    assert "unsafe-inline" not in PAGE_POLICY
    assert "'unsafe-eval'" not in PAGE_POLICY
    assert not re.search(r"https?:|\*", PAGE_POLICY)
    assert REPORT_POLICY.startswith("sandbox; default-src 'none'")
    assert "allow-" not in REPORT_POLICY


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8"])
def test_a_document_with_texts_of_a_study_can_run_nothing(inside: Inside, kind: str) -> None:
    async def report(scope: dict, receive: object, send) -> None:
        own = [(b"content-type", kind.encode()), (b"content-security-policy", b"default-src *"), (b"server", b"x")]
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b"<script>alert(1)</script>"})

    answer = ask(Guard(report, inside.room), "GET", "/api/studies/x/report.html", inside.usual)
    assert answer.headers["content-security-policy"] == REPORT_POLICY
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "target", ["/api/studies", "/api/studies/{study}", "/api/studies/{study}/protocol", "/api/audit", "/api/me"]
)
def test_texts_of_a_study_are_data_never_a_document(inside: Inside, target: str) -> None:
    answer = inside.ask("GET", target.format(study=inside.study))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body)


def test_the_patients_name_and_number_reach_the_list_unchanged_as_text(inside: Inside) -> None:
    found = json.loads(inside.ask("GET", f"/api/studies/{inside.study}").body)
    assert found["patient_id"] == "CANARY-4711"
    assert found["patient"] == "<script>alert(1)</script> Jane"
    assert found["label"] == "<script>alert(2)</script>"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/nothing.js", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/redoc", 404),
        ("POST", "/api/me", 405),
        ("DELETE", "/api/studies", 405),
        ("PATCH", "/api/me", 405),
        ("OPTIONS", "/api/me", 405),
        ("TRACE", "/api/me", 405),
        ("CONNECT", "/api/me", 405),
        ("GET", "//api//me", 400),
        ("GET", "/api/studies/", 404),
        ("GET", "/api/audit?study=" + "x" * 5000, 200),
        ("GET", "/api/jobs/x", 404),
        ("POST", "/api/archives/x/find", 400),
    ],
)
def test_every_failure_has_one_shape(inside: Inside, method: str, target: str, status: int) -> None:
    answer = inside.ask(method, target, body=b"{}" if method == "POST" else b"")
    assert answer.status == status
    assert status == 200 or answer.code


def test_an_unforeseen_error_tells_its_place_and_no_value(inside: Inside, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(scope: dict, receive: object, send: object) -> None:
        raise ValueError("Doe^Jane")

    answer = ask(Guard(broken, inside.room), "GET", "/api/me", inside.usual)
    assert (answer.status, answer.code) == (500, "INTERNAL-ERROR")
    assert b"Doe" not in answer.body
    assert "Doe" not in capsys.readouterr().err


def test_more_requests_than_can_be_served_are_sent_away(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepaflow.web.guard.AT_ONCE", 0)
    answer = inside.ask("GET", "/api/me")
    assert (answer.status, answer.code) == (503, "GUARD-BUSY")
    assert answer.headers["retry-after"] == "2"


def test_there_is_no_web_socket(inside: Inside) -> None:
    said = []

    async def send(message: dict) -> None:
        said.append(message)

    asyncio.run(inside.client.app({"type": "websocket", "path": "/api/events", "headers": []}, None, send))
    assert said == [{"type": "websocket.close", "code": 1008}]


# ---- roles -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/api/studies", "viewer"),
        ("GET", "/api/events", "viewer"),
        ("PUT", "/api/me", "viewer"),
        ("POST", "/api/logout", "viewer"),
        ("POST", "/api/studies/x/numbers", "viewer"),
        ("POST", "/api/studies", "reader"),
        ("POST", "/api/studies/upload", "reader"),
        ("DELETE", "/api/studies/x", "reader"),
        ("POST", "/api/studies/x/analyze", "reader"),
        ("POST", "/api/studies/x/regions/numbers", "reader"),
        ("POST", "/api/studies/x/sign", "reader"),
        ("DELETE", "/api/studies/x/sign", "reader"),
        ("DELETE", "/api/jobs/x", "reader"),
        ("POST", "/api/archives/x/find", "reader"),
        ("GET", "/api/archives", "reader"),
        ("POST", "/api/anything-new", "reader"),
        ("GET", "/api/accounts", "admin"),
        ("PUT", "/api/accounts/x", "admin"),
        ("DELETE", "/api/accounts/x", "admin"),
        ("POST", "/api/links", "admin"),
    ],
)
def test_the_least_role_of_a_request(method: str, path: str, least: str) -> None:
    assert needed_role(method, path) == least


def test_a_role_may_what_lesser_ones_may() -> None:
    order = ("viewer", "reader", "admin")
    for i, role in enumerate(order):
        assert [may(role, needed) for needed in order] == [j <= i for j in range(3)]
    assert all(role in order for _, _, role in ROLES)
    assert len(BODIES) == len({(method, pattern) for method, pattern, _ in BODIES})


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ("database or disk is full", 507, "OUTPUT-NO-SPACE"),
        ("attempt to write a readonly database", 507, "OUTPUT-DENIED"),
        ("database is locked", 503, "DATABASE-BUSY"),
    ],
)
def test_a_database_that_takes_nothing_is_told_as_that(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, said: str, status: int, code: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("insert", {}, sqlite3.OperationalError(said))

    monkeypatch.setattr(type(inside.room.tables), "audit", fails)
    answer = inside.ask("DELETE", f"/api/studies/{inside.study}")
    assert (answer.status, answer.code) == (status, code)
    assert inside.client.get(f"/api/studies/{inside.study}").status_code == 200
