"""What commands print: plain aligned tables on stdout, messages and progress on stderr."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

#: Work that ends sooner shows no progress.
PATIENCE_S = 2.0


def out(text: str = "") -> None:
    """One line of results."""
    sys.stdout.write(text + "\n")


def out_json(value: Any) -> None:
    """One JSON value and nothing else; what is not a number is null."""
    from hepaflow.store import plain_json

    sys.stdout.write(plain_json.text(value))


def note(text: str) -> None:
    """One line for the person at the terminal."""
    sys.stderr.write(text + "\n")


def number(value: float | None, *, digits: int = 2) -> str:
    """A number for reading, rounded half up as reports do; a dash when there is none."""
    from hepaflow.cohort.describe import half_up

    return "-" if value is None or not math.isfinite(value) else half_up(value, decimals=digits)


def ratio(value: float | None, threshold: float | None) -> str:
    """A ratio with the decimals that show it on its side of the threshold that it was held against."""
    from hepaflow.response.perfusion import decimals

    return number(value, digits=decimals(value, threshold))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned with blanks: the first to the left, the others to the right."""
    widths = [max(len(row[c]) for row in [head, *rows]) for c in range(len(head))]
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        out("  ".join(cells).rstrip())


class Watch:
    """Progress on stderr: nothing unless it is a terminal and the work lasts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last: tuple[str, int, int] | None = None
        # work that says nothing for long after its first word is shown all the same
        self._patience = threading.Timer(PATIENCE_S, self._open)
        self._patience.daemon = True
        self._patience.start()

    def __call__(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` parts of ``what``; 0 of 0: it begins, and nobody knows how long it takes."""
        with self._lock:
            before, self._last = self._last, (what, done, total)
            if self._bar is None:
                return
            if before is not None and before[0] != what and not before[2]:
                self._bar.update(self._tasks[before[0]], completed=1, total=1)
            self._show(self._bar, what, done, total)

    def close(self) -> None:
        """Takes the bars off the terminal."""
        self._patience.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.stop()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with self._lock:
            if self._patience.finished.is_set():
                return  # closed meanwhile
            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._bar.start()
            if self._last is not None:
                self._show(self._bar, *self._last)

    def _show(self, bar: Bar, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = bar.add_task(what, total=total or None)
        if total:
            bar.update(self._tasks[what], completed=done, total=total)


@contextmanager
def progress() -> Iterator[Watch | None]:
    """A progress callable while stderr is a terminal, else None."""
    if not sys.stderr.isatty():
        yield None
        return
    watch = Watch()
    try:
        yield watch
    finally:
        watch.close()
