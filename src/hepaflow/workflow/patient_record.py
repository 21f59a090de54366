"""The record of a patient for the board: visits, stage, chemotherapy, specimen, therapies and what the board said, in TOML or JSON, typed and checked."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from hepaflow.errors import InputRefused
from hepaflow.pathology.operability import Answer, Group
from hepaflow.pathology.primary import Differentiation, Histology, Site
from hepaflow.pathology.specimen import Finding, Necrosis, Residual, Steatosis
from hepaflow.therapy.vocabulary import Therapy
from hepaflow.workflow.columns import read_text
from hepaflow.workflow.typed import Part

CODE = "RECORD"
#: A pseudonym: letters, digits and . _ - only, so that no name of a person is written there by habit.
Pseudonym = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
Share = Annotated[float, Field(ge=0, le=100)]
#: No event of a patient lies outside these years.
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2100, 1, 1))]
Length = Annotated[float, Field(ge=0, le=1000)]


class Primary(Part):
    """The primary tumor; T, N and M as written (``T4a``)."""

    site: Site = Site.UNKNOWN
    histology: Histology = Histology.UNKNOWN
    differentiation: Differentiation = Differentiation.UNKNOWN
    t: str | None = None
    n: str | None = None
    m: str | None = None
    diagnosed: Day | None = None
    metastases_found: Day | None = None


class Chemotherapy(Part):
    """One course, as written (``FOLFOX + bevacizumab``), and its cycles."""

    regimen: str
    cycles: Annotated[int, Field(ge=0, le=200)] | None = None


class Background(Part):
    """The liver around the lesions."""

    steatosis: Steatosis = Steatosis.UNKNOWN
    fibrosis: Finding = Finding.UNKNOWN
    iron_overload: Finding = Finding.UNKNOWN
    steatohepatitis: Finding = Finding.UNKNOWN
    sinusoidal_obstruction: Finding = Finding.UNKNOWN


class NoduleRow(Part):
    """One nodule of the specimen and the lesion that it is, if that is known."""

    id: Name
    lesion: Name | None = None
    differentiation: Differentiation = Differentiation.UNKNOWN
    macro_mm: Length | None = None
    micro_mm: Length | None = None
    trg: Annotated[int, Field(ge=1, le=5)] | None = None
    residual_percent: Share | None = None
    necrosis: frozenset[Necrosis] | None = None
    interface_mm: Length | None = None
    margin_mm: Length | None = None
    residual: Residual = Residual.UNKNOWN


class TherapyRow(Part):
    """A therapy, its day, and the lesion that it was for."""

    therapy: Therapy
    on: Day
    lesion: Name | None = None


class Decision(Part):
    """What the board said on a day."""

    on: Day
    group: Group


class Checks(Part):
    """What resectability rests on."""

    r0_possible: Answer = Answer.UNKNOWN
    remnant_sufficient: Answer = Answer.UNKNOWN
    performance_status_allows: Answer = Answer.UNKNOWN
    comorbidities_allow: Answer = Answer.UNKNOWN
    nutrition_allows: Answer = Answer.UNKNOWN
    liver_disease_allows: Answer = Answer.UNKNOWN


class AblationRow(Part):
    """What a lesion offers for ablation: distances in mm to the hilum and to the nearest vessel of 3 mm or more, and whether it is perfectly visible."""

    lesion: Name
    hilum_mm: Length | None = None
    vessel_mm: Length | None = None
    visible: bool | None = None


class Remnant(Part):
    """Volumes in mL of the future remnant, the liver and the tumors; height in cm and weight in kg for the standardized volume."""

    flr_ml: Annotated[float, Field(gt=0, le=10000)]
    total_ml: Annotated[float, Field(gt=0, le=10000)]
    tumor_ml: Annotated[float, Field(ge=0, le=10000)] = 0.0
    height_cm: Annotated[float, Field(gt=0, le=250)] | None = None
    weight_kg: Annotated[float, Field(gt=0, le=400)] | None = None
    liver: Literal["normal", "chemo", "hepatopathy"] = "normal"


class Record(Part):
    """All that the board knows; ``visits`` is the path of the table that ``hepaflow respond`` reads, from the record's folder."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    patient: Pseudonym
    visits: str
    grade_mapping: str = "nancy-2019"
    surgery: Day | None = None
    primary: Primary = Primary()
    chemotherapy: tuple[Chemotherapy, ...] = ()
    background: Background = Background()
    nodules: tuple[NoduleRow, ...] = ()
    therapies: tuple[TherapyRow, ...] = ()
    board: tuple[Decision, ...] = ()
    checklist: Checks = Checks()
    ablation: tuple[AblationRow, ...] = ()
    remnant: Remnant | None = None


def load(path: Path) -> Record:
    """The record in a TOML or JSON file.

    Refused: no such file, not TOML or JSON, an unknown key, a value that is none of its kind; the message names the key, never the value.
    """
    try:
        text = read_text(path)
        if text is None:
            raise InputRefused(f"{CODE}-TOO-LARGE", "the record is larger than 50 MB", "Give the record of one patient")
        tree: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputRefused(
            f"{CODE}-UNREADABLE", "the record is not a readable TOML or JSON file", "Check path and syntax"
        ) from error
    try:
        return Record.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])[:80]
        if first["type"] == "extra_forbidden":
            place = ".".join(str(part) for part in first["loc"][:-1]) or "the record"
            raise InputRefused(
                f"{CODE}-UNKNOWN-KEY",
                f"{place} holds a key that is not known",
                "Known tables and keys are in docs/how-to/tumor-board.md",
            ) from error
        if first["loc"] == ("patient",):
            raise InputRefused(
                f"{CODE}-INVALID", "patient is no pseudonym", "Use letters, digits, dot, dash and underscore, no spaces, at most 40"
            ) from error
        raise InputRefused(f"{CODE}-INVALID", f"{key}: {first['msg']}", "Correct the record") from error
