"""That nothing changes a study which is signed: asked inside the very transaction that would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hepaflow.web import tables as t
from hepaflow.web.refusals import Conflict

if TYPE_CHECKING:  # a room has jobs, and jobs ask here
    from hepaflow.web.room import Room


def signed(connection: sa.Connection, study: str) -> dict[str, Any] | None:
    """Who signed the study (``reader``) and when (``at``); None where nobody did, or it was taken back.

    In a transaction that writes nobody can sign it until that ends; others may change it meanwhile.
    """
    row = sa.select(t.studies.c.signed).where(t.studies.c.id == study)
    # of SQLite, every transaction that may write is alone; elsewhere the row says who comes first
    found = connection.execute(row.with_for_update(read=True)).scalar()
    return None if found is None else dict(json.loads(found))


def require_open(connection: sa.Connection, study: str) -> None:
    """Refused (``CASE-SIGNED``): a signed study. Until this transaction ends nobody can sign it."""
    if signed(connection, study) is not None:
        raise Conflict("CASE-SIGNED", "the study is signed", "Reopen it first")


def look(room: Room, study: str) -> None:
    """As :func:`require_open`, before long work whose result would be refused; what writes it asks again. Refused too: ``STUDY-UNKNOWN``."""
    room.place(study)
    with room.tables.read() as connection:
        require_open(connection, study)


def hold(connection: sa.Connection, study: str) -> None:
    """Waits for whoever changes the study, and keeps all others waiting until this transaction ends: for who signs it."""
    connection.execute(sa.select(t.studies.c.id).where(t.studies.c.id == study).with_for_update())
