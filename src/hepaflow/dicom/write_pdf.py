"""The report as an Encapsulated PDF of the patient's study, so that an archive shows what the case folder holds."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from hepaflow.dicom import origin
from hepaflow.dicom.codes import MEASUREMENT_REPORT, SOURCE_IMAGE
from hepaflow.domain.case import CaseResult
from hepaflow.errors import InputRefused

ENCAPSULATED_PDF_STORAGE = "1.2.840.10008.5.1.4.1.1.104.1"


def write_pdf(case: CaseResult, pdf: bytes, folder: Path) -> Path:
    """Write ``report_pdf.dcm`` (PS3.3 A.45.1), the bytes of ``pdf`` in it unchanged, and return its path.

    The series description ends with the digits of :func:`origin.version_of`. It refers to every image that was analysed. Burned In Annotation is NO: nothing in the report names or dates the patient.
    Refused: bytes that are no PDF.
    """
    from pydicom.dataset import Dataset

    if not pdf.startswith(b"%PDF-"):
        raise InputRefused("DOCUMENT-NOT-PDF", "the document is not a PDF", "Give the bytes of a PDF file")
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
    ds.EncapsulatedDocumentLength = len(pdf)
    ds.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    origin.settle(ds, study, "document", said)
    ds.file_meta = origin.file_meta(ds.SOPClassUID, ds.SOPInstanceUID)
    return origin.save(ds, folder / "report_pdf.dcm")
