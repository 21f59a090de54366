"""Studies over HTTP: the list, bringing one in, its protocol, analysing it, putting it in the trash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from hepaflow.web import arrivals, known, last_analysis, numbers, one_patient, regions_log, seals, studies, uploads
from hepaflow.web import tables as t
from hepaflow.web.places import trash
from hepaflow.web.refusals import Conflict, no_such_study
from hepaflow.web.room import Reader, Room, the_reader, the_room

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]


class Asked(BaseModel):
    """What a request holds; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class OnDisk(Asked):
    """Where the study lies on the server's disks."""

    path: str = Field(min_length=1, max_length=4096)


class Analysis(Asked):
    """How to analyse; what is not given is as in the last analysis, and in the first one as on the command line.

    The report is in ``language``, the reader's own unless given. Where nothing else is other than last, only the report and what holds it are made anew.
    """

    model: str | None = Field(default=None, max_length=40)
    motion: Literal["deformable", "rigid", "none"] | None = None
    compare: bool | None = None
    language: Literal["en", "fr"] | None = None


@router.get("/studies")
def every_study(room: InRoom) -> dict[str, Any]:
    """The list."""
    return {"studies": _listed(room)}


@router.get("/studies/{study}")
def one_study(study: str, room: InRoom) -> dict[str, Any]:
    """One of the list. Refused (``STUDY-KNOWN``, with the ``study`` that is here): one that was here already."""
    with room.tables.read() as connection:
        known.refuse_twin(connection, study)
    room.place(study)
    for found in _listed(room, study):
        return found
    raise no_such_study()  # in the trash


@router.post("/studies", status_code=202)
def bring_in(asked: OnDisk, room: InRoom, by: By) -> dict[str, str]:
    """Brings in a folder, .zip or 4D NIfTI of the server's disks; with accounts, of the folders that are open for it. Refused: any other path,
    one that is not absolute, not there, or inside the data folder.
    """
    arrivals.refuse_outside(room, asked.path)
    return arrivals.bring_in(room, arrivals.judged(room, asked.path), who=by.name)


@router.post("/studies/upload", status_code=202)
async def upload(request: Request, room: InRoom, by: By) -> dict[str, str]:
    """Brings in a .zip sent as the body. Refused: a disk that would be full."""
    name = unquote(request.headers.get("x-name", "")).removesuffix(".zip")
    async with uploads.received(request, room.data) as path:
        return await run_in_threadpool(lambda: arrivals.bring_in(room, path, who=by.name, label=name, uploaded=True))


@router.delete("/studies/{study}")
def put_away(study: str, room: InRoom, by: By, signed: bool = False) -> dict[str, str]:
    """Moves a study to the trash; nothing is destroyed. Refused: while a job works on it; one that is signed, unless the request says so."""
    room.place(study)
    with room.tables.begin() as connection:
        active = sa.select(t.jobs.c.id).where(t.jobs.c.study == study, t.jobs.c.state.in_(("waiting", "running")))
        if (job := connection.execute(active).scalar()) is not None:
            raise Conflict(
                "JOB-ACTIVE", "the study is being worked on", "Wait until that has ended, or cancel it", extra={"job": job}
            )
        signature = seals.signed(connection, study)
        if signature is not None and not signed:
            raise Conflict("STUDY-SIGNED", "the study is signed", "Say signed=true to remove it all the same")
        connection.execute(sa.update(t.studies).where(t.studies.c.id == study).values(trashed=t.now()))
        detail = {} if signature is None else {"reader": signature["reader"], "at": signature["at"]}
        room.tables.audit(connection, study=study, who=by.name, what="study-trashed", detail=detail)
        trash(room.data, study)
    room.events.tell("study", {"study": study})
    return {"study": study}


@router.get("/studies/{study}/protocol")
def protocol(study: str, room: InRoom, by: By, language: Literal["en", "fr"] | None = None) -> dict[str, Any]:
    """Every rule of the protocol check, the flags, and how the study was acquired, in the reader's language or another."""
    from hepaflow.report.words import Words

    room.place(study)
    with room.tables.read() as connection:
        facts = studies.facts(connection, study)
    words = Words(language or by.language)
    rules = [
        {**rule, "title": words(f"rule_{rule['key']}"), "text": rule["text"][language or by.language]}
        for rule in facts.get("rules", [])
    ]
    return {"of": facts["of"], "rules": rules, "flags": facts.get("flags", []), "acquisition": facts.get("acquisition", {})}


@router.post("/studies/{study}/analyze", status_code=202)
def analyze(study: str, asked: Analysis, room: InRoom, by: By) -> dict[str, str]:
    """Queues the command line's analysis with the regions as they are now."""
    from hepaflow.workflow.plan import load

    place = room.place(study)
    if not (place.acquired / "value.json").exists():
        raise Conflict("STUDY-NOT-READY", "the study is not brought in", "Wait until it is, or bring it in again")
    seals.look(room, study)
    drawn = _drawn(room, study)
    chosen = _chosen(asked, last_analysis.choices(numbers.analysed(room, study), place.case) or {})
    plan = {"model": chosen["model"], "motion__method": chosen["motion"], "compare": chosen["compare"] or None}
    plan |= {"language": asked.language or by.language, "inputs__shifts": drawn.shifts or None}
    load(None, **plan)  # refused before anything is queued
    given = {"folder": str(place.folder), "drawn": drawn.path, "plan": plan, "cursor": drawn.cursor}
    given["earlier"] = regions_log.earlier(room, study)
    with room.tables.begin() as connection:
        given["first_visit"] = one_patient.at_first_visit(connection, study)
        job = room.jobs.queue(connection, "analyze", study, given, who=by.name)
        detail = {"job": job, **chosen, "language": plan["language"], "edits": drawn.cursor}
        room.tables.audit(connection, study=study, who=by.name, what="analysis-asked", detail=detail)
    room.jobs.wake(job)
    return {"job": job}


def _chosen(asked: Analysis, last: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, else what was done last, else None: the default."""
    said = asked.model_dump()
    return {key: last.get(key) if said[key] is None else said[key] for key in last_analysis.CHOICES}


def _listed(room: Room, only: str | None = None) -> list[dict[str, Any]]:
    with room.tables.read() as connection:
        return studies.listed(connection, room.data, only)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What an analysis is given of the regions: where they lie, what was shifted by hand, up to which edit."""

    path: str | None
    shifts: list[dict[str, Any]]
    cursor: int


def _drawn(room: Room, study: str) -> _Drawn:
    """The regions as they are at one moment. Refused (``REGIONS-MOVING``): somebody draws too fast to find one."""
    for _ in range(5):
        cursor = _edits(room, study)
        path, shifts = regions_log.write_drawn(room, study), regions_log.drawn_shifts(room, study)
        if _edits(room, study) == cursor:
            return _Drawn(None if path is None else str(path), shifts, cursor)
    raise Conflict("REGIONS-MOVING", "the regions change all the time", "Ask again when nobody draws")


def _edits(room: Room, study: str) -> int:
    with room.tables.read() as connection:
        return studies.edits_so_far(connection, study)
