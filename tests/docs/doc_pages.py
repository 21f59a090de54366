"""The documentation as the tests see it: pages, fenced blocks, links, commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(hepaflow [^`]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block: the word after the fence and the text."""

    kind: str
    text: str


def name(page: Path) -> str:
    """A page as a test id."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    return [Block(kind, text) for kind, text in _FENCE.findall(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> list[list[str]]:
    """Every ``hepaflow ...`` command that a reader could copy, split into words; usage lines with [brackets] are not commands."""
    lines = re.findall(r"^    (hepaflow .*)$", prose(page), re.MULTILINE)
    lines += [line.strip() for block in blocks(page) for line in block.text.replace("\\\n", " ").splitlines()]
    found = [re.split(r" > | \| ", line)[0] for line in lines if line.startswith("hepaflow ")]
    found += [" ".join(text.split()) for text in _INLINE.findall(prose(page))]
    return [shlex.split(text)[1:] for text in found if "[" not in text and "..." not in text]
