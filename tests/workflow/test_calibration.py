"""A site's own rule from its file, two readers, and changes, all through ``respond``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases_for_tests import write_case

from hepaflow.errors import InputRefused, UsageError
from hepaflow.workflow import calibration
from hepaflow.workflow.visits import respond

RULE = 'quantity = "mtt"\nthreshold = 1.25\nmajor = "above"\nsource = "own 40 patients"\n'


def rule_of(folder: Path, text: str) -> Path:
    (folder / "rule.toml").write_text(text)
    return folder / "rule.toml"


def test_a_site_s_own_rule_reads_its_own_column(tmp_path: Path) -> None:
    rule = calibration.load(rule_of(tmp_path, RULE))
    (tmp_path / "v.csv").write_text("visit,lesion,mtt_ratio,mtt_ratio_sd\nv1,a,1.25,0.1\nv1,b,1.26,0.1\n")
    found = respond(tmp_path / "v.csv", criterion=rule)
    assert [one["category"] for one in found["visits"][0]["lesions"]] == ["minor", "major"]
    assert found["visits"][0]["lesions"][0]["probability_major"] == pytest.approx(0.5)
    assert (found["criterion"], found["threshold"], found["source"]) == ("calibrated", 1.25, "own 40 patients")
    assert found["rule"].startswith("major when MTT(lesion) / MTT(healthy liver) > 1.25")
    (tmp_path / "v.csv").write_text("visit,lesion,bf_ratio\nv1,a,1.25\n")
    with pytest.raises(InputRefused, match="VISITS-COLUMN-MISSING: there is neither a column mtt_ratio"):
        respond(tmp_path / "v.csv", criterion=rule)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("quantity = ", "CALIBRATION-UNREADABLE"),
        ('threshold = 1.0\nsource = "x"', "CALIBRATION-INVALID: quantity"),
        (RULE + "dupont = 1", "CALIBRATION-INVALID: the file holds a key"),
        (RULE.replace("1.25", "0"), "CALIBRATION-INVALID: threshold"),
        (RULE.replace("above", "left"), "CALIBRATION-INVALID: major"),
        (RULE.replace('"mtt"', '"flow"'), "CRITERION-QUANTITY"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(UsageError, match=code) as refused:
        calibration.load(rule_of(tmp_path, text))
    assert "dupont" not in str(refused.value)
    with pytest.raises(UsageError, match="CALIBRATION-UNREADABLE"):
        calibration.load(tmp_path / "none.toml")


def test_changes_from_case_to_case_are_judged(tmp_path: Path) -> None:
    lesions = {"lesion-1": ((0.0, 0.0, 0.0), 30.0)}
    for name, ratio in (("one", 1.0), ("two", 0.62), ("three", 0.60)):
        write_case(tmp_path / name, lesions, ratios={"lesion-1": ratio})
    rows = "visit,date,lesion,case,case_lesion\n" + "".join(
        f"v{n},2024-0{n}-01,A,{case},lesion-1\n" for n, case in enumerate(("one", "two", "three/lesions.json"), start=1)
    )
    (tmp_path / "v.csv").write_text(rows)
    found = respond(tmp_path / "v.csv")
    flow = [(one["from"], one["to"], one["category"]) for one in found["changes"] if one["quantity"] == "bf"]
    assert flow == [("v1", "v2", "decrease"), ("v2", "v3", "within_repeatability")]
    assert found["changes"][0]["rule"] == "Blood flow -38 %, beyond the 31 % that repeats differ by."
    assert [one["category"] for visit in found["visits"] for one in visit["lesions"]] == ["minor", "major", "major"]


def test_a_site_s_own_repeatability_takes_the_place_of_the_published_one(tmp_path: Path) -> None:
    lesions = {"lesion-1": ((0.0, 0.0, 0.0), 30.0)}
    for name, ratio in (("one", 1.0), ("two", 0.80)):
        write_case(tmp_path / name, lesions, ratios={"lesion-1": ratio})
    (tmp_path / "v.csv").write_text("visit,lesion,case,case_lesion\nv1,A,one,lesion-1\nv2,A,two,lesion-1\n")
    own = calibration.load_repeatability(rule_of(tmp_path, '[bf]\nwcv = 0.05\nsource = "own repeats"\n'))
    (found,) = (one for one in respond(tmp_path / "v.csv", repeatability=own)["changes"] if one["quantity"] == "bf")
    assert (found["category"], found["numbers"]["source"]) == ("decrease", "own repeats")
    assert found["numbers"]["limit"] == pytest.approx(0.1386, abs=1e-4)  # 1.96 * sqrt(2) * 0.05
    (found,) = (one for one in respond(tmp_path / "v.csv")["changes"] if one["quantity"] == "bf")
    assert found["category"] == "within_repeatability"
    for text, code in (
        ("[bf]\nwcv = 1.2\nsource = 'x'", "CALIBRATION-INVALID: wcv"),
        ("[bf]\nwcv = 0.1", "CALIBRATION-INVALID: source"),
        ("[flow]\nwcv = 0.1\nsource = 'x'", "CALIBRATION-QUANTITY"),
        ("bf = 0.1", "CALIBRATION-INVALID: bf"),
    ):
        with pytest.raises(UsageError, match=code):
            calibration.load_repeatability(rule_of(tmp_path, text))


def test_two_readers_of_morphology_come_with_their_agreement(tmp_path: Path) -> None:
    head = "visit,lesion,role,morphology,morphology_2\n"
    (tmp_path / "v.csv").write_text(head + "v1,a,target,3,3\nv1,b,target,2,3\nv2,a,target,1,1\nv2,b,target,1,\n")
    found = respond(tmp_path / "v.csv", criterion="chun")
    assert found["readers"]["n"] == 3
    assert found["readers"]["equal"] == pytest.approx(2 / 3)
    assert found["readers"]["weights"] == "quadratic"
    assert found["visits"][1]["category"] == "optimal"
    (tmp_path / "v.csv").write_text(head + "v1,a,target,3,\nv2,a,target,1,\n")
    assert respond(tmp_path / "v.csv", criterion="chun")["readers"] is None
    (tmp_path / "v.csv").write_text(head + "v1,a,target,3,4\nv2,a,target,1,1\n")
    with pytest.raises(InputRefused, match="MORPHOLOGY-GROUP: row 2: morphology_2"):
        respond(tmp_path / "v.csv", criterion="chun")
