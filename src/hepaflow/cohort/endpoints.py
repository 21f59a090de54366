"""From the dates of a patient's follow-up to time and event of each endpoint after a treatment of the liver.

Overall survival counts death of any cause; disease-free (recurrence-free) survival recurrence or death; progression-free survival progression or death, in
the liver or anywhere; time to progression censors death (Llovet JM et al. J Natl Cancer Inst 2008;100:698-711). Local tumor progression is counted by
lesion (SIO and DATECAN consensus: Puijk RS et al. Radiology 2021;301:533-540), here with death as a competing event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused

SCAN_NOTE = "Progression is dated by the scan that shows it; it happened since the scan before (interval-censored), so that times depend on how often scans are made."
_CONTACT_NOTE = " The day of the last scan is not known: censored at the last contact."
_DEATH_NOTE = "Death of any cause, censored at the last contact."
#: On scans; each is on or before the last scan, and the patient was alive.
_SEEN_ON_SCANS = ("progression", "liver_progression", "recurrence")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Days of one patient's follow-up; None: did not happen, or (``last_scan``) is not known.

    ``start`` is the day of operation or of the start of treatment, ``last_seen`` the last day known alive, ``progression`` the first scan with progression
    anywhere, ``liver_progression`` the first with progression in the liver. Refused: an order that cannot be (death before the last contact, progression
    after it or before the start, after the last scan, in the liver but not anywhere), a day with a time of day.
    """

    start: date
    last_seen: date
    death: date | None = None
    progression: date | None = None
    liver_progression: date | None = None
    recurrence: date | None = None
    last_scan: date | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            day = getattr(self, field.name)
            needed = field.name in ("start", "last_seen")
            if (day is not None or needed) and type(day) is not date:
                raise InputRefused("FOLLOW-UP-DAY", f"{field.name.replace('_', ' ')} is no day", "Give a date without time of day")
        if self.last_seen < self.start:
            raise _order("the last contact is before the start")
        if self.death is not None and self.death < self.last_seen:
            raise _order("death is before the last contact")
        for name in (*_SEEN_ON_SCANS, "last_scan"):
            self._check_scan(name.replace("_", " "), getattr(self, name))
        if self.liver_progression is not None and (self.progression is None or self.progression > self.liver_progression):
            raise _order("liver progression is earlier than progression anywhere")

    def _check_scan(self, name: str, day: date | None) -> None:
        if day is None:
            return
        if day < self.start:
            raise _order(f"{name} is before the start")
        if day > self.last_seen:
            raise _order(f"{name} is after " + ("death" if self.death is not None and day > self.death else "the last contact"))
        if self.last_scan is not None and day > self.last_scan:
            raise _order(f"{name} is after the last scan")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Days from the start to the event or to censoring; ``competing``: another event came first that makes it impossible."""

    name: str
    definition: str
    note: str
    time_days: int
    event: bool
    competing: bool = False

    def __post_init__(self) -> None:
        if self.time_days < 0 or (self.event and self.competing):
            raise InputRefused(
                "ENDPOINT-INVALID", "a time is negative, or an event is also the competing one", "Make it from a follow-up"
            )

    @property
    def code(self) -> int:
        """0 censored, 1 the event, 2 the competing event: as ``cumulative_incidence`` takes it."""
        return 1 if self.event else 2 if self.competing else 0


def overall_survival(patient: FollowUp) -> Endpoint:
    """Death of any cause.

    >>> overall_survival(FollowUp(date(2024, 1, 1), date(2024, 1, 31))).time_days
    30
    """
    day = patient.last_seen if patient.death is None else patient.death
    return Endpoint(
        "overall survival", "death of any cause, from the start", _DEATH_NOTE, (day - patient.start).days, patient.death is not None
    )


def disease_free_survival(patient: FollowUp) -> Endpoint:
    """Recurrence or death after an operation; the same as recurrence-free survival."""
    definition = "disease-free survival: recurrence anywhere or death, from the operation"
    return _or_death("disease-free survival", definition, patient, patient.recurrence)


def progression_free_survival(patient: FollowUp) -> Endpoint:
    """Progression anywhere or death."""
    definition = "progression-free survival: progression anywhere or death"
    return _or_death("progression-free survival", definition, patient, patient.progression)


def liver_progression_free_survival(patient: FollowUp) -> Endpoint:
    """Progression in the liver or death; progression elsewhere is no event."""
    definition = "progression-free survival in the liver: progression in the liver or death"
    return _or_death("progression-free survival in the liver", definition, patient, patient.liver_progression)


def time_to_progression(patient: FollowUp) -> Endpoint:
    """Progression anywhere; who dies without it is censored at the last scan (at death, where that is not known)."""
    name, definition = "time to progression", "time to progression: progression anywhere, death censored"
    if patient.progression is not None:
        return _at(name, definition, patient, patient.progression)
    until = patient.last_scan or patient.death or patient.last_seen
    note = SCAN_NOTE
    if patient.last_scan is None:
        note += _CONTACT_NOTE if patient.death is None else " The day of the last scan is not known: censored at death."
    return Endpoint(name, definition, note, (until - patient.start).days, event=False)


def local_tumor_progression(patient: FollowUp, progression: date | None) -> Endpoint:
    """Tumor at the edge of one lesion's ablation zone, first seen on the scan of ``progression`` (None: not seen); death before it competes.

    ``patient.start`` is the day of that lesion's ablation. Refused: progression out of the patient's follow-up.
    """
    name = "local tumor progression"
    definition = "local tumor progression of the lesion: tumor at the edge of the ablation zone, death counted as a competing event"
    if progression is not None and type(progression) is not date:
        raise InputRefused("FOLLOW-UP-DAY", "local progression is no day", "Give a date without time of day")
    patient._check_scan("local progression", progression)
    if progression is not None:
        return _at(name, definition, patient, progression)
    if patient.death is not None:
        return Endpoint(name, definition, SCAN_NOTE, (patient.death - patient.start).days, event=False, competing=True)
    return _censored(name, definition, patient)


def columns(endpoints: Sequence[Endpoint]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Days and codes of one endpoint, as the survival functions take them. Refused: none, or different endpoints."""
    if len({endpoint.name for endpoint in endpoints}) != 1:
        raise InputRefused("ENDPOINT-MIXED", "these are not all of one endpoint", "Give one endpoint of every patient or lesion")
    return np.array([one.time_days for one in endpoints], np.float64), np.array([one.code for one in endpoints], np.int64)


def _order(what: str) -> InputRefused:
    return InputRefused("FOLLOW-UP-ORDER", what, "Check the dates")


def _at(name: str, definition: str, patient: FollowUp, day: date) -> Endpoint:
    return Endpoint(name, definition, SCAN_NOTE, (day - patient.start).days, event=True)


def _censored(name: str, definition: str, patient: FollowUp) -> Endpoint:
    note = SCAN_NOTE + ("" if patient.last_scan else _CONTACT_NOTE)
    return Endpoint(name, definition, note, ((patient.last_scan or patient.last_seen) - patient.start).days, event=False)


def _or_death(name: str, definition: str, patient: FollowUp, seen: date | None) -> Endpoint:
    first = seen or patient.death
    return _censored(name, definition, patient) if first is None else _at(name, definition, patient, first)
