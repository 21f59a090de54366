"""A finished line of work, loaded part by part when asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from hepaflow.domain.case import CaseResult
from hepaflow.domain.comparison import Comparison
from hepaflow.domain.curves import Inputs
from hepaflow.domain.denoising import Denoising
from hepaflow.domain.history import Rule, Step
from hepaflow.domain.lesions import LesionResult, Measurement, Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.lesions.by_model import OF_THE_STUDY
from hepaflow.response.criterion import criterion
from hepaflow.store.case import Handle
from hepaflow.units import QUANTITIES
from hepaflow.workflow.plan import Plan

#: The healthy reference, and every lesion.
Measured = tuple[Measurement, tuple[LesionResult, ...]]
#: The protocol check, and the flags of the whole case.
Summary = tuple[tuple[Rule, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Study:
    """Every part of one analysed study; a finished one is reported without reading a pixel.

    ``digest`` is that of the source files; ``compared`` and ``denoising`` are there when the plan asks for them.
    """

    plan: Plan
    digest: str
    series: Handle[DynamicSeries]
    aligned: Handle[DynamicSeries]
    motion: Handle[MotionField]
    regions: Handle[Regions]
    inputs: Handle[Inputs]
    maps: Handle[MapSet]
    lesions: Handle[Measured]
    summary: Handle[Summary]
    history: tuple[Step, ...]
    compared: Handle[tuple[Comparison, ...]] | None = None
    denoising: Handle[Denoising] | None = None

    def flags(self) -> tuple[str, ...]:
        """The flags of the whole case, with those of the healthy liver and of calls that concern the model in use."""
        _, flags = self.summary.get()
        healthy, lesions = self.lesions.get()
        raised = {*healthy.flags, *(code for found in lesions for call in found.response for code in call.flags)}
        return tuple(dict.fromkeys((*flags, *(code for code in OF_THE_STUDY if code in raised))))

    def missing(self) -> list[str]:
        """What was asked for and could not be estimated, in words: an empty list when all is there."""
        healthy, lesions = self.lesions.get()
        rule = criterion(self.plan.response.criterion)
        what = QUANTITIES[rule.quantity].name_en.lower()
        given = rule.quantity in model_of(self.plan.model).quantities
        found = []
        if not any(isfinite(estimate.value) for estimate in healthy.parameters.values()):
            found.append("healthy liver: no parameter")
        if lesions and not given:
            found.append(f"response: the model {self.plan.model} gives no {what}, which {rule.key} reads")
        for lesion in lesions:
            if "whole" not in lesion.regions:
                found.append(f"{lesion.lesion.id}: no parameter (too few valid samples)")
            elif given and ((ratio := lesion.ratio.get(rule.quantity)) is None or ratio.value is None):
                found.append(f"{lesion.lesion.id}: ratio of {what} to healthy liver")
        return found

    def result(self) -> CaseResult:
        """Everything in one value; assembles and aligns the series if nothing has done so yet."""
        series, (healthy, lesions), (protocol, _) = self.series.get(), self.lesions.get(), self.summary.get()
        uid = series.grid.frame_of_reference_uid  # kept out of the case's store; comes back from the study
        motion, regions, maps = self.motion.get(), self.regions.get(), self.maps.get()
        return CaseResult(
            series=series,
            aligned=self.aligned.get(),
            motion=replace(motion, grid=replace(motion.grid, frame_of_reference_uid=uid)),
            protocol=protocol,
            regions=replace(regions, grid=series.grid),
            inputs=self.inputs.get(),
            maps=replace(maps, grid=series.grid),
            healthy=healthy,
            lesions=lesions,
            history=self.history,
            flags=self.flags(),
            comparison=() if self.compared is None else self.compared.get(),
            denoising=None if self.denoising is None else self.denoising.get(),
        )
