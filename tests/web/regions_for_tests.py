"""A room with one study of known voxels, and what a page sends to draw in it."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from room_for_tests import opened

from hepaflow.domain.series import DynamicSeries
from hepaflow.store import codec
from hepaflow.web import regions_log, studies
from hepaflow.web import tables as t
from hepaflow.web.region_rows import Deed
from hepaflow.web.room import Room

ZIP = {"Content-Type": "application/zip"}


def put(room: Room, series: DynamicSeries, *, patient_key: str = "p1", **sets: Any) -> str:
    """A study of this series, and of ``corrected``; its id."""
    with room.tables.begin() as connection:
        place = studies.add(connection, room.data, "study")
        connection.execute(sa.update(t.studies).where(t.studies.c.id == place.folder.name).values(patient_key=patient_key))
    for name, value in {"acquired": series, **sets}.items():
        folder = place.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        codec.save(value, folder)
    return place.folder.name


@contextmanager
def drawing(data: Path, series: DynamicSeries) -> Iterator[tuple[Any, Room, str]]:
    """A client, the room and the study's regions' address."""
    with opened(data) as (client, room):
        yield client, room, f"/api/studies/{put(room, series)}/regions"


def post(client: Any, at: str, base: int, /, status: int = 200, **edit: Any) -> dict[str, Any]:
    """The answer to an edit."""
    answer = client.post(at, json={"base": base, "edit": edit})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def disc(k: int = 4, row: float = 12.0, column: float = 13.0, radius: float = 4.0) -> dict[str, Any]:
    """An edit that outlines a disc in one slice."""
    points = [[row - radius, column], [row + radius, column], [row, column - radius], [row, column + radius]]
    return {"kind": "shapes", "shapes": {str(k): {"kind": "ellipse", "points": points}}}


def packed(members: dict[str, bytes]) -> bytes:
    """A .zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def send(client: Any, at: str, members: dict[str, bytes]) -> Any:
    """The answer to a set of regions sent as a .zip."""
    return client.post(f"{at}/import", content=packed(members), headers=ZIP)


def voxels(client: Any, at: str, shape: tuple[int, int, int]) -> np.ndarray:
    """A region's mask as the page gets it."""
    answer = client.get(f"{at}/mask")
    assert answer.status_code == 200, answer.text
    k0, k1, j0, j1, i0, i1 = (int(n) for n in answer.headers["X-Box"].split(","))
    size = (k1 - k0, j1 - j0, i1 - i0)
    out = np.zeros(shape, bool)
    bits = np.unpackbits(np.frombuffer(answer.content, np.uint8), count=int(np.prod(size)))
    out[k0:k1, j0:j1, i0:i1] = bits.reshape(size).astype(bool)
    return out


def at_once(room: Room, study: str, *, readers: int = 8) -> None:
    """Readers who all draw on the first version of lesion-1, each a disc of another size."""
    first = regions_log.one(room, study, "lesion-1")
    start = threading.Barrier(readers)
    results: list[object] = []

    def draw(number: int) -> None:
        mask = np.zeros(first.bits.shape, bool)
        mask[3, :2, : number + 1] = True
        step = regions_log.Step(first.redrawn(mask), 1)
        start.wait()
        try:
            results.append(regions_log.write(room, study, Deed("mask", f"reader {number}", {"number": number}), [step])[0])
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, regions_log.Conflict) for one in results) == readers - 1
    rows = regions_log.history(room, study, "lesion-1")
    assert sorted(row["voxels"] for row in rows[1:]) == [2 * (number + 1) for number in range(readers)]
    assert sorted(row["version"] for row in rows) == [*range(-(readers - 1), 0), 1, 2]
