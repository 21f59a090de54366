"""Jobs: progress, cancel, going on after an interruption, one at a time, and what the list of studies says meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study
from room_for_tests import Inside, finished, opened
from tiny_study import tiny, write

from hepaflow.web import child, studies
from hepaflow.web import tables as t
from hepaflow.web.child import Child
from hepaflow.web.events import Events
from hepaflow.web.jobs import Ended
from hepaflow.web.refusals import Conflict


@contextmanager
def silent_archive(folder: Path) -> Iterator[Path]:
    """A configuration whose archive takes a connection and never answers: a job that lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        file = folder / "pacs.toml"
        file.write_text(
            f'[pacs.silent]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {port}\nae_title = "SILENT"\nplain_text = true\n',
            encoding="utf-8",
        )
        yield file


def retrieving(client: Any) -> tuple[str, str]:
    answer = client.post("/api/archives/silent/retrieve", json={"study_uid": "1.2.3"})
    assert answer.status_code == 202, answer.text
    job = answer.json()["job"]
    until(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "running")
    return answer.json()["study"], job


#: Of a busy machine: what is waited for comes sooner.
PATIENCE_S = 60.0


def until(true: Any, within_s: float = PATIENCE_S) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_import_says_what_the_study_is_and_keeps_no_name_on_disk(inside: Inside) -> None:
    found = inside.client.get(f"/api/studies/{inside.study}").json()
    assert (found["passes"], found["spacing_mm"], found["date"]) == (6, [2.5, 0.8, 1.1], "2024-03-14")
    assert (found["state"], found["visit"], found["corrected"], found["stale"]) == ("imported", 1, False, False)
    assert found["protocol"]["verdict"] in {"ok", "warn", "fail"}
    place = inside.room.place(inside.study)
    assert len(list(place.source.iterdir())) == 24
    assert (place.acquired / "value.json").exists()
    names = " ".join(str(path.relative_to(inside.room.data)) for path in inside.room.data.rglob("*"))
    assert "CANARY" not in names


def test_the_protocol_is_told_in_the_readers_language(inside: Inside) -> None:
    def title() -> str:
        rules = inside.client.get(f"/api/studies/{inside.study}/protocol").json()["rules"]
        return next(rule["title"] for rule in rules if rule["key"] == "baseline")

    assert title() == "Baseline passes"
    assert inside.client.put("/api/me", json={"language": "fr"}).json()["language"] == "fr"
    try:
        assert title() == "Passages de base"
    finally:
        inside.client.put("/api/me", json={"language": "en"})


def test_a_study_that_cannot_be_assembled_leaves_no_copy_and_says_why(tmp_path: Path) -> None:
    write(tiny()[:4], tmp_path / "CANARY")  # one pass
    with opened(tmp_path / "data") as (client, room):
        answer = client.post("/api/studies", json={"path": str(tmp_path / "CANARY")}).json()
        job = finished(client, answer["job"])
        assert job["state"] == "failed"
        assert set(job["error"]) == {"code", "what", "advice"}
        assert "CANARY" not in json.dumps(job["error"])
        assert not room.place(answer["study"]).source.exists()
        assert client.get(f"/api/studies/{answer['study']}").json()["state"] == "failed"
        refused = client.post(f"/api/studies/{answer['study']}/analyze", json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "STUDY-NOT-READY")
        assert client.delete(f"/api/studies/{answer['study']}").status_code == 200
        assert client.get("/api/studies").json() == {"studies": []}
        assert (room.data / "trash" / answer["study"]).is_dir()


def test_visits_of_a_patient_are_in_order_of_date(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (client, room), room.tables.begin() as connection:
        made = []
        for key, date in (
            ("k", "2024-06-01"),
            ("k", "2024-01-01"),
            ("", "2024-01-01"),
            ("", "2024-01-01"),
            ("other", "2024-03-01"),
        ):
            place = studies.add(connection, room.data, "label")
            result = {"patient": "Doe", "patient_key": key, "date": date, "description": "", "digest": "", "passes": 6}
            studies.take_result(connection, Ended("import", place.folder.name, {}, "T", "done", result))
            made.append(place.folder.name)
    with opened(tmp_path / "data") as (client, room):
        found = {one["id"]: one["visit"] for one in client.get("/api/studies").json()["studies"]}
        assert [found[study] for study in made] == [2, 1, 1, 1, 1]  # who has no identifier is nobody else


def test_a_patients_key_is_that_of_one_room_and_cannot_be_guessed(inside: Inside) -> None:
    key = inside.client.get(f"/api/studies/{inside.study}").json()["patient_key"]
    assert len(key) == 16
    guesses = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in ("CANARY-4711", "\nCANARY-4711")]
    assert key not in guesses
    salted = hashlib.sha256(inside.room.tables.salt() + b"\nCANARY-4711").hexdigest()[:16]
    assert key == salted


def test_a_running_job_is_cancelled_and_resumed(tmp_path: Path) -> None:
    with silent_archive(tmp_path) as config, opened(tmp_path / "data", archives=config) as (client, room):
        study, job = retrieving(client)
        with pytest.raises(Conflict, match="JOB-ACTIVE") as refused:  # one job a study, of whatever kind
            room.jobs.start("send", study, {}, who="T")
        assert refused.value.extra == {"job": job}
        assert client.get(f"/api/studies/{study}").json()["state"] == "importing"
        assert client.delete(f"/api/studies/{study}").json()["error"]["code"] == "JOB-ACTIVE"
        assert client.post(f"/api/jobs/{job}/resume").json()["error"]["code"] == "JOB-STATE"
        client.delete(f"/api/jobs/{job}")
        assert finished(client, job)["state"] == "cancelled"
        assert client.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"  # once more does nothing
        assert client.post(f"/api/jobs/{job}/resume").status_code == 202
        until(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "running")
        second = client.post("/api/archives/silent/retrieve", json={"study_uid": "1.2.4"}).json()["job"]
        assert client.get(f"/api/jobs/{second}").json()["state"] == "waiting"  # one of a kind at a time
        client.delete(f"/api/jobs/{second}")
        assert client.get(f"/api/jobs/{second}").json()["state"] == "cancelled"
        client.delete(f"/api/jobs/{job}")
        assert finished(client, job)["state"] == "cancelled"
        what = [entry["what"] for entry in client.get("/api/audit", params={"study": study}).json()["entries"]]
        assert what[-1] == "retrieve-asked"
        assert what.count("job-ended") == 2


def test_a_job_that_a_dead_server_left_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with silent_archive(tmp_path) as config:
        with opened(data, archives=config) as (client, _):
            _, job = retrieving(client)
        with opened(data, archives=config) as (client, room):  # an orderly end
            assert client.get(f"/api/jobs/{job}").json()["state"] == "interrupted"
            with room.tables.begin() as connection:  # what a killed server leaves
                connection.execute(sa.update(t.jobs).values(state="running"))
        with opened(data, archives=config) as (client, room):
            assert client.get(f"/api/jobs/{job}").json()["state"] == "interrupted"
            assert client.post(f"/api/jobs/{job}/resume").status_code == 202
            until(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "running")


def test_a_copied_room_works_in_its_own_folder_alone(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with silent_archive(tmp_path) as config:
        with opened(data, archives=config) as (client, _):
            study, job = retrieving(client)
        shutil.copytree(data, copy)
        shutil.rmtree(data / "studies" / study / "source", ignore_errors=True)
        with opened(copy, archives=config) as (client, room):
            answer = client.post(f"/api/jobs/{job}/resume")
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "JOB-MOVED")
            with room.tables.begin() as connection:  # what waited when the folder was copied
                connection.execute(sa.update(t.jobs).values(state="waiting", error=None))
        with opened(copy, archives=config) as (client, _):
            found = client.get(f"/api/jobs/{job}").json()
            assert (found["state"], found["error"]["code"]) == ("failed", "JOB-MOVED")
        assert not (data / "studies" / study / "source").exists()
        (tmp_path / "link").symlink_to(data)
        with opened(tmp_path / "link", archives=config) as (client, _):  # the same folder by another way
            assert client.post(f"/api/jobs/{job}/resume").status_code == 202
            until(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "running")


@pytest.mark.parametrize("asked", [{"model": "none-such"}, {"motion": "up"}, {"compare": 3}, {"language": "de"}, {"density": 1.0}])
def test_an_analysis_that_cannot_be_is_refused_before_it_is_queued(inside: Inside, asked: dict[str, Any]) -> None:
    answer = inside.client.post(f"/api/studies/{inside.study}/analyze", json=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"CONFIG-INVALID", "REQUEST-INVALID"}
    assert inside.client.get(f"/api/studies/{inside.study}").json()["job"]["kind"] == "import"


def analysed(inside: Inside, **said: Any) -> None:
    """As a job leaves the study's row after an analysis."""
    rule = {"value": "28 s", "limit": "t", "text": {"en": "e", "fr": "f"}}
    rules = [{"key": "portal-peak", "verdict": "warn", **rule}, {"key": "coverage", "verdict": "pass", **rule}]
    result = {"lesions": 2, "flags": ["noise-high"], "rules": rules, **said}
    with inside.room.tables.begin() as connection:
        studies.take_result(connection, Ended("analyze", inside.study, {"cursor": 0}, "Tester", "done", result))


def test_verdicts_are_those_of_the_last_analysis_in_list_and_panel(inside: Inside, own_row: None) -> None:
    url = f"/api/studies/{inside.study}"
    first, panel = inside.client.get(url).json(), inside.client.get(f"{url}/protocol").json()
    assert (first["protocol"]["of"], first["analysis"], panel["of"], len(panel["rules"])) == ("import", None, "import", 12)
    analysed(inside, model="patlak", motion="rigid", compare=True)
    found, panel = inside.client.get(url).json(), inside.client.get(f"{url}/protocol").json()
    assert found["protocol"] == {"verdict": "warn", "pass": 1, "warn": 1, "fail": 0, "of": "analysis"}
    assert [(rule["key"], rule["verdict"]) for rule in panel["rules"]] == [("portal-peak", "warn"), ("coverage", "pass")]
    assert (panel["of"], panel["flags"]) == ("analysis", ["noise-high"])
    assert {key: found["analysis"][key] for key in ("model", "motion", "compare")} == {
        "model": "patlak",
        "motion": "rigid",
        "compare": True,
    }


@pytest.mark.parametrize("told", ["by its row", "by case.json"])
def test_an_analysis_without_choices_repeats_those_of_the_last(inside: Inside, own_row: None, no_work: None, told: str) -> None:
    def planned(**asked: Any) -> tuple[Any, ...]:
        job = inside.client.post(f"/api/studies/{inside.study}/analyze", json=asked).json()["job"]
        finished(inside.client, job)
        with inside.room.tables.read() as connection:
            plan = json.loads(connection.execute(sa.select(t.jobs.c.asked).where(t.jobs.c.id == job)).scalar_one())["plan"]
        assert plan["language"] == asked.get("language", "en")  # that of the report: the reader's own unless asked for
        return plan["model"], plan["motion__method"], plan["compare"]

    assert planned() == (None, None, None)  # the first: as on the command line
    assert planned(language="fr") == (None, None, None)
    last = {"model": "patlak", "motion": "rigid", "compare": True}
    if told == "by its row":
        analysed(inside, **last)
    else:
        analysed(inside, model="patlak")
        case = inside.room.place(inside.study).case
        case.mkdir(exist_ok=True)
        (case / "case.json").write_text(json.dumps({"plan": {**last, "motion": {"method": "rigid"}}}))
    assert planned() == ("patlak", "rigid", True)
    assert planned(motion="none", compare=False) == ("patlak", "none", None)


def test_an_analysis_is_told_whether_its_study_is_the_first_visit(inside: Inside, own_row: None, no_work: None) -> None:
    def told() -> bool:
        job = inside.client.post(f"/api/studies/{inside.study}/analyze", json={}).json()["job"]
        finished(inside.client, job)
        with inside.room.tables.read() as connection:
            asked = json.loads(connection.execute(sa.select(t.jobs.c.asked).where(t.jobs.c.id == job)).scalar_one())
        return bool(asked["first_visit"])

    assert told() is False
    key = inside.client.get(f"/api/studies/{inside.study}").json()["patient_key"]
    later = add_study(inside.room, patient_key=key, date="2024-06-14").folder.name
    assert told() is True
    assert inside.client.delete(f"/api/studies/{later}").status_code == 200
    assert told() is False


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an analysis is asked counts, not what comes of it: its process ends at once."""
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-P", "-c", "raise SystemExit(0)"))


@pytest.fixture
def own_row(inside: Inside) -> Iterator[None]:
    """The study's row is afterwards as it was: it is shared."""
    yield
    shutil.rmtree(inside.room.place(inside.study).case, ignore_errors=True)
    with inside.room.tables.begin() as connection:
        connection.execute(sa.update(t.studies).where(t.studies.c.id == inside.study).values(analysed=None))


def test_an_analysis_that_fails_leaves_the_study_as_it_was(inside: Inside) -> None:
    answer = inside.client.post(f"/api/studies/{inside.study}/analyze", json={"motion": "none"})
    job = finished(inside.client, answer.json()["job"])
    assert (job["state"], job["error"]["code"]) == ("failed", "AORTA-NOT-FOUND")
    found = inside.client.get(f"/api/studies/{inside.study}").json()
    assert (found["state"], found["corrected"], found["job"]["id"]) == ("imported", False, job["id"])


def _run(monkeypatch: pytest.MonkeyPatch, program: str) -> tuple[Child, list[Any], threading.Event]:
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-P", "-c", program))
    monkeypatch.setattr(child, "GRACE_S", 0.2)
    over, ended = threading.Event(), []
    one = Child("import", {}, lambda *_: None, lambda *end: (ended.append(end), over.set()))
    one.start()
    return one, ended, over


def test_a_process_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import os,signal,time; signal.signal(15, signal.SIG_IGN); "
        f"open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    one, ended, over = _run(monkeypatch, program)
    until(lambda: note.exists() and note.read_text() != "")
    one.stop("cancelled")
    assert over.wait(PATIENCE_S)
    assert ended == [("cancelled", None, None)]
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@pytest.mark.parametrize("program", ["import os; os.kill(os.getpid(), 9)", "print('no json', flush=True)", "raise SystemExit(0)"])
def test_a_process_that_dies_or_babbles_is_a_failed_job(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    _, ended, over = _run(monkeypatch, program)
    assert over.wait(PATIENCE_S)
    state, result, error = ended[0]
    assert (state, result, error["code"]) == ("failed", None, "JOB-DIED")


def test_what_a_process_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import json,subprocess,sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=2); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); print(json.dumps({{'result': {{}}}}), flush=True)"
    )
    _, ended, over = _run(monkeypatch, program)
    assert over.wait(PATIENCE_S)
    assert ended == [("done", {}, None)]
    until(lambda: not _alive(int(note.read_text())))


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def test_a_job_ends_when_its_server_is_gone(tmp_path: Path) -> None:
    with silent_archive(tmp_path) as config:
        folder = tmp_path / "study"
        folder.mkdir()
        asked = {"folder": str(folder), "config": str(config), "archive": "silent", "study_uid": "1.2.3", "salt": "00"}
        import subprocess

        process = subprocess.Popen(
            [*child.COMMAND, "retrieve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            until((folder / "source").exists)
            process.stdin.close()
            assert process.wait(PATIENCE_S) in {130, -signal.SIGTERM}


def test_what_was_drawn_and_done_cannot_be_changed_in_the_database(inside: Inside) -> None:
    with inside.room.tables.begin() as connection:
        values = {
            "study": "x",
            "region": "liver",
            "version": 1,
            "kind": "shapes",
            "edit": "{}",
            "state": "{}",
            "who": "T",
            "at": t.now(),
        }
        connection.execute(sa.insert(t.edits).values(**values))
    for statement in (
        sa.delete(t.edits),
        sa.update(t.edits).values(who="X"),
        sa.delete(t.audits),
        sa.update(t.audits).values(who="X"),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), inside.room.tables.begin() as connection:
            connection.execute(statement)
    with pytest.raises(sa.exc.IntegrityError), inside.room.tables.begin() as connection:
        connection.execute(sa.insert(t.edits).values(**values))


def test_events_reach_every_page(inside: Inside) -> None:
    import asyncio

    async def run() -> list[str]:
        pages = [inside.room.events.listen("local", lambda: True) for _ in range(2)]
        for page in pages:
            assert "hello" in await anext(page)
        await asyncio.to_thread(inside.room.events.tell, "study", {"study": "x"})
        found = [await anext(page) for page in pages]
        for page in pages:
            await page.aclose()
        return found

    assert asyncio.run(run()) == ['event: study\ndata: {"study":"x"}\n\n'] * 2


def test_a_page_whose_session_ends_hears_nothing_more(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr("hepaflow.web.events.PULSE_S", 0.05)
    secret = inside.room.sessions.start("local")

    async def run() -> list[str]:
        page = inside.room.events.listen("local", lambda: inside.room.sessions.account(secret) is not None)
        found = [await anext(page), await anext(page)]
        inside.room.sessions.end(secret)
        return found + [text async for text in page]

    assert asyncio.run(run())[1:] == [": \n\n"]


def test_there_is_an_end_to_open_pages(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepaflow.web.events.PAGES", 0)
    assert inside.ask("GET", "/api/events").code == "EVENTS-FULL"


def test_one_account_leaves_room_for_the_pages_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr("hepaflow.web.events.OWN_PAGES", 2)
    events = Events()

    async def run() -> tuple[bool, bool]:
        pages = [events.listen("greedy", lambda: True) for _ in range(2)]
        for page in pages:
            await anext(page)
        found = events.full("greedy"), events.full("other")
        for page in pages:
            await page.aclose()
        return found

    assert asyncio.run(run()) == (True, False)
    assert not events.full("greedy")


def test_a_study_in_the_trash_is_not_worked_on(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x").write_text("no study")
    with opened(tmp_path / "data") as (client, _):
        answer = client.post("/api/studies", json={"path": str(tmp_path / "in")}).json()
        assert finished(client, answer["job"])["error"]["code"] == "STUDY-EMPTY"
        client.delete(f"/api/studies/{answer['study']}")
        assert client.post(f"/api/jobs/{answer['job']}/resume").json()["error"]["code"] == "STUDY-UNKNOWN"
