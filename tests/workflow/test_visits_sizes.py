from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hepaflow import cli
from hepaflow.errors import HepaflowError
from hepaflow.response.catalogue import KEYS
from hepaflow.response.recist11_best import Confirmation
from hepaflow.store import plain_json
from hepaflow.workflow.visits import respond

HEAD = "visit,date,lesion,role,nodal,diameter_mm,perpendicular_mm,short_axis_mm,viable_mm,viable_perpendicular_mm,hu,morphology,state,unequivocal,markers\n"
ROWS = (
    "base,2024-01-01,a,target,no,30,20,,25,20,80,3,,,\n"
    "base,2024-01-01,n,target,yes,,,20,,,80,,,,\n"
    "base,2024-01-01,x,non-target,no,,,,,,,,,,\n"
    "week8,2024-03-01,a,target,no,15,10,,10,10,60,2,,,\n"
    "week8,2024-03-01,n,target,yes,,,9,,,60,,,,\n"
    "week8,2024-03-01,x,non-target,no,,,,,,,,,,\n"
    "week16,2024-05-01,a,target,no,,,,,,,,absent,,\n"
    "week16,2024-05-01,n,target,yes,,,9,,,60,,,,\n"
    "week16,2024-05-01,x,non-target,no,,,,,,,,,,\n"
)
KEYS_OF_SAID = {"category", "rule", "numbers", "reasons", "flags"}


def read(folder: Path, text: str = HEAD + ROWS, *, criterion: str | None = "recist-1.1", **more: Any) -> dict[str, Any]:
    (folder / "v.csv").write_text(text, encoding="utf-8")
    return respond(folder / "v.csv", criterion=criterion, **more)


def small(*rows: str, head: str = "visit,date,lesion,role,diameter_mm,state,unequivocal,markers") -> str:
    return head + "\n" + "".join(f"{row}\n" for row in rows)


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_recist_is_the_default_of_a_table_of_sizes(tmp_path: Path) -> None:
    found = read(tmp_path, criterion=None)
    assert found["criterion"] == "recist-1.1"
    assert set(found) == {
        "schema",
        "criterion",
        "rule",
        "source",
        "limits",
        "visits",
        "nadir",
        "best_overall_response",
        "best_overall_response_because",
        "best_overall_response_confirmed",
        "not_estimated",
        "differences",
        "readers",
        "flags",
    }
    assert found["schema"] == 1
    assert "Eur J Cancer 2009" in found["source"]
    assert found["limits"].startswith("Size alone")
    assert found["rule"].startswith("CR: all lesions gone")
    assert (found["differences"], found["flags"], found["not_estimated"]) == ({}, [], [])
    assert [(visit["visit"], visit["date"], visit["category"]) for visit in found["visits"]] == [
        ("base", "2024-01-01", None),
        ("week8", "2024-03-01", "PR"),
        ("week16", "2024-05-01", "PR"),
    ]
    assert found["nadir"] == {"sum": {"visit": "week16", "value": 9.0}}
    assert found["best_overall_response"] == "PR"
    assert found["best_overall_response_because"]["category"] == "PR"
    assert found["best_overall_response_confirmed"]["category"] == "PR"
    json.loads(plain_json.text(found))


def test_the_baseline_is_said_to_be_nothing(tmp_path: Path) -> None:
    first = read(tmp_path)["visits"][0]
    assert first == {
        "visit": "base",
        "date": "2024-01-01",
        "category": None,
        "rule": None,
        "numbers": {},
        "reasons": [],
        "flags": [],
        "parts": {},
        "lesions": [],
    }


def test_a_visit_has_its_numbers_and_the_sentences_that_decided(tmp_path: Path) -> None:
    second, third = read(tmp_path)["visits"][1:]
    assert set(second) == {"visit", "date", "parts", "lesions"} | KEYS_OF_SAID
    assert second["numbers"] == {
        "target": "PR",
        "non_target": "Non-CR/Non-PD",
        "new_lesion": "no",
        "sum_mm": 24.0,
        "baseline_sum_mm": 50.0,
        "nadir_sum_mm": 50.0,
        "nadir_visit": "base",
        "change_from_baseline": -0.52,
        "change_from_nadir": -0.52,
        "rise_from_nadir_mm": -26.0,
        "not_evaluated": 0,
    }
    assert (
        second["rule"]
        == "The sum of diameters has fallen by at least 30 % from the baseline sum. Table 1 of the guideline (target disease)."
    )
    assert {name: part["category"] for name, part in second["parts"].items()} == {
        "target": "PR",
        "non-target": "Non-CR/Non-PD",
        "new": "no",
    }
    assert all(set(part) == KEYS_OF_SAID for part in second["parts"].values())
    assert [reason["rule"] for reason in second["reasons"]] == [
        "recist-1.1/overall/PR",
        "recist-1.1/target/PR",
        "recist-1.1/non-target/Non-CR/Non-PD",
        "recist-1.1/new/no",
    ]
    assert all(set(reason) == {"rule", "text", "numbers"} for reason in second["reasons"])
    # complete response of the targets beside non-target disease: the table makes it of both
    assert third["rule"].startswith("All target lesions have disappeared")
    assert "Non-target lesions persist" in third["rule"]


@pytest.mark.parametrize(
    ("rows", "category", "has", "lacks"),
    [
        (("w,,a,target,10,,,", "w,,m,new,9,,,"), "PD", "A new lesion beyond doubt", "fallen"),
        (("w,,a,target,10,,,", "w,,m,new,9,,no,"), "PR", "A possible new lesion", "beyond doubt"),
        (("w,,a,target,60,,,",), "PD", "risen by at least 20 %", "new lesion"),
        (("w,,a,target,,not_evaluated,,",), "NE", "A target lesion was not evaluated", "new lesion"),
    ],
)
def test_what_decided_is_said_first(tmp_path: Path, rows: tuple[str, ...], category: str, has: str, lacks: str) -> None:
    found = read(tmp_path, small("b,,a,target,30,,,", *rows))["visits"][1]
    assert found["category"] == category
    assert has in found["rule"]
    assert lacks not in found["rule"]


def test_what_cannot_be_said_is_listed_with_its_reason(tmp_path: Path) -> None:
    found = read(tmp_path, small("b,,a,target,30,,,", "w,,a,target,,not_evaluated,,"))
    assert found["not_estimated"] == ["w: A target lesion was not evaluated, and those that were do not prove progression."]
    nothing = read(tmp_path, "visit,lesion,role\nb,a,non-target\nw,a,non-target\n")
    assert nothing["not_estimated"] == []
    chun = read(tmp_path, "visit,lesion,morphology\nb,a,3\nb,c,2\nw,a,1\n", criterion="chun")
    assert chun["not_estimated"] == ["w, c: The group was not read at both examinations."]


def test_markers_count_for_recist_only(tmp_path: Path) -> None:
    rows = small("b,,a,target,30,,,", "w,,a,target,,absent,,raised")
    assert read(tmp_path, rows)["visits"][1]["category"] == "PR"
    assert read(tmp_path, rows.replace("raised", "normal"))["visits"][1]["category"] == "CR"


def test_what_the_protocol_asks_of_a_confirmation(tmp_path: Path) -> None:
    rows = small("b,2024-01-01,a,target,30,,,", "w,2024-03-01,a,target,10,,,", "x,2024-03-22,a,target,10,,,")
    assert read(tmp_path, rows)["best_overall_response_confirmed"]["category"] == "SD"
    assert read(tmp_path, rows)["best_overall_response"] == "PR"
    three_weeks = read(tmp_path, rows, confirmation=Confirmation(confirm_days=21))["best_overall_response_confirmed"]
    assert three_weeks["category"] == "PR"
    assert three_weeks["numbers"]["confirm_days"] == 21
    undated = rows.replace("2024-01-01", "").replace("2024-03-01", "").replace("2024-03-22", "")
    assert read(tmp_path, undated)["best_overall_response_confirmed"] is None


LESIONS = {
    "choi": ["PR", "PR", "NE"],
    "modified-choi": ["PR", "PR", "NE"],
    "chung": ["PR", "PR", "NE"],
    "chun": ["incomplete", "not_evaluable", "not_evaluable"],
    "size-change-not-recist": ["smaller", "smaller", "not_evaluable"],
}


@pytest.mark.parametrize("key", LESIONS)
def test_criteria_of_lesions(tmp_path: Path, key: str) -> None:
    found = read(tmp_path, criterion=key)
    second = found["visits"][1]
    assert [(one["lesion"], one["category"]) for one in second["lesions"]] == list(zip("anx", LESIONS[key], strict=True))
    assert all(set(one) == {"lesion"} | KEYS_OF_SAID for one in second["lesions"])
    assert second["category"] == ("incomplete" if key == "chun" else None)
    assert (found["nadir"], found["best_overall_response"], found["best_overall_response_confirmed"]) == ({}, None, None)
    assert found["best_overall_response_because"] is None
    assert second["parts"] == {}


def test_criteria_of_the_patient(tmp_path: Path) -> None:
    rows = "visit,lesion,role,diameter_mm,perpendicular_mm,viable_mm,viable_perpendicular_mm\nb,a,target,30,20,20,20\nw,a,target,30,10,14,14\n"
    who = read(tmp_path, rows, criterion="who")
    assert (who["visits"][1]["category"], who["nadir"], who["best_overall_response"]) == (
        "PR",
        {"a": {"visit": "w", "value": 300.0}},
        "PR",
    )
    assert who["visits"][1]["numbers"]["sum_mm2"] == 300.0
    assert who["visits"][1]["rule"] == "The sum of products has fallen by at least 50 % from the baseline."
    assert who["best_overall_response_confirmed"] is None
    for key, wanted, lowest in (("mrecist", "PR", 14.0), ("easl", "PR", 196.0)):
        found = read(tmp_path, rows, criterion=key)
        assert (found["visits"][1]["category"], found["nadir"]) == (wanted, {"sum": {"visit": "w", "value": lowest}})


@pytest.mark.parametrize(
    ("sizes", "suspect"),
    [
        (("40", "4"), True),
        (("15", "150"), True),
        (("40", "5"), True),
        (("40", "5.01"), False),
        (("39", "3"), True),
        (("39.1", "3"), False),
        (("40", "20"), False),
        (("40", "0"), False),
        (("40", "", "4"), True),
        (("40", "15", "4"), False),
    ],
)
@pytest.mark.parametrize("column", ["diameter_mm", "short_axis_mm"])
def test_sizes_that_look_like_cm_among_mm_are_flagged(tmp_path: Path, sizes: tuple[str, ...], suspect: bool, column: str) -> None:
    nodal = "yes" if column == "short_axis_mm" else "no"
    rows = "".join(f"v{n},a,target,{nodal},{size}\n" for n, size in enumerate(sizes))
    found = read(tmp_path, f"visit,lesion,role,nodal,{column}\n{rows}")
    assert found["flags"] == (["size-unit-suspect"] if suspect else [])


def test_fragments_and_other_lesions_are_not_compared_with_each_other(tmp_path: Path) -> None:
    rows = "visit,lesion,role,state,diameter_mm\nb,a,target,fragments,40\nb,a,target,fragments,4\nb,c,target,,44\nw,a,target,,44\nw,c,target,,30\n"
    assert read(tmp_path, rows)["flags"] == []


def test_flags_of_the_course_come_along(tmp_path: Path) -> None:
    assert read(tmp_path, small("b,,a,target,9,,,", "w,,a,target,90,,,"))["flags"] == ["target-not-measurable", "size-unit-suspect"]


@pytest.mark.parametrize(
    ("criterion", "code"),
    [
        ("recist-1.1", "VISITS-ROLE"),
        ("who", "VISITS-ROLE"),
        ("mrecist", "VISITS-ROLE"),
        ("nancy2019-bf-ratio", "VISITS-COLUMN-MISSING"),
    ],
)
def test_a_table_without_what_the_criterion_reads_is_refused(tmp_path: Path, criterion: str, code: str) -> None:
    with pytest.raises(HepaflowError, match="^" + code):
        read(tmp_path, "visit,lesion,diameter_mm\nb,a,30\n", criterion=criterion)


@pytest.mark.parametrize("criterion", ["choi", "chun", "size-change-not-recist"])
def test_criteria_of_lesions_need_no_roles(tmp_path: Path, criterion: str) -> None:
    found = read(tmp_path, "visit,lesion,diameter_mm,hu,morphology\nb,a,30,80,3\nw,a,15,60,1\n", criterion=criterion)
    assert found["visits"][1]["lesions"][0]["category"] in {"PR", "optimal", "smaller"}


# --- cases that a table names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["x" * 5000, "a\udcffb", "\ufeff", "../" * 500, "nul\u0000byte"])
def test_a_path_that_can_be_none_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "v.json").write_text(json.dumps([{"visit": "v1", "lesion": "a", "case": path}]), encoding="utf-8")
    with pytest.raises(HepaflowError, match=r"^VISITS-CASE"):
        respond(tmp_path / "v.json", criterion="nancy2019-bf-ratio")


GOOD = {
    "region": "whole",
    "criterion": "nancy2019-bf-ratio",
    "threshold": 0.68,
    "probability_major": 0.9,
    "ratio": {"value": 0.5, "sd": 0.1},
}


@pytest.mark.parametrize(
    "lesion",
    [
        {"ratio": {"bf": {"value": "0.5"}}},
        {"ratio": {"bf": {"value": True}}},
        {"ratio": {"bf": {"value": 10**400}}},
        {"ratio": {"bf": {"value": 0.5, "sd": []}}},
        {"longest_axial_diameter_mm": "20", "ratio": {"bf": {"value": 0.5}}},
        {"ratio": {"bf": 3}},
        {"ratio": 3},
        {"response": 3},
        {"response": [3]},
        {"response": [GOOD | {"region": "DUPONT"}]},
        {"response": [GOOD | {"region": []}]},
        {"response": [GOOD | {"ratio": 3}]},
        {"response": [GOOD | {"probability_major": "high"}]},
    ],
)
def test_a_case_of_another_form_is_refused(tmp_path: Path, lesion: dict[str, Any]) -> None:
    whole = {"id": "a", "longest_axial_diameter_mm": 20.0} | lesion
    (tmp_path / "lesions.json").write_text(json.dumps({"lesions": [whole]}))
    with pytest.raises(HepaflowError, match=r"^VISITS-CASE") as caught:
        read(tmp_path, "visit,lesion,case\nv1,a,lesions.json\n", criterion=None)
    assert "DUPONT" not in str(caught.value)


def test_a_case_of_the_right_form_is_read(tmp_path: Path) -> None:
    whole = {"id": "a", "longest_axial_diameter_mm": 20, "response": [GOOD]}
    (tmp_path / "lesions.json").write_text(json.dumps({"lesions": [whole]}))
    (found,) = read(tmp_path, "visit,lesion,case\nv1,a,lesions.json\n", criterion=None)["visits"][0]["lesions"]
    assert (found["category"], found["probability_major"], found["numbers"]["diameter_mm"]) == ("major", 0.9, 20.0)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.app([str(a) for a in arguments], prog_name="hepaflow")
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


def test_the_command_prints_a_line_a_visit(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "v.csv").write_text(HEAD + ROWS)
    code, out, err = run("respond", tmp_path / "v.csv")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[1][0] == "limits:"
    assert lines[2][:4] == ["visit", "date", "of", "response"]
    assert lines[3][:4] == ["base", "2024-01-01", "-", "baseline"]
    assert lines[4][:4] == ["week8", "2024-03-01", "patient", "PR"]
    assert lines[4][4] == "sum"
    assert out.splitlines()[-2:] == ["smallest sum: 9.00 mm at week16", "best overall response: PR (unconfirmed); confirmed: PR"]


def test_the_command_prints_lesions_and_flags(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "v.csv").write_text("visit,lesion,diameter_mm,morphology\nb,a,40,1\nw,a,4,1\n")
    code, out, _ = run("respond", tmp_path / "v.csv", "--criterion", "chun")
    assert code == 0
    assert out.splitlines()[4].split()[2:4] == ["patient", "none"]
    assert out.splitlines()[5].split()[2:4] == ["a", "none"]
    assert "morphology-not-assessable" in out.splitlines()[5]
    assert out.splitlines()[-1] == "flags: size-unit-suspect"


def test_the_command_passes_on_what_the_protocol_asks(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "v.csv").write_text(small("b,2024-01-01,a,target,30,,,", "w,2024-01-20,a,target,28,,,"))
    for more, wanted in (((), "NE"), (("--min-sd-days", 19), "SD"), (("--min-sd-days", 20), "NE")):
        found = json.loads(run("respond", tmp_path / "v.csv", "--json", *more)[1])
        assert found["best_overall_response_confirmed"]["category"] == wanted
    assert run("respond", tmp_path / "v.csv", "--confirm-days", -1)[0] == 2


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("b,,a,target,30,,,\nw,,a,target,10,,,\n", 0),
        ("b,,a,target,30,,,\nw,,a,target,,not_evaluated,,\n", 4),
        ("b,,a,target,-30,,,\n", 3),
        ("b,,a,new,30,,,\n", 3),
    ],
)
def test_exit_codes(tmp_path: Path, run: Callable[..., Any], rows: str, code: int) -> None:
    (tmp_path / "v.csv").write_text(small() + rows)
    found, out, err = run("respond", tmp_path / "v.csv", "--criterion", "recist-1.1", "--json")
    assert found == code
    assert (out == "") == (code == 3)
    assert err.count("\n") == (0 if code == 0 else 1)


# --- anything at all --------------------------------------------------------------------------------------------------

#: What a table may hold and what none should; SECRET must never come back in a message.
SECRET = "DUPONT^JEAN"
NUMBERS = ["30", "12.5", "0", "-1", "1e9", "1e400", "nan", "inf", "-inf", "9" * 60, "1_0", "12+8", "+", "", "3 cm", "٣", SECRET]
CELLS: dict[str, list[Any]] = {
    "visit": ["v1", "v2", "v3", "baseline", "", "v\x1b[2J", "v\u202e"],
    "date": ["", "2024-01-01", "2024-02-01", "2024-13-01", "20240301", "9999-12-31", "0001-01-01", SECRET, "2024-03-01T00:00"],
    "lesion": ["a", "b", "c", "", "a\x00", "ü" * 300],
    "role": ["target", "non-target", "new", "", SECRET, "Target"],
    "state": ["", "measured", "absent", "too_small", "not_evaluated", "fragments", "merged", SECRET],
    "organ": ["liver", "", SECRET, "left lung"],
    "nodal": ["", "yes", "no", "2", SECRET],
    "unequivocal": ["", "yes", "no", SECRET],
    "markers": ["", "normal", "raised", SECRET],
    "hu": ["80", "60", *NUMBERS],
    "morphology": ["3", "1", "2", *NUMBERS],
    "bf_ratio": NUMBERS,
    "bf_ratio_sd": NUMBERS,
    "case": ["", "", SECRET, "x" * 5000, ".", "v.csv", "/dev/null"],
    "model": ["", "aath", SECRET],
    **dict.fromkeys(("diameter_mm", "perpendicular_mm", "short_axis_mm", "viable_mm", "viable_perpendicular_mm"), NUMBERS),
}
ODD = [None, True, 10**400, -(10**30), 1e308, math.nan, math.inf, [], [12, 8], [math.nan], {"a": SECRET}, [[1]], "\ud800", SECRET]


def any_rows(chance: random.Random) -> list[dict[str, Any]]:
    """Mostly sound rows, so that many go deep; the odd cell anywhere."""
    columns = [name for name in CELLS if name in ("visit", "lesion", "role") or chance.random() < 0.5]
    columns = [name for name in columns if chance.random() < 0.98]
    dates = chance.random() < 0.5
    rows = []
    for visit in ("v1", "v2", "v3")[: chance.randint(1, 3)]:
        for lesion in "abc"[: chance.randint(1, 3)]:
            row: dict[str, Any] = {}
            for name in columns:
                sound = chance.random() < 0.94
                row[name] = chance.choice(CELLS[name][:2] if sound else CELLS[name])
            row |= {"visit": visit, "lesion": lesion} if chance.random() < 0.97 else {}
            row |= {"role": "target"} if "role" in row and chance.random() < 0.7 else {}
            row |= {"date": f"2024-0{visit[1]}-01" if dates else ""} if "date" in row and chance.random() < 0.97 else {}
            rows.append(row)
    chance.shuffle(rows)
    return rows


def as_file(folder: Path, rows: list[dict[str, Any]], chance: random.Random) -> Path:
    if chance.random() < 0.4:
        path = folder / "v.json"
        for row in rows:
            if row and chance.random() < 0.15:
                column, odd = chance.choice(list(row)), chance.choice(ODD)
                row[column] = "c" if odd == SECRET and column in ("visit", "lesion") else odd  # their names are in the answer
        tree: Any = rows if chance.random() < 0.5 else {"visits": rows}
        path.write_text("[" * 3000 + "]" * 3000 if chance.random() < 0.03 else json.dumps(tree), encoding="utf-8")
        return path
    path = folder / "v.csv"
    columns = list(rows[0])
    if chance.random() < 0.05:
        columns.append(chance.choice([*columns, "diameter_cm", SECRET, ""]))
    mark = chance.choice(",;\t")
    lines = [mark.join(columns), *(mark.join(str(row.get(name, "")) for name in columns) for row in rows)]
    if chance.random() < 0.05:
        lines[-1] += chance.choice([mark, '"', mark + SECRET, "\r"])
    path.write_bytes("\n".join(lines).encode("utf-8") if chance.random() < 0.97 else "\n".join(lines).encode("utf-16"))
    return path


@pytest.mark.parametrize("criterion", [*KEYS, None])
def test_every_table_is_judged_or_refused(tmp_path: Path, criterion: str | None) -> None:
    judged = 0
    for seed in range(300):
        chance = random.Random(seed)
        path = as_file(tmp_path, any_rows(chance), chance)
        refusal = None
        try:
            found = respond(path, criterion=criterion)
        except HepaflowError as error:
            refusal = error
        if refusal is None:
            judged += 1
            assert "DUPONT" not in plain_json.text(found), seed
        else:
            assert refusal.code == refusal.code.upper(), seed
            assert refusal.exit_code in {2, 3}, seed
            assert "DUPONT" not in str(refusal), seed
            assert str(refusal).isprintable(), seed
    assert judged >= 20  # the sound ones do get through
