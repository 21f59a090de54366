"""Where things lie in the data folder. A study's folder is named by chance: nothing of the patient is in a path."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from hepaflow.errors import OutputFailed, UsageError
from hepaflow.store import atomic
from hepaflow.web.refusals import no_such_study

MARKER = ".hepaflow-room"
#: Beside a kept series: what it was made of, and the frame of reference of its images, which the series' own files leave out.
MADE_OF, FRAME_OF_REFERENCE = "made-of", "frame-of-reference"
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class StudyPlace:
    """A study's folder: ``source`` as imported, ``acquired`` and ``corrected`` series, the ``case`` of analyze, ``drawn`` and ``signed``."""

    folder: Path

    @property
    def source(self) -> Path:
        """DICOM (or NIfTI) as imported."""
        return self.folder / "source"

    @property
    def acquired(self) -> Path:
        """The series as assembled, in the form of ``store.codec``."""
        return self.folder / "acquired"

    def known(self, what: str) -> str:
        """What is kept beside the acquired series: ``MADE_OF`` or ``FRAME_OF_REFERENCE``; empty where it is not known."""
        path = self.acquired / what
        return path.read_text(encoding="ascii") if path.is_file() else ""

    @property
    def corrected(self) -> Path:
        """The series with its passes brought together, after an analysis."""
        return self.folder / "corrected"

    @property
    def case(self) -> Path:
        """The case folder of an analysis."""
        return self.folder / "case"

    @property
    def analysing(self) -> Path:
        """Where an analysis works: ``case`` and ``corrected`` as they are becoming."""
        return self.folder / "analysing"

    @property
    def analysed(self) -> Path:
        """What an analysis made, whole, until it is in its place."""
        return self.folder / "analysed"

    @property
    def drawn(self) -> Path:
        """The regions that an analysis was given."""
        return self.folder / "drawn"

    @property
    def signed(self) -> Path:
        """What was signed, each signature with its report and DICOM results in a folder of its own, by number."""
        return self.folder / "signed"

    def results(self, signature: int | None) -> Path:
        """The folder with the report and ``dicom`` of a signature, by number; None: of the case."""
        return self.case if signature is None else self.signed / str(signature)

    @property
    def study_path(self) -> Path:
        """What an analysis is given: the folder, or the 4D NIfTI in it."""
        for name in ("study.nii.gz", "study.nii"):
            if (self.source / name).exists():
                return self.source / name
        return self.source


def fresh_id() -> str:
    """A new identifier, by chance."""
    return secrets.token_hex(6)


def known_form(identifier: str) -> bool:
    """Whether this can be an identifier at all."""
    return _ID.fullmatch(identifier) is not None


def place_of(data: Path, study: str) -> StudyPlace:
    """The folder of a study. Refused (``STUDY-UNKNOWN``): what cannot be an identifier, a study that is not there."""
    if not known_form(study) or not (data / "studies" / study).is_dir():
        raise no_such_study()
    return StudyPlace(data / "studies" / study)


def trash(data: Path, study: str) -> None:
    """Moves a study's folder to the trash; nothing in it is destroyed."""
    home, target = data / "studies" / study, data / "trash" / study
    with atomic.reporting("the trash"):
        target.parent.mkdir(exist_ok=True)
        os.replace(home, target)


def in_trash(data: Path, study: str) -> bool:
    """Whether a study's folder is in the trash."""
    return known_form(study) and (data / "trash" / study).is_dir()


def untrash(data: Path, study: str) -> None:
    """Moves a study's folder back from the trash. Empty folders that a request left which was at work when it went are no study."""
    home = data / "studies" / study
    with atomic.reporting("the studies"):
        for left in (*sorted(home.rglob("*"), reverse=True), home):
            with contextlib.suppress(OSError):
                left.rmdir()
        os.replace(data / "trash" / study, home)


class DataFolder:
    """The data folder for this server only; the kernel gives it back however the process ends.

    Refused: a folder that another server uses (``ROOM-LOCKED``), one with other files (``DATA-NOT-OURS``), one that cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError("DATA-NOT-A-FOLDER", "the data path is a file", "Give a folder with --data")
        marker = self.folder / MARKER
        if self.folder.exists() and not marker.exists() and any(self.folder.iterdir()):
            raise UsageError("DATA-NOT-OURS", "the data folder holds other files", "Give a new or empty folder with --data")
        with atomic.reporting("the data folder"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("studies", "incoming", "cohorts"):
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
            if not marker.exists():
                self.folder.chmod(0o700)  # names of patients are not for other users of the machine
            self._lock: int | None = os.open(marker, os.O_RDWR | os.O_CREAT, 0o600)
            if not os.fstat(self._lock).st_size:
                os.pwrite(self._lock, fresh_id().encode(), 0)
            self.identity = os.pread(self._lock, 64, 0).decode("ascii", "replace")

    def hold(self) -> None:
        """Takes the folder for this process."""
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise UsageError(
                "ROOM-LOCKED", "another hepaflow serve uses this data folder", "Use that one, or give another folder with --data"
            ) from None
        except OSError as error:
            self.release()
            raise OutputFailed(
                "ROOM-NO-LOCK", "the file system of the data folder cannot lock files", "Give a folder on a local disk with --data"
            ) from error
        # uploads that a stopped server left half
        shutil.rmtree(self.folder / "incoming", ignore_errors=True)
        (self.folder / "incoming").mkdir(mode=0o700, exist_ok=True)

    def release(self) -> None:
        """Gives the folder back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
