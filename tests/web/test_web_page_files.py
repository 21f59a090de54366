"""The built page: what is served of it, for how long a browser may keep it, and what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from room_for_tests import Answer, Inside, ask

from hepaflow.web.app import make_app
from hepaflow.web.pages import Pages


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    for name, text in {
        "index.html": "<!doctype html><title>page</title>",
        "LICENSES.txt": "MIT",
        ".built-from": "0" * 64,
        "assets/index-DVJFVws7.js": "1",
        "assets/decoder-A1b2C3d4.wasm": "\0asm",
        "assets/plain.css": "a{}",
    }.items():
        (folder / name).write_text(text)
    (folder.parent / "beside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(folder.parent / "beside.txt")
    return folder


@pytest.fixture(scope="module")
def app(inside: Inside, page: Path) -> Any:
    return make_app(inside.room, Pages(page))


def get(app: Any, inside: Inside, target: str, **more: str) -> Answer:
    return ask(app, "GET", target, [*inside.usual, *((name.replace("_", "-"), value) for name, value in more.items())])


@pytest.mark.parametrize(
    ("target", "kind", "kept"),
    [
        ("/", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/assets/index-DVJFVws7.js", "text/javascript", "immutable"),
        ("/assets/decoder-A1b2C3d4.wasm", "application/wasm", "immutable"),
        ("/assets/plain.css", "text/css", "no-cache"),
        ("/LICENSES.txt", "text/plain", "no-cache"),
    ],
)
def test_a_file_has_its_type_and_its_time(app: Any, inside: Inside, target: str, kind: str, kept: str) -> None:
    answer = get(app, inside, target)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)
    assert kept in answer.headers["cache-control"]
    again = get(app, inside, target, if_none_match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "target", ["/.built-from", "/assets/", "/assets", "/assets/none.js", "/../beside.txt", "/beside.txt", "/index.html/"]
)
def test_nothing_else_is_served(app: Any, inside: Inside, target: str) -> None:
    answer = get(app, inside, target)
    assert answer.status in {400, 404}
    assert answer.code


def test_a_link_out_of_the_page_is_not_followed(app: Any, inside: Inside) -> None:
    assert get(app, inside, "/link.txt").code == "NOT-FOUND"


def test_without_a_session_the_page_is_a_door(app: Any, inside: Inside) -> None:
    bare = [(name, value) for name, value in inside.usual if name != "cookie"]
    answer = ask(app, "GET", "/", [*bare, ("accept-language", "fr")])
    assert answer.status == 401
    assert "terminal" in answer.body.decode()
    assert 'lang="fr"' in answer.body.decode()
    assert "<script" not in answer.body.decode()
    assert "style=" not in answer.body.decode()


def test_a_source_tree_without_a_built_page_says_how_to_build_it(inside: Inside, tmp_path: Path) -> None:
    answer = get(make_app(inside.room, Pages(tmp_path / "none")), inside, "/")
    assert (answer.status, answer.code) == (503, "PAGE-MISSING")


def test_who_embeds_the_room_gets_the_numbers_of_the_command_line(tmp_path: Path) -> None:
    """Linear algebra on several threads ends in other last digits: their number must stand before it is loaded."""
    said = """
import os, sys
from pathlib import Path
import hepaflow.web
before = "numpy" in sys.modules
from hepaflow.web.app import make_app
from hepaflow.web.room import Gate
from hepaflow.web.server import Settings, open_room
with open_room(Settings(Path(sys.argv[1]), reader="Tester"), Gate(frozenset({"localhost:8717"}))) as room:
    make_app(room)
    print(before, os.environ["OPENBLAS_NUM_THREADS"])
"""
    free = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", said, str(tmp_path / "data")], env=free, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "1"]
