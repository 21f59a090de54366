"""Rows of the log of edits: versions of regions, read and added; never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from hepaflow.store.codec import Stored
from hepaflow.web import tables as t
from hepaflow.web.region_state import NAMES, Bits, RegionState, state_of
from hepaflow.web.room import Room
from hepaflow.web.shelf import content_key
from hepaflow.web.studies import edits_so_far

#: Kind of an edit that came too late; its version is below zero.
LOST = "lost"
#: Kinds that go along the log instead of adding to what can be undone.
ALONG = ("undo", "redo")
#: Who made the first versions.
BY_ANALYSIS = "hepaflow"

#: Length of the token that versions of one deed share, and what stands before it.
TOKEN_DIGITS = 12
_HEAD = '{"token":"'

_STATE = (t.edits.c.region, t.edits.c.version, t.edits.c.state, t.edits.c.mask, t.edits.c.who, t.edits.c.at)
#: The analysis whose regions were looked at last, by study's folder.
_seen: dict[Path, str] = {}


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does: ``kind`` of edit, ``told`` of it (JSON), a ``key`` by which a repeated request is known."""

    kind: str
    who: str
    told: Mapping[str, Any]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Rows written at once, as (region, version): one deed."""

    token: str
    who: str
    rows: tuple[tuple[str, int], ...]


def latest(connection: sa.Connection, study: str) -> dict[str, RegionState]:
    """The last version of every region by name."""
    newest = (
        sa.select(t.edits.c.region.label("name"), sa.func.max(t.edits.c.version).label("last"))
        .where(t.edits.c.study == study, t.edits.c.version > 0)
        .group_by(t.edits.c.region)
        .subquery()
    )
    query = (
        sa.select(*_STATE)
        .join(newest, sa.and_(t.edits.c.region == newest.c.name, t.edits.c.version == newest.c.last))
        .where(t.edits.c.study == study)
    )
    return {row.region: state_of(row) for row in connection.execute(query)}


def at(connection: sa.Connection, study: str, name: str, version: int) -> RegionState | None:
    """One version of a region; None where there is none."""
    query = sa.select(*_STATE).where(t.edits.c.study == study, t.edits.c.region == name, t.edits.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else state_of(row)


def settled(connection: sa.Connection, study: str, state: RegionState) -> RegionState:
    """What a region that comes back is: of a proposal on images that were not corrected, what an analysis has put in its place since."""
    if not state.provisional:
        return state
    mine = (t.edits.c.study == study, t.edits.c.region == state.name, t.edits.c.kind == t.INITIAL)
    row = connection.execute(sa.select(*_STATE).where(*mine).order_by(t.edits.c.version.desc()).limit(1)).one_or_none()
    return state if row is None else replace(state_of(row), deleted=state.deleted)


def version(connection: sa.Connection, study: str, name: str) -> int:
    """The number of a region's last version; 0 where there is none."""
    query = sa.select(sa.func.coalesce(sa.func.max(t.edits.c.version), 0))
    return max(int(connection.execute(query.where(t.edits.c.study == study, t.edits.c.region == name)).scalar_one()), 0)


def least_version(connection: sa.Connection, study: str, name: str) -> int:
    """The lowest version of a region, below zero where edits came too late; 0 otherwise."""
    query = sa.select(sa.func.coalesce(sa.func.min(t.edits.c.version), 0))
    return min(int(connection.execute(query.where(t.edits.c.study == study, t.edits.c.region == name)).scalar_one()), 0)


def measured_by(connection: sa.Connection, study: str) -> dict[str, str]:
    """Who set the caliper that each lesion has now, whoever changed the lesion since; lesions without one are left out."""
    query = sa.select(t.edits.c.region, t.edits.c.state, t.edits.c.who)
    query = query.where(t.edits.c.study == study, t.edits.c.version > 0).order_by(t.edits.c.id)
    first: dict[tuple[str, str], str] = {}
    now: dict[str, str | None] = {}
    for row in connection.execute(query):
        caliper = json.loads(row.state)["caliper"]
        now[row.region] = None if caliper is None else first.setdefault((row.region, json.dumps(caliper)), row.who)
    return {name: who for name, who in now.items() if who is not None}


def cursor(connection: sa.Connection, study: str) -> int:
    """The number of the study's last edit by a person; 0 where there is none."""
    return edits_so_far(connection, study)


def stacks(connection: sa.Connection, study: str) -> tuple[list[Action], list[Action]]:
    """Deeds that can be undone and redone, the next one last."""
    # an edit may hold thousands of points: its head is enough
    head = sa.func.substr(t.edits.c.edit, 1, len(_HEAD) + TOKEN_DIGITS).label("head")
    query = sa.select(t.edits.c.region, t.edits.c.version, t.edits.c.kind, head, t.edits.c.who)
    query = query.where(t.edits.c.study == study, t.edits.c.version > 0, t.edits.c.kind != t.INITIAL).order_by(t.edits.c.id)
    done: list[Action] = []
    undone: list[Action] = []
    walked: set[str] = set()
    for row in connection.execute(query):
        token = row.head.removeprefix(_HEAD)
        if row.kind in ALONG:
            if token not in walked:
                walked.add(token)
                source, target = (done, undone) if row.kind == "undo" else (undone, done)
                target.append(source.pop())
        elif done and done[-1].token == token:
            done[-1] = replace(done[-1], rows=(*done[-1].rows, (row.region, row.version)))
        else:
            done.append(Action(token, row.who, ((row.region, row.version),)))
            undone.clear()
    return done, undone


def add(connection: sa.Connection, study: str, deed: Deed, state: RegionState, number: int, *, token: str) -> RegionState:
    """Adds a version; rows of one deed share a ``token``. Raises IntegrityError where that version is there already."""
    written = replace(state, version=number, by=deed.who, at=t.now())
    text, mask = written.stored()
    edit = {"token": token, "key": deed.key, "edit": dict(deed.told)}
    row = {
        "study": study,
        "region": written.name,
        "version": number,
        "kind": deed.kind,
        "edit": json.dumps(edit, separators=(",", ":"), allow_nan=False),
        "state": text,
        "mask": mask,
        "who": deed.who,
        "at": written.at,
    }
    connection.execute(sa.insert(t.edits).values(**row))
    return written


def take_over(room: Room, study: str) -> None:
    """Gives the regions of a finished analysis that nobody drew in the room a version: the first, or one after what the room had proposed on
    images as acquired, which an analysis does not take. Refused: ``STUDY-UNKNOWN``.
    """
    place = room.place(study)
    step = place.case / "steps" / "regions"
    if not ((place.case / "case.json").is_file() and (place.corrected / "value.json").is_file() and step.is_dir()):
        return
    key = content_key(step)
    if _seen.get(place.folder) == key:
        return
    names = _names(Stored(step))
    with room.tables.read() as connection:
        known = latest(connection, study)
    fresh = [
        _stored(Stored(step), name, way)
        for name, way in names.items()
        if name not in known or (known[name].provisional and not known[name].deleted)
    ]
    deed = Deed(t.INITIAL, BY_ANALYSIS, {})
    try:
        with room.tables.begin() as connection:
            for state in fresh:
                before = known[state.name].version if state.name in known else 0
                add(connection, study, deed, state, before + 1, token="")
    except sa.exc.IntegrityError:
        return  # another request took the same over, or drew first: the next one looks again
    _seen[place.folder] = key


def _names(stored: Stored) -> dict[str, tuple[str | int, ...]]:
    """Where each region lies in the kept step."""
    there = stored.names()
    found: dict[str, tuple[str | int, ...]] = {name: (name,) for name in NAMES if name in there}
    number = 0
    while True:
        try:
            found[str(stored.part("lesions", number, "id"))] = ("lesions", number, "shells", "whole")
        except IndexError:
            return found
        number += 1


def _stored(stored: Stored, name: str, way: tuple[str | int, ...]) -> RegionState:
    mask, origin = stored.part(*way, "mask"), stored.part(*way, "origin")
    hand = tuple(int(k) for k in np.flatnonzero(mask.any(axis=(1, 2))))
    return RegionState(name, Bits.of(mask), origin=origin, hand=hand, from_case=origin == "proposed")
