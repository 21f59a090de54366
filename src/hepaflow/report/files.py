"""A finished file or none: written beside its place, then renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hepaflow.errors import OutputFailed


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; an interrupted run leaves the old file or none, never half of one."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as problem:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OutputFailed(
            "REPORT-NOT-WRITTEN", f"{path.name} could not be written ({problem.strerror})", "Free space or choose another folder"
        ) from problem
