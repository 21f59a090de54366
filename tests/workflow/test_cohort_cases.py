"""Analysed cases as a lesion table: a tree of folders, a column of paths, outcomes beside them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import write_csv

from hepaflow.errors import InputRefused
from hepaflow.workflow.cohort_config import StudyConfig
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_table import read

PLAIN = StudyConfig(bootstraps=0)


def lesion(name: str, bf: float, **more: Any) -> dict[str, Any]:
    value = {"value": bf, "sd": 0.05}
    call = {"criterion": "nancy2019-bf-ratio", "category": "major", "probability_major": 0.9, "region": "whole"}
    return {
        "id": name,
        "regions": {"whole": {"bf": {"value": 100 * bf}, "haf": {"value": 0.3}}},
        "ratio": {"bf": value, "mtt": None},
        "response": [call],
        "volume_ml": 4.5,
        "longest_axial_diameter_mm": 21.0,
        "flags": ["moved", "noisy"],
        **more,
    }


def case(folder: Path, *lesions: dict[str, Any], model: str = "aath", version: str = "0.3.1") -> Path:
    """lesions.json and case.json as an analysis writes them."""
    folder.mkdir(parents=True)
    healthy = {"bf": {"value": 100.0}, "haf": {"value": 0.4}}
    (folder / "lesions.json").write_text(json.dumps({"schema": 1, "model": model, "healthy": healthy, "lesions": lesions}))
    made = {"software": {"version": version}, "density_g_ml": 1.05, "haematocrit": {"value": None}}
    (folder / "case.json").write_text(json.dumps(made))
    return folder


def test_a_tree_of_cases_is_a_table(tmp_path: Path) -> None:
    case(tmp_path / "b" / "visit-1", lesion("lesion-1", 0.5), lesion("lesion-2", 0.9))
    case(tmp_path / "a", lesion("lesion-1", 0.7))
    found, findings = read(tmp_path, PLAIN)
    assert findings == ()
    assert list(zip(found.patients, found.lesions, strict=True)) == [
        ("a", "lesion-1"),
        ("b/visit-1", "lesion-1"),
        ("b/visit-1", "lesion-2"),
    ]
    assert found.numbers["bf_ratio"].tolist() == [0.7, 0.5, 0.9]
    assert found.numbers["bf_lesion"].tolist() == [70.0, 50.0, 90.0]
    assert {name: values[0] for name, values in found.numbers.items() if name in ("bf_healthy", "haf_lesion", "haf_healthy")} == {
        "bf_healthy": 100.0,
        "haf_lesion": 0.3,
        "haf_healthy": 0.4,
    }
    assert [found.numbers[name][0] for name in ("bf_ratio_sd", "volume_ml", "diameter_mm", "probability_major")] == [
        0.05,
        4.5,
        21.0,
        0.9,
    ]
    assert [found.texts[name][0] for name in ("flags", "model", "haematocrit", "criterion")] == [
        "moved noisy",
        "aath",
        "off",
        "nancy2019-bf-ratio",
    ]
    assert found.numbers["density_g_ml"][0] == 1.05


def test_a_lesion_that_has_no_category_leaves_the_column_empty(tmp_path: Path) -> None:
    """Below 15 mm a lesion is not rated: its cell is no text that a rule could take for a category."""
    small = {"criterion": "nancy2019-bf-ratio", "category": None, "probability_major": None, "region": "whole"}
    case(tmp_path / "a", lesion("lesion-1", 0.5), lesion("lesion-2", 0.9, response=[small]))
    assert read(tmp_path, PLAIN)[0].texts["category"] == ("major", None)


def test_outcomes_of_a_file_are_joined_to_a_tree_and_judged(tmp_path: Path) -> None:
    for k, ratio in enumerate((0.4, 0.5, 0.9, 1.0)):
        case(tmp_path / "cases" / f"p{k}", lesion("lesion-1", ratio))
    second = {"patient": [f"p{k}" for k in range(4)], "lesion": ["lesion-1"] * 4, "response": ["major", "major", "minor", "minor"]}
    asked = StudyConfig(bootstraps=0, outcomes=write_csv(tmp_path / "outcomes.csv", second))
    study = run(read(tmp_path / "cases", asked)[0], asked)
    area = study.parameters[0].found.area
    assert study.parameters[0].found.question.name == "bf_ratio"
    assert area is not None
    assert area.auc == 1.0


def test_a_column_of_cases_brings_their_numbers_and_keeps_the_table_s_own(tmp_path: Path) -> None:
    case(tmp_path / "one", lesion("lesion-1", 0.5), lesion("lesion-2", 0.9))
    table = {
        "patient": ["A", "A", "B"],
        "lesion": ["lesion-1", "lesion-2", "x"],
        "response": ["major", "minor", "minor"],
        "case": ["one", "one/lesions.json", ""],
        "bf_ratio": ["0.1", "0.2", "0.3"],
    }
    found = read(write_csv(tmp_path / "t.csv", table), PLAIN)[0]
    assert found.numbers["bf_ratio"].tolist() == [0.1, 0.2, 0.3]
    assert found.numbers["bf_lesion"][:2].tolist() == [50.0, 90.0]
    assert found.texts["model"] == ("aath", "aath", None)


def test_models_that_differ_are_said(tmp_path: Path) -> None:
    case(tmp_path / "a", lesion("lesion-1", 0.5))
    case(tmp_path / "b", lesion("lesion-1", 0.9), model="patlak", version="0.4.0")
    second = {"patient": ["a", "b"], "lesion": ["lesion-1"] * 2, "response": ["major", "minor"]}
    (tmp_path / "o").mkdir()
    asked = StudyConfig(bootstraps=0, outcomes=write_csv(tmp_path / "o" / "outcomes.csv", second))
    told = {one.code: one.severity for one in run(read(tmp_path, asked)[0], asked).findings}
    assert told["mixed-model"] == told["mixed-release"] == "serious"
    assert "mixed-density-g-ml" not in told


@pytest.mark.parametrize(
    "fault",
    [
        {"flags": None},
        {"flags": [1]},
        {"volume_ml": "large"},
        {"ratio": []},
        {"response": [{}]},
        {"regions": {"whole": {"bf": {}}}},
        {"regions": {"whole": {"mtt": {"value": 1.0}}}},
    ],
)
def test_a_damaged_case_is_refused(fault: dict[str, Any], tmp_path: Path) -> None:
    case(tmp_path / "cases" / "a", lesion("lesion-1", 0.5, **fault))
    with pytest.raises(InputRefused, match="STUDY-CASE:"):
        read(tmp_path / "cases", PLAIN)


def test_what_is_no_case_and_a_lesion_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    case(tmp_path / "none")
    for folder in ("empty", "none"):
        with pytest.raises(InputRefused, match="STUDY-NO-CASES"):
            read(tmp_path / folder, PLAIN)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "lesions.json").write_text("{")
    with pytest.raises(InputRefused, match="CASE-UNREADABLE"):
        read(tmp_path / "broken", PLAIN)
    case(tmp_path / "one", lesion("lesion-1", 0.5))
    table = {"patient": ["A"], "lesion": ["Jeanne"], "response": ["major"], "case": ["one"]}
    with pytest.raises(InputRefused, match="STUDY-CASE-LESION: row 2") as refused:
        read(write_csv(tmp_path / "t.csv", table), PLAIN)
    assert "Jeanne" not in str(refused.value)
    with pytest.raises(InputRefused, match="CASE-UNREADABLE"):
        read(write_csv(tmp_path / "t.csv", {**table, "case": ["Jeanne"]}), PLAIN)
    with pytest.raises(InputRefused, match="STUDY-COLUMN"):
        read(write_csv(tmp_path / "t.csv", {"patient": ["A"], "case": ["one"], "response": ["major"]}), PLAIN)
