"""``hepaflow selfcheck``: does this installation compute what it should?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing

FAILED = 4


def selfcheck(
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Worked response cases to try instead, as JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> int:
    """Compare the truth of a phantom with what this installation makes of it, in under a minute.

    Example: hepaflow selfcheck --json
    """
    from hepaflow.workflow import selfcheck as work
    from hepaflow.workflow import worked_cases

    if cases is not None:
        found = worked_cases.try_cases(cases)
        if as_json:
            printing.out_json(found)
        else:
            printing.table(
                ["case", "expected", "got", "ok"],
                [[c["id"], str(c["expected"]), str(c["got"]), "yes" if c["ok"] else "no"] for c in found],
            )
            printing.out(f"{sum(c['ok'] for c in found)} of {len(found)} as expected")
    else:
        with printing.progress() as watch:
            found = work.selfcheck(progress=watch)
        if as_json:
            printing.out_json({"schema": 1, "ok": all(c["ok"] for c in found), "checks": found})
        else:
            rows = [
                [c["id"], *(_plain(c[key]) for key in ("expected", "got", "tolerance")), "yes" if c["ok"] else "no"] for c in found
            ]
            printing.table(["check", "expected", "got", "tolerance", "ok"], rows)
    return 0 if all(c["ok"] for c in found) else FAILED


def _plain(value: float | str | None) -> str:
    return value if isinstance(value, str) else printing.number(value, digits=3)
