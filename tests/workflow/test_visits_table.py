from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hepaflow.domain.visits import ROLES, STATES, Finding, Visits
from hepaflow.errors import HepaflowError, InputRefused
from hepaflow.workflow.visits_table import Row, by_visit, day_of, markers_raised, read_rows, to_visits

SIZES = ("diameter_mm", "perpendicular_mm", "short_axis_mm", "viable_mm", "viable_perpendicular_mm")


def rows_of(folder: Path, text: str, name: str = "v.csv") -> list[Row]:
    (folder / name).write_text(text, encoding="utf-8")
    return read_rows(folder / name)


def table(folder: Path, text: str, *, roles: bool = True, name: str = "v.csv") -> Visits:
    return to_visits(by_visit(rows_of(folder, text, name)), roles_needed=roles)


def code_of(folder: Path, text: str, *, roles: bool = True, name: str = "v.csv") -> str:
    with pytest.raises(HepaflowError) as caught:
        table(folder, text, roles=roles, name=name)
    assert caught.value.exit_code == 3
    return caught.value.code


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_row_with_everything(tmp_path: Path) -> None:
    head = "visit,date,lesion,role,organ,nodal,diameter_mm,short_axis_mm,perpendicular_mm,viable_mm,viable_perpendicular_mm,hu,morphology,state,unequivocal"
    found = table(tmp_path, f"{head}\nv1,2024-02-29,a,target,liver,yes,32.2,15.9,20.1,8.5,7,-3.5,2,measured,no\n")
    assert found.baseline.name == "v1"
    assert found.baseline.day == date(2024, 2, 29)
    assert found.baseline.findings == (
        Finding(
            "a",
            "target",
            "measured",
            "liver",
            True,
            Fraction(322, 10),
            Fraction(201, 10),
            Fraction(159, 10),
            Fraction(85, 10),
            Fraction(7),
            Fraction(-7, 2),
            2,
            False,
        ),
    )


@pytest.mark.parametrize("empty", ["", " ", "NaN", "nan", "NA", "n/a"])
@pytest.mark.parametrize("column", [*SIZES, "hu", "morphology"])
def test_an_empty_number_is_not_there(tmp_path: Path, empty: str, column: str) -> None:
    found = table(tmp_path, f"visit,lesion,role,{column}\nv1,a,target,{empty}\n").baseline.findings[0]
    assert getattr(found, column) is None


@pytest.mark.parametrize("number", ["0", "12", "12.5", "0.5", ".5", "1e1", "500"])
@pytest.mark.parametrize("column", SIZES)
def test_sizes_are_exact(tmp_path: Path, number: str, column: str) -> None:
    found = table(tmp_path, f"visit,lesion,role,{column}\nv1,a,target,{number}\n").baseline.findings[0]
    assert getattr(found, column) == Fraction(number)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("-1", "VISITS-NEGATIVE"),
        ("-0.1", "VISITS-NEGATIVE"),
        ("500.1", "VISITS-UNIT"),
        ("1e9", "VISITS-UNIT"),
        ("inf", "VISITS-NOT-A-NUMBER"),
        ("big", "VISITS-NOT-A-NUMBER"),
        ("3 cm", "VISITS-NOT-A-NUMBER"),
        ("1_0", "VISITS-NOT-A-NUMBER"),
        ("١٢", "VISITS-NOT-A-NUMBER"),
        ("12+8", "VISITS-ROW"),
        ("+12", "VISITS-ROW"),
        ("1e-50", "NUMBER-INVALID"),
        ("0." + "1" * 50, "NUMBER-INVALID"),
    ],
)
@pytest.mark.parametrize("column", ["diameter_mm", "viable_perpendicular_mm"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, cell: str, code: str, column: str) -> None:
    assert code_of(tmp_path, f"visit,lesion,role,{column}\nv1,a,target,{cell}\n") == code


@pytest.mark.parametrize(
    ("cell", "code"),
    [("-1024", None), ("-1024.1", "VISITS-UNIT"), ("3071", None), ("3071.1", "VISITS-UNIT"), ("inf", "VISITS-NOT-A-NUMBER")],
)
def test_attenuation_lies_on_the_scale_of_ct(tmp_path: Path, cell: str, code: str | None) -> None:
    text = f"visit,lesion,role,hu\nv1,a,target,{cell}\n"
    if code is None:
        assert table(tmp_path, text).baseline.findings[0].hu == Fraction(cell)
    else:
        assert code_of(tmp_path, text) == code


@pytest.mark.parametrize(
    ("cell", "code"),
    [("1", None), ("3.0", None), ("2.5", "MORPHOLOGY-GROUP"), ("0", "MORPHOLOGY-GROUP"), ("4", "MORPHOLOGY-GROUP")],
)
def test_a_morphology_is_a_group(tmp_path: Path, cell: str, code: str | None) -> None:
    text = f"visit,lesion,role,morphology\nv1,a,target,{cell}\n"
    if code is None:
        assert table(tmp_path, text).baseline.findings[0].morphology == int(float(cell))
    else:
        assert code_of(tmp_path, text) == code


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("yes", True),
        ("YES", True),
        ("true", True),
        ("1", True),
        ("oui", True),
        ("no", False),
        ("false", False),
        ("0", False),
        ("Non", False),
        ("", None),
    ],
)
def test_yes_and_no(tmp_path: Path, word: str, expected: bool | None) -> None:
    found = table(tmp_path, f"visit,lesion,role,unequivocal,nodal\nv1,a,target,{word},{word}\n").baseline.findings[0]
    assert (found.unequivocal, found.nodal) == (expected, bool(expected))


@pytest.mark.parametrize("column", ["unequivocal", "nodal"])
def test_what_is_neither_yes_nor_no_is_refused(tmp_path: Path, column: str) -> None:
    assert code_of(tmp_path, f"visit,lesion,role,{column}\nv1,a,target,perhaps\n") == "VISITS-WORD"


@pytest.mark.parametrize("role", ROLES[:2])
@pytest.mark.parametrize("state", [state for state in STATES if state not in ("absent", "merged")])
def test_known_words(tmp_path: Path, role: str, state: str) -> None:
    found = table(tmp_path, f"visit,lesion,role,state\nv1,a,{role},{state}\n").baseline.findings[0]
    assert (found.role, found.state) == (role, state)


def test_unknown_words_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    for column, words in (("role", ROLES), ("state", STATES)):
        with pytest.raises(InputRefused, match=r"^VISITS-WORD") as caught:
            rows_of(tmp_path, f"visit,lesion,{column}\nv1,a,DUPONT\n")
        assert caught.value.what == f"row 2: {column} is not a known word"
        assert caught.value.advice == "Use " + ", ".join(sorted(words))


@pytest.mark.parametrize(
    "column",
    [
        "diameter",
        "diameter_cm",
        "Diameter_CM",
        "short_axis",
        "short_axis_cm",
        "perpendicular_in",
        "viable",
        "viable_cm",
        "viable_perpendicular_cm",
        "size",
        "size_cm",
        "diameter_mm (cm)",
    ],
)
def test_sizes_in_another_unit_or_none_are_refused(tmp_path: Path, column: str) -> None:
    assert code_of(tmp_path, f"visit,lesion,role,{column}\nv1,a,target,3\n") == "VISITS-UNIT"
    assert code_of(tmp_path, json.dumps([{"visit": "v1", "lesion": "a", column: 3}]), name="v.json") == "VISITS-UNIT"


def test_other_columns_are_left_alone(tmp_path: Path) -> None:
    assert (
        table(tmp_path, "visit,lesion,role,sized_by,reader,diameter_mm\nv1,a,target,me,2,30\n").baseline.findings[0].size_mm == 30
    )


@pytest.mark.parametrize("missing", ["visit", "lesion"])
def test_visit_and_lesion_are_needed(tmp_path: Path, missing: str) -> None:
    other = "lesion" if missing == "visit" else "visit"
    assert code_of(tmp_path, f"{other},role\na,target\n") == "VISITS-COLUMN-MISSING"
    assert code_of(tmp_path, f"visit,lesion,role\n{'v1,' if missing == 'lesion' else ',a'},target\n") == "VISITS-ROW"
    assert code_of(tmp_path, json.dumps([{other: "a"}]), name="v.json") == "VISITS-COLUMN-MISSING"


@pytest.mark.parametrize("letter", ["\u001b", "\u0007", "\u202e", "\u2028", "\u200b"])
@pytest.mark.parametrize("column", ["visit", "lesion"])
def test_a_name_that_steers_a_terminal_is_refused(tmp_path: Path, letter: str, column: str) -> None:
    row = {"visit": "v1", "lesion": "a", "role": "target"} | {column: f"a{letter}b"}
    assert code_of(tmp_path, json.dumps([row]), name="v.json") == "VISITS-ROW"
    assert rows_of(tmp_path, json.dumps([row | {column: "métastase n° 1"}]), "v.json")[0].cell(column) == "métastase n° 1"


# --- fragments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("v.csv", "visit,lesion,role,state,diameter_mm\nv1,a,target,fragments,12+8\n"),
        ("v.csv", "visit,lesion,role,state,diameter_mm\nv1,a,target,fragments, 12 + 8 \n"),
        ("v.csv", "visit,lesion,role,state,diameter_mm\nv1,a,target,fragments,12\nv1,a,target,fragments,8\n"),
        ("v.json", '[{"visit": "v1", "lesion": "a", "role": "target", "state": "fragments", "diameter_mm": [12, 8]}]'),
        ("v.json", '[{"visit": "v1", "lesion": "a", "role": "target", "state": "fragments", "diameter_mm": "12+8"}]'),
        ("v.json", '[{"visit": "v1", "lesion": "a", "role": "target", "state": "fragments", "diameter_mm": [19.9, 0.1]}]'),
    ],
)
def test_fragments_are_added_up(tmp_path: Path, name: str, text: str) -> None:
    (found,) = table(tmp_path, text, name=name).baseline.findings
    assert (found.state, found.size_mm) == ("fragments", 20)


def test_a_fragment_without_a_size_leaves_the_lesion_without_one(tmp_path: Path) -> None:
    (found,) = table(
        tmp_path, "visit,lesion,role,state,diameter_mm\nv1,a,target,fragments,12\nv1,a,target,fragments,\n"
    ).baseline.findings
    assert found.size_mm is None


@pytest.mark.parametrize("cell", ["12+", "+12", "12++8", "12+nan", "12+-8", "12+big", "400+101"])
def test_fragments_that_are_none_are_refused(tmp_path: Path, cell: str) -> None:
    code = code_of(tmp_path, f"visit,lesion,role,state,diameter_mm\nv1,a,target,fragments,{cell}\n")
    assert code in {"NUMBER-INVALID", "VISITS-NEGATIVE", "VISITS-NOT-A-NUMBER", "VISITS-UNIT"}


@pytest.mark.parametrize("column", ["role", "organ", "nodal", "hu", "morphology", "unequivocal"])
def test_fragments_of_one_lesion_agree_in_all_but_their_sizes(tmp_path: Path, column: str) -> None:
    first = {"visit": "v1", "lesion": "a", "role": "target", "state": "fragments", "diameter_mm": 12}
    words = {
        "role": ("target", "non-target"),
        "organ": ("liver", "lung"),
        "nodal": ("no", "yes"),
        "hu": (60, 70),
        "morphology": (1, 2),
        "unequivocal": ("no", "yes"),
    }
    same, other = words[column]
    with pytest.raises(InputRefused, match=f"^VISITS-ROW: row 1: fragments of one lesion differ in {column}"):
        table(tmp_path, json.dumps([first | {column: same}, first | {column: other}]), name="v.json")
    assert table(tmp_path, json.dumps([first | {column: same}] * 2), name="v.json").baseline.findings[0].size_mm in {24, None}


def test_a_lesion_twice_that_is_not_in_fragments_is_refused(tmp_path: Path) -> None:
    head = "visit,lesion,role,state,diameter_mm\n"
    for first, second in (("measured", "measured"), ("fragments", "measured"), ("measured", "fragments"), ("absent", "absent")):
        assert code_of(tmp_path, f"{head}v1,a,target,{first},12\nv1,a,target,{second},8\n") == "VISITS-REPEATED"


# --- visits and dates -------------------------------------------------------------------------------------------------


def order(folder: Path, *rows: str) -> list[str]:
    return list(by_visit(rows_of(folder, "visit,date,lesion\n" + "".join(f"{row},a\n" for row in rows))))


def test_visits_come_in_the_order_of_their_dates_or_of_the_file(tmp_path: Path) -> None:
    assert order(tmp_path, "b,2024-02-01", "c,2024-03-01", "a,2024-01-01") == ["a", "b", "c"]
    assert order(tmp_path, "b,", "c,", "a,") == ["b", "c", "a"]
    assert order(tmp_path, "baseline,2024-01-01", "a,2024-01-02") == ["baseline", "a"]


@pytest.mark.parametrize("name", ["baseline", "Baseline", "BASE", "initial", "référence"])
def test_a_baseline_that_is_not_the_first_is_refused(tmp_path: Path, name: str) -> None:
    for rows in ((f"{name},2024-02-01", "v2,2024-01-01"), ("v2,", f"{name},")):
        with pytest.raises(InputRefused, match=r"^VISITS-ORDER"):
            order(tmp_path, *rows)
    assert order(tmp_path, f"{name},2024-01-01", "v2,2024-02-01")[0] == name


@pytest.mark.parametrize(
    "rows",
    [
        ("v1,2024-13-01",),
        ("v1,01/02/2024",),
        ("v1,2024-02-30",),
        ("v1,0000-01-01",),
        ("v1,yesterday",),
        ("v1,2024-01-01", "v2,"),
        ("v1,2024-01-01", "v2,2024-01-01"),
    ],
)
def test_dates_that_cannot_be_meant_are_refused(tmp_path: Path, rows: tuple[str, ...]) -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-DATE"):
        order(tmp_path, *rows)


def test_one_visit_has_one_date(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "visit,date,lesion\nv1,2024-01-01,a\nv1,,b\nv1,2024-01-01,c\n")
    assert day_of(rows) == date(2024, 1, 1)
    assert day_of([]) is None
    with pytest.raises(InputRefused, match=r"^VISITS-DATE: one visit has two dates"):
        day_of(rows_of(tmp_path, "visit,date,lesion\nv1,2024-01-01,a\nv1,2024-01-02,b\n"))


# --- roles ------------------------------------------------------------------------------------------------------------

ROLELESS = (
    "visit,lesion,role,nodal,short_axis_mm,diameter_mm\nv1,a,,,,30\nv1,n,non-target,yes,20,\nv2,a,,,,20\nv2,n,,,12,\nv2,m,,,,9\n"
)


def test_without_a_role_a_lesion_is_what_the_baseline_makes_it(tmp_path: Path) -> None:
    found = table(tmp_path, ROLELESS, roles=False)
    assert [(one.lesion, one.role, one.nodal) for one in found.followups[0].findings] == [
        ("a", "target", False),
        ("n", "non-target", True),
        ("m", "new", False),
    ]


def test_where_roles_are_needed_every_row_has_one(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-ROLE: row 2 has no role"):
        table(tmp_path, ROLELESS)


def test_a_row_may_leave_out_whether_its_lesion_is_a_node(tmp_path: Path) -> None:
    text = "visit,lesion,role,nodal,short_axis_mm\nv1,n,target,yes,20\nv2,n,target,,12\n"
    assert table(tmp_path, text).followups[0].findings[0].size_mm == 12
    assert code_of(tmp_path, text.replace("v2,n,target,,", "v2,n,target,no,")) == "VISITS-ROLE"


def test_what_the_values_refuse_is_refused(tmp_path: Path) -> None:
    head = "visit,lesion,role,state,unequivocal,diameter_mm\n"
    base = head + "v1,a,target,,,30\nv1,x,non-target,,,\n"
    assert code_of(tmp_path, head + "v1,a,new,,,30\n") == "VISITS-BASELINE"
    assert code_of(tmp_path, head + "v1,a,target,absent,,\n") == "VISITS-BASELINE"
    assert code_of(tmp_path, base + "v2,b,target,,,3\n") == "VISITS-BASELINE"
    assert code_of(tmp_path, base + "v2,a,non-target,,,3\n") == "VISITS-ROLE"
    assert code_of(tmp_path, base + "v2,a,target,merged,,\n") == "VISITS-MERGED"
    assert code_of(tmp_path, base + "v2,x,non-target,absent,yes,\n") == "VISITS-CONTRADICTION"


# --- markers ----------------------------------------------------------------------------------------------------------


def test_visits_at_which_markers_are_raised(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "visit,lesion,markers\nv1,a,raised\nv2,a,normal\nv2,b,\nv3,a,\nv3,b,RAISED\n")
    assert markers_raised(by_visit(rows)) == {"v1", "v3"}
    with pytest.raises(InputRefused, match=r"^VISITS-WORD: row 2: markers"):
        markers_raised(by_visit(rows_of(tmp_path, "visit,lesion,markers\nv1,a,high\n")))


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_cells_are_those_of_a_table(tmp_path: Path) -> None:
    row = {"visit": 1, "lesion": "  a ", "role": "target", "nodal": False, "unequivocal": True, "diameter_mm": 32.2, "hu": None}
    for tree in ([row], {"visits": [row]}):
        (found,) = table(tmp_path, json.dumps(tree), name="v.JSON").baseline.findings
        assert (found.lesion, found.diameter_mm, found.nodal, found.unequivocal, found.hu) == (
            "a",
            Fraction(322, 10),
            False,
            True,
            None,
        )


@pytest.mark.parametrize("value", [{"a": 1}, [], ["12"], [[12]], [True], [12, None], {}, [12, {"mm": 8}]])
def test_a_json_value_that_is_no_cell_is_refused(tmp_path: Path, value: Any) -> None:
    row = {"visit": "v1", "lesion": "a", "role": "target", "state": "fragments", "diameter_mm": value}
    assert code_of(tmp_path, json.dumps([row]), name="v.json") == "VISITS-ROW"


@pytest.mark.parametrize(
    "text", ["[]", "3", "{}", "[1]", '{"visits": {}}', '{"visits": []}', '[{"visit": "v1", "lesion": "a"}, 3]', "null"]
)
def test_json_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    assert code_of(tmp_path, text, name="v.json") == "VISITS-EMPTY"


@pytest.mark.parametrize("text", ["", "[", "{'a': 1}", "[" * 100_000, "\ufffe"])
def test_what_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    assert code_of(tmp_path, text, name="v.json") == "VISITS-UNREADABLE"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"^VISITS-MISSING"):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(InputRefused, match=r"^VISITS-UNREADABLE"):
        read_rows(tmp_path / "none.json")
    with pytest.raises(InputRefused, match=r"^VISITS-UNREADABLE"):
        read_rows(tmp_path)


@pytest.mark.parametrize("name", ["v.csv", "v.json"])
def test_a_file_without_an_end_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(InputRefused, match="UNREADABLE"):
        read_rows(tmp_path / name)
    with pytest.raises(InputRefused, match="VISITS"):
        read_rows(Path("v\0.csv"))


@pytest.mark.parametrize("day", ["1969-12-31", "2101-01-01", "9999-12-31"])
def test_a_day_no_examination_can_have_is_refused(tmp_path: Path, day: str) -> None:
    (tmp_path / "v.csv").write_text(f"visit,date,lesion\nv1,{day},a\n")
    with pytest.raises(InputRefused, match="VISITS-DATE"):
        read_rows(tmp_path / "v.csv")
