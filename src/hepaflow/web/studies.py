"""The list of studies: rows of the database with what jobs made of them, as pages see them."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.errors import OutputFailed
from hepaflow.store import atomic
from hepaflow.web import beside, known, last_analysis, one_patient
from hepaflow.web import jobs as j
from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace, fresh_id, place_of
from hepaflow.web.staleness import outdated

_ACTIVE_STATE = {"import": "importing", "retrieve": "importing", "analyze": "analysing"}


def add(connection: sa.Connection, data: Path, label: str) -> StudyPlace:
    """A new, empty study and its folder."""
    study = fresh_id()
    folder = data / "studies" / study
    folder.mkdir(mode=0o700)
    connection.execute(sa.insert(t.studies).values(id=study, added=t.now(), label=label[:200], facts="{}"))
    return StudyPlace(folder)


def listed(connection: sa.Connection, data: Path, only: str | None = None) -> list[dict[str, Any]]:
    """Every study that is not in the trash (or ``only`` one), patients together, their visits in order of date."""
    query = sa.select(t.studies).where(t.studies.c.trashed.is_(None))
    rows = list(connection.execute(query))
    visit, doubtful = _visits(rows), one_patient.differences(rows)
    first = one_patient.first_visits(rows, doubtful)
    wanted = [row for row in rows if only in (None, row.id)]
    latest = _latest_jobs(connection, only)
    cursors, lesions = _cursors(connection, only), _lesions(connection, only)
    found = [
        _as_json(
            row,
            data,
            latest.get(row.id),
            visit[row.id],
            first=row.id in first,
            differs=doubtful.get(row.id, []),
            stale=_stale(connection, row, data, cursors.get(row.id, 0)),
            lesions=lesions.get(row.id),
        )
        for row in wanted
    ]
    return sorted(found, key=lambda one: (one["patient"].casefold(), one["patient_key"], one["visit"], one["added"]))


def take_result(connection: sa.Connection, ended: j.Ended) -> dict[str, str] | None:
    """Writes what a finished job made of its study into the study's row. An error that the job then ends with: the study was here already."""
    if ended.study is None or ended.result is None:
        return None
    mine = sa.update(t.studies).where(t.studies.c.id == ended.study)
    result = dict(ended.result)
    if ended.kind in {"import", "retrieve"}:
        twin = result.get("same_as") or known.same(
            connection, ended.study, digest=result["digest"], patient_key=result["patient_key"]
        )
        if twin is not None:
            return known.take_back(connection, Path(ended.asked["folder"]), twin)
        row = {key: result.pop(key) for key in ("patient", "patient_key", "date")}
        if description := result.pop("description"):
            row["label"] = description
        connection.execute(mine.values(**row, facts=json.dumps(result)))
    elif ended.kind == "analyze":
        result |= {"cursor": ended.asked["cursor"], "at": t.now()}
        connection.execute(mine.values(analysed=json.dumps(result)))
    return None


def settle(tables: t.Tables, data: Path, study: str) -> None:
    """Brings results into their place that are those of the study's row and not there yet. Refused: a disk that does not let them."""
    with tables.read() as connection:
        row = connection.execute(sa.select(t.studies.c.analysed).where(t.studies.c.id == study)).scalar()
    if row is not None:
        beside.settle(StudyPlace(data / "studies" / study), json.loads(row).get("case", ""))


def settle_all(tables: t.Tables, data: Path) -> None:
    """As :func:`settle`, of what a server left that was killed; and without its temporary files. Before anything else works there."""
    for folder in (data / "studies").iterdir():
        for left in (*folder.glob(f"{atomic.TEMPORARY}*"), *folder.glob(f"signed/{atomic.TEMPORARY}*")):
            shutil.rmtree(left, ignore_errors=True)
        with contextlib.suppress(OutputFailed):  # what cannot be brought is told as stale
            settle(tables, data, folder.name)


def edits_so_far(connection: sa.Connection, study: str) -> int:
    """The number of the study's last edit; 0 where nothing was drawn. What was taken over from an analysis is no edit."""
    last = sa.select(sa.func.coalesce(sa.func.max(t.edits.c.id), 0))
    return int(connection.execute(last.where(t.edits.c.study == study, t.edits.c.kind != t.INITIAL)).scalar_one())


def facts(connection: sa.Connection, study: str) -> dict[str, Any]:
    """What import and the last analysis say of a study; rules and flags are those of the analysis where there is one."""
    row = connection.execute(sa.select(t.studies.c.facts, t.studies.c.analysed).where(t.studies.c.id == study)).one()
    analysed = {} if row.analysed is None else json.loads(row.analysed)
    judged = {key: analysed[key] for key in ("rules", "flags") if key in analysed}
    return {**json.loads(row.facts), **judged, "of": _judged_by(analysed)}


def _visits(rows: Iterable[sa.Row[Any]]) -> dict[str, int]:
    """The number of every study among its patient's visits; copies of one study are one visit."""
    found: dict[str, int] = {}
    for visits in one_patient.by_patient(rows):
        numbers: dict[str, int] = {}
        for row in sorted(visits, key=lambda one: (one.date, one.added)):
            found[row.id] = numbers.setdefault(known.digest_of(row), len(numbers) + 1)
    return found


def _latest_jobs(connection: sa.Connection, only: str | None) -> dict[str, sa.Row[Any]]:
    last = sa.select(sa.func.max(t.jobs.c.number)).where(t.jobs.c.study.is_not(None)).group_by(t.jobs.c.study)
    query = sa.select(t.jobs).where(t.jobs.c.number.in_(last))
    if only is not None:
        query = query.where(t.jobs.c.study == only)
    return {row.study: row for row in connection.execute(query)}


def _cursors(connection: sa.Connection, only: str | None) -> dict[str, int]:
    query = sa.select(t.edits.c.study, sa.func.max(t.edits.c.id)).where(t.edits.c.kind != t.INITIAL).group_by(t.edits.c.study)
    if only is not None:
        query = query.where(t.edits.c.study == only)
    return {study: int(last) for study, last in connection.execute(query)}


def _lesions(connection: sa.Connection, only: str | None) -> dict[str, int]:
    """How many lesions there are now in each study in which some were drawn."""
    newest = sa.select(sa.func.max(t.edits.c.id)).where(t.edits.c.version > 0, t.edits.c.region.startswith("lesion-"))
    if only is not None:
        newest = newest.where(t.edits.c.study == only)
    there = sa.case((t.edits.c.state.contains('"deleted":true'), 0), else_=1)  # as a region's state writes it
    query = sa.select(t.edits.c.study, sa.func.sum(there)).group_by(t.edits.c.study)
    last = newest.group_by(t.edits.c.study, t.edits.c.region)
    return {study: int(number) for study, number in connection.execute(query.where(t.edits.c.id.in_(last)))}


def _stale(connection: sa.Connection, row: sa.Row[Any], data: Path, cursor: int) -> bool:
    """Whether the study has results that are not those of its regions at ``cursor``."""
    known = None if row.analysed is None else json.loads(row.analysed)
    return known is not None and outdated(connection, row.id, known, place_of(data, row.id).case, cursor=cursor)


def _as_json(
    row: sa.Row[Any],
    data: Path,
    job: sa.Row[Any] | None,
    visit: int,
    *,
    first: bool,
    differs: Sequence[str],
    stale: bool,
    lesions: int | None,
) -> dict[str, Any]:
    facts = json.loads(row.facts)
    analysed = None if row.analysed is None else json.loads(row.analysed)
    signed = None if row.signed is None else json.loads(row.signed)
    place = place_of(data, row.id)
    return {
        "id": row.id,
        "label": row.label,
        "patient": row.patient,
        "patient_id": facts.get("patient_id", ""),
        "patient_key": row.patient_key,
        "date": row.date,
        "visit": visit,
        "first_visit": first,
        "patient_differs": differs,
        "added": row.added,
        "state": _state(job, known=bool(facts), analysed=analysed is not None, signed=signed is not None),
        "protocol": _counted({**facts, **(analysed or {})}.get("rules", [])) | {"of": _judged_by(analysed or {})},
        "passes": facts.get("passes", 0),
        "spacing_mm": facts.get("spacing_mm", []),
        "coverage_mm": facts.get("coverage_mm", []),
        "analysis": None if analysed is None else {"at": analysed["at"], **(last_analysis.choices(analysed, place.case) or {})},
        "lesions": analysed["lesions"] if lesions is None and analysed is not None else lesions,
        "signed": signed,
        "job": None if job is None else j.as_json(job),
        "corrected": (place.corrected / "value.json").exists(),
        "stale": stale,
    }


def _state(job: sa.Row[Any] | None, *, known: bool, analysed: bool, signed: bool) -> str:
    if job is not None and job.state in j.ACTIVE and job.kind in _ACTIVE_STATE:
        return _ACTIVE_STATE[job.kind]
    if signed:
        return "signed"
    if analysed:
        return "analysed"
    return "imported" if known else "failed"


def _judged_by(analysed: dict[str, Any]) -> str:
    """Whose verdicts those of the protocol are: the last analysis', else the first look's at import, which knows no region and no motion."""
    return "analysis" if "rules" in analysed else "import"


def _counted(rules: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {verdict: sum(rule["verdict"] == verdict for rule in rules) for verdict in ("pass", "warn", "fail")}
    worst = "none" if not rules else "fail" if counts["fail"] else "warn" if counts["warn"] else "ok"
    return {"verdict": worst, **counts}
