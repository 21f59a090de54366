"""A patient's visits in the reading room: the same lesion by the identities that readers confirmed, rated by every criterion."""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Mapping, Sequence
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
from hepaflow.web.room import Room
from hepaflow.workflow.case_folder import CaseFolder, open_case
from hepaflow.workflow.link import links_of
from hepaflow.workflow.visits import respond

#: RECIST 1.1 follows the two largest lesions of an organ.
TARGETS = 2
#: Chun's groups are a reader's, and enhancing diameters are measured by one: the room holds neither.
NOT_HELD = ("chun", "mrecist", "easl")


@dataclass(frozen=True, slots=True)
class Seen:
    """A lesion of one study: ``name`` across visits, None where nobody said which of the first visit it is; sizes in mm, mean of the portal phase in HU."""

    study: str
    lesion: str
    name: str | None
    diameter_mm: float | None
    perpendicular_mm: float | None
    hu: float | None
    by_hand: bool


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
            table = _table(Path(scratch) / "visits.csv", room, visits, seen, names)
            rules: tuple[Criterion | SizeCriterion, ...] = (*CRITERIA, *SIZE_CRITERIA)
            rated = [_rated(rule, table, language) for rule in rules if rule.key not in NOT_HELD]
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
    case, drawn = open_case(place.case), regions_log.current(room, study)
    return [_measured(study, case, name, drawn.get(name)) for name in case.lesions]


def _measured(study: str, case: CaseFolder, name: str, state: Any) -> Seen:
    """Sizes by the reader's caliper, else by the voxels."""
    caliper = None if state is None else state.caliper
    by_hand, mask = caliper is not None, case.lesions[name]
    caliper = caliper or calipers.proposed(mask, case.grid)
    inside = case.image[mask]
    inside = inside[np.isfinite(inside)]
    identity = None if state is None or state.identity is None else f"{state.identity.study}/{state.identity.lesion}"
    long, short = (math.dist(*ends) for ends in (caliper.long, caliper.short))
    return Seen(study, name, identity, long, short, float(inside.mean()) if inside.size else None, by_hand)


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


def _table(
    path: Path,
    room: Room,
    visits: Sequence[Mapping[str, Any]],
    seen: Mapping[str, Sequence[Seen]],
    names: Mapping[tuple[str, str], str],
) -> Path:
    """The visits as ``hepaflow respond`` reads them. The largest lesions of the first visit are the targets."""
    first = visits[0]["study"]
    ranked = sorted(seen[first], key=lambda one: -(one.diameter_mm or 0.0))
    targets = {one.lesion for one in ranked[:TARGETS]}
    days = [visit["date"] for visit in visits]
    dated = all(days) and len(set(days)) == len(days)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = (
            "visit",
            "date",
            "lesion",
            "role",
            "organ",
            "nodal",
            "diameter_mm",
            "perpendicular_mm",
            "hu",
            "state",
            "case",
            "case_lesion",
        )
        writer.writerow(head)
        taken = set()
        for visit in visits:
            for one in seen[visit["study"]]:
                name = names.get((one.study, one.lesion))
                if name is None or (visit["study"], name) in taken:
                    continue
                taken.add((visit["study"], name))
                sizes = ["" if value is None else f"{value:.1f}" for value in (one.diameter_mm, one.perpendicular_mm, one.hu)]
                role = "target" if name in targets else "non-target"
                day, case = visit["date"] if dated else "", room.place(one.study).case
                writer.writerow((visit["visit"], day, name, role, "liver", "no", *sizes, "measured", case, one.lesion))
    return path


def _rated(rule: Criterion | SizeCriterion, table: Path, language: str) -> dict[str, Any]:
    """What one criterion says of every visit, or why it says nothing."""
    head = {
        "criterion": rule.key,
        "name": rule.name.in_(language),
        "rule": rule.rule.in_(language),
        "rates": rule.rates if isinstance(rule, SizeCriterion) else "lesion",
    }
    told: dict[str, Any] = {**head, "visits": [], "best": None, "refused": None}
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
    return told | {"visits": visits, "best": found["best_overall_response"]}


def _told(one: Seen) -> dict[str, Any]:
    return {
        "lesion": one.lesion,
        "diameter_mm": one.diameter_mm,
        "perpendicular_mm": one.perpendicular_mm,
        "hu": one.hu,
        "by_hand": one.by_hand,
    }
