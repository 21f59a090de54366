"""A study without its patient: every file through the gate and the profile, what is left out and refused counted by reason."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hepaflow.dicom.confidentiality import tables
from hepaflow.dicom.deidentify import Deidentified, LeftOutObject, deidentify
from hepaflow.dicom.gate import inflate, judge
from hepaflow.dicom.pseudonym import SECRET_BYTES, Secret
from hepaflow.dicom.source import Entry, open_study
from hepaflow.errors import InputRefused, OutputFailed, UsageError
from hepaflow.store import atomic

SCHEMA = 1
#: Holds the lock; says nothing.
MARKER = ".hepaflow-deidentified"
Progress = Callable[[str, int, int], None] | None


@dataclass(slots=True)
class Done:
    """What became of every file. ``left_out`` and ``refused`` count by reason and code; ``patients`` are pseudonyms."""

    files: int = 0
    written: int = 0
    unchanged: int = 0
    copies: int = 0
    not_dicom: int = 0
    emptied: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    patients: set[str] = field(default_factory=set)

    def as_object(self) -> dict[str, Any]:
        """The object that ``--json`` prints; pseudonyms are counted, not listed."""
        counts = {key: getattr(self, key) for key in ("files", "written", "unchanged", "copies", "not_dicom", "emptied")}
        reasons = {"left_out": dict(sorted(self.left_out.items())), "refused": dict(sorted(self.refused.items()))}
        return {"schema": SCHEMA, "profile": tables().edition, **counts, "patients": len(self.patients), **reasons}


def run(source: Path, out: Path, key: Path, *, keep_burned_in: bool = False, progress: Progress = None) -> Done:
    """De-identify every DICOM file of ``source`` into ``out``, by the secret in ``key`` (made where there is none).

    Files are named by digests of their new UIDs and appear whole or not at all; what is there already with the same bytes is not
    written again. Refused: a key inside the study or the output, an output inside the study, a key that others may read; a study
    without a DICOM file. A file that is damaged is counted and the others go on.
    """
    _check_places(source, out, key)
    secret = read_secret(key)
    done, made = Done(), dict[Path, str]()
    with open_study(source) as entries, _held(out):
        done.files = len(entries)
        for number, entry in enumerate(entries, start=1):
            try:
                _one(entry, secret, out, done, made, keep_burned_in=keep_burned_in)
            except InputRefused as refusal:
                done.refused[refusal.code] += 1
            if progress is not None:
                progress("de-identify", number, len(entries))
    if done.not_dicom == done.files:
        raise InputRefused("STUDY-EMPTY", "the study holds no DICOM file", "Give a folder with DICOM files, or a .zip of one")
    return done


def _one(entry: Entry, secret: Secret, out: Path, done: Done, made: dict[Path, str], *, keep_burned_in: bool) -> None:
    if judge(entry, frozenset(), where="a file") is None:
        done.not_dicom += 1
        return
    result = deidentify(_explicit(entry.read()), secret, keep_burned_in=keep_burned_in)
    if isinstance(result, LeftOutObject):
        done.left_out[result.why] += 1
        return
    path = out / _name(result)
    digest = hashlib.sha256(result.data).hexdigest()
    if path in made:
        if made[path] != digest:
            raise InputRefused(
                "FILE-DUPLICATE", "two files claim to be the same object and differ", "Remove the one that does not belong"
            )
        done.copies += 1
        return
    made[path] = digest
    done.patients.add(result.pseudonym)
    done.emptied += result.emptied
    if path.exists() and atomic.digest_of_file(path) == digest:
        done.unchanged += 1
        return
    atomic.write_bytes(path, result.data)
    done.written += 1


def _explicit(data: bytes) -> bytes:
    """The file, refused where its deflated content is a bomb (the library would inflate it all)."""
    inflate(data)
    return data


def _name(result: Deidentified) -> Path:
    study, series, instance = (hashlib.sha256(uid.encode()).hexdigest() for uid in result.uids)
    return Path(study[:16], series[:16], f"{instance[:32]}.dcm")


def read_secret(path: Path) -> Secret:
    """The secret of a key file, made with a new one (readable by its owner alone) where there is none.

    Refused: a key file that others may read, or that holds no key.
    """
    if not path.exists():
        _make_secret(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        found = bytes.fromhex(json.loads(path.read_text(encoding="ascii"))["hepaflow_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputRefused(
            "KEY-UNREADABLE", "the key file holds no key", "Give the key file that was made, or a new path"
        ) from error
    if mode & 0o077:
        raise UsageError(
            "KEY-OPEN", "the key file may be read by others", "Take their permission away (chmod 600) and keep it apart"
        )
    return Secret(found)


def _make_secret(path: Path) -> None:
    """A new key file: whole before it has its name, and never in the place of one that another process made meanwhile."""
    text = json.dumps({"schema": SCHEMA, "hepaflow_key": secrets.token_hex(SECRET_BYTES)}) + "\n"
    with atomic.reporting("the key file"):
        descriptor, name = tempfile.mkstemp(prefix=atomic.TEMPORARY, dir=path.parent)  # readable by its owner alone
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as handle:
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
            atomic.sync_folder(path.parent)
        finally:
            Path(name).unlink()


def _check_places(source: Path, out: Path, key: Path) -> None:
    if not source.exists():
        raise InputRefused("SOURCE-MISSING", "the path of the study does not exist", "Check the path")
    if out.exists() and not out.is_dir():
        raise UsageError("OUT-NOT-A-FOLDER", "the output path is a file", "Give a folder")
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError("OUT-INSIDE-STUDY", "the output folder lies inside the study", "Give an output folder outside the study")
    places = [out.resolve(), *([source.resolve()] if source.is_dir() else [])]
    if any(key.resolve().is_relative_to(place) for place in places):
        raise UsageError("KEY-NOT-APART", "the key file lies inside the study or the output", "Keep the key apart from both")


@contextmanager
def _held(out: Path) -> Iterator[None]:
    """One writer at a time; strays of a killed one are swept."""
    with atomic.reporting("the output folder"):
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out / MARKER, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputFailed(
                "OUT-LOCKED", "another process is writing the output folder", "Wait until it has finished"
            ) from error
        atomic.sweep(out)
        yield
    finally:
        os.close(lock)
