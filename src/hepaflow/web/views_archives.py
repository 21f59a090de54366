"""Archives over HTTP: which there are, what they hold, fetching a study."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from hepaflow.errors import UsageError
from hepaflow.web import studies
from hepaflow.web.room import Reader, Room, the_reader, the_room
from hepaflow.workflow import pacs_config

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]


class Query(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    patient_id: str | None = Field(default=None, max_length=64)
    patient_name: str | None = Field(default=None, max_length=64)
    date: str | None = Field(default=None, max_length=17)
    accession: str | None = Field(default=None, max_length=16)


class Wanted(BaseModel):
    """Which study."""

    model_config = ConfigDict(extra="forbid")

    study_uid: str = Field(min_length=1, max_length=64)


@router.get("/archives")
def every_archive(room: InRoom) -> dict[str, Any]:
    """Names and kinds of the configured archives; none without a configuration."""
    if room.archives is None:
        return {"archives": []}
    return {"archives": [{"name": name, "kind": one.kind} for name, one in pacs_config.load(room.archives).pacs.items()]}


@router.post("/archives/{name}/find")
def find(name: str, asked: Query, room: InRoom, by: By) -> dict[str, Any]:
    """Studies of an archive that match."""
    from dataclasses import asdict

    from hepaflow.dicom.network import archive
    from hepaflow.dicom.network.studies import StudyQuery

    given = {key: value or None for key, value in asked.model_dump().items()}
    rows = archive.find(_config(room).peer(name), StudyQuery(**given))
    with room.tables.begin() as connection:
        room.tables.audit(
            connection, study=None, who=by.name, what="archive-searched", detail={"archive": name, "found": len(rows)}
        )
    return {"studies": [asdict(row) for row in rows]}


@router.post("/archives/{name}/retrieve", status_code=202)
def retrieve(name: str, asked: Wanted, room: InRoom, by: By) -> dict[str, str]:
    """Queues the fetching of a study. Refused at once: an archive that is not configured, a UID that is none."""
    from hepaflow.dicom.network.objects import is_uid

    _config(room).peer(name)
    if not is_uid(asked.study_uid):
        raise UsageError("FETCH-UID", "the study's UID is not one", "Choose a study of the list")
    salt = room.tables.salt().hex()
    with room.tables.begin() as connection:
        place = studies.add(connection, room.data, f"from {name}")
        study = place.folder.name
        given = {
            "folder": str(place.folder),
            "config": str(room.archives),
            "archive": name,
            "study_uid": asked.study_uid,
            "salt": salt,
        }
        job = room.jobs.queue(connection, "retrieve", study, given, who=by.name)
        room.tables.audit(connection, study=study, who=by.name, what="retrieve-asked", detail={"job": job, "archive": name})
    room.jobs.wake(job)
    return {"study": study, "job": job}


def _config(room: Room) -> pacs_config.Config:
    if room.archives is None:
        raise UsageError("PACS-NO-CONFIG", "no archives are configured", "Start hepaflow serve with --archives FILE")
    return pacs_config.load(room.archives)
