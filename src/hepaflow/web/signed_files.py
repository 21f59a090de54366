"""What lies signed beside a case: the report that bears the signature, and the DICOM results with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepaflow.store import atomic
from hepaflow.web.beside import link
from hepaflow.web.places import StudyPlace

if TYPE_CHECKING:
    from hepaflow.report.content import Document

PAPER, STRUCTURED = "report_pdf.dcm", "report.dcm"


def write(report: Document, place: StudyPlace, stage: Path, signature: Mapping[str, Any]) -> None:
    """The report with the signature in it, and the DICOM results with that report, and the conclusion in the structured one."""
    # loaded here: the server starts without the libraries that write reports
    from hepaflow.dicom.pixels import quiet
    from hepaflow.dicom.write_conclusion import write_conclusion
    from hepaflow.dicom.write_pdf import examined, rewrite_pdf
    from hepaflow.report import document
    from hepaflow.report.signature import Measured, Signature, with_signature

    reader, moment, said = signature["reader"], signature["at"], signature["statement"]
    measured = tuple(Measured(**one) for one in signature["calipers"])
    results, signed = place.case / "dicom", stage / "dicom"
    date = examined(results / PAPER)
    one = Signature(reader, _read(moment), said, signature["digest"], measured, date)
    _, paper = document.save(with_signature(report, one), stage)
    signed.mkdir()
    written = {results / PAPER, *([results / STRUCTURED] if said else [])}
    for path in sorted(results.rglob("*.dcm")):
        target = signed / path.relative_to(results)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path not in written:
            with atomic.reporting("the signed results"):
                link(path, target)
    with quiet(), atomic.reporting("the signed report"):
        rewrite_pdf(results / PAPER, paper.read_bytes(), signed, annotated=bool(said or date))
        if said and (results / STRUCTURED).is_file():
            write_conclusion(results / STRUCTURED, signed, conclusion=said, reader=reader, at=moment)


def _read(moment: str) -> str:
    """A time stamp as a reader reads it."""
    return f"{moment[:10]} {moment[11:16]} UTC"
