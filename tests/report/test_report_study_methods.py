"""The methods paragraph says what was done and nothing else; STARD items are filled or left to the authors."""

from __future__ import annotations

from judged_study import bare, cells, judged

from hepaflow.report.study_methods import TO_WRITE, paragraph, stard

PARTS = (
    "Obuchowski",
    "DeLong",
    "Youden",
    "bootstrap",
    "McNemar",
    "Brier",
    "ridge",
    "Kaplan-Meier",
    "limits of agreement",
    "Student",
)


def test_all_that_was_done_is_said_with_its_names() -> None:
    text = paragraph(judged(), {"numpy": "9.9"})
    assert all(part in text for part in PARTS)
    assert "positive class was major" in text
    assert "40 bootstrap draws of patients (seed 1)" in text
    assert "numpy 9.9" in text
    assert "two-sided" in text


def test_what_was_not_done_is_not_said() -> None:
    text = paragraph(bare(), {})
    assert not [part for part in PARTS if part in text]
    assert "positive class was minor" in text


def test_stard_has_its_items_and_counts_those_filled() -> None:
    table = stard(judged(), {"funding": "none at all"})
    rows = [row for row in cells(table) if len(row) == 2]
    assert len(rows) == 34
    assert {row[0].split(" ")[0].rstrip("abc") for row in rows} == {str(k) for k in range(1, 31)}
    filled = sum(TO_WRITE not in row[1] for row in rows)
    assert f"{filled} of 34 items" in table.caption
    assert rows[-1][1] == "none at all"
    assert sum(TO_WRITE in row[1] for row in cells(stard(bare(), {})) if len(row) == 2) > len(rows) - filled
