"""The lesion table of a study: one row a lesion, typed columns, and what was found wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hepaflow.cohort.sample import Bools, Floats, Ints, places
from hepaflow.errors import InputRefused

Severity = Literal["info", "caution", "serious"]
Texts = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reader of the results must know: ``code``, ``severity``, a sentence in English and in French, the column and the rows (numbers of the file, the header being 1) it concerns."""

    code: str
    severity: Severity
    text: str
    text_fr: str
    column: str | None = None
    rows: tuple[int, ...] = ()


def comma(number: str) -> str:
    """A number as a French sentence writes it.

    >>> comma("0.68")
    '0,68'
    """
    return number.replace(".", ",")


@dataclass(frozen=True, slots=True, eq=False)
class LesionTable:
    """``patients`` and ``lesions`` name each row, ``rows`` is its number in the file; ``numbers`` hold NaN and ``texts`` None where a value is missing.

    Refused: columns of unlike length, a lesion of a patient that is there twice (STUDY-DUPLICATE), a row without a patient (STUDY-NO-PATIENT).
    """

    patients: tuple[str, ...]
    lesions: tuple[str, ...]
    rows: tuple[int, ...]
    numbers: Mapping[str, Floats]
    texts: Mapping[str, Texts]

    def __post_init__(self) -> None:
        lengths = {len(self.patients), len(self.lesions), len(self.rows)}
        lengths |= {len(column) for column in self.numbers.values()} | {len(column) for column in self.texts.values()}
        if lengths != {len(self.patients)}:
            raise InputRefused("STUDY-COLUMNS", "the columns of the lesion table differ in length", "Give one value a lesion")
        for row, patient in zip(self.rows, self.patients, strict=True):
            if not patient:
                raise InputRefused("STUDY-NO-PATIENT", f"row {row} names no patient", "Name the patient of every lesion")
        seen: dict[tuple[str, str], int] = {}
        for row, key in zip(self.rows, zip(self.patients, self.lesions, strict=True), strict=True):
            if key in seen:
                raise InputRefused(
                    "STUDY-DUPLICATE",
                    f"rows {seen[key]} and {row} are the same lesion of the same patient",
                    "Keep one row a lesion",
                )
            seen[key] = row

    @property
    def n(self) -> int:
        """How many lesions there are."""
        return len(self.patients)

    @property
    def cluster(self) -> Ints:
        """The patients numbered from 0, one number a lesion."""
        return places(np.asarray(self.patients, dtype=object).astype(str))

    @property
    def patient_count(self) -> int:
        """How many patients there are."""
        return len(set(self.patients))

    @property
    def first_rows(self) -> dict[str, int]:
        """Of each patient the place of the first row."""
        return {patient: k for k, patient in reversed(list(enumerate(self.patients)))}

    def without(self, column: str, where: Bools) -> LesionTable:
        """The table with cells of a column of numbers made missing."""
        values = np.where(where, np.nan, self.numbers[column])
        return replace(self, numbers={**self.numbers, column: values})

    def keep(self, where: Bools) -> LesionTable:
        """The rows where ``where`` holds."""
        at = [int(k) for k in np.flatnonzero(where)]
        return LesionTable(
            tuple(self.patients[k] for k in at),
            tuple(self.lesions[k] for k in at),
            tuple(self.rows[k] for k in at),
            {name: values[where] for name, values in self.numbers.items()},
            {name: tuple(values[k] for k in at) for name, values in self.texts.items()},
        )
