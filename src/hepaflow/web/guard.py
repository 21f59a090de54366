"""What a request must be before anything else sees it, and what every answer carries. One place; pure ASGI, outermost.

A page of another site may make a browser send requests here (cross-site requests, rebinding of names): Host, Origin, Sec-Fetch-Site,
the cookie's SameSite and a header that no form can send each stop that on their own.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hepaflow.errors import HepaflowError
from hepaflow.web import refusals
from hepaflow.web.accounts import role_of
from hepaflow.web.refusals import Forbidden, Refused
from hepaflow.web.room import Reader, Room
from hepaflow.web.rules import GATE_PAGES, JSON, body_rule, may, needed_role
from hepaflow.web.sessions import Role
from hepaflow.web.tables import trouble

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READS = ("GET", "HEAD")
METHODS = (*READS, "POST", "PUT", "DELETE")
#: Requests at once; more are sent away rather than queued without end.
AT_ONCE = 128
#: A part of a body must come within this, and all of it at no less than this rate after a start, or the request is given up.
SILENCE_S, START_S, SLOWEST_BYTES_S = 20.0, 30.0, 16 * 1024

#: What the page may load: itself. WebAssembly is what decoders of the viewer are made of.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
#: A report is a document by itself: its style and pictures are in it, and nothing in it may run or lead anywhere.
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
_SEGMENT = re.compile(r"[A-Za-z0-9._~,@:%+-]+")
#: Escapes that could hide a separator, a step upwards, an end of text or another escape.
_HIDDEN = re.compile(r"%(?:2f|5c|2e|25|00|0[1-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)


@dataclass(slots=True)
class _Said:
    """Whether an answer has begun, and whether it is whole."""

    begun: bool = False
    whole: bool = False


class Guard:
    """Lets in what may come in, tells every failure in one shape, and never lets an exception or a value of one out."""

    def __init__(self, app: App, room: Room) -> None:
        self._app, self._room = app, room
        self._now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # a web socket: there is none here
            await send({"type": "websocket.close", "code": 1008})
            return
        said = _Said()
        answer = self._answer(scope, send, said)
        self._now += 1
        try:
            if self._now > AT_ONCE:
                raise Refused(
                    "GUARD-BUSY", "the server has too many requests at once", "Try again in a moment", wait_s=2, status=503
                )
            limit = await self._judge(scope)
            await self._app(scope, _measured(receive, limit), answer)
        except HepaflowError as error:
            await _tell(error, answer, said)
        except ClientDisconnect:
            said.whole = True  # nobody is there to be told
        except Exception as error:  # its text may hold a patient's value: only kind and place are told
            found = trouble(error) or refusals.internal(error)
            if not said.whole:
                sys.stderr.write(f"{found}\n")
            await _tell(found, answer, said)
        finally:
            self._now -= 1

    async def _judge(self, scope: Scope) -> int:
        """The size a body may have. Refused: everything the module says."""
        headers = _headers(scope)
        self._judge_host(headers)
        method, path = scope["method"], _path(scope)
        if method not in METHODS:
            raise Refused("METHOD-NOT-ALLOWED", "this method is not in use here", "Use the page of this server", status=405)
        self._judge_origin(method, path, headers)
        rule = body_rule(method, path)
        _judge_body(method, headers, rule.kinds, rule.most)
        if path.startswith("/api"):
            scope.setdefault("state", {})["reader"] = await self._person(scope, headers, method, path)
        return rule.most

    def _judge_host(self, headers: dict[str, list[str]]) -> None:
        """A name that was made to point here is not ours: what it could read stays unread."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._room.gate.hosts:
            raise Refused(
                "GUARD-HOST", "the request is for another host", "Use the address that hepaflow serve printed", status=421
            )

    def _judge_origin(self, method: str, path: str, headers: dict[str, list[str]]) -> None:
        own = f"{self._room.gate.scheme}://{headers['host'][0].lower()}"
        sites = headers.get("sec-fetch-site", [])
        arriving = method in READS and path in GATE_PAGES and headers.get("sec-fetch-mode") == ["navigate"]
        if any(site not in {"same-origin", "none"} for site in sites) and not arriving:
            raise Forbidden("GUARD-SITE", "the request comes from another site's page", "Use the page of this server")
        origins = headers.get("origin", [])
        if any(origin != own for origin in origins):
            raise Forbidden("GUARD-ORIGIN", "the request comes from another origin", "Use the page of this server")
        if method in READS:
            return
        if path == "/login":  # a form cannot send our header, but every browser sends the origin of a form
            if len(origins) != 1:
                raise Forbidden("GUARD-ORIGIN", "the request does not say where it comes from", "Use the page of this server")
        elif headers.get("x-hepaflow") != ["1"]:
            raise Forbidden("GUARD-HEADER", "a request that changes something lacks its header", "Send X-Hepaflow: 1")

    async def _person(self, scope: Scope, headers: dict[str, list[str]], method: str, path: str) -> Reader:
        secret = cookie(headers.get("cookie", []), self._room.gate.cookie)
        person = None if secret is None else self._room.sessions.who(secret)
        local = self._room.gate.local
        role: Role | None = "admin" if local else None
        if person is not None and not local:
            role = await run_in_threadpool(role_of, self._room.tables, person.account)
        if person is None or role is None:
            advice = "Open the address that hepaflow serve printed" if local else "Log in"
            raise Refused("GUARD-SESSION", "nobody is logged in here", advice, status=401)
        if not may(role, needed_role(method, path)):
            raise Forbidden("GUARD-ROLE", f"a {role} may not do this", "Ask someone with another role")
        scope.setdefault("state", {})["session"] = secret
        return Reader(person.reader, role, person.account, person.language)

    def _answer(self, scope: Scope, send: Send, said: _Said) -> Send:
        secure = self._room.gate.scheme == "https"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if said.begun:
                    return
                said.begun = True
                message = {**message, "headers": _headed(scope["path"], list(message.get("headers", [])), secure=secure)}
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                said.whole = True
            await send(message)

        return answer


def cookie(values: list[str], name: str) -> str | None:
    """The session's secret among cookies; None where there is none, or more than one claims to be it.

    Browsers send the cookies of every server of this host along, whatever is written in those: one that cannot be read is passed over.
    """
    pairs = [pair.strip().partition("=") for value in values for pair in value.split(";")]
    found = [secret for key, _, secret in pairs if key == name]
    return found[0] if len(found) == 1 else None


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _path(scope: Scope) -> str:
    """The path as it was sent, when it holds no step, no hidden separator and no control character."""
    raw = (scope.get("raw_path") or scope["path"].encode()).split(b"?")[0].decode("latin-1")
    segments = raw.split("/")
    plain = raw.startswith("/") and all(_SEGMENT.fullmatch(part) for part in segments[1:-1]) and len(raw) <= 2048
    if not plain or not (segments[-1] == "" or _SEGMENT.fullmatch(segments[-1])) or _HIDDEN.search(raw):
        raise Refused("GUARD-PATH", "the address is none of this server's", "Use the page of this server", status=400)
    if any(part in {".", ".."} for part in segments):
        raise Refused("GUARD-PATH", "the address leads upwards", "Use the page of this server", status=400)
    path: str = scope["path"]
    return path


def _judge_body(method: str, headers: dict[str, list[str]], kinds: tuple[str, ...], most: int) -> None:
    lengths, encodings = headers.get("content-length", []), headers.get("transfer-encoding", [])
    if len(lengths) > 1 or (lengths and encodings):
        raise Refused("GUARD-LENGTH", "the request says twice how long it is", "Use the page of this server", status=400)
    declared = int(lengths[0]) if lengths and lengths[0].isdecimal() else 0
    if declared > most:
        raise _too_large(most)
    if (declared or encodings) and method not in READS:
        said = headers.get("content-type", [""])[0].split(";")[0].strip().lower()
        if said not in kinds:
            raise Refused("GUARD-TYPE", f"the body must be {' or '.join(kinds)}", "Send it as that", status=415)


def _too_large(most: int) -> Refused:
    return Refused("GUARD-TOO-LARGE", f"the body is larger than {most} bytes", "Send less at once", status=413)


def _measured(receive: Receive, most: int) -> Receive:
    """The body, held to its size, each part of it within :data:`SILENCE_S`."""
    got, whole, start = 0, False, time.monotonic()

    async def measured() -> Message:
        nonlocal got, whole
        if whole:  # from here on only the end of the connection is waited for
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), SILENCE_S)
        except TimeoutError:
            raise Refused("GUARD-SLOW", "the body did not come in time", "Try again", status=408) from None
        if message["type"] == "http.request":
            got += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if got > most:
                raise _too_large(most)
            if time.monotonic() - start > START_S + got / SLOWEST_BYTES_S:
                raise Refused("GUARD-SLOW", "the body comes too slowly", "Try again", status=408)
        return message

    return measured


def _headed(path: str, headers: list[tuple[bytes, bytes]], *, secure: bool) -> list[tuple[bytes, bytes]]:
    """Headers of every answer; what a handler set itself stays, except the policy and the server's name."""
    kept = [(k.lower(), v) for k, v in headers if k.lower() not in {b"content-security-policy", b"server", *(k for k, _ in ALWAYS)}]
    names = {k for k, _ in kept}
    document = path.startswith("/api") and any(k == b"content-type" and v.startswith(b"text/html") for k, v in kept)
    policy = REPORT_POLICY if document else PAGE_POLICY
    more = [*ALWAYS, (b"content-security-policy", policy.encode())]
    if b"cache-control" not in names:
        more.append((b"cache-control", b"no-store"))
    if secure:
        more.append((b"strict-transport-security", b"max-age=31536000"))
    return kept + more


async def _tell(error: HepaflowError, answer: Send, said: _Said) -> None:
    """The error as the answer, where none has begun; else what has begun ends where it is."""
    if said.whole:
        return
    if said.begun:
        raise ConnectionAbortedError
    text = json.dumps(refusals.body(error)).encode()
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(text)).encode())]
    wait = error.wait_s if isinstance(error, Refused) else None
    if wait is not None:
        headers.append((b"retry-after", str(wait).encode()))
    status = refusals.status_of(error)
    if status in {408, 413}:  # what is still on its way is not read
        headers.append((b"connection", b"close"))
    await answer({"type": "http.response.start", "status": status, "headers": headers})
    await answer({"type": "http.response.body", "body": text})
