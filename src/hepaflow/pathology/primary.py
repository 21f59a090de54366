"""The primary tumor, and when its liver metastases were found."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.staging import STAGE, stage_group
from hepaflow.pathology.tnm import Tnm
from hepaflow.pathology.unsaid import NOT_DEFINED, not_recorded

TIMING: Final = "metastasis-timing"
#: A convention, not a finding: sources use 0, 3, 4, 6 or 12 months.
SYNCHRONOUS_MONTHS: Final = 6
#: A longer period is a slip of the pen.
MOST_MONTHS: Final = 60
SYNCHRONOUS = Source(
    "Convention: found within 6 months of the primary tumor. Engstrand et al., World J Surg Oncol 2019 reviews the time points in use",
    Text(
        "No consensus: Adam et al. 2015 and the European consensus of 2023 (Br J Surg, doi 10.1093/bjs/znad124) call synchronous only what is "
        "found by the time the primary tumor is.",
        "Pas de consensus : Adam et al. 2015 et le consensus européen de 2023 (Br J Surg, doi 10.1093/bjs/znad124) n’appellent synchrones que "
        "les métastases découvertes au plus tard avec la tumeur primitive.",
    ),
)


class Site(StrEnum):
    """Where the primary tumor is."""

    ANAL_CANAL = "anal_canal"
    COLON = "colon"
    RECTUM = "rectum"
    UNKNOWN = "unknown"


class Histology(StrEnum):
    """What the primary tumor is."""

    ADENOCARCINOMA = "adenocarcinoma"
    SQUAMOUS_CELL = "squamous_cell"
    UNKNOWN = "unknown"


class Differentiation(StrEnum):
    """How well it is differentiated."""

    GOOD = "good"
    AVERAGE = "average"
    POOR = "poor"
    UNKNOWN = "unknown"


SITE_NAMES: Mapping[Site, Text] = MappingProxyType(
    {
        Site.ANAL_CANAL: Text("anal canal", "canal anal"),
        Site.COLON: Text("colon", "côlon"),
        Site.RECTUM: Text("rectum", "rectum"),
        Site.UNKNOWN: Text("site not recorded", "siège non renseigné"),
    }
)
HISTOLOGY_NAMES: Mapping[Histology, Text] = MappingProxyType(
    {
        Histology.ADENOCARCINOMA: Text("adenocarcinoma", "adénocarcinome (lieberkühnien)"),
        Histology.SQUAMOUS_CELL: Text("squamous cell carcinoma", "carcinome épidermoïde"),
        Histology.UNKNOWN: Text("histology not recorded", "histologie non renseignée"),
    }
)
DIFFERENTIATION_NAMES: Mapping[Differentiation, Text] = MappingProxyType(
    {
        Differentiation.GOOD: Text("well differentiated", "bien différencié"),
        Differentiation.AVERAGE: Text("moderately differentiated", "moyennement différencié"),
        Differentiation.POOR: Text("poorly differentiated", "peu différencié"),
        Differentiation.UNKNOWN: Text("differentiation not recorded", "différenciation non renseignée"),
    }
)


@dataclass(frozen=True, slots=True)
class PrimaryTumor:
    """The primary tumor as recorded; what is not known is said to be so."""

    site: Site = Site.UNKNOWN
    histology: Histology = Histology.UNKNOWN
    differentiation: Differentiation = Differentiation.UNKNOWN
    tnm: Tnm | None = None
    diagnosed: date | None = None


def stage_of(primary: PrimaryTumor) -> Assessment:
    """The stage of a primary tumor; ``not_evaluable`` without its TNM or site, ``not_defined`` in the anal canal (``stage-table-not-for-site``), which has a table of its own."""
    missing = []
    if primary.site is Site.UNKNOWN:
        missing.append(Text("the site of the primary tumor", "le siège de la tumeur primitive"))
    if primary.tnm is None:
        missing.append(Text("T, N and M", "T, N et M"))
    if primary.site is Site.ANAL_CANAL:
        text = Text(
            "The table of colon and rectum does not stage the anal canal.",
            "La table du côlon et du rectum ne classe pas le canal anal.",
        )
        return Assessment(STAGE, NOT_DEFINED, (Reason("stage-other-table", text, {}),), ("stage-table-not-for-site",))
    if missing or primary.tnm is None:
        return not_recorded(STAGE, *missing)
    return stage_group(primary.tnm)


def metastasis_timing(
    primary_found: date | None, metastases_found: date | None, *, synchronous_months: int = SYNCHRONOUS_MONTHS
) -> Assessment:
    """``synchronous`` when the metastases were found no later than ``synchronous_months`` calendar months after the primary tumor, else ``metachronous``.

    The last day of the period counts as inside; a month that is too short ends on its last day. Metastases that were found first are
    synchronous, flagged ``metastases-before-primary``. Refused: months that are no whole number from 0 to 60 (``MONTHS-INVALID``).

    >>> metastasis_timing(date(2020, 8, 31), date(2021, 2, 28)).category
    'synchronous'
    """
    if (
        isinstance(synchronous_months, bool)
        or not isinstance(synchronous_months, int)
        or not 0 <= synchronous_months <= MOST_MONTHS
    ):
        raise InputRefused(
            "MONTHS-INVALID", "the synchronous period is not a whole number of months from 0 to 60", "Give months such as 6"
        )
    missing = []
    if primary_found is None:
        missing.append(Text("the date of diagnosis of the primary tumor", "la date de diagnostic de la tumeur primitive"))
    if metastases_found is None:
        missing.append(Text("the date of diagnosis of the metastases", "la date de diagnostic des métastases"))
    if primary_found is None or metastases_found is None:
        return not_recorded(TIMING, *missing)
    last = _months_later(primary_found, synchronous_months)
    category, text = (
        (
            "synchronous",
            Text("Found within the synchronous period (a convention).", "Découvertes dans la période synchrone (une convention)."),
        )
        if metastases_found <= last
        else (
            "metachronous",
            Text("Found after the synchronous period (a convention).", "Découvertes après la période synchrone (une convention)."),
        )
    )
    days = (metastases_found - primary_found).days
    numbers = {"interval_days": days, "synchronous_months": synchronous_months, "synchronous_days": (last - primary_found).days}
    return Assessment(TIMING, category, (Reason(category, text, numbers),), ("metastases-before-primary",) if days < 0 else ())


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
