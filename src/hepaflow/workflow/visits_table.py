"""A patient's visits as a table of CSV or JSON, read strictly: to exact sizes, and to the ratios that perfusion criteria judge."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from hepaflow.domain.exact import exact, not_negative
from hepaflow.domain.visits import ROLES, STATES, Finding, Role, State, Visit, Visits
from hepaflow.errors import InputRefused
from hepaflow.workflow.columns import UNSEEN, as_number, read_csv, read_text

CODE = "VISITS"
LENGTHS = ("diameter_mm", "perpendicular_mm", "short_axis_mm", "viable_mm", "viable_perpendicular_mm")
#: No lesion of the body is larger (mm), no tissue outside the scale of CT (HU).
_LARGEST_MM, _LOWEST_HU, _HIGHEST_HU = 500, -1024, 3071
#: A name of a size in another unit, or in none.
_OTHER_UNIT = re.compile(r"(diameter|perpendicular|short_axis|viable|viable_perpendicular|size)(_(?!mm$).*)?", re.IGNORECASE)
_BASELINE = {"baseline", "base", "initial", "référence"}
#: No examination lies outside these years.
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_YES, _NO = {"yes", "true", "1", "oui"}, {"no", "false", "0", "non"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was written: number, plain cells, and what any criterion needs of it."""

    number: int
    cells: Mapping[str, str]
    visit: str
    day: date | None
    lesion: str
    role: Role | None
    state: State

    def cell(self, name: str) -> str:
        """The text of a column; empty when it is not there."""
        return self.cells.get(name, "")

    def length(self, name: str) -> Fraction | None:
        """A size in mm; fragments may be written as 12+8. Refused: negative, larger than any lesion, no number."""
        text = self.cell(name)
        if text.lower() in {"", "nan", "na", "n/a"}:
            return None
        parts = text.split("+")
        if len(parts) > 1 and self.state != "fragments":
            raise InputRefused(
                f"{CODE}-ROW", f"row {self.number}: {name} holds several sizes of one lesion", "Set state to fragments"
            )
        for part in parts:
            as_number(part, code=CODE, where=f"row {self.number}, {name}")
            if part.strip().startswith("-"):
                raise InputRefused(f"{CODE}-NEGATIVE", f"row {self.number}: {name} is negative", "Check the value")
        total = sum((not_negative(part, what=f"row {self.number}, {name}") for part in parts), Fraction(0))
        if total > _LARGEST_MM:
            raise InputRefused(f"{CODE}-UNIT", f"row {self.number}: {name} is above {_LARGEST_MM} mm", "Give sizes in mm")
        return total

    def number_of(self, name: str) -> Fraction | None:
        """An exact number that may be negative."""
        as_number(self.cell(name), code=CODE, where=f"row {self.number}, {name}")
        return (
            None
            if self.cell(name).lower() in {"", "nan", "na", "n/a"}
            else exact(self.cell(name), what=f"row {self.number}, {name}")
        )

    def group(self, name: str) -> int | None:
        """A morphology group; None when it is empty. Refused: what is not 1, 2 or 3."""
        value = self.number_of(name)
        if value is not None and value not in (1, 2, 3):
            raise InputRefused("MORPHOLOGY-GROUP", f"row {self.number}: {name} is not 1, 2 or 3", "Give the group of Chun, 1 to 3")
        return None if value is None else int(value)

    def yes(self, name: str) -> bool | None:
        """A yes or no; None when it is empty."""
        word = self.cell(name).lower()
        if word in _YES or word in _NO:
            return word in _YES
        if word:
            raise InputRefused(f"{CODE}-WORD", f"row {self.number}: {name} is neither yes nor no", "Write yes or no")
        return None


def read_rows(path: Path) -> list[Row]:
    """Every row of a CSV or JSON file.

    Refused: no column visit or lesion, a size in another unit than mm, a row without visit or lesion, a control character in their names, a lesion
    twice at a visit unless it is in fragments, a date that is none, an unknown role or state.
    """
    records = _json_records(path) if path.suffix.lower() == ".json" else _csv_records(path)
    rows: list[Row] = []
    seen: dict[tuple[str, str], Row] = {}
    for number, cells in records:
        row = _row(number, cells)
        before = seen.setdefault((row.visit, row.lesion), row)
        if before is not row and not before.state == row.state == "fragments":
            raise InputRefused(
                f"{CODE}-REPEATED", f"row {number} repeats a lesion of the same visit", "Give one row a visit and lesion"
            )
        rows.append(row)
    return rows


def by_visit(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of every visit, in the order of their dates; in the order of the file where no visit has one.

    Refused: two dates of one visit, two visits of one date, some visits dated and others not, a visit called baseline that is not the first.
    """
    visits: dict[str, list[Row]] = {}
    for row in rows:
        visits.setdefault(row.visit, []).append(row)
    days = {visit: day_of(found) for visit, found in visits.items()}
    dated = [day for day in days.values() if day is not None]
    if 0 < len(dated) < len(days):
        raise InputRefused(f"{CODE}-DATE", "some visits have a date and others have none", "Date every visit, or none")
    if len(set(dated)) < len(dated):
        raise InputRefused(f"{CODE}-DATE", "two visits have the same date", "Check the dates, or give both the same name")
    order = sorted(visits, key=lambda visit: days[visit] or date.min) if dated else list(visits)
    if any(name.lower() in _BASELINE for name in order[1:]):
        raise InputRefused(f"{CODE}-ORDER", "the visit that is called baseline is not the earliest", "Check the dates")
    return {visit: visits[visit] for visit in order}


def day_of(rows: Iterable[Row]) -> date | None:
    """The date of a visit's rows. Refused: two of them."""
    days = {row.day for row in rows if row.day is not None}
    if len(days) > 1:
        raise InputRefused(f"{CODE}-DATE", "one visit has two dates", "Give every row of a visit the same date")
    return days.pop() if days else None


def to_visits(visits: Mapping[str, list[Row]], *, roles_needed: bool) -> Visits:
    """What a reader measured. Where ``nodal`` is empty it is that of the baseline's row.

    Without ``roles_needed`` a row without a role has that of the baseline's row (target, where that has none either), and is new where the baseline does not
    hold its lesion. Refused: a row without a role where one is needed, fragments of one lesion that differ in more than their sizes, and all that ``Visits``
    and ``Finding`` refuse.
    """
    names = list(visits)
    known: dict[str, Row] = {}
    for row in visits[names[0]]:
        known.setdefault(row.lesion, row)
    found = []
    for name in names:
        lesions: dict[str, list[Row]] = {}
        for row in visits[name]:
            lesions.setdefault(row.lesion, []).append(row)
        found.append(Visit(name, day_of(visits[name]), tuple(_finding(rows, known, roles_needed) for rows in lesions.values())))
    return Visits(tuple(found))


def markers_raised(visits: Mapping[str, list[Row]]) -> frozenset[str]:
    """Visits at which a row says that tumor markers are raised. Refused: a word that is neither normal nor raised."""
    raised = set()
    for name, rows in visits.items():
        for row in rows:
            word = row.cell("markers").lower()
            if word not in {"", "normal", "raised"}:
                raise InputRefused(f"{CODE}-WORD", f"row {row.number}: markers is not a known word", "Use normal or raised")
            if word == "raised":
                raised.add(name)
    return frozenset(raised)


def _finding(rows: list[Row], known: Mapping[str, Row], roles_needed: bool) -> Finding:
    row, first = rows[0], known.get(rows[0].lesion)
    for name in ("role", "organ", "nodal", "hu", "morphology", "morphology_2", "unequivocal"):
        if any(other.cell(name) != row.cell(name) for other in rows):
            raise InputRefused(
                f"{CODE}-ROW",
                f"row {row.number}: fragments of one lesion differ in {name}",
                "Write the same in all rows of the lesion",
            )
    role, nodal = row.role, row.yes("nodal")
    if role is None:
        if roles_needed:
            raise InputRefused(f"{CODE}-ROLE", f"row {row.number} has no role", "Write target, non-target or new in every row")
        role = "new" if first is None else first.role or "target"
    sizes = {name: _summed([one.length(name) for one in rows]) for name in LENGTHS}
    hu = row.number_of("hu")
    if hu is not None and not _LOWEST_HU <= hu <= _HIGHEST_HU:
        raise InputRefused(f"{CODE}-UNIT", f"row {row.number}: hu is outside the scale of CT", "Give the mean attenuation in HU")
    return Finding(
        row.lesion,
        role,
        row.state,
        row.cell("organ") or None,
        bool(first.yes("nodal") if nodal is None and first is not None else nodal),
        hu=hu,
        morphology=row.group("morphology"),
        unequivocal=row.yes("unequivocal"),
        merged_with=row.cell("merged_with") or None,
        **sizes,
    )


def _summed(sizes: list[Fraction | None]) -> Fraction | None:
    """The sizes of fragments added up; unknown as soon as one is."""
    total = Fraction(0)
    for size in sizes:
        if size is None:
            return None
        total += size
    return total


def _row(number: int, cells: dict[str, str]) -> Row:
    visit, lesion = cells.get("visit", ""), cells.get("lesion", "")
    if not visit or not lesion:
        raise InputRefused(f"{CODE}-ROW", f"row {number} names no visit or no lesion", "Fill visit and lesion in every row")
    if any(unicodedata.category(letter) in UNSEEN for letter in visit + lesion):
        raise InputRefused(
            f"{CODE}-ROW", f"row {number} names a visit or lesion with a control character", "Use letters, digits and plain signs"
        )
    role = next((known for known in ROLES if known == cells.get("role", "")), None)
    state = next((known for known in STATES if known == (cells.get("state") or "measured")), None)
    if state is None or (role is None and cells.get("role", "")):
        column, words = ("state", STATES) if state is None else ("role", ROLES)
        raise InputRefused(f"{CODE}-WORD", f"row {number}: {column} is not a known word", "Use " + ", ".join(sorted(words)))
    try:
        day = date.fromisoformat(cells["date"]) if cells.get("date") else None
        if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise ValueError
    except ValueError as error:
        raise InputRefused(f"{CODE}-DATE", f"row {number}: the date is not a date", "Write dates as YYYY-MM-DD") from error
    return Row(number, cells, visit, day, lesion, role, state)


def _csv_records(path: Path) -> list[tuple[int, dict[str, str]]]:
    head, rows = read_csv(path, code=CODE)
    _need(head)
    return [(number, dict(zip(head, row, strict=True))) for number, row in enumerate(rows, start=2)]


def _json_records(path: Path) -> list[tuple[int, dict[str, str]]]:
    tree = read_json(path, f"{CODE}-UNREADABLE")
    rows = tree.get("visits") if isinstance(tree, dict) else tree
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputRefused(f"{CODE}-EMPTY", "the file holds no list of rows", "Give a list of objects, one a visit and lesion")
    _need({key for row in rows for key in row})
    return [(number, {key: _plain(value, number) for key, value in row.items()}) for number, row in enumerate(rows, start=1)]


def _plain(value: Any, number: int) -> str:
    """A JSON value as the text of a cell; a list of numbers is that of fragments."""
    if isinstance(value, list) and value and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        return "+".join(str(one) for one in value)
    if isinstance(value, dict | list):
        raise InputRefused(f"{CODE}-ROW", f"row {number} holds a value that is neither text nor number", "Give plain values")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()


def _need(columns: Iterable[str]) -> None:
    names = set(columns)
    for name in ("visit", "lesion"):
        if name not in names:
            raise InputRefused(
                f"{CODE}-COLUMN-MISSING", f"there is no column {name}", "Give visit, date, lesion and what was measured"
            )
    if any(_OTHER_UNIT.fullmatch(name) and name not in LENGTHS for name in names):
        raise InputRefused(f"{CODE}-UNIT", "a column of sizes is not in mm", "Give sizes in mm: " + ", ".join(LENGTHS))


def read_json(path: Path, code: str) -> Any:
    """The tree of a JSON file. Refused with ``code``: no file, not JSON, too large."""
    try:
        text = read_text(path)
        if text is None:
            raise InputRefused(code, "the JSON file is larger than 50 MB", "Give a smaller file")
        return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputRefused(code, "a file is missing or not JSON", "Check the path and the file") from error
