"""The SQLite database: whole across a kill, shared by many threads, and nobody's who is newer."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from hepaflow.errors import HepaflowError
from hepaflow.web import tables as t
from hepaflow.web.tables import Tables


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    tables = Tables(tmp_path)
    with tables.begin() as connection:
        connection.execute(sa.update(t.about).where(t.about.c.key == "schema").values(value=str(t.SCHEMA + 1)))
    tables.close()
    with pytest.raises(HepaflowError, match="DATABASE-NEWER"):
        Tables(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_none_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "room.sqlite").write_bytes(content)
    with pytest.raises(HepaflowError, match="DATABASE-UNREACHABLE"):
        Tables(tmp_path)
    assert (tmp_path / "room.sqlite").read_bytes() == content


@pytest.mark.parametrize("url", ["nonsense", "nodb://x", "postgresql+nodriver://x", "sqlite"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(HepaflowError, match="DATABASE-"):
        Tables(tmp_path, url)


def test_many_threads_write_and_read_at_once(tmp_path: Path) -> None:
    tables, failed = Tables(tmp_path), []

    def work(name: int) -> None:
        try:
            for _ in range(20):
                with tables.begin() as connection:
                    count = connection.execute(sa.select(sa.func.count()).select_from(t.audits)).scalar_one()
                    tables.audit(connection, study=None, who=str(name), what="test", detail={"count": count})
                with tables.read() as connection:
                    connection.execute(sa.select(t.audits)).all()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with tables.read() as connection:  # no transaction saw what another was about to change
        seen = [row.detail for row in connection.execute(sa.select(t.audits).order_by(t.audits.c.id))]
    assert seen == [f'{{"count": {n}}}' for n in range(120)]
    tables.close()


def test_what_was_told_to_be_kept_outlives_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from hepaflow.web.tables import Tables\n"
        f"tables = Tables(pathlib.Path({str(tmp_path)!r}))\n"
        "for n in range(1000):\n"
        "    with tables.begin() as connection:\n"
        "        tables.audit(connection, study=None, who='x', what='test', detail={'n': n})\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(25)]
        process.kill()
        said += [int(line) for line in process.stdout.read().split()]
    tables = Tables(tmp_path)
    with tables.read() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(t.audits)).scalar_one()
    assert kept in {len(said), len(said) + 1}
    tables.close()
