"""What a bomb costs the child that judges it: CPU time beyond the start, and memory at its peak."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicom_files import BOMBS, nested, sound

from hepaflow.dicom.warden import Warden

SECONDS, MEGABYTES = 0.2, 150
ALL = BOMBS | {"plain: 5000 sequences deep": lambda: nested(5000, b"SQ")}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the cost of a child is read from /proc")


@pytest.fixture
def warden() -> Iterator[Warden]:
    found = Warden("judge")
    yield found
    found.close()


def seconds(pid: int) -> float:
    """CPU time of a process: user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@pytest.mark.parametrize("name", ALL)
def test_a_bomb_is_cheap(name: str, warden: Warden, tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(sound()[0])
    (tmp_path / "bomb").write_bytes(ALL[name]())
    start, bomb = (("file", str(path), path.stat().st_size) for path in (tmp_path / "sound", tmp_path / "bomb"))
    list(warden.answers([(start, "")], ()))
    assert warden._process is not None
    pid = warden._process.pid
    before = seconds(pid)
    ((kind, code, *_),) = warden.answers([(bomb, "")], ())
    spent = seconds(pid) - before
    print(f"{name}: {spent:.2f} s, {peak_mb(pid):.0f} MB")
    assert (kind, code in {"FILE-BOMB", "FILE-NESTED"}) == ("refused", True)
    assert spent < SECONDS
    assert peak_mb(pid) < MEGABYTES
