"""A study from an archive to a folder, and files from a folder to an archive: verified, and taken up again where it stopped."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hepaflow.dicom.network import archive
from hepaflow.dicom.network.node import NO_SPACE, NOT_UNDERSTOOD
from hepaflow.dicom.network.objects import Answers, Outgoing, identity, is_uid, outgoing
from hepaflow.dicom.network.peer import Cut, Peer, Progress
from hepaflow.dicom.source import Held
from hepaflow.errors import InputRefused, OutputFailed, UsageError
from hepaflow.store import atomic
from hepaflow.store.case import MARKER

#: A fetched file is named by the SHA-256 of its content: no value of a header becomes a path.
_NAME = re.compile(r"[0-9a-f]{64}\.dcm")
#: How often, and how long apart, an archive is asked again for what it has taken and does not list.
LOOKS, BETWEEN_LOOKS_S = 3, 2.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """``listed`` instances of the study in the archive, of which ``present`` were whole on disk before and ``fetched`` came now."""

    listed: int
    present: int
    fetched: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a folder's objects; ``refused`` counts them by status code, ``missing`` were taken and are not listed afterwards.

    ``verified`` says by whom: the archive's storage ``commitment``, a ``query`` of what it lists, or ``no`` answer to either.
    """

    sent: int
    already: int
    refused: Mapping[str, int]
    missing: int
    verified: Literal["commitment", "query", "no"]


def fetch(peer: Peer, study_uid: str, out: Path, *, progress: Progress = None) -> Fetched:
    """Every instance of the study that the archive lists, to ``out``; what is there and whole is not fetched again.

    Refused: a UID that is none, a study that the archive does not list, an ``out`` with other files, an archive that does not send all it lists.
    """
    if not is_uid(study_uid):
        raise UsageError("FETCH-UID", "the study's UID is not one", "Give a StudyInstanceUID as hepaflow pacs find prints it")
    have = _present(out, study_uid)
    listed = archive.instances(peer, study_uid)
    if not listed:
        raise InputRefused("PACS-NO-STUDY", "the archive lists no such study", "Look it up with hepaflow pacs find")
    present = sum(one.sop_uid in have for one in listed)
    keeper = _Keeper(study_uid, out, {one.sop_uid for one in listed}, have, progress)
    attempt = 0
    while missing := [one for one in listed if one.sop_uid not in have]:
        try:
            archive.retrieve(peer, study_uid, missing, keeper.take, listed=listed)
        except Cut:
            attempt = max(attempt, 1)
        except InputRefused as refused:
            if not attempt or refused.code != "PACS-UNREACHABLE":  # after a cut it may be starting again
                raise
        if keeper.failure is not None:
            raise keeper.failure
        left = len(listed) - sum(one.sop_uid in have for one in listed)
        attempt = 1 if left < len(missing) else attempt + 1
        if left and attempt > peer.timing.retries:
            raise InputRefused(
                "PACS-INCOMPLETE", f"{left} of {len(listed)} instances were not sent", "Run again, or ask who runs the archive"
            )
        if left:
            time.sleep(peer.timing.pause_s(attempt))
    return Fetched(len(listed), present, len(listed) - present)


class _Keeper:
    """Writes what comes, whole or not at all. ``failure`` ends the fetch: no space, or what came cannot be read."""

    def __init__(self, study_uid: str, out: Path, wanted: set[str], have: set[str], progress: Progress) -> None:
        self._study, self._out, self._wanted, self._have, self._progress = study_uid, out, wanted, have, progress
        self._lock = threading.Lock()
        self.failure: InputRefused | OutputFailed | None = None

    def take(self, data: bytes) -> int:
        """Status for the sender."""
        try:
            known = identity(Held(data, ".dcm"), where="a received object")
            if known is None or known.study_uid != self._study or known.sop_uid not in self._wanted:
                return NOT_UNDERSTOOD  # not asked for
            with self._lock:
                if known.sop_uid not in self._have:
                    atomic.write_bytes(self._out / f"{hashlib.sha256(data).hexdigest()}.dcm", data)
                    self._have.add(known.sop_uid)
                    if self._progress is not None:
                        self._progress("fetch", len(self._have), len(self._wanted))
        except InputRefused as refused:
            self.failure = refused
            return NOT_UNDERSTOOD
        except OutputFailed as failed:
            self.failure = failed
            return NO_SPACE
        return 0


def _present(out: Path, study_uid: str) -> set[str]:
    """Instances of the study that lie whole in ``out``: a file whose content is not that of its name goes."""
    if not out.exists():
        return set()
    found = set()
    atomic_names = [path for path in sorted(out.iterdir()) if not path.name.startswith(atomic.TEMPORARY)] if out.is_dir() else [out]
    for path in atomic_names:
        if not (_NAME.fullmatch(path.name) and path.is_file()):
            raise UsageError(
                "FETCH-OUTPUT", "the output folder holds other files", "Give a new or empty folder, or one of the same fetch"
            )
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != path.stem:
            path.unlink()
            continue
        known = identity(Held(data, ".dcm"), where="a file of the output folder")
        if known is None or known.study_uid != study_uid:
            raise UsageError("FETCH-OUTPUT", "the output folder holds another study", "Give a folder of its own to each study")
        found.add(known.sop_uid)
    atomic.sweep(out)
    return found


def send(peer: Peer, source: Path, *, progress: Progress = None) -> Sent:
    """The DICOM files of a folder (of a case: its results), except those that the archive lists already.

    What was taken is verified: by storage commitment where it is offered, else by what the archive lists afterwards.
    Refused: as :func:`~hepaflow.dicom.network.objects.outgoing`; a case without DICOM results.
    """
    folder = source / "dicom" if (source / MARKER).exists() else source
    objects = outgoing(folder)
    there = _listed(peer, objects)
    new = [one for one in objects if one.identity.sop_uid not in (there or set())]
    answers = archive.store(peer, new, progress=progress) if new else Answers(frozenset())
    taken = [one for one in new if one.identity.sop_uid in answers.taken]
    safe: frozenset[str] | set[str] | None = archive.committed(peer, taken) if taken else frozenset()
    verified: Literal["commitment", "query", "no"] = "commitment" if taken else "query"
    if safe is None:
        safe, verified = _listed(peer, taken), "query"
    if safe is None:
        safe, verified = {one.identity.sop_uid for one in taken}, "no"
    for _ in range(LOOKS):
        late = [one for one in taken if one.identity.sop_uid not in safe]
        if not late:
            break
        # an archive may take a while to list, or to commit to, what it has taken
        time.sleep(BETWEEN_LOOKS_S)
        safe = safe | (_listed(peer, late) or set())
    missing = sum(one.identity.sop_uid not in safe for one in taken)
    return Sent(len(taken) - missing, len(objects) - len(new), dict(Counter(answers.refused.values())), missing, verified)


def _listed(peer: Peer, objects: list[Outgoing] | tuple[Outgoing, ...]) -> set[str] | None:
    """Instances of these studies that the archive lists; None where it does not let itself be asked."""
    found: set[str] = set()
    try:
        for study in sorted({one.identity.study_uid for one in objects}):
            found |= {one.sop_uid for one in archive.instances(peer, study)}
    except (Cut, InputRefused) as error:
        if isinstance(error, InputRefused) and error.code == "PACS-UNREACHABLE":
            raise
        return None
    return found
