"""What one criterion says over all visits of a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from hepaflow.domain.response import Assessment


@dataclass(frozen=True, slots=True)
class Lowest:
    """The smallest value on study that later visits are compared with, and the visit it comes from."""

    visit: str
    value: Fraction


@dataclass(frozen=True, slots=True)
class Verdict:
    """One visit: the patient as a whole (None where the criterion speaks of lesions only), its parts (``target``, ``non-target``, ``new``), and lesions."""

    visit: str
    day: date | None
    overall: Assessment | None
    parts: Mapping[str, Assessment] = field(default_factory=dict)
    lesions: Mapping[str, Assessment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Course:
    """Verdicts of all visits in order, the lowest values by what they are of (``sum`` or a lesion), the best overall response."""

    criterion: str
    verdicts: tuple[Verdict, ...]
    lowest: Mapping[str, Lowest]
    best: Assessment | None
    flags: tuple[str, ...] = ()
