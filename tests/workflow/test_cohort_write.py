"""What a study writes: whole files, the same bytes every time, nothing a spreadsheet or a browser obeys."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import EVERYTHING, columns, config_file, study, write_csv

from hepaflow.errors import OutputFailed
from hepaflow.report.study_drawings import SYNTHETIC
from hepaflow.workflow.cohort_config import StudyConfig
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_table import read
from hepaflow.workflow.cohort_write import label, lesions_csv, safe, write, write_table

QUICK = 'bootstraps = 20\n[columns.bf_ratio]\ndirection = "lower"\n'
MAIN = "from hepaflow.cli import main; main()"


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything but the combined rule, which takes long, by the command, in a process of its own."""
    place = tmp_path_factory.mktemp("study")
    write_csv(place / "lesions.csv", columns())
    config_file(place / "study.toml", EVERYTHING.replace('combine = ["bf_ratio", "noise"]\n', ""))
    return by_command(place, "first", "1")


def by_command(place: Path, out: str, hashes: str) -> Path:
    arguments = ["study", str(place / "lesions.csv"), "--config", str(place / "study.toml"), "--out", str(place / out)]
    subprocess.run(
        [sys.executable, "-c", MAIN, *arguments], check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": hashes}
    )
    return place / out


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(written: Path) -> None:
    first = digests(written)
    assert {"results.json", "report.html", "report.docx", "tables/areas.csv", "tables/analysed_lesions.csv"} <= set(first)
    assert {f"figures/{name}.{end}" for name in ("roc", "boxes", "forest", "waterfall") for end in ("svg", "png")} <= set(first)
    assert first == digests(by_command(written.parent, "second", "2"))


def test_nothing_is_left_half_written(written: Path) -> None:
    assert list(written.rglob("*.partial")) == []
    assert all(path.stat().st_size > 0 for path in written.rglob("*") if path.is_file())


def test_no_place_on_disk_and_no_date_is_in_a_file(written: Path) -> None:
    for name in ("results.json", "report.html"):
        content = (written / name).read_text(encoding="utf-8")
        assert str(written.parent) not in content
        assert str(Path.home()) not in content or Path.home() == Path("/")


def test_the_analysed_lesions_are_read_again_to_the_same_study(written: Path) -> None:
    table = read(written / "tables" / "analysed_lesions.csv", StudyConfig())[0]
    first = read(written.parent / "lesions.csv", StudyConfig())[0]
    assert (table.patients, table.texts) == (first.patients, first.texts)
    assert all((table.numbers[name] == values).all() for name, values in first.numbers.items())


def test_an_output_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    found, asked = study(tmp_path, content=QUICK)
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OutputFailed, match="REPORT-NOT-WRITTEN"):
        write(found, asked, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file where the folder should be"
    assert list(tmp_path.rglob("*.partial")) == []


def test_a_synthetic_study_says_so_everywhere(tmp_path: Path) -> None:
    found, asked = study(tmp_path, content=f"synthetic = true\n{QUICK}")
    made = write(found, asked, tmp_path / "out")
    assert made.drawings
    assert all(SYNTHETIC in one.caption for one in made.drawings)
    assert '"synthetic": true' in (tmp_path / "out" / "results.json").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").count(SYNTHETIC) >= len(made.drawings) + 2
    for path in (tmp_path / "out" / "tables").glob("*.csv"):
        head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
        assert (head[-1], {row[-1] for row in rows}) == ("SYNTHETIC DATA", {"yes"}), path.name


FORMULAS = ("=cmd()", "+1+cmd", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "-", "=")
NUMBERS = ("-1", "-1.5", "+2", "-1e-5", "1", "", "a=b", "−1")


def test_no_cell_of_a_spreadsheet_is_a_formula_and_numbers_stay_numbers() -> None:
    assert all(safe(cell)[0] == "'" for cell in FORMULAS)
    assert all(safe(cell) == cell for cell in NUMBERS)


@given(st.text(min_size=1))
def test_a_cell_is_kept_whole_behind_its_mark(cell: str) -> None:
    assert safe(cell) in (cell, f"'{cell}")
    assert safe(cell)[0] not in "=@"


def test_a_hostile_table_is_written_without_formula_or_script(tmp_path: Path) -> None:
    table = columns()
    table = {name: cells for name, cells in table.items() if name in ("lesion", "bf_ratio")}
    size = len(table["lesion"])
    table |= {
        "patient": [f"=P{k}()" for k in range(size)],
        "response": ["+1+1" if k % 2 else "<script>alert(1)</script>" for k in range(size)],
        "=cmd()": [str(k % 5) for k in range(size)],
        "-1+2": ["@SUM(A1)"] * size,
        "row": [str(k) for k in range(size)],
        "../x": [str(k % 7) for k in range(size)],
        "漢字<b>$\\frac$": [str(k % 3) for k in range(size)],
    }
    content = (
        'positive = "+1+1"\nbootstraps = 20\ntitle = "<img src=x onerror=alert(1)>"\ndescribe_lesions = ["-1+2", "bf_ratio"]\n'
    )
    content += '[columns."=cmd()"]\ndirection = "lower"\n[columns."../x"]\ndirection = "lower"\nlabel = "</td><script>"\n'
    content += "[columns.'漢字<b>$\\frac$']\ndirection = \"higher\"\n"
    found, asked = study(tmp_path, table, content)
    write(found, asked, tmp_path / "out")
    for path in (tmp_path / "out" / "tables").glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        assert len({len(row) for row in rows}) == 1
        for row in rows:
            assert all(cell[:1] not in {"=", "@"} for cell in row)
            assert all(cell[:1] not in {"+", "-"} or cell[1:].replace(".", "").isdigit() for cell in row)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<img src=x|<b>\$", page)
    assert "&lt;script&gt;" in page
    names = [path.name for path in (tmp_path / "out").rglob("*")]
    assert all(re.fullmatch(r"[a-z0-9_.]+", name) for name in names)
    assert not (tmp_path / "x").exists()
    head = (tmp_path / "out" / "tables" / "analysed_lesions.csv").read_text(encoding="utf-8").splitlines()
    assert len(set(next(csv.reader(head)))) == len(next(csv.reader(head)))


def test_a_table_to_fill_in_is_filled_in_and_read(tmp_path: Path) -> None:
    table = {name: cells for name, cells in columns().items() if name != "response"}
    first = read(write_csv(tmp_path / "lesions.csv", {**table, "case": [""] * len(table["patient"])}), StudyConfig())[0]
    write_table(first, tmp_path / "out", outcome="response")
    again = read(tmp_path / "out" / "lesions.csv", StudyConfig())[0]
    assert set(again.texts) == {*first.texts, "response"} - {"case"}
    assert set(again.texts["response"]) == {None}
    assert set(again.numbers) == set(first.numbers)


def test_the_label_tells_tables_apart_and_holds_no_name(tmp_path: Path) -> None:
    config, later = StudyConfig(bootstraps=0), StudyConfig(bootstraps=0, seed=2)
    one, other = (run(read(write_csv(tmp_path / f"{seed}.csv", columns(seed=seed)), config)[0], config) for seed in (3, 4))
    assert len({label(one, config), label(other, config), label(one, later)}) == 3
    assert label(one, config) == label(one, StudyConfig(bootstraps=0))
    assert re.fullmatch("[0-9a-f]{8}", label(one, config))
    assert lesions_csv(one.table).count(b"\n") == one.n + 1
