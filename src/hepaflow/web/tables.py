"""The reading room's database: SQLite beside the studies, or PostgreSQL. What was drawn and what was done is only ever added to."""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.errors import HepaflowError, OutputFailed, UsageError
from hepaflow.web.refusals import Refused

SCHEMA = 1
_metadata = sa.MetaData()

about = sa.Table("about", _metadata, sa.Column("key", sa.String(40), primary_key=True), sa.Column("value", sa.Text, nullable=False))
studies = sa.Table(
    "studies",
    _metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("added", sa.String(32), nullable=False),
    sa.Column("trashed", sa.String(32)),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False, default=""),
    sa.Column("patient_key", sa.String(64), nullable=False, default=""),
    sa.Column("date", sa.String(10), nullable=False, default=""),
    # what the protocol check and the assembled series say of the study, and what the last analysis did
    sa.Column("facts", sa.Text, nullable=False, default="{}"),
    sa.Column("analysed", sa.Text),
    sa.Column("signed", sa.Text),
)
jobs = sa.Table(
    "jobs",
    _metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("study", sa.String(16), index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("step", sa.String(40), nullable=False, default=""),
    sa.Column("done", sa.Integer, nullable=False, default=0),
    sa.Column("total", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.Text),
    sa.Column("started", sa.String(32)),
    sa.Column("ended", sa.String(32)),
)
edits = sa.Table(
    "edits",
    _metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("study", sa.String(16), nullable=False),
    sa.Column("region", sa.String(80), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("edit", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("mask", sa.LargeBinary),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.UniqueConstraint("study", "region", "version"),
    sqlite_autoincrement=True,
)
audits = sa.Table(
    "audit",
    _metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.String(40), nullable=False),
    sa.Column("study", sa.String(16), index=True),
    sa.Column("detail", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
people = sa.Table(
    "people",
    _metadata,
    sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("reader", sa.Text, nullable=False),
    sa.Column("language", sa.String(2), nullable=False),
)
accounts = sa.Table(
    "accounts",
    _metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("role", sa.String(8), nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("added", sa.String(32), nullable=False),
)
#: Kind of the first versions of regions, taken over from an analysis: nobody's edit, and nothing to undo.
INITIAL = "initial"
#: Rows of these are never changed or removed, by this program or by anyone with its database.
APPEND_ONLY = ("edits", "audit")


def now() -> str:
    """The time, UTC, to the millisecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Tables:
    """The database at ``url`` (SQLAlchemy), by default a SQLite file in the data folder.

    Refused: a database of a newer version, one that cannot be reached (``DATABASE-UNREACHABLE``; the URL may hold a password and is not told).
    """

    def __init__(self, data: Path, url: str | None = None) -> None:
        try:
            self.engine = _engine(url or f"sqlite:///{data / 'room.sqlite'}")
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
            raise UsageError(
                "DATABASE-URL",
                "the database's URL is none, or its driver is not installed",
                "Write postgresql+psycopg://USER@HOST/NAME and install hepaflow[postgres]",
            ) from error
        try:
            self._prepare()
        except HepaflowError:
            self.engine.dispose()
            raise
        except sa.exc.SQLAlchemyError as error:
            self.engine.dispose()
            raise OutputFailed(
                "DATABASE-UNREACHABLE", "the database cannot be opened", "Check that it runs, its address and its rights"
            ) from error

    def _prepare(self) -> None:
        with self.engine.begin() as connection:
            self.in_turn(connection)  # two servers must not make the tables at once
            _metadata.create_all(connection)
            found = connection.execute(sa.select(about.c.value).where(about.c.key == "schema")).scalar()
            if found is None:
                fresh = {"schema": str(SCHEMA), "salt": secrets.token_hex(32)}
                connection.execute(sa.insert(about), [{"key": key, "value": value} for key, value in fresh.items()])
                for statement in _append_only(self.engine.dialect.name):
                    connection.exec_driver_sql(statement)
            elif int(found) > SCHEMA:
                raise UsageError(
                    "DATABASE-NEWER", "the database was made by a newer hepaflow", "Use that version, or another data folder"
                )

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction that may write: all of it or nothing."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads; it waits for no writer."""
        with self.engine.connect().execution_options(reads=True) as connection:
            yield connection

    def in_turn(self, connection: sa.Connection) -> None:
        """Makes this transaction wait for others of its kind, where reading first and writing then must not mix with theirs."""
        if self.engine.dialect.name == "postgresql":  # of SQLite, every transaction that may write is alone
            connection.execute(sa.text("select pg_advisory_xact_lock(76301)"))

    def claim(self, folder: str) -> None:
        """Ties the database to a data folder. Refused (``DATABASE-OTHER-ROOM``): one that belongs to another."""
        with self.begin() as connection:
            self.in_turn(connection)
            owner = connection.execute(sa.select(about.c.value).where(about.c.key == "folder")).scalar()
            if owner is None:
                connection.execute(sa.insert(about).values(key="folder", value=folder))
            elif owner != folder:
                raise UsageError(
                    "DATABASE-OTHER-ROOM", "the database belongs to another data folder", "Give that folder, or another database"
                )

    def audit(self, connection: sa.Connection, *, study: str | None, who: str, what: str, detail: dict[str, Any]) -> None:
        """Adds to the trail of who did what, in the same transaction as the deed."""
        row = {"at": now(), "who": who, "what": what, "study": study, "detail": json.dumps(detail, sort_keys=True)}
        connection.execute(sa.insert(audits).values(**row))

    def salt(self) -> bytes:
        """What digests of patients are salted with, of this database only."""
        with self.read() as connection:
            return bytes.fromhex(str(connection.execute(sa.select(about.c.value).where(about.c.key == "salt")).scalar_one()))

    def close(self) -> None:
        """Gives every connection back."""
        self.engine.dispose()


def trouble(error: BaseException) -> HepaflowError | None:
    """What to tell of a database that is full, read-only or does not answer, or takes no such text; None of any other error."""
    if isinstance(error, sa.exc.DataError):  # PostgreSQL has no text with an end of text in it
        return UsageError("REQUEST-INVALID", "the request holds what no text may hold", "Send what the page sends")
    if not isinstance(error, sa.exc.OperationalError):
        return None
    said = str(error.orig)
    if "readonly" in said:
        return OutputFailed(
            "OUTPUT-DENIED", "the database may not be written (read-only or not permitted)", "Check the disk and its rights"
        )
    if "full" in said or "No space left" in said:
        return OutputFailed("OUTPUT-NO-SPACE", "no space left for the database", "Free space, then try again")
    return Refused("DATABASE-BUSY", "the database does not answer", "Try again in a moment", status=503, wait_s=2)


def _engine(url: str) -> sa.Engine:
    made = sa.make_url(url)
    if made.get_backend_name() != "sqlite":
        return sa.create_engine(made, pool_size=5, max_overflow=15, pool_pre_ping=True)
    engine = sa.create_engine(made, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=5, max_overflow=15)

    @sa.event.listens_for(engine, "connect")
    def _connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # we begin transactions ourselves: the driver's own begin comes too late for a lock
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            raw.execute(f"pragma {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        # a transaction that starts by reading and then writes could find the database locked by another such one
        connection.exec_driver_sql("begin" if connection.get_execution_options().get("reads") else "begin immediate")

    return engine


def _append_only(dialect: str) -> list[str]:
    """Statements that make the database itself refuse to change or remove what was drawn and done."""
    if dialect == "sqlite":
        return [
            f"create trigger {table}_no_{verb} before {verb} on {table} begin select raise(abort, 'only added to'); end"
            for table in APPEND_ONLY
            for verb in ("update", "delete")
        ]
    if dialect != "postgresql":
        return []
    made = [
        "create or replace function hepaflow_only_added() returns trigger language plpgsql as "
        "$$ begin raise exception 'only added to'; end $$"
    ]
    return made + [
        f"create trigger {table}_only_added before update or delete or truncate on {table} execute function hepaflow_only_added()"
        for table in APPEND_ONLY
    ]
