"""The room that every handler works in, and the person whose request it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from hepaflow.web.events import Events
from hepaflow.web.jobs import Jobs
from hepaflow.web.places import StudyPlace, place_of
from hepaflow.web.refusals import Conflict, Forbidden, NotThere
from hepaflow.web.sessions import Role, Sessions
from hepaflow.web.tables import Tables

__all__ = ["Conflict", "Forbidden", "Gate", "NotThere", "Reader", "Room", "the_reader", "the_room"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a viewer looks; a reader also edits and signs; an admin also keeps the accounts."""

    name: str
    role: Role
    account: str = "local"
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the server is reached: Host values that are its own, ``https`` or not, ``local``: on loopback, without accounts.

    Browsers send a cookie to every port of a host: the port is in its name, so that two servers do not log each other out.
    """

    hosts: frozenset[str]
    scheme: str = "http"
    local: bool = True
    port: int = 8717

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return f"{'__Host-' if self.scheme == 'https' else ''}hepaflow-{self.port}"


@dataclass(frozen=True, slots=True)
class Room:
    """One server's data folder, database, jobs, events and people."""

    data: Path
    tables: Tables
    jobs: Jobs
    events: Events
    sessions: Sessions
    gate: Gate
    archives: Path | None = field(default=None)
    #: Where accounts may bring studies in from, links resolved.
    folders: tuple[Path, ...] = ()

    def place(self, study: str) -> StudyPlace:
        """The folders of a study. Refused: ``STUDY-UNKNOWN``."""
        return place_of(self.data, study)


def the_room(request: Request) -> Room:
    """The room, for a handler."""
    room: Room = request.app.state.room
    return room


def the_reader(request: Request) -> Reader:
    """The person, as the guard found them."""
    reader: Reader = request.state.reader
    return reader
