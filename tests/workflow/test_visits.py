from __future__ import annotations

import json
from pathlib import Path

import pytest

from hepaflow.errors import InputRefused, UsageError
from hepaflow.workflow.visits import respond

HEAD = "visit,date,lesion,role,organ,nodal,diameter_mm,short_axis_mm,hu,state,bf_ratio,bf_ratio_sd\n"
ROWS = (
    "v1,2020-01-01,lesion-1,target,liver,no,30,,60,measured,1.10,0.05\n"
    "v1,2020-01-01,lesion-2,target,liver,no,12,,60,measured,0.40,0.05\n"
    "v2,2020-03-01,lesion-1,target,liver,no,25,,55,measured,0.50,0.05\n"
    "v2,2020-03-01,lesion-2,target,liver,no,,,,absent,,\n"
)
KEY = "nancy2019-bf-ratio"


def read(folder: Path, text: str, name: str = "visits.csv") -> dict:
    (folder / name).write_text(text, encoding="utf-8")
    return respond(folder / name, criterion=KEY)


def test_every_visit_and_lesion_is_judged(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + ROWS)
    assert [(v["visit"], v["date"]) for v in found["visits"]] == [("v1", "2020-01-01"), ("v2", "2020-03-01")]
    calls = {(v["visit"], x["lesion"]): x for v in found["visits"] for x in v["lesions"]}
    assert {key: x["category"] for key, x in calls.items()} == {
        ("v1", "lesion-1"): "minor",
        ("v1", "lesion-2"): "not_evaluable",
        ("v2", "lesion-1"): "major",
        ("v2", "lesion-2"): "not_evaluable",
    }
    assert calls["v1", "lesion-2"]["flags"] == ["lesion-below-15-mm"]
    assert calls["v2", "lesion-1"]["probability_major"] > 0.999  # 3.6 deviations below
    assert calls["v2", "lesion-1"]["numbers"]["ratio"] == 0.5
    assert calls["v2", "lesion-2"]["numbers"]["state"] == "absent"
    assert found["nadir"]["lesion-1"] == {"visit": "v2", "ratio": 0.5}
    assert found["threshold"] == 0.68


def test_visits_are_put_in_the_order_of_their_dates(tmp_path: Path) -> None:
    rows = ROWS.splitlines(keepends=True)
    assert read(tmp_path, HEAD + "".join(reversed(rows)))["visits"][0]["visit"] == "v1"


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    head = HEAD.strip().split(",")
    rows = [dict(zip(head, row.split(","), strict=True)) for row in ROWS.splitlines()]
    for row in rows:
        row["bf_ratio"] = float(row["bf_ratio"]) if row["bf_ratio"] else None
    assert read(tmp_path, json.dumps(rows), "visits.json") == read(tmp_path, HEAD + ROWS)
    assert read(tmp_path, json.dumps({"visits": rows}), "wrapped.json") == read(tmp_path, HEAD + ROWS)


def test_a_case_brings_ratio_uncertainty_and_size(tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    lesion = {"id": "lesion-1", "longest_axial_diameter_mm": 20.0, "ratio": {"bf": {"value": 0.5, "sd": 0.1, "ci95": [0.3, 0.7]}}}
    nothing = {"id": "lesion-2", "longest_axial_diameter_mm": 20.0, "ratio": {"bf": None}}
    (case / "lesions.json").write_text(json.dumps({"schema": 1, "lesions": [lesion, nothing]}))
    for path in ("case", "case/lesions.json"):
        found = read(tmp_path, f"visit,lesion,case\nv1,lesion-1,{path}\nv1,lesion-2,{path}\n")["visits"][0]["lesions"]
        assert [x["category"] for x in found] == ["major", "not_evaluable"]
        assert found[0]["probability_major"] == pytest.approx(0.964, abs=1e-3)  # Phi(1.8)
        assert found[0]["numbers"]["diameter_mm"] == 20.0


def test_a_necrotic_lesion_is_read_where_its_report_reads_it(tmp_path: Path) -> None:
    calls = [
        {"criterion": KEY, "threshold": 0.68, "region": part, "category": category, "probability_major": p, "ratio": judged}
        for part, category, p, judged in (
            ("whole", "major", 0.7, {"value": 0.65, "sd": 0.06}),
            ("vascular", "minor", 0.02, {"value": 0.97, "sd": 0.2}),
        )
    ]
    lesion = {"id": "lesion-1", "longest_axial_diameter_mm": 43.0, "ratio": {"bf": {"value": 0.65, "sd": 0.06}}, "response": calls}
    (tmp_path / "lesions.json").write_text(json.dumps({"schema": 1, "lesions": [lesion]}))
    (found,) = read(tmp_path, "visit,lesion,case\nv1,lesion-1,lesions.json\n")["visits"][0]["lesions"]
    assert (found["category"], found["numbers"]["region"], found["numbers"]["ratio"]) == ("minor", "vascular", 0.97)
    assert found["probability_major"] == 0.02  # the case's own, from its draws, not that of a normal spread (0.07)
    assert found["flags"] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "EMPTY"),
        (HEAD, "EMPTY"),
        ("visit,date,bf_ratio\nv1,2020-01-01,1\n", "COLUMN-MISSING"),
        ("visit,lesion\nv1,lesion-1\n", "COLUMN-MISSING"),
        ("visit,lesion,bf_ratio\nv1,,1\n", "ROW"),
        ("visit,lesion,bf_ratio\nv1,a\n", "ROW"),
        ("visit,lesion,bf_ratio\nv1,a,1,2\n", "ROW"),
        ("visit,lesion,lesion,bf_ratio\nv1,a,a,1\n", "HEADER"),
        ("visit,lesion,bf_ratio\nv1,a,big\n", "NOT-A-NUMBER"),
        ("visit,lesion,bf_ratio\nv1,a,inf\n", "NOT-A-NUMBER"),
        ("visit,lesion,bf_ratio\nv1,a,-1\n", "NEGATIVE"),
        ("visit,lesion,bf_ratio\nv1,a,1\nv1,a,2\n", "REPEATED"),
        ("visit,date,lesion,bf_ratio\nv1,1/2/2020,a,1\n", "DATE"),
        ("visit,date,lesion,bf_ratio\nv1,2020-01-01,a,1\nv1,2020-01-02,b,1\n", "DATE"),
        ("visit,lesion,bf_ratio,role\nv1,a,1,main\n", "WORD"),
        ("visit,lesion,bf_ratio,state\nv1,a,1,seen\n", "WORD"),
        ("visit,lesion,case\nv1,a,nowhere\n", "CASE"),
        ('visit,lesion,bf_ratio\n"v1,a,1\n', "NOT-CSV"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InputRefused, match=rf"^VISITS-{code}:"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["[]", "3", "{", '[{"visit": {"a": 1}, "lesion": "x", "bf_ratio": 1}]', "[" * 100000])
def test_json_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-(EMPTY|ROW|UNREADABLE)"):
        read(tmp_path, text, "visits.json")


def test_a_refusal_never_repeats_a_cell(tmp_path: Path) -> None:
    with pytest.raises(InputRefused) as caught:
        read(tmp_path, "visit,lesion,bf_ratio\nv1,a,DUPONT^JEAN\n")
    assert "DUPONT" not in str(caught.value)


def test_an_unknown_criterion_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(HEAD + ROWS)
    with pytest.raises(UsageError, match=r"^CRITERION-UNKNOWN"):
        respond(tmp_path / "v.csv", criterion="recist11")
