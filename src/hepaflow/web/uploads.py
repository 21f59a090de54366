"""A .zip on its way in as the body of a request: on disk whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from hepaflow.errors import OutputFailed
from hepaflow.store import atomic
from hepaflow.web.places import fresh_id

#: Disk that an upload leaves free.
LEAST_FREE = 512 * 2**20


@asynccontextmanager
async def received(request: Request, data: Path) -> AsyncIterator[Path]:
    """The body as a file of the data folder, which goes at the end unless it was moved away. Refused: a disk that would be full."""
    declared = int(request.headers.get("content-length") or 0)
    await run_in_threadpool(_room_for, data, declared)
    path = data / "incoming" / f"{fresh_id()}.zip"
    try:
        with path.open("xb") as target:
            async for chunk in request.stream():
                await run_in_threadpool(_write, target, chunk, data)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _room_for(data: Path, size: int) -> None:
    atomic.require_space(data, size + LEAST_FREE)


def _write(target: Any, chunk: bytes, data: Path) -> None:
    if shutil.disk_usage(data).free < LEAST_FREE + len(chunk):
        raise OutputFailed("OUTPUT-NO-SPACE", "no space left for the upload", "Free space, or use another data folder")
    with atomic.reporting("the upload"):
        target.write(chunk)
