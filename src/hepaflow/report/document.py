"""A case as a report: ``report.html`` (one offline file) and ``report.pdf``, from the same content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from hepaflow import __version__
from hepaflow.domain.case import CaseResult
from hepaflow.report import html, pdf
from hepaflow.report.content import Document
from hepaflow.report.figures import styled
from hepaflow.report.figures_ratio import summary_figure
from hepaflow.report.files import replace_file
from hepaflow.report.rated import Truth
from hepaflow.report.sections import every
from hepaflow.report.signature import Signature, with_signature
from hepaflow.report.words import Words

__all__ = ["compose", "save", "study_label", "summary_figure", "write"]


def study_label(case: CaseResult) -> str:
    """Eight letters that tell studies apart and say nothing of the patient: the digest of the first step's input begins with them."""
    if case.history:
        return case.history[0].input_digest[:8]
    seed = np.asarray(case.series.times_s, "<f8").tobytes() + repr(case.series.voxels.shape).encode()
    return hashlib.sha256(b"hepaflow study " + seed).hexdigest()[:8]


def compose(
    case: CaseResult,
    *,
    language: str = "en",
    truth: Truth | None = None,
    signature: Signature | None = None,
    first_visit: bool = False,
) -> Document:
    """The report's content in one language, signed or not; of a patient's ``first_visit`` it says baseline where it else says response.

    Refused: a language other than ``en`` and ``fr`` (LANGUAGE-UNKNOWN).
    """
    words = Words(language, first_visit=first_visit)
    model = case.maps.model
    values = {
        "version": __version__,
        "model": words.model(model),
        "passes": str(case.series.passes),
        "seconds": words.number(float(case.series.times_s[-1]), 0),
    }
    with styled():
        sections = every(case, words=words, truth=truth)
    document = Document(
        language=language,
        title=words("title"),
        subtitle=words("subtitle", **values),
        label=words("label", label=study_label(case)),
        version=__version__,
        disclaimer=words("disclaimer"),
        contents_title=words("contents"),
        page_of=words("page_of", page="{page}", pages="{pages}"),
        sections=sections,
        first_visit=first_visit,
    )
    return document if signature is None else with_signature(document, signature)


def write(case: CaseResult, folder: Path, *, language: str = "en", truth: Truth | None = None) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.pdf`` into ``folder``; the same case gives the same bytes.

    ``truth`` (only for a phantom) maps ``healthy`` and lesion ids to ``bf`` and ``ratio_bf`` and adds a table of truth beside
    measurement. Refused: an unknown language (LANGUAGE-UNKNOWN); a folder that cannot be written raises REPORT-NOT-WRITTEN.
    """
    return save(compose(case, language=language, truth=truth), folder)


def save(document: Document, folder: Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.pdf`` of a composed report; a folder that cannot be written raises REPORT-NOT-WRITTEN."""
    page, paper = folder / "report.html", folder / "report.pdf"
    replace_file(page, html.render(document))
    replace_file(paper, pdf.render(document))
    return page, paper
