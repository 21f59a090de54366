"""Which lesion of another visit a lesion may be: one of the same patient's, that is there."""

from __future__ import annotations

import sqlalchemy as sa

from hepaflow.errors import InputRefused
from hepaflow.web import regions_log
from hepaflow.web import tables as t
from hepaflow.web.refusals import NotThere
from hepaflow.web.region_state import Identity, kind_of
from hepaflow.web.room import Room


def check_identity(room: Room, study: str, identity: Identity) -> None:
    """Refused: the study itself (``IDENTITY-SAME-STUDY``), another patient's (``IDENTITY-OTHER-PATIENT``), a study or lesion that is not there."""
    if identity.study == study:
        raise InputRefused("IDENTITY-SAME-STUDY", "a lesion is linked within one study", "Choose a lesion of another visit")
    room.place(identity.study)
    query = sa.select(t.studies.c.id, t.studies.c.patient_key).where(t.studies.c.id.in_((study, identity.study)))
    with room.tables.read() as connection:
        keys = {row.id: row.patient_key for row in connection.execute(query)}
    if not keys.get(study) or keys.get(study) != keys.get(identity.study):
        raise InputRefused("IDENTITY-OTHER-PATIENT", "the other study is of another patient", "Choose a visit of this patient")
    if kind_of(identity.lesion) != "lesion" or identity.lesion not in regions_log.current(room, identity.study):
        raise NotThere("REGION-UNKNOWN", "there is no such lesion in the other study", "Reload the regions")
