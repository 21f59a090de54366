"""One study, from the scanner to the tumour board: the page to read first.

:func:`analyze` is the main job on a case folder; :func:`follow` is the line of work itself, for a series that is already at hand.
Each line is a step of the case: reused when nothing it depends on has changed, else computed, kept and recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.domain.curves import Inputs
from hepaflow.domain.history import Rule, Step
from hepaflow.domain.lesions import LesionResult, Measurement, Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused, UsageError
from hepaflow.store.atomic import require_space
from hepaflow.store.case import Case, Handle, Steps, space_needed
from hepaflow.store.sources import identify
from hepaflow.workflow.plan import Plan, ResponsePlan

Progress = Callable[[str, int, int], None] | None
Truth = dict[str, dict[str, float]]
Given = tuple[dict[str, npt.NDArray[np.bool_]], int | None]


@dataclass(frozen=True, slots=True)
class Study:
    """A finished line of work; every part is loaded when asked for, so that a finished study is reported without reading a pixel."""

    plan: Plan
    digest: str
    series: Handle[DynamicSeries]
    aligned: Handle[DynamicSeries]
    motion: Handle[MotionField]
    regions: Handle[Regions]
    inputs: Handle[Inputs]
    maps: Handle[MapSet]
    lesions: Handle[tuple[Measurement, tuple[LesionResult, ...]]]
    summary: Handle[tuple[tuple[Rule, ...], tuple[str, ...]]]
    history: tuple[Step, ...]

    def missing(self) -> list[str]:
        """What was asked for and could not be estimated, in words: an empty list when all is there."""
        healthy, lesions = self.lesions.get()
        found = []
        if not any(isfinite(estimate.value) for estimate in healthy.parameters.values()):
            found.append("healthy liver: no parameter")
        for lesion in lesions:
            if "whole" not in lesion.regions:
                found.append(f"{lesion.lesion.id}: no parameter (too few valid samples)")
            elif "bf" in healthy.parameters and ((ratio := lesion.ratio.get("bf")) is None or ratio.value is None):
                found.append(f"{lesion.lesion.id}: ratio of blood flow to healthy liver")
        return found

    def result(self) -> CaseResult:
        """Everything in one value; assembles and aligns the series if nothing has done so yet."""
        series, (healthy, lesions), (protocol, flags) = self.series.get(), self.lesions.get(), self.summary.get()
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
            flags=flags,
        )


def check_places(source: Path, out: Path, rois: Path | None) -> None:
    """Refused: a study or regions that are not there, an output folder inside the study (the next run would read results as images)."""
    for path, what in ((source, "study"), (rois, "regions")):
        if path is not None and not path.exists():
            raise InputRefused("SOURCE-MISSING", f"the path of the {what} does not exist", "Check the path")
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError("OUT-INSIDE-STUDY", "the output folder lies inside the study", "Give an output folder outside the study")


def analyze(
    plan: Plan, source: Path, case: Case, *, rois: Path | None = None, progress: Progress = None, truth: Truth | None = None
) -> Study:
    """The main job: a study at ``source`` (folder, .zip or 4D NIfTI) and perhaps its regions, to a finished case folder.

    ``truth`` (of a phantom: region to ``bf`` and ``ratio_bf``) is set beside the measurement in the report.

    Refused: what cannot be assembled, regions of another patient or frame of reference, a disk without room for the case.
    """
    from hepaflow.dicom.assemble import assemble
    from hepaflow.workflow.outputs import publish

    found = identify(source)
    require_space(case.folder, space_needed(found.size_bytes))
    study = case.given(source, digest=found.digest)
    series = case.derive("assemble", partial(assemble, progress=progress), study)
    given = case.given(rois, digest="none" if rois is None else identify(rois).digest)
    drawn = case.derive("given-regions", _read_regions, given, series)
    done = follow(plan, series, drawn, case, digest=found.digest, progress=progress)
    publish(done, case, truth=truth)
    return done


def follow(
    plan: Plan, series: Handle[DynamicSeries], drawn: Handle[Given], case: Steps, *, digest: str, progress: Progress = None
) -> Study:
    """The line of work: motion, regions, inputs, maps, lesions, response, protocol."""
    from hepaflow.motion import correct

    kinetic = {"model": plan.model}
    motion = case.step("motion", partial(_estimate, progress=progress), series, drawn, params=plan.motion.model_dump())
    aligned = case.derive("align", correct.apply, series, motion)
    regions = case.step("regions", _find, aligned, drawn)
    inputs = case.step(
        "inputs", _inputs, aligned, regions, params={"baseline_passes": plan.baseline_passes, "haematocrit": plan.haematocrit}
    )
    maps = case.step(
        "maps", partial(_maps, progress=progress), aligned, inputs, regions, params=kinetic | {"density_g_ml": plan.density_g_ml}
    )
    measured = case.step("lesions", partial(_measure, progress=progress), aligned, inputs, maps, regions, params=kinetic)
    lesions = case.derive("response", _rate, measured, params=plan.response.model_dump())
    summary = case.step("protocol", _summarise, series, motion, regions, inputs)
    return Study(plan, digest, series, aligned, motion, regions, inputs, maps, lesions, summary, case.history)


def _read_regions(path: Path | None, series: DynamicSeries) -> Given:
    if path is None:
        return {}, None
    from hepaflow.dicom.read_regions import read_regions

    found = read_regions(path, series.grid)
    return dict(found.masks), found.frame


def _estimate(series: DynamicSeries, drawn: Given, *, method: Any, reference: int | None, progress: Progress) -> MotionField:
    from hepaflow.motion import correct

    # regions were drawn on one pass: that pass is where they are right
    chosen = drawn[1] if reference is None else reference
    if chosen is not None and not 0 <= chosen < series.passes:
        raise InputRefused(
            "REFERENCE-OUTSIDE",
            f"the reference pass is not one of the {series.passes} passes (counted from 0)",
            "Check frame in the regions' JSON, or motion.reference in the configuration",
        )
    return correct.estimate(series, method=method, reference=chosen, progress=progress)


def _find(aligned: DynamicSeries, drawn: Given) -> Regions:
    from hepaflow.regions.find import find

    masks, frame = drawn
    return find(aligned, masks, frame=frame)


def _inputs(aligned: DynamicSeries, regions: Regions, *, baseline_passes: int | None, haematocrit: float | None) -> Inputs:
    from hepaflow.curves.inputs import make_inputs

    if baseline_passes is not None and baseline_passes > aligned.passes - 5:
        raise UsageError("CONFIG-INVALID", "baseline_passes leaves fewer than 5 passes after the baseline", "Give a smaller number")
    inputs = make_inputs(aligned, regions, baseline_passes=baseline_passes)
    return inputs if haematocrit is None else plasma(inputs, haematocrit)


def plasma(inputs: Inputs, haematocrit: float) -> Inputs:
    """Inputs as plasma concentration: whole-blood enhancement over (1 - haematocrit), so that flows become plasma flows."""
    share = 1.0 - haematocrit
    return replace(
        inputs,
        dense_arterial=inputs.dense_arterial / share,
        dense_portal=None if inputs.dense_portal is None else inputs.dense_portal / share,
        modes=inputs.modes / share,
    )


def _maps(
    aligned: DynamicSeries, inputs: Inputs, regions: Regions, *, model: str, density_g_ml: float, progress: Progress
) -> MapSet:
    from hepaflow.kinetics.catalogue import model as model_of
    from hepaflow.kinetics.fit_maps import fit_maps

    return fit_maps(aligned, inputs, regions=regions, model=model_of(model), density_g_ml=density_g_ml, progress=progress)


def _measure(
    aligned: DynamicSeries, inputs: Inputs, maps: MapSet, regions: Regions, *, model: str, progress: Progress
) -> tuple[Measurement, tuple[LesionResult, ...]]:
    from hepaflow.kinetics.catalogue import model as model_of
    from hepaflow.lesions.measure import measure

    return measure(aligned, inputs, maps, regions, model=model_of(model), progress=progress)


def _rate(measured: tuple[Measurement, tuple[LesionResult, ...]], **response: Any) -> tuple[Measurement, tuple[LesionResult, ...]]:
    """Every lesion with what the criterion says of it."""
    from hepaflow.lesions.ratios import ratio, ratio_draws
    from hepaflow.response.criterion import criterion
    from hepaflow.response.perfusion import call

    plan = ResponsePlan(**response)
    rule = criterion(plan.criterion)
    healthy, lesions = measured
    rated = []
    for lesion in lesions:
        part = _rated_part(lesion)
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
        rated.append(replace(lesion, response=(*lesion.response, said)))
    return healthy, tuple(rated)


def _rated_part(lesion: LesionResult) -> str:
    """Where the criterion is read: the vascular part of a necrotic lesion, as readers draw it; the whole of any other."""
    vascular, whole = lesion.regions.get("vascular"), lesion.regions.get("whole")
    return "vascular" if vascular is not None and whole is not None and vascular.voxels < whole.voxels else "whole"


def _summarise(
    series: DynamicSeries, motion: MotionField, regions: Regions, inputs: Inputs
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """The protocol check, and the flags of the whole case."""
    from hepaflow.curves.protocol import check

    flags = dict.fromkeys((*series.flags, *motion.flags, *regions.flags, *inputs.flags))
    return tuple(check(series, regions=regions, inputs=inputs)), tuple(flags)
