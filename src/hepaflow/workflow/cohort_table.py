"""A lesion table read: CSV, Parquet, or a folder tree of analysed cases; every cell typed by the code book."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path

import numpy as np

from hepaflow.cohort.sample import Floats
from hepaflow.cohort.table import Finding, LesionTable, Texts, comma
from hepaflow.errors import InputRefused, UsageError
from hepaflow.workflow import cohort_cases
from hepaflow.workflow.cohort_config import MISSING, ColumnPart, StudyConfig
from hepaflow.workflow.columns import LARGEST_BYTES, read_csv, unseen

CODE = "STUDY"
#: More lesions than this are no study of patients.
LARGEST_ROWS = 200_000
#: Beyond it a float no longer tells whole numbers apart: such a cell is a name or a mistake, no measurement.
LARGEST_NUMBER = 2.0**53
Cells = tuple[list[str], list[list[str]]]


def read(path: Path, config: StudyConfig) -> tuple[LesionTable, tuple[Finding, ...]]:
    """The table and what was found while reading it.

    ``path``: a CSV or Parquet file (a column ``case`` may name analysed case folders, relative to the file; their numbers are added as columns), or a folder whose
    cases are read, with the outcomes of ``config.outcomes`` joined by patient and lesion. Refused: as the messages say, naming row and column, never a cell's text.
    """
    head, body = cohort_cases.tree(path, patient=config.cluster, lesion=config.lesion) if path.is_dir() else _cells(path)
    if config.outcomes is not None:
        head, body = _joined((head, body), _cells(config.outcomes), config)
    if "case" in head:
        head, body = cohort_cases.added(head, body, folder=path.parent, lesion=config.lesion)
    return typed(head, body, config)


def _cells(path: Path) -> Cells:
    if path.suffix.lower() in {".parquet", ".pq"}:
        return _parquet(path)
    return read_csv(path, code=CODE)


def _parquet(path: Path) -> Cells:
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise InputRefused("STUDY-MISSING", "the given file does not exist", "Check the path")
    try:
        known = parquet.read_metadata(path)
        if sum(known.row_group(k).total_byte_size for k in range(known.num_row_groups)) > LARGEST_BYTES:
            raise InputRefused("STUDY-TOO-LARGE", "the table is larger than 50 MB", "Give a smaller table")
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputRefused("STUDY-UNREADABLE", "the file is not a readable Parquet table", "Write it again, or give CSV") from error
    head = [str(name).strip() for name in table.column_names]
    if len(set(head)) != len(head) or "" in head:
        raise InputRefused("STUDY-HEADER", "two columns have the same name, or one has none", "Give every column its own name")
    if any(map(unseen, head)):
        raise InputRefused("STUDY-HEADER", "the name of a column holds a control character", "Use letters, digits and plain signs")
    columns = [column.to_pylist() for column in table.columns]
    body = [[_cell(cell) for cell in row] for row in zip(*columns, strict=True)]
    if not body:
        raise InputRefused("STUDY-EMPTY", "the table has no rows", "Give at least one lesion")
    return head, body


def _cell(value: object) -> str:
    """A cell of a typed table as text; a time at midnight is a day."""
    if isinstance(value, datetime) and value.time() == time() and value.tzinfo is None:
        return value.date().isoformat()
    return "" if value is None else str(value).strip()


def _joined(left: Cells, right: Cells, config: StudyConfig) -> Cells:
    """Outcomes of a second table beside the lesions of the first; a lesion without one keeps empty cells."""
    keys = [config.cluster, config.lesion]
    for head in (left[0], right[0]):
        for key in keys:
            if key not in head:
                raise InputRefused(
                    "STUDY-COLUMN", f"there is no column {key!r} to join outcomes by", "Name patient and lesion in both tables"
                )
    at_left, at_right = [left[0].index(key) for key in keys], [right[0].index(key) for key in keys]
    new = [k for k, name in enumerate(right[0]) if name not in left[0]]
    found: dict[tuple[str, ...], list[str]] = {}
    for number, row in enumerate(right[1], start=2):
        whose = tuple(row[k] for k in at_right)
        if whose in found:
            raise InputRefused(
                "STUDY-DUPLICATE", f"row {number} of the outcomes names a lesion a second time", "Keep one row a lesion"
            )
        found[whose] = [row[k] for k in new]
    known = {tuple(row[k] for k in at_left) for row in left[1]}
    if strangers := [number for number, whose in enumerate(found, start=2) if whose not in known]:
        raise InputRefused(
            "STUDY-OUTCOME-STRANGER",
            f"row {strangers[0]} of the outcomes names a lesion that is not in the table ({len(strangers)} such)",
            "Correct the names of patients and lesions",
        )
    empty = [""] * len(new)
    return [*left[0], *(right[0][k] for k in new)], [[*row, *found.get(tuple(row[k] for k in at_left), empty)] for row in left[1]]


def typed(head: list[str], body: list[list[str]], config: StudyConfig) -> tuple[LesionTable, tuple[Finding, ...]]:
    """Head and rows of text as a table, every cell typed by the code book. Refused: as :func:`read`."""
    if len(body) > LARGEST_ROWS:
        raise InputRefused("STUDY-TOO-LARGE", f"the table has more than {LARGEST_ROWS} lesions", "Give a smaller table")
    if config.cluster not in head and not config.independent:
        raise InputRefused(
            "STUDY-COLUMN",
            f"there is no column {config.cluster!r}",
            "Name the patient of every lesion in it, set cluster, or set independent where patients are not known",
        )
    for name in (*config.columns, *(test.column for test in config.tests.values())):
        if name not in head:
            raise InputRefused("STUDY-COLUMN", f"there is no column {name!r}, which the configuration asks for", "Check its name")
    rows = tuple(range(2, len(body) + 2))
    columns = {name: [row[k] for row in body] for k, name in enumerate(head)}
    patients = tuple(f"row-{row}" for row in rows) if config.independent else _patients(columns[config.cluster], config)
    lesions = tuple(columns[config.lesion]) if config.lesion in columns else tuple(str(row) for row in rows)
    numbers: dict[str, Floats] = {}
    texts: dict[str, Texts] = {}
    findings: list[Finding] = []
    words = {config.outcome, config.cluster, config.lesion, "case"}
    for name, cells in columns.items():
        book = config.columns.get(name, ColumnPart())
        if name in words and (book.kind == "number" or book.direction or book.range or book.tolerance):
            raise UsageError(
                "STUDY-CONFIG", f"columns.{name}: this column holds names, not numbers", "Leave out direction, range and tolerance"
            )
        gone = {*MISSING, *config.missing, *book.missing}
        if name in words or book.kind == "category" or book.values:
            texts[name] = _words(name, cells, gone=gone, book=book, rows=rows)
            continue
        values, wrong = _numbers(cells, gone=gone)
        asked = book.direction is not None or book.kind == "number" or book.range is not None
        if wrong and not asked:
            texts[name] = _words(name, cells, gone=gone, book=book, rows=rows)
        elif wrong:
            raise InputRefused(
                "STUDY-NOT-A-NUMBER",
                f"row {rows[wrong[0]]}, column {name!r} is not a number",
                "Correct it, or add its code to missing",
            )
        else:
            numbers[name], found = _in_range(name, values, book=book, rows=rows)
            findings += found
    return LesionTable(patients, lesions, rows, numbers, texts), tuple(findings)


def _patients(cells: Sequence[str], config: StudyConfig) -> tuple[str, ...]:
    """Names of patients; one that says it is missing is none."""
    gone = {*MISSING, *config.missing, *config.columns.get(config.cluster, ColumnPart()).missing}
    return tuple("" if cell in gone else cell for cell in cells)


def _numbers(cells: Sequence[str], *, gone: set[str]) -> tuple[Floats, list[int]]:
    """The cells as numbers, and the places that hold something else."""
    values, wrong = np.full(len(cells), np.nan), []
    for k, cell in enumerate(cells):
        if cell in gone:
            continue
        try:
            # Python's notation is wider than that of tables: 1_000 is no thousand anywhere else
            value = float(cell) if cell.isascii() and "_" not in cell else math.nan
        except ValueError:
            value = math.nan
        if abs(value) <= LARGEST_NUMBER:
            values[k] = value
        else:
            wrong.append(k)
    return values, wrong


def _words(name: str, cells: Sequence[str], *, gone: set[str], book: ColumnPart, rows: Sequence[int]) -> Texts:
    found = tuple(None if cell in gone else cell for cell in cells)
    for row, cell in zip(rows, found, strict=True):
        if cell is not None and unseen(cell):
            raise InputRefused(
                "STUDY-UNSEEN",
                f"row {row}, column {name!r} holds a control character or an invisible one",
                "Type the cell again: it may look like another and not be the same",
            )
    if book.values:
        for row, cell in zip(rows, found, strict=True):
            if cell is not None and cell not in book.values:
                raise InputRefused(
                    "STUDY-CATEGORY", f"row {row}, column {name!r} is none of the values of the code book", "Correct it"
                )
    return found


def _in_range(name: str, values: Floats, *, book: ColumnPart, rows: Sequence[int]) -> tuple[Floats, list[Finding]]:
    """Values outside the code book's range are left out, and said."""
    if book.range is None:
        return values, []
    low, high = book.range
    outside = (values < low) | (values > high)
    if not outside.any():
        return values, []
    at = tuple(row for row, out in zip(rows, outside, strict=True) if out)
    text = f"{name}: {len(at)} of {len(values)} values lie outside {low:g} to {high:g}, the range of the code book, and are left out of every statistic."
    french = f"{name} : {len(at)} valeurs sur {len(values)} sont hors de l’intervalle {comma(f'{low:g}')} à {comma(f'{high:g}')} du dictionnaire des données, et exclues de toutes les statistiques."
    return np.where(outside, np.nan, values), [Finding("out-of-range", "serious", text, french, name, at)]
