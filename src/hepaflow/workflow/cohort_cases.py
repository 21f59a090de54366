"""Analysed cases as rows of a lesion table: what each lesion's report says, in columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hepaflow.errors import InputRefused
from hepaflow.units import QUANTITIES
from hepaflow.workflow.case_folder import CaseTables, open_tables
from hepaflow.workflow.made_with import of_case

#: A folder tree is not searched deeper than this for cases.
_DEEPEST = 6


def tree(folder: Path, *, patient: str, lesion: str) -> tuple[list[str], list[list[str]]]:
    """Every lesion of every case under ``folder``: ``patient`` (the path of its case below it) and ``lesion`` name the two columns of names. Refused: a tree without a case (STUDY-NO-CASES)."""
    columns: list[dict[str, str]] = []
    for place in _cases(folder):
        tables = open_tables(place)
        whose = place.relative_to(folder).as_posix()
        for found in tables.table["lesions"]:
            name = str(found.get("id", "")) if isinstance(found, dict) else ""
            if name:
                columns.append({patient: whose if whose != "." else place.name, lesion: name, **lesion_columns(tables, name)})
    if not columns:
        raise InputRefused(
            "STUDY-NO-CASES", "no analysed case with a lesion lies in the folder", "Give a folder of cases, or a table"
        )
    head = list(dict.fromkeys(name for row in columns for name in row))
    return head, [[row.get(name, "") for name in head] for row in columns]


def added(head: list[str], body: list[list[str]], *, folder: Path, lesion: str) -> tuple[list[str], list[list[str]]]:
    """The table with the columns of the cases that its column ``case`` names; columns that are there already are left as they are.

    Refused, naming the row: a case that is none, a case without the row's lesion.
    """
    if lesion not in head:
        raise InputRefused(
            "STUDY-COLUMN", f"there is no column {lesion!r} to find lesions of cases by", "Name the lesion of every row"
        )
    at_case, at_lesion = head.index("case"), head.index(lesion)
    opened: dict[str, CaseTables] = {}
    more: list[Mapping[str, str]] = []
    for number, row in enumerate(body, start=2):
        given = row[at_case]
        if not given:
            more.append({})
            continue
        if given not in opened:
            path = folder / given
            opened[given] = open_tables(path.parent if path.name == "lesions.json" else path)
        if opened[given].lesion(row[at_lesion]) is None:
            raise InputRefused("STUDY-CASE-LESION", f"row {number}: its case holds no lesion of that name", "Check case and lesion")
        more.append(lesion_columns(opened[given], row[at_lesion]))
    new = [name for name in dict.fromkeys(name for one in more for name in one) if name not in head]
    return [*head, *new], [[*row, *(one.get(name, "") for name in new)] for row, one in zip(body, more, strict=True)]


def lesion_columns(tables: CaseTables, name: str) -> dict[str, str]:
    """A lesion of a case as columns: every parameter of lesion and healthy liver, ratios, the call, size, flags, and what they were made with. Refused: a broken file."""
    try:
        return dict(_columns(tables, name))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputRefused("STUDY-CASE", "a case's lesions.json is damaged", "Analyse that case again") from error


def _columns(tables: CaseTables, name: str) -> Iterator[tuple[str, str]]:
    lesion = tables.lesion(name)
    if lesion is None:
        raise KeyError(name)
    whole, healthy = lesion["regions"].get("whole") or {}, tables.table["healthy"]
    for key in QUANTITIES:
        if key in whole:
            yield f"{key}_lesion", _text(whole[key]["value"])
            yield f"{key}_healthy", _text(healthy[key]["value"])
    for key, ratio in lesion["ratio"].items():
        yield f"{key}_ratio", _text((ratio or {}).get("value"))
        yield f"{key}_ratio_sd", _text((ratio or {}).get("sd"))
    for call in lesion["response"][:1]:
        yield "criterion", str(call["criterion"])
        yield "category", "" if call["category"] is None else str(call["category"])
        yield "probability_major", _text(call["probability_major"])
    yield "volume_ml", _text(lesion["volume_ml"])
    yield "diameter_mm", _text(lesion["longest_axial_diameter_mm"])
    yield "flags", " ".join(lesion["flags"])
    made = of_case(tables.table, tables.folder)
    for key in ("model", "density_g_ml", "haematocrit", "release"):
        yield key, getattr(made, key) or ""
    yield "protocol", _protocol(tables.summary.get("acquisition"))


def _protocol(acquisition: Any) -> str:
    """How a case was acquired, so that cases of different protocols are told apart: voltage, contrast, passes, length to 10 s; empty where it is not known."""
    if not isinstance(acquisition, dict):
        return ""
    volts, times = acquisition.get("kvp"), acquisition.get("times_s")
    tube = "/".join(f"{volt:g}" for volt in sorted(set(volts))) if isinstance(volts, list) else "?"
    contrast = "/".join(
        f"{value:g}" if isinstance(value := acquisition.get(key), int | float) else "?"
        for key in ("contrast_volume_ml", "contrast_flow_ml_s")
    )
    length = f"{len(times)} passes in {10 * round(times[-1] / 10)} s" if isinstance(times, list) and times else "?"
    return f"{tube} kV; {contrast} mL, mL/s; {length}"


def _text(value: Any) -> str:
    return "" if value is None else repr(float(value))


def _cases(folder: Path) -> Iterator[Path]:
    for place, below, files in os.walk(folder):
        below.sort()
        if len(Path(place).relative_to(folder).parts) >= _DEEPEST:
            below.clear()
        if "lesions.json" in files:
            below.clear()
            yield Path(place)
