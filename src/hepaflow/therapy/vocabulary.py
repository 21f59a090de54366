"""Therapies of liver tumors by name: what family they belong to, what they alter in perfusion, and which endpoint follows them.

The names are those of the two founding documents: the ESMO toolbox of local treatments, and the thesis Nancy 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from hepaflow.domain.response import Text
from hepaflow.errors import InputRefused


class Therapy(StrEnum):
    """A local or regional therapy."""

    RFA = "rfa"
    MICROWAVE = "microwave"
    CRYOABLATION = "cryoablation"
    ELECTROPORATION = "electroporation"
    HAIC = "haic"
    SIRT = "sirt"
    TACE = "tace"
    RESECTION = "resection"
    TWO_STAGE = "two_stage_hepatectomy"
    PORTAL_EMBOLIZATION = "portal_vein_embolization"
    ALPPS = "alpps"


class Family(StrEnum):
    """How a therapy reaches the tumor."""

    ABLATION = "ablation"
    INTRA_ARTERIAL = "intra_arterial"
    SURGERY = "surgery"
    EMBOLIZATION = "embolization"


NAMES: Mapping[Therapy, Text] = MappingProxyType(
    {
        Therapy.RFA: Text("radiofrequency ablation", "ablation par radiofréquence"),
        Therapy.MICROWAVE: Text("microwave ablation", "ablation par micro-ondes"),
        Therapy.CRYOABLATION: Text("cryoablation", "cryoablation"),
        Therapy.ELECTROPORATION: Text("irreversible electroporation", "électroporation irréversible"),
        Therapy.HAIC: Text("hepatic arterial infusion chemotherapy", "chimiothérapie intra-artérielle hépatique"),
        Therapy.SIRT: Text("selective internal radiotherapy", "radiothérapie interne sélective"),
        Therapy.TACE: Text("transarterial chemoembolization", "chimioembolisation artérielle"),
        Therapy.RESECTION: Text("resection", "résection"),
        Therapy.TWO_STAGE: Text("two-stage hepatectomy", "hépatectomie en deux temps"),
        Therapy.PORTAL_EMBOLIZATION: Text("portal vein embolization", "embolisation portale"),
        Therapy.ALPPS: Text("ALPPS", "ALPPS"),
    }
)
FAMILIES: Mapping[Therapy, Family] = MappingProxyType(
    {
        Therapy.RFA: Family.ABLATION,
        Therapy.MICROWAVE: Family.ABLATION,
        Therapy.CRYOABLATION: Family.ABLATION,
        Therapy.ELECTROPORATION: Family.ABLATION,
        Therapy.HAIC: Family.INTRA_ARTERIAL,
        Therapy.SIRT: Family.INTRA_ARTERIAL,
        Therapy.TACE: Family.INTRA_ARTERIAL,
        Therapy.RESECTION: Family.SURGERY,
        Therapy.TWO_STAGE: Family.SURGERY,
        Therapy.PORTAL_EMBOLIZATION: Family.EMBOLIZATION,
        Therapy.ALPPS: Family.SURGERY,
    }
)
#: Those that change how portal blood is shared out: arterial fraction and portal flow of the liver are then no reference.
PORTAL = frozenset({Therapy.TWO_STAGE, Therapy.PORTAL_EMBOLIZATION, Therapy.ALPPS})
#: What is counted after a therapy of a family (requirements of the seeds: definitions, nothing is computed here).
ENDPOINTS: Mapping[Family, Text] = MappingProxyType(
    {
        Family.ABLATION: Text(
            "local tumor progression of the lesion: tumor at the edge of the ablation zone, death counted as a competing event",
            "progression tumorale locale de la lésion : tumeur au bord de la zone d'ablation, décès compté comme événement concurrent",
        ),
        Family.INTRA_ARTERIAL: Text(
            "progression-free survival in the liver: progression in the liver or death",
            "survie sans progression hépatique : progression dans le foie ou décès",
        ),
        Family.SURGERY: Text(
            "disease-free survival: recurrence anywhere or death, from the operation",
            "survie sans récidive : récidive quelle qu'elle soit ou décès, depuis l'opération",
        ),
        Family.EMBOLIZATION: Text(
            "growth of the future liver remnant before the operation", "croissance du futur foie restant avant l'opération"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """A therapy, its day, and the lesion that it was for (None: the liver, or not recorded). Refused: an ablation that names no lesion."""

    therapy: Therapy
    on: date
    lesion: str | None = None

    def __post_init__(self) -> None:
        if FAMILIES[self.therapy] is Family.ABLATION and not self.lesion:
            raise InputRefused("THERAPY-LESION", "an ablation does not say which lesion it was for", "Name the lesion")


def flags(events: Sequence[Event], scan: date | None) -> tuple[str, ...]:
    """``portal-intervention`` where one of the events before the scan changed the portal supply of the liver; one on an unknown scan's day counts."""
    changed = any(event.therapy in PORTAL and (scan is None or event.on <= scan) for event in events)
    return ("portal-intervention",) if changed else ()
