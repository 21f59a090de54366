"""A file that breaks its reader is refused by name, and the files after it are still judged."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enhanced_study import enhanced
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tiny_study import COLUMNS, ROWS, TIMES_S, hounsfield, save, tiny, write

from hepaflow.dicom import warden as room
from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.gate import judge
from hepaflow.dicom.headers import describe
from hepaflow.dicom.source import open_study
from hepaflow.dicom.values import WANTED
from hepaflow.dicom.warden import MAX_FALLS, Warden, judge_all
from hepaflow.errors import InputRefused

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are held on Linux")


@contextmanager
def own(**limits: Any) -> Iterator[Warden]:
    warden = Warden("judge", **limits)
    try:
        yield warden
    finally:
        warden.close()


@pytest.fixture
def good(tmp_path: Path) -> Any:
    path = save(tiny()[0], tmp_path / "good")
    return ("file", str(path), path.stat().st_size)


@pytest.fixture
def stuck(tmp_path: Path) -> Any:
    """A file that never gives a byte."""
    os.mkfifo(tmp_path / "stuck")
    return ("file", str(tmp_path / "stuck"), 1000)


def told(answers: Any) -> list[str]:
    return [answer[1] if answer[0] == "refused" else answer[0] for answer in answers]


def judged(entry: Any, where: str) -> Any:
    """What the gate says in this process: a header, none, or the text of a refusal."""
    try:
        return judge(entry, WANTED, where=where)
    except InputRefused as refused:
        return str(refused)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_child_judges_as_this_process_does(syntax: str, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.syntax = syntax
    folder = write(images, tmp_path / "study")
    frames = enhanced(tiny(), TIMES_S)
    frames.syntax = syntax
    save(frames, folder / "frames")
    (folder / "note.txt").write_text("notes")
    (folder / "cut").write_bytes((folder / "a" / "0000").read_bytes()[:400])
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    for source in (folder, tmp_path / "study.zip"):
        with open_study(source) as entries:
            verdicts = list(judge_all(entries, WANTED))
            for number, (entry, verdict) in enumerate(zip(entries, verdicts, strict=True), start=1):
                assert judged(entry, f"file {number} of {len(entries)}") == (
                    verdict.header or (verdict.refusal and str(verdict.refusal))
                )
        assert [len(v.header.frames) for v in verdicts if v.header is not None and v.header.frames] == [24]
        assert sum(v.refusal is not None for v in verdicts) == 1
        assert sum(v.header is None for v in verdicts) == 2


def test_an_archive_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / "s.zip").unlink(missing_ok=True)
        with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
            for number, image in enumerate(tiny(seed=seed, slices=seed)):
                archive.write(save(image, tmp_path / "one"), f"{number}")
        assert assemble(tmp_path / "s.zip").voxels.shape[1] == seed


def test_a_file_that_never_ends_is_refused_and_the_next_ones_judged(good: Any, stuck: Any) -> None:
    with own(wall_s=1.5) as warden:
        jobs = [(good, "file 1"), (stuck, "file 2"), (good, "file 3")]
        answers = list(warden.answers(jobs, tuple(WANTED)))
    assert told(answers) == ["header", "FILE-TIME", "header"]
    assert "file 2" in answers[1][2]


def test_a_file_that_kills_its_reader_is_refused(good: Any, stuck: Any) -> None:
    with own() as warden:
        answers = warden.answers([(good, ""), (stuck, ""), (good, "")], ())
        first = next(answers)
        assert warden._process is not None
        os.kill(warden._process.pid, signal.SIGSEGV)
        assert told([first, *answers]) == ["header", "FILE-CRASH", "header"]


def test_a_child_that_died_between_studies_is_replaced(good: Any) -> None:
    with own() as warden:
        list(warden.answers([(good, "")], ()))
        assert warden._process is not None
        warden._process.kill()
        warden._process.wait()
        assert told(warden.answers([(good, "")], ())) == ["header"]


def test_a_study_that_breaks_too_many_readers_is_left(good: Any, stuck: Any) -> None:
    with own(wall_s=0.6) as warden, pytest.raises(InputRefused, match="FILE-CRASH"):
        list(warden.answers([(stuck, "")] * (MAX_FALLS + 1) + [(good, "")], ()))


def test_answers_that_nobody_waits_for_do_not_reach_the_next_study(good: Any, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("no image")
    stranger = ("file", str(tmp_path / "none"), 8)
    with own() as warden:
        assert told([next(warden.answers([(good, "")] * 5, ()))]) == ["header"]
        assert told(warden.answers([(stranger, "")], ())) == ["stranger"]


def test_a_scan_that_is_left_gives_back_a_child_that_waits_for_work(tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path)
    with open_study(folder) as entries:
        scan = judge_all(entries, WANTED)
        next(scan)
        scan.close()
        assert all(warden._process is None for warden in room._free[(os.getpid(), "judge")][-1:])
        assert sum(verdict.header is not None for verdict in judge_all(entries, WANTED)) == 24


def element(data: bytes) -> bytes:
    return struct.pack("<HH2sHI", 9, 0x1010, b"OB", 0, len(data)) + data


@linux
def test_memory_of_a_file_are_limited(good: Any, tmp_path: Path) -> None:
    head = Path(good[1]).read_bytes()[:132] + struct.pack("<HH2sH", 2, 0x10, b"UI", 20) + b"1.2.840.10008.1.2.1\x00"
    large = tmp_path / "large"
    large.write_bytes(head + element(bytes(40 * 2**20)) + struct.pack("<HH2sH", 9, 0x1011, b"LO", 0))
    job = (("file", str(large), large.stat().st_size), "")
    with own(memory_bytes=24 * 2**20) as warden:
        assert told(warden.answers([job, (good, "")], ())) == ["FILE-MEMORY", "header"]
        assert warden.limited
    with own() as warden:
        assert told(warden.answers([job], ())) == ["header"]


@linux
def test_a_reader_that_computes_without_end_is_stopped(good: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(
        "import hepaflow.dicom.ward as w\n"
        "def endless(place, where, wanted):\n"
        "    while 'last' in where: pass\n"
        "    return ('stranger',)\n"
        "w._judge = endless\n"
        "w._serve('judge', 2**29, 0)\n"
    )
    real = subprocess.Popen
    monkeypatch.setattr(room.subprocess, "Popen", lambda words, **how: real([sys.executable, str(tmp_path / "endless.py")], **how))
    start = time.perf_counter()
    with own() as warden:
        assert told(warden.answers([(good, "first"), (good, "last")], ())) == ["stranger", "FILE-TIME"]
    assert time.perf_counter() - start < 30  # stopped by its CPU time (1 s) and not by the clock (60 s)


def test_no_reader_can_be_started(good: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen
    monkeypatch.setattr(room.subprocess, "Popen", lambda words, **how: real(["/bin/false"], **how))
    with pytest.raises(InputRefused, match="READER-START"):
        list(Warden("judge").answers([(good, "")], ()))
    monkeypatch.setattr(room.subprocess, "Popen", lambda words, **how: real(["/nowhere/python"], **how))
    with pytest.raises(InputRefused, match="READER-START"):
        list(Warden("judge").answers([(good, "")], ()))


def test_a_system_without_limits_is_flagged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = subprocess.Popen
    code = "import sys; sys.modules['resource'] = None; import hepaflow.dicom.ward as w; w._serve('judge', 2**29, 10)"
    monkeypatch.setattr(room.subprocess, "Popen", lambda words, **how: real([sys.executable, "-c", code], **how))
    monkeypatch.setattr(room, "_free", {})
    series = assemble(write(tiny(), tmp_path))
    for wardens in room._free.values():
        for warden in wardens:
            warden.close()
    assert series.flags == ("reading-unlimited",)
    np.testing.assert_array_equal(series.voxels, hounsfield())


def test_decoding_runs_in_its_own_child(tmp_path: Path) -> None:
    images = tiny(times_s=(0.0, 2.0), slices=2)
    for image in images:
        image.ds.file_meta = None
    plain = assemble(write(images, tmp_path / "plain"))
    for image in images:
        image.ds.file_meta = FileMetaDataset()
        image.ds.file_meta.TransferSyntaxUID = image.syntax
        image.ds.compress(RLELossless, generate_instance_uid=False)
        image.syntax = RLELossless
    packed = assemble(write(images, tmp_path / "packed"))
    np.testing.assert_array_equal(packed.voxels, plain.voxels)
    assert any(task == "decode" and wardens for (_, task), wardens in room._free.items())
    assert packed.source["digest"] == plain.source["digest"]


@linux
def test_a_multi_frame_file_larger_than_the_limits_is_read_frame_by_frame(tmp_path: Path) -> None:
    """Two frames of 400 MB that take no room on the disk, then a real one: neither the judge nor the decoder holds more than it needs."""
    stored = np.arange(ROWS * COLUMNS, dtype="<u2").reshape(ROWS, COLUMNS) * 200
    one = tiny()[0]
    one.ds.PixelData, one.ds.file_meta = stored.tobytes(), FileMetaDataset()
    one.ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.ds.compress(RLELossless, generate_instance_uid=False)
    huge, last = 400 * 10**6, next(generate_frames(one.ds.PixelData, number_of_frames=1))
    made = enhanced(tiny(times_s=(0.0, 2.0, 4.0), slices=1), (0.0, 2.0, 4.0))
    made.ds.PixelData = encapsulate([last] * 3)
    made.ds["PixelData"].VR, made.ds["PixelData"].is_undefined_length, made.syntax = "OB", True, RLELossless
    head, found, _ = save(made, tmp_path / "small").read_bytes().partition(struct.pack("<HHI", 0xFFFE, 0xE000, 12))
    assert found
    with (tmp_path / "large").open("wb") as handle:
        handle.write(head + found + struct.pack("<3I", 0, huge + 8, 2 * (huge + 8)))
        for _ in range(2):
            handle.write(struct.pack("<HHI", 0xFFFE, 0xE000, huge))
            handle.seek(huge, os.SEEK_CUR)
        handle.write(struct.pack("<HHI", 0xFFFE, 0xE000, len(last)) + last + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    with open_study(tmp_path / "large") as (entry,):
        (verdict,) = judge_all([entry], WANTED)
        assert verdict.refusal is None
        assert verdict.header is not None
        images = describe(entry, verdict.header, file=1, where="here").images
        assert [image.pixels.span.length for image in images] == [huge, huge, len(last)]
        np.testing.assert_array_equal(room.decode(entry, images[2].pixels, where="here")[0], stored)
        with pytest.raises(InputRefused, match=r"FILE-(MEMORY|DAMAGED)"):
            room.decode(entry, images[0].pixels, where="here")


def test_the_judge_starts_without_heavy_libraries() -> None:
    code = "import sys, hepaflow.dicom.ward; print({'numpy', 'pydicom', 'gdcm'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
