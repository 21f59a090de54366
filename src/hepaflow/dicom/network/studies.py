"""What is asked of an archive and what it answers, the same by DIMSE and by DICOMweb. Rows identify patients: only ``find`` prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hepaflow.dicom.pixels import quiet
from hepaflow.errors import UsageError

_DATE = re.compile(r"\d{8}|\d{8}-|-\d{8}|\d{8}-\d{8}")
#: Longest value of a search (PS3.5 6.2, LO; a name has 64 too for each of its forms).
_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """A search for studies; None: whatever it is. Texts may hold the wildcards * and ?; ``date`` is YYYYMMDD or a range A-B, A-, -B.

    Refused: nothing asked for (it would list every patient of the archive), a date that is none, values with a backslash or beyond 64 characters.
    """

    patient_id: str | None = None
    patient_name: str | None = None
    date: str | None = None
    accession: str | None = None
    modality: str | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.patient_id, self.patient_name, self.date, self.accession, self.modality) if v is not None]
        if not any(value.strip("*? ") for value in given):
            raise UsageError(
                "FIND-ALL", "the search names nothing to look for", "Give a patient ID, name, date, accession number or modality"
            )
        if any(len(value) > _CHARACTERS or "\\" in value or not value.isprintable() for value in given):
            raise UsageError(
                "FIND-VALUE", "a value of the search cannot be one of DICOM", "Use up to 64 characters and no backslash"
            )
        if self.date is not None and not _DATE.fullmatch(self.date):
            raise UsageError("FIND-DATE", "the date of the search is none", "Write YYYYMMDD, or a range YYYYMMDD-YYYYMMDD")

    def keys(self) -> dict[str, str]:
        """Attributes to match, by keyword."""
        pairs = {
            "PatientID": self.patient_id,
            "PatientName": self.patient_name,
            "StudyDate": self.date,
            "AccessionNumber": self.accession,
            "ModalitiesInStudy": self.modality,
        }
        return {keyword: value for keyword, value in pairs.items() if value is not None}


#: Attributes asked for of a study, in the order of :class:`StudyRow`.
RETURNED = (
    "StudyInstanceUID",
    "PatientID",
    "PatientName",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "StudyDescription",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study as the archive describes it; texts empty and numbers None where it does not say."""

    study_uid: str
    patient_id: str
    patient_name: str
    date: str
    time: str
    accession: str
    modalities: tuple[str, ...]
    description: str
    series: int | None
    instances: int | None


def row(dataset: Any) -> StudyRow:
    """From a data set of an answer; what cannot be decoded is left empty."""
    uid, patient_id, name, date, time, accession, modalities, description, series, instances = (
        text(dataset, keyword) for keyword in RETURNED
    )
    kinds = tuple(part for part in modalities.split("\\") if part)
    return StudyRow(uid, patient_id, name, date, time, accession, kinds, description, _count(series), _count(instances))


def text(dataset: Any, keyword: str) -> str:
    """A value as text, several joined by a backslash, without control characters."""
    with quiet():
        try:
            value = dataset.get(keyword)
        except Exception:  # the library's message would repeat the value
            return ""
    if value is None:
        return ""
    several = value if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]
    joined = "\\".join(str(part) for part in several)
    return "".join(character for character in joined if character.isprintable()).strip()


def _count(value: str) -> int | None:
    return int(value) if value.isdecimal() else None
