"""A patient's visits, from a table to the response of every lesion at every visit."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hepaflow.errors import InputRefused
from hepaflow.kinetics.catalogue import DEFAULT_MODEL, MODELS
from hepaflow.lesions.by_model import ASSUMES
from hepaflow.response.criterion import Criterion
from hepaflow.response.criterion import criterion as criterion_of
from hepaflow.response.perfusion import call
from hepaflow.units import QUANTITIES
from hepaflow.workflow.columns import LARGEST_BYTES, as_number, read_csv
from hepaflow.workflow.made_with import UNKNOWN, MadeWith, differences, model_key, of_case

SCHEMA = 1
CODE = "VISITS"
ROLES = {"target", "non-target", "new", ""}
STATES = {"measured", "absent", "too_small", "not_evaluated", "fragments", ""}


@dataclass(frozen=True, slots=True)
class Row:
    """One lesion at one visit, as far as a perfusion criterion reads it."""

    visit: str
    date: str | None
    lesion: str
    state: str
    diameter_mm: float | None
    ratio: float | None
    sd: float | None
    region: str | None = None
    probability: float | None = None
    made: MadeWith = UNKNOWN

    @property
    def usable(self) -> bool:
        """Whether the lesion was measured at this visit, so that a response was asked for."""
        return self.state in {"measured", ""}


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a case knows of a lesion: the ratio that its criterion judged, where, and how sure it is."""

    ratio: float | None
    sd: float | None
    diameter_mm: float | None
    region: str = "whole"
    probability: float | None = None
    made: MadeWith = UNKNOWN


def respond(path: Path, *, criterion: str) -> dict[str, Any]:
    """The object that ``hepaflow respond --json`` prints.

    Refused: missing columns, a row without visit or lesion, a lesion twice at a visit, two dates for a visit, a date that is none, an
    unknown role or state, a number that is none or negative, a case file that lacks the lesion. Ratios made with different models,
    densities, haematocrits or releases are judged, each by itself, and flagged ``models-differ``. ``not_estimated`` names the measured
    lesions without a ratio to judge.
    """
    rule = criterion_of(criterion)
    rows = read_rows(path, rule)
    visits: dict[str, list[Row]] = {}
    for row in rows:
        visits.setdefault(row.visit, []).append(row)
    days = {visit: _date_of(found) for visit, found in visits.items()}
    order = sorted(visits, key=lambda v: str(days[v])) if all(days.values()) else list(visits)
    first = next((row.made for visit in order for row in visits[visit] if row.made.known), UNKNOWN)
    judged = {visit: [_beside(judge(row, rule), row.made, first) for row in visits[visit]] for visit in order}
    apart = differences(row.made for visit in order for row in visits[visit])
    return {
        "schema": SCHEMA,
        "criterion": rule.key,
        "rule": rule.rule,
        "threshold": rule.threshold,
        "source": rule.source,
        "limits": rule.limits,
        "visits": [{"visit": visit, "date": days[visit], "lesions": judged[visit]} for visit in order],
        "nadir": _nadir(judged),
        "best_overall_response": None,
        "not_estimated": [
            f"{visit}, {row.lesion}: {_lack(row, rule)}"
            for visit in order
            for row in visits[visit]
            if row.usable and row.ratio is None
        ],
        "differences": apart,
        "flags": ["models-differ"] if apart else [],
    }


def judge(row: Row, rule: Criterion) -> dict[str, Any]:
    """What the criterion says of one row, with the numbers behind it."""
    said = call(rule, row.ratio if row.usable else None, sd=row.sd, probability=row.probability, diameter_mm=row.diameter_mm)
    flags = [*said.flags, *(["lesion-below-15-mm"] if row.state == "too_small" else [])]
    return {
        "lesion": row.lesion,
        "category": said.category or "not_evaluable",
        "probability_major": said.probability_major,
        "rule": rule.rule,
        "numbers": {
            "ratio": row.ratio,
            "sd": row.sd,
            "region": row.region,
            "threshold": said.threshold,
            "diameter_mm": row.diameter_mm,
            "smallest_mm": rule.smallest_mm,
            "state": row.state or "measured",
        },
        "flags": flags,
    }


def _lack(row: Row, rule: Criterion) -> str:
    """Why a measured lesion has no response."""
    what = QUANTITIES[rule.quantity].name_en.lower()
    blind = [model.key for model in MODELS if rule.quantity not in model.quantities]
    return (
        f"the model {row.made.model} gives no {what}, which {rule.key} reads" if row.made.model in blind else f"no ratio of {what}"
    )


def _beside(judged: dict[str, Any], made: MadeWith, first: MadeWith) -> dict[str, Any]:
    """A judged row with what its ratio was made with, flagged where that is not what the ``first`` known one was made with, and where it
    rests on a model other than the default one.
    """
    assumed = judged["category"] != "not_evaluable" and made.model not in {None, DEFAULT_MODEL}
    flags = [*judged["flags"], *([ASSUMES] if assumed else []), *(["models-differ"] if differences((first, made)) else [])]
    return judged | {"made_with": asdict(made) if made.known else None, "flags": flags}


def read_rows(path: Path, rule: Criterion) -> list[Row]:
    """Every row of a CSV or JSON file, checked; from cases comes what ``rule`` judged there."""
    records = _json_records(path) if path.suffix.lower() == ".json" else _csv_records(path)
    rows, seen = [], set()
    for number, record in records:
        row = _row(record, number, path.parent, rule)
        if (row.visit, row.lesion) in seen:
            raise InputRefused(
                f"{CODE}-REPEATED", f"row {number} repeats a lesion of the same visit", "Give one row a visit and lesion"
            )
        seen.add((row.visit, row.lesion))
        rows.append(row)
    return rows


def _csv_records(path: Path) -> list[tuple[int, dict[str, str]]]:
    head, rows = read_csv(path, code=CODE)
    _need(head)
    return [(number, dict(zip(head, row, strict=True))) for number, row in enumerate(rows, start=2)]


def _json_records(path: Path) -> list[tuple[int, dict[str, str]]]:
    tree = _read_json(path, f"{CODE}-UNREADABLE")
    rows = tree.get("visits") if isinstance(tree, dict) else tree
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputRefused(f"{CODE}-EMPTY", "the file holds no list of rows", "Give a list of objects, one a visit and lesion")
    _need({key for row in rows for key in row})
    records = []
    for number, row in enumerate(rows, start=1):
        if any(isinstance(value, dict | list) for value in row.values()):
            raise InputRefused(f"{CODE}-ROW", f"row {number} holds a value that is neither text nor number", "Give plain values")
        records.append((number, {key: "" if value is None else str(value).strip() for key, value in row.items()}))
    return records


def _need(columns: Any) -> None:
    for name in ("visit", "lesion"):
        if name not in columns:
            raise InputRefused(
                f"{CODE}-COLUMN-MISSING", f"there is no column {name}", "Give visit, date, lesion and bf_ratio (or case)"
            )
    if "bf_ratio" not in columns and "case" not in columns:
        raise InputRefused(
            f"{CODE}-COLUMN-MISSING",
            "there is neither a column bf_ratio nor case",
            "Give the ratio of every lesion, or the path of its case",
        )


def _row(record: dict[str, str], number: int, folder: Path, rule: Criterion) -> Row:
    visit, lesion = record.get("visit", ""), record.get("lesion", "")
    if not visit or not lesion:
        raise InputRefused(f"{CODE}-ROW", f"row {number} names no visit or no lesion", "Fill visit and lesion in every row")
    for column, allowed in (("role", ROLES), ("state", STATES)):
        if record.get(column, "") not in allowed:
            raise InputRefused(
                f"{CODE}-WORD", f"row {number}: {column} is not a known word", "Use " + ", ".join(sorted(allowed - {""}))
            )
    day = record.get("date") or None
    if day is not None:
        try:
            day = date.fromisoformat(day).isoformat()
        except ValueError as error:
            raise InputRefused(f"{CODE}-DATE", f"row {number}: the date is not a date", "Write dates as YYYY-MM-DD") from error
    diameter, ratio, sd = (_positive(record, key, number) for key in ("diameter_mm", "bf_ratio", "bf_ratio_sd"))
    state = record.get("state", "")
    if ratio is not None or not record.get("case"):
        return Row(visit, day, lesion, state, diameter, ratio, sd, made=MadeWith(model_key(record.get("model"))))
    found = _from_case(folder / record["case"], lesion, number, rule)
    diameter = found.diameter_mm if diameter is None else diameter
    return Row(visit, day, lesion, state, diameter, found.ratio, found.sd, found.region, found.probability, found.made)


def _positive(record: dict[str, str], key: str, number: int) -> float | None:
    value = as_number(record.get(key, ""), code=CODE, where=f"row {number}, {key}")
    if value < 0:
        raise InputRefused(f"{CODE}-NEGATIVE", f"row {number}: {key} is negative", "Check the value")
    return None if math.isnan(value) else value


def _from_case(path: Path, lesion: str, number: int, rule: Criterion) -> _Measured:
    """A lesion of an analysed case (its folder or its lesions.json): its vascular part where the criterion was read there, as in its report."""
    tree = _read_json(path / "lesions.json" if path.is_dir() else path, f"{CODE}-CASE")
    try:
        made = of_case(tree, path if path.is_dir() else path.parent)
        found = next(item for item in tree["lesions"] if item["id"] == lesion)
        diameter = found["longest_axial_diameter_mm"]
        calls = [said for said in found.get("response", ()) if said["criterion"] == rule.key and said.get("ratio")]
        ruling = next((said for said in calls if said["region"] == "vascular"), calls[0] if calls else None)
        if ruling is None:
            ratio = found["ratio"].get("bf") or {}
            return _Measured(ratio.get("value"), ratio.get("sd"), diameter, made=made)
        ratio = ruling["ratio"]
        # a probability holds for the threshold it was computed at
        known = ruling["probability_major"] if ruling["threshold"] == rule.threshold else None
        return _Measured(ratio.get("value"), ratio.get("sd"), diameter, ruling["region"], known, made)
    except StopIteration as error:
        raise InputRefused(
            f"{CODE}-CASE", f"row {number}: the case does not hold this lesion", "Check the lesion's name"
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InputRefused(
            f"{CODE}-CASE", f"row {number}: the case file is not a lesions.json", "Give a case folder or its lesions.json"
        ) from error


def _read_json(path: Path, code: str) -> Any:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InputRefused(code, "the JSON file is larger than 50 MB", "Give a smaller file")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputRefused(code, "a file is missing or not JSON", "Check the path and the file") from error


def _date_of(rows: list[Row]) -> str | None:
    days = {row.date for row in rows if row.date}
    if len(days) > 1:
        raise InputRefused(f"{CODE}-DATE", "one visit has two dates", "Give every row of a visit the same date")
    return days.pop() if days else None


def _nadir(judged: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """For every lesion the lowest ratio and its visit."""
    lowest: dict[str, dict[str, Any]] = {}
    for visit, lesions in judged.items():
        for lesion in lesions:
            ratio = lesion["numbers"]["ratio"]
            if ratio is not None and (lesion["lesion"] not in lowest or ratio < lowest[lesion["lesion"]]["ratio"]):
                lowest[lesion["lesion"]] = {"visit": visit, "ratio": ratio}
    return lowest
