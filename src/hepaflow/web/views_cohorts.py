"""Cohorts over HTTP: a lesion table judged as ``hepaflow study`` does, its rows linked to the room's studies."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from hepaflow.errors import UsageError
from hepaflow.web import cohort_rooms, cohorts
from hepaflow.web.room import Reader, Room, the_reader, the_room

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]
Part = Annotated[str | None, Query(max_length=40)]
_TYPES = {".csv": "text/csv; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json"}


class Asked(BaseModel):
    """One of: a table with its configuration, an example, the room's own studies (with a configuration, if there is one)."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=200)
    csv: str | None = Field(default=None, max_length=16_000_000)
    config: str | None = Field(default=None, max_length=200_000)
    example: str | None = Field(default=None, max_length=40)
    from_studies: bool = False


@router.get("/cohorts")
def every(room: InRoom) -> dict[str, Any]:
    """The list."""
    return {"cohorts": cohort_rooms.every(room)}


@router.post("/cohorts", status_code=202)
def add(asked: Asked, room: InRoom, by: By) -> dict[str, str]:
    """Queues a study of a table. Refused at once: none or several of the three ways, a table that names files of the server."""
    if sum((asked.csv is not None, asked.example is not None, asked.from_studies)) != 1:
        raise UsageError("COHORT-INPUT", "give a table, an example or the room's studies, one of them", "Choose one")
    kind, table = "example", asked.csv
    if asked.example is not None:
        from hepaflow.workflow.cohort_example import example

        example(asked.example)
    else:
        kind = "studies" if asked.from_studies else "table"
        table = cohort_rooms.of_studies(room) if table is None else table
        cohorts.cohort_head(table)
    name = " ".join(asked.name.split()) or asked.example or kind
    folder = cohort_rooms.add(room, name, kind=kind, table=table, config=asked.config or None)
    given = {"folder": str(folder), "example": asked.example}
    with room.tables.begin() as connection:
        job = room.jobs.queue(connection, "cohort", None, given, who=by.name)
        room.tables.audit(
            connection, study=None, who=by.name, what="cohort-asked", detail={"cohort": folder.name, "job": job, "kind": kind}
        )
    cohort_rooms.keep_about(folder, cohort_rooms.about(room, folder) | {"job": job})
    room.jobs.wake(job)
    return {"cohort": folder.name, "job": job}


@router.get("/cohorts/{cohort}")
def one(cohort: str, room: InRoom, part: Part = None) -> dict[str, Any]:
    """A cohort: its table with links to studies, curves and groups to draw, and all of results.json once it is there."""
    folder = cohort_rooms.folder_of(room, cohort)
    home = cohort_rooms.results_folder(folder, part)
    page = cohorts.read_page(home) or {"columns": [], "table": [], "roc": [], "boxes": [], "findings": [], "estimated": False}
    results = home / "results.json"
    return {
        **cohort_rooms.about(room, folder),
        **page,
        "table": cohort_rooms.linked(room, page["table"]),
        "parts": cohort_rooms.parts(folder),
        "results": json.loads(results.read_text(encoding="utf-8")) if results.is_file() else None,
        "files": cohort_rooms.listed(folder, part),
    }


@router.get("/cohorts/{cohort}/report.html")
def report(cohort: str, room: InRoom, part: Part = None) -> Response:
    """The report as one page."""
    folder = cohort_rooms.folder_of(room, cohort)
    path = cohort_rooms.shown(folder, "report.html" if part is None else f"{part}/report.html")
    return FileResponse(path, media_type="text/html; charset=utf-8")


@router.get("/cohorts/{cohort}/files/{name:path}")
def file(cohort: str, name: str, room: InRoom) -> Response:
    """A table, figure or document of the results."""
    path = cohort_rooms.shown(cohort_rooms.folder_of(room, cohort), name)
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    return FileResponse(path, filename=path.name, media_type=kind)
