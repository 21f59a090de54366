"""The tables beside accuracy."""

from __future__ import annotations

import pytest
from judged_study import bare, cells, judged

from hepaflow.report import study_tables_more as more


def test_sizes_are_not_called_recist() -> None:
    before, difference, change = more.sizes(judged())
    assert "Lesions taken as independent" in difference.caption
    assert "Student" in difference.caption
    assert "Welch" in difference.caption
    assert "This is not RECIST 1.1" in change.caption
    assert len(cells(before)) == 6
    for row in cells(change):
        assert int(row[1]) == sum(int(cell.split(" ")[0]) for cell in row[2:])


def test_every_lesion_s_change_is_listed_in_order_by_class() -> None:
    rows = cells(more.size_list(judged()))
    assert len(rows) == judged().n
    for name in ("major", "minor"):
        changes = [float(row[3].replace("−", "-")) for row in rows if row[0] == name]
        assert changes == sorted(changes)


def test_calibration_and_combined_rule_name_what_was_held_out() -> None:
    assert [row[0] for row in cells(more.calibration(judged()))] == ["probability major", "combined rule, held-out patients"]
    table = more.combined(judged())
    assert [row[0] for row in cells(table)] == ["intercept", "BF ratio", "noise"]
    assert table is not None
    assert "in patients not seen" in table.caption


def test_agreement_survival_and_needs() -> None:
    agreed = [row[0].strip() for row in cells(more.agreement(judged()))]
    assert agreed[0] == "bf_ratio and second_reader"
    assert {"lower limit of agreement", "upper limit of agreement"} <= set(agreed)
    lived = [row[0] for row in cells(more.survival(judged()))]
    assert lived[0].startswith("days (unit: patient)")
    assert "  hazard ratio, age" in lived
    assert all(int(row[1]) >= int(row[2]) > 0 for row in cells(more.needs(judged())))


def test_findings_stand_with_the_serious_first() -> None:
    order = [row[0] for row in cells(more.findings(judged()))]
    assert order == sorted(order, key=("serious", "caution", "info").index)
    assert len(order) == len(judged().findings)


@pytest.mark.parametrize("make", [more.size_list, more.calibration, more.combined, more.agreement, more.survival, more.needs])
def test_what_was_not_asked_has_no_table(make: object) -> None:
    assert callable(make)
    assert make(bare()) is None
    assert more.sizes(bare()) == []
