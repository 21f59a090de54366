"""A reading room on a temporary folder, with a browser that is inside: what every test of ``hepaflow.web`` starts from."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def finished(client: TestClient, job: str, *, within_s: float = 60.0) -> dict[str, Any]:
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
