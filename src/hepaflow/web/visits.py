"""A patient's visits in the reading room: the same lesion by the identities that readers confirmed, rated by every criterion."""

from __future__ import annotations

import csv
import math
import tempfile
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from hepaflow.errors import HepaflowError
from hepaflow.lesions.identity import Link, Links
from hepaflow.response.catalogue import SIZE_CRITERIA, SizeCriterion
from hepaflow.response.criterion import CRITERIA, Criterion
from hepaflow.web import calipers, known, numbers, regions_log
from hepaflow.web import tables as t
from hepaflow.web.refusals import shape
from hepaflow.web.region_state import Reading, RegionState, Viable
from hepaflow.web.room import Room
from hepaflow.workflow.case_folder import CaseFolder, open_case
from hepaflow.workflow.link import links_of
from hepaflow.workflow.visits import respond

#: RECIST 1.1 follows the two largest lesions of an organ.
TARGETS = 2
#: A lesion by its study and its name there.
Key = tuple[str, str]
Regions = Mapping[str, RegionState]


@dataclass(frozen=True, slots=True)
class Seen:
    """A lesion of one study: sizes in mm, mean of the portal phase in HU; what readers gave beside it.

    The sizes are those of the caliper that ``caliper_by`` set, else of the outline, whose two axes are ``outline_mm`` either way.
    """

    study: str
    lesion: str
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

    Lesions that are linked to none of the first visit (``unlinked``) are listed and not rated: a lesion that nobody linked is no new one. So are
    those that were drawn after the analysis (``unanalysed``).
    """
    room.place(study)
    visits = _visits(room, study)
    order = [visit["study"] for visit in visits]
    drawn = {one: regions_log.latest(room, one) for one in order}
    seen = {one: _seen(room, one, drawn[one]) for one in order}
    measured = {(lesion.study, lesion.lesion) for lesions in seen.values() for lesion in lesions}
    outlined = {(one, name) for one, regions in drawn.items() for name in _lesions(regions)}
    names = _names(drawn, measured | outlined, first=order[0]) if order else {}
    told = {
        one: [{**_told(lesion), "name": names.get((one, lesion.lesion))} for lesion in lesions] for one, lesions in seen.items()
    }
    rated: list[dict[str, Any]] = []
    if len(visits) > 1 and seen[order[0]]:
        with tempfile.TemporaryDirectory(dir=room.data) as scratch:
            rows = _rows(visits, seen, names)
            table = _table(Path(scratch) / "visits.csv", room, visits, rows)
            rules: tuple[Criterion | SizeCriterion, ...] = (*CRITERIA, *SIZE_CRITERIA)
            rated = [_rated(rule, table, language) | {"missing": _missing(rule, rows)} for rule in rules]
    return {
        "visits": visits,
        "lesions": told,
        "unlinked": _listed((measured | outlined) - names.keys(), order),
        "unanalysed": _listed(outlined - measured, order),
        "criteria": rated,
    }


def proposed_links(room: Room, study: str, other: str) -> dict[str, Any]:
    """What ``hepaflow link`` proposes for the lesions that are drawn in two analysed studies, the earlier one given first.

    ``first`` is a lesion of ``study`` and ``second`` one of ``other``, each with its centre (LPS mm); ``linked``: a reader said so. Refused: a
    study without results (``CASE-MISSING``).
    """
    drawn = {one: regions_log.latest(room, one) for one in (study, other)}
    cases = {one: _as_drawn(room, one, drawn[one]) for one in (study, other)}
    found, beside = _links(room, cases, study, other), _beside(drawn)

    def row(pair: Link) -> dict[str, Any]:
        ours, theirs = (study, pair.first), (other, pair.second)
        centres = {
            f"{which}_mm": [float(x) for x in cases[one].grid.to_mm(np.argwhere(cases[one].lesions[name]).mean(axis=0))]
            for which, (one, name) in (("first", ours), ("second", theirs))
        }
        return asdict(pair) | centres | {"linked": theirs in beside[ours]}

    return {
        "proposed": True,
        "poor": len(found.pairs) < 0.5 * min(len(case.lesions) for case in cases.values()),
        "links": [row(pair) for pair in found.pairs],
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
    }


def _links(room: Room, cases: Mapping[str, CaseFolder], study: str, other: str) -> Links:
    """Lesions of the earlier study carried into the later one, whichever is asked about: one pair, one distance."""
    with room.tables.read() as connection:
        dates = sa.select(t.studies.c.id).where(t.studies.c.id.in_((study, other)))
        order = connection.execute(dates.order_by(t.studies.c.date, t.studies.c.added)).scalars().all()
    found = links_of(*(cases[one] for one in order))
    if order[0] == study:
        return found
    turned = [Link(pair.second, pair.first, pair.distance_mm, 1.0 / pair.size_ratio) for pair in found.pairs]
    return Links(tuple(turned), found.only_second, found.only_first)


def _as_drawn(room: Room, study: str, drawn: Regions) -> CaseFolder:
    """The case with its lesions as they are drawn now. Refused: ``CASE-MISSING``."""
    place = room.place(study)
    numbers.case_file(place, "case.json")
    case = open_case(place.case, what="the study")
    kept = {name: mask for name, mask in case.lesions.items() if name not in drawn}
    return replace(case, lesions=kept | {name: drawn[name].mask for name in _lesions(drawn)})


def _visits(room: Room, study: str) -> list[dict[str, Any]]:
    """The analysed studies of the patient in the order of their dates; this one alone where it is not known whose it is.

    Of copies of one study the one that is asked about stands for the visit, else the one that was brought in last.
    """
    with room.tables.read() as connection:
        key = connection.execute(sa.select(t.studies.c.patient_key).where(t.studies.c.id == study)).scalar_one()
        same = t.studies.c.patient_key == key if key else t.studies.c.id == study
        rows = connection.execute(sa.select(t.studies).where(same, t.studies.c.trashed.is_(None))).all()
    found = [row for row in rows if (room.place(row.id).case / "case.json").exists()]
    once = {known.digest_of(row): row for row in sorted(found, key=lambda row: (row.id == study, row.added))}
    ordered = sorted(once.values(), key=lambda row: (row.date, row.added))
    return [{"study": row.id, "date": row.date, "visit": f"visit {number}"} for number, row in enumerate(ordered, start=1)]


def _seen(room: Room, study: str, drawn: Regions) -> list[Seen]:
    """The lesions of the analysis that nobody has deleted since."""
    case, by = open_case(room.place(study).case), regions_log.measured_by(room, study)
    there = [name for name in case.lesions if name not in drawn or not drawn[name].deleted]
    return [_measured(study, case, name, drawn.get(name), by.get(name)) for name in there]


def _lesions(drawn: Regions) -> list[str]:
    """Names of the lesions that are drawn."""
    return [name for name, one in drawn.items() if one.kind == "lesion" and not one.deleted and one.bits.packed]


def _measured(study: str, case: CaseFolder, name: str, state: RegionState | None, by: str | None) -> Seen:
    """Sizes by the reader's caliper, else by the voxels."""
    mask = case.lesions[name]
    outline = calipers.proposed(mask, case.grid)
    caliper = outline if state is None or state.caliper is None else state.caliper
    inside = case.image[mask]
    inside = inside[np.isfinite(inside)]
    (long, short), axes = (
        (math.dist(one.long[0], one.long[1]), math.dist(one.short[0], one.short[1])) for one in (caliper, outline)
    )
    given = ((), None) if state is None else (state.morphology, state.viable)
    return Seen(
        study,
        name,
        long,
        short,
        float(inside.mean()) if inside.size else None,
        axes,
        None if caliper is outline else by,
        *given,
    )


def _beside(drawn: Mapping[str, Regions]) -> Mapping[Key, set[Key]]:
    """Every lesion's links, whichever of the two a reader linked to the other."""
    found: dict[Key, set[Key]] = defaultdict(set)
    for study, regions in drawn.items():
        for name in _lesions(regions):
            if (identity := regions[name].identity) is not None:
                other = (identity.study, identity.lesion)
                found[study, name].add(other)
                found[other].add((study, name))
    return found


def _names(drawn: Mapping[str, Regions], there: set[Key], *, first: str) -> dict[Key, str]:
    """The name of every lesion across visits: that of the one of the ``first`` visit which it is linked to, over the fewest links.

    One lesion of a visit bears a name: where links give it to a second one, whoever said so has to say which it is.
    """
    beside = _beside(drawn)
    found = {key: key[1] for key in sorted(there) if key[0] == first}
    given = {(study, name) for (study, _), name in found.items()}
    ahead = deque(found)
    while ahead:
        at = ahead.popleft()
        for key in sorted(beside[at] & there - found.keys()):
            if (key[0], found[at]) not in given:
                given.add((key[0], found[at]))
                found[key] = found[at]
                ahead.append(key)
    return found


def _listed(keys: set[Key], order: Sequence[str]) -> list[dict[str, str]]:
    """Lesions visit by visit."""
    return [{"study": study, "lesion": lesion} for study, lesion in sorted(keys, key=lambda key: (order.index(key[0]), key[1]))]


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
    ranked = [one.lesion for one in sorted(seen[visits[0]["study"]], key=lambda one: -(one.diameter_mm or 0.0))]
    rows: dict[tuple[str, str], _Row] = {}
    for visit in visits:
        for one in seen[visit["study"]]:
            name = names.get((one.study, one.lesion))
            if name is not None and name in ranked:
                role = "target" if name in ranked[:TARGETS] else "non-target"
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
