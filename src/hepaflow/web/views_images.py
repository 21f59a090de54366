"""Pictures, maps, curves and words over HTTP. Pictures are octets that a browser keeps as long as their content key stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from hepaflow.web import facts, pictures
from hepaflow.web.room import Room, the_room

router = APIRouter(prefix="/api")
Here = Annotated[Room, Depends(the_room)]


@router.get("/words")
def words(language: str = "en") -> dict[str, Any]:
    """The report's words, in English or French."""
    return facts.words_in(language)


@router.get("/palettes")
def palettes() -> dict[str, list[list[int]]]:
    """The report's palettes."""
    return facts.palettes_as_bytes()


@router.get("/studies/{study}/images")
def images(study: str, room: Here) -> dict[str, Any]:
    """Geometry, times and sets of a study."""
    return pictures.images_told(room.place(study))


@router.get("/studies/{study}/images/{which}/{plane}/{number}/{index}")
def image(study: str, which: str, plane: str, number: str, index: str, request: Request, room: Here) -> Response:
    """One picture of a pass."""
    return _answer(pictures.pass_cut(room.place(study), which, plane, number=number, index=index), request)


@router.get("/studies/{study}/maps")
def maps(study: str, room: Here) -> dict[str, Any]:
    """The maps of the study's analysis."""
    return pictures.maps_told(room.place(study))


@router.get("/studies/{study}/maps/{name}/{plane}/{index}")
def map_picture(study: str, name: str, plane: str, index: str, request: Request, room: Here) -> Response:
    """One picture of a map."""
    return _answer(pictures.map_cut(room.place(study), name, plane, index=index), request)


@router.get("/studies/{study}/curve")
def curve(
    study: str,
    at: str,
    room: Here,
    which: Annotated[str | None, Query(alias="set")] = None,
    radius_mm: float = 0.0,
) -> dict[str, Any]:
    """The curve at a point."""
    return pictures.point_curve(room.place(study), at, which=which, radius_mm=radius_mm)


@router.get("/studies/{study}/voxel")
def voxel(
    study: str,
    at: str,
    room: Here,
    which: Annotated[str | None, Query(alias="set")] = None,
    number: Annotated[str, Query(alias="pass")] = pictures.MEAN,
) -> dict[str, Any]:
    """The values at a voxel."""
    return pictures.voxel_told(room.place(study), at, which=which, number=number)


def _answer(octets: pictures.Octets, request: Request) -> Response:
    """The octets under their content key: kept for good where the address names that key, else asked for again each time."""
    tag = f'"{octets.key}"'
    lasting = request.query_params.get("v") == octets.key
    headers = {"ETag": tag, "Cache-Control": "private, max-age=31536000, immutable" if lasting else "private, no-cache"}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(octets.data, media_type="application/octet-stream", headers=headers)
