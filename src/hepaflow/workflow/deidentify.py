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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hepaflow.dicom.confidentiality import tables
from hepaflow.dicom.deidentify import Deidentified, LeftOutObject, deidentify, patient_of
from hepaflow.dicom.gate import inflate, judge
from hepaflow.dicom.pseudonym import SECRET_BYTES, Secret
from hepaflow.dicom.source import Entry, open_study
from hepaflow.errors import InputRefused, OutputFailed, UsageError
from hepaflow.store import atomic

SCHEMA = 1
#: Holds the lock, and what tells the key of the folder from another without telling anything of it.
MARKER = ".hepaflow-deidentified"
#: Study Instance UID, Patient ID, Issuer of Patient ID.
_WHOSE = (0x0020000D, 0x00100020, 0x00100021)
#: A key file is 100 bytes; a longer one is none.
_MAX_KEY_BYTES = 4096
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
    written again. All files of a study go to one patient, whichever of them name one. Refused: a key inside the study or the output, an
    output inside the study, a key that others may read, an output made with another key; a study without a DICOM file. A file that is
    damaged, or of a study that names two patients, is counted and the others go on.
    """
    _check_places(source, out, key)
    secret = read_secret(key)
    done, made = Done(), dict[Path, str]()
    with open_study(source) as entries, _held(out, secret):
        done.files = len(entries)
        found = [_judged(entry) for entry in entries]
        patients = _patients(found)
        for number, (entry, file) in enumerate(zip(entries, found, strict=True), start=1):
            try:
                if isinstance(file, InputRefused):
                    raise file
                if file is None:
                    done.not_dicom += 1
                else:
                    patient = patients.get(file.study)
                    if patient is not None and not patient:
                        raise InputRefused("STUDY-MIXED", "the files of a study name two patients", "Separate the patients first")
                    _one(
                        deidentify(_explicit(entry.read()), secret, patient=patient, keep_burned_in=keep_burned_in), out, done, made
                    )
            except InputRefused as refusal:
                done.refused[refusal.code] += 1
            if progress is not None:
                progress("de-identify", number, len(entries))
    if done.not_dicom == done.files:
        raise InputRefused("STUDY-EMPTY", "the study holds no DICOM file", "Give a folder with DICOM files, or a .zip of one")
    return done


@dataclass(frozen=True, slots=True)
class _File:
    """What a DICOM file says whose it is, as it stands there."""

    study: bytes
    number: bytes
    issuer: bytes


def _judged(entry: Entry) -> _File | InputRefused | None:
    """A file after the gate; None for one that is not DICOM."""
    try:
        header = judge(entry, _WHOSE, where="a file")
    except InputRefused as refusal:
        return refusal
    return None if header is None else _File(*(header.values.get(tag, b"").strip(b"\0 ") for tag in _WHOSE))


def _patients(found: Sequence[_File | InputRefused | None]) -> dict[bytes, str]:
    """The patient of every study whose files do not all say the same; empty where they contradict each other."""
    said: dict[bytes, set[tuple[bytes, bytes]]] = {}
    for file in found:
        if isinstance(file, _File):
            said.setdefault(file.study, set()).add((file.number, file.issuer))
    return {study: _agreed(pairs) for study, pairs in said.items() if len(pairs) > 1}


def _agreed(pairs: set[tuple[bytes, bytes]]) -> str:
    """The one ID and the one issuer that are named at all; empty where there are two, or one is no plain text."""
    numbers, issuers = ({pair[place] for pair in pairs} - {b""} for place in (0, 1))
    number, issuer = b"".join(numbers), b"".join(issuers)
    if len(numbers) != 1 or len(issuers) > 1 or not number.isascii() or not issuer.isascii() or b"\\" in number + issuer:
        return ""
    return patient_of(number.decode("ascii"), issuer=issuer.decode("ascii"))


def _one(result: Deidentified | LeftOutObject, out: Path, done: Done, made: dict[Path, str]) -> None:
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
    if path.parents[1] not in made:
        _same_patient(path.parents[1], result)
    made[path.parents[1]], made[path] = result.pseudonym, digest
    done.patients.add(result.pseudonym)
    done.emptied += result.emptied
    if path.exists() and atomic.digest_of_file(path) == digest:
        done.unchanged += 1
        return
    atomic.write_bytes(path, result.data)
    done.written += 1


def _same_patient(folder: Path, result: Deidentified) -> None:
    """Refused: a study that an earlier run wrote under another pseudonym, when other files of it said whose it is."""
    from pydicom import dcmread

    before = next(folder.glob("*/*.dcm"), None)
    if before is None:
        return
    try:
        number = str(dcmread(before, stop_before_pixels=True, specific_tags=["PatientID"]).get("PatientID") or "")
    except Exception:  # damaged since, and written anew
        return
    if number not in ("", result.pseudonym):
        raise InputRefused("STUDY-MIXED", "the output holds this study under another pseudonym", "Give a new output folder")


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
        with path.open("rb") as handle:
            text = handle.read(_MAX_KEY_BYTES + 1)
        found = bytes.fromhex(json.loads(text.decode("ascii") if len(text) <= _MAX_KEY_BYTES else "")["hepaflow_key"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
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
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
def _held(out: Path, secret: Secret) -> Iterator[None]:
    """One writer at a time, with one key; strays of a killed one are swept."""
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
        _same_key(lock, out, secret)
        atomic.sweep(out)
        yield
    finally:
        os.close(lock)


def _same_key(lock: int, out: Path, secret: Secret) -> None:
    """Refused: a folder of another key, or one with DICOM files in it that does not say of which. A new one is given this key's mark."""
    mark = hashlib.sha256(secret.uid("\x1eoutput folder").encode()).hexdigest()[:16]
    there = os.pread(lock, 64, 0).decode("ascii", "replace").strip()
    if there != mark and (there or next(out.glob("*/*/*.dcm"), None) is not None):
        raise UsageError(
            "OUT-OTHER-KEY", "the output folder holds files made with another key", "Give the key of that folder, or a new folder"
        )
    if not there:
        with atomic.reporting("the output folder"):
            os.pwrite(lock, f"{mark}\n".encode(), 0)
            os.fsync(lock)
