"""Which pass the others are brought to: a step of its own, so that redrawn outlines leave the motion as it was found."""

from __future__ import annotations

from dataclasses import replace

from hepaflow.dicom.read_regions import RegionSet
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused, UsageError
from hepaflow.motion import correct
from hepaflow.workflow.plan import MotionPlan


def without_excluded(series: DynamicSeries, plan: MotionPlan) -> DynamicSeries:
    """The series with the passes that the plan leaves out marked."""
    return replace(series, excluded=tuple(sorted({*series.excluded, *plan.exclude})))


def reference_of(series: DynamicSeries, drawn: RegionSet, *, plan: MotionPlan) -> int | None:
    """The reference pass: the plan's, else the one that regions were drawn on, else a well-enhanced pass near the usual breathing position.

    None where shifts by hand were given without the pass that they are counted from: that is refused with the shifts.
    Refused: a pass that is not there, an excluded one.
    """
    # regions were drawn on one pass: that pass is where they are right
    chosen = drawn.frame if plan.reference is None else plan.reference
    if chosen is not None and not 0 <= chosen < series.passes:
        raise InputRefused(
            "REFERENCE-OUTSIDE",
            f"the reference pass is not one of the {series.passes} passes (counted from 0)",
            "Check frame in the regions' JSON, or motion.reference in the configuration",
        )
    for index in plan.exclude:
        if index >= series.passes or index == chosen:
            raise UsageError(
                "CONFIG-INVALID",
                f"motion.exclude: pass {index} is the reference or not one of the {series.passes} passes",
                "Count the passes from 0, in time order, and keep the reference",
            )
    if chosen is None and plan.method != "manual":
        return correct.usual_pass(without_excluded(series, plan))
    return chosen
