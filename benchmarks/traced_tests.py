"""Test files run in a process of their own that sees another copy of the package, and which of its lines each test runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
sys.dont_write_bytecode = True

import hypothesis  # noqa: E402
import numba  # noqa: E402
import pytest  # noqa: E402
import scipy.optimize  # noqa: E402  imported once here, so that no process pays for it
import scipy.special  # noqa: E402
import scipy.stats  # noqa: E402, F401


class Tracer:
    """A pytest plugin that notes for every test its time, and the lines of the package that it and its fixtures ran."""

    def __init__(self, package: Path) -> None:
        self.prefix, self.stack = f"{package}{os.sep}", [set()]
        self.fixtures: dict[int, set[str]] = {}
        self.tests: dict[str, dict[str, Any]] = {}
        self.passed: set[str] = set()

    def _call(self, frame: Any, event: str, _arg: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self.prefix) else None

    def _line(self, frame: Any, event: str, _arg: object) -> Any:
        if event == "line":
            self.stack[-1].add(f"{Path(frame.f_code.co_filename).stem}:{frame.f_lineno}")
        return self._line

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        self.stack.append(set())
        try:
            return (yield)
        finally:
            self.fixtures[id(fixturedef)] = self.stack.pop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self.stack, start = [set()], time.perf_counter()
        threading.settrace(self._call)
        sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            lines = self.stack[0]
            for definitions in getattr(item, "_fixtureinfo").name2fixturedefs.values():  # noqa: B009
                lines |= set().union(*(self.fixtures.get(id(one), set()) for one in definitions))
            self.tests[item.nodeid] = {"s": time.perf_counter() - start, "lines": sorted(lines)}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call":
            self.passed |= {report.nodeid} if report.passed else set()


def forked(tree: Path, cache: Path, limit_s: float, work: Callable[[], int]) -> int | None:
    """Exit status of ``work`` in a process of its own that sees the package of ``tree``; None when it took longer than the limit."""
    child = os.fork()
    if not child:
        os.setsid()
        quiet = os.open(tree.parent / "last.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.chdir(tree)
        sys.path.insert(0, str(tree / "src"))
        numba.config.CACHE_DIR = str(cache)
        status = 70
        try:
            status = int(work())
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def run_tests(tests: list[str], plugins: list[object] | None = None) -> int:
    """Exit status of pytest; no deadlines and always the same examples, so that only the mutant can make a difference."""
    hypothesis.settings.register_profile("mutation", deadline=None, derandomize=True, database=None)
    words = [
        "-x",
        "-q",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--hypothesis-profile=mutation",
        *tests,
    ]
    return int(pytest.main(words, plugins=plugins))
