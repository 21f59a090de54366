"""That nothing changes a study which is signed: asked inside the very transaction that would."""

from __future__ import annotations

import sqlalchemy as sa

from hepaflow.web import tables as t
from hepaflow.web.refusals import Conflict


def require_open(connection: sa.Connection, study: str) -> None:
    """Refused (``CASE-SIGNED``): a signed study. Until this transaction ends nobody can sign it; others may change it meanwhile."""
    row = sa.select(t.studies.c.signed).where(t.studies.c.id == study)
    # of SQLite, every transaction that may write is alone; elsewhere the row says who comes first
    if connection.execute(row.with_for_update(read=True)).scalar() is not None:
        raise Conflict("CASE-SIGNED", "the study is signed", "Reopen it first")


def hold(connection: sa.Connection, study: str) -> None:
    """Waits for whoever changes the study, and keeps all others waiting until this transaction ends: for who signs it."""
    connection.execute(sa.select(t.studies.c.id).where(t.studies.c.id == study).with_for_update())
