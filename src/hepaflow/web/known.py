"""Studies that are here already: found again by what they hold, not by name or place, and where the way to a second one leads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.store import atomic
from hepaflow.web import tables as t
from hepaflow.web.refusals import Conflict, shape


def digest_of(row: sa.Row[Any]) -> str:
    """What tells a study from another: the digest of its voxels and headers, else its own id; copies of a study share it."""
    return str(json.loads(row.facts).get("digest") or row.id)


def by_files(connection: sa.Connection) -> dict[str, str]:
    """Identifier of every study of the list by the digest of the files it was brought in from."""
    rows = connection.execute(sa.select(t.studies.c.id, t.studies.c.facts).where(t.studies.c.trashed.is_(None)))
    return {source: row.id for row in rows if (source := json.loads(row.facts).get("files", ""))}


def same(connection: sa.Connection, study: str, *, digest: str, patient_key: str) -> str | None:
    """Another study of the list that holds the same images of the same patient."""
    others = sa.select(t.studies.c.id, t.studies.c.facts).where(
        t.studies.c.trashed.is_(None), t.studies.c.id != study, t.studies.c.patient_key == patient_key
    )
    rows = connection.execute(others.order_by(t.studies.c.added))
    return next((row.id for row in rows if digest and json.loads(row.facts).get("digest") == digest), None)


def take_back(connection: sa.Connection, folder: Path, twin: str) -> dict[str, str]:
    """Takes a study that has just come in a second time off the list; the error that its job ends with, with the ``study`` that is here.

    Of its files nothing is kept: they are copies, and nobody can have drawn on it yet.
    """
    mine = sa.update(t.studies).where(t.studies.c.id == folder.name)
    connection.execute(mine.values(trashed=t.now(), facts=json.dumps({"same_as": twin})))
    gone = folder.parents[1] / "incoming" / folder.name  # what is left there goes at the next start
    with atomic.reporting("the study that is here already"):
        folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)
    return shape(_known(twin)) | {"study": twin}


def leads_to(connection: sa.Connection, study: str) -> str | None:
    """The study of the list that this identifier means: itself, or the one that it turned out to be; None where there is none."""
    row = connection.execute(sa.select(t.studies.c.trashed, t.studies.c.facts).where(t.studies.c.id == study)).one_or_none()
    if row is None or row.trashed is None:
        return None if row is None else study
    twin: Any = json.loads(row.facts).get("same_as")
    return None if twin is None else leads_to(connection, twin)


def refuse_twin(connection: sa.Connection, study: str) -> None:
    """Refused (``STUDY-KNOWN``, with the ``study``): one that turned out to be another of the list."""
    found = leads_to(connection, study)
    if found not in (None, study):
        raise _known(found)


def _known(study: str | None) -> Conflict:
    return Conflict(
        "STUDY-KNOWN", "this study is here already", "Open it; regions in the files can be imported there", extra={"study": study}
    )
