"""What DICOM output needs of the original headers: references to the images, and the values of patient, study and frame.

This identifies the patient: it is passed on in memory to the writers of DICOM and goes nowhere else.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from hepaflow.dicom.gate import DEFLATED
from hepaflow.dicom.headers import Instance
from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.times import TimeAxis
from hepaflow.dicom.values import TAGS, zone_of
from hepaflow.errors import InputRefused

#: Attributes of patient, study, frame and equipment that derived objects repeat (PS3.3 C.7.1 to C.7.5).
KEYWORDS = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "PatientAge", "PatientSize", "PatientWeight"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "PatientPosition", "BodyPartExamined"),
    *("Manufacturer", "ManufacturerModelName"),
    *("TimezoneOffsetFromUTC", "BurnedInAnnotation", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)


def references(axis: TimeAxis, by_file: dict[int, Instance]) -> dict[str, Any]:
    """``header``: keyword to text, of the first image; ``images``: [pass][slice] of SOP class UID, SOP instance UID, series UID, frame or None.

    ``clock`` is the encoding that gave the time axis, ``moments_us`` [pass][slice] what it says, as :class:`Slice` counts: in UTC
    where ``clock_zone`` (&ZZXX, of the first image) is not empty.
    """
    return {
        "kind": "dicom",
        "header": _header(by_file[axis.slices[0][0].file]),
        "images": [[(by_file[s.file].sop_class, s.sop_uid, s.series_uid, s.frame) for s in row] for row in axis.slices],
        "clock": axis.source,
        "moments_us": axis.slice_times_us.tolist(),
        "clock_zone": _clock_zone(axis, by_file),
    }


def _clock_zone(axis: TimeAxis, by_file: dict[int, Instance]) -> str:
    """The offset from UTC that the clock of the time axis names itself, which only a DT can."""
    first = axis.slices[0][0]
    header = by_file[first.file].header
    own = {} if first.frame is None else header.frames[first.frame - 1]
    raw = (header.values | header.shared | own).get(TAGS.get(axis.source, 0), b"")
    return zone_of(raw.rstrip(b"\x00 ").decode("ascii", "replace")) if axis.source.endswith("DateTime") else ""


def _header(instance: Instance) -> dict[str, str]:
    """Text decoded by the file's own character set; several values joined by a backslash. What cannot be decoded is left out."""
    from pydicom import dcmread

    found: dict[str, str] = {}
    pixels, deflated = instance.header.pixels, instance.header.syntax == DEFLATED
    data = instance.entry.read() if pixels is None or deflated else instance.entry.head(pixels.start)
    with quiet():
        try:
            header = dcmread(
                BytesIO(data),
                stop_before_pixels=True,
                force=True,
                specific_tags=["SpecificCharacterSet", *KEYWORDS],
            )
        except Exception as error:  # the library's message would repeat the value
            raise InputRefused(
                "FILE-DAMAGED", "patient and study values cannot be read", "Check the export of the study"
            ) from error
        for keyword in KEYWORDS:
            try:
                value = header.get(keyword)
            except Exception:  # the library's message would repeat the value
                continue
            if value is not None:
                several = value if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]
                found[keyword] = "\\".join(str(part) for part in several)
    return found
