"""Long work in processes of its own: a queue in the database, progress to every page, cancel, and going on after an interruption."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.errors import HepaflowError, OutputFailed, UsageError
from hepaflow.web import tables as t
from hepaflow.web.child import Child
from hepaflow.web.events import Events
from hepaflow.web.places import fresh_id
from hepaflow.web.refusals import Conflict, NotThere, internal, shape
from hepaflow.web.seals import require_open, require_same

#: What takes every core, and what mostly waits for a disk or an archive: neither holds the other up.
HEAVY, LIGHT = ("analyze", "cohort"), ("import", "retrieve", "send")
KINDS = (*HEAVY, *LIGHT)
#: What writes into a study: none of it may run on one that is signed.
WRITING = ("analyze", "import", "retrieve")
ACTIVE = ("waiting", "running")
#: Progress is told and kept no more often than this.
TELL_S, KEEP_S = 0.2, 2.0

#: Called in the transaction that ends a job: what became of its study is written together with it.
#: An error that it returns is what the job ends with.
Finish = Callable[[sa.Connection, "Ended"], dict[str, str] | None]
#: Called with a job's study when that is written: files follow.
Settle = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that ended: its ``result`` where it is done, else None."""

    kind: str
    study: str | None
    asked: dict[str, Any]
    who: str
    state: str
    result: dict[str, Any] | None


def as_json(row: sa.Row[Any]) -> dict[str, Any]:
    """A job as pages see it."""
    keys = ("id", "study", "kind", "state", "step", "done", "total", "started", "ended")
    return {key: row._mapping[key] for key in keys} | {"error": None if row.error is None else json.loads(row.error)}


class Jobs:
    """The queue of the room in ``data``. ``finish`` is called with what a job made, ``settle`` afterwards; ``heavy`` is how many analyses run at once."""

    def __init__(self, tables: t.Tables, events: Events, data: Path, *, finish: Finish, settle: Settle, heavy: int = 1) -> None:
        self._tables, self._events, self._data, self._finish, self._settle = tables, events, data, finish, settle
        self._slots = {"heavy": heavy, "light": 1}
        self._lock = threading.RLock()
        self._children: dict[str, Child] = {}
        self._lanes: dict[str, str] = {}
        self._closing = False

    def open(self) -> None:
        """Marks what an earlier server left running as interrupted, and goes on with what waits."""
        with self._tables.begin() as connection:
            left = sa.update(t.jobs).where(t.jobs.c.state == "running")
            connection.execute(left.values(state="interrupted", ended=t.now()))
        self._next()

    def start(self, kind: str, study: str | None, asked: dict[str, Any], *, who: str) -> str:
        """Adds a job to the queue; its identifier. Refused: a second job on the same study (``JOB-ACTIVE``), one that would change a signed study (``CASE-SIGNED``), one that would send what is no longer the study's (``SEND-CHANGED``)."""
        if kind not in KINDS:
            raise UsageError("JOB-KIND", "there is no such kind of job", "Use one of the page's own actions")
        with self._lock, self._tables.begin() as connection:
            job = self.queue(connection, kind, study, asked, who=who)
        self.wake(job)
        return job

    def queue(self, connection: sa.Connection, kind: str, study: str | None, asked: dict[str, Any], *, who: str) -> str:
        """Adds a job within a transaction of the caller, who then calls :meth:`wake`."""
        self._tables.in_turn(connection)
        self._refuse_second(connection, study)
        _refuse_changed(connection, kind, study, asked)
        job = fresh_id()
        number = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(t.jobs.c.number), 0))).scalar_one()) + 1
        row = {
            "id": job,
            "number": number,
            "study": study,
            "kind": kind,
            "asked": json.dumps(asked),
            "who": who,
            "state": "waiting",
        }
        connection.execute(sa.insert(t.jobs).values(**row))
        return job

    def wake(self, job: str) -> None:
        """Tells of a job that was queued and starts it when its turn has come."""
        self._tell(job)
        self._next()

    def get(self, job: str) -> dict[str, Any]:
        """A job as pages see it: one that is done when its files are in their place. Refused: ``JOB-UNKNOWN``."""
        with self._lock, self._tables.read() as connection:
            return as_json(self._row(connection, job))

    def cancel(self, job: str) -> dict[str, Any]:
        """Ends a job; finished steps are kept. Nothing happens to one that has ended."""
        with self._lock:
            child = self._children.get(job)
            if child is not None:
                child.stop("cancelled")
            else:
                with self._tables.begin() as connection:
                    row = self._row(connection, job)
                    if row.state in ACTIVE:  # waiting; or its end could not be written down
                        self._ended(connection, row, "cancelled", None, None)
        self._tell(job)
        return self.get(job)

    def resume(self, job: str) -> dict[str, Any]:
        """Queues a job again that failed, was cancelled or interrupted. Refused: any other (``JOB-STATE``), one of another data folder (``JOB-MOVED``), and as :meth:`start`."""
        with self._lock, self._tables.begin() as connection:
            row = self._row(connection, job)
            if row.state not in {"failed", "cancelled", "interrupted"}:
                raise Conflict("JOB-STATE", f"the job is {row.state}", "Resume a job that failed, was cancelled or interrupted")
            self._tables.in_turn(connection)
            self._refuse_second(connection, row.study)
            asked = json.loads(row.asked)
            self._refuse_moved(asked)
            _refuse_changed(connection, row.kind, row.study, asked)
            fresh = {"state": "waiting", "error": None, "started": None, "ended": None, "done": 0, "total": 0, "step": ""}
            connection.execute(sa.update(t.jobs).where(t.jobs.c.id == job).values(**fresh))
        self.wake(job)
        return self.get(job)

    def close(self) -> None:
        """Ends every running job as interrupted; waits for their processes."""
        with self._lock:
            self._closing = True
            children = list(self._children.values())
            for child in children:
                child.stop("interrupted")
        for child in children:
            child.join()

    def _refuse_second(self, connection: sa.Connection, study: str | None) -> None:
        if study is None:
            return
        active = sa.select(t.jobs.c.id).where(t.jobs.c.study == study, t.jobs.c.state.in_(ACTIVE))
        if (other := connection.execute(active).scalar()) is not None:
            raise Conflict(
                "JOB-ACTIVE", "the study is being worked on", "Wait until that has ended, or cancel it", extra={"job": other}
            )

    def _refuse_moved(self, asked: dict[str, Any]) -> None:
        """A job names folders whole: one of a copied room would work in the other."""
        if not Path(asked.get("folder", self._data)).resolve().is_relative_to(self._data.resolve()):
            raise Conflict(
                "JOB-MOVED",
                "the data folder lay elsewhere when the job was asked for",
                "Ask for the same again, as if for the first time",
            )

    def _row(self, connection: sa.Connection, job: str) -> sa.Row[Any]:
        row = connection.execute(sa.select(t.jobs).where(t.jobs.c.id == job)).one_or_none()
        if row is None:
            raise NotThere("JOB-UNKNOWN", "there is no such job", "Reload the page")
        return row

    def _next(self) -> None:
        """Starts what waits, first come first, as far as there is room."""
        with self._lock:
            if self._closing:
                return
            for lane, kinds in (("heavy", HEAVY), ("light", LIGHT)):
                while list(self._lanes.values()).count(lane) < self._slots[lane] and self._begin(lane, kinds):
                    pass

    def _begin(self, lane: str, kinds: tuple[str, ...]) -> bool:
        waiting = sa.select(t.jobs).where(t.jobs.c.state == "waiting", t.jobs.c.kind.in_(kinds)).order_by(t.jobs.c.number)
        with self._tables.begin() as connection:
            row = connection.execute(waiting.limit(1)).one_or_none()
            if row is None:
                return False
            asked = json.loads(row.asked)
            try:
                self._refuse_moved(asked)
                _refuse_changed(connection, row.kind, row.study, asked)
            except Conflict as changed:
                self._ended(connection, row, "failed", None, shape(changed))
                return True
            connection.execute(sa.update(t.jobs).where(t.jobs.c.id == row.id).values(state="running", started=t.now()))
        self._lanes[row.id] = lane
        watch = _Watch(self, row.id)
        self._children[row.id] = Child(row.kind, asked, watch.progress, lambda *end: self._over(row.id, *end))
        self._children[row.id].start()
        self._tell(row.id)
        return True

    def _over(self, job: str, state: str, result: dict[str, Any] | None, error: dict[str, str] | None) -> None:
        """A process ended (called in its own thread)."""
        with self._lock:
            self._children.pop(job, None)
            self._lanes.pop(job, None)
            try:
                self._end(job, state, result, error)
            except Exception as problem:  # nothing of it is written: a disk that is full, a database that is gone
                known = problem if isinstance(problem, HepaflowError) else t.trouble(problem) or internal(problem)
                with contextlib.suppress(sa.exc.SQLAlchemyError):  # whoever cancels the job tries once more
                    self._end(job, "failed", None, shape(known))
        self._tell(job)
        self._next()

    def _end(self, job: str, state: str, result: dict[str, Any] | None, error: dict[str, str] | None) -> None:
        with self._tables.begin() as connection:
            row = self._row(connection, job)
            self._ended(connection, row, state, result, error)
        if row.study is not None:
            with contextlib.suppress(OutputFailed):  # then the next start does it, and until then they are told as stale
                self._settle(row.study)

    def _ended(
        self, connection: sa.Connection, row: sa.Row[Any], state: str, result: dict[str, Any] | None, error: dict[str, str] | None
    ) -> None:
        refused = self._finish(connection, Ended(row.kind, row.study, json.loads(row.asked), row.who, state, result))
        if refused is not None:
            state, error = "failed", refused
        values = {"state": state, "ended": t.now(), "error": None if error is None else json.dumps(error)}
        connection.execute(sa.update(t.jobs).where(t.jobs.c.id == row.id).values(**values))
        detail = {"job": row.id, "kind": row.kind, "state": state, "code": None if error is None else error["code"]}
        self._tables.audit(connection, study=row.study, who=row.who, what="job-ended", detail=detail)

    def _tell(self, job: str) -> None:
        found = self.get(job)
        self._events.tell("job", found)
        if found["study"] is not None:
            self._events.tell("study", {"study": found["study"]})

    def _progress(self, job: str, step: str, done: int, total: int, *, keep: bool) -> None:
        if keep:
            with self._tables.begin() as connection:
                values = {"step": step, "done": done, "total": total}
                connection.execute(sa.update(t.jobs).where(t.jobs.c.id == job).values(**values))
        self._events.tell("job", self.get(job) | {"step": step, "done": done, "total": total})


def _refuse_changed(connection: sa.Connection, kind: str, study: str | None, asked: dict[str, Any]) -> None:
    if study is not None and kind in WRITING:
        require_open(connection, study)
    if study is not None and kind == "send":
        require_same(connection, study, asked)


class _Watch:
    """Progress of one job, thinned out."""

    def __init__(self, jobs: Jobs, job: str) -> None:
        self._jobs, self._job, self._step = jobs, job, ""
        self._told = self._kept = 0.0

    def progress(self, step: str, done: int, total: int) -> None:
        moment = time.monotonic()
        keep = step != self._step or done == total or moment - self._kept > KEEP_S
        if keep or moment - self._told > TELL_S:
            self._jobs._progress(self._job, step, done, total, keep=keep)
            self._told, self._step = moment, step
            self._kept = moment if keep else self._kept
