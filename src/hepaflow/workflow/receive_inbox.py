"""What a node has received: whole files under names made of digests, one folder a study, and what became of each study."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hepaflow.dicom.network.node import CONTRADICTS, NO_SPACE, NOT_UNDERSTOOD
from hepaflow.dicom.network.objects import data_set, identity
from hepaflow.dicom.source import Held
from hepaflow.errors import InputRefused, OutputFailed
from hepaflow.store import atomic, plain_json

#: Hexadecimal digits of a digest in a name: 128 bits, no two alike by chance.
_DIGITS = 32
_GB = 1e9
#: Tells what happened: kind of event, and facts that identify no patient.
Log = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a study with this ``content`` (digest of its instances): ``analysed``, ``kept`` (no rule), ``left`` (the rule says no) or ``refused``.

    ``code`` is why; ``sent`` how many results an archive took. ``final`` False: it is tried again.
    """

    content: str
    objects: int
    outcome: str
    code: str | None = None
    sent: int | None = None
    final: bool = True


class Inbox:
    """``DIR/incoming/STUDY/INSTANCE.dcm``, ``DIR/arriving`` for what is being written, ``DIR/state/STUDY.json``."""

    def __init__(self, folder: Path, *, least_free_gb: float, log: Log) -> None:
        self._incoming, self._arriving, self._state = folder / "incoming", folder / "arriving", folder / "state"
        self._least, self._log = least_free_gb * _GB, log
        self._lock = threading.Lock()
        with atomic.reporting("the data folder"):
            shutil.rmtree(self._arriving, ignore_errors=True)  # of a node that was killed
            for path in (self._incoming, self._arriving, self._state):
                path.mkdir(parents=True, exist_ok=True)

    def take(self, data: bytes) -> int:
        """Keeps one object, whole on disk before its sender hears of success; the same one again is harmless.

        Said and not kept: what the gate refuses, another content for an instance that is here, anything when the disk is nearly full.
        """
        try:
            return self._take(data)
        except InputRefused as refused:
            return self._refuse(refused.code, NOT_UNDERSTOOD)
        except (OutputFailed, OSError) as failed:
            return self._refuse(failed.code if isinstance(failed, OutputFailed) else "OUTPUT-FAILED", NO_SPACE)

    def _take(self, data: bytes) -> int:
        known = identity(Held(data, ".dcm"), where="a received object")
        if known is None:
            return self._refuse("OBJECT-UID", NOT_UNDERSTOOD)
        study = self._incoming / _digest(known.study_uid)
        target = study / f"{_digest(known.sop_uid)}.dcm"
        with self._lock:
            if target.exists():
                same = data_set(target.read_bytes()) == data_set(data)
                return 0 if same else self._refuse("RECEIVE-CONTRADICTS", CONTRADICTS, study=study.name)
            if shutil.disk_usage(self._incoming).free < self._least + len(data):
                return self._refuse("RECEIVE-NO-SPACE", NO_SPACE, study=study.name)
            arriving = self._arriving / target.name
            atomic.write_bytes(arriving, data)
            atomic.move_file(arriving, target)
        return 0

    def _refuse(self, code: str, status: int, **facts: str) -> int:
        self._log("object-refused", code=code, **facts)
        return status

    def studies(self) -> list[Path]:
        """Folders of the studies that are here."""
        return sorted(path for path in self._incoming.iterdir() if path.is_dir())

    def outcome(self, study: Path) -> Outcome | None:
        """What became of a study; None where nothing is on record, or nothing that can be read."""
        try:
            tree: dict[str, Any] = json.loads((self._state / f"{study.name}.json").read_text(encoding="utf-8"))
            tree.pop("schema")
            return Outcome(**tree)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def record(self, study: Path, outcome: Outcome) -> None:
        """Puts what became of a study on disk."""
        text = plain_json.text({"schema": 1, **asdict(outcome)})
        atomic.write_bytes(self._state / f"{study.name}.json", text.encode())


def content(study: Path) -> tuple[str, int]:
    """Digest of which instances a study holds, and their number; what one holds never changes."""
    names = sorted(path.name for path in study.iterdir())
    return hashlib.sha256("\n".join(names).encode()).hexdigest(), len(names)


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:_DIGITS]
