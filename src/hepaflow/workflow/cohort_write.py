"""A study written down: tables, figures, results.json, report. Nothing is half written: each file is whole or absent."""

from __future__ import annotations

import csv
import hashlib
import io
import platform
import re
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

#: What may begin with a sign and is no formula.
_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")


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
        made = compose(study, software=software, given=given, first=first, label=label(study, config), extra=extra)
        for key, table in {**made.tables, **(tables or {})}.items():
            replace_file(folder / "tables" / f"{key}.csv", as_csv(table, synthetic=study.synthetic))
        replace_file(folder / "tables" / "analysed_lesions.csv", lesions_csv(study.table, synthetic=study.synthetic))
        for one in made.drawings:
            replace_file(folder / "figures" / f"{one.key}.svg", vector(one.canvas))
            replace_file(folder / "figures" / f"{one.key}.png", raster(one.canvas))
    asked = {"configuration": config.model_dump(mode="json", exclude={"outcomes"}), "table_sha256": digest(study.table)}
    replace_file(folder / "results.json", plain_json.text({**results(study), **asked, **(more or {})}, indent=1).encode())
    replace_file(folder / "report.html", html.render(made.document))
    replace_file(folder / "report.docx", as_docx(made.document))
    return made


def write_table(table: LesionTable, folder: Path, *, outcome: str) -> None:
    """The lesions as they were read, with an empty column ``outcome`` to be filled in: ``lesions.csv`` in ``folder``. What cases said stands in columns of its own, so the paths of cases go."""
    texts = {name: cells for name, cells in table.texts.items() if name != "case"}
    replace_file(folder / "lesions.csv", lesions_csv(replace(table, texts={**texts, outcome: (None,) * table.n}), numbered=False))


def digest(table: LesionTable) -> str:
    """SHA-256 of the analysed lesions as ``analysed_lesions.csv`` holds them."""
    return hashlib.sha256(lesions_csv(table)).hexdigest()


def label(study: Study, config: StudyConfig) -> str:
    """Eight letters that tell studies apart, by table and configuration, and say nothing of a patient."""
    return hashlib.sha256((digest(study.table) + config.model_dump_json(exclude={"outcomes"})).encode()).hexdigest()[:8]


def as_csv(table: Table, *, synthetic: bool = False) -> bytes:
    """A printed table as CSV: head, rows; of a row that heads others only the first cell is filled. Made-up data say so in a last column."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head, mark = _marks(synthetic)
    writer.writerow([*(safe(text.replace("\n", " ")) for text in table.head), *head])
    for row in table.rows:
        cells = [safe(cell.text.replace("\n", " ").strip()) for cell in row.cells]
        writer.writerow([*cells, *[""] * (len(table.head) - len(cells)), *mark])
    return stream.getvalue().encode("utf-8")


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    harmless = text[:1] not in {"=", "+", "-", "@"} or _NUMBER.fullmatch(text) is not None
    return text if harmless else f"'{text}"


def _marks(synthetic: bool) -> tuple[list[str], list[str]]:
    """Head and cell of the column that tells made-up data."""
    return (["SYNTHETIC DATA"], ["yes"]) if synthetic else ([], [])


def lesions_csv(table: LesionTable, *, numbered: bool = True, synthetic: bool = False) -> bytes:
    """The lesions that were analysed, as they were read: names, texts and numbers at full precision; first the number of the row in the file where ``numbered``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [*table.texts, *table.numbers]
    head, mark = _marks(synthetic)
    first = "row" if "row" not in names else "row of the file"
    writer.writerow([*([first] if numbered else []), *map(safe, names), *head])
    for k, row in enumerate(table.rows):
        cells = ["" if (text := table.texts[name][k]) is None else safe(text) for name in table.texts]
        values = ["" if np.isnan(value) else repr(float(value)) for value in (table.numbers[name][k] for name in table.numbers)]
        writer.writerow([*([row] if numbered else []), *cells, *values, *mark])
    return stream.getvalue().encode("utf-8")


def as_docx(document: Document) -> bytes:
    """The report for a word processor."""
    first = Paragraph(f"{document.subtitle}. {document.disclaimer} hepaflow {document.version}, {document.label}", style="note")
    blocks = [block for section in document.sections for block in (Paragraph(section.title, style="heading"), *section.blocks)]
    return docx.document(document.title, [first, *blocks])
