"""Regions over HTTP: the list, their voxels, edits with the version they were made on, undo, history, and sets brought in as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from hepaflow.errors import InputRefused
from hepaflow.web import calipers, import_regions, readings, refusals, region_facts, regions_log, seals, uploads
from hepaflow.web.pictures import motion_method, reference_pass, require_pass, working_series, working_set
from hepaflow.web.region_asks import Base, Cursor, Edit, Index, Version
from hepaflow.web.region_edits import Ground, applied, fresh, shown
from hepaflow.web.region_rows import Deed
from hepaflow.web.region_state import NAMES, Identity, RegionState, kind_of
from hepaflow.web.regions_log import Step
from hepaflow.web.room import Reader, Room, the_reader, the_room
from hepaflow.web.same_patient import check_identity, require_free, require_unlinked
from hepaflow.web.searches import SEARCHES

router = APIRouter(prefix="/api/studies/{study}/regions")
#: Kinds of edits that say where something lies.
DRAWN = ("shapes", "brush", "click", "mask")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]


class Asked(BaseModel):
    """What a request holds; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Edited(Asked):
    """An edit, the version that it was made on (0: a new region), a key of its own, and the pass of which images was on screen."""

    base: Base
    edit: Edit
    key: Annotated[str, Field(min_length=8, max_length=64)] | None = None
    at_pass: Index | None = Field(default=None, alias="pass")
    which: Literal["acquired", "corrected"] | None = Field(default=None, alias="set")


class At(Asked):
    """Where the log stood when the person looked."""

    cursor: Cursor


class Nothing(Asked):
    """No choice to make."""


class Restored(Asked):
    """An older version, or one that came too late (below zero), to be made the newest."""

    version: Version
    base: Base


@router.get("")
def every_region(study: str, room: InRoom) -> dict[str, Any]:
    """All regions, those deleted too, and where the log stands. Whoever looks at regions soon draws: what a click needs is begun."""
    found = regions_log.listed(room, study)
    SEARCHES.begin(working_series(room.place(study)))
    return found


@router.post("/undo")
def undo(study: str, asked: At, room: InRoom, by: By) -> dict[str, Any]:
    """Takes the last edit back."""
    return _changed(room, study, regions_log.undo(room, study, cursor=asked.cursor, who=by.name))


@router.post("/redo")
def redo(study: str, asked: At, room: InRoom, by: By) -> dict[str, Any]:
    """Does again what was undone."""
    return _changed(room, study, regions_log.redo(room, study, cursor=asked.cursor, who=by.name))


@router.post("/propose")
def propose(study: str, asked: Nothing, room: InRoom, by: By) -> dict[str, Any]:
    """Proposes whatever of vessels, spleen, liver and healthy liver is missing; what cannot be found is told, not refused."""
    del asked
    seals.look(room, study)
    states = regions_log.latest(room, study)
    ground = _ground(room, study, states)
    steps: list[Step] = []
    refused: list[dict[str, Any]] = []
    # one search for all of them: as an analysis would propose them
    finder = SEARCHES.finder(ground.held, ground.drawn)
    for name in NAMES:
        if name in ground.drawn:
            continue
        try:
            steps.append(Step(shown(finder, name, fresh(name, ground), ground), states[name].version if name in states else 0))
        except InputRefused as error:
            refused.append({"name": name, "error": refusals.shape(error)})
    written = regions_log.write(room, study, Deed("propose", by.name, {}), steps) if steps else []
    return {**_changed(room, study, written), "refused": refused}


@router.post("/import")
async def from_files(study: str, request: Request, room: InRoom, by: By) -> dict[str, Any]:
    """Brings in a set sent as a .zip: a label map with its JSON, DICOM SEG or RTSTRUCT; regions of the same names are replaced, which can be undone."""
    await run_in_threadpool(seals.look, room, study)
    async with uploads.received(request, room.data) as path:
        return await run_in_threadpool(_brought_in, room, study, path, by.name)


@router.get("/{name}/mask")
def mask(study: str, name: str, room: InRoom) -> Response:
    """The voxels: packed bits of the box that the header tells, in the order k, j, i."""
    state = regions_log.one(room, study, name)
    head = {"X-Box": ",".join(map(str, state.bits.box)), "X-Version": str(state.version), "Cache-Control": "no-store"}
    return Response(state.bits.packed, media_type="application/octet-stream", headers=head)


@router.get("/{name}/shapes")
def outlines(study: str, name: str, room: InRoom) -> Response:
    """The outlines by slice, with all their points: the list leaves them out."""
    state = regions_log.one(room, study, name)
    return JSONResponse({"version": state.version, "shapes": state.shapes_told()})


@router.get("/{name}/caliper")
def caliper(study: str, name: str, room: InRoom) -> dict[str, Any]:
    """The two axes that the lesion's voxels suggest; nothing is written."""
    if kind_of(name) != "lesion":
        raise InputRefused("CALIPER-NOT-A-LESION", "only lesions are measured with the caliper", "Choose a lesion")
    state = regions_log.one(room, study, name)
    grid = working_series(room.place(study)).value.grid
    return {"caliper": calipers.proposed(state.mask, grid).told(), "version": state.version}


@router.get("/{name}/viable")
def viable(study: str, name: str, room: InRoom) -> dict[str, Any]:
    """The axes of what of a lesion enhances in the arterial phase more than healthy liver; nothing is written."""
    return readings.proposed(room.place(study), regions_log.current(room, study), name)


@router.get("/{name}/facts")
def facts(
    study: str,
    name: str,
    room: InRoom,
    which: Annotated[str | None, Query(alias="set", max_length=20)] = None,
    at_pass: Annotated[int | None, Query(alias="pass", ge=0, lt=100_000)] = None,
) -> dict[str, Any]:
    """Mean HU and SD in a pass, the reference unless told otherwise, and a lesion's longest diameter."""
    return region_facts.facts(room.place(study), regions_log.one(room, study, name), which=which, at_pass=at_pass)


@router.get("/{name}/history")
def history(study: str, name: str, room: InRoom) -> dict[str, Any]:
    """Every version: what was done, who did it and when; edits that came too late among them."""
    room.place(study)
    return {"versions": regions_log.history(room, study, name)}


@router.post("/{name}/restore")
def restore(study: str, name: str, asked: Restored, room: InRoom, by: By) -> Response:
    """Makes an older version, or one that came too late, the newest."""
    room.place(study)
    state = regions_log.at_version(room, study, name, asked.version)
    if state.identity is not None and not state.deleted:
        require_free(regions_log.current(room, study), name, state.identity)
    deed = Deed("restore", by.name, {"version": asked.version})
    return _told(room, study, regions_log.write(room, study, deed, [Step(state, asked.base)])[0])


@router.post("/{name}")
def edit(study: str, name: str, asked: Edited, room: InRoom, by: By) -> Response:
    """Applies an edit to the version that it was made on. Refused (409): somebody else was first; the edit is kept all the same."""
    kind_of(name)
    if done := regions_log.repeated(room, study, asked.key):
        return _told(room, study, regions_log.one(room, study, done[0]))
    seals.look(room, study)
    states = regions_log.latest(room, study)
    there, base = states.get(name), asked.base
    if base == 0 and there is not None and there.deleted:
        start, base = None, there.version  # drawn anew
    else:
        start = None if base == 0 else there if there and there.version == base else regions_log.at_version(room, study, name, base)
    if asked.edit.kind in DRAWN and asked.which == "acquired":
        _refuse_elsewhere(room, study, asked.at_pass)
    ground = _ground(room, study, states, frame=asked.at_pass, by=by.name)
    state = applied(asked.edit, name, None if start is None or start.deleted else start, ground)
    told = asked.edit.model_dump(mode="json", by_alias=True, exclude={"bits"})  # the voxels are kept in the version itself
    deed = Deed(asked.edit.kind, by.name, told, key=asked.key)
    if start is not None and state.name == name and state.same_as(start) and there is not None and there.version == base:
        return _told(room, study, there)  # nothing changed: no version, no event
    if state.name == name:
        return _told(room, study, regions_log.write(room, study, deed, [Step(state, base)])[0])
    assert start is not None
    require_unlinked(room, study, name, state.name)
    gone = Step(RegionState(name, start.bits, origin=start.origin, deleted=True), base)
    renamed = Step(state, states[state.name].version if state.name in states else 0)
    return _told(room, study, regions_log.write(room, study, deed, [renamed, gone])[0])


def _brought_in(room: Room, study: str, path: Path, who: str) -> dict[str, Any]:
    found = import_regions.read(path, room.place(study))
    states = regions_log.latest(room, study)
    steps = [Step(state, states[state.name].version if state.name in states else 0) for state in found.states]
    written = regions_log.write(room, study, Deed("import", who, {"regions": len(steps)}), steps)
    return {**_changed(room, study, written), "flags": list(found.flags)}


def _refuse_elsewhere(room: Room, study: str, at_pass: int | None) -> None:
    """Refused (``DRAWN-ELSEWHERE``): where passes are aligned, what lies where an unaligned pass other than the reference shows it."""
    place = room.place(study)
    if working_set(place) == "corrected" and at_pass != reference_pass(place) and motion_method(place) != "none":
        raise InputRefused(
            "DRAWN-ELSEWHERE",
            "it was drawn on a pass as acquired, where organs lie elsewhere than in the aligned images",
            "Turn to the aligned images, and draw it there",
        )


def _ground(room: Room, study: str, states: dict[str, RegionState], *, frame: int | None = None, by: str = "") -> Ground:
    place = room.place(study)
    held = working_series(place)
    if frame is not None:
        require_pass(frame, held.value)
    corrected = working_set(place) == "corrected"
    drawn = {name: state for name, state in states.items() if not state.deleted}

    def check(lesion: str, identity: Identity) -> None:
        require_free(drawn, lesion, identity)
        check_identity(room, study, lesion, identity)

    return Ground(held, drawn, None if corrected else frame, check, corrected, by, frame)


def _changed(room: Room, study: str, written: list[RegionState]) -> dict[str, Any]:
    grid = working_series(room.place(study)).value.grid
    return {"regions": [state.told(grid) for state in written], **regions_log.standing(room, study)}


def _told(room: Room, study: str, state: RegionState) -> Response:
    grid = working_series(room.place(study)).value.grid
    return JSONResponse(state.told(grid, points=True))  # as it is: one more look at every point would take longest of all
