"""Dates of scans and surgery, age at a scan, and what was done to the portal vein before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.unsaid import not_recorded

INTERVAL: Final = "scan-to-surgery"
PORTAL: Final = "portal-intervention"
#: Days between the scan and surgery (thesis Nancy 2019).
LIMIT_DAYS: Final = 8
NANCY_INTERVAL = Source(
    "Thesis Nancy 2019: “less than 8 days” in the inclusion criteria, “within 8 days” in the data and in the French summary",
    Text(
        "The two wordings differ on the eighth day, which is therefore called ambiguous.",
        "Les deux formulations diffèrent au huitième jour, appelé pour cela ambigu.",
    ),
)


def _reversed(before: date | None, after: date | None) -> bool:
    return before is not None and after is not None and before > after


@dataclass(frozen=True, slots=True)
class StudyDates:
    """When the patient was scanned and operated on; None: not recorded. Refused (``DATES-REVERSED``): scan before chemotherapy, scan before surgery, surgery out of that order."""

    before_chemotherapy: date | None = None
    before_surgery: date | None = None
    surgery: date | None = None

    def __post_init__(self) -> None:
        first, second, third = self.before_chemotherapy, self.before_surgery, self.surgery
        if _reversed(first, second) or _reversed(second, third) or _reversed(first, third):
            raise InputRefused("DATES-REVERSED", "scans and surgery are not in order of time", "Check the dates")


def scan_to_surgery(dates: StudyDates, *, limit_days: int = LIMIT_DAYS) -> Assessment:
    """Days from the last scan to surgery: ``within`` below the limit, ``outside`` above it, ``ambiguous`` on it.

    “Less than 8 days” and “within 8 days” differ on that day: flag ``scan-surgery-interval-ambiguous``. Beyond it
    ``scan-surgery-interval-long``. Refused: a limit below one day (``LIMIT-INVALID``).

    >>> scan_to_surgery(StudyDates(before_surgery=date(2018, 3, 1), surgery=date(2018, 3, 9))).category
    'ambiguous'
    """
    if limit_days < 1:
        raise InputRefused("LIMIT-INVALID", "the limit is less than one day", "Give a limit such as 8")
    missing = []
    if dates.before_surgery is None:
        missing.append(Text("the date of the scan before surgery", "la date de l’examen préopératoire"))
    if dates.surgery is None:
        missing.append(Text("the date of surgery", "la date de la chirurgie"))
    if dates.before_surgery is None or dates.surgery is None:
        return not_recorded(INTERVAL, *missing)
    days = (dates.surgery - dates.before_surgery).days
    numbers = {"days": days, "limit_days": limit_days, "below_limit": days < limit_days, "at_most_limit": days <= limit_days}
    if days < limit_days:
        text = Text("The interval is below the limit.", "L’intervalle est inférieur à la limite.")
        return Assessment(INTERVAL, "within", (Reason("interval-within", text, numbers),))
    if days == limit_days:
        return Assessment(
            INTERVAL,
            "ambiguous",
            (Reason("interval-ambiguous", NANCY_INTERVAL.limits, numbers),),
            ("scan-surgery-interval-ambiguous",),
        )
    text = Text("The interval is above the limit.", "L’intervalle est supérieur à la limite.")
    return Assessment(INTERVAL, "outside", (Reason("interval-outside", text, numbers),), ("scan-surgery-interval-long",))


def age_years(birth: date, on: date) -> int:
    """Completed years on a day; someone born on 29 February turns a year older on 1 March. Refused (``DATES-REVERSED``) before birth.

    >>> age_years(date(1950, 6, 15), date(2018, 6, 14))
    67
    """
    if on < birth:
        raise InputRefused("DATES-REVERSED", "the day lies before birth", "Check the dates")
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


class PortalIntervention(StrEnum):
    """What changes the portal inflow of part of the liver."""

    TWO_STAGE_HEPATECTOMY = "two_stage_hepatectomy"
    PORTAL_VEIN_EMBOLISATION = "portal_vein_embolisation"
    ALPPS = "alpps"


PORTAL_NAMES: Final = {
    PortalIntervention.TWO_STAGE_HEPATECTOMY: Text("two-stage hepatectomy", "hépatectomie en deux temps"),
    PortalIntervention.PORTAL_VEIN_EMBOLISATION: Text("portal vein embolization", "embolisation portale"),
    PortalIntervention.ALPPS: Text(
        "liver partition with portal vein ligation (ALPPS)", "bipartition hépatique avec ligature portale (ALPPS)"
    ),
}


@dataclass(frozen=True, slots=True)
class PortalEvent:
    """One intervention and its day, that of the first stage where there are two; None: day not recorded."""

    kind: PortalIntervention
    on: date | None = None


def portal_intervention(events: Sequence[PortalEvent] | None, scan: date | None) -> Assessment:
    """Whether portal inflow had been changed when the liver was scanned: ``altered`` (flag ``portal-intervention``) or ``none``.

    An intervention on the day of the scan, of an unknown day, or beside a scan of an unknown day counts as before it. ``not_evaluable`` with
    ``portal-intervention-unknown`` where ``events`` is None.
    """
    if events is None:
        what = Text("interventions on the portal vein", "les interventions sur la veine porte")
        return not_recorded(PORTAL, what, flags=("portal-intervention-unknown",))
    before = [event for event in events if event.on is None or scan is None or event.on <= scan]
    if not before:
        text = Text("No portal intervention before the scan.", "Pas d’intervention portale avant l’examen.")
        return Assessment(PORTAL, "none", (Reason("no-portal-intervention", text, {"later": len(events)}),))
    reasons = tuple(
        Reason(
            f"portal-{event.kind.value.replace('_', '-')}",
            Text(
                f"Before the scan: {PORTAL_NAMES[event.kind].en}. Arterial fraction (HAF) and portal flow (HPBF) of the liver are altered.",
                f"Avant l’examen : {PORTAL_NAMES[event.kind].fr}. La fraction artérielle (HAF) et le flux portal (HPBF) du foie sont modifiés.",
            ),
            {"days_before_scan": None if event.on is None or scan is None else (scan - event.on).days},
        )
        for event in before
    )
    return Assessment(PORTAL, "altered", reasons, ("portal-intervention",))
