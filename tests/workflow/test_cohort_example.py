"""The thesis of Nancy 2019 from what it prints: the figures that come out, those that cannot, and the made-up cohort beside it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from hepaflow.cohort.study import Study
from hepaflow.errors import UsageError
from hepaflow.report.study_drawings import SYNTHETIC
from hepaflow.workflow.cohort_example import EXAMPLES, all_checks, as_cells, example, nancy2019

CHECKS = {one.key: one for one in all_checks()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study]:
    folder = tmp_path_factory.mktemp("nancy")
    return folder, nancy2019(folder)


@pytest.fixture(scope="module")
def tree(written: tuple[Path, Study]) -> dict[str, Any]:
    return dict(json.loads((written[0] / "results.json").read_text(encoding="utf-8")))


def test_blood_flow_at_068_is_rounded_from_its_counts() -> None:
    """28/29 and 31/32: 96.6 / 96.9 / 96.6 / 96.9; the thesis prints 96.5, cut and not rounded."""
    assert CHECKS["bf-accuracy"].recomputed == "96.6 / 96.9 / 96.6 / 96.9"
    assert CHECKS["bf-accuracy"].verdict == "rounding"
    assert CHECKS["bf-auc"].recomputed == "899/928"


def test_partial_response_for_the_same_class(tree: dict[str, Any]) -> None:
    """11/25, 29/32, 11/14, 29/43."""
    rule = next(one for one in tree["rules"] if one["origin"] == "category")
    assert rule["table"] == {"tp": 11, "fp": 3, "fn": 14, "tn": 29, "positive": "major"}
    assert [round(100 * rule[rate], 1) for rate in ("sensitivity", "specificity", "ppv", "npv")] == [44.0, 90.6, 78.6, 67.4]


def test_the_change_of_size_as_a_continuous_test(tree: dict[str, Any]) -> None:
    """624.5 of 800 pairs; DeLong 0.660 to 0.901; cut between -6 and -5 %, Youden .479."""
    one = tree["roc"]["size_change_percent"]
    assert one["auc"] == pytest.approx(624.5 / 800, abs=1e-12)
    assert round(one["auc"], 3) == 0.781
    # the thesis audit gives DeLong on the plain scale
    assert (one["auc"] - 1.959964 * one["se_delong"], one["auc"] + 1.959964 * one["se_delong"]) == pytest.approx(
        (0.660, 0.901), abs=1e-3
    )
    assert one["youden"]["youden"] == pytest.approx(0.479, abs=5e-4)
    assert tree["tests"]["size_change_percent"]["p"] < 1e-3
    assert "Mann-Whitney" in tree["tests"]["size_change_percent"]["test"]
    assert (tree["n"], tree["positives"], tree["negatives"]) == (57, 25, 32)
    assert tree["sizes"]["categories"]["statistic"] == pytest.approx(13.24, abs=5e-3)


def test_the_difference_of_size_is_a_pooled_t_test() -> None:
    assert any("0.0047" in one.printed + one.recomputed and one.verdict == "reproduced" for one in CHECKS.values())


def test_what_the_thesis_contradicts_is_said_first(written: tuple[Path, Study], tree: dict[str, Any]) -> None:
    wrong = [one for one in CHECKS.values() if one.verdict == "contradicted"]
    assert any("minor" in one.why.lower() and "59" in one.printed for one in CHECKS.values())
    page = (written[0] / "report.html").read_text(encoding="utf-8")
    assert page.index("The thesis, recomputed") < page.index("In short")
    assert wrong
    assert len(tree["reproduction"]) == len(CHECKS)
    assert {one["verdict"] for one in tree["reproduction"]} <= {
        "reproduced",
        "attainable",
        "rounding",
        "questioned",
        "contradicted",
        "not checkable",
    }
    assert tree["source"].startswith("Thesis, University Hospital of Nancy, 2019")


def test_the_printed_data_are_not_synthetic_and_the_cohort_is(written: tuple[Path, Study], tree: dict[str, Any]) -> None:
    folder, study = written
    assert not study.synthetic
    assert tree["synthetic"] is False
    assert SYNTHETIC not in (folder / "report.html").read_text(encoding="utf-8")
    made_up = json.loads((folder / "synthetic" / "results.json").read_text(encoding="utf-8"))
    assert made_up["synthetic"] is True
    assert (made_up["n"], made_up["clusters"]) == (61, 32)
    assert (made_up["positives"], made_up["negatives"]) == (29, 32)
    page = (folder / "synthetic" / "report.html").read_text(encoding="utf-8")
    assert page.count(SYNTHETIC) >= page.count("<figure")
    for path in (folder / "synthetic" / "tables").glob("*.csv"):
        assert next(csv.reader([path.read_text(encoding="utf-8").splitlines()[0]]))[-1] == "SYNTHETIC DATA"


def test_the_synthetic_cohort_has_the_counts_of_the_thesis_at_its_cut(written: tuple[Path, Study]) -> None:
    made_up = json.loads((written[0] / "synthetic" / "results.json").read_text(encoding="utf-8"))
    fixed = made_up["roc"]["bf_ratio"]["fixed"]
    assert fixed["threshold"] == 0.68
    assert fixed["table"] == {"tp": 28, "fp": 1, "fn": 1, "tn": 31, "positive": "major"}
    assert made_up["survival"][0]["label"] == "Disease-free survival (invented)"


def test_an_unknown_example_is_refused_with_the_list() -> None:
    assert example("nancy2019") is EXAMPLES["nancy2019"]
    with pytest.raises(UsageError, match=r"STUDY-EXAMPLE.*nancy2019"):
        example("zz")


def test_columns_become_cells() -> None:
    assert as_cells({"a": [1, None], "b": ["x", 0.5]}) == (["a", "b"], [["1", "x"], ["", "0.5"]])
