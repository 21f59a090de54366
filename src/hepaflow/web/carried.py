"""Which links of lesions to another visit the DICOM results hold: those by whose tracking identifiers both visits name one lesion."""

from __future__ import annotations

from pathlib import Path

from hepaflow.errors import HepaflowError
from hepaflow.web import regions_log
from hepaflow.web.refusals import NotThere
from hepaflow.web.room import Room


def left_out(room: Room, study: str) -> list[str]:
    """Lesions that a reader linked to another visit, and that the study's DICOM results do not name as that visit's do.

    A link that was made after the analysis is one of them, until the study is analysed again. None where there are no results yet.
    """
    own = _names(room, study)
    if own is None:
        return []
    missing: list[str] = []
    for other, pairs in regions_log.links(room, study).items():
        there = _names(room, other) or {}
        missing += [here for here, lesion in pairs.items() if here in own and own[here] != there.get(lesion)]
    return sorted(missing)


def _names(room: Room, study: str) -> dict[str, str] | None:
    """The tracking UID of every lesion of the study's results; None where there are none."""
    # loaded here: the server starts without the libraries that read DICOM
    from hepaflow.dicom.read_tracking import read_tracking

    try:
        segmentation: Path = room.place(study).case / "dicom" / "segmentation.dcm"
        return {name: tracked.uid for name, tracked in read_tracking(segmentation)[0].items()} if segmentation.is_file() else None
    except (NotThere, HepaflowError):
        return None  # in the trash, or damaged
