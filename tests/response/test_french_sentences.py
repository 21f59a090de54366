"""Every sentence that is written down in two languages says it in both."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hepaflow.response.catalogue import SIZE_CRITERIA
from hepaflow.response.criterion import CRITERIA, calibrated

SOURCES = Path(__file__).parents[2] / "src/hepaflow"
#: Small words that no sentence of the other language has.
ENGLISH = re.compile(r"\b(?:the|of|and|or|is|are|was|were|not|with|without|from|than|which|neither|nor|below|above)\b")
FRENCH = re.compile(r"\b(?:le|la|les|des|du|ou|est|sont|une|avec|sans|dans|pas|qui|que|aucune?|moins|chaque)\b")
#: Quoted within a French sentence: titles and symbols of the field.
QUOTED = re.compile(r"« [^»]* »|\"[^\"]*\"|\{[^}]*\}")


def _literal(node: ast.expr) -> str | None:
    """What is written in a string or an f-string; None for what is not written there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def _texts() -> list[tuple[str, str, str]]:
    found = []
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text" and len(node.args) == 2:
                en, fr = map(_literal, node.args)
                if en is not None and fr is not None:
                    found.append((f"{path.name}:{node.lineno}", en, fr))
    return found


def faults(en: str, fr: str) -> list[str]:
    """What is wrong with a pair of sentences."""
    plain_en, plain_fr = QUOTED.sub("", en), QUOTED.sub("", fr)
    found = [] if fr.strip() else ["no French"]
    if en == fr and ENGLISH.search(plain_en.lower()):
        found.append("the same in both languages")
    if word := ENGLISH.search(plain_fr.lower()):
        found.append(f"English in the French: {word[0]}")
    if word := FRENCH.search(plain_en.lower()):
        found.append(f"French in the English: {word[0]}")
    return found


def test_every_sentence_is_french_in_french() -> None:
    texts = _texts()
    assert len(texts) > 250
    assert [f"{where}: {fault}" for where, en, fr in texts for fault in faults(en, fr)] == []


def test_what_a_criterion_is_and_is_not_is_french_in_french() -> None:
    own = calibrated("ttp", 1.25, major="above", source="own data")
    assert "1,25" in own.rule.fr
    assert "1.25" in own.rule.en
    said = [(one.key, text) for one in (*CRITERIA, own) for text in (one.name, one.rule, one.limits)]
    said += [(one.key, text) for one in SIZE_CRITERIA for text in (one.name, one.rule, one.source.limits)]
    assert [f"{key}: {fault}" for key, text in said for fault in faults(text.en, text.fr)] == []


@pytest.mark.parametrize(
    ("en", "fr"),
    [
        ("The sum has risen.", ""),
        ("The sum has risen.", "The sum has risen."),
        ("The sum has risen.", "La somme has risen from the smallest."),
        ("La somme est la plus petite.", "La somme est la plus petite."),
    ],
)
def test_a_sentence_that_nobody_translated_is_found(en: str, fr: str) -> None:
    assert faults(en, fr)
