"""Content items of a structured report (PS3.3 C.17.3), made directly.

Not with the library's templates: a report holds thousands of these, and those take milliseconds each.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from hepaflow.dicom.codes import OBSERVER_TYPE, PERSON, PERSON_NAME, Code
from hepaflow.dicom.write_map import coded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: What parts a name in DICOM, or several values.
_NOT_IN_A_NAME = str.maketrans("^=\\", "   ")


def number(name: Code, value: float | None, unit: Code, *under: Dataset) -> list[Dataset]:
    """A NUM item (PS3.3 C.18.1) with what is said ``under`` it, or nothing where there is no finite value."""
    from pydicom.dataset import Dataset
    from pydicom.valuerep import DSfloat

    if value is None or not math.isfinite(value):
        return []
    measured: Any = Dataset()
    measured.MeasurementUnitsCodeSequence = [_concept(unit)]
    measured.NumericValue = DSfloat(float(value), auto_format=True)
    measured.FloatingPointValue = float(value)
    made = _item("NUM", "CONTAINS", name)
    made.MeasuredValueSequence = [measured]
    if under:
        made.ContentSequence = list(under)
    return [made]


@cache
def modifier(name: Code, value: Code) -> Any:
    """A coded modifier of the item above; the same object wherever it is said."""
    return _coded_item("HAS CONCEPT MOD", name, value)


@cache
def text(name: Code, value: str) -> Any:
    """A modifier in words."""
    made = _item("TEXT", "HAS CONCEPT MOD", name)
    made.TextValue = value
    return made


def container(name: Code, said: list[tuple[Code, Code]]) -> Any:
    """A container of the document that holds coded answers: what is asked, and what is said of it."""
    made = _item("CONTAINER", "CONTAINS", name)
    made.ContinuityOfContent = "SEPARATE"
    made.ContentSequence = [_coded_item("CONTAINS", asked, answer) for asked, answer in said]
    return made


def said_by(name: Code, heading: Code, words: str, *, person: str, at: str) -> Any:
    """A container that holds what a ``person`` wrote at ``at`` (ISO, UTC), with them as its observer (PS3.16 TID 1002, 1003)."""
    observer = _item("PNAME", "HAS OBS CONTEXT", PERSON_NAME)
    observer.PersonName = person.translate(_NOT_IN_A_NAME)[:64]  # one component group, however the name is written
    note = _item("TEXT", "CONTAINS", heading)
    note.TextValue = words.replace("\n", "\r\n")
    note.ObservationDateTime = f"{at[:19].replace('-', '').replace(':', '').replace('T', '')}+0000"
    made = _item("CONTAINER", "CONTAINS", name)
    made.ContinuityOfContent = "SEPARATE"
    made.ContentSequence = [_coded_item("HAS OBS CONTEXT", OBSERVER_TYPE, PERSON), observer, note]
    return made


def _coded_item(relation: str, name: Code, value: Code) -> Any:
    made = _item("CODE", relation, name)
    made.ConceptCodeSequence = [_concept(value)]
    return made


def _item(kind: str, relation: str, name: Code) -> Any:
    from pydicom.dataset import Dataset

    made: Any = Dataset()
    made.ValueType, made.RelationshipType = kind, relation
    made.ConceptNameCodeSequence = [_concept(name)]
    return made


@cache
def _concept(code: Code) -> Any:
    """A coded concept; the same object wherever it is said."""
    return coded(code)
