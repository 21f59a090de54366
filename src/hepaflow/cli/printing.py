"""What commands print: plain aligned tables on stdout, messages and progress on stderr."""

from __future__ import annotations

import math
import sys
import time
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
    """A number for reading; a dash when there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned with blanks: the first to the left, the others to the right."""
    widths = [max(len(row[c]) for row in [head, *rows]) for c in range(len(head))]
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        out("  ".join(cells).rstrip())


class Watch:
    """Progress on stderr: nothing unless it is a terminal and the work lasts."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` parts of ``what``."""
        if self._bar is None:
            if time.monotonic() - self._start < PATIENCE_S:
                return
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)

    def close(self) -> None:
        """Takes the bars off the terminal."""
        if self._bar is not None:
            self._bar.stop()


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
