"""``hepaflow study`` as a user meets it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))
from lesions_for_tests import Columns, columns, config_file, write_csv

from hepaflow import cli

QUICK = 'bootstraps = 20\n[columns.bf_ratio]\ndirection = "lower"\n'


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.app(["study", *(str(a) for a in arguments)], prog_name="hepaflow")
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., list[object]]:
    """Arguments for a table and a configuration."""

    def make(table: Columns | None = None, content: str = QUICK) -> list[object]:
        return [
            write_csv(tmp_path / "lesions.csv", table or columns()),
            "--config",
            config_file(tmp_path / "c.toml", content),
            "--out",
            tmp_path / "out",
        ]

    return make


def test_a_study_is_told_in_short_and_written(tmp_path: Path, run: Callable[..., Any], given: Callable[..., Any]) -> None:
    code, out, err = run(*given(content="synthetic = true\n" + QUICK))
    assert (code, err) == (0, "")
    first, second, head, line = out.splitlines()[:4]
    assert first.endswith(f"{len(columns()['patient'])} lesions of 12 patients, positive = major")
    assert second == "SYNTHETIC DATA"
    assert head.split()[0] == "parameter"
    assert line.startswith("BF, lesion / healthy liver")
    assert out.splitlines()[-1] == f"report: {tmp_path / 'out' / 'report.html'}"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "figures",
        "report.docx",
        "report.html",
        "results.json",
        "tables",
    ]


def test_json_is_results_json_and_nothing_else(tmp_path: Path, run: Callable[..., Any], given: Callable[..., Any]) -> None:
    code, out, err = run(*given(), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))


def test_json_with_a_parameter_of_one_class_ends_with_4_and_is_one_object(
    run: Callable[..., Any], given: Callable[..., Any]
) -> None:
    code, out, err = run(*given({**columns(), "bf_ratio": [""] * len(columns()["patient"])}), "--json")
    assert code == 4
    assert json.loads(out)["roc"] == {}
    assert err == "not estimated: BF, lesion / healthy liver (one class only)\n"


def test_without_outcomes_the_table_is_written_to_be_filled_in(
    tmp_path: Path, run: Callable[..., Any], given: Callable[..., Any]
) -> None:
    table = {name: cells for name, cells in columns().items() if name != "response"}
    code, out, err = run(*given(table))
    assert (code, out) == (4, "")
    assert err.startswith("not estimated: no outcomes (column 'response').")
    lines = (tmp_path / "out" / "lesions.csv").read_text(encoding="utf-8").splitlines()
    at = lines[0].split(",").index("response")
    filled = [lines[0]]
    for line, kind in zip(lines[1:], columns()["response"], strict=True):
        cells = line.split(",")
        filled.append(",".join([*cells[:at], kind, *cells[at + 1 :]]))
    (tmp_path / "filled.csv").write_text("\n".join(filled), encoding="utf-8")
    assert run(tmp_path / "filled.csv", "--config", tmp_path / "c.toml", "--out", tmp_path / "again")[0] == 0


WRONG_USE: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "both": ("lesions.csv", "--example", "nancy2019"),
    "example with configuration": ("--example", "nancy2019", "--config", "c.toml"),
    "example with case": ("--example", "nancy2019", "--case", "case"),
    "lesion without case": ("lesions.csv", "--lesion", "lesion-1"),
    "unknown example": ("--example", "zz"),
    "no configuration": ("lesions.csv", "--config", "none.toml"),
    "unknown option": ("lesions.csv", "--wrong"),
}


@pytest.mark.parametrize("key", WRONG_USE)
def test_wrong_use_ends_with_2_and_writes_nothing(
    key: str, tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "lesions.csv", columns())
    code, out, err = run(*WRONG_USE[key])
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["lesions.csv"]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ('positive = "none"\n', 3, "STUDY-NO-POSITIVE: "),
        ("zzz = 1\n", 2, "STUDY-CONFIG: zzz"),
        ('combine = ["zz"]\n', 2, "STUDY-CONFIG: combine"),
        ('cluster = "zz"\n', 3, "STUDY-COLUMN: "),
    ],
)
def test_a_refusal_is_one_line_on_stderr(
    content: str, code: int, says: str, tmp_path: Path, run: Callable[..., Any], given: Callable[..., Any]
) -> None:
    found, out, err = run(*given(content=content), "--json")
    assert (found, out) == (code, "")
    assert err.startswith(says)
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_cell_is_never_told(run: Callable[..., Any], given: Callable[..., Any]) -> None:
    table = columns()
    table["bf_ratio"][3] = "CANARY^Jeanne"
    code, out, err = run(*given(table))
    assert (code, out) == (3, "")
    assert "row 5, column 'bf_ratio'" in err
    assert "Jeanne" not in err


def test_an_output_that_cannot_be_written_ends_with_5(tmp_path: Path, run: Callable[..., Any], given: Callable[..., Any]) -> None:
    (tmp_path / "out").write_text("")
    code, out, err = run(*given())
    assert (code, out) == (5, "")
    assert err.startswith("REPORT-NOT-WRITTEN: ")


def test_a_table_that_is_not_there_ends_with_3(tmp_path: Path, run: Callable[..., Any]) -> None:
    code, _, err = run(tmp_path / "Jeanne.csv", "--out", tmp_path / "out")
    assert code == 3
    assert err.startswith("STUDY-MISSING: ")
    assert "Jeanne" not in err


def test_a_folder_without_cases_ends_with_3(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = run(tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 3
    assert err.startswith("STUDY-NO-CASES: ")


def test_the_folder_is_named_after_the_table(
    tmp_path: Path, run: Callable[..., Any], given: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*given()[:3])[0] == 0
    assert (tmp_path / "lesions-study" / "results.json").is_file()
