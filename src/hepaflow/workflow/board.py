"""The tumor-board sheet of a patient, from the record: every criterion side by side, lesion by lesion, and where they disagree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.domain.course import Course
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.response import Text
from hepaflow.domain.visits import Visits
from hepaflow.errors import InputRefused
from hepaflow.report.sheet_content import Event, Said, Sheet, SheetLesion, SheetRatio, SheetVisit, Thumb
from hepaflow.report.view import AxialView, largest_slice
from hepaflow.response import recist11, recist11_best
from hepaflow.response.catalogue import SIZE_CRITERIA
from hepaflow.response.criterion import NANCY_2019
from hepaflow.response.perfusion import SURE
from hepaflow.therapy import diffuse
from hepaflow.therapy.vocabulary import Event as TherapyEvent
from hepaflow.therapy.vocabulary import flags as therapy_flags
from hepaflow.workflow import board_pathology, board_words, changes, patient_record
from hepaflow.workflow.board_words import LEANING, disagreement
from hepaflow.workflow.case_folder import CaseFolder, open_case
from hepaflow.workflow.patient_record import Record
from hepaflow.workflow.visits import judge, judged_row
from hepaflow.workflow.visits_table import Row, by_visit, markers_raised, read_rows, to_visits

#: Criteria that speak of one lesion, in the order of the sheet.
_LESION_CRITERIA = {"size-change-not-recist": "size-change", "choi": "choi", "modified-choi": "modified-choi", "chun": "chun"}
#: Of all changes those that the page has room for; ``respond --json`` lists every one.
_SHOWN_CHANGES = ("bf", "mtt")
#: A size in the table that is further than this from the lesion's in its case may be that of another lesion.
_OTHER_SIZE_MM, _OTHER_SIZE = 5.0, 0.3


def gather(path: Path) -> Sheet:
    """The sheet of the record at ``path``. Refused: what the record, the table of visits and the cases refuse; lesions of the record that the table does not hold."""
    record = patient_record.load(path)
    rows = by_visit(read_rows(path.parent / record.visits))
    visits = to_visits(rows, roles_needed=True)
    names = tuple(dict.fromkeys(found.lesion for visit in visits.visits for found in visit.findings))
    _check_names(record, names)
    course = recist11.assess(visits, markers_raised=markers_raised(rows))
    said = {key: next(one for one in SIZE_CRITERIA if one.key == key).assess(visits) for key in _LESION_CRITERIA}
    cases = _Cases(path.parent / Path(record.visits).parent)
    specimen = board_pathology.of_lesions(record)
    lesions = tuple(_lesion(name, visits, rows, said, cases, specimen.get(name), record) for name in names)
    confirmed = None if visits.baseline.day is None else recist11_best.best(course.verdicts, recist11_best.Confirmation())
    return Sheet(
        record.patient,
        _visits(course),
        lesions,
        facts=(*board_words.facts(record, last_scan=visits.visits[-1].day), *board_pathology.of_patient(record), *_supply(cases)),
        events=tuple(Event(event.on, board_words.therapy(event.therapy)) for event in record.therapies),
        disagreements=tuple(found for lesion in lesions if (found := disagreement(lesion, record)) is not None),
        uncertain=_uncertain(course, lesions, cases, record),
        course=board_words.course(course),
        best=(None if course.best is None else course.best.category, None if confirmed is None else confirmed.category),
    )


class _Cases:
    """Cases of the visits' table, each opened once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, CaseFolder] = {}

    def of(self, row: Row) -> tuple[CaseFolder, str] | None:
        """The case of a row and the lesion's name there; None where the row has no case."""
        written = row.cell("case")
        if not written:
            return None
        if written not in self._open:
            self._open[written] = open_case(self._folder / written, what=f"row {row.number}: the case")
        case, name = self._open[written], row.cell("case_lesion") or row.lesion
        if case.tables.lesion(name) is None:
            raise InputRefused("VISITS-CASE", f"row {row.number}: the case does not hold this lesion", "Check case_lesion")
        return case, name

    @property
    def opened(self) -> tuple[CaseFolder, ...]:
        """All that were opened, in the order of the table."""
        return tuple(self._open.values())

    @property
    def folder(self) -> Path:
        """Where the paths of the table start."""
        return self._folder


def _check_names(record: Record, names: tuple[str, ...]) -> None:
    named: dict[str, list[str | None]] = {
        "nodules": [row.lesion for row in record.nodules],
        "therapies": [row.lesion for row in record.therapies],
        "ablation": [row.lesion for row in record.ablation],
    }
    for table, lesions in named.items():
        for number, lesion in enumerate(lesions, start=1):
            if lesion is not None and lesion not in names:
                raise InputRefused(
                    "RECORD-LESION",
                    f"{table}, entry {number}: the table of visits does not hold this lesion",
                    "Use the names of the table",
                )


def _supply(cases: _Cases) -> tuple[tuple[Text, Text], ...]:
    """How the healthy liver of the latest case is supplied, in words."""
    if not cases.opened:
        return ()
    table = cases.opened[-1].tables.table
    healthy = found if isinstance(found := table.get("healthy"), dict) else {}
    values = {
        key: one["value"] for key, one in healthy.items() if isinstance(one, dict) and isinstance(one.get("value"), int | float)
    }
    described = diffuse.describe({key: values[key] for key in diffuse.USUAL if key in values}, model=str(table.get("model")))
    if described.category != "described":
        return ()
    texts = [reason.text for reason in described.reasons]
    said = Text(" ".join(text.en for text in texts), " ".join(text.fr for text in texts))
    return ((Text("Supply of the liver", "Vascularisation du foie"), said),)


def _visits(course: Course) -> tuple[SheetVisit, ...]:
    found = []
    for verdict in course.verdicts:
        total = verdict.parts["target"].reasons[0].numbers["sum_mm"] if "target" in verdict.parts else None
        category = None if verdict.overall is None else verdict.overall.category
        found.append(SheetVisit(verdict.visit, verdict.day, category, None if total is None else float(total)))
    return tuple(found)


def _lesion(
    name: str,
    visits: Visits,
    rows: Mapping[str, list[Row]],
    said: Mapping[str, Course],
    cases: _Cases,
    specimen: tuple[Text, Said | None] | None,
    record: Record,
) -> SheetLesion:
    own = [next((row for row in found if row.lesion == name), None) for found in rows.values()]
    sizes = [
        None if (found := visit.of(name)) is None or found.size_mm is None else float(found.size_mm) for visit in visits.visits
    ]
    opened = [None if row is None else cases.of(row) for row in own]
    role = next(found.role for visit in visits.visits if (found := visit.of(name)) is not None)
    ratio, perfusion = _perfusion(own[-1], cases.folder, new=role == "new")
    spoken = [_spoken(key, course, name) for key, course in said.items()]
    every = [one for one in (*spoken, perfusion, None if specimen is None else specimen[1]) if one is not None]
    if role == "new" and visits.visits[-1].of(name) is not None:
        every.insert(0, board_words.NEW_LESION)
    first, last = (opened[0], opened[-1]) if len(opened) > 1 else (None, opened[0])
    moved: tuple[Text, ...] = ()
    if first is not None and last is not None:
        compared = changes.of_lesion(first[0].tables, last[0].tables, (first[1], last[1]))
        moved = tuple(board_words.moved(change) for change in changes.beyond(compared) if change.quantity in _SHOWN_CHANGES)
    return SheetLesion(
        name,
        role,
        tuple(sizes),
        (None if first is None else _thumb(*first), None if last is None else _thumb(*last)),
        ratio,
        tuple(every),
        moved,
        None if specimen is None else specimen[0],
        (*board_words.therapies_of(name, record), *board_words.ablation(name, sizes[-1], record)),
        any(_another_size(size, case) for size, case in zip(sizes, opened, strict=True)),
    )


def _another_size(size_mm: float | None, case: tuple[CaseFolder, str] | None) -> bool:
    """Whether a written size is far from the lesion's in its case: perhaps that of another lesion."""
    found = None if case is None else (case[0].tables.lesion(case[1]) or {}).get("longest_axial_diameter_mm")
    if size_mm is None or not isinstance(found, int | float):
        return False
    return abs(found - size_mm) > max(_OTHER_SIZE_MM, _OTHER_SIZE * max(found, size_mm))


def _spoken(key: str, course: Course, lesion: str) -> Said | None:
    """What a criterion says of a lesion at the latest visit; nothing where it cannot be said."""
    found = course.verdicts[-1].lesions.get(lesion)
    if found is None or found.category in ("NE", "not_evaluable"):
        return None
    column = _LESION_CRITERIA[key]
    return Said(column, board_words.CRITERIA[column], found.category, LEANING[found.category])


def _perfusion(row: Row | None, folder: Path, *, new: bool) -> tuple[SheetRatio | None, Said | None]:
    """The ratio of the latest visit, and what the rule says of it; a new lesion has nothing to respond to yet."""
    one = None if row is None else judged_row(row, folder, NANCY_2019)
    if one is None or one.ratio is None or not one.usable:
        return None, None
    found = judge(one, NANCY_2019)
    category = None if found["category"] == "not_evaluable" or new else str(found["category"])
    spread = None if one.sd is None else (one.ratio - 1.96 * one.sd, one.ratio + 1.96 * one.sd)
    probability = found["probability_major"]
    ratio = SheetRatio(one.ratio, one.ci95 or spread, probability, category, one.region or "whole")
    if category is None:
        return ratio, None
    return ratio, Said("perfusion", board_words.PERFUSION, category, "partly" if _unsure(ratio) else LEANING[category])


def _unsure(ratio: SheetRatio) -> bool:
    """Whether the category could be the other one."""
    return ratio.probability is not None and 1 - SURE < ratio.probability < SURE


def _thumb(case: CaseFolder, lesion: str) -> Thumb | None:
    mask = case.lesions.get(lesion)
    if mask is None or not mask.any():
        return None
    view = AxialView.of(case.grid)
    index = largest_slice(view, mask)
    return Thumb(
        np.ascontiguousarray(view.turn(case.image)[index]),
        np.ascontiguousarray(view.turn(mask)[index]),
        (view.spacing_mm[1], view.spacing_mm[2]),
    )


def _uncertain(course: Course, lesions: tuple[SheetLesion, ...], cases: _Cases, record: Record) -> tuple[Text, ...]:
    lines = []
    unsure = [x.name for x in lesions if x.ratio is not None and x.ratio.category is not None and _unsure(x.ratio)]
    if unsure:
        lines.append(board_words.unsure(unsure))
    unrated = [x.name for x in lesions if x.ratio is not None and x.ratio.category is None and x.role != "new"]
    if unrated:
        lines.append(board_words.unrated(unrated))
    unseen = [x.name for x in lesions if x.sizes_mm[-1] is None and x.role != "new"]
    if unseen:
        lines.append(board_words.unseen(unseen))
    lines += [board_words.other_size(x.name) for x in lesions if x.size_differs]
    latest = course.verdicts[-1].overall
    events = [TherapyEvent(row.therapy, row.on, row.lesion) for row in record.therapies]
    portal = therapy_flags(events, course.verdicts[-1].day)
    codes = dict.fromkeys((*course.flags, *(latest.flags if latest is not None else ()), *board_pathology.flags(record), *portal))
    if len(cases.opened) > 1:
        for what in changes.differs(cases.opened[0].tables, cases.opened[-1].tables):
            codes[{"protocol": "protocol-differs", "release": "release-differs"}.get(what, "models-differ")] = None
    for case in cases.opened[-1:]:
        flags = case.tables.summary.get("flags") or []
        codes |= dict.fromkeys(map(_code, flags))
    lines += [
        Text(_sentence(FLAGS[code].en), _sentence(FLAGS[code].fr))
        for code in codes
        if code in FLAGS and FLAGS[code].severity != "info"
    ]
    return tuple(lines)


def _code(flag: Any) -> str:
    return str(flag.get("code", "")) if isinstance(flag, dict) else str(flag)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(("?", "!", ".")) else ".")


def plain(sheet: Sheet) -> dict[str, Any]:
    """The sheet without its pictures, as ``board.json`` holds it."""
    lesions = [
        {
            "lesion": one.name,
            "role": one.role,
            "sizes_mm": list(one.sizes_mm),
            "size_change": one.size_change,
            "bf_ratio": None if one.ratio is None else asdict(one.ratio),
            "criteria": [{"criterion": said.criterion.en, "category": said.category, "leaning": said.leaning} for said in one.said],
            "changes": [text.en for text in one.changes],
            "pathology": None if one.pathology is None else one.pathology.en,
            "therapy": [text.en for text in one.therapy],
        }
        for one in sheet.lesions
    ]
    visits = [asdict(visit) | {"day": None if visit.day is None else visit.day.isoformat()} for visit in sheet.visits]
    return {
        "schema": 1,
        "patient": sheet.patient,
        "visits": visits,
        "best_overall_response": sheet.best[0],
        "best_overall_response_confirmed": sheet.best[1],
        "facts": [{"what": label.en, "value": value.en} for label, value in sheet.facts],
        "lesions": lesions,
        "disagreements": [{"what": one.what.en, "why": one.why.en} for one in sheet.disagreements],
        "uncertain": [text.en for text in sheet.uncertain],
    }


def as_text(sheet: Sheet) -> str:
    """``board.json``."""
    return json.dumps(plain(sheet), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
