"""A phantom's truth beside what was measured."""

from __future__ import annotations

from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import Measurement, Ratio
from hepaflow.report.content import Cell, Table
from hepaflow.report.rated import Truth, known_ratio, rated_name, rated_part, rated_ratio, truth_key
from hepaflow.report.tables import line, ratio_text
from hepaflow.report.words import Words
from hepaflow.units import QUANTITIES


def truth_table(case: CaseResult, truth: Truth, words: Words) -> Table:
    """True beside measured: blood flow with SD, ratio with interval, and whether the interval holds the truth."""
    unit = QUANTITIES["bf"].unit
    rows = []
    places: list[tuple[str, str, Measurement | None, Ratio | None]] = [("healthy", words.region("healthy"), case.healthy, None)]
    for result in case.lesions:
        places.append((result.lesion.id, words.region(result.lesion.id), result.regions.get("whole"), result.ratio.get("bf")))
        part = rated_part(result)
        if part != "whole" and truth_key(result, part) in truth:
            places.append((truth_key(result, part), rated_name(result, words), result.regions[part], rated_ratio(case, result)))
    for key, name, measured, ratio in places:
        flow = None if measured is None else measured.parameters.get("bf")
        known = known_ratio(truth, key)
        rows.append(
            line(
                Cell(name, "strong"),
                words.number(truth.get(key, {}).get("bf")),
                words("na") if flow is None else words.plus_minus(flow.value, flow.sd),
                "" if key == "healthy" else words.number(known, 2),
                "" if key == "healthy" else ratio_text(ratio, words),
                "" if key == "healthy" else words.interval(None if ratio is None else ratio.ci95),
                Cell("") if key == "healthy" else _inside(known, ratio, words),
            )
        )
    head = (
        words("col_region"),
        f"{words('col_true_bf')}\n{unit}",
        f"{words('col_measured_bf')}\n{unit}",
        words("col_true_ratio"),
        words("col_measured_ratio"),
        words("col_ci"),
        words("col_inside"),
    )
    return Table(words("truth_caption"), head, tuple(rows), "lrrrrcl", (18.0, 15.0, 20.0, 13.0, 14.0, 20.0, 20.0))


def _inside(known: float | None, ratio: Ratio | None, words: Words) -> Cell:
    if known is None or ratio is None or ratio.ci95 is None:
        return Cell(words("na"), "muted")
    within = ratio.ci95[0] <= known <= ratio.ci95[1]
    return Cell(words("inside"), "inside") if within else Cell(words("outside"), "outside")
