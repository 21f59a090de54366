"""Tables that people bring: read strictly, refused by row and column, never echoing what a cell holds."""

from __future__ import annotations

import csv
import math
import re
import stat
import unicodedata
from pathlib import Path

from hepaflow.errors import InputRefused

#: A table larger than this is no list of curves or visits.
LARGEST_BYTES = 50_000_000
#: Characters that steer a terminal or the direction of text rather than being text (control, format, line and paragraph ends).
UNSEEN = {"Cc", "Cf", "Zl", "Zp"}
_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?")


def unseen(text: str) -> bool:
    r"""Whether a text holds characters that are not seen.

    >>> unseen("major"), unseen("major\u200b")
    (False, True)
    """
    return not text.isprintable() and any(unicodedata.category(letter) in UNSEEN for letter in text)


def read_text(path: Path, *, most_bytes: int = LARGEST_BYTES) -> str | None:
    """The text of a regular file (UTF-8, perhaps with a mark); None where it is larger than ``most_bytes``. Raises OSError for anything else: a device has no end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    return None if len(data) > most_bytes else data.decode("utf-8-sig")


def read_csv(path: Path, *, code: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file (comma, semicolon or tab; a decimal comma where the separator is a semicolon).

    Refused with codes ``CODE-...``: no file, not text, no header, two columns of one name, a name with
    characters that are not text, a row of another length.
    """
    try:
        text = read_text(path)
        if text is None:
            raise InputRefused(f"{code}-TOO-LARGE", "the table is larger than 50 MB", "Give a smaller table")
    except FileNotFoundError as error:
        raise InputRefused(f"{code}-MISSING", "the given file does not exist", "Check the path") from error
    except (OSError, ValueError) as error:
        raise InputRefused(f"{code}-UNREADABLE", "the file is not readable text", "Give a CSV file in UTF-8") from error
    rows, separator = _records(text, code=code)
    if len(rows) < 2:
        raise InputRefused(f"{code}-EMPTY", "the table has no rows under its header", "Give a header line and at least one row")
    head = _names(rows[0])
    if len(set(head)) != len(head) or "" in head:
        raise InputRefused(f"{code}-HEADER", "two columns have the same name, or one has none", "Give every column its own name")
    if any(map(unseen, head)):
        raise InputRefused(
            f"{code}-HEADER", "the name of a column holds a control character", "Use letters, digits and plain signs"
        )
    body = []
    for number, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row]
        if len(cells) < len(head) or any(cells[len(head) :]):
            raise InputRefused(f"{code}-ROW", f"row {number} has another number of cells than the header", "Fill every row")
        if separator == ";":
            cells = [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]
        body.append(cells[: len(head)])
    return head, body


def header_of(text: str, *, code: str) -> list[str]:
    """The names of the columns as :func:`read_csv` would find them in a file of this text; none in an empty one. Refused: what is no CSV."""
    rows, _ = _records(text.removeprefix("\ufeff"), code=code)
    return _names(rows[0]) if rows else []


def _records(text: str, *, code: str) -> tuple[list[list[str]], str]:
    """Every row that holds something, and the separator. A record may span lines, and blank ones may come before the first."""
    lines = text.splitlines()
    first = lines[0] if lines else ""
    separator = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator, strict=True) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputRefused(f"{code}-NOT-CSV", "the file is not a well-formed CSV table", "Check quotes and separators") from error
    return rows, separator


def _names(row: list[str]) -> list[str]:
    head = [cell.strip() for cell in row]
    while head and not head[-1]:
        head.pop()
    return head


def as_number(cell: str, *, code: str, where: str) -> float:
    """A cell as a number; NaN when it is empty or says so. Refused: anything else, infinity, underscores, digits of other scripts."""
    if cell.lower() in {"", "nan", "na", "n/a"}:
        return math.nan
    try:
        # Python's own notation is wider than that of tables: 1_000 is no thousand anywhere else
        value = float(cell if cell.isascii() and "_" not in cell else "no number")
    except ValueError as error:
        raise InputRefused(
            f"{code}-NOT-A-NUMBER", f"{where} is not a number", "Give numbers with a decimal point, or leave the cell empty"
        ) from error
    if math.isinf(value):
        raise InputRefused(f"{code}-NOT-A-NUMBER", f"{where} is infinite", "Leave the cell empty when the value is missing")
    return value
