"""Quantities that the study is too short for: the mark beside them, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Collection

from hepaflow.curves.protocol import LONG_STUDY
from hepaflow.domain.case import CaseResult
from hepaflow.domain.history import Rule
from hepaflow.report.content import Paragraph
from hepaflow.report.words import NBSP, Words

MARK = "†"


def marked(text: str, key: str, case: CaseResult) -> str:
    """What a quantity is called, with the mark where the rule on the study's length calls it weakly determined."""
    return f"{text}{NBSP}{MARK}" if key in LONG_STUDY and _short(case) is not None else text


def note(case: CaseResult, keys: Collection[str], words: Words) -> list[Paragraph]:
    """What the mark says, below a table or picture of ``keys``; empty where none of them has it."""
    rule, shown = _short(case), [key for key in LONG_STUDY if key in keys]
    if rule is None or not shown:
        return []
    names, why = ", ".join(map(words.quantity, shown)), words.choose(rule.why_en, rule.why_fr)
    return [Paragraph(words("weak_note", mark=MARK, names=names, why=why, measured=rule.measured), style="note")]


def _short(case: CaseResult) -> Rule | None:
    """The rule on the study's length where it does not pass."""
    return next((rule for rule in case.protocol if rule.key == "length" and rule.verdict in {"warn", "fail"}), None)
