"""Whole studies without their patient: places, keys, damage, resuming, and the same series as before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom"))
sys.path.insert(0, str(Path(__file__).parents[1] / "dicom_out"))
import case_for_tests
from test_dicom_study import BENIGN
from test_dicom_study import write as write_results
from tiny_study import START_S, TIMES_S, clock, tiny, write

from hepaflow.cli import app
from hepaflow.dicom.assemble import assemble
from hepaflow.errors import InputRefused, OutputFailed, UsageError
from hepaflow.workflow.deidentify import MARKER, read_secret, run


@pytest.fixture
def study(tmp_path):
    return write(tiny(), tmp_path / "study")


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != MARKER}


def test_the_series_is_the_same_and_the_patient_is_gone(study, tmp_path):
    done = run(study, tmp_path / "out", tmp_path / "key.json")
    assert (done.files, done.written, len(done.patients)) == (24, 24, 1)
    before, after = assemble(study), assemble(tmp_path / "out")
    np.testing.assert_array_equal(before.voxels, after.voxels)
    np.testing.assert_array_equal(before.times_s, after.times_s)
    assert before.grid.same_as(after.grid)
    names, blob = " ".join(content(tmp_path / "out")), b"".join(content(tmp_path / "out").values())
    for value in ("Doe", "Jane", "P1", "19500101", "20240314", "1.2.3.1.0"):
        assert value.encode() not in blob
        assert value not in names


def test_two_studies_of_a_patient_keep_their_interval(tmp_path):
    for number, day in (("1", "20240314"), ("2", "20240614")):
        images = tiny()[:4]
        for image in images:
            image.ds.StudyDate, image.ds.StudyInstanceUID = day, f"1.2.{number}"
            image.ds.SOPInstanceUID += f".{number}"
        write(images, tmp_path / f"s{number}")
        run(tmp_path / f"s{number}", tmp_path / "out", tmp_path / "key.json")
    read = [pydicom.dcmread(p) for p in (tmp_path / "out").rglob("*.dcm")]
    days = sorted({ds.StudyDate for ds in read})
    gap = np.diff(np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in days], "datetime64[D]"))
    assert gap.astype(int).tolist() == [92]
    assert len({ds.PatientID for ds in read}) == 1
    assert len({ds.StudyInstanceUID for ds in read}) == 2


def _set(images, keyword, value):
    for image in images:
        setattr(image.ds, keyword, value)


@pytest.mark.parametrize(("keyword", "value"), [("PatientID", ""), ("IssuerOfPatientID", "HOSP"), ("PatientID", " P1")])
def test_a_pass_that_names_its_patient_otherwise_stays_in_its_study(keyword, value, tmp_path):
    images = tiny()
    _set([image for image in images if image.p == 3], keyword, value)
    source = write(images, tmp_path / "study")
    done = run(source, tmp_path / "out", tmp_path / "key.json")
    assert (done.written, len(done.patients)) == (24, 1)
    np.testing.assert_array_equal(assemble(source).voxels, assemble(tmp_path / "out").voxels)
    read = [pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert len({(ds.PatientID, ds.StudyDate) for ds in read}) == 1


def test_a_study_that_names_two_patients_is_refused_before_anything_of_it_is_written(tmp_path):
    images = tiny()
    images[23].ds.PatientID = "P2"
    other = tiny(seed=2)
    source = write([*images, *other], tmp_path / "study")
    done = run(source, tmp_path / "out", tmp_path / "key.json")
    assert (done.written, dict(done.refused)) == (24, {"STUDY-MIXED": 24})
    assert len(content(tmp_path / "out")) == 24


def test_the_rest_of_a_study_under_another_pseudonym_is_refused(tmp_path):
    images = tiny()
    _set(images[:12], "PatientID", "")
    write(images[:12], tmp_path / "one")
    write(images[12:], tmp_path / "two")
    assert run(tmp_path / "one", tmp_path / "out", tmp_path / "key.json").written == 12
    assert dict(run(tmp_path / "two", tmp_path / "out", tmp_path / "key.json").refused) == {"STUDY-MIXED": 12}


def test_times_stay_when_the_offset_from_utc_changes_within_a_series(tmp_path):
    images = tiny()
    for image in images:
        summer = image.p >= 3
        image.ds.AcquisitionDateTime = f"20240314{clock(START_S + TIMES_S[image.p] + 3600 * summer)}+0{1 + summer}00"
        del image.ds.AcquisitionTime
    source = write(images, tmp_path / "study")
    run(source, tmp_path / "out", tmp_path / "key.json")
    np.testing.assert_array_equal(assemble(tmp_path / "out").times_s, TIMES_S)
    np.testing.assert_array_equal(assemble(source).times_s, TIMES_S)


def test_a_second_key_into_one_folder_is_refused(study, tmp_path):
    out = tmp_path / "out"
    run(study, out, tmp_path / "one.json")
    before = content(out)
    mark = (out / MARKER).read_bytes()
    for other in ("two.json", "three.json"):
        with pytest.raises(UsageError, match="OUT-OTHER-KEY"):
            run(study, out, tmp_path / other)
    assert content(out) == before
    assert run(study, out, tmp_path / "one.json").unchanged == 24
    (out / MARKER).unlink()  # files of which nothing says the key
    with pytest.raises(UsageError, match="OUT-OTHER-KEY"):
        run(study, out, tmp_path / "one.json")
    assert read_secret(tmp_path / "one.json").value.hex().encode() not in mark


def test_run_again_it_goes_on_to_the_same_bytes(study, tmp_path):
    out, key = tmp_path / "out", tmp_path / "key.json"
    run(study, out, key)
    before = content(out)
    gone = sorted(out.rglob("*.dcm"))[:5]
    for path in gone[:4]:
        path.unlink()
    gone[4].write_bytes(b"half a fi")
    (gone[0].parent / ".hepaflow-tmp-abc").write_bytes(b"of a killed writer")
    done = run(study, out, key)
    assert (done.written, done.unchanged) == (5, 19)
    assert content(out) == before


def test_copies_are_written_once_and_contradictions_refused(study, tmp_path):
    paths = sorted(p for p in study.rglob("*") if p.is_file())
    shutil.copy(paths[0], study / "copy")
    other = pydicom.dcmread(paths[1])
    other.KVP = "100"
    other.save_as(study / "zz-other")
    done = run(study, tmp_path / "out", tmp_path / "key.json")
    assert (done.written, done.copies, dict(done.refused)) == (24, 1, {"FILE-DUPLICATE": 1})


def test_damaged_files_and_other_files_are_counted_and_the_rest_goes_on(study, tmp_path):
    paths = sorted(p for p in study.rglob("*") if p.is_file())
    paths[0].write_bytes(paths[0].read_bytes()[:-300])
    (study / "readme.txt").write_text("nothing")
    ds = pydicom.dcmread(paths[1])
    ds.BurnedInAnnotation = "YES"
    ds.save_as(paths[1])
    done = run(study, tmp_path / "out", tmp_path / "key.json")
    assert (done.written, done.not_dicom) == (22, 1)
    assert dict(done.refused) == {"FILE-TRUNCATED": 1}
    assert dict(done.left_out) == {"burned-in-annotation": 1}
    assert len(content(tmp_path / "out")) == 22


@pytest.mark.parametrize("cut", range(150, 1300, 50))
def test_a_file_cut_anywhere_writes_nothing(cut, study, tmp_path):
    path = sorted(p for p in study.rglob("*") if p.is_file())[0]
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "x.dcm").write_bytes(path.read_bytes()[:cut])
    done = run(tmp_path / "cut", tmp_path / "out", tmp_path / "key.json")
    assert sum(done.refused.values()) == 1
    assert content(tmp_path / "out") == {}


def test_the_key_is_the_owners_alone_and_stays(study, tmp_path):
    key = tmp_path / "key.json"
    first = read_secret(key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert read_secret(key) == first
    assert read_secret(tmp_path / "other.json") != first
    assert b"P1" not in key.read_bytes()
    key.chmod(0o640)
    with pytest.raises(UsageError, match="KEY-OPEN"):
        run(study, tmp_path / "out", key)


@pytest.mark.parametrize(
    "text", ["", "{}", "[" * 100_000, "[" * 3000, '{"hepaflow_key": "zz"}', '{"hepaflow_key": "00"}', "[]", '{"hepaflow_key": 3}']
)
def test_a_file_that_is_no_key_is_refused(text, tmp_path):
    path = tmp_path / "key.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InputRefused, match="KEY-UNREADABLE"):
        read_secret(path)


def test_places_that_would_mix_what_must_be_apart_are_refused(study, tmp_path):
    out, key = tmp_path / "out", tmp_path / "key.json"
    for error, code, arguments in (
        (UsageError, "KEY-NOT-APART", (study, out, out / "key.json")),
        (UsageError, "KEY-NOT-APART", (study, out, study / "key.json")),
        (UsageError, "OUT-INSIDE-STUDY", (study, study / "out", key)),
        (InputRefused, "SOURCE-MISSING", (tmp_path / "no", out, key)),
    ):
        with pytest.raises(error, match=code):
            run(*arguments)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="OUT-NOT-A-FOLDER"):
        run(study, tmp_path / "file", key)
    with pytest.raises(OutputFailed, match="OUTPUT-FAILED"):
        run(study, out, tmp_path / "file" / "key.json")
    assert not out.exists() or not content(out)


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("x")
    with pytest.raises(InputRefused, match="STUDY-EMPTY"):
        run(tmp_path / "x", tmp_path / "out", tmp_path / "key.json")


def test_two_writers_of_one_folder_do_not_meet(study, tmp_path):
    import fcntl
    import os

    out = tmp_path / "out"
    run(study, out, tmp_path / "key.json")
    lock = os.open(out / MARKER, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputFailed, match="OUT-LOCKED"):
            run(study, out, tmp_path / "key.json")
    finally:
        os.close(lock)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_results_without_their_patient_are_valid_objects(tmp_path):
    """Maps, image series and segmentation go through; report, PDF, pictures and their selection do not."""
    write_results(case_for_tests.case(), tmp_path / "results")
    done = run(tmp_path / "results", tmp_path / "out", tmp_path / "key.json")
    assert dict(done.left_out) == {"structured-report": 2, "encapsulated-document": 1, "secondary-capture": 1}
    assert not done.refused
    kinds = {}
    for path in (tmp_path / "out").rglob("*.dcm"):
        kinds.setdefault(pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID, path)
    assert len(kinds) == 3
    for path in kinds.values():
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        lines = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]
        assert [line for line in lines if not any(term in line for term in BENIGN)] == []


def test_the_command_counts_and_names_nobody(study, tmp_path, capsys):
    paths = sorted(p for p in study.rglob("*") if p.is_file())
    paths[0].write_bytes(paths[0].read_bytes()[:-300])
    arguments = ["deidentify", str(study), str(tmp_path / "out"), "--key", str(tmp_path / "key.json")]
    with pytest.raises(SystemExit) as ended:
        app([*arguments, "--json"], prog_name="hepaflow")
    found = capsys.readouterr()
    assert ended.value.code == 4
    tree = json.loads(found.out)
    assert (tree["files"], tree["written"], tree["patients"], tree["refused"]) == (24, 23, 1, {"FILE-TRUNCATED": 1})
    assert "refused: 1 FILE-TRUNCATED" in found.err
    with pytest.raises(SystemExit):
        app(arguments, prog_name="hepaflow")
    found = capsys.readouterr()
    assert "23 there already" in found.out
    assert "Doe" not in found.out + found.err
