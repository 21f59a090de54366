"""What is drawn in a study, as a log that is only added to: every edit with the whole region that it led to.

Nothing is ever changed or removed. An undo is a new version that equals an older one; an edit that came too late is kept with its
result under a version below zero. ``cursor`` is the number of the study's last edit.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.web import drawn as handed
from hepaflow.web import region_rows as rows
from hepaflow.web import tables as t
from hepaflow.web.pictures import working_series
from hepaflow.web.places import MADE_OF
from hepaflow.web.refusals import Conflict, NotThere
from hepaflow.web.region_rows import ALONG, LOST, TOKEN_DIGITS, Deed
from hepaflow.web.region_state import NAMES, RegionState, state_of
from hepaflow.web.room import Room
from hepaflow.web.seals import hold, require_open

#: No more edits than this are late at the same moment.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One version to be written: the region as it will be, and the version that it must follow."""

    state: RegionState
    base: int


def latest(room: Room, study: str) -> dict[str, RegionState]:
    """Every region of a study by name as it stands, deleted ones too. Refused: ``STUDY-UNKNOWN``."""
    rows.take_over(room, study)
    with room.tables.read() as connection:
        return rows.latest(connection, study)


def current(room: Room, study: str) -> dict[str, RegionState]:
    """Every region that is there now, by name. Refused: ``STUDY-UNKNOWN``."""
    return {name: state for name, state in latest(room, study).items() if not state.deleted}


def standing(room: Room, study: str) -> dict[str, Any]:
    """The cursor, and whether there is something to undo or redo."""
    with room.tables.read() as connection:
        done, undone = rows.stacks(connection, study)
        return {"cursor": rows.cursor(connection, study), "undo": bool(done), "redo": bool(undone)}


def listed(room: Room, study: str) -> dict[str, Any]:
    """All regions, deleted ones too, and :func:`standing`, for the page."""
    states = latest(room, study)
    grid = working_series(room.place(study)).value.grid
    return {"regions": [states[name].told(grid) for name in sorted(states, key=_order)], **standing(room, study)}


def one(room: Room, study: str, name: str) -> RegionState:
    """A region as it stands, deleted or not. Refused: ``REGION-UNKNOWN``."""
    state = latest(room, study).get(name)
    if state is None:
        raise NotThere("REGION-UNKNOWN", "there is no such region", "Reload the regions")
    return state


def at_version(room: Room, study: str, name: str, number: int) -> RegionState:
    """One version of a region; those below zero are edits that came too late. Refused: ``VERSION-UNKNOWN``."""
    with room.tables.read() as connection:
        state = rows.at(connection, study, name, number)
        if state is None:
            raise NotThere("VERSION-UNKNOWN", "the region has no such version", "Choose one of its history")
        return rows.settled(connection, study, state)


def history(room: Room, study: str, name: str) -> list[dict[str, Any]]:
    """Every version of a region, oldest first: what was done, by whom and when; edits that came too late among them. Refused: ``REGION-UNKNOWN``."""
    query = sa.select(t.edits).where(t.edits.c.study == study, t.edits.c.region == name).order_by(t.edits.c.id)
    with room.tables.read() as connection:
        found = connection.execute(query).all()
    if not found:
        raise NotThere("REGION-UNKNOWN", "there is no such region", "Reload the regions")
    told = []
    for row in found:
        state = state_of(row)
        facts = {"version": row.version, "kind": row.kind, "who": row.who, "at": row.at, "lost": row.version < 0}
        told.append({**facts, "edit": json.loads(row.edit)["edit"], "voxels": state.bits.count, "deleted": state.deleted})
    return told


def repeated(room: Room, study: str, key: str | None) -> list[str]:
    """Names of the regions that a request of this key already changed, in the order in which it did; none where it was not seen."""
    if key is None:
        return []
    query = sa.select(t.edits.c.region, t.edits.c.edit).where(t.edits.c.study == study, t.edits.c.version > 0)
    named = t.edits.c.edit.contains(f'"key":{json.dumps(key)}', autoescape=True)  # no more than a first sieve
    with room.tables.read() as connection:
        found = connection.execute(query.where(named).order_by(t.edits.c.id)).all()
    return [row.region for row in found if json.loads(row.edit).get("key") == key]


def write(room: Room, study: str, deed: Deed, steps: Sequence[Step]) -> list[RegionState]:
    """Adds one deed's versions, all or none, and says so to the trail and to open pages; the regions as they stand then.

    Refused: ``CASE-SIGNED``; ``REGION-CHANGED`` (409) when somebody else was first with any of them: then ``current`` is told, and what
    the first step would have made is kept under the version that is told as ``lost``.
    """
    token = secrets.token_hex(TOKEN_DIGITS // 2)
    try:
        with room.tables.begin() as connection:
            hold(connection, study)  # an edit's number comes with it: none is ever written below the cursor that somebody has read
            require_open(connection, study)
            for step in steps:
                if rows.version(connection, study, step.state.name) != step.base:
                    raise _LateError(step.state.name)
            written = [rows.add(connection, study, deed, step.state, step.base + 1, token=token) for step in steps]
            told = {"deed": deed.kind, "regions": {state.name: state.version for state in written}}
            detail = {**told, "of": deed.told["by"]} if deed.kind in ALONG else told
            room.tables.audit(connection, study=study, who=deed.who, what="regions-changed", detail=detail)
    except (_LateError, sa.exc.IntegrityError) as late:
        changed = late.name if isinstance(late, _LateError) else steps[0].state.name
        raise _kept(room, study, deed, steps[0].state, changed) from late
    for state in written:
        room.events.tell("regions", {"study": study, "name": state.name, "version": state.version, "who": deed.who})
    return written


def undo(room: Room, study: str, *, cursor: int, who: str) -> list[RegionState]:
    """Takes the last deed back that stands, whoever did it. Refused: ``NOTHING-TO-UNDO``, ``CURSOR-MOVED``, ``CASE-SIGNED``."""
    return _along(room, study, "undo", cursor=cursor, who=who)


def redo(room: Room, study: str, *, cursor: int, who: str) -> list[RegionState]:
    """Does again what was undone last. Refused: ``NOTHING-TO-REDO``, ``CURSOR-MOVED``, ``CASE-SIGNED``."""
    return _along(room, study, "redo", cursor=cursor, who=who)


def write_drawn(room: Room, study: str) -> Path | None:
    """The regions as they stand as a set for an analysis, which no later edit touches; None where nothing is drawn.

    What the room proposed on images that are not corrected yet is left out: the analysis proposes anew, on corrected ones.
    """
    place, states = room.place(study), current(room, study)
    if handed.reference_of(place) is None:
        states = {name: state for name, state in states.items() if not state.provisional}
    if not states:
        return None
    frame = handed.frame_of(place, tuple(states.values()))
    return handed.write(states, working_series(place).value.grid, place.drawn, frame=frame, series_digest=place.known(MADE_OF))


def measured_by(room: Room, study: str) -> dict[str, str]:
    """Who set the caliper of each lesion that has one."""
    with room.tables.read() as connection:
        return rows.measured_by(connection, study)


def drawn_shifts(room: Room, study: str) -> list[dict[str, Any]]:
    """Where readers moved vessels in single passes, as ``inputs.shifts`` of a plan."""
    states = current(room, study)
    return [
        {"region": name, "pass": shift.at_pass, "mm": list(shift.mm)} for name in sorted(states) for shift in states[name].shifts
    ]


def links(room: Room, study: str) -> dict[str, dict[str, str]]:
    """By other study: which of its lesions each lesion of this one is, as readers said."""
    found: dict[str, dict[str, str]] = {}
    for name, state in sorted(current(room, study).items()):
        if state.identity is not None:
            found.setdefault(state.identity.study, {})[name] = state.identity.lesion
    return found


def earlier(room: Room, study: str) -> dict[str, Any] | None:
    """The analysed visit that most lesions are linked to, as what an analysis is given of it: its ``case`` and ``links``; None where there is none.

    A link to a lesion that the other case does not hold (drawn since, or renamed) waits until that visit is analysed again.
    """
    best: dict[str, Any] | None = None
    for other, pairs in links(room, study).items():
        try:
            case = room.place(other).case
            known = {lesion["id"] for lesion in json.loads((case / "lesions.json").read_text(encoding="utf-8"))["lesions"]}
        except (NotThere, OSError):
            continue  # in the trash, or not analysed
        held = {here: there for here, there in pairs.items() if there in known}
        if held and (case / "dicom" / "segmentation.dcm").is_file() and (best is None or len(held) > len(best["links"])):
            best = {"case": str(case), "links": held}
    return best


class _LateError(Exception):
    """Somebody else was first with a region."""

    def __init__(self, name: str) -> None:
        self.name = name


def _kept(room: Room, study: str, deed: Deed, state: RegionState, changed: str) -> Conflict:
    """The conflict to tell, once what came too late is written."""
    late = replace(deed, kind=LOST, told={"kind": deed.kind, **deed.told})
    for left in reversed(range(_AT_ONCE)):
        try:
            with room.tables.begin() as connection:
                hold(connection, study)
                require_open(connection, study)
                number = rows.least_version(connection, study, state.name) - 1
                rows.add(connection, study, late, state, number, token="")
                detail = {"deed": deed.kind, "region": state.name, "version": number}
                room.tables.audit(connection, study=study, who=deed.who, what="regions-late", detail=detail)
            break
        except sa.exc.IntegrityError:  # of all that are late at once, one gets a number at every turn
            if not left:
                raise
    with room.tables.read() as connection:
        there, cursor = rows.latest(connection, study).get(changed), rows.cursor(connection, study)
    grid = working_series(room.place(study)).value.grid
    return Conflict(
        "REGION-CHANGED",
        "somebody else changed the region first",
        "Look at both, and draw yours again if it still holds",
        extra={"current": None if there is None else there.told(grid, points=True), "lost": number, "cursor": cursor},
    )


def _along(room: Room, study: str, way: str, *, cursor: int, who: str) -> list[RegionState]:
    rows.take_over(room, study)
    with room.tables.read() as connection:
        require_open(connection, study)
        if (stands := rows.cursor(connection, study)) != cursor:
            raise Conflict(
                "CURSOR-MOVED", "the regions were changed meanwhile", "Look at them and try again", extra={"cursor": stands}
            )
        done, undone = rows.stacks(connection, study)
        stack = done if way == "undo" else undone
        if not stack and way == "undo":
            raise Conflict("NOTHING-TO-UNDO", "every edit is taken back", "Go on drawing")
        if not stack:
            raise Conflict("NOTHING-TO-REDO", "nothing was taken back since the last edit", "Go on drawing")
        action, states = stack[-1], rows.latest(connection, study)
        steps = [
            Step(_target(connection, study, name, number, undo=way == "undo"), states[name].version) for name, number in action.rows
        ]
    return write(room, study, Deed(way, who, {"of": action.token, "by": action.who}), steps)


def _target(connection: sa.Connection, study: str, name: str, number: int, *, undo: bool) -> RegionState:
    """What version ``number`` of a region made (redo), or what it was made from (undo): nothing, where it was the first."""
    wanted = rows.at(connection, study, name, number - undo)
    if wanted is not None:
        return rows.settled(connection, study, wanted)
    first = rows.at(connection, study, name, number)
    assert first is not None
    return replace(first, deleted=True)


def _order(name: str) -> tuple[int, int, str]:
    """Vessels and organs in their order, then lesions by number."""
    if name in NAMES:
        return NAMES.index(name), 0, name
    tail = name.removeprefix("lesion-")
    return len(NAMES), int(tail) if tail.isdigit() else 10**6, name
