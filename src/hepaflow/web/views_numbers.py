"""Numbers over HTTP: live ones of what is drawn, those of the last analysis, and those of other visits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from hepaflow.errors import UsageError
from hepaflow.web import numbers
from hepaflow.web.drawn import flags_of
from hepaflow.web.refusals import NotThere
from hepaflow.web.room import Reader, Room, the_reader, the_room

if TYPE_CHECKING:
    from hepaflow.report.words import Words
    from hepaflow.web.live import Lives

router = APIRouter(prefix="/api")
InRoom = Annotated[Room, Depends(the_room)]
By = Annotated[Reader, Depends(the_reader)]
Language = Literal["en", "fr"] | None
Name = Annotated[str, Field(min_length=1, max_length=80)]


class Question(BaseModel):
    """Which numbers: of a ``model``, of these ``lesions`` (all unless given) in their order and their ``parts``; after ``patience_s`` with
    those that there are, the first at least.
    """

    model_config = ConfigDict(extra="forbid")

    model: Name | None = None
    lesions: list[Name] | None = Field(default=None, max_length=200)
    parts: list[Name] | None = Field(default=None, max_length=5)
    patience_s: float = Field(default=math.inf, ge=0)


class Compared(BaseModel):
    """One curve: ``healthy``, or a ``part`` of a lesion."""

    model_config = ConfigDict(extra="forbid")

    region: Name
    part: Name = "whole"


def _lives() -> Lives:
    """Loaded when numbers are asked for: the server starts without the libraries that compute them."""
    from hepaflow.web.live import LIVES

    return LIVES


def _words(language: str) -> Words:
    from hepaflow.report.words import Words

    return Words(language)


@router.post("/studies/{study}/numbers")
def live(study: str, asked: Question, room: InRoom, by: By, language: Language = None) -> dict[str, Any]:
    """Inputs, healthy liver and lesions of the regions as they are drawn now; ratings in the reader's language or another."""
    place, lives = room.place(study), _lives()
    cursor, drawn = numbers.drawn_now(room, study)
    found = lives.of(place).numbers(drawn, model=asked.model, lesions=asked.lesions, parts=asked.parts, patience_s=asked.patience_s)
    flags = flags_of(place, drawn.values())
    return numbers.told(found, drawn, cursor=cursor, words=_words(language or by.language), flags=flags)


@router.post("/studies/{study}/numbers/compare")
def compare(study: str, asked: Compared, room: InRoom, by: By, language: Language = None) -> dict[str, Any]:
    """Every model on the healthy liver and on one curve, as in comparison.json, computed now; sentences in the reader's language or another."""
    from hepaflow.workflow.compared import case_object

    place = room.place(study)
    cursor, drawn = numbers.drawn_now(room, study)
    lesion = None if asked.region == "healthy" else asked.region
    compared, lesions = _lives().of(place).compare(drawn, lesion=lesion, part=asked.part)
    told = case_object(compared, lesions, language=language or by.language)
    return {"cursor": cursor, "region": asked.region, "part": asked.part, **told}


@router.get("/studies/{study}/regions/{name}/parts/{part}/mask")
def part_mask(study: str, name: str, part: str, room: InRoom) -> Response:
    """The voxels of a part of a lesion as bits of their box."""
    place = room.place(study)
    _, drawn = numbers.drawn_now(room, study)
    packed = _lives().of(place).outlined(drawn, name).parts.get(part)
    if packed is None:
        raise NotThere("PART-UNKNOWN", "the lesion has no such part", "Ask for vascular, rim, core or surround")
    headers = {"X-Box": ",".join(map(str, packed.box)), "X-Version": str(drawn[name].version), "Cache-Control": "no-store"}
    return Response(packed.packed, media_type="application/octet-stream", headers=headers)


@router.get("/studies/{study}/curve/fit")
def voxel_fit(
    study: str,
    room: InRoom,
    at: Annotated[str, Query(max_length=40)],
    radius_mm: float = 0.0,
    model: Annotated[str | None, Query(max_length=40)] = None,
) -> dict[str, Any]:
    """The fit of the curve at a voxel, of all within ``radius_mm`` of it; ``at`` is k,j,i."""
    try:
        k, j, i = (int(part) for part in at.split(","))
    except ValueError as error:
        raise UsageError("VOXEL-INVALID", "the voxel is not given by three whole numbers", "Give at=k,j,i") from error
    place = room.place(study)
    _, drawn = numbers.drawn_now(room, study)
    measured, used = _lives().of(place).at_voxel(drawn, (k, j, i), radius_mm=radius_mm, model=model)
    return {"at": [k, j, i], "model": used, **numbers.measured_told(measured)}


@router.get("/studies/{study}/results")
def results(study: str, room: InRoom, by: By, language: Language = None) -> dict[str, Any]:
    """lesions.json of the last analysis with ratings in the reader's language or another, and whether it is still that of what is drawn."""
    return numbers.results(room, study, words=_words(language or by.language))


@router.get("/studies/{study}/comparison")
def comparison(study: str, room: InRoom) -> dict[str, Any]:
    """comparison.json of an analysis that compared models."""
    return numbers.case_file(room.place(study), "comparison.json")


@router.get("/studies/{study}/criteria")
def criteria(study: str, room: InRoom, by: By, language: Language = None) -> dict[str, Any]:
    """Every criterion side by side over the patient's visits."""
    from hepaflow.web import visits

    return visits.criteria(room, study, language=language or by.language)


@router.get("/studies/{study}/link")
def link(study: str, other: Annotated[str, Query(max_length=40)], room: InRoom) -> dict[str, Any]:
    """Which lesion of this study (``first``) is which of the ``other`` (``second``): a proposal by registration, for a reader to confirm."""
    from hepaflow.web import visits

    return visits.proposed_links(room, study, other)
