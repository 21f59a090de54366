"""``hepaflow link``: which lesion of one case is which of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing


def link(
    first: Annotated[Path, typer.Argument(metavar="CASE", help="The earlier case folder.")],
    second: Annotated[Path, typer.Argument(metavar="CASE", help="The later case folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Propose which lesion of one case is which of another of the same patient, for a reader to confirm.

    The livers are registered on each other, and every lesion of the first case is looked for where it should lie in the second; the distance is
    that to where it lies, and is a little different with the cases the other way round. What has no partner is listed: it may be gone, new, or
    not drawn in the other case. In a table of visits, the column case_lesion takes the name that a lesion has in its case.

    Example: hepaflow link case-before case-after
    """
    from hepaflow.workflow import link as work

    found = work.link(first, second)
    if as_json:
        printing.out_json(found)
        return 0
    rows = [[p["first"], p["second"], f"{p['distance_mm']:.1f}", printing.number(p["size_ratio"])] for p in found["links"]]
    printing.table(["first", "second", "mm apart", "diameter ratio"], rows)
    for key, what in (
        ("only_first", "only in the first (gone, or not drawn)"),
        ("only_second", "only in the second (new, or not drawn)"),
    ):
        if found[key]:
            printing.out(f"{what}: {', '.join(found[key])}")
    if found["poor"]:
        printing.out(
            "Few partners were found: the livers may not have been registered (turned by 15 degrees or more?). Link by eye."
        )
    printing.out("These links are proposed by registration. Confirm them before use.")
    return 0
