"""A study written down: tables, figures, results.json, report. Nothing is half written: each file is whole or absent."""

from __future__ import annotations

import csv
import hashlib
import io
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.cohort.study import Study
from hepaflow.cohort.table import LesionTable
from hepaflow.report import docx, html
from hepaflow.report.content import Document, Paragraph, Section, Table
from hepaflow.report.figures import raster, styled, vector
from hepaflow.report.files import replace_file
from hepaflow.report.study_document import Composed, compose
from hepaflow.report.study_drawings import Drawing
from hepaflow.store import plain_json
from hepaflow.workflow.cohort_config import StudyConfig
from hepaflow.workflow.cohort_results import LIBRARIES, results


def write(
    study: Study,
    config: StudyConfig,
    folder: Path,
    *,
    first: tuple[Section, ...] = (),
    more: Mapping[str, Any] | None = None,
    tables: Mapping[str, Table] | None = None,
    extra: Mapping[str, Drawing] | None = None,
) -> Composed:
    """Write ``tables/*.csv``, ``figures/*.svg`` and ``.png``, ``results.json``, ``report.html`` and ``report.docx`` into ``folder``; the same study gives the same bytes.

    ``first``: sections before the study's own; ``more``: keys beside those of results.json; ``tables``: CSV files beside the study's own; ``extra``: figures of a case.
    """
    software = {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    given = {name: value for name, value in config.about.model_dump().items() if value is not None}
    with styled():
        made = compose(study, software=software, given=given, first=first, label=label(study.table), extra=extra)
        for key, table in {**made.tables, **(tables or {})}.items():
            replace_file(folder / "tables" / f"{key}.csv", as_csv(table))
        replace_file(folder / "tables" / "analysed_lesions.csv", lesions_csv(study.table))
        for one in made.drawings:
            replace_file(folder / "figures" / f"{one.key}.svg", vector(one.canvas))
            replace_file(folder / "figures" / f"{one.key}.png", raster(one.canvas))
    replace_file(folder / "results.json", plain_json.text({**results(study), **(more or {})}, indent=1).encode())
    replace_file(folder / "report.html", html.render(made.document))
    replace_file(folder / "report.docx", as_docx(made.document))
    return made


def write_table(table: LesionTable, folder: Path, *, outcome: str) -> None:
    """The lesions as they were read, to be filled in: ``lesions.csv`` in ``folder``, with an empty column for the outcome."""
    whole = replace(table, texts={**table.texts, outcome: (None,) * table.n})
    replace_file(folder / "lesions.csv", lesions_csv(whole, numbered=False))


def label(table: LesionTable) -> str:
    """Eight letters that tell tables apart and say nothing of a patient."""
    return hashlib.sha256(lesions_csv(table)).hexdigest()[:8]


def as_csv(table: Table) -> bytes:
    """A printed table as CSV: head, rows; a row that heads others has one cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([text.replace("\n", " ") for text in table.head])
    writer.writerows([[safe(cell.text.replace("\n", " ").strip()) for cell in row.cells] for row in table.rows])
    return stream.getvalue().encode("utf-8")


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "@"} or (text[:1] == "-" and not text[1:2].isdigit()) else text


def lesions_csv(table: LesionTable, *, numbered: bool = True) -> bytes:
    """The lesions that were analysed, as they were read: texts and numbers at full precision; ``numbered``: with their rows in the file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [*table.texts, *table.numbers]
    writer.writerow(["row", *names] if numbered else names)
    for k, row in enumerate(table.rows):
        cells = ["" if (text := table.texts[name][k]) is None else safe(text) for name in table.texts]
        values = ["" if np.isnan(value) else repr(float(value)) for value in (table.numbers[name][k] for name in table.numbers)]
        writer.writerow([row, *cells, *values] if numbered else [*cells, *values])
    return stream.getvalue().encode("utf-8")


def as_docx(document: Document) -> bytes:
    """The report for a word processor."""
    blocks = [block for section in document.sections for block in (Paragraph(section.title, style="heading"), *section.blocks)]
    return docx.document(document.title, blocks)
