"""What happens in the room, told to every open page (server-sent events)."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

#: A page that falls this far behind is let go; it comes again and loads everything anew.
BEHIND = 256
#: How often a silent connection shows that it lives.
PULSE_S = 15.0
#: Open pages at once, of all and of one account, which cannot keep the others from hearing.
PAGES, OWN_PAGES = 64, 16


class Events:
    """Takes what happened from any thread and gives it to every page that listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[asyncio.Queue[str | None], tuple[asyncio.AbstractEventLoop, str]] = {}
        self._closed = False

    def tell(self, kind: str, payload: dict[str, Any]) -> None:
        """One event of ``kind`` (job, study, regions, numbers) to every page; never waits for one."""
        text = f"event: {kind}\ndata: {json.dumps(payload, separators=(',', ':'), allow_nan=False)}\n\n"
        with self._lock:
            pages = list(self._pages.items())
        for queue, (loop, _) in pages:
            self._call(loop, queue, text)

    def close(self) -> None:
        """Lets every page go."""
        with self._lock:
            pages, self._closed = list(self._pages.items()), True
        for queue, (loop, _) in pages:
            self._call(loop, queue, None)

    def full(self, account: str) -> bool:
        """Whether no further page of this account can listen."""
        with self._lock:
            own = sum(whose == account for _, whose in self._pages.values())
            return len(self._pages) >= PAGES or own >= OWN_PAGES

    async def listen(self, account: str, still: Callable[[], bool]) -> AsyncIterator[str]:
        """Events as the text of a stream for a page of ``account``, until the page or the server goes or ``still`` (asked at every pulse) says no."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        with self._lock:
            if self._closed:
                return
            self._pages[queue] = asyncio.get_running_loop(), account
        try:
            asked = time.monotonic()
            yield "retry: 2000\nevent: hello\ndata: {}\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), PULSE_S)
                except TimeoutError:
                    text = ": \n\n"
                if time.monotonic() - asked >= PULSE_S:
                    asked = time.monotonic()
                    if not await run_in_threadpool(still):
                        return
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                self._pages.pop(queue, None)

    def _call(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[str | None], text: str | None) -> None:
        def put() -> None:
            if text is None or queue.qsize() > BEHIND:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(text)

        try:
            loop.call_soon_threadsafe(put)
        except RuntimeError:  # the loop of a page that has gone
            with self._lock:
                self._pages.pop(queue, None)
