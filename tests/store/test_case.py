from __future__ import annotations

import errno
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import toy_line

from hepaflow.errors import OutputFailed, UsageError
from hepaflow.store import atomic
from hepaflow.store.case import MARKER, Case, Keep, Unstored


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy_line.COMPUTED.clear()
    return tmp_path / "case"


def test_killed_or_failing_at_every_write_it_resumes_to_the_same_bytes() -> None:
    # memory-backed where there is such a place: the flushes are the same calls, only quicker
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as root:
        done = subprocess.run([sys.executable, toy_line.__file__, root], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    killed, changed, _ = map(int, done.stdout.split())
    assert min(killed, changed) > 40


def test_a_finished_case_computes_nothing_again(folder: Path) -> None:
    toy_line.line(folder)
    assert toy_line.COMPUTED == ["curve", "big", "table", "files"]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.parent.name != "log"}
    toy_line.COMPUTED.clear()
    toy_line.line(folder)
    assert toy_line.COMPUTED == []
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_changed_parameter_recomputes_only_what_depends_on_it(folder: Path) -> None:
    toy_line.line(folder, scale=2.0)
    toy_line.COMPUTED.clear()
    toy_line.line(folder, scale=3.0)
    assert toy_line.COMPUTED == ["big", "table", "files"]
    toy_line.COMPUTED.clear()
    toy_line.line(folder, scale=3.0, seed=2)
    assert toy_line.COMPUTED == ["curve", "big", "table", "files"]


def test_a_long_step_that_was_stopped_goes_on_from_its_parts(folder: Path) -> None:
    made: list[str] = []

    def total(seed: int, *, keep: Keep, stop: bool, scale: float) -> np.ndarray:
        def part(name: str) -> np.ndarray:
            def make() -> tuple[np.ndarray, np.ndarray]:
                made.append(name)
                return np.full(3, 1.0 / seed), np.array(len(name))

            first, second = keep(name, make)
            return first * second

        found = part("one") + part("three")
        if stop:
            raise KeyboardInterrupt
        return scale * found

    def run(*, stop: bool, scale: float = 1.0) -> np.ndarray:
        with Case(folder) as case:
            step = partial(total, stop=stop)
            return case.long_step("total", step, case.given(7, digest="seven"), params={"scale": scale}).get()

    with pytest.raises(KeyboardInterrupt):
        run(stop=True)
    parts = sorted((folder / "steps" / "total.parts").rglob("*.npz"))
    assert [path.name for path in parts] == ["one.npz", "three.npz"]
    parts[1].write_bytes(parts[1].read_bytes()[:100])  # a damaged part is made again
    assert run(stop=False) == pytest.approx(np.full(3, 8.0 / 7.0), abs=0.0)
    assert made == ["one", "three", "three"]
    assert not (folder / "steps" / "total.parts").exists()
    with pytest.raises(KeyboardInterrupt):
        run(stop=True, scale=2.0)
    run(stop=False, scale=3.0)  # parts of another request are not taken
    assert made == ["one", "three", "three", "one", "three", "one", "three"]


def test_files_that_are_no_longer_made_disappear_with_their_folder(folder: Path) -> None:
    toy_line.line(folder, scale=2.0)
    assert (folder / "motion" / "extra.bin").exists()
    toy_line.line(folder, scale=0.5)
    assert not (folder / "motion").exists()


@pytest.mark.parametrize("name", ["value.json", "arrays.bin", "step.json"])
def test_a_damaged_step_is_made_again(folder: Path, name: str) -> None:
    toy_line.line(folder)
    expected = toy_line.tree(folder)
    path = folder / "steps" / "table" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(bytes(data))
    toy_line.COMPUTED.clear()
    toy_line.line(folder)
    assert "table" in toy_line.COMPUTED
    assert toy_line.tree(folder) == expected


@pytest.mark.parametrize("name", ["case.json", "maps/bf.bin"])
def test_a_damaged_or_missing_result_is_written_again(folder: Path, name: str) -> None:
    toy_line.line(folder)
    expected = toy_line.tree(folder)
    (folder / name).write_bytes(b"damaged")
    toy_line.line(folder)
    assert toy_line.tree(folder) == expected
    (folder / name).unlink()
    toy_line.line(folder)
    assert toy_line.tree(folder) == expected


def test_a_failing_step_leaves_the_finished_ones(folder: Path) -> None:
    def fails(_value: object) -> None:
        raise ZeroDivisionError

    with Case(folder) as case:
        first = case.long_step("curve", toy_line.curve, case.given(1, digest="seed 1"))
        with pytest.raises(ZeroDivisionError):
            case.step("table", fails, first)
    assert (folder / "steps" / "curve" / "step.json").exists()
    assert not (folder / "steps" / "table").exists()
    assert not list(folder.rglob(atomic.TEMPORARY + "*"))


def test_a_second_writer_is_refused_and_a_dead_one_is_not_waited_for(folder: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from hepaflow.store.case import Case
with Case(Path({str(folder)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputFailed, match=r"^CASE-LOCKED") as caught, Case(folder):
            pass
        assert caught.value.exit_code == 5
        assert str(folder) not in str(caught.value)
    finally:
        holder.kill()
        holder.communicate()
    with Case(folder):
        pass


def test_a_file_system_without_locks_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with pytest.raises(OutputFailed, match=r"^CASE-NO-LOCK"), Case(folder):
        pass


def test_of_many_writers_one_wins(folder: Path) -> None:
    code = f"""
import time
from pathlib import Path
from hepaflow.errors import OutputFailed
from hepaflow.store.case import Case
try:
    with Case(Path({str(folder)!r})):
        time.sleep(1.5)
        print("won")
except OutputFailed as error:
    print(error.code)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = sorted(writer.communicate(timeout=60)[0].strip() for writer in writers)
    assert set(answers) <= {"won", "CASE-LOCKED"}
    assert "won" in answers


def test_someone_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    with pytest.raises(UsageError, match=r"^OUT-NOT-A-CASE"), Case(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"^OUT-NOT-A-FOLDER"), Case(tmp_path / "file"):
        pass


def test_a_study_refused_at_the_start_leaves_no_folder(tmp_path: Path) -> None:
    def refuses(_value: object) -> None:
        raise UsageError("A-B", "what", "Do this")

    (tmp_path / "mine").mkdir()
    for name in ("new", "mine"):
        with pytest.raises(UsageError), Case(tmp_path / name) as case:
            case.step("curve", refuses, case.given(1, digest="seed 1"))
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "mine").exists()


def test_only_own_strays_are_swept(folder: Path) -> None:
    toy_line.line(folder)
    (folder / f"{atomic.TEMPORARY}dead").mkdir()
    (folder / f"{atomic.TEMPORARY}dead" / "half").write_text("half")
    (folder / "maps" / f"{atomic.TEMPORARY}x").write_text("half")
    (folder / "my notes.txt").write_text("keep")
    with Case(folder):
        pass
    assert not list(folder.rglob(atomic.TEMPORARY + "*"))
    assert (folder / "my notes.txt").read_text() == "keep"


def test_no_space_is_said_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match=r"^OUTPUT-NO-SPACE"):
        atomic.require_space(tmp_path / "not" / "yet", 2**62)
    assert not (tmp_path / "not").exists()


def test_history_holds_digests_and_no_time(folder: Path) -> None:
    with Case(folder) as case:
        first = case.long_step("curve", toy_line.curve, case.given(1, digest="seed 1"))
        case.step("table", lambda curve, *, scale: {"n": curve.values.size * scale}, first, params={"scale": 2})
        curve, table = case.history
    assert curve.output_digest == first.digest
    assert table.parameters == {"scale": 2}
    assert np.isnan(curve.seconds)
    assert len({curve.input_digest, table.input_digest, curve.output_digest, table.output_digest}) == 4
    log = [json.loads(row) for row in (folder / "log" / "timing.jsonl").read_text().splitlines()]
    assert {"step", "seconds", "peak_mb"} == set(log[0])
    assert (folder / MARKER).exists()


def test_without_a_folder_the_line_gives_the_same() -> None:
    case = Unstored()
    first = case.long_step("curve", toy_line.curve, case.given(1, digest="seed 1"))
    second = case.derive("big", toy_line.big, first)
    assert second.get() is second.get()
    assert [step.name for step in case.history] == ["curve", "big"]
