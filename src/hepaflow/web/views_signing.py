"""Signing over HTTP, the report, the results as archives of files, and sending them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from hepaflow.errors import UsageError
from hepaflow.web import carried, numbers, seals, signing
from hepaflow.web.room import Reader, Room, the_reader, the_room
from hepaflow.web.zipped import members_of, zipped
from hepaflow.workflow import pacs_config

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]


class Signed(BaseModel):
    """Who signs, and what they say."""

    model_config = ConfigDict(extra="forbid")

    reader: str | None = Field(default=None, max_length=400)
    statement: str = Field(default="", max_length=10_000)


class Target(BaseModel):
    """Which archive."""

    model_config = ConfigDict(extra="forbid")

    archive: str = Field(min_length=1, max_length=80)


@router.get("/studies/{study}/sign")
def signature(study: str, room: InRoom) -> dict[str, Any]:
    """The signature that stands, whether everything is still what was signed, those that were taken back, and the links that the DICOM results do not hold."""
    return signing.state(room, study) | {"links_left_out": carried.left_out(room, study)}


@router.post("/studies/{study}/sign")
def sign(study: str, asked: Signed, room: InRoom, by: By) -> dict[str, Any]:
    """Signs the case; with accounts the name is the account's."""
    reader = by.name if not room.gate.local or asked.reader is None else asked.reader
    return signing.sign(room, study, reader=reader, statement=asked.statement)


@router.delete("/studies/{study}/sign")
def reopen(study: str, room: InRoom, by: By) -> dict[str, Any]:
    """Takes the signature back."""
    return signing.reopen(room, study, who=by.name)


@router.get("/studies/{study}/report.html")
def report_html(study: str, room: InRoom, signature: int | None = None) -> Response:
    """The report as one page: as it stands, or as it was signed under that number."""
    return FileResponse(signing.shown(room, study, "report.html", signature), media_type="text/html; charset=utf-8")


@router.get("/studies/{study}/report.pdf")
def report_pdf(study: str, room: InRoom, signature: int | None = None) -> Response:
    """The report on paper: as it stands, or as it was signed under that number."""
    name = f"report-{study}.pdf" if signature is None else f"report-{study}-signature-{signature}.pdf"
    return FileResponse(signing.shown(room, study, "report.pdf", signature), filename=name, media_type="application/pdf")


@router.get("/studies/{study}/results.zip")
def results_zip(study: str, room: InRoom) -> Response:
    """The whole case as files, and what was signed."""
    place = room.place(study)
    members = {f"case/{name}": place.case / name for name in signing.digests(place.case)}
    if (number := signing.standing(room, study)) is not None:
        members |= {f"signed/{name}": path for name, path in members_of(place.results(number)).items()}
    return _download(members, f"results-{study}.zip")


@router.get("/studies/{study}/dicom.zip")
def dicom_zip(study: str, room: InRoom) -> Response:
    """The DICOM results, the signed report among them where there is one."""
    place = room.place(study)
    numbers.case_file(place, "case.json")
    return _download(members_of(place.results(signing.standing(room, study)) / "dicom"), f"dicom-{study}.zip")


@router.post("/studies/{study}/send", status_code=202)
def send(study: str, asked: Target, room: InRoom, by: By) -> dict[str, str]:
    """Queues the sending of the DICOM results. Refused at once: no results, an archive that is not configured."""
    place = room.place(study)
    numbers.case_file(place, "case.json")
    if room.archives is None:
        raise UsageError("PACS-NO-CONFIG", "no archives are configured", "Start hepaflow serve with --archives FILE")
    pacs_config.load(room.archives).peer(asked.archive)
    with room.tables.begin() as connection:
        given = {"config": str(room.archives), "archive": asked.archive, **seals.to_send(connection, place)}
        job = room.jobs.queue(connection, "send", study, given, who=by.name)
        room.tables.audit(connection, study=study, who=by.name, what="send-asked", detail={"job": job, "archive": asked.archive})
    room.jobs.wake(job)
    return {"job": job}


def _download(members: dict[str, Path], name: str) -> Response:
    parts: Iterator[bytes] = zipped(members)
    return StreamingResponse(parts, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'})
