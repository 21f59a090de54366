"""A study with every part, judged once for the tests of its report."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))
from lesions_for_tests import EVERYTHING, study

from hepaflow.cohort.study import Study
from hepaflow.report.content import Table

FLOW = "flow = { eligible = 20, excluded = [{ reason = 'no CT', count = 8 }], included = 12, lesions = 25, lesions_excluded = [{ reason = 'small', count = 1 }] }\n"


@cache
def judged(*, synthetic: bool = False) -> Study:
    with tempfile.TemporaryDirectory() as folder:
        return study(Path(folder), content=f"synthetic = {str(synthetic).lower()}\n{FLOW}{EVERYTHING}")[0]


@cache
def bare() -> Study:
    """No question, no part."""
    with tempfile.TemporaryDirectory() as folder:
        return study(Path(folder), content='positive = "minor"\nbootstraps = 0\n')[0]


def cells(table: Table | None) -> list[list[str]]:
    assert table is not None
    return [[cell.text for cell in row.cells] for row in table.rows]
