"""Steps say their names when their own work begins."""

from __future__ import annotations

from pathlib import Path

from hepaflow.store.case import Case
from hepaflow.workflow.telling import Telling


def test_the_step_that_runs_is_the_one_named_last(tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    running: list[str] = []

    def named(name: str, value: int) -> int:
        running.append(said[-1][0])
        assert running[-1] == name
        return value

    def line(case: Case) -> int:
        told = Telling(case, lambda *now: said.append(now))
        first = told.given(1, digest="1")
        aligned = told.derive("align", lambda x: named("align", x), first)
        regions = told.step("regions", lambda x: named("regions", x), aligned)  # has `align` done first, then works itself
        return told.long_step("maps", lambda x, keep: named("maps", x), regions).get()

    with Case(tmp_path / "case") as case:
        assert line(case) == 1
    assert said == [("align", 0, 0), ("regions", 0, 0), ("maps", 0, 0)]
    said.clear()
    with Case(tmp_path / "case") as case:
        assert line(case) == 1
    assert said == []  # all of it is reused
