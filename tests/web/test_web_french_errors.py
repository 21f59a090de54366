"""Every failure of the reading room has its words in the French page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
ENTRY = re.compile(r'^  "([A-Z0-9-]+)": \["([^"]+)", "([^"]+)"\],$', re.MULTILINE)


def raised() -> set[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "src/hepaflow/web").glob("*.py"))]
    texts = [
        node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {text for text in texts if CODE.fullmatch(text)}


def test_every_code_of_the_room_is_said_in_french() -> None:
    found = ENTRY.findall((ROOT / "frontend/src/i18n/fr.errors.ts").read_text(encoding="utf-8"))
    said = {code: (what, advice) for code, what, advice in found}
    assert len(said) == len(found), "a code is there twice"
    codes = raised()
    assert len(codes) > 80
    assert sorted(codes - said.keys()) == []
    # An English sentence would have straight apostrophes; the French one has typographic ones, as the page's other words have.
    assert [code for code, texts in said.items() if "'" in "".join(texts)] == []
    spoken = {text for texts in said.values() for text in texts}
    assert spoken.isdisjoint({"Try again", "Reload the page", "Use the page of this server"})
