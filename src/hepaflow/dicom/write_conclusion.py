"""The structured report with a reader's conclusion in it, as a document of its own that names the one before it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepaflow.dicom import codes, origin
from hepaflow.dicom.sr_items import said_by
from hepaflow.dicom.write_ct import stable_uid
from hepaflow.errors import InputRefused

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

COMPREHENSIVE_3D_SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88.34"
_CONTENT = 0x0040A730


def write_conclusion(path: Path, folder: Path, *, conclusion: str, reader: str, at: str) -> Path:
    """The report at ``path`` with a container Conclusions after its measurements: the text, and the person who wrote it at ``at`` (ISO, UTC).

    Everything else stays as it is; the document is not marked as verified. Refused: a file that is no such report.
    """
    from pydicom import dcmread
    from pydicom.dataelem import DataElement
    from pydicom.errors import InvalidDicomError

    try:
        ds: Any = dcmread(path)
    except (InvalidDicomError, OSError) as error:
        raise InputRefused("DOCUMENT-NOT-DICOM", "the structured report cannot be read", "Analyse the study again") from error
    if ds.get("SOPClassUID") != COMPREHENSIVE_3D_SR_STORAGE:
        raise InputRefused("DOCUMENT-NOT-DICOM", "the structured report is none", "Analyse the study again")
    ds.PredecessorDocumentsSequence = [_named(ds)]
    written = said_by(codes.CONCLUSIONS, codes.CONCLUSION, conclusion, person=reader, at=at)
    ds[_CONTENT] = DataElement(_CONTENT, "SQ", [*ds.ContentSequence, written])
    said = (ds.SOPInstanceUID, hashlib.sha256("\n".join((conclusion, reader, at)).encode()).hexdigest())
    ds.SOPInstanceUID, ds.SeriesInstanceUID = stable_uid("signed report instance", *said), stable_uid("signed report", *said)
    ds.SeriesDescription = f"{ds.SeriesDescription}, signed"
    ds.file_meta = origin.file_meta(ds.SOPClassUID, ds.SOPInstanceUID)
    return origin.save(ds, folder / path.name)


def _named(ds: Any) -> Dataset:
    """The document as another one refers to it."""
    from pydicom.dataset import Dataset

    series: Any = Dataset()
    series.SeriesInstanceUID = ds.SeriesInstanceUID
    series.ReferencedSOPSequence = [origin.reference((ds.SOPClassUID, ds.SOPInstanceUID))]
    study: Any = Dataset()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = ds.StudyInstanceUID, [series]
    return study  # type: ignore[no-any-return]
