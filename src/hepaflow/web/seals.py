"""That nothing changes a study which is signed, and that nothing else is sent than was asked: asked inside the very transaction that would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace
from hepaflow.web.refusals import Conflict, no_such_study
from hepaflow.web.staleness import mark

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
    """Refused (``CASE-SIGNED``): a signed study; one that was put in the trash (``STUDY-UNKNOWN``). Until this transaction ends nobody does either."""
    held = signed(connection, study)
    if connection.execute(sa.select(t.studies.c.trashed).where(t.studies.c.id == study)).scalar() is not None:
        raise no_such_study()
    if held is not None:
        raise Conflict("CASE-SIGNED", "the study is signed", "Reopen it first")


def count(connection: sa.Connection, study: str) -> int:
    """How often the study was signed, by the trail: the number of its last signature."""
    counted = sa.select(sa.func.count()).where(t.audits.c.study == study, t.audits.c.what == "signed")
    return int(connection.execute(counted).scalar_one())


def standing(connection: sa.Connection, study: str) -> int | None:
    """The number of the signature that stands; None where the study is not signed."""
    return None if signed(connection, study) is None else count(connection, study)


def to_send(connection: sa.Connection, place: StudyPlace) -> dict[str, Any]:
    """What there is to send, as a job is asked for it: of which ``signature``, by number, and by its mark of which ``case``."""
    return {"folder": str(place.folder), "signature": standing(connection, place.folder.name), "case": mark(place.case)}


def require_same(connection: sa.Connection, study: str, asked: Mapping[str, Any]) -> None:
    """Refused (``SEND-CHANGED``): sending what is no longer the study's; signed, taken back or analysed anew since it was asked for."""
    now = to_send(connection, StudyPlace(Path(asked["folder"])))
    if any(asked[key] != value for key, value in now.items()):
        raise Conflict("SEND-CHANGED", "the results are others than when they were to be sent", "Look at them, then send those")


def look(room: Room, study: str) -> None:
    """As :func:`require_open`, before long work whose result would be refused; what writes it asks again. Refused too: ``STUDY-UNKNOWN``."""
    room.place(study)
    with room.tables.read() as connection:
        require_open(connection, study)


def hold(connection: sa.Connection, study: str) -> None:
    """Waits for whoever changes the study, and keeps all others waiting until this transaction ends: for who signs it, or draws in it."""
    connection.execute(sa.select(t.studies.c.id).where(t.studies.c.id == study).with_for_update())
