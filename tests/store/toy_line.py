"""A small line of work on a case folder, and what happens to it when it is killed or the disk fails at every point of writing."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hepaflow.domain.curves import TimeCurve
from hepaflow.errors import OutputFailed
from hepaflow.store import case as case_room
from hepaflow.store.case import Case, Keep

COMPUTED: list[str] = []


def curve(seed: int, *, keep: Keep) -> TimeCurve:
    COMPUTED.append("curve")
    (values,) = keep("values", lambda: (np.random.default_rng(seed).normal(size=12),))
    return TimeCurve("aorta", np.arange(12.0), np.where(values > 2, np.nan, values))


def big(found: TimeCurve) -> np.ndarray:
    COMPUTED.append("big")
    return np.outer(found.values, found.values)


def table(found: TimeCurve, matrix: np.ndarray, *, scale: float) -> dict[str, object]:
    COMPUTED.append("table")
    return {"scale": scale, "matrix": matrix * scale, "name": found.name, "mask": np.ones((30, 20, 10), bool)}


def files(folder: Path, found: dict[str, object]) -> None:
    COMPUTED.append("files")
    (folder / "maps").mkdir()
    (folder / "maps" / "bf.bin").write_bytes(np.asarray(found["matrix"]).tobytes())
    if float(found["scale"]) > 1:
        (folder / "motion").mkdir()
        (folder / "motion" / "extra.bin").write_bytes(b"extra")
    (folder / "lesions.csv").write_text("lesion\n")
    (folder / "case.json").write_text(repr(found["scale"]))


def line(folder: Path, *, scale: float = 2.0, seed: int = 1) -> None:
    with Case(folder) as case:
        source = case.given(seed, digest=f"seed {seed}")
        first = case.long_step("curve", curve, source)
        second = case.derive("big", big, first)
        third = case.step("table", table, first, second, params={"scale": scale})
        case.publish("outputs", files, third)


def tree(folder: Path) -> dict[str, str]:
    """Digest of every file by name, the log aside: it holds times."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "log"
    }


class Faulty:
    """Calls ``act`` before the n-th call of any of the operations by which hepaflow changes the disk."""

    NAMES = ("open", "fsync", "replace", "rename", "mkdir", "unlink", "rmdir")

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.count, self.at, self.act = 0, at, act
        for name in self.NAMES:
            setattr(os, name, self._wrap(getattr(os, name)))

    def _wrap(self, operation: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            if self.count == self.at:
                self.count += 1
                self.act()
            self.count += 1
            return operation(*args, **options)

        return call


def in_child(work: Callable[[], None], kill_after_s: float | None = None) -> int:
    """Runs ``work`` in a forked child; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except OutputFailed as error:
            os._exit(error.exit_code)
        except BaseException:
            os._exit(99)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(number: int) -> Callable[[], None]:
    def act() -> None:
        raise OSError(number, os.strerror(number))

    return act


def every_point(root: Path, expected: dict[str, str], act: Callable[[], None], ends: set[int], *, before: bool) -> int:
    """The line with a fault at its 1st, 2nd, ... operation, then again without; the number of points tried."""
    point = 0
    while True:
        folder = root / f"{point}"
        if before:
            in_child(lambda folder=folder: line(folder, scale=0.5))

        def faulty(folder: Path = folder, point: int = point) -> None:
            Faulty(point, act)
            line(folder)

        status = in_child(faulty)
        if status == 0:
            return point
        assert status in ends, (point, status)
        assert in_child(lambda folder=folder: line(folder)) == 0, point
        found = tree(folder)
        assert found == expected, (point, {name for name in {**found, **expected} if found.get(name) != expected.get(name)})
        point += 1


def main(root: Path) -> None:
    case_room.code_digest = lambda: "the same code throughout"  # someone may be editing the source while this runs
    in_child(lambda: line(root / "whole"))
    expected = tree(root / "whole")
    assert "case.json" in expected
    killed = every_point(root / "kill", expected, die, {-signal.SIGKILL}, before=False)
    assert killed > 20, killed
    changed = every_point(root / "changed", expected, die, {-signal.SIGKILL}, before=True)
    assert changed > 20, changed
    every_point(root / "full", expected, fail(errno.ENOSPC), {5}, before=True)
    rng = np.random.default_rng(0)
    moments = []
    for n in range(25):
        folder = root / f"random{n}"
        moments.append(in_child(lambda folder=folder: line(folder), kill_after_s=float(rng.uniform(0.0, 0.03))))
        assert in_child(lambda folder=folder: line(folder)) == 0
        assert tree(folder) == expected, n
    sys.stdout.write(f"{killed} {changed} {sum(m == -signal.SIGKILL for m in moments)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
