"""A reader signs: the case as it is, by the digest of its files, with a report that bears the signature.

What is signed lies beside the case, in a folder of its own by number, and stays there when it is taken back. Files of the case are
linked, not copied: a later analysis writes new ones and leaves these alone. Whether a signature stands is said by the study's row; who
signed what is said by the trail of the database, which is only added to and holds the digest of all of it: what was changed on disk is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hepaflow import __version__
from hepaflow.errors import InputRefused, UsageError
from hepaflow.store import atomic, plain_json
from hepaflow.store.case import code_digest
from hepaflow.web import numbers, one_patient, regions_log, seals, signed_files
from hepaflow.web import tables as t
from hepaflow.web.jobs import ACTIVE, KINDS, WRITING
from hepaflow.web.places import StudyPlace
from hepaflow.web.reader_name import reader_name, require_letters
from hepaflow.web.refusals import Conflict, NotThere
from hepaflow.web.region_state import RegionState
from hepaflow.web.room import Room
from hepaflow.web.seals import hold, require_open, signed
from hepaflow.web.staleness import content

if TYPE_CHECKING:
    from hepaflow.report.content import Document

SCHEMA = 1
NAME = "signature.json"
MOST_STATEMENT = 4000
#: Parts of a case that are working state and no result.
_NOT_SIGNED = ("steps", "log")


def standing(room: Room, study: str) -> int | None:
    """The number of the signature that stands; None where there is none."""
    with room.tables.read() as connection:
        return seals.standing(connection, study)


def sign(room: Room, study: str, *, reader: str, statement: str) -> dict[str, Any]:
    """Signs the case as it is now. What was signed, as :func:`state` tells it.

    Refused: a name that is none or that paper cannot show (``READER-LETTERS``), no finished case (``CASE-MISSING``), one whose regions were changed since (``CASE-STALE``) or whose report takes it for
    the first visit where it is none, or the other way round (``REPORT-VISIT``), a case that is signed or worked on.
    """
    place, reader, statement = room.place(study), reader_name(reader), _statement(statement)
    summary = numbers.case_file(place, "case.json")
    cursor, drawn = numbers.drawn_now(room, study)
    with room.tables.read() as connection:
        _refuse(room, connection, study)
    files, report = digests(place.case), _kept(place)
    moment, digest, measured = t.now(), total(files), _calipers(room, study, drawn)
    signature: dict[str, Any] = {
        "schema": SCHEMA,
        "reader": reader,
        "at": moment,
        "statement": statement,
        "language": report.language,
        "digest": digest,
        "files": files,
        "regions": {
            "cursor": cursor,
            "content": content(drawn),
            "versions": {name: one.version for name, one in drawn.items()},
        },
        "calipers": measured,
        "study_digest": summary.get("study_digest"),
        "model": summary.get("model"),
        "software": {"name": "hepaflow", "version": __version__, "code_digest": code_digest(), "case": summary.get("software", {})},
        "notice": "Research use only; not a medical device. No qualified electronic signature.",
    }
    with atomic.reporting("the signature"):
        place.signed.mkdir(exist_ok=True)
    with atomic.staging(place.signed) as stage:
        signed_files.write(report, place, stage, signature)
        (stage / NAME).write_text(plain_json.text(signature, indent=1), encoding="utf-8")
        with room.tables.begin() as connection:
            hold(connection, study)
            _refuse(room, connection, study)
            if report.first_visit != one_patient.at_first_visit(connection, study):
                raise Conflict(
                    "REPORT-VISIT",
                    "visits of the patient have come or gone: whether the report may tell a response is another question now",
                    "Analyse the study again, then sign",
                )
            if digests(place.case) != files:
                raise Conflict("CASE-STALE", "the study was analysed anew meanwhile", "Look at the new results, then sign")
            mine = sa.update(t.studies).where(t.studies.c.id == study)
            connection.execute(mine.values(signed=json.dumps({"reader": reader, "at": moment})))
            detail = {
                "at": moment,
                "statement": statement,
                "language": report.language,
                "model": summary.get("model"),
                "digest": digest,
                "files": len(files),
                "sealed": _sealed(stage),
            }
            room.tables.audit(connection, study=study, who=reader, what="signed", detail=detail)
            number = seals.standing(connection, study)
            assert number is not None
            atomic.move_folder(stage, place.results(number))  # one that was put there and never written down goes
    room.events.tell("study", {"study": study})
    return state(room, study)


def reopen(room: Room, study: str, *, who: str) -> dict[str, Any]:
    """Takes the signature back: what was signed stays under its number. Refused: ``NOT-SIGNED``, and while it is being sent (``JOB-ACTIVE``)."""
    room.place(study)
    with room.tables.begin() as connection:
        hold(connection, study)
        if (taken_back := signed(connection, study)) is None:
            raise Conflict("NOT-SIGNED", "the study is not signed", "Reload the page")
        _refuse_active(connection, study, KINDS)
        connection.execute(sa.update(t.studies).where(t.studies.c.id == study).values(signed=None))
        room.tables.audit(connection, study=study, who=who, what="reopened", detail=taken_back)
    room.events.tell("study", {"study": study})
    return state(room, study)


def state(room: Room, study: str) -> dict[str, Any]:
    """``signed``: the signature that stands, and the ``earlier`` ones, as the trail tells them; each with whether it is ``intact``: its files, and
    for the one that stands those of the case, are still what was signed.
    """
    place = room.place(study)
    mine = sa.select(t.audits.c.who, t.audits.c.detail).where(t.audits.c.study == study, t.audits.c.what == "signed")
    with room.tables.read() as connection:
        rows, stands = connection.execute(mine.order_by(t.audits.c.id)).all(), seals.standing(connection, study)
    found = []
    for number, row in enumerate(rows, 1):
        known = json.loads(row.detail)
        told = {key: known.get(key) for key in ("at", "statement", "language", "model", "digest", "files")}
        intact = _intact(place, number, known, case=number == stands)
        found.append({"number": number, "reader": row.who, **told, "intact": intact})
    return {"signed": found.pop() if stands else None, "earlier": found}


def shown(room: Room, study: str, name: str, signature: int | None = None) -> Path:
    """A file of the results as a reader gets it: of that signature, by number, else of the one that stands, else of the case.

    Refused: what is not there (``CASE-MISSING``; of a signature ``SIGNATURE-MISSING``).
    """
    place = room.place(study)
    with room.tables.read() as connection:
        last = seals.count(connection, study)
        number = seals.standing(connection, study) if signature is None else signature
    path = place.results(number) / name
    if path.is_file() and (number is None or 0 < number <= last):
        return path
    if number is None:
        raise NotThere("CASE-MISSING", "the study has no such results yet", "Analyse the study first")
    raise NotThere(
        "SIGNATURE-MISSING",
        "nothing is signed under that number, or it is gone",
        "Reload the page, or bring the file back from a backup",
    )


def digests(case: Path) -> dict[str, str]:
    """SHA-256 of every result file of a case, by its path in it. Refused: ``CASE-MISSING``."""
    found = {path.relative_to(case).as_posix(): path for path in sorted(case.rglob("*")) if path.is_file()}
    results = {name: path for name, path in found.items() if name.split("/")[0] not in _NOT_SIGNED and not name.startswith(".")}
    if "case.json" not in results:
        raise NotThere("CASE-MISSING", "the study has no results yet", "Analyse the study first")
    return {name: _digest(path) for name, path in results.items()}


def total(files: Mapping[str, str]) -> str:
    """The digest of digests: SHA-256 over lines of file digest and path, as ``sha256sum`` prints them, in the order of the paths."""
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())).encode()).hexdigest()


def _refuse(room: Room, connection: sa.Connection, study: str) -> None:
    require_open(connection, study)
    _refuse_active(connection, study, WRITING)
    if numbers.stale(room, study):
        raise Conflict("CASE-STALE", "the results are not those of the regions as they are", "Analyse the study again, then sign")


def _refuse_active(connection: sa.Connection, study: str, kinds: Sequence[str]) -> None:
    active = sa.select(t.jobs.c.id).where(t.jobs.c.study == study, t.jobs.c.kind.in_(kinds), t.jobs.c.state.in_(ACTIVE))
    if connection.execute(active).scalar() is not None:
        raise Conflict("JOB-ACTIVE", "the study is being worked on", "Wait until that has ended, or cancel it")


def _kept(place: StudyPlace) -> Document:
    """The report as the analysis composed it."""
    # loaded here, and below: the server starts without the libraries that write reports
    from hepaflow.report import kept
    from hepaflow.workflow.outputs import REPORT_KEPT

    try:
        return kept.thaw((place.case / REPORT_KEPT).read_bytes())
    except OSError as error:
        raise InputRefused("REPORT-DAMAGED", "the kept report of the case is not there", "Analyse the study again") from error


def _calipers(room: Room, study: str, drawn: Mapping[str, RegionState]) -> list[dict[str, Any]]:
    """Lesions that were measured by hand, with their axes in mm and who measured them. Refused: a name that cannot be printed (``READER-LETTERS``)."""
    by = regions_log.measured_by(room, study)
    found = [(name, one.caliper.told()) for name, one in sorted(drawn.items()) if one.caliper is not None]
    for name, _ in found:
        require_letters(by.get(name, ""))
    return [
        {"lesion": name, "long_mm": told["long_mm"], "short_mm": told["short_mm"], "reader": by.get(name, "")}
        for name, told in found
    ]


def _statement(text: str) -> str:
    said = unicodedata.normalize("NFC", text.strip())
    if len(said) > MOST_STATEMENT or any(not letter.isprintable() and letter != "\n" for letter in said):
        raise UsageError(
            "STATEMENT-INVALID", "the conclusion is too long or not printable", "Shorten it, and leave out control characters"
        )
    # loaded here, as above
    from hepaflow.report.pdf import printable

    if not printable(said):
        raise UsageError(
            "STATEMENT-LETTERS",
            "the conclusion has letters that the report's font lacks, or that are written from right to left",
            "Write it in Latin, Greek or Cyrillic letters: paper would not show it as it reads",
        )
    return said


_seen: dict[Path, tuple[tuple[int, ...], str]] = {}
_seen_lock = threading.Lock()


def _digest(path: Path) -> str:
    """SHA-256 of a file; read again only when its state on disk has changed."""
    status = path.stat()
    # whoever changes a file can set the time of that back, not the time at which this was done
    key = (status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns)
    with _seen_lock:
        known = _seen.get(path)
    if known is not None and known[0] == key:
        return known[1]
    found = atomic.digest_of_file(path)
    with _seen_lock:
        if len(_seen) > 20_000:
            _seen.clear()
        _seen[path] = (key, found)
    return found


def _intact(place: StudyPlace, number: int, known: Mapping[str, Any], *, case: bool) -> bool:
    """Whether what was signed under a number is what the trail knows of it, and the ``case`` too where that is asked."""
    with contextlib.suppress(NotThere, OSError):
        return _sealed(place.results(number)) == known.get("sealed") and (not case or total(digests(place.case)) == known["digest"])
    return False


def _sealed(folder: Path) -> str:
    """The digest of everything that lies signed in a folder, the signature among it."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return total({name: _digest(path) for name, path in found.items()})
