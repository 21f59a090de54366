"""Every entry of the trail, and every step of a job, has its words in the page."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = sorted((ROOT / "src/hepaflow/web").glob("*.py"))
KEY = re.compile(r'^  "([^"]+)": ', re.MULTILINE)
#: Progress that only the command line tells.
NOT_IN_ROOM = {"write", "truth", "plots", "de-identify", "fits"}


def spoken(language: str) -> set[str]:
    return set(KEY.findall((ROOT / f"frontend/src/i18n/{language}.ts").read_text(encoding="utf-8")))


@cache
def calls_in(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]


def calls(paths: list[Path], name: str) -> list[ast.Call]:
    found = [call for path in paths for call in calls_in(path)]
    return [call for call in found if name in {getattr(call.func, "attr", ""), getattr(call.func, "id", "")}]


def literals(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def deeds() -> set[str]:
    said = [keyword.value for call in calls(WEB, "audit") for keyword in call.keywords if keyword.arg == "what"]
    return set().union(*(literals(node) for node in said))


def details() -> set[str]:
    """Keys of the dictionaries that entries hold: given at the call, or called ``detail`` or ``told`` above it."""
    found: set[str] = set()
    for path in WEB:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and calls_audit(node)):
            for node in ast.walk(function):
                given = isinstance(node, ast.keyword) and node.arg == "detail"
                named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("detail", "told")
                if given or named:
                    dicts = [one for one in ast.walk(node) if isinstance(one, ast.Dict)]
                    found |= {key.value for one in dicts for key in one.keys if isinstance(key, ast.Constant)}
    return found


def calls_audit(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "audit" for node in ast.walk(function))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_deed_and_detail_is_said(language: str) -> None:
    keys, known = spoken(language), (ROOT / "frontend/src/list/deeds.ts").read_text(encoding="utf-8")
    found, parts = deeds(), details() - {"of"}
    assert {"signed", "regions-changed", "login-refused"} <= found
    assert {"job", "digest", "language", "version"} <= parts
    assert sorted(one for one in found if f"did.{one}" not in keys or f'"{one}"' not in known) == []
    assert sorted(one for one in parts if f"audit.{one}" not in keys or f'"{one}"' not in known) == []


def test_every_step_of_a_job_is_said() -> None:
    steps = set()
    for name in ("tell", "progress", "_progress"):
        for call in calls(sorted((ROOT / "src/hepaflow").rglob("*.py")), name):
            if len(call.args) == 3 and isinstance(call.args[0], ast.Constant):
                steps.add(call.args[0].value)
    known = (ROOT / "frontend/src/list/job.tsx").read_text(encoding="utf-8")
    assert {"maps", "align together", "save"} <= steps
    assert sorted(one for one in steps - NOT_IN_ROOM if not re.search(rf'^  "?{one}"?: "step\.', known, re.MULTILINE)) == []
