"""Every route of every room, found in the application itself: none is reached without a session, without the header, or by a hostile address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from room_for_tests import Inside
from test_web_guard import STEPS

#: Values that no parameter can have, beside those of paths: numbers out of reach, not numbers, markup, very long.
VALUES = [
    "-1",
    "99999999999999999999",
    "1e9",
    "NaN",
    "0x10",
    "%3Cscript%3E",
    "__proto__",
    "x" * 500,
    "%F0%9F%92%A3",
    "a%20b",
    "'--",
    "con",
]
READING = {"GET", "HEAD"}


def routes(app: Any) -> list[tuple[str, str]]:
    """Method and path of every route under /api."""
    found, waiting = [], list(app.routes)
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner:
            waiting += inner
        elif hasattr(route, "endpoint") and route.path.startswith("/api"):
            found += [(method, route.path) for method in route.methods - {"HEAD"}]
    return sorted(found)


def filled(path: str, study: str) -> str:
    """The path with this study, and ``x`` for the rest."""
    return re.sub(r"\{\w+(?::\w+)?\}", "x", path.replace("{study}", study))


def hostile(path: str, study: str) -> Iterator[str]:
    """The path with one parameter at a time made hostile."""
    for match in re.finditer(r"\{(\w+)(?::\w+)?\}", path):
        for value in (*STEPS, *VALUES):
            yield filled(path[: match.start()], study) + value + filled(path[match.end() :], study)


def test_the_rooms_are_all_there(inside: Inside) -> None:
    found = {path for _, path in routes(inside.client.app)}
    for part in (
        "studies",
        "jobs",
        "events",
        "me",
        "audit",
        "archives",
        "accounts",
        "studies/{study}/images",
        "studies/{study}/regions",
    ):
        assert f"/api/{part}" in found or any(path.startswith(f"/api/{part}/") for path in found), part
    assert len(found) > 40


def test_no_route_is_reached_without_a_session(inside: Inside) -> None:
    for method, path in routes(inside.client.app):
        answer = inside.ask(method, filled(path, inside.study), but={"cookie": None})
        assert (answer.status, answer.code) == (401, "GUARD-SESSION"), (method, path)


def test_no_route_changes_anything_without_the_header(inside: Inside) -> None:
    changing = [(method, path) for method, path in routes(inside.client.app) if method not in READING]
    assert len(changing) > 15
    for method, path in changing:
        answer = inside.ask(method, filled(path, inside.study), but={"x-hepaflow": None, "origin": None, "sec-fetch-site": None})
        assert (answer.status, answer.code) == (403, "GUARD-HEADER"), (method, path)


def test_no_hostile_address_is_served_or_breaks_anything(inside: Inside) -> None:
    asked = 0
    for method, path in routes(inside.client.app):
        for target in hostile(path, inside.study):
            answer = inside.ask(method, target, body=b"{}" if method in {"POST", "PUT"} else b"")
            assert 400 <= answer.status < 500, (method, target, answer)
            assert answer.code, (method, target)
            asked += 1
    assert asked > 1000


def test_no_query_breaks_anything(inside: Inside) -> None:
    names = ("at", "set", "radius_mm", "pass", "language", "study", "other", "part", "v", "model")
    for method, path in routes(inside.client.app):
        if method != "GET" or path == "/api/events":
            continue
        for value in ("", "-1", "1,2", "9,9,9", "NaN,0,0", "1e400", "..%2f..", "%00", "x" * 2000, "%FF"):
            target = filled(path, inside.study) + "?" + "&".join(f"{name}={value}" for name in names)
            answer = inside.ask(method, target)
            assert answer.status < 500, (target, answer)
            assert answer.status < 400 or answer.code
