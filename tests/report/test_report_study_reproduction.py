"""Printed figures beside what their data give."""

from __future__ import annotations

from judged_study import cells

from hepaflow.cohort.nancy2019.check import Check
from hepaflow.report.content import Notice
from hepaflow.report.study_reproduction import section, table

CHECKS = [
    Check("a", "Table 1", "lesions", "61", "66", "contradicted", "five too many"),
    Check("b", "Table 2", "size", "0.0047", "0.0047", "reproduced", "pooled t"),
    Check("c", "Table 4", "Se", "96.5", "96.6", "rounding", "cut"),
]


def test_every_check_is_a_row_in_its_order_with_the_tone_of_its_verdict() -> None:
    assert [row[:5] for row in cells(table(CHECKS))] == [
        [one.where, one.what, one.printed, one.recomputed, one.verdict] for one in CHECKS
    ]
    assert [row.cells[4].tone for row in table(CHECKS).rows] == ["fail", "pass", "warn"]


def test_the_section_counts_verdicts_and_says_contradictions_alone() -> None:
    made = section(CHECKS)
    assert "Of 3 figures 1 reproduced, 1 rounding, 1 contradicted." in getattr(made.blocks[0], "text", "")
    told = [block for block in made.blocks if isinstance(block, Notice)]
    assert [one.items for one in told] == [("Table 1, lesions: five too many",)]
