"""One job's process: started, listened to, stopped. What is asked goes by a pipe: a path may hold a name, and arguments can be seen by others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

Progress = Callable[[str, int, int], None]
#: State (done, failed, cancelled, interrupted), result, error.
Over = Callable[[str, dict[str, Any] | None, dict[str, str] | None], None]
#: How long a job may take to put its things in order before it is killed.
GRACE_S = 5.0
#: How a job's process is started; the kind of the job follows.
COMMAND = (sys.executable, "-P", "-m", "hepaflow.web.work")
_DIED = {
    "code": "JOB-DIED",
    "what": "the job's process ended before its work was done",
    "advice": "Resume it; if that happens again, free memory",
}


class Child:
    """The process of a job and the thread that reads what it says."""

    def __init__(self, kind: str, asked: dict[str, Any], progress: Progress, over: Over) -> None:
        self._kind, self._asked, self._progress, self._over = kind, asked, progress, over
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._why: str | None = None
        self._killer: threading.Timer | None = None
        self._thread = threading.Thread(target=self._run, name=f"job-{kind}", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self, why: str) -> None:
        """Asks the process to end; kills it when it does not."""
        with self._lock:
            self._why = self._why or why
            if self._process is not None and self._killer is None:
                _signal(self._process, signal.SIGTERM)
                self._killer = threading.Timer(GRACE_S, _signal, (self._process, signal.SIGKILL))
                self._killer.daemon = True
                self._killer.start()

    def join(self) -> None:
        """Waits for the end."""
        self._thread.join()

    def _run(self) -> None:
        state, result, error = "failed", None, None
        try:
            result, error = self._work()
            state = "done" if result is not None else "failed"
        except Exception:  # the queue must go on whatever happens to one job
            error = _DIED
        if result is None and self._why is not None:
            state, error = self._why, None
        self._over(state, result, error if error is not None or state != "failed" else _DIED)

    def _work(self) -> tuple[dict[str, Any] | None, dict[str, str] | None]:
        with self._lock:
            if self._why is not None:
                return None, None
            quiet = None if os.environ.get("HEPAFLOW_DEBUG") else subprocess.DEVNULL
            process = self._process = subprocess.Popen(
                [*COMMAND, self._kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=quiet,
                start_new_session=True,  # Ctrl-C in the server's terminal is the server's to pass on
            )
        result, error = None, None
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(self._asked).encode() + b"\n")
            process.stdin.flush()  # stays open: its end tells the process that the server is gone
            for line in process.stdout:
                said = json.loads(line)
                if "result" in said:
                    result = said["result"]
                elif "error" in said:
                    error = said["error"]
                else:
                    self._progress(said["step"], said["done"], said["total"])
        finally:
            _signal(process, signal.SIGKILL)  # it has closed its output: whatever is left of its group goes too
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            if self._killer is not None:
                self._killer.cancel()
        return result, error


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return
