"""The room on PostgreSQL: the same rows, the same refusals, and edits of two at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from regions_for_tests import at_once, disc, post, put
from room_for_tests import brought_in, opened
from shown_study import acquired
from tiny_study import tiny, write

from hepaflow.errors import HepaflowError
from hepaflow.web import numbers, regions_log
from hepaflow.web import tables as t
from hepaflow.web.region_rows import Deed
from hepaflow.web.region_state import Bits, RegionState
from hepaflow.web.tables import Tables

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (hepaflow[postgres])")


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [Path(p) for p in [shutil.which("postgres")] if p]
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a server of our own, on a socket in a temporary folder."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server on this machine")
    as_nobody = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}  # it does not run as root
    with tempfile.TemporaryDirectory(prefix="hepaflow-pg-") as folder:
        Path(folder).chmod(0o777)
        data = f"{folder}/db"

        def run(*words: str) -> None:
            subprocess.run(
                words, check=True, capture_output=True, cwd=folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, **as_nobody
            )

        run(f"{programs}/initdb", "-D", data, "-U", "room", "--auth=trust", "-N", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://room@/postgres?host={folder}"
        finally:
            run(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")


def test_a_study_is_brought_in_and_told_of(postgres: str, tmp_path: Path) -> None:
    write(tiny(), tmp_path / "in")
    with opened(tmp_path / "data", database=postgres) as (client, room):
        study = brought_in(client, tmp_path / "in")
        found = client.get(f"/api/studies/{study}").json()
        assert (found["state"], found["passes"], found["patient"]) == ("imported", 6, "Doe Jane")
        assert client.put("/api/me", json={"reader": "Dr Ünal", "language": "fr"}).status_code == 200
        what = [entry["what"] for entry in client.get("/api/audit", params={"study": study}).json()["entries"]]
        assert what == ["job-ended", "import-asked"]
        assert not (room.data / "room.sqlite").exists()
        assert client.delete(f"/api/studies/{study}").status_code == 200
    with opened(tmp_path / "data", database=postgres) as (client, _):  # everything is kept
        assert client.get("/api/me").json()["reader"] == "Dr Ünal"
        assert client.get("/api/studies").json() == {"studies": []}
    with pytest.raises(HepaflowError, match="DATABASE-OTHER-ROOM"), opened(tmp_path / "other", database=postgres):
        pass


def test_what_was_drawn_and_done_cannot_be_changed(postgres: str, tmp_path: Path) -> None:
    tables = Tables(tmp_path, postgres)
    values = {
        "study": "x",
        "region": "liver",
        "version": 1,
        "kind": "brush",
        "edit": "{}",
        "state": "{}",
        "mask": b"\0\xff",
        "who": "T",
    }
    with tables.begin() as connection:
        connection.execute(sa.insert(t.edits).values(**values, at=t.now()))
        tables.audit(connection, study="x", who="T", what="test", detail={})
    forbidden = [sa.delete(t.edits), sa.update(t.edits).values(who="X"), sa.delete(t.audits), sa.text("truncate edits")]
    for statement in forbidden:
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), tables.begin() as connection:
            connection.execute(statement)
    with tables.read() as connection:
        assert connection.execute(sa.select(t.edits.c.mask)).scalar_one() == b"\0\xff"
    tables.close()


def test_of_two_edits_of_one_version_one_is_first(postgres: str, tmp_path: Path) -> None:
    tables = Tables(tmp_path, postgres)
    start, got = threading.Barrier(4), []

    def edit(who: str) -> None:
        values = {
            "study": "y",
            "region": "liver",
            "version": 1,
            "kind": "brush",
            "edit": "{}",
            "state": "{}",
            "who": who,
            "at": t.now(),
        }
        start.wait(60)
        try:
            with tables.begin() as connection:
                connection.execute(sa.insert(t.edits).values(**values))
            got.append(who)
        except sa.exc.IntegrityError:
            pass

    threads = [threading.Thread(target=edit, args=(f"reader {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    tables.close()


def test_a_newer_database_and_one_that_is_not_there_are_refused(postgres: str, tmp_path: Path) -> None:
    tables = Tables(tmp_path, postgres)
    newer = sa.update(t.about).where(t.about.c.key == "schema")
    with tables.begin() as connection:
        connection.execute(newer.values(value=str(t.SCHEMA + 1)))
    with pytest.raises(HepaflowError, match="DATABASE-NEWER"):
        Tables(tmp_path, postgres)
    with tables.begin() as connection:
        connection.execute(newer.values(value=str(t.SCHEMA)))
    tables.close()
    with pytest.raises(HepaflowError, match="DATABASE-UNREACHABLE") as refused:
        Tables(tmp_path, "postgresql+psycopg://room:secret-word@127.0.0.1:1/none?connect_timeout=2")
    assert "secret-word" not in str(refused.value)


def test_of_regions_drawn_at_once_one_is_first_and_none_is_lost(postgres: str, tmp_path: Path) -> None:
    with closing(psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("create database drawn")  # a database belongs to one data folder
    with opened(tmp_path / "data", database=postgres.replace("/postgres?", "/drawn?")) as (client, room):
        study = put(room, acquired())
        post(client, f"/api/studies/{study}/regions/lesion-1", 0, **disc())
        at_once(room, study)
        at = f"/api/studies/{study}/regions"
        back = client.post(f"{at}/undo", json={"cursor": client.get(at).json()["cursor"]}).json()["regions"]
        assert [(one["version"], one["voxels"]) for one in back] == [
            (3, client.get(f"{at}/lesion-1/history").json()["versions"][0]["voxels"])
        ]


def test_an_edit_is_numbered_in_the_order_in_which_others_see_it(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An analysis is told as current while no edit has a higher number than it saw: one that is written later must have one."""
    with closing(psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("create database numbered")
    with opened(tmp_path / "data", database=postgres.replace("/postgres?", "/numbered?")) as (_, room):
        study, mask = put(room, acquired()), np.zeros(acquired().grid.shape, bool)
        mask[2:4, 5:9, 6:10] = True
        audit, numbered, go_on = room.tables.audit, threading.Event(), threading.Event()

        def slow(connection: sa.Connection, *, who: str, **said: Any) -> None:
            if who == "slow":
                numbered.set()
                assert go_on.wait(30)
            audit(connection, who=who, **said)

        monkeypatch.setattr(room.tables, "audit", slow)

        def draw(name: str, who: str) -> threading.Thread:
            step = regions_log.Step(RegionState(name, Bits.of(mask)), 0)
            thread = threading.Thread(target=regions_log.write, args=(room, study, Deed("mask", who, {}), [step]))
            thread.start()
            return thread

        first = draw("lesion-1", "slow")
        assert numbered.wait(30)  # it has its number, and nobody sees it yet
        second = draw("lesion-2", "fast")
        second.join(1.0)
        cursor, seen = numbers.drawn_now(room, study)
        go_on.set()
        first.join()
        second.join()
        after, drawn = numbers.drawn_now(room, study)
        assert set(drawn) == {"lesion-1", "lesion-2"}
        assert after > cursor or set(seen) == set(drawn)


def test_a_text_that_the_database_cannot_hold_is_refused_as_one(postgres: str, tmp_path: Path) -> None:
    with closing(psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("create database texts")
    with opened(tmp_path / "data", database=postgres.replace("/postgres?", "/texts?")) as (client, _):
        answer = client.get("/api/audit", params={"study": "a\0b"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "REQUEST-INVALID")
