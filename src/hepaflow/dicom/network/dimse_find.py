"""C-FIND: studies by a search, and the instances of a study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hepaflow.dicom.network.association import PENDING, association, expect
from hepaflow.dicom.network.classes import FIND
from hepaflow.dicom.network.objects import MOST_ANSWERS, Listed, is_uid, too_many
from hepaflow.dicom.network.peer import DimsePeer
from hepaflow.dicom.network.studies import RETURNED, StudyQuery, StudyRow, row, text
from hepaflow.dicom.pixels import quiet
from hepaflow.errors import InputRefused


def find(peer: DimsePeer, query: StudyQuery) -> tuple[StudyRow, ...]:
    """Studies that match, as the archive describes them. Refused: as :func:`~hepaflow.dicom.network.association.association`."""
    with _searching(peer) as link:
        rows = [row(answer) for answer in _ask(link, "STUDY", dict.fromkeys(RETURNED, "") | query.keys())]
    return tuple(one for one in rows if is_uid(one.study_uid))


def instances(peer: DimsePeer, study_uid: str) -> tuple[Listed, ...]:
    """Every instance of the study that the archive lists, series by series."""
    found = []
    with _searching(peer) as link:
        study = {"StudyInstanceUID": study_uid}
        series = [text(answer, "SeriesInstanceUID") for answer in _ask(link, "SERIES", study | {"SeriesInstanceUID": ""})]
        for uid in series:
            keys = study | {"SeriesInstanceUID": uid, "SOPInstanceUID": "", "SOPClassUID": ""}
            for answer in _ask(link, "IMAGE", keys):
                found.append(Listed(text(answer, "SOPInstanceUID"), uid, text(answer, "SOPClassUID")))
    return tuple(dict.fromkeys(one for one in found if is_uid(one.sop_uid)))


def _searching(peer: DimsePeer) -> Any:
    from pynetdicom import build_context

    return association(peer, [build_context(FIND)])


def _ask(link: Any, level: str, keys: dict[str, str]) -> Iterator[Any]:
    from pydicom.dataset import Dataset

    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"
    asked.QueryRetrieveLevel = level
    with quiet():
        for keyword, value in keys.items():
            setattr(asked, keyword, value)
    for number, (status, answer) in enumerate(link.send_c_find(asked, FIND)):
        if number > MOST_ANSWERS:
            raise too_many()
        if status.get("Status") not in PENDING:
            expect(status, "the search")
        elif answer is None:
            raise InputRefused("PACS-ANSWER", "an answer to a search cannot be read", "Ask who runs the archive")
        else:
            yield answer
