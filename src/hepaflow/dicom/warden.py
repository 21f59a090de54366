"""Files are judged, and compressed pixels decoded, by limited child processes: what a hostile file breaks is not this process.

A child has a limit of memory, of CPU time and of time a batch, and runs without numpy or a DICOM library until it decodes. It answers file by
file, in order; the first file without an answer is the one that broke it: that file is refused by name, and a new child goes on with
the next. Children are started when first needed and kept for the next study.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hepaflow
from hepaflow.dicom.gate import Header
from hepaflow.dicom.source import Entry
from hepaflow.dicom.walk import PixelSpan
from hepaflow.dicom.ward import Answer, receive, send, told
from hepaflow.errors import InputRefused

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hepaflow.dicom.headers import Pixels

#: Above what the child holds at its start: a whole compressed image with its working copies, or the largest inflated file (64 MiB) twice.
MEMORY_BYTES = 512 * 2**20
#: CPU and wall seconds of one batch: a batch of healthy files takes a hundredth of a second, on a slow network drive a few.
CPU_S = 10
WALL_S = 60.0
BATCH_FILES = 64
#: A study that breaks more children than this is not judged further.
MAX_FALLS = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one file: its ``header``, or its ``refusal``, or neither (not DICOM); ``limited`` tells whether the system held the child's limits."""

    header: Header | None
    refusal: InputRefused | None
    limited: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """A refusal as the child tells it."""

    code: str
    what: str
    advice: str


def judge_all(entries: Sequence[Entry], wanted: Collection[int]) -> Iterator[Verdict]:
    """The verdict of :func:`hepaflow.dicom.gate.judge` on every file, in order; a file that breaks its judge is refused and the next ones judged.

    Refused by raising: more than ``MAX_FALLS`` such files, and a system where no child can be started.
    """
    jobs = [(entry.place, f"file {number} of {len(entries)}") for number, entry in enumerate(entries, start=1)]
    with _borrowed("judge") as warden, closing(warden.answers(jobs, tuple(wanted))) as answers:
        for kind, *found in answers:
            if kind == "header":
                values, meta, syntax, pixels, *rest = found
                span = None if pixels is None else PixelSpan(*pixels)
                yield Verdict(Header(values, meta, syntax, span, *rest), None, warden.limited)
            else:
                yield Verdict(None, _refusal(_Told(*found)) if kind == "refused" else None, warden.limited)


def decode(entry: Entry, form: Pixels, *, where: str) -> tuple[npt.NDArray[np.generic], bool]:
    """Stored pixels (rows, columns) of a compressed image or frame, and whether their stream says that information was lost.

    Refused: pixels that cannot be decoded, contradict their header, or break the child that tries.
    """
    import numpy as np

    start, place = form.span.start, entry.place
    if isinstance(place, bytes):  # of all frames in memory the child gets this one
        start, place = 0, place[start : start + form.span.length]
    shift = form.span.start - start
    fragments = tuple((at - shift, length) for at, length in form.span.fragments or ())
    span = (start, form.span.length, fragments)
    shape = (form.rows, form.columns, form.bits_allocated, form.bits_stored, form.signed, form.syntax)
    with _borrowed("decode") as warden:
        ((kind, *found),) = warden.answers([((place, (*shape, span)), where)], ())
    if kind == "refused":
        raise _refusal(_Told(*found))
    return np.frombuffer(found[1], found[0]).reshape(form.rows, form.columns), bool(found[2])


def _refusal(told: _Told) -> InputRefused:
    return InputRefused(told.code, told.what, told.advice)


class Warden:
    """One limited child, restarted when it falls."""

    def __init__(self, task: str, *, memory_bytes: int = MEMORY_BYTES, cpu_s: int = CPU_S, wall_s: float = WALL_S) -> None:
        self._words = (task, str(memory_bytes), str(cpu_s))
        self._wall_s = wall_s
        self._process: subprocess.Popen[bytes] | None = None
        self.limited = False

    def answers(self, jobs: Sequence[tuple[Any, str]], setting: tuple[int, ...]) -> Generator[Answer, None, None]:
        """One answer a job (what it is about, where that file lies in the study), in order."""
        done = falls = 0
        try:
            while done < len(jobs):
                batch = jobs[done : done + BATCH_FILES]
                for answer in self._batch(batch, setting):
                    done += 1
                    yield answer
                    if self._process is None:  # fell over this file
                        falls += 1
                if falls > MAX_FALLS:
                    raise InputRefused("FILE-CRASH", f"more than {MAX_FALLS} files break their reader", "Check the study's source")
        finally:
            if done < len(jobs):
                self.close()  # answers are left in the pipe

    def _batch(self, jobs: Sequence[tuple[Any, str]], setting: tuple[int, ...]) -> Iterator[Answer]:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._wall_s, stop)
        timer.daemon = True
        timer.start()
        try:
            with suppress(OSError):  # the child is gone: reading says so
                send(process.stdin, (setting, list(jobs)))
            for _, where in jobs:
                answer = receive(process.stdout)
                if answer is None:
                    self.close()
                    yield told(_fall(process.returncode, late.is_set(), where))
                    return
                yield answer
        finally:
            timer.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        here = str(Path(hepaflow.__file__).parents[1])
        paths = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hepaflow.dicom.ward", *self._words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        except OSError:
            raise _no_reader() from None
        self._process = process
        assert process.stdout is not None
        hello = receive(process.stdout)
        if hello is None:
            self.close()
            raise _no_reader()
        self.limited = bool(hello[0])
        return process

    def close(self) -> None:
        """Ends the child."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # a request that the child did not take
                        pipe.close()


def _no_reader() -> InputRefused:
    return InputRefused("READER-START", "the process that reads files cannot be started", "Close other programs and try again")


def _fall(returned: int | None, late: bool, where: str) -> InputRefused:
    """What to say of the file over which a child fell."""
    advice = "Remove that file, or copy the study again from its archive"
    if late or returned == -getattr(signal, "SIGXCPU", 0):
        return InputRefused("FILE-TIME", f"a file takes too long to read ({where})", advice)
    return InputRefused("FILE-CRASH", f"a file breaks its reader ({where})", advice)


_free: dict[tuple[int, str], list[Warden]] = {}


@contextmanager
def _borrowed(task: str) -> Iterator[Warden]:
    """A child of this process that nobody else uses meanwhile (a forked process has none of its parent's)."""
    free = _free.setdefault((os.getpid(), task), [])
    try:
        warden = free.pop()
    except IndexError:
        warden = Warden(task)
    try:
        yield warden
    finally:
        free.append(warden)


@atexit.register
def _end() -> None:
    for (owner, _), wardens in _free.items():
        if owner == os.getpid():
            for warden in wardens:
                warden.close()
