"""A case folder as a line of steps: each is kept under the digest of its inputs, so that resume, cache and provenance are one idea.

``case.step`` stores what a function returned; ``case.derive`` only remembers how to make it (for values too large to keep);
``case.publish`` writes files for readers. All three are addressed by name, parameters, digests of the inputs and digest of the
code: with nothing changed, nothing is computed. A process killed anywhere leaves a folder from which the next one goes on to the
same bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import resource
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from hepaflow import __version__
from hepaflow.domain.history import Step
from hepaflow.errors import OutputFailed, UsageError
from hepaflow.store import atomic, codec

T = TypeVar("T")
Arrays = tuple[npt.NDArray[Any], ...]
#: Parts of a long step by name: made now, or taken from an earlier run of the same step that did not finish.
Keep = Callable[[str, Callable[[], Arrays]], Arrays]
Params = Mapping[str, Any]

MARKER = ".hepaflow-case"
MARKER_TEXT = "hepaflow case folder, schema 1\n"
#: What a case folder holds for its readers; a folder that has one of these without the marker belongs to someone else.
OWNED = (
    "case.json",
    "maps",
    "curves.csv",
    "motion.csv",
    "lesions.csv",
    "lesions.json",
    "comparison.json",
    "motion",
    "image.nii.gz",
    "rois.nii.gz",
    "rois.json",
    "dicom",
    "report.html",
    "report.pdf",
    "steps",
)
#: Libraries whose version can change a number.
LIBRARIES = ("numpy", "scipy", "numba", "itk-elastix", "pydicom")


class Handle(Generic[T]):
    """A value known by its digest, loaded or computed when first asked for."""

    def __init__(self, digest: str, make: Callable[[], T]) -> None:
        self.digest = digest
        self._make = make
        self._value: list[T] = []

    def get(self) -> T:
        """The value."""
        if not self._value:
            self._value.append(self._make())
        return self._value[0]


class Steps(Protocol):
    """What the line of work needs of a case: with a folder (:class:`Case`) or without (:class:`Unstored`)."""

    def given(self, value: T, *, digest: str) -> Handle[T]:
        """A value from outside under its own digest."""

    def derive(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is recomputed when needed."""

    def step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is kept."""

    def long_step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is kept, and so are its parts while it is made: ``fn`` gets ``keep``."""

    @property
    def history(self) -> tuple[Step, ...]:
        """What was done so far."""


@cache
def code_digest() -> str:
    """Digest of this package's source and of the libraries that can change a number."""
    from importlib.metadata import version

    root = Path(__file__).parent.parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    for library in LIBRARIES:
        total.update(f"{library} {version(library)}".encode())
    return total.hexdigest()


def address(name: str, params: Params | None, inputs: tuple[Handle[Any], ...]) -> str:
    """The key of a step: digest of its name, parameters, inputs and the code."""
    text = json.dumps([name, dict(params or {}), [h.digest for h in inputs], code_digest()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Unstored:
    """The same steps in memory only, for a study that needs no folder."""

    def __init__(self) -> None:
        self._history: list[Step] = []

    @property
    def history(self) -> tuple[Step, ...]:
        """What was done so far."""
        return tuple(self._history)

    def given(self, value: T, *, digest: str) -> Handle[T]:
        """A value from outside under its own digest."""
        return Handle(digest, lambda: value)

    def derive(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is computed when first needed."""
        key = address(name, params, inputs)
        self._history.append(_record(name, params, inputs, key))
        return Handle(key, lambda: fn(*(h.get() for h in inputs), **dict(params or {})))

    def step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is computed now."""
        handle = self.derive(name, fn, *inputs, params=params)
        handle.get()
        return handle

    def long_step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is computed now; its parts are not kept."""
        return self.step(name, partial(fn, keep=lambda _, make: make()), *inputs, params=params)


class Case:
    """One writer's hold on a case folder; use as a context manager.

    Refused on entry: a folder that another process is writing (``CASE-LOCKED``), one that holds someone else's files under the
    names of a case (``OUT-NOT-A-CASE``), one that cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history: list[Step] = []
        self._lock: int | None = None
        self._made = False

    def __enter__(self) -> Case:
        marker = self.folder / MARKER
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError("OUT-NOT-A-FOLDER", "the output path is a file", "Give a folder for --out")
        if not marker.exists() and any((self.folder / name).exists() for name in OWNED):
            raise UsageError(
                "OUT-NOT-A-CASE",
                "the output folder holds other files under the names of a case",
                "Give a new or empty folder for --out",
            )
        self._made = not self.folder.exists()
        with atomic.reporting("the output folder"):
            self.folder.mkdir(parents=True, exist_ok=True)
            # the kernel drops this lock when its process dies, however it dies: a dead writer's lock cannot be stale
            self._lock = os.open(marker, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._lock), os.stat(marker)):
                raise BlockingIOError  # the folder was given up between opening and locking
        except (BlockingIOError, FileNotFoundError):
            os.close(self._lock)
            self._lock = None
            raise OutputFailed(
                "CASE-LOCKED",
                "another hepaflow process is writing this case folder",
                "Wait until it has finished or give another --out",
            ) from None
        except OSError as error:
            os.close(self._lock)
            self._lock = None
            raise OutputFailed(
                "CASE-NO-LOCK", "the file system of the output folder cannot lock files", "Give a folder on a local disk for --out"
            ) from error
        with atomic.reporting("the output folder"):
            if os.pread(self._lock, 200, 0) != MARKER_TEXT.encode():
                os.ftruncate(self._lock, 0)
                os.pwrite(self._lock, MARKER_TEXT.encode(), 0)
            (self.folder / "steps").mkdir(exist_ok=True)
        atomic.sweep(self.folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._lock is None:
            return
        if kind is not None and self._made and not any((self.folder / "steps").iterdir()):
            self._give_up()
        os.close(self._lock)
        self._lock = None

    def _give_up(self) -> None:
        """Leaves no trace of a study that was refused before anything of it was finished."""
        with contextlib.suppress(OSError):
            for name in ("steps", "log"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            if [path.name for path in self.folder.iterdir()] == [MARKER]:
                (self.folder / MARKER).unlink()
                self.folder.rmdir()

    @property
    def history(self) -> tuple[Step, ...]:
        """The steps so far, in order. Seconds and memory are in ``log/timing.jsonl``: they are no part of the result."""
        return tuple(self._history)

    def given(self, value: T, *, digest: str) -> Handle[T]:
        """A value from outside under its own digest (for example of the files it is read from)."""
        return Handle(digest, lambda: value)

    def derive(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """``fn(*values, **params)`` when something needs it; never stored."""
        key = address(name, params, inputs)
        self._history.append(_record(name, params, inputs, key))
        return Handle(key, lambda: self._timed(name, lambda: fn(*(h.get() for h in inputs), **dict(params or {}))))

    def step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """``fn(*values, **params)``, stored; reused when it is already there, whole, and made from the same.

        What follows always works on the stored form, so that a resumed run and an uninterrupted one see the same bits.
        """
        key = address(name, params, inputs)
        home = self.folder / "steps" / name
        record = _read_record(home / "step.json")
        if record is None or record.get("key") != key or not _whole(home, record):
            value = self._timed(name, lambda: fn(*(h.get() for h in inputs), **dict(params or {})))
            record = self._keep(home, value, {"schema": 1, "name": name, "parameters": dict(params or {}), "key": key})
        else:
            self._note(name, reused=True)
        digest = str(record["digest"])
        self._history.append(_record(name, params, inputs, digest))
        return Handle(digest, lambda: codec.load(home))

    def long_step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """Like ``step`` for a ``fn`` that takes ``keep``: what it kept before it was stopped is there when the same step is run again."""
        key, beside = address(name, params, inputs), self.folder / "steps" / f"{name}.parts"
        home = beside / key[:16]
        for old in beside.iterdir() if beside.exists() else ():
            if old != home:
                shutil.rmtree(old, ignore_errors=True)
        handle = self.step(name, partial(fn, keep=partial(_part, home)), *inputs, params=params)
        shutil.rmtree(beside, ignore_errors=True)
        return handle

    def publish(
        self, name: str, write: Callable[..., None], *inputs: Handle[Any], params: Params | None = None, last: str = "case.json"
    ) -> None:
        """Files for readers: ``write(folder, *values, **params)`` fills a staging folder, whose files then replace those of the case.

        Files that are already equal stay untouched; files of an earlier run that are no longer made are removed. ``last`` is taken
        away first and put in place last: where it exists, everything beside it belongs together.
        """
        key = address(name, params, inputs)
        record_path = self.folder / "steps" / name / "published.json"
        record = _read_record(record_path) or {"files": {}}
        known: dict[str, str] = record["files"]
        if record.get("key") == key and all(_same(self.folder / path, digest) for path, digest in known.items()):
            self._note(name, reused=True)
            return
        values = [h.get() for h in inputs]
        with atomic.staging(self.folder) as stage:
            with atomic.reporting("the results"):
                self._timed(name, lambda: write(stage, *values, **dict(params or {})))
            made = {p.relative_to(stage).as_posix(): atomic.digest_of_file(p) for p in sorted(stage.rglob("*")) if p.is_file()}
            _write_json(record_path, {"schema": 1, "key": None, "files": known | made})
            with atomic.reporting(last):
                if not _same(self.folder / last, made.get(last, "")):
                    (self.folder / last).unlink(missing_ok=True)
            for path in sorted(made, key=lambda p: (p == last, p)):
                if not _same(self.folder / path, made[path]):
                    atomic.move_file(stage / path, self.folder / path)
        for path in sorted(set(known) - set(made), reverse=True):
            with atomic.reporting(path):
                (self.folder / path).unlink(missing_ok=True)
                if (parent := (self.folder / path).parent) != self.folder and parent.exists() and not any(parent.iterdir()):
                    parent.rmdir()
        _write_json(record_path, {"schema": 1, "key": key, "files": made})

    def _keep(self, home: Path, value: Any, head: dict[str, Any]) -> dict[str, Any]:
        with atomic.reporting(f"step {home.name}"), atomic.staging(home.parent) as stage:
            record = head | {"digest": codec.save(value, stage)}
            (stage / "step.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            atomic.move_folder(stage, home)
        return record

    def _timed(self, name: str, compute: Callable[[], T]) -> T:
        _reset_peak()
        start = time.perf_counter()
        value = compute()
        self._note(name, seconds=round(time.perf_counter() - start, 3), peak_mb=round(_peak_mb()))
        return value

    def _note(self, name: str, **facts: Any) -> None:
        with atomic.reporting("the log"):
            (self.folder / "log").mkdir(exist_ok=True)
            with (self.folder / "log" / "timing.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": name, **facts}) + "\n")


def _record(name: str, params: Params | None, inputs: tuple[Handle[Any], ...], digest: str) -> Step:
    combined = hashlib.sha256(" ".join(h.digest for h in inputs).encode()).hexdigest()
    return Step(
        name=name,
        parameters=dict(params or {}),
        input_digest=combined,
        output_digest=digest,
        version=f"{__version__}+{code_digest()[:12]}",
        seconds=float("nan"),
        peak_mb=float("nan"),
    )


def _part(home: Path, name: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of one part: from its file if it is there and whole, else made and filed."""
    path = home / f"{name}.npz"
    with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile), np.load(io.BytesIO(path.read_bytes())) as filed:
        return tuple(filed[key] for key in sorted(filed.files))
    arrays = make()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{f"a{place:02d}": array for place, array in enumerate(arrays)})
    with atomic.reporting(f"step {home.parent.name}"):
        home.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, buffer.getvalue())
    return arrays


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _write_json(path: Path, value: Any) -> None:
    atomic.write_bytes(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def _whole(home: Path, record: dict[str, Any]) -> bool:
    try:
        return codec.digest(home) == record.get("digest")
    except OSError:
        return False


def _same(path: Path, digest: str) -> bool:
    try:
        return atomic.digest_of_file(path) == digest
    except OSError:
        return False


def _reset_peak() -> None:
    """Restarts the kernel's high-water mark of memory, where it lets us (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak_mb() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(float(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        per_mb = 1024 * 1024 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb


def space_needed(source_bytes: int) -> int:
    """What a case of a study of this size takes on disk, with a margin: 2.4 times the study was measured at full size, mostly DICOM."""
    return 64 * 2**20 + 3 * source_bytes
