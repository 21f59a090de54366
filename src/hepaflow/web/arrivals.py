"""A study on its way in: where it lies is judged, its row made, its import queued."""

from __future__ import annotations

import os
from pathlib import Path

from hepaflow.errors import InputRefused, UsageError
from hepaflow.store import atomic
from hepaflow.web import known, studies
from hepaflow.web.refusals import Forbidden
from hepaflow.web.room import Room

#: What the operating system shows of itself as files.
_NO_DISKS = ("/proc", "/sys")


def refuse_outside(room: Room, given: str) -> None:
    """Refused (``IMPORT-OUTSIDE``): with accounts, a path that is in none of the room's folders; whether it exists is not told.

    On loopback the person is the machine's user, who can read any file without this server.
    """
    if room.gate.local:
        return
    path = Path(os.path.realpath(given.replace("\x00", "")))
    if not any(path.is_relative_to(folder) for folder in room.folders):
        raise Forbidden(
            "IMPORT-OUTSIDE",
            "the path is in no folder that studies are brought in from",
            "Upload the study, or ask who runs the server for --import-from",
        )


def judged(room: Room, given: str) -> Path:
    """The folder, .zip or 4D NIfTI at an absolute path. Refused: a path that is not absolute, not there, or inside the data folder."""
    path = Path(given)
    if "\x00" in given or not path.is_absolute():
        raise UsageError("IMPORT-PATH", "the path is not absolute", "Give the whole path, from the root of the disk")
    try:
        path = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InputRefused("SOURCE-MISSING", "the path of the study does not exist", "Check the path") from error
    if any(path.is_relative_to(root) for root in _NO_DISKS):
        raise InputRefused("SOURCE-UNREADABLE", "the path leads to no disk", "Give the folder of one study")
    if path.is_relative_to(room.data) or room.data.is_relative_to(path):
        raise UsageError("IMPORT-OWN", "the path leads to the server's own data", "Give the folder of one study")
    return path


def bring_in(room: Room, path: Path, *, who: str, label: str | None = None, uploaded: bool = False) -> dict[str, str]:
    """Queues the import of a study; its ``study`` and ``job``. An upload is moved into the study's folder, where it outlives a server that is stopped."""
    name = path.name.removesuffix(".zip") if label is None else label
    salt = room.tables.salt().hex()
    with room.tables.begin() as connection:
        seen = known.by_files(connection)
        place = studies.add(connection, room.data, "".join(c for c in name if c.isprintable()) or "study")
        study = place.folder.name
        if uploaded:
            with atomic.reporting("the upload"):
                path = path.replace(place.folder / "upload.zip")
        given = {"folder": str(place.folder), "path": str(path), "salt": salt, "uploaded": uploaded, "seen": seen}
        job = room.jobs.queue(connection, "import", study, given, who=who)
        room.tables.audit(connection, study=study, who=who, what="import-asked", detail={"job": job, "uploaded": uploaded})
    room.jobs.wake(job)
    return {"study": study, "job": job}
