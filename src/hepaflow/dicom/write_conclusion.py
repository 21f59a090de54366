"""The structured report with a reader's conclusion in it, as a document of its own that names the one before it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepaflow.dicom import codes, origin
from hepaflow.dicom.sr_items import said_by

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

COMPREHENSIVE_3D_SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88.34"
_CONTENT = 0x0040A730


def write_conclusion(path: Path, folder: Path, *, conclusion: str, reader: str, at: str) -> Path:
    """The report at ``path`` with a container Conclusions after its measurements: the text, and the person who wrote it at ``at`` (ISO, UTC).

    Everything else stays as it is; the document is not marked as verified. Refused: a file that is no such report.
    """
    from pydicom.dataelem import DataElement

    ds = origin.document(path, COMPREHENSIVE_3D_SR_STORAGE, what="the structured report")
    ds.PredecessorDocumentsSequence = [_named(ds)]
    written = said_by(codes.CONCLUSIONS, codes.CONCLUSION, conclusion, person=reader, at=at)
    ds[_CONTENT] = DataElement(_CONTENT, "SQ", [*ds.ContentSequence, written])
    return origin.save_signed(ds, folder / path.name, kind="report", content="\n".join((conclusion, reader, at)).encode())


def _named(ds: Any) -> Dataset:
    """The document as another one refers to it."""
    from pydicom.dataset import Dataset

    series: Any = Dataset()
    series.SeriesInstanceUID = ds.SeriesInstanceUID
    series.ReferencedSOPSequence = [origin.reference((ds.SOPClassUID, ds.SOPInstanceUID))]
    study: Any = Dataset()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = ds.StudyInstanceUID, [series]
    return study  # type: ignore[no-any-return]
