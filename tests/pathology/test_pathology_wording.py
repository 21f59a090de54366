"""What this room says to people: both languages, French punctuation, flags that the table knows."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hepaflow import pathology
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.response import Text

ROOM = Path(pathology.__path__[0])
MODULES = [importlib.import_module(f"hepaflow.pathology.{found.name}") for found in pkgutil.iter_modules(pathology.__path__)]


def texts(value: object) -> Iterator[Text]:
    """Every sentence in a value."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from texts(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


def written() -> list[tuple[str, str]]:
    """English and French of every ``Text(...)`` in the source, values left out."""
    found = []
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                found.append((plain(node.args[0]), plain(node.args[1])))
    return found


def plain(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "#" for part in node.values)
    assert isinstance(node, ast.Constant), ast.unparse(node)
    return str(node.value)


def test_sentences_are_found() -> None:
    assert len(written()) > 100
    assert len([text for module in MODULES for text in texts(vars(module))]) > 80


@pytest.mark.parametrize("pair", sorted(set(written())), ids=lambda pair: pair[0][:40])
def test_french_is_punctuated_as_french(pair: tuple[str, str]) -> None:
    english, french = pair
    assert english.strip()
    assert french.strip()
    assert "'" not in english
    assert "'" not in french
    assert not re.search(r"[^\u00a0][:;!?»%]", french), french
    assert not re.search(r"«[^\u00a0]", french), french
    assert english.endswith(".") == french.endswith(".")
    assert english.count("#") == french.count("#")


def test_every_flag_that_is_raised_is_in_the_table() -> None:
    named = set()
    for path in ROOM.glob("*.py"):
        named |= set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', path.read_text(encoding="utf-8")))
    table = list(FLAGS)
    own = table[table.index("residual-near-cut-off") : table.index("group-not-steady") + 1]
    assert len(own) == 25
    assert set(own) <= named
