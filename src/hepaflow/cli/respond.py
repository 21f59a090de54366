"""``hepaflow respond``: response over visits by a named criterion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hepaflow.cli import printing
from hepaflow.errors import UsageError

NOT_ESTIMATED = 4


def respond(
    visits: Annotated[Path, typer.Argument(metavar="VISITS", help="CSV or JSON: one row a visit and lesion.")],
    criterion: Annotated[
        str | None,
        typer.Option("--criterion", metavar="KEY", help="The response criterion; an unknown one gets the list of all."),
    ] = None,
    calibrated: Annotated[
        Path | None,
        typer.Option("--calibrated", metavar="FILE", help="Instead: a site's own perfusion rule, as TOML (see below)."),
    ] = None,
    repeatability: Annotated[
        Path | None,
        typer.Option("--repeatability", metavar="FILE", help="What repeats differ by here, as TOML: [bf] wcv = 0.1, source = ..."),
    ] = None,
    confirm_days: Annotated[
        int, typer.Option("--confirm-days", metavar="N", min=0, help="RECIST 1.1: days from a response to its confirmation.")
    ] = 28,
    min_sd_days: Annotated[
        int, typer.Option("--min-sd-days", metavar="N", min=0, help="RECIST 1.1: days from the start to stable disease.")
    ] = 42,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Say for every visit what the criterion calls patient and lesions, with the rule and the numbers behind it.

    Criteria on sizes (recist-1.1, who, choi, modified-choi, chung, chun, mrecist, easl, size-change-not-recist) read visit, date, lesion, role
    (target, non-target, new), organ, nodal, diameter_mm, short_axis_mm, perpendicular_mm, viable_mm, viable_perpendicular_mm, hu, morphology (morphology_2: a second reader's), state
    (measured, absent, too_small, not_evaluated, fragments, merged), merged_with, unequivocal and markers, each what it needs; the first visit is the baseline.

    Criteria on perfusion read bf_ratio (perhaps bf_ratio_sd, diameter_mm), or case: the path of an analysed case's
    lesions.json, which brings along the ratio that its report judged, its probability and the lesion's size. A column model names what
    a given ratio was made with; visits of different models, densities, haematocrits or releases are flagged models-differ.

    A site's own rule is a TOML file with quantity (bf, mtt, ...), threshold, major ("below" or "above" it), smallest_mm and source; it reads
    QUANTITY_ratio or case. Lesions with two cases or more also get every change judged against what repeated examinations differ by.

    Without --criterion it is nancy2019-bf-ratio where the table has ratios or cases, else recist-1.1. What was asked for but cannot
    be said is listed; the command then ends with 4.

    Example: hepaflow respond visits.csv --criterion recist-1.1
    """
    from hepaflow.response.real_change import REPEATABILITY
    from hepaflow.response.recist11_best import Confirmation
    from hepaflow.workflow import calibration
    from hepaflow.workflow import visits as work

    if criterion is not None and calibrated is not None:
        raise UsageError("CRITERION-TWICE", "both --criterion and --calibrated are given", "Give one of them")
    asked = Confirmation(min_sd_days=min_sd_days, confirm_days=confirm_days)
    rule = criterion if calibrated is None else calibration.load(calibrated)
    known = REPEATABILITY if repeatability is None else calibration.load_repeatability(repeatability)
    found = work.respond(visits, criterion=rule, confirmation=asked, repeatability=known)
    if as_json:
        printing.out_json(found)
    elif "threshold" in found:
        _show_ratios(found)
    else:
        _show_sizes(found)
    for line in found["not_estimated"]:
        printing.note(f"not estimated: {line}")
    return NOT_ESTIMATED if found["not_estimated"] else 0


def _show_sizes(found: dict[str, Any]) -> None:
    """Categories of every visit and lesion with the rule that gave them, the nadir and the best overall response."""
    printing.out(f"{found['criterion']}: {found['rule']}")
    printing.out(f"limits: {found['limits']}")
    rows = []
    for visit in found["visits"]:
        day = str(visit["date"] or "-")
        if visit["category"] is not None:
            rows.append(
                [
                    str(visit["visit"]),
                    day,
                    "patient",
                    visit["category"],
                    _numbers(visit["numbers"]),
                    visit["rule"],
                    " ".join(visit["flags"]) or "-",
                ]
            )
        elif not visit["lesions"]:
            rows.append([str(visit["visit"]), day, "-", "baseline", "-", "-", "-"])
        for lesion in visit["lesions"]:
            flags = " ".join(lesion["flags"]) or "-"
            rows.append(
                [str(visit["visit"]), day, lesion["lesion"], lesion["category"], _numbers(lesion["numbers"]), lesion["rule"], flags]
            )
    printing.table(["visit", "date", "of", "response", "numbers", "because", "flags"], rows)
    for name, lowest in found["nadir"].items():
        printing.out(
            f"smallest {name}: {printing.number(lowest['value'])} {_UNITS.get(found['criterion'], 'mm')} at {lowest['visit']}"
        )
    if found["best_overall_response"] is not None:
        confirmed = found["best_overall_response_confirmed"]
        said = "" if confirmed is None else f"; confirmed: {confirmed['category']}"
        printing.out(f"best overall response: {found['best_overall_response']} (unconfirmed){said}")
    if found["readers"] is not None and found["readers"]["kappa"] is not None:
        printing.out(f"two readers: weighted kappa {found['readers']['kappa']:.2f}, {found['readers']['n']} readings")
    if found["flags"]:
        printing.out("flags: " + " ".join(found["flags"]))


_UNITS = {"who": "mm2", "easl": "mm2"}
#: What is printed of a rule's numbers: key, label, whether it is a share.
_SHOWN = (
    ("sum_mm", "sum {} mm", False),
    ("sum_mm2", "sum {} mm2", False),
    ("size_mm", "size {} mm", False),
    ("change_from_baseline", "{} from baseline", True),
    ("change_from_nadir", "{} from smallest", True),
    ("size_change", "size {}", True),
    ("hu_change", "HU {}", True),
    ("new_lesions", "new lesions {}", False),
)


def _numbers(numbers: dict[str, Any]) -> str:
    """The numbers behind a category, in short."""
    parts = []
    for key, label, share in _SHOWN:
        value = numbers.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and not (key == "new_lesions" and value == 0):
            parts.append(label.format(f"{100 * value:+.0f} %" if share else f"{value:g}"))
    return ", ".join(parts) or "-"


def _show_ratios(found: dict[str, Any]) -> None:
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
                    printing.ratio(numbers["ratio"], numbers["threshold"]),
                    lesion["category"],
                    printing.number(lesion["probability_major"]),
                    " ".join(lesion["flags"]) or "-",
                ]
            )
    printing.table(
        [
            "visit",
            "date",
            "lesion",
            "BF ratio" if found["rule"].startswith("major when BF") else "ratio",
            "response",
            "P(major)",
            "flags",
        ],
        rows,
    )
    for change in found["changes"]:
        if change["category"] in {"decrease", "increase", "not_comparable"}:
            printing.out(f"{change['lesion']}, {change['from']} to {change['to']}: {change['rule']}")
    if found["differences"]:
        apart = "; ".join(f"{name}: {', '.join(values)}" for name, values in found["differences"].items())
        printing.out(f"caution (models-differ): these ratios were not all made the same way and do not compare ({apart})")
