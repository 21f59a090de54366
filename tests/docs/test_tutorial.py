"""The tutorial as a reader does it: every block is run in an empty folder, and what it is said to print is compared."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import doc_pages as pages
import pytest

pytestmark = pytest.mark.slow

TUTORIAL = pages.ROOT / "docs" / "tutorial" / "first-study.md"
CASE_PAGE = pages.ROOT / "docs" / "reference" / "case-folder.md"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
#: Numbers may differ a little between processors and releases; a tutorial that is 10 % (or 0.06, three steps of a last digit shown) off still teaches the same.
SHARE, STEP = 0.10, 0.06


def same(said: str, printed: str) -> bool:
    """Whether a line is what was said: words exactly, numbers nearly, blanks freely; ``...`` stands for anything."""
    pattern, told = "", []
    for part in re.split(r"(\.\.\.|-?\d+(?:\.\d+)?|\s+)", said.strip()):
        if part == "...":
            pattern += ".*"
        elif NUMBER.fullmatch(part):
            pattern += r"(-?\d+(?:\.\d+)?)"
            told.append(float(part))
        else:
            pattern += r"\s+" if part.isspace() else re.escape(part)
    found = re.fullmatch(pattern, printed.strip())
    return found is not None and all(
        math.isclose(a, float(b), rel_tol=SHARE, abs_tol=STEP) for a, b in zip(told, found.groups(), strict=True)
    )


def compare(said: str, printed: str) -> None:
    """Line by line; a line of ``...`` stands for any number of lines."""
    rest = printed.splitlines()
    anywhere = False
    for line in said.splitlines():
        if line.strip() == "...":
            anywhere = True
            continue
        while anywhere and rest and not same(line, rest[0]):
            rest.pop(0)
        assert rest, f"not printed: {line}\n---\n{printed}"
        assert same(line, rest[0]), f"said:    {line}\nprinted: {rest[0]}\n---\n{printed}"
        rest.pop(0)
        anywhere = False
    assert anywhere or not rest, f"printed beyond what is said: {rest}"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder after the whole tutorial, and what each block printed beside what it is said to print."""
    folder = tmp_path_factory.mktemp("tutorial")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    outputs = []
    blocks = pages.blocks(TUTORIAL)
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.kind not in {"sh", "python"}:
            continue
        command = ["bash", "-euo", "pipefail", "-c", block.text] if block.kind == "sh" else [sys.executable, "-c", block.text]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 0, f"{block.text}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
        if following is not None and following.kind == "text":
            outputs.append((following.text, ran.stdout))
    return folder, outputs


def test_prints_what_it_says(done):
    _, outputs = done
    assert len(outputs) >= 5
    for said, printed in outputs:
        compare(said, printed)


def test_comparison_can_fail():
    compare("a 1.00 b\n...\nend", "a  1.05 b\nx\ny\nend\n")
    for said, printed in (("a 1.00", "a 1.20"), ("a", "b"), ("a", "a\nb"), ("a\nb", "a"), ("a\n...\nc", "a\nb")):
        with pytest.raises(AssertionError):
            compare(said, printed)


def test_case_folder_is_as_documented(done):
    folder, _ = done
    page = CASE_PAGE.read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`]+)`", page)) | set(re.findall(r"[\w-]+", page))
    case = json.loads((folder / "case" / "case.json").read_text(encoding="utf-8"))
    assert set(case) <= words
    lesions = json.loads((folder / "case" / "lesions.json").read_text(encoding="utf-8"))
    assert set(lesions) <= words
    assert set(lesions["lesions"][0]) <= words
    assert set(lesions["lesions"][0]["response"][0]) <= words
    assert set(lesions["lesions"][0]["regions"]["whole"]) - set(lesions["units"]) <= words
    assert set(lesions["units"]) <= words
    for name in ("motion.csv", "curves.csv"):
        with (folder / "case" / name).open(encoding="utf-8", newline="") as handle:
            head = next(csv.reader(handle))
        plain = {column for column in head if not column.startswith(("fit_", "lesion-"))}
        assert plain <= words, name
    for path in (folder / "case").iterdir():
        assert any(path.name in word for word in words), f"{path.name} is in the case folder and not on the page"
