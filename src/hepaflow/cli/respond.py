"""``hepaflow respond``: response over visits by a named criterion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing


def respond(
    visits: Annotated[Path, typer.Argument(metavar="VISITS", help="CSV or JSON: one row a visit and lesion.")],
    criterion: Annotated[str, typer.Option("--criterion", metavar="KEY", help="The response criterion.")] = "nancy2019-bf-ratio",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Say for every visit and lesion what the criterion calls it, with the rule and the numbers behind it.

    Rows hold visit, date, lesion and bf_ratio (perhaps bf_ratio_sd, diameter_mm), or case: the path of an analysed case's
    lesions.json, which brings along the ratio that its report judged, its probability and the lesion's size. A column model names what
    a given ratio was made with; visits of different models, densities, haematocrits or releases are flagged models-differ.

    Example: hepaflow respond visits.csv --criterion nancy2019-bf-ratio
    """
    from hepaflow.workflow import visits as work

    found = work.respond(visits, criterion=criterion)
    if as_json:
        printing.out_json(found)
        return 0
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
    return 0
