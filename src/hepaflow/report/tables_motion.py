"""Tables about motion: each pass against the reference, and what remains in each region."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.domain.motion import PassMotion
from hepaflow.report.content import Cell, Table
from hepaflow.report.offered import motion_key
from hepaflow.report.tables import line
from hepaflow.report.words import Words


def motion_table(case: CaseResult, words: Words) -> Table:
    """Shift, residual and border distance of each pass; the two measures alone where nothing was corrected."""
    corrected = case.motion.method != "none"
    rows = []
    for entry in case.motion.passes:
        used = Cell(words("pass_excluded"), "fail") if entry.excluded else Cell(words("pass_used"), "pass")
        found = _corrected(entry, words) if corrected else _as_acquired(entry, words)
        rows.append(line(str(entry.index + 1), words.number(entry.time_s), *found, used))
    if corrected:
        middle = ["col_shift_x", "col_shift_y", "col_shift_z", "col_before", "col_after", "col_border_before", "col_border_after"]
        widths = [14.0, 14.0, 14.0, 19.0, 19.0, 19.0, 19.0]
    else:
        middle, widths = ["col_residual", "col_border"], [24.0, 24.0]
    return Table(
        words(motion_key(case, "motion_table_caption")),
        tuple(map(words, ("col_pass", "col_time", *middle, "col_excluded"))),
        tuple(rows),
        "rr" + "r" * len(middle) + "l",
        (12.0, 14.0, *widths, 18.0),
        small=True,
    )


def _corrected(entry: PassMotion, words: Words) -> list[str]:
    numbers = (entry.residual_before, entry.residual_after, entry.border_before_mm, entry.border_after_mm)
    return [*map(words.signed, entry.shift_mm), *map(words.number, numbers)]


def _as_acquired(entry: PassMotion, words: Words) -> list[str]:
    return [words.number(entry.residual_before), words.number(entry.border_before_mm)]


def remaining_table(case: CaseResult, remaining_mm: npt.NDArray[np.float32], words: Words) -> Table:
    """Mean and largest of ``remaining_mm`` (k, j, i; NaN where not known) in healthy liver and in every lesion."""
    parts = [("healthy", case.regions.healthy), *((lesion.id, lesion.shells["whole"]) for lesion in case.regions.lesions)]
    rows = []
    for name, region in parts:
        inside = remaining_mm[region.mask]
        known = inside[np.isfinite(inside)].astype(np.float64)
        found = (known.mean(), known.max()) if known.size else (None, None)
        rows.append(line(Cell(words.region(name), "strong"), *map(words.number, found)))
    head = tuple(map(words, ("col_region", "col_remaining_mean", "col_remaining_most")))
    caption = words(motion_key(case, "remaining_table_caption"))
    return Table(caption, head, tuple(rows), "lrr", (40.0, 24.0, 24.0), small=True)
