"""Which lesion of another visit a lesion may be: one of the same patient's, that is there; one lesion of each visit, under the name that it keeps."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from hepaflow.errors import InputRefused
from hepaflow.web import regions_log
from hepaflow.web import tables as t
from hepaflow.web.refusals import Conflict, NotThere
from hepaflow.web.region_state import Identity, RegionState, kind_of
from hepaflow.web.room import Room


def check_identity(room: Room, study: str, lesion: str, identity: Identity) -> None:
    """Refused: the study itself (``IDENTITY-SAME-STUDY``), another patient's (``IDENTITY-OTHER-PATIENT``), a study or lesion that is not there,
    one that readers of the other study say is another (``IDENTITY-TWICE``).
    """
    if identity.study == study:
        raise InputRefused("IDENTITY-SAME-STUDY", "a lesion is linked within one study", "Choose a lesion of another visit")
    room.place(identity.study)
    query = sa.select(t.studies.c.id, t.studies.c.patient_key).where(t.studies.c.id.in_((study, identity.study)))
    with room.tables.read() as connection:
        keys = {row.id: row.patient_key for row in connection.execute(query)}
    if not keys.get(study) or keys.get(study) != keys.get(identity.study):
        raise InputRefused("IDENTITY-OTHER-PATIENT", "the other study is of another patient", "Choose a visit of this patient")
    there = regions_log.current(room, identity.study)
    if kind_of(identity.lesion) != "lesion" or identity.lesion not in there:
        raise NotThere("REGION-UNKNOWN", "there is no such lesion in the other study", "Reload the regions")
    for name, one in there.items():
        back = one.identity
        if back is not None and back.study == study and (name == identity.lesion) != (back.lesion == lesion):
            raise _twice()


def require_free(drawn: Mapping[str, RegionState], lesion: str, identity: Identity) -> None:
    """Refused (``IDENTITY-TWICE``): what another lesion of the same study is linked to."""
    if any(other.identity == identity for name, other in drawn.items() if name != lesion):
        raise _twice()


def require_unlinked(room: Room, study: str, *lesions: str) -> None:
    """Refused (``RENAME-LINKED``): names of lesions by which another visit knows one of this study."""
    with room.tables.read() as connection:
        key = connection.execute(sa.select(t.studies.c.patient_key).where(t.studies.c.id == study)).scalar_one()
        visits = sa.select(t.studies.c.id).where(t.studies.c.patient_key == key, t.studies.c.id != study)
        others = connection.execute(visits.where(t.studies.c.trashed.is_(None))).scalars().all() if key else ()
    for other in others:
        if not set(lesions).isdisjoint(regions_log.links(room, other).get(study, {}).values()):
            raise Conflict(
                "RENAME-LINKED",
                "a lesion of another visit is linked to one by that name",
                "Take that link back, rename, then link again",
            )


def _twice() -> InputRefused:
    return InputRefused("IDENTITY-TWICE", "another lesion is already linked to that one", "Keep one link a lesion")
