"""The cohorts of a room: their folders, the table of its own analysed studies, and which study a row of a table is of."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.errors import HepaflowError, InputRefused
from hepaflow.store import atomic, plain_json
from hepaflow.web import cohorts
from hepaflow.web import tables as t
from hepaflow.web.known import digest_of
from hepaflow.web.places import fresh_id, known_form
from hepaflow.web.refusals import NotThere
from hepaflow.web.room import Room
from hepaflow.workflow.case_folder import open_tables

ABOUT = "about.json"
#: Files of a study that pages may fetch.
_SHOWN = re.compile(
    r"(?:[a-z]+/)?(?:tables|figures)/[A-Za-z0-9_.-]+|(?:[a-z]+/)?(?:results\.json|report\.html|report\.docx|lesions\.csv)"
)


def add(room: Room, name: str, *, kind: str, table: str | None, config: str | None) -> Path:
    """A new cohort's folder with what was given."""
    folder = room.data / "cohorts" / fresh_id()
    with atomic.reporting("the cohort"):
        folder.mkdir(mode=0o700, parents=True)
    for file, text in ((cohorts.TABLE, table), (cohorts.CONFIG, config)):
        if text is not None:
            atomic.write_bytes(folder / file, text.encode("utf-8"))
    keep_about(folder, {"id": folder.name, "name": name, "at": t.now(), "kind": kind, "job": None})
    return folder


def keep_about(folder: Path, about: dict[str, Any]) -> None:
    """Writes down what a cohort is."""
    atomic.write_bytes(folder / ABOUT, plain_json.text(about, indent=1).encode("utf-8"))


def folder_of(room: Room, cohort: str) -> Path:
    """Refused: ``COHORT-UNKNOWN``."""
    folder = room.data / "cohorts" / cohort
    if not known_form(cohort) or not (folder / ABOUT).is_file():
        raise NotThere("COHORT-UNKNOWN", "there is no such cohort here", "Go back to the list of cohorts")
    return folder


def about(room: Room, folder: Path) -> dict[str, Any]:
    """What a cohort is and how far its job has come."""
    found: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    try:
        job = None if found["job"] is None else room.jobs.get(found["job"])
    except NotThere:
        job = None
    return found | {"job": job, "state": "done" if job is None else job["state"]}


def every(room: Room) -> list[dict[str, Any]]:
    """All cohorts, the newest first."""
    folders = [path.parent for path in (room.data / "cohorts").glob(f"*/{ABOUT}") if known_form(path.parent.name)]
    return sorted((about(room, folder) for folder in folders), key=lambda one: str(one["at"]), reverse=True)


def results_folder(folder: Path, part: str | None) -> Path:
    """Where the results of a cohort lie, or those of its ``part``. Refused (``COHORT-PART``): a part that is not there."""
    home = folder / cohorts.RESULTS
    if part is None:
        return home
    if part not in parts(folder):
        raise NotThere("COHORT-PART", "the cohort has no such part", "Reload the page")
    return home / part


def parts(folder: Path) -> list[str]:
    """Studies beside the first one that an example makes."""
    home = folder / cohorts.RESULTS
    return sorted(path.parent.name for path in home.glob(f"*/{cohorts.PAGE}"))


def shown(folder: Path, name: str) -> Path:
    """A file of the results. Refused (``FILE-UNKNOWN``): any other."""
    path = folder / cohorts.RESULTS / name
    if _SHOWN.fullmatch(name) is None or ".." in name or not path.is_file():
        raise NotThere("FILE-UNKNOWN", "the cohort has no such file", "Reload the page")
    return path


def listed(folder: Path, part: str | None) -> list[str]:
    """Names of the files of the results, as :func:`shown` takes them."""
    top, home = folder / cohorts.RESULTS, results_folder(folder, part)
    names = [path.relative_to(top).as_posix() for path in sorted(home.rglob("*")) if path.is_file()]
    inside = {name.partition("/")[0] for name in names} & set(parts(folder)) if part is None else set()
    return [name for name in names if _SHOWN.fullmatch(name) and name.partition("/")[0] not in inside]


def of_studies(room: Room) -> str:
    """The lesions of every analysed study of the room as a table, a column for what each reports; patients by their key, copies of a study once. Refused: ``STUDY-NO-CASES``."""
    from hepaflow.workflow.cohort_cases import lesion_columns

    rows: list[dict[str, str]] = []
    visit: dict[str, int] = defaultdict(int)
    for row in _once([one for one in _studies(room) if (room.place(one.id).case / "case.json").is_file()]):
        place = room.place(row.id)
        whose = f"patient-{row.patient_key[:8]}" if row.patient_key else f"study-{row.id}"
        visit[whose] += 1
        tables = open_tables(place.case)
        for one in tables.table["lesions"]:
            lesion = str(one["id"])
            name = lesion if visit[whose] == 1 else f"{lesion} visit {visit[whose]}"
            head = {"patient": whose, "lesion": name, cohorts.STUDY: row.id, "lesion_of_study": lesion, "date": row.date}
            rows.append(head | lesion_columns(tables, lesion))
    if not rows:
        raise InputRefused("STUDY-NO-CASES", "no study here is analysed and has a lesion", "Analyse studies first")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _once(rows: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """Of copies of one study the signed one, else the one brought in last: a lesion that was imported twice is no two lesions."""
    found: dict[str, sa.Row[Any]] = {}
    for row in rows:
        key = digest_of(row)
        if key not in found or row.signed is not None or found[key].signed is None:
            found[key] = row
    return list(found.values())


def linked(room: Room, table: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the ``study`` that each is of: the one it names, else the last visit of its patient that holds its lesion; None where there is none."""
    found = _studies(room)
    known: set[str] = {row.id for row in found}
    by_patient: dict[str, list[str]] = defaultdict(list)
    for row in found:
        by_patient[row.patient_key].append(row.id)
        by_patient[f"patient-{row.patient_key[:8]}"].append(row.id)
    by_patient.pop("", None)
    salt, lesions = room.tables.salt(), dict[str, frozenset[str]]()

    def study_of(row: dict[str, Any]) -> str | None:
        named, patient = str(row.get(cohorts.STUDY)), str(row["patient"])
        if named in known:
            return named
        # as import makes the key of an identifier that no one in particular issued
        key = hashlib.sha256(salt + f"\n{patient}".encode()).hexdigest()[:16]
        for study in reversed([*by_patient.get(key, []), *by_patient.get(patient, [])]):
            if study not in lesions:
                lesions[study] = _lesions(room, study)
            if str(row["lesion"]) in lesions[study]:
                return study
        return None

    return [row | {"study": study_of(row)} for row in table]


def _lesions(room: Room, study: str) -> frozenset[str]:
    try:
        table = open_tables(room.place(study).case).table
    except HepaflowError:
        return frozenset()
    return frozenset(str(one.get("id")) for one in table["lesions"] if isinstance(one, dict))


def _studies(room: Room) -> Sequence[sa.Row[Any]]:
    with room.tables.read() as connection:
        order = (t.studies.c.patient_key, t.studies.c.date, t.studies.c.added)
        return connection.execute(sa.select(t.studies).where(t.studies.c.trashed.is_(None)).order_by(*order)).all()
