"""What the criterion of a plan says of measured lesions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hepaflow.domain.comparison import Comparison
from hepaflow.domain.lesions import LesionResult
from hepaflow.lesions import by_model
from hepaflow.lesions.ratios import ratio, ratio_draws
from hepaflow.response.criterion import criterion as criterion_of
from hepaflow.response.perfusion import call, says
from hepaflow.workflow.plan import ResponsePlan
from hepaflow.workflow.study import Measured


def rate(measured: Measured, compared: tuple[Comparison, ...] = (), *, model: str, **response: Any) -> Measured:
    """Every lesion with what the criterion says of it, and how far that rests on the model; the healthy liver flagged likewise."""
    plan = ResponsePlan(**response)
    rule = criterion_of(plan.criterion)
    healthy, lesions = measured
    rated = []
    for lesion in lesions:
        calls = []
        for part in rated_parts(lesion):
            measurement = lesion.regions.get(part)
            found = None if measurement is None else ratio(measurement, healthy, rule.quantity)
            said = call(
                rule,
                None if found is None else found.value,
                samples=None if measurement is None else ratio_draws(measurement, healthy, rule.quantity),
                diameter_mm=lesion.lesion.longest_axial_diameter_mm,
                threshold=plan.threshold,
                region=part,
            )
            calls.append(replace(said, ratio=found))
        disagree = len({said.category for said in calls}) > 1
        flags = (*lesion.flags, "parts-disagree") if disagree else lesion.flags
        judged = replace(lesion, response=(*lesion.response, *calls), flags=flags)
        rated.append(by_model.flag_lesion(judged, model=model, compared=compared, says=says))
    return by_model.flag_healthy(healthy, model=model, compared=compared), tuple(rated)


def rated_parts(lesion: LesionResult) -> tuple[str, ...]:
    """Where the criterion is read: the whole lesion, and the vascular part too when it is smaller, as readers draw it on necrosis."""
    vascular, whole = lesion.regions.get("vascular"), lesion.regions.get("whole")
    necrotic = vascular is not None and whole is not None and vascular.voxels < whole.voxels
    return ("whole", "vascular") if necrotic else ("whole",)
