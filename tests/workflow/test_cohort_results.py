"""results.json: the shape that others rely on, every number finite or null."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import EVERYTHING, columns, study

from hepaflow.store import plain_json
from hepaflow.workflow.cohort_results import SCHEMA, results

NUMBER = (int, float)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found, _ = study(tmp_path_factory.mktemp("study"), content=EVERYTHING)
    return dict(json.loads(plain_json.text(results(found))))


def interval(value: Any) -> bool:
    return value is None or (len(value) == 2 and value[0] <= value[1])


def test_the_top_of_the_file(tree: dict[str, Any]) -> None:
    table = columns()
    assert (tree["schema"], tree["n"], tree["clusters"], tree["positive"]) == (SCHEMA, len(table["patient"]), 12, "major")
    assert (tree["positives"], tree["negatives"]) == (table["response"].count("major"), table["response"].count("minor"))
    assert tree["synthetic"] is False
    assert "Research use only" in tree["notice"]


def test_every_area_has_the_shape_of_the_contract(tree: dict[str, Any]) -> None:
    assert set(tree["roc"]) == {"bf_ratio", "noise"}
    for name, one in tree["roc"].items():
        assert 0 <= one["auc"] <= 1
        assert one["direction"] == {"bf_ratio": "lower", "noise": "higher"}[name]
        assert isinstance(one["se_delong"], NUMBER)
        assert isinstance(one["se_clustered"], NUMBER)
        assert interval(one["ci95_delong"])
        assert interval(one["ci95_clustered"])
        best = one["youden"]
        for key in ("threshold", "sensitivity", "specificity", "ppv", "npv"):
            assert isinstance(best[key], NUMBER)
        assert best["sensitivity"] + best["specificity"] - 1 == pytest.approx(best["youden"])
        assert best["corrected"]["method"] == "bootstrap"
        assert best["corrected"]["youden"] < best["youden"]
    fixed = tree["roc"]["bf_ratio"]["fixed"]
    assert fixed["threshold"] == 0.68
    assert fixed["table"]["positive"] == "major"
    assert fixed["at_prevalence"]["prevalence"] == 0.3


def test_each_point_of_a_curve_has_its_threshold_and_the_rows_of_its_value(tmp_path: Path) -> None:
    table = columns()
    table["bf_ratio"][2] = ""
    found, _ = study(tmp_path, table, EVERYTHING)
    one = json.loads(plain_json.text(results(found)))["roc"]["bf_ratio"]
    curve = one["curve"]
    assert one["missing"] == 1
    assert (curve[0], curve[-1]["threshold"]) == (
        {"threshold": None, "value": None, "sensitivity": 0.0, "specificity": 1.0, "rows": []},
        None,
    )
    # rows are numbered as in the file, whose head is row 1
    held = [(point["value"], row) for point in curve for row in point["rows"]]
    assert sorted(held) == sorted((float(cell), n) for n, cell in enumerate(table["bf_ratio"], start=2) if cell)
    best = next(point for point in curve if point["threshold"] == one["youden"]["threshold"])
    assert (best["sensitivity"], best["specificity"]) == pytest.approx((one["youden"]["sensitivity"], one["youden"]["specificity"]))
    assert [point["sensitivity"] for point in curve] == sorted(point["sensitivity"] for point in curve)


def test_rates_are_those_of_their_counts(tree: dict[str, Any]) -> None:
    for rule in tree["rules"]:
        table = rule["table"]
        for rate, one, rest in (("sensitivity", "tp", "fn"), ("specificity", "tn", "fp"), ("ppv", "tp", "fp"), ("npv", "tn", "fn")):
            total = table[one] + table[rest]
            if total == 0:
                assert rule[rate] is None
                continue
            assert rule[rate] == pytest.approx(table[one] / total)
            bounds = rule["intervals"][rate]
            assert (bounds["events"], bounds["n"]) == (table[one], total)
            assert bounds["exact"][0] <= rule[rate] <= bounds["exact"][1]


def test_comparisons_tests_and_findings(tree: dict[str, Any]) -> None:
    (pair,) = tree["comparisons"]
    assert (pair["a"], pair["b"]) == ("bf_ratio", "noise")
    assert math.isfinite(pair["z"])
    assert 0 <= pair["p"] <= 1
    for one in tree["tests"].values():
        assert "Mann-Whitney" in one["test"]
        assert isinstance(one["statistic"], NUMBER)
        assert 0 <= one["p"] <= 1
        assert one["p_adjusted"] >= one["clustered"]["p"]
    assert all(set(one) == {"code", "severity", "text", "text_fr", "column", "rows"} for one in tree["findings"])
    assert all(one["positive"] == "major" for one in tree["rule_comparisons"])


def test_every_part_is_there(tree: dict[str, Any]) -> None:
    for key in ("probabilities", "agreement", "survival", "next_study", "ratio_classes", "combined", "sizes"):
        assert tree[key]
    assert tree["description"]["patients"]
    assert tree["methods"]["seed"] == 1
    assert tree["methods"]["bootstraps"] == 40
    assert set(tree["methods"]["software"]) == {"hepaflow", "python", "numpy", "scipy", "matplotlib"}


def test_no_name_of_a_patient_is_in_it(tree: dict[str, Any]) -> None:
    assert '"P1"' not in json.dumps(tree)


def test_what_cannot_be_estimated_is_null_and_columns_of_one_class_have_no_area(tmp_path: Path) -> None:
    table = columns()
    table["bf_ratio"] = [cell if kind == "major" else "" for cell, kind in zip(table["bf_ratio"], table["response"], strict=True)]
    found, _ = study(tmp_path, table, EVERYTHING)
    made = plain_json.text(results(found))
    assert "NaN" not in made
    assert "Infinity" not in made
    tree = json.loads(made)
    assert set(tree["roc"]) == set(tree["tests"]) == {"noise"}
    assert tree["comparisons"] == []
    assert tree["combined"] is None
