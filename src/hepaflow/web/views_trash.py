"""Studies that were removed from the list, and the way back."""

from __future__ import annotations

import json
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends

from hepaflow.web import known
from hepaflow.web import tables as t
from hepaflow.web.places import in_trash, untrash
from hepaflow.web.refusals import Conflict, NotThere
from hepaflow.web.room import Reader, Room, the_reader, the_room

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]


@router.get("/trash")
def trash(room: InRoom) -> dict[str, Any]:
    """Every study in the trash, the one removed last first. What was deleted from the trash by hand is not told."""
    query = sa.select(t.studies).where(t.studies.c.trashed.is_not(None)).order_by(t.studies.c.trashed.desc())
    with room.tables.read() as connection:
        rows = connection.execute(query).all()
    keys = ("id", "label", "patient", "date", "trashed")
    return {"studies": [{key: row._mapping[key] for key in keys} for row in rows if in_trash(room.data, row.id)]}


@router.post("/trash/{study}/restore")
def restore(study: str, room: InRoom, by: By) -> dict[str, str]:
    """Puts a study back into the list. Refused: one that is not in the trash, and one that was brought in again since (``STUDY-KNOWN``)."""
    if not in_trash(room.data, study):
        raise NotThere("TRASH-UNKNOWN", "there is no such study in the trash", "Reload the list of studies")
    with room.tables.begin() as connection:
        mine = t.studies.c.id == study
        row = connection.execute(sa.select(t.studies).where(mine, t.studies.c.trashed.is_not(None))).one_or_none()
        if row is None:
            raise NotThere("TRASH-UNKNOWN", "there is no such study in the trash", "Reload the list of studies")
        digest = json.loads(row.facts).get("digest", "")
        twin = known.same(connection, study, digest=digest, patient_key=row.patient_key)
        if twin is not None:
            raise Conflict("STUDY-KNOWN", "this study was brought in again", "Remove that one first", extra={"study": twin})
        connection.execute(sa.update(t.studies).where(mine).values(trashed=None))
        room.tables.audit(connection, study=study, who=by.name, what="study-restored", detail={})
        untrash(room.data, study)
    room.events.tell("study", {"study": study})
    return {"study": study}
