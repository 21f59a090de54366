"""``hepaflow respond``: response over visits by a named criterion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hepaflow.cli import printing

NOT_ESTIMATED = 4


def respond(
    visits: Annotated[Path, typer.Argument(metavar="VISITS", help="CSV or JSON: one row a visit and lesion.")],
    criterion: Annotated[str, typer.Option("--criterion", metavar="KEY", help="The response criterion.")] = "nancy2019-bf-ratio",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Say for every visit and lesion what the criterion calls it, with the rule and the numbers behind it.

    Rows hold visit, date, lesion and bf_ratio (perhaps bf_ratio_sd, diameter_mm), or case: the path of an analysed case's
    lesions.json, which brings along the ratio that its report judged, its probability and the lesion's size. A column model names what
    a given ratio was made with; visits of different models, densities, haematocrits or releases are flagged models-differ.
    A measured lesion without a ratio cannot be judged; the command then ends with 4.

    Example: hepaflow respond visits.csv --criterion nancy2019-bf-ratio
    """
    from hepaflow.workflow import visits as work

    found = work.respond(visits, criterion=criterion)
    if as_json:
        printing.out_json(found)
    else:
        _show(found)
    for line in found["not_estimated"]:
        printing.note(f"not estimated: {line}")
    return NOT_ESTIMATED if found["not_estimated"] else 0


def _show(found: dict[str, Any]) -> None:
    """The result as a table."""
    printing.out(f"{found['criterion']}: {found['rule']}")
    rows = []
    for visit in found["visits"]:
        for lesion in visit["lesions"]:
            numbers = lesion["numbers"]
            rows.append(
                [
                    str(visit["visit"]),
                    str(visit["date"] or "-"),
                    lesion["lesion"] if numbers["region"] in {None, "whole"} else f"{lesion['lesion']} {numbers['region']}",
                    printing.number(numbers["ratio"]),
                    lesion["category"],
                    printing.number(lesion["probability_major"]),
                    " ".join(lesion["flags"]) or "-",
                ]
            )
    printing.table(["visit", "date", "lesion", "BF ratio", "response", "P(major)", "flags"], rows)
    if found["differences"]:
        apart = "; ".join(f"{name}: {', '.join(values)}" for name, values in found["differences"].items())
        printing.out(f"caution (models-differ): these ratios were not all made the same way and do not compare ({apart})")
