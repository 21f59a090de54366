"""The inputs of a study as its plan asks for them: baseline, supply, regions moved by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hepaflow.curves.inputs import CurveOf, make_inputs
from hepaflow.domain.curves import Inputs
from hepaflow.domain.lesions import Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import UsageError
from hepaflow.workflow.plan import InputsPlan


def feed(
    aligned: DynamicSeries,
    regions: Regions,
    *,
    baseline_passes: int | None,
    haematocrit: float | None,
    curve_of: CurveOf | None = None,
    **hand: Any,
) -> Inputs:
    """The inputs of a study as a plan asks for them; ``hand`` is what :class:`InputsPlan` holds, ``curve_of`` as for :func:`make_inputs`.

    Refused: a baseline that leaves too little, a shift of a pass or region that is not there, and as :func:`make_inputs`.
    """
    if baseline_passes is not None and baseline_passes > aligned.passes - 5:
        raise UsageError("CONFIG-INVALID", "baseline_passes leaves fewer than 5 passes after the baseline", "Give a smaller number")
    plan = InputsPlan(**hand)
    for shift in plan.shifts:
        if shift.at_pass >= aligned.passes:
            raise UsageError(
                "CONFIG-INVALID",
                f"inputs.shifts: pass {shift.at_pass} is not one of the {aligned.passes} passes",
                "Count the passes from 0, in time order",
            )
        if getattr(regions, shift.region) is None:
            raise UsageError(
                "CONFIG-INVALID",
                f"inputs.shifts: there is no region {shift.region}",
                "Give the region with --rois, or leave the shift out",
            )
    feeding = replace(regions, portal_vein=None) if plan.supply == "arterial" else regions
    found = make_inputs(
        aligned,
        feeding,
        baseline_passes=baseline_passes,
        haematocrit=haematocrit,
        shifts=plan.by_region(),
        curve_of=curve_of,
    )
    return replace(found, flags=(*found.flags, "portal-left-out")) if plan.supply == "arterial" else found
