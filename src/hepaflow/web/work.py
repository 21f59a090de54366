"""What a job does, in its own process: ``python -P -m hepaflow.web.work KIND``. Asked by one JSON line on stdin, it answers by JSON lines."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from hepaflow.errors import HepaflowError, OutputFailed
from hepaflow.web import refusals
from hepaflow.workflow.threads import cap_threads

Tell = Callable[[str, int, int], None]
#: Where the work of a kind of job is found; loaded when it is that one's turn, so that a job starts fast.
WORK = {
    "import": ("hepaflow.web.work_study", "bring_in"),
    "retrieve": ("hepaflow.web.work_study", "retrieve"),
    "analyze": ("hepaflow.web.work_study", "analyze"),
    "send": ("hepaflow.web.work_study", "send"),
    "cohort": ("hepaflow.web.cohorts", "work"),
}


def main() -> int:
    """Does the work; exit 0 when it is done, 1 when it was refused or failed, 130 when it was stopped."""
    # libraries print; the pipe to the server is for JSON lines alone
    pipe = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGTERM, _stop)
    cap_threads()

    def say(**said: Any) -> None:
        pipe.write(json.dumps(said, allow_nan=False) + "\n")
        pipe.flush()

    try:
        asked = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_end_with_server, daemon=True).start()
        module, name = WORK[sys.argv[1]]
        work: Callable[[dict[str, Any], Tell], dict[str, Any]] = getattr(importlib.import_module(module), name)
        result = work(asked, lambda step, done, total: say(step=step, done=done, total=total))
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        say(error=refusals.shape(_known(error)))
        return 1
    say(result=result)
    return 0


def _known(error: BaseException) -> HepaflowError:
    if isinstance(error, HepaflowError):
        return error
    if isinstance(error, MemoryError):
        return OutputFailed("OUT-OF-MEMORY", "the work does not fit in memory", "Close other programs or use a larger machine")
    return refusals.internal(error)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_with_server() -> None:
    """A job whose server is gone ends: nobody would learn of its result."""
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(5.0)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
