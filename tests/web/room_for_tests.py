"""A reading room on a temporary folder, with a browser that is inside: what every test of ``hepaflow.web`` starts from."""

from __future__ import annotations

import asyncio
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have another HTTP client than the one its releases still support
    from starlette.testclient import TestClient

from hepaflow.web.app import make_app
from hepaflow.web.room import Gate, Room
from hepaflow.web.server import Settings, open_room

HOST = "127.0.0.1:8717"
GATE = Gate(frozenset({HOST, "localhost:8717"}))


@contextmanager
def opened(data: Path, *, gate: Gate = GATE, **settings: Any) -> Iterator[tuple[TestClient, Room]]:
    """A client with a session and the header of the page, and the room; jobs run in real processes."""
    with open_room(Settings(data, reader="Tester", **settings), gate) as room:
        client = TestClient(make_app(room), base_url=f"{gate.scheme}://{HOST}", headers={"X-Hepaflow": "1"})
        with client:
            if gate.local:
                client.get("/enter", params={"token": room.sessions.link()}, follow_redirects=False)
            yield client, room


def finished(client: TestClient, job: str, *, within_s: float = 300.0) -> dict[str, Any]:
    """The job once it has ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"/api/jobs/{job}").json()
        if found["state"] not in {"waiting", "running"}:
            return found
        time.sleep(0.05)
    raise AssertionError(f"job still {found['state']} after {within_s} s")


def brought_in(client: TestClient, path: Path) -> str:
    """The id of a study imported from a folder."""
    answer = client.post("/api/studies", json={"path": str(path)})
    assert answer.status_code == 202, answer.text
    job = finished(client, answer.json()["job"])
    assert job["state"] == "done", job
    return str(answer.json()["study"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a failure, whose shape is checked on the way."""
        tree = json.loads(self.body)
        assert self.headers["content-type"] == "application/json"
        assert set(tree["error"]) == {"code", "what", "advice"}
        assert all(isinstance(text, str) and text for text in tree["error"].values())
        return str(tree["error"]["code"])


def ask(app: Any, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
    """A request exactly as written: no client between that would put the path or the headers in order."""
    return asyncio.run(_ask(app, method, target, headers, [body]))


async def _ask(app: Any, method: str, target: str, headers: list[tuple[str, str]], parts: list[bytes]) -> Answer:
    raw, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8717),
        "state": {},
    }
    waiting = list(parts)
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            part = waiting.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    start = next(message for message in said if message["type"] == "http.response.start")
    kept = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], kept, b"".join(message.get("body", b"") for message in said[1:]))


async def leave(app: Any, target: str, headers: list[tuple[str, str]], part: bytes) -> None:
    """A POST whose sender goes after the first part."""
    messages = [{"type": "http.request", "body": part, "more_body": True}, {"type": "http.disconnect"}]
    scope = {"type": "http", "method": "POST", "path": target, "raw_path": target.encode(), "query_string": b"", "root_path": ""}
    scope |= {"headers": [(k.encode(), v.encode()) for k, v in headers], "state": {}, "http_version": "1.1", "scheme": "http"}

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    await app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Inside:
    """A browser inside a room with one study; ``secret`` is its session's."""

    client: TestClient
    room: Room
    study: str
    secret: str

    @property
    def usual(self) -> list[tuple[str, str]]:
        """The headers of the page's own requests."""
        return [
            ("host", HOST),
            ("cookie", f"{self.room.gate.cookie}={self.secret}"),
            ("origin", f"http://{HOST}"),
            ("sec-fetch-site", "same-origin"),
            ("x-hepaflow", "1"),
        ]

    def ask(self, method: str, target: str, *, but: dict[str, str | None] | None = None, body: bytes = b"") -> Answer:
        """A request of the page with some headers changed (None: left out)."""
        changed = but or {}
        headers = [(name, value) for name, value in self.usual if name not in changed]
        headers += [(name, value) for name, value in changed.items() if value is not None]
        if body and "content-type" not in changed:
            headers.append(("content-type", "application/json"))
        if body and "content-length" not in changed and "transfer-encoding" not in changed:
            headers.append(("content-length", str(len(body))))
        return ask(self.client.app, method, target, headers, body)
