"""A lesion table in every dress that people bring, read to the same numbers, and what is refused."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import Columns, columns, text, write_csv

from hepaflow.cohort.table import LesionTable
from hepaflow.errors import HepaflowError, InputRefused, UsageError
from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig
from hepaflow.workflow.cohort_config import TestPart as CategoryTest
from hepaflow.workflow.cohort_table import LARGEST_ROWS, read, typed

PLAIN = StudyConfig()


def same(one: LesionTable, other: LesionTable) -> bool:
    if (one.patients, one.lesions, one.rows, one.texts) != (other.patients, other.lesions, other.rows, other.texts):
        return False
    return all(np.array_equal(one.numbers[k], other.numbers[k], equal_nan=True) for k in [*one.numbers, *other.numbers])


def small(**more: list[str]) -> Columns:
    return {"patient": ["P1", "P1", "P2"], "lesion": ["a", "b", "a"], "response": ["major", "minor", "major"], **more}


def read_text(folder: Path, content: str, config: StudyConfig = PLAIN) -> LesionTable:
    path = folder / "table.csv"
    path.write_bytes(content.encode())
    return read(path, config)[0]


def test_comma_semicolon_decimal_comma_tab_mark_and_line_ends_read_the_same(tmp_path: Path) -> None:
    table = columns()
    table["sex"][0] = "Fifty, perhaps"
    quoted = {**table, "sex": ['"Fifty, perhaps"', *table["sex"][1:]]}
    first = read_text(tmp_path, text(quoted))
    assert first.texts["sex"][0] == "Fifty, perhaps"
    assert first.numbers["bf_ratio"].tolist() == [float(cell) for cell in table["bf_ratio"]]
    comma = {name: [cell.replace(".", ",") for cell in cells] for name, cells in table.items()}
    for content in (
        text(table, separator=";"),
        text(comma, separator=";"),
        text(table, separator="\t"),
        "\ufeff" + text(quoted),
        text(quoted).replace("\n", "\r\n"),
        text({f" {name} ": [f" {cell} " for cell in cells] for name, cells in table.items()}, separator=";"),
    ):
        assert same(first, read_text(tmp_path, content))


def test_parquet_is_the_same_table_also_with_typed_columns(tmp_path: Path) -> None:
    table = columns()
    first = read(write_csv(tmp_path / "table.csv", table), PLAIN)[0]
    parquet.write_table(pa.table(table), tmp_path / "text.parquet")
    typed_columns = {name: [float(cell) for cell in cells] if name in first.numbers else cells for name, cells in table.items()}
    parquet.write_table(pa.table(typed_columns), tmp_path / "typed.pq")
    for name in ("text.parquet", "typed.pq"):
        assert same(first, read(tmp_path / name, PLAIN)[0])


def test_parquet_gaps_days_and_times_at_midnight(tmp_path: Path) -> None:
    table = pa.table(
        {
            **small(),
            "x": [1.5, None, float("nan")],
            "day": [date(2024, 3, 1), None, date(2024, 3, 2)],
            "time": [datetime(2024, 3, 1), None, None],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet", PLAIN)[0]
    assert np.array_equal(found.numbers["x"], [1.5, np.nan, np.nan], equal_nan=True)
    assert found.texts["day"] == ("2024-03-01", None, "2024-03-02")
    assert found.texts["time"] == ("2024-03-01", None, None)


def test_parquet_that_is_none_empty_or_huge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    parquet.write_table(pa.table({name: [""][:0] for name in small()}), tmp_path / "empty.parquet")
    parquet.write_table(pa.table({**small(), "a\x07": ["1"] * 3}), tmp_path / "head.parquet")
    for name, code in (("bad", "UNREADABLE"), ("empty", "EMPTY"), ("head", "HEADER"), ("none", "MISSING")):
        with pytest.raises(InputRefused, match=f"STUDY-{code}"):
            read(tmp_path / f"{name}.parquet", PLAIN)
    monkeypatch.setattr("hepaflow.workflow.cohort_table.LARGEST_BYTES", 10)
    parquet.write_table(pa.table(small()), tmp_path / "large.parquet")
    with pytest.raises(InputRefused, match="STUDY-TOO-LARGE"):
        read(tmp_path / "large.parquet", PLAIN)


def test_missing_codes_of_all_columns_and_of_one(tmp_path: Path) -> None:
    table = small(x=["-99", "1", "NA"], y=["-99", "8", "1"], sex=["F", "9", "n/a"])
    asked = StudyConfig(missing=("-99",), columns={"y": ColumnPart(missing=("8",)), "sex": ColumnPart(missing=("9",))})
    found = read(write_csv(tmp_path / "t.csv", table), asked)[0]
    assert np.array_equal(found.numbers["x"], [np.nan, 1.0, np.nan], equal_nan=True)
    assert np.array_equal(found.numbers["y"], [np.nan, np.nan, 1.0], equal_nan=True)
    assert found.texts["sex"] == ("F", None, None)


def test_values_beyond_the_range_are_left_out_and_said(tmp_path: Path) -> None:
    asked = StudyConfig(columns={"x": ColumnPart(range=(0.0, 2.0))})
    found, findings = read(write_csv(tmp_path / "t.csv", small(x=["0", "2.5", "2"])), asked)
    assert np.array_equal(found.numbers["x"], [0.0, np.nan, 2.0], equal_nan=True)
    assert [(one.code, one.severity, one.column, one.rows) for one in findings] == [("out-of-range", "serious", "x", (3,))]


@pytest.mark.parametrize("cell", ["1e400", "inf", "1_000", "٣", "0x10", "1e300", "9007199254740994", "one"])
def test_what_is_no_number_is_text_unless_a_number_was_asked_for(cell: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", small(x=["1", cell, "2"]))
    assert read(path, PLAIN)[0].texts["x"] == ("1", cell, "2")
    for part in (ColumnPart(direction="lower"), ColumnPart(kind="number"), ColumnPart(range=(0.0, 1.0))):
        with pytest.raises(InputRefused, match="STUDY-NOT-A-NUMBER: row 3, column 'x'") as refused:
            read(path, StudyConfig(columns={"x": part}))
        assert cell not in str(refused.value).replace("number", "")


def test_the_largest_whole_number_is_one() -> None:
    head, body = ["patient", "lesion", "response", "x"], [["P", "1", "major", "9007199254740992"]]
    assert typed(head, body, PLAIN)[0].numbers["x"].tolist() == [2.0**53]


def test_a_category_may_look_like_a_number(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", small(grade=["1", "2", "NA"]))
    for part in (ColumnPart(kind="category"), ColumnPart(values=("1", "2"))):
        assert read(path, StudyConfig(columns={"grade": part}))[0].texts["grade"] == ("1", "2", None)
    with pytest.raises(InputRefused, match="STUDY-CATEGORY: row 3, column 'grade'"):
        read(path, StudyConfig(columns={"grade": ColumnPart(values=("1", "3"))}))


REFUSED = {
    "no-patient": (small(patient=["P1", "", "P2"]), "STUDY-NO-PATIENT: row 3"),
    "patient-not-known": (small(patient=["P1", "NA", "P2"]), "STUDY-NO-PATIENT: row 3"),
    "twice": (small(lesion=["a", "a", "a"]), "STUDY-DUPLICATE: rows 2 and 3"),
    "unseen": (small(response=["major", "minor", "major\u200b"]), "STUDY-UNSEEN: row 4, column 'response'"),
    "control": (small(note=["a", "b\x1b[31m", "c"]), "STUDY-UNSEEN: row 3, column 'note'"),
    "head": (small(**{"a\u202eb": ["1", "2", "3"]}), "STUDY-HEADER"),
    "no-name": (small(**{"": ["1", "2", "3"], "z": ["1", "2", "3"]}), "STUDY-HEADER"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_table_with_a_fault_is_refused_by_row_and_column(key: str, tmp_path: Path) -> None:
    table, code = REFUSED[key]
    with pytest.raises(InputRefused, match=code):
        read(write_csv(tmp_path / "t.csv", table), PLAIN)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "STUDY-EMPTY"),
        (b"patient,lesion,response\n", "STUDY-EMPTY"),
        (b"patient,lesion,response\nP,1\n", "STUDY-ROW: row 2"),
        (b"patient,lesion,response\nP,1,major,5\n", "STUDY-ROW: row 2"),
        (b'patient,lesion,response\n"P,1,major\n', "STUDY-NOT-CSV"),
        (b"patient,patient,response\nP,1,major\n", "STUDY-HEADER"),
        ("patient,lesion,response\né,1,major\n".encode("latin-1"), "STUDY-UNREADABLE"),
        ("patient,lesion,response\nP,1,major\n".encode("utf-16"), "STUDY-UNREADABLE"),
        (b"lesion,response\n1,major\n", "STUDY-COLUMN: there is no column 'patient'"),
    ],
)
def test_a_file_with_a_fault_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputRefused, match=code):
        read(tmp_path / "t.csv", PLAIN)


def test_files_and_columns_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="STUDY-MISSING"):
        read(tmp_path / "none.csv", PLAIN)
    path = write_csv(tmp_path / "t.csv", small())
    for asked in (
        StudyConfig(columns={"x": ColumnPart()}),
        StudyConfig(tests={"a": CategoryTest(column="x", positive=("1",))}),
        StudyConfig(cluster="x"),
    ):
        with pytest.raises(InputRefused, match="STUDY-COLUMN: there is no column 'x'"):
            read(path, asked)
    with pytest.raises(InputRefused, match="STUDY-TOO-LARGE"):
        typed(["patient"], [["P"]] * (LARGEST_ROWS + 1), PLAIN)


@pytest.mark.parametrize("name", ["patient", "lesion", "response"])
@pytest.mark.parametrize("part", [ColumnPart(direction="lower"), ColumnPart(range=(0.0, 1.0)), ColumnPart(kind="number")])
def test_a_column_of_names_is_no_column_of_numbers(name: str, part: ColumnPart, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"STUDY-CONFIG: columns.{name}"):
        read(write_csv(tmp_path / "t.csv", small()), StudyConfig(columns={name: part}))


def test_independent_lesions_are_patients_of_their_own(tmp_path: Path) -> None:
    table = {name: cells for name, cells in small().items() if name != "patient"}
    found = read(write_csv(tmp_path / "t.csv", {**table, "lesion": ["a", "a", "a"]}), StudyConfig(independent=True))[0]
    assert found.patient_count == 3


def outcomes(folder: Path, table: Columns) -> StudyConfig:
    return StudyConfig(outcomes=write_csv(folder / "outcomes.csv", table))


def test_outcomes_of_a_second_table_are_joined_in_any_order(tmp_path: Path) -> None:
    lesions = {"patient": ["P1", "P1", "P2"], "lesion": ["a", "b", "a"], "x": ["1", "2", "3"]}
    second = {"lesion": ["a", "b"], "response": ["minor", "major"], "patient": ["P2", "P1"], "x": ["9", "9"]}
    found = read(write_csv(tmp_path / "t.csv", lesions), outcomes(tmp_path, second))[0]
    assert found.texts["response"] == (None, "major", "minor")
    assert found.numbers["x"].tolist() == [1.0, 2.0, 3.0]


def test_outcomes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", small())
    for table, code in (
        ({"patient": ["P1", "P1"], "lesion": ["a", "a"], "o": ["1", "2"]}, "STUDY-DUPLICATE: row 3 of the outcomes"),
        ({"patient": ["P1", "P9"], "lesion": ["a", "a"], "o": ["1", "2"]}, "STUDY-OUTCOME-STRANGER: row 3"),
        ({"patient": ["P1"], "o": ["1"]}, "STUDY-COLUMN: there is no column 'lesion'"),
    ):
        with pytest.raises(InputRefused, match=code):
            read(path, outcomes(tmp_path, table))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=6))
def test_any_cells_are_read_as_they_are_or_refused_without_their_text(cells: list[str]) -> None:
    head, body = ["patient", "lesion", "x"], [["P", str(k), cell] for k, cell in enumerate(cells)]
    try:
        found = typed(head, body, PLAIN)[0]
    except HepaflowError as refused:
        assert refused.code == "STUDY-UNSEEN"  # noqa: PT017
        return
    if "x" in found.texts:
        assert all(seen in (None, cell) for seen, cell in zip(found.texts["x"], cells, strict=True))
    else:
        assert all(np.isnan(value) or float(cell) == value for value, cell in zip(found.numbers["x"], cells, strict=True))
