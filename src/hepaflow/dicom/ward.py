"""The limited child of :mod:`hepaflow.dicom.warden`: judges files, or decodes compressed pixels, one job after the other.

Messages are marshalled plain values behind their length in four bytes.
"""

from __future__ import annotations

import marshal
import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO

from hepaflow.dicom.gate import judge
from hepaflow.dicom.source import Place, entry_at
from hepaflow.dicom.walk import PixelSpan
from hepaflow.errors import InputRefused

Answer = tuple[Any, ...]


def told(refused: InputRefused) -> Answer:
    """A refusal as an answer."""
    return "refused", refused.code, refused.what, refused.advice


def send(pipe: BinaryIO | Any, message: Any) -> None:
    """One message, at once."""
    packed = marshal.dumps(message)
    pipe.write(len(packed).to_bytes(4, "little") + packed)
    pipe.flush()


def receive(pipe: BinaryIO | Any) -> Any:
    """The next message; None at the end of the stream, also one inside a message."""
    size = int.from_bytes(pipe.read(4), "little")
    packed = pipe.read(size) if size else b""
    return marshal.loads(packed) if size and len(packed) == size else None


def _judge(place: Place, where: str, wanted: Collection[int]) -> Answer:
    header = judge(entry_at(place), wanted, where=where)
    if header is None:
        return ("stranger",)
    span = header.pixels
    pixels = None if span is None else (span.start, span.length, span.fragments, span.offsets)
    return "header", header.values, header.meta, header.syntax, pixels, header.meta_flawed, header.shared, header.frames


def _decode(job: tuple[Place, tuple[Any, ...]], where: str, _: Collection[int]) -> Answer:
    from hepaflow.dicom.codec import Form, decoded

    place, (rows, columns, allocated, stored, signed, syntax, span) = job
    form = Form(rows, columns, allocated, stored, signed, syntax, PixelSpan(*span))
    # of a file of many frames, the bytes of this one alone
    data = bytearray(form.span.length)
    entry_at(place).fill(form.span.start, memoryview(data))
    found, lossy = decoded(bytes(data), form, where=where)
    return "pixels", found.dtype.str, found.tobytes(), lossy


def _answer(work: Callable[..., Answer], job: Any, where: str, setting: Collection[int]) -> Answer:
    try:
        return work(job, where, setting)
    except InputRefused as refused:
        return told(refused)
    except MemoryError:
        return told(InputRefused("FILE-MEMORY", f"a file takes more memory than any image ({where})", "Remove that file"))


def _limit(memory_bytes: int) -> bool:
    """Limits the memory of this process to what it holds and ``memory_bytes``; False where the system cannot."""
    try:
        import resource

        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + memory_bytes, held + memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return False
    return True


def _allow(cpu_s: int) -> None:
    """CPU time for the next batch."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + cpu_s, resource.RLIM_INFINITY))


def _serve(task: str, memory_bytes: int, cpu_s: int) -> None:
    """Answers on the standard streams until the parent closes them; libraries that print do so into nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if task == "decode":
        from hepaflow.dicom.codec import load_decoders

        load_decoders()
    limited = _limit(memory_bytes)
    send(out, (limited,))
    work: Callable[..., Answer] = _decode if task == "decode" else _judge
    while (request := receive(sys.stdin.buffer)) is not None:
        setting, jobs = request
        kept = frozenset(setting)
        if limited:
            _allow(cpu_s)
        for job, where in jobs:
            send(out, _answer(work, job, where, kept))


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
