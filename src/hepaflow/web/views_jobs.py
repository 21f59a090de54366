"""Jobs and events over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from hepaflow.web.accounts import role_of
from hepaflow.web.refusals import Refused
from hepaflow.web.room import Reader, Room, the_reader, the_room

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]


@router.get("/jobs/{job}")
def one_job(job: str, room: InRoom) -> dict[str, Any]:
    """How far a job is."""
    return room.jobs.get(job)


@router.delete("/jobs/{job}")
def cancel(job: str, room: InRoom, by: By) -> dict[str, Any]:
    """Ends a job; what is finished of it is kept."""
    found = room.jobs.get(job)
    with room.tables.begin() as connection:
        room.tables.audit(connection, study=found["study"], who=by.name, what="job-cancel-asked", detail={"job": job})
    return room.jobs.cancel(job)


@router.post("/jobs/{job}/resume", status_code=202)
def resume(job: str, room: InRoom, by: By) -> dict[str, Any]:
    """Goes on with a job that failed, was cancelled or interrupted."""
    if (study := room.jobs.get(job)["study"]) is not None:
        room.place(study)
    found = room.jobs.resume(job)
    with room.tables.begin() as connection:
        room.tables.audit(connection, study=found["study"], who=by.name, what="job-resumed", detail={"job": job})
    return found


@router.get("/events")
async def events(request: Request, room: InRoom, by: By) -> StreamingResponse:
    """What happens in the room, as server-sent events, while the session and its account last."""
    if room.events.full(by.account):
        raise Refused("EVENTS-FULL", "too many pages are open", "Close some", wait_s=5, status=503)
    secret: str = request.state.session

    def still() -> bool:
        account = room.sessions.account(secret)
        return account is not None and (room.gate.local or role_of(room.tables, account) is not None)

    return StreamingResponse(room.events.listen(by.account, still), media_type="text/event-stream")
