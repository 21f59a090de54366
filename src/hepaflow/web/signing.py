"""A reader signs: the case as it is, by the digest of its files, with a report that bears the signature.

What was signed lies beside the case: ``signature.json`` stands for it, an earlier one that was taken back stays as
``signature-N.json``. Files of the case are linked, not copied: a later analysis writes new ones and leaves these alone. The trail of
the database, which is only added to, holds the digest of all of it: what was changed on disk is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import threading
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hepaflow import __version__
from hepaflow.errors import InputRefused, UsageError
from hepaflow.store import atomic, plain_json
from hepaflow.store.case import code_digest
from hepaflow.web import numbers, regions_log, signed_files
from hepaflow.web import tables as t
from hepaflow.web.jobs import ACTIVE, WRITING
from hepaflow.web.places import StudyPlace
from hepaflow.web.refusals import Conflict, NotThere
from hepaflow.web.region_state import RegionState
from hepaflow.web.room import Room
from hepaflow.web.seals import hold, require_open, signed
from hepaflow.web.staleness import content

if TYPE_CHECKING:
    from hepaflow.report.content import Document

SCHEMA = 1
NAME = "signature.json"
MOST_NAME, MOST_STATEMENT = 120, 4000
_EARLIER = re.compile(r"signature-(\d+)\.json")
#: Parts of a case that are working state and no result.
_NOT_SIGNED = ("steps", "log")


def is_signed(place: StudyPlace) -> bool:
    """Whether a signature stands."""
    return (place.signed / NAME).is_file()


def sign(room: Room, study: str, *, reader: str, statement: str) -> dict[str, Any]:
    """Signs the case as it is now. What was signed, as :func:`state` tells it.

    Refused: a name that is none, no finished case (``CASE-MISSING``), one whose regions were changed since (``STALE``), a case that is
    signed or worked on.
    """
    place, reader, statement = room.place(study), _name(reader), _statement(statement)
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
    with atomic.staging(place.folder) as stage:
        signed_files.write(report, place, stage, signature)
        _earlier(place, stage)
        (stage / NAME).write_text(plain_json.text(signature, indent=1), encoding="utf-8")
        with room.tables.begin() as connection:
            hold(connection, study)
            _refuse(room, connection, study)
            if digests(place.case) != files:
                raise Conflict("CASE-STALE", "the study was analysed anew meanwhile", "Look at the new results, then sign")
            mine = sa.update(t.studies).where(t.studies.c.id == study)
            connection.execute(mine.values(signed=json.dumps({"reader": reader, "at": moment})))
            detail = {"digest": digest, "files": len(files), "sealed": _sealed(stage)}
            room.tables.audit(connection, study=study, who=reader, what="signed", detail=detail)
            atomic.move_folder(stage, place.signed)
    room.events.tell("study", {"study": study})
    return state(room, study)


def reopen(room: Room, study: str, *, who: str) -> dict[str, Any]:
    """Takes the signature back: it is kept under a number, and in the audit. Refused: ``NOT-SIGNED``."""
    place = room.place(study)
    with room.tables.begin() as connection:
        hold(connection, study)
        if (standing := signed(connection, study)) is None:
            raise Conflict("NOT-SIGNED", "the study is not signed", "Reload the page")
        there = is_signed(place)  # else somebody took the file away: what the database knows is taken back
        taken_back = json.loads((place.signed / NAME).read_text(encoding="utf-8")) if there else {**standing, "digest": None}
        connection.execute(sa.update(t.studies).where(t.studies.c.id == study).values(signed=None))
        detail = {"digest": taken_back["digest"], "reader": taken_back["reader"], "at": taken_back["at"]}
        room.tables.audit(connection, study=study, who=who, what="reopened", detail=detail)
        if there:
            with atomic.reporting("the signature"):
                os.replace(place.signed / NAME, place.signed / f"signature-{1 + max(_numbers(place.signed), default=0)}.json")
    room.events.tell("study", {"study": study})
    return state(room, study)


def state(room: Room, study: str) -> dict[str, Any]:
    """``signed``: the signature that stands, with whether case and signed files are ``intact``, still those which were signed; and the ``earlier`` ones."""
    place, earlier = room.place(study), []
    for number in sorted(_numbers(place.signed)):
        one = json.loads((place.signed / f"signature-{number}.json").read_text(encoding="utf-8"))
        earlier.append({key: one[key] for key in ("reader", "at", "statement", "digest")})
    if not is_signed(place):
        with room.tables.read() as connection:
            standing = signed(connection, study)
        gone = {"statement": "", "digest": "", "model": None, "language": None, "files": 0, "software": "", "intact": False}
        return {"signed": None if standing is None else standing | gone, "earlier": earlier}
    found = json.loads((place.signed / NAME).read_text(encoding="utf-8"))
    told = {key: found[key] for key in ("reader", "at", "statement", "digest", "model")}
    told |= {"language": found.get("language"), "files": len(found["files"]), "software": found["software"]["version"]}
    return {"signed": told | {"intact": _intact(room, place, found["digest"])}, "earlier": earlier}


def to_send(place: StudyPlace) -> Path:
    """The folder whose DICOM results go to an archive: what was signed, else the case. Refused: ``CASE-MISSING``."""
    numbers.case_file(place, "case.json")
    return place.signed / "dicom" if is_signed(place) else place.case


def shown(place: StudyPlace, name: str) -> Path:
    """A file of the results as a reader gets it: of what was signed, else of the case. Refused: ``CASE-MISSING``."""
    for folder in (*([place.signed] if is_signed(place) else []), place.case):
        if (folder / name).is_file():
            return folder / name
    raise NotThere("CASE-MISSING", "the study has no such results yet", "Analyse the study first")


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
    active = sa.select(t.jobs.c.id).where(t.jobs.c.study == study, t.jobs.c.kind.in_(WRITING), t.jobs.c.state.in_(ACTIVE))
    if connection.execute(active).scalar() is not None:
        raise Conflict("JOB-ACTIVE", "the study is being worked on", "Wait until that has ended, or cancel it")
    if numbers.stale(room, study):
        raise Conflict("CASE-STALE", "the results are not those of the regions as they are", "Analyse the study again, then sign")


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
    """Lesions that were measured by hand, with their axes in mm and who measured them."""
    by = regions_log.measured_by(room, study)
    found = [(name, one.caliper.told()) for name, one in sorted(drawn.items()) if one.caliper is not None]
    return [
        {"lesion": name, "long_mm": told["long_mm"], "short_mm": told["short_mm"], "reader": by.get(name, "")}
        for name, told in found
    ]


def _earlier(place: StudyPlace, stage: Path) -> None:
    for number in _numbers(place.signed):
        shutil.copyfile(place.signed / f"signature-{number}.json", stage / f"signature-{number}.json")


def _numbers(folder: Path) -> list[int]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [int(found[1]) for name in names if (found := _EARLIER.fullmatch(name))]


def _name(reader: str) -> str:
    name = unicodedata.normalize("NFC", " ".join(reader.split()))
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise UsageError("READER-NAME", "the reader's name is empty, too long or not printable", "Write the name of who signs")
    return name


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


def _intact(room: Room, place: StudyPlace, digest: str) -> bool:
    """Whether case, signed files and signature are those of which the trail knows."""
    mine = sa.select(t.audits.c.detail).where(t.audits.c.study == place.folder.name, t.audits.c.what == "signed")
    with room.tables.read() as connection:
        row = connection.execute(mine.order_by(t.audits.c.id.desc()).limit(1)).scalar()
    known = {} if row is None else json.loads(row)
    with contextlib.suppress(NotThere, OSError):
        sealed = _sealed(place.signed)
        now = (total(digests(place.case)), digest, sealed)
        return now == (
            known.get("digest"),
            known.get("digest"),
            known.get("sealed", sealed),
        )  # early versions sealed the case alone
    return False


def _sealed(folder: Path) -> str:
    """The digest of everything that lies signed in a folder, the signature among it; those that were taken back are not."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return total({name: _digest(path) for name, path in found.items() if _EARLIER.fullmatch(name) is None})
