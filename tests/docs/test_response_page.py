"""The example of the page on response is what the command says."""

from __future__ import annotations

import re
from pathlib import Path

from hepaflow.workflow.visits import respond

PAGE = Path(__file__).parents[2] / "docs" / "explain" / "response.md"


def test_the_example_says_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "v.csv").write_text(table)
    found = respond(tmp_path / "v.csv", criterion="recist-1.1")
    sums = [visit["numbers"]["sum_mm"] for visit in found["visits"][1:]]
    assert sums == [46.2, 9.0]
    assert "The sums are 66, 46.2 and 9 mm" in page
    assert [visit["category"] for visit in found["visits"][1:]] == ["PR", "PR"]
    assert found["visits"][2]["parts"]["target"]["category"] == "CR"
    assert found["visits"][2]["numbers"]["baseline_sum_mm"] == 66.0
    assert found["best_overall_response_confirmed"]["category"] == "PR"
