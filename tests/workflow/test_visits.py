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
        respond(tmp_path / "v.csv", criterion="made-up")


def write_case(folder: Path, ratio: float, *, model: str = "aath", case: dict | None = None) -> None:
    folder.mkdir()
    lesion = {"id": "lesion-1", "longest_axial_diameter_mm": 20.0, "ratio": {"bf": {"value": ratio, "sd": 0.05}}}
    (folder / "lesions.json").write_text(json.dumps({"schema": 1, "model": model, "lesions": [lesion]}))
    if case is not None:
        (folder / "case.json").write_text(json.dumps(case))


def made(density: float = 1.05, haematocrit: float | None = None, version: str = "1.2.3") -> dict:
    return {"density_g_ml": density, "haematocrit": {"value": haematocrit}, "software": {"version": version}}


TWO = "visit,date,lesion,case\nv1,2020-01-01,lesion-1,a\nv2,2020-02-01,lesion-1,b/lesions.json\n"


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        ({"model": "one-compartment", "case": made()}, {"model": ["aath", "one-compartment"]}),
        ({"case": made(density=1.0)}, {"density_g_ml": ["1.05", "1"]}),
        ({"case": made(haematocrit=0.42)}, {"haematocrit": ["off", "0.42"]}),
        ({"case": made(version="2.0.0")}, {"release": ["1", "2"]}),
    ],
)
def test_visits_that_were_not_made_the_same_way_are_flagged(tmp_path: Path, other: dict, apart: dict) -> None:
    write_case(tmp_path / "a", 0.9, case=made())
    write_case(tmp_path / "b", 0.5, **other)
    found = read(tmp_path, TWO)
    assert found["differences"] == apart
    assert found["flags"] == ["models-differ"]
    first, second = (visit["lesions"][0] for visit in found["visits"])
    # a model that is not the default one is an assumption besides
    assumed = ["response-assumes-model"] if "model" in apart else []
    assert (first["flags"], second["flags"]) == ([], [*assumed, "models-differ"])
    assert (first["category"], second["category"]) == ("minor", "major")  # each ratio is within one case and stays what it is
    assert first["made_with"]["model"] == "aath"


@pytest.mark.parametrize("case", [made(), made(version="1.9.0"), None])
def test_visits_made_the_same_way_or_with_nothing_known_against_it_are_not(tmp_path: Path, case: dict | None) -> None:
    write_case(tmp_path / "a", 0.9, case=made())
    write_case(tmp_path / "b", 0.5, case=case)
    found = read(tmp_path, TWO)
    assert (found["differences"], found["flags"]) == ({}, [])


def test_before_version_one_every_minor_release_counts(tmp_path: Path) -> None:
    write_case(tmp_path / "a", 0.9, case=made(version="0.1.4"))
    write_case(tmp_path / "b", 0.5, case=made(version="0.2.0"))
    assert read(tmp_path, TWO)["differences"] == {"release": ["0.1", "0.2"]}


def test_a_table_may_name_the_model_and_what_is_no_key_is_not_repeated(tmp_path: Path) -> None:
    head = "visit,lesion,bf_ratio,model\n"
    found = read(tmp_path, head + "v1,a,1,aath\nv2,a,1,patlak\nv3,a,1,\n")
    assert found["differences"] == {"model": ["aath", "patlak"]}
    assert found["visits"][2]["lesions"][0]["made_with"] is None
    found = read(tmp_path, head + "v1,a,1,aath\nv2,a,1,DUPONT^JEAN\n")
    assert "DUPONT" not in json.dumps(found)


def test_an_unreadable_case_json_leaves_the_ratio_usable(tmp_path: Path) -> None:
    write_case(tmp_path / "a", 0.9, case=made())
    write_case(tmp_path / "b", 0.5)
    (tmp_path / "b" / "case.json").write_text("[")
    found = read(tmp_path, TWO)
    assert found["visits"][1]["lesions"][0]["made_with"] == {
        "model": "aath",
        "density_g_ml": None,
        "haematocrit": None,
        "release": None,
    }
