"""The section on motion: what was done about breathing, the eye's own check of it, and numbers."""

from __future__ import annotations

import numpy as np

from hepaflow.domain.case import CaseResult
from hepaflow.motion.correct import remaining
from hepaflow.report import figures_film, figures_motion, figures_remaining, tables_motion
from hepaflow.report.content import Block, Bullets, Paragraph, Section
from hepaflow.report.offered import motion_key
from hepaflow.report.view import AxialView
from hepaflow.report.words import Words


def motion(case: CaseResult, *, view: AxialView, words: Words) -> Section:
    """What was done about breathing, and how well it worked."""
    place = figures_motion.busiest_place(case, view)
    blocks: list[Block] = [_method(case, words)]
    if case.motion.passes:
        blocks.append(figures_film.breathing(case, view=view, row=place[0], words=words))
    blocks.append(figures_motion.time_position(case, view=view, place=place, words=words))
    if case.motion.passes:
        blocks.append(figures_motion.motion_curves(case, words=words))
    blocks += _remaining(case, view=view, row=place[0], words=words)
    if case.motion.passes:
        blocks.append(tables_motion.motion_table(case, words))
    return Section("motion", words(motion_key(case, "section_motion")), tuple(blocks))


def _method(case: CaseResult, words: Words) -> Bullets:
    found = case.motion
    method = words(f"method_{found.method}") if words.has(f"method_{found.method}") else found.method
    seconds = words.number(float(case.series.times_s[found.reference]))
    low, high = (words.number(bound, 2) for bound in found.jacobian_range)
    out = [entry.index + 1 for entry in found.passes if entry.excluded]
    items = [
        (words("motion_method"), method),
        (words("motion_reference"), words("motion_reference_value", number=str(found.reference + 1), seconds=seconds)),
        (words("motion_excluded"), ", ".join(map(str, out)) or words("none_found")),
    ]
    if found.method != "none":
        items.append((words("motion_jacobian"), words("motion_jacobian_value", low=low, high=high)))
    return Bullets(tuple(items))


def _remaining(case: CaseResult, *, view: AxialView, row: int, words: Words) -> list[Block]:
    """Map and table of the motion that remains; one sentence where nothing is known of it."""
    if not np.isfinite(case.motion.remaining_mm).any():
        return [Paragraph(words(motion_key(case, "remaining_unknown")))]
    found = remaining(case.motion, case.regions.grid)
    picture = figures_remaining.remaining_map(case, found, view=view, row=row, words=words)
    return [picture, tables_motion.remaining_table(case, found, words)]
