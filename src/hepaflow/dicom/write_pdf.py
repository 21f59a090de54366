"""The report as an Encapsulated PDF of the patient's study, so that an archive shows what the case folder holds."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from hepaflow.dicom import origin
from hepaflow.dicom.codes import MEASUREMENT_REPORT, SOURCE_IMAGE
from hepaflow.domain.case import CaseResult
from hepaflow.errors import InputRefused

ENCAPSULATED_PDF_STORAGE = "1.2.840.10008.5.1.4.1.1.104.1"


def rewrite_pdf(path: Path, pdf: bytes, folder: Path, *, annotated: bool = False) -> Path:
    """The object at ``path``, as :func:`write_pdf` wrote it, with another ``pdf`` in it (the same report, signed), as an object and a series of its own in ``folder``.

    Patient, study, dates and references stay as they are. Burned In Annotation is YES where it is ``annotated``: dated, or written in by a
    reader. Refused: bytes that are no PDF, a file that is no Encapsulated PDF.
    """
    _check(pdf)
    ds = origin.document(path, ENCAPSULATED_PDF_STORAGE, what="the report's DICOM object")
    ds.DocumentTitle = f"{ds.DocumentTitle}, signed"
    ds.BurnedInAnnotation = "YES" if annotated else "NO"
    _hold(ds, pdf)
    return origin.save_signed(ds, folder / path.name, kind="document", content=pdf)


def examined(path: Path) -> str:
    """The date of the examination that the object at ``path`` belongs to, ``2026-11-27``; empty where there is none, or none that is the patient's."""
    from pydicom import dcmread

    ds: Any = dcmread(path, stop_before_pixels=True, specific_tags=["StudyDate", "PatientIdentityRemoved"])
    date = str(ds.get("StudyDate") or "")
    if ds.get("PatientIdentityRemoved") == "YES" or date == origin.NO_DATE or not re.fullmatch(r"\d{8}", date):
        return ""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"


def _check(pdf: bytes) -> None:
    if not pdf.startswith(b"%PDF-"):
        raise InputRefused("DOCUMENT-NOT-PDF", "the document is not a PDF", "Give the bytes of a PDF file")


def _hold(ds: Any, pdf: bytes) -> None:
    ds.EncapsulatedDocumentLength = len(pdf)
    ds.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)


def write_pdf(case: CaseResult, pdf: bytes, folder: Path) -> Path:
    """Write ``report_pdf.dcm`` (PS3.3 A.45.1), the bytes of ``pdf`` in it unchanged, and return its path.

    The series description ends with the digits of :func:`origin.version_of`. It refers to every image that was analysed. Burned In Annotation is NO: nothing in the report names or dates the patient.
    Refused: bytes that are no PDF.
    """
    from pydicom.dataset import Dataset

    _check(pdf)
    study, version = origin.origin_of(case), origin.version_of(case)
    said = hashlib.sha256(pdf + version.encode()).hexdigest()[:32]
    ds: Any = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = ENCAPSULATED_PDF_STORAGE, study.uid("document instance", said)
    ds.Modality, ds.SeriesInstanceUID = "DOC", study.uid("document", said)
    ds.SeriesNumber, ds.InstanceNumber = origin.SERIES_NUMBERS["document"], 1
    ds.SeriesDescription = f"Liver perfusion report, research {version}"
    ds.ConversionType = "WSD"
    origin.made_by(ds)
    ds.AcquisitionDateTime = None
    ds.BurnedInAnnotation, ds.RecognizableVisualFeatures = "NO", "NO"
    ds.SourceInstanceSequence = [origin.reference(image, SOURCE_IMAGE) for image in origin.analysed(case, study)]
    ds.DocumentTitle = "Liver perfusion report, research use only"
    ds.ConceptNameCodeSequence = [origin.coded_item(MEASUREMENT_REPORT)]
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    _hold(ds, pdf)
    origin.settle(ds, study, "document", said)
    ds.file_meta = origin.file_meta(ds.SOPClassUID, ds.SOPInstanceUID)
    return origin.save(ds, folder / "report_pdf.dcm")
