"""What the tumor-board sheet of a patient holds, gathered elsewhere and said in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.response import Text

#: What a category says of a lesion, whatever the criterion.
Leaning = Literal["responds", "partly", "no_response", "progresses"]


@dataclass(frozen=True, slots=True, eq=False)
class Thumb:
    """A lesion on its largest slice as radiologists see it: ``grey`` (rows, columns) HU, ``border`` mask, pixel ``spacing_mm`` (row, column)."""

    grey: npt.NDArray[np.float32]
    border: npt.NDArray[np.bool_]
    spacing_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SheetRatio:
    """Blood flow over healthy liver with its 95 % interval, the probability of a major response, and the category (None: not rated)."""

    value: float
    ci95: tuple[float, float] | None
    probability: float | None
    category: str | None
    region: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one criterion says of a lesion at the latest visit; ``key`` is its column."""

    key: str
    criterion: Text
    category: str
    leaning: Leaning


@dataclass(frozen=True, slots=True, eq=False)
class SheetLesion:
    """One lesion: size at every visit in mm (None: not measured), the pictures of its first and its latest case, the latest ratio, what every criterion and the specimen say, therapies, and whether a written size is far from that of its case."""

    name: str
    role: str
    sizes_mm: tuple[float | None, ...]
    pictures: tuple[Thumb | None, Thumb | None]
    ratio: SheetRatio | None
    said: tuple[Said, ...]
    changes: tuple[Text, ...] = ()
    pathology: Text | None = None
    therapy: tuple[Text, ...] = ()
    size_differs: bool = False

    @property
    def size_change(self) -> float | None:
        """Relative change of size from the first visit to the latest."""
        first, last = self.sizes_mm[0], self.sizes_mm[-1]
        return None if not first or last is None else last / first - 1.0


@dataclass(frozen=True, slots=True)
class SheetVisit:
    """One visit with the patient's category by RECIST 1.1 and the sum of target diameters."""

    name: str
    day: date | None
    category: str | None
    sum_mm: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """A therapy on the time line."""

    day: date
    what: Text


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What criteria say apart of a lesion, and why that matters."""

    what: Text
    why: Text


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """All of it. ``facts`` are lines of label and value; ``uncertain`` are sentences; ``course`` is the patient's category at every visit with what made it; ``best`` the best overall response, unconfirmed and confirmed."""

    patient: str
    visits: tuple[SheetVisit, ...]
    lesions: tuple[SheetLesion, ...]
    facts: tuple[tuple[Text, Text], ...] = ()
    events: tuple[Event, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    uncertain: tuple[Text, ...] = ()
    course: tuple[Text, ...] = ()
    best: tuple[str | None, str | None] = (None, None)
