"""The first tables of a study: counts that add up, a positive class everywhere, tests that are named."""

from __future__ import annotations

import pytest
from judged_study import bare, cells, judged

from hepaflow.report import study_tables as tables
from hepaflow.report import study_tables_accuracy as accuracy
from hepaflow.report.study_numbers import GAP


def test_patients_add_up() -> None:
    rows = cells(tables.patients(judged()))
    counted = {row[0].strip(): row for row in rows}
    assert sum(int(row[1]) for row in rows if row[0].strip() in {"1", "2", "3"}) == 12
    assert sum(int(counted[name][1]) for name in ("only major", "both", "only minor")) == 12
    assert counted["F"][3] == "50.0"
    assert counted["age"][3].startswith("46.5 ± ")


def test_lesions_stand_by_class_with_a_test_that_is_named() -> None:
    table = tables.lesions(judged())
    assert table.head[3:5] == ("major", "minor")
    assert "Mann-Whitney" in table.caption
    assert "Fisher" in table.caption
    assert "not adjusted" in table.caption


def test_comparison_names_both_tests_and_the_correction() -> None:
    table = tables.comparison(judged())
    assert [row[0] for row in cells(table)] == ["BF ratio", "noise"]
    assert table.head[-1].endswith("holm")
    assert "lesions independent" in table.caption
    assert all(len(row) == len(table.head) for row in cells(table))


def test_areas_are_sorted_and_say_what_is_positive() -> None:
    table = accuracy.areas(judged())
    found = [float(row[3]) for row in cells(table)]
    assert found == sorted(found, reverse=True)
    assert "positive = major" in table.caption
    assert table.head[1] == "means major"
    assert {row[1] for row in cells(table)} == {"lower", "higher"}


def test_pairs_and_cuts() -> None:
    (pair,) = cells(accuracy.pairs(judged()))
    assert pair[0] == "BF ratio against noise"
    cut = cells(accuracy.cuts(judged()))
    assert [row[1][0] for row in cut] == ["<", ">"]
    assert all(GAP not in row[4:] for row in cut)


def test_every_test_prints_its_2x2_and_its_positive_class() -> None:
    study = judged()
    listed = cells(accuracy.rules(study))
    for rule, row in zip(study.rules, listed, strict=True):
        table = accuracy.crossed(rule, study)
        assert "Positive = major" in table.caption
        tp, fn, fp, tn = (int(part) for part in row[1].split(" / "))
        assert cells(table)[0] == ["yes", str(tp), str(fp), str(tp + fp)]
        assert cells(table)[2] == ["total", str(tp + fn), str(fp + tn), str(tp + fn + fp + tn)]
        if tp + fn:
            assert f"({tp}/{tp + fn})" in row[2]
    assert {row[0].split("\n")[1] for row in listed} == {
        "(a category of the table)",
        "(cut-off fixed beforehand)",
        "(each patient judged by the others' cut)",
    }


def test_tests_are_compared_for_one_positive_class() -> None:
    rows = cells(accuracy.rule_pairs(judged()))
    heads = [row[0] for row in rows if len(row) == 1]
    assert heads
    assert all(text.endswith("positive = major") for text in heads)


def test_classes_of_a_ratio_add_up() -> None:
    (row,) = cells(tables.classes(judged()))
    study = judged()
    counts = [int(cell.split(" ")[0]) for cell in row[1:]]
    assert (sum(counts[:3]), sum(counts[3:])) == (int(study.truth.sum()), int((~study.truth).sum()))


@pytest.mark.parametrize("make", [tables.classes, accuracy.pairs, accuracy.cuts, accuracy.rules, accuracy.rule_pairs])
def test_a_study_without_questions_has_no_such_table(make: object) -> None:
    assert callable(make)
    assert make(bare()) is None
