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


#: Rooms and commands that the reading room has no way to.
NOT_IN_ROOM = {"cli", "pathology", "therapy", "phantom"}
ELSEWHERE = {"ablation.py", "board.py", "deidentify.py", "fit_file.py", "node.py", "patient_record.py", "phantom_study.py"}
ELSEWHERE |= {"pseudonym.py", "receive.py", "receive_inbox.py", "worked_cases.py"}
#: Statistics refuse what a caller gives them: the study command, which is what the room runs, says it in its own words before.
BEHIND = "cohort"


def refused() -> set[str]:
    """Codes that are raised anywhere the reading room leads to."""
    found = set()
    for path in sorted((ROOT / "src/hepaflow").rglob("*.py")):
        room = path.relative_to(ROOT / "src/hepaflow").parts[0]
        if (
            room in NOT_IN_ROOM
            or path.name in ELSEWHERE
            or (room == BEHIND and path.name not in ("sample.py", "table.py", "roc.py"))
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"InputRefused", "UsageError", "OutputFailed"}:
                found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant) and CODE.fullmatch(str(one.value))}
    return found


def test_every_code_that_readers_meet_is_said_in_french() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "frontend/src/i18n").glob("fr.errors*.ts"))]
    found = [entry for text in texts for entry in ENTRY.findall(text)]
    said = {code: (what, advice) for code, what, advice in found}
    assert len(said) == len(found), "a code is there twice"
    codes, further = raised(), refused()
    assert len(codes) > 80
    assert len(further) > 200
    assert sorted((codes | further) - said.keys()) == []
    # An English sentence would have straight apostrophes; the French one has typographic ones, as the page's other words have.
    assert [code for code, both in said.items() if "'" in "".join(both)] == []
    spoken = {text for both in said.values() for text in both}
    assert spoken.isdisjoint({"Try again", "Reload the page", "Use the page of this server"})
