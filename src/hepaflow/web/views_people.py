"""Who is here, the trail of who did what, further links, and accounts over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hepaflow import __version__
from hepaflow.errors import UsageError
from hepaflow.web import accounts
from hepaflow.web import tables as t
from hepaflow.web.reader_name import reader_name
from hepaflow.web.room import Reader, Room, the_reader, the_room
from hepaflow.web.sessions import Person

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]
#: Entries of the trail in one answer.
MOST_ENTRIES = 1000


class Me(BaseModel):
    """What may be changed of oneself."""

    model_config = ConfigDict(extra="forbid")

    reader: str | None = Field(default=None, min_length=1, max_length=80)
    language: Literal["en", "fr"] | None = None


class Account(BaseModel):
    """An account to be made or changed."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["viewer", "reader", "admin"]
    password: str = Field(min_length=1, max_length=200)


@router.get("/me")
def me(room: InRoom, by: By) -> dict[str, Any]:
    """Who this is."""
    return _told(room, by.name, by.role, by.language)


@router.put("/me")
def change_me(asked: Me, request: Request, room: InRoom, by: By) -> dict[str, Any]:
    """Another language; on loopback another name too. Refused: the name of an account, a name that cannot be signed with."""
    if asked.reader is not None and not room.gate.local:
        raise UsageError("READER-NAME", "the reader's name is that of the account", "Log in with another account")
    name = None if asked.reader is None else reader_name(asked.reader)
    person: Person = room.sessions.change(request.state.session, reader=name, language=asked.language)
    return _told(room, person.reader, by.role, person.language)


@router.post("/logout")
def logout(request: Request, room: InRoom) -> Response:
    """Ends this session."""
    room.sessions.end(request.state.session)
    answer = Response(status_code=204)
    answer.delete_cookie(room.gate.cookie, path="/", httponly=True, samesite="strict", secure=room.gate.scheme == "https")
    return answer


@router.post("/links")
def link(room: InRoom) -> dict[str, str]:
    """A further one-time address on loopback, for another browser on this machine. Refused: where there are accounts."""
    if not room.gate.local:
        raise UsageError("LINK-ACCOUNTS", "people come in by their accounts here", "Make an account")
    return {"path": f"/enter?token={room.sessions.link()}"}


@router.get("/audit")
def audit(room: InRoom, study: str | None = None) -> dict[str, Any]:
    """Who did what, when, the latest first; of one study or of all."""
    query = sa.select(t.audits).order_by(t.audits.c.id.desc()).limit(MOST_ENTRIES)
    if study is not None:
        query = query.where(t.audits.c.study == study)
    with room.tables.read() as connection:
        rows = connection.execute(query).all()
    return {
        "entries": [
            {**{k: row._mapping[k] for k in ("at", "who", "what", "study")}, "detail": json.loads(row.detail)} for row in rows
        ]
    }


@router.get("/accounts")
def every_account(room: InRoom) -> dict[str, Any]:
    """Names and roles."""
    return {"accounts": accounts.every(room.tables)}


@router.put("/accounts/{name}")
def set_account(name: str, asked: Account, room: InRoom, by: By) -> dict[str, Any]:
    """Makes or changes an account; its sessions end. Refused (``ACCOUNT-OWN``): to give up one's own rights."""
    if name == by.account and asked.role != by.role:
        raise _own()
    accounts.add(room.tables, name, role=asked.role, password=asked.password, who=by.name)
    room.sessions.end_all(name)
    return {"accounts": accounts.every(room.tables)}


@router.delete("/accounts/{name}")
def remove_account(name: str, room: InRoom, by: By) -> dict[str, Any]:
    """Takes an account away; its sessions end. Refused (``ACCOUNT-OWN``): one's own, which could be the last that may."""
    if name == by.account:
        raise _own()
    accounts.remove(room.tables, name, who=by.name)
    room.sessions.end_all(name)
    return {"accounts": accounts.every(room.tables)}


def _own() -> UsageError:
    return UsageError("ACCOUNT-OWN", "it is your own account", "Let another admin do it, or use hepaflow account on the server")


def _told(room: Room, reader: str, role: str, language: str) -> dict[str, Any]:
    # with accounts, studies are brought in from folders that are open for it, if any
    paths = room.gate.local or bool(room.folders)
    return {"reader": reader, "role": role, "language": language, "version": __version__, "local": room.gate.local, "paths": paths}
