"""A patient's visits in the reading room: the same lesion by the identities that readers confirmed, rated by every criterion."""

from __future__ import annotations

import csv
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from hepaflow.errors import HepaflowError
from hepaflow.lesions.identity import Link
from hepaflow.response.catalogue import SIZE_CRITERIA, SizeCriterion
from hepaflow.response.criterion import CRITERIA, Criterion
from hepaflow.web import calipers, regions_log, studies
from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace
from hepaflow.web.refusals import shape
from hepaflow.web.region_state import Reading, Viable
from hepaflow.web.room import Room
from hepaflow.workflow.case_folder import CaseFolder, open_case
from hepaflow.workflow.link import links_of
from hepaflow.workflow.visits import respond

#: RECIST 1.1 follows the two largest lesions of an organ.
TARGETS = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """A lesion of one study: ``name`` across visits, None where nobody said which of the first visit it is; sizes in mm, mean of the portal phase in HU; what readers gave beside it.

    The sizes are those of the caliper that ``caliper_by`` set, else of the outline, whose two axes are ``outline_mm`` either way.
    """

    study: str
    lesion: str
    name: str | None
    diameter_mm: float | None
    perpendicular_mm: float | None
    hu: float | None
    outline_mm: tuple[float, float]
    caliper_by: str | None = None
    morphology: tuple[Reading, ...] = ()
    viable: Viable | None = None


#: What a criterion reads of a lesion that only a reader can give; of targets alone, where it rates the patient.
GIVEN: Mapping[str, Callable[[Seen], bool]] = {
    "chun": lambda one: bool(one.morphology),
    "mrecist": lambda one: one.viable is not None,
    "easl": lambda one: one.viable is not None and one.viable.short_mm is not None,
}


def criteria(room: Room, study: str, *, language: str) -> dict[str, Any]:
    """Every criterion that can be read on the analysed visits of the study's patient, side by side; none where there is one visit only, or no lesion at the first.

    Lesions that are linked to none of the first visit are listed and not rated: a lesion that nobody linked is no new one.
    """
    room.place(study)
    visits = _visits(room, study)
    seen = {visit["study"]: _seen(room, visit["study"], room.place(visit["study"])) for visit in visits}
    names = _names(seen, [visit["study"] for visit in visits])
    told = {
        one: [{**_told(lesion), "name": names.get((one, lesion.lesion))} for lesion in lesions] for one, lesions in seen.items()
    }
    rated: list[dict[str, Any]] = []
    if len(visits) > 1 and seen[visits[0]["study"]]:
        with tempfile.TemporaryDirectory(dir=room.data) as scratch:
            rows = _rows(visits, seen, names)
            table = _table(Path(scratch) / "visits.csv", room, visits, rows)
            rules: tuple[Criterion | SizeCriterion, ...] = (*CRITERIA, *SIZE_CRITERIA)
            rated = [_rated(rule, table, language) | {"missing": _missing(rule, rows)} for rule in rules]
    unlinked = [{"study": one, "lesion": row["lesion"]} for one, rows in told.items() for row in rows if row["name"] is None]
    return {"visits": visits, "lesions": told, "unlinked": unlinked, "criteria": rated}


def proposed_links(room: Room, study: str, other: str) -> dict[str, Any]:
    """What ``hepaflow link`` proposes for two analysed studies, with the centres (LPS mm) of the lesions of each pair. Refused: a study without a case."""
    pairs = [(study, room.place(study)), (other, room.place(other))]
    cases = [open_case(place.case, what=what) for (_, place), what in zip(pairs, ("this study", "the other study"), strict=True)]
    found = links_of(*cases)

    def row(pair: Link) -> dict[str, Any]:
        centres = {
            f"{which}_mm": [float(x) for x in case.grid.to_mm(np.argwhere(case.lesions[name]).mean(axis=0))]
            for which, case, name in zip(("first", "second"), cases, (pair.first, pair.second), strict=True)
        }
        return asdict(pair) | centres

    return {
        "proposed": True,
        "poor": len(found.pairs) < 0.5 * min(len(case.lesions) for case in cases),
        "links": [row(pair) for pair in found.pairs],
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
    }


def _visits(room: Room, study: str) -> list[dict[str, Any]]:
    """The analysed studies of the patient in the order of their dates; this one alone where it is not known whose it is.

    Of copies of one study the one that is asked about stands for the visit, else the one that was brought in last.
    """
    with room.tables.read() as connection:
        key = connection.execute(sa.select(t.studies.c.patient_key).where(t.studies.c.id == study)).scalar_one()
        same = t.studies.c.patient_key == key if key else t.studies.c.id == study
        rows = connection.execute(sa.select(t.studies).where(same, t.studies.c.trashed.is_(None))).all()
    found = [row for row in rows if (room.place(row.id).case / "case.json").exists()]
    once = {studies.digest_of(row): row for row in sorted(found, key=lambda row: (row.id == study, row.added))}
    ordered = sorted(once.values(), key=lambda row: (row.date, row.added))
    return [{"study": row.id, "date": row.date, "visit": f"visit {number}"} for number, row in enumerate(ordered, start=1)]


def _seen(room: Room, study: str, place: StudyPlace) -> list[Seen]:
    case, drawn, by = open_case(place.case), regions_log.current(room, study), regions_log.measured_by(room, study)
    return [_measured(study, case, name, drawn.get(name), by.get(name)) for name in case.lesions]


def _measured(study: str, case: CaseFolder, name: str, state: Any, by: str | None) -> Seen:
    """Sizes by the reader's caliper, else by the voxels."""
    mask = case.lesions[name]
    outline = calipers.proposed(mask, case.grid)
    caliper = outline if state is None or state.caliper is None else state.caliper
    inside = case.image[mask]
    inside = inside[np.isfinite(inside)]
    identity = None if state is None or state.identity is None else f"{state.identity.study}/{state.identity.lesion}"
    (long, short), axes = (
        (math.dist(one.long[0], one.long[1]), math.dist(one.short[0], one.short[1])) for one in (caliper, outline)
    )
    given = ((), None) if state is None else (state.morphology, state.viable)
    return Seen(
        study,
        name,
        identity,
        long,
        short,
        float(inside.mean()) if inside.size else None,
        axes,
        None if caliper is outline else by,
        *given,
    )


def _names(seen: Mapping[str, Sequence[Seen]], order: Sequence[str]) -> dict[tuple[str, str], str]:
    """The name of every lesion across visits: that of the first visit it can be followed back to."""
    linked = {(one.study, one.lesion): one.name for lesions in seen.values() for one in lesions}
    found: dict[tuple[str, str], str] = {}
    for key in linked:
        at, passed = key, set[tuple[str, str]]()
        while at[0] != order[0] and at not in passed and (to := linked.get(at)) is not None:
            passed.add(at)
            study, _, lesion = to.partition("/")
            at = (study, lesion)
        if at[0] == order[0] and at in linked:
            found[key] = at[1]
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    """A lesion at a visit, by its name across visits."""

    visit: str
    name: str
    role: str
    seen: Seen


def _rows(
    visits: Sequence[Mapping[str, Any]], seen: Mapping[str, Sequence[Seen]], names: Mapping[tuple[str, str], str]
) -> list[_Row]:
    """Every lesion of the first visit at every visit. The largest of the first visit are the targets."""
    ranked = sorted(seen[visits[0]["study"]], key=lambda one: -(one.diameter_mm or 0.0))
    targets = {one.lesion for one in ranked[:TARGETS]}
    rows: dict[tuple[str, str], _Row] = {}
    for visit in visits:
        for one in seen[visit["study"]]:
            if (name := names.get((one.study, one.lesion))) is not None:
                role = "target" if name in targets else "non-target"
                rows.setdefault((visit["visit"], name), _Row(visit["visit"], name, role, one))
    return list(rows.values())


def _missing(rule: Criterion | SizeCriterion, rows: Sequence[_Row]) -> list[dict[str, str]]:
    """Lesions of which a reader has not given what the criterion reads."""
    given = GIVEN.get(rule.key)
    if given is None:
        return []
    every = isinstance(rule, SizeCriterion) and rule.rates == "lesion"
    return [
        {"visit": row.visit, "study": row.seen.study, "lesion": row.seen.lesion}
        for row in rows
        if (every or row.role == "target") and not given(row.seen)
    ]


def _readers(rows: Sequence[_Row]) -> list[str]:
    """Readers of morphology, those who read most lesions first."""
    counts = Counter(one.reader for row in rows for one in row.seen.morphology)
    return sorted(counts, key=lambda reader: (-counts[reader], reader))


def _table(path: Path, room: Room, visits: Sequence[Mapping[str, Any]], rows: Sequence[_Row]) -> Path:
    """The visits as ``hepaflow respond`` reads them. Groups of the reader who read most come first; where they read none, those of the next one."""
    days = {visit["visit"]: visit["date"] for visit in visits}
    dated = all(days.values()) and len(set(days.values())) == len(days)
    readers = _readers(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEAD)
        for row in rows:
            one, viable = row.seen, row.seen.viable
            groups = {reading.reader: reading.group for reading in one.morphology}
            ordered = [groups[reader] for reader in readers if reader in groups]
            both = len(ordered) > 1 and all(reader in groups for reader in readers[:2])
            written = (
                *(_tenth(value) for value in (one.diameter_mm, one.perpendicular_mm, one.hu)),
                *(("", "") if viable is None else (_tenth(viable.long_mm), _tenth(viable.short_mm))),
                ordered[0] if ordered else "",
                ordered[1] if both else "",
            )
            day, case = days[row.visit] if dated else "", room.place(one.study).case
            writer.writerow((row.visit, day, row.name, row.role, "liver", "no", *written, "measured", case, one.lesion))
    return path


_HEAD = (
    "visit",
    "date",
    "lesion",
    "role",
    "organ",
    "nodal",
    "diameter_mm",
    "perpendicular_mm",
    "hu",
    "viable_mm",
    "viable_perpendicular_mm",
    "morphology",
    "morphology_2",
    "state",
    "case",
    "case_lesion",
)


def _tenth(value: float | None) -> str:
    """A number with one decimal; empty where there is none."""
    return "" if value is None else f"{value:.1f}"


def _rated(rule: Criterion | SizeCriterion, table: Path, language: str) -> dict[str, Any]:
    """What one criterion says of every visit, or why it says nothing."""
    head = {
        "criterion": rule.key,
        "name": rule.name.in_(language),
        "rule": rule.rule.in_(language),
        "limits": (rule.source.limits if isinstance(rule, SizeCriterion) else rule.limits).in_(language),
        "rates": rule.rates if isinstance(rule, SizeCriterion) else "lesion",
    }
    told: dict[str, Any] = {**head, "visits": [], "best": None, "refused": None, "readers": None}
    try:
        found = respond(table, criterion=rule.key, language=language)
    except HepaflowError as error:
        return told | {"refused": shape(error)}
    visits = [
        {
            "visit": visit["visit"],
            "category": visit.get("category"),
            "text": visit.get("rule"),
            "numbers": visit.get("numbers", {}),
            "lesions": [
                {key: one.get(key) for key in ("lesion", "category", "rule", "numbers", "flags")} for one in visit["lesions"]
            ],
        }
        for visit in found["visits"]
    ]
    return told | {"visits": visits, "best": found["best_overall_response"], "readers": found.get("readers")}


def _told(one: Seen) -> dict[str, Any]:
    return {
        "lesion": one.lesion,
        "diameter_mm": one.diameter_mm,
        "perpendicular_mm": one.perpendicular_mm,
        "hu": one.hu,
        "caliper_by": one.caliper_by,
        "outline_mm": list(one.outline_mm),
        "morphology": [asdict(reading) for reading in one.morphology],
        "viable": None if one.viable is None else one.viable.told(),
    }
