"""An analysis that is stopped, at whatever point, leaves what everybody sees as it was; one that is whole takes its place whole."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study, draw, files, finish
from numbers_for_tests import small_study
from room_for_tests import brought_in, finished, opened

from hepaflow.store import atomic
from hepaflow.store.case import Case
from hepaflow.web import beside, child, regions_log, staleness, studies, work_study
from hepaflow.web.jobs import Ended
from hepaflow.web.places import StudyPlace
from hepaflow.web.room import Room
from hepaflow.workflow import one
from hepaflow.workflow.plan import load

sys.path.append(str(Path(__file__).parents[1] / "store"))
from toy_line import line, tree


class KilledError(BaseException):
    """The process is gone: nothing more is done to the disk."""


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch, at: int) -> Iterator[None]:
    """The ``at``-th change of a folder, and every one after it, does not happen."""
    count = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count > at:
                raise KilledError
            return real(*args, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("replace", "rename", "link", "mkdir", "unlink", "rmdir"):
            patch.setattr(os, name, dying(getattr(os, name)))
        yield


def study(folder: Path) -> StudyPlace:
    """A study with results, in small."""
    place = StudyPlace(folder)
    line(place.case, scale=0.5)
    place.corrected.mkdir()
    (place.corrected / "value.json").write_text("old")
    return place


def analysis(place: StudyPlace) -> None:
    made = beside.begin(place)
    line(made.case)
    with atomic.staging(made.folder) as stage:
        (stage / "value.json").write_text("new")
        atomic.move_folder(stage, made.corrected)
    beside.finish(place)


def seen(place: StudyPlace) -> dict[str, bytes]:
    return {f"{part}/{name}": data for part in beside.PARTS for name, data in files(place.folder / part).items()}


@pytest.mark.slow
@pytest.mark.parametrize(("linked", "stride"), [(True, 1), (False, 7)])
def test_a_killed_analysis_leaves_what_is_seen_as_it_was_and_goes_on(
    tmp_path: Path, linked: bool, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr("hepaflow.store.case.fcntl.flock", lambda *_: None)  # the kernel would drop the lock of one that is killed
    if not linked:
        monkeypatch.setattr(beside.os, "link", unable)
    line(tmp_path / "fresh")
    expected, at = tree(tmp_path / "fresh"), 0
    while True:
        place = study(tmp_path / f"{at}")
        before = seen(place)
        try:
            with killed(monkeypatch, at):
                analysis(place)
            break
        except KilledError:
            assert seen(place) == before, at  # to the last line of the log
        analysis(place)
        assert seen(place) == before, at
        assert tree(place.analysed / "case") == expected, at
        at += stride
    assert at > 60
    assert seen(place) == before


def test_a_first_analysis_leaves_no_case_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepaflow.store.case.fcntl.flock", lambda *_: None)
    place = StudyPlace(tmp_path / "study")
    place.folder.mkdir()
    with pytest.raises(KilledError), killed(monkeypatch, 30):
        analysis(place)
    assert sorted(path.name for path in place.folder.iterdir()) == ["analysing"]
    analysis(place)
    beside.settle(place, staleness.mark(place.analysed / "case"))
    assert sorted(path.name for path in place.folder.iterdir()) == ["case", "corrected"]


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[tuple[Any, Room]]:
    with opened(tmp_path / "data") as both:
        yield both


def in_room(room: Room) -> StudyPlace:
    """A study with results in a room, and others that wait for their row."""
    place = add_study(room)
    draw(room, place, "lesion-1", np.ones((6, 10, 13), bool))
    finish(room, place)
    place.corrected.mkdir()
    (place.corrected / "value.json").write_text("old")
    made = beside.begin(place)
    changed = (made.case / "case.json").read_text().replace("noise-high", "motion-large")
    atomic.write_bytes(made.case / "case.json", changed.encode())
    atomic.write_bytes(made.corrected / "value.json", b"new")
    beside.finish(place)
    return place


def cursor(room: Room, place: StudyPlace) -> dict[str, int]:
    with room.tables.read() as connection:
        return {"cursor": studies.edits_so_far(connection, place.folder.name)}


def said(place: StudyPlace) -> dict[str, Any]:
    return {"lesions": 1, "flags": [], "rules": [], "case": staleness.mark(place.analysed / "case")}


def test_a_server_killed_between_the_moves_tells_what_is_stale_and_moves_the_rest_when_it_starts(
    inside: tuple[Any, Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, room = inside
    at = 0
    while True:
        place = in_room(room)
        new = {f"{part}/{name}": data for part in beside.PARTS for name, data in files(place.analysed / part).items()}
        asked = cursor(room, place)
        with room.tables.begin() as connection:
            studies.take_result(connection, Ended("analyze", place.folder.name, asked, "T", "done", said(place)))
        try:
            with killed(monkeypatch, at):
                studies.settle(room.tables, room.data, place.folder.name)
        except KilledError:
            stale = client.get(f"/api/studies/{place.folder.name}").json()["stale"]
            assert stale or seen(place) == new, at
        else:
            break
        studies.settle_all(room.tables, room.data)
        assert seen(place) == new, at
        assert client.get(f"/api/studies/{place.folder.name}").json()["stale"] is False
        assert {path.name for path in place.folder.iterdir()} <= {"acquired", "case", "corrected", "analysed"}
        at += 1
    assert at >= 5
    assert seen(place) == new


def test_what_was_analysed_and_not_written_down_stays_beside(inside: tuple[Any, Room]) -> None:
    client, room = inside
    place = in_room(room)
    before = seen(place)
    studies.settle_all(room.tables, room.data)
    assert seen(place) == before
    told = client.get(f"/api/studies/{place.folder.name}").json()
    assert (told["stale"], told["state"]) == (False, "analysed")


def ended(monkeypatch: pytest.MonkeyPatch, room: Room, place: StudyPlace) -> str:
    """A job whose process says that the analysis is whole, and waits to be let go."""
    program = f"import sys; sys.stdin.readline(); print({json.dumps({'result': said(place)})!r}, flush=True)"
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-P", "-c", program))
    return room.jobs.start("analyze", place.folder.name, cursor(room, place), who="T")


def test_a_job_that_is_done_has_its_results_in_their_place(inside: tuple[Any, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    client, room = inside
    place = in_room(room)
    assert finished(client, ended(monkeypatch, room, place))["state"] == "done"
    assert (place.corrected / "value.json").read_text() == "new"
    assert client.get(f"/api/studies/{place.folder.name}").json()["stale"] is False
    assert not place.analysed.exists()


def test_results_that_cannot_be_written_down_are_not_seen(inside: tuple[Any, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    client, room = inside
    place = in_room(room)
    before, real = seen(place), studies.take_result
    tried = []

    def full(*args: Any) -> Any:
        tried.append(real(*args))
        raise sa.exc.OperationalError("commit", {}, Exception("database or disk is full"))

    monkeypatch.setattr(room.jobs, "_finish", full)
    job = ended(monkeypatch, room, place)
    end = time.monotonic() + 60.0
    while len(tried) < 2 or room.jobs._children:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert client.get(f"/api/jobs/{job}").json()["state"] == "running"  # not even that it failed could be written
    assert seen(place) == before
    assert client.get(f"/api/studies/{place.folder.name}").json()["stale"] is False
    monkeypatch.setattr(room.jobs, "_finish", real)  # space again
    assert client.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"
    assert client.post(f"/api/jobs/{job}/resume").status_code == 202
    assert finished(client, job)["state"] == "done"
    assert (place.corrected / "value.json").read_text() == "new"


class Stopped:
    """Asks an analysis to end when it has come to the end of a step."""

    def __init__(self, step: str | None) -> None:
        self.step, self.told = step, list[str]()

    def __call__(self, step: str, done: int, total: int) -> None:
        self.told.append(step)
        if step == self.step and done == total:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_the_case_of_the_room_is_that_of_the_command_line_however_often_it_was_stopped(tmp_path: Path) -> None:
    series, masks = small_study()
    lps = np.array(series.grid.affine)[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(np.ascontiguousarray(series.voxels.transpose(3, 2, 1, 0)), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, tmp_path / "study.nii.gz")
    (tmp_path / "study.json").write_text(json.dumps({"times_s": series.times_s.tolist()}))
    with opened(tmp_path / "data") as (client, room):
        name = brought_in(client, tmp_path / "study.nii.gz")
        url, place = f"/api/studies/{name}", room.place(name)
        for region, mask in masks.items():
            draw(room, place, region, mask)
        drawn, edited = str(regions_log.write_drawn(room, name)), cursor(room, place)

        def work(stop: str | None, **plan: str) -> dict[str, Any] | None:
            asked = {"folder": str(place.folder), "drawn": drawn, "plan": plan, "earlier": None}
            try:
                return work_study.analyze(asked, Stopped(stop))
            except KeyboardInterrupt:
                return None

        def written(result: dict[str, Any] | None) -> None:
            assert result is not None
            with room.tables.begin() as connection:
                studies.take_result(connection, Ended("analyze", name, edited, "T", "done", result))
            studies.settle(room.tables, room.data, name)

        first = {"model": "max-slope", "motion__method": "none"}
        assert work("maps", **first) is None
        assert not place.case.exists()
        assert client.get(f"{url}/maps").status_code == 404
        written(work(None, **first))
        shown = [client.get(f"{url}/{what}").json() for what in ("maps", "images", "results", "regions")]
        again = {"model": "descriptive", "motion__method": "rigid"}
        for stop in ("align", "maps", "save"):
            before = seen(place)
            assert work(stop, **again) is None
            assert seen(place) == before
            assert [client.get(f"{url}/{what}").json() for what in ("maps", "images", "results", "regions")] == shown
        result = work(None, **again)  # and stopped at the very last: whole, and not written down
        assert seen(place) == before
        assert client.get(url).json()["stale"] is False
        written(result)
        with Case(tmp_path / "out") as case:
            one.analyze(load(None, **again), place.study_path, case, rois=Path(drawn))
        assert tree(place.case) == tree(case.folder)
        assert client.get(f"{url}/maps").json()["model"] == "descriptive"
        assert client.get(url).json()["stale"] is False
