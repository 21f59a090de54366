"""One study, from the scanner to the tumour board: the page to read first.

:func:`analyze` is the main job on a case folder; :func:`follow` is the line of work itself, for a series that is already at hand.
Each line is a step of the case: reused when nothing it depends on has changed, else computed, kept and recorded.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.curves.protocol import check
from hepaflow.denoise.box import cut_out, put_back
from hepaflow.denoise.effect import compared_regions, effect
from hepaflow.denoise.tips import Denoised, denoise, denoised_mask
from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.read_regions import RegionSet, on_pass, read_regions
from hepaflow.domain.comparison import Comparison
from hepaflow.domain.curves import Inputs
from hepaflow.domain.denoising import Denoising
from hepaflow.domain.lesions import Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused, UsageError
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_maps import Estimation, fit_maps
from hepaflow.kinetics.model import ResidueModel
from hepaflow.lesions.by_model import part_name
from hepaflow.lesions.compare_models import compare_models
from hepaflow.lesions.measure import measure
from hepaflow.motion import correct
from hepaflow.regions.find import find
from hepaflow.response.criterion import criterion as criterion_of
from hepaflow.store.atomic import require_space
from hepaflow.store.case import Case, Handle, Keep, Steps, space_needed
from hepaflow.store.sources import identify
from hepaflow.workflow.earlier import Earlier, same_patient
from hepaflow.workflow.feeding import feed
from hepaflow.workflow.outputs import publish
from hepaflow.workflow.plan import MotionPlan, Plan
from hepaflow.workflow.rating import rate, rated_parts
from hepaflow.workflow.reference import reference_of, without_excluded
from hepaflow.workflow.study import Measured, Study, Summary
from hepaflow.workflow.telling import Progress, Telling

Truth = dict[str, dict[str, float]]
Mask = npt.NDArray[np.bool_]


def analyze(
    plan: Plan,
    source: Path,
    case: Case,
    *,
    rois: Path | None = None,
    earlier: Earlier | None = None,
    progress: Progress = None,
    truth: Truth | None = None,
    first_visit: bool = False,
) -> Study:
    """The main job: a study at ``source`` (folder, .zip or 4D NIfTI) and perhaps its regions, to a finished case folder.

    ``truth`` (of a phantom: region to ``bf`` and ``ratio_bf``) is set beside the measurement in the report.
    ``earlier`` says which lesions an earlier visit saw; ``first_visit``, that there is none: the report then tells a baseline, no response.
    Refused: what cannot be assembled, regions or an earlier case of another patient, regions in another frame of reference, a disk
    without room for the case.
    """
    found = identify(source)
    require_space(case.folder, space_needed(found.size_bytes) + plan.save_corrected * found.size_bytes)
    study = case.given(source, digest=found.digest)
    drawing = case.given(rois, digest="none" if rois is None else identify(rois).digest)
    series = case.derive("assemble", partial(assemble, progress=progress), study)
    if earlier is not None:
        same_patient(series.get(), earlier)  # before minutes of work
    drawn = case.derive("given-regions", _read, drawing, series)
    done = follow(plan, series, drawn, case, digest=found.digest, progress=progress)
    publish(done, case, truth=truth, earlier=earlier, first_visit=first_visit, progress=progress)
    return done


def follow(
    plan: Plan, series: Handle[DynamicSeries], drawn: Handle[RegionSet], case: Steps, *, digest: str, progress: Progress = None
) -> Study:
    """The line of work: motion, regions, inputs, maps (from denoised data if asked for), lesions, response, other models, protocol."""
    case = Telling(case, progress)
    kinetic = {"model": plan.model}
    mapped = kinetic | {"density_g_ml": plan.density_g_ml}
    if isinstance(model_of(plan.model), ResidueModel):  # the others are read: there is one way only
        mapped |= {"estimation": plan.estimation}
    feeding = {"baseline_passes": plan.baseline_passes, "haematocrit": plan.haematocrit} | plan.inputs.model_dump(mode="json")
    moving = plan.motion.model_dump(mode="json")
    reference = case.step("reference", _reference, series, drawn, params=moving)
    # of the regions, motion knows the pass they were drawn on alone: another outline leaves it as it is
    motion = case.long_step("motion", partial(_estimate, progress=progress), series, reference, params=moving)
    aligned = case.derive("align", correct.apply, series, motion)
    regions = case.step("regions", _find, aligned, drawn)
    inputs = case.step("inputs", feed, aligned, regions, params=feeding)
    denoising = None
    if plan.denoise.method == "none":
        maps = case.step("maps", partial(_map, progress=progress), aligned, inputs, regions, params=mapped)
    else:
        cleaning = plan.denoise.model_dump()
        clean = case.derive("denoise", partial(_denoise, progress=progress), aligned, regions, params=cleaning)
        maps = case.step("maps", partial(_map_denoised, progress=progress), clean, inputs, regions, params=mapped)
        denoising = case.step("denoising", _effect, aligned, clean, inputs, maps, regions, params=mapped | cleaning)
    measured = case.step("lesions", partial(_measure, progress=progress), aligned, inputs, maps, regions, params=kinetic)
    compared = None
    if plan.compare:
        density = {"density_g_ml": plan.density_g_ml}
        compared = case.step("compare", partial(_compare, progress=progress), aligned, inputs, regions, measured, params=density)
    others = [] if compared is None else [compared]
    lesions = case.derive("response", rate, measured, *others, params=plan.response.model_dump() | kinetic)
    effects = [] if denoising is None else [denoising]
    asked = kinetic | {"criterion": plan.response.criterion}
    summary = case.step("protocol", _summarise, series, drawn, motion, regions, inputs, measured, *effects, params=asked)
    return Study(plan, digest, series, aligned, motion, regions, inputs, maps, lesions, summary, case.history, compared, denoising)


def check_places(source: Path, out: Path, rois: Path | None) -> None:
    """Refused: a study or regions that are not there, an output folder inside the study (the next run would read results as images)."""
    for path, what in ((source, "study"), (rois, "regions")):
        if path is not None and not path.exists():
            raise InputRefused("SOURCE-MISSING", f"the path of the {what} does not exist", "Check the path")
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError("OUT-INSIDE-STUDY", "the output folder lies inside the study", "Give an output folder outside the study")


def _read(path: Path | None, series: DynamicSeries) -> RegionSet:
    if path is None:
        return RegionSet({}, None)
    return on_pass(read_regions(path, series.grid, series_digest=str(series.source.get("digest", ""))), series)


def _reference(series: DynamicSeries, drawn: RegionSet, **asked: Any) -> int | None:
    return reference_of(series, drawn, plan=MotionPlan(**asked))


def _estimate(series: DynamicSeries, chosen: int | None, *, progress: Progress, keep: Keep, **asked: Any) -> MotionField:
    plan = MotionPlan(**asked)
    used = without_excluded(series, plan)
    shifts = {shift.at_pass: shift.mm for shift in plan.shifts}
    return correct.estimate(
        used, method=plan.method, engine=plan.engine, reference=chosen, shifts_mm=shifts, progress=progress, keep=keep
    )


def _find(aligned: DynamicSeries, drawn: RegionSet) -> Regions:
    return find(aligned, drawn.masks, frame=drawn.frame, proposed=drawn.proposed)


def _map(
    aligned: DynamicSeries,
    inputs: Inputs,
    regions: Regions,
    *,
    model: str,
    density_g_ml: float,
    estimation: Estimation = "posterior",
    only: Mask | None = None,
    progress: Progress,
) -> MapSet:
    return fit_maps(
        aligned,
        inputs,
        regions=regions,
        model=model_of(model),
        density_g_ml=density_g_ml,
        estimation=estimation,
        only=only,
        progress=progress,
    )


def _denoise(
    aligned: DynamicSeries, regions: Regions, *, method: str, radius_mm: float, strength: float, progress: Progress
) -> Denoised:
    return denoise(aligned, denoised_mask(regions), radius_mm=radius_mm, strength=strength, progress=progress)


def _map_denoised(
    clean: Denoised,
    inputs: Inputs,
    regions: Regions,
    *,
    model: str,
    density_g_ml: float,
    estimation: Estimation = "posterior",
    progress: Progress,
) -> MapSet:
    local = cut_out(regions, clean.box, clean.series.grid)
    maps = _map(clean.series, inputs, local, model=model, estimation=estimation, density_g_ml=density_g_ml, progress=progress)
    return put_back(maps, clean.box, regions.grid)


def _effect(
    aligned: DynamicSeries,
    clean: Denoised,
    inputs: Inputs,
    maps: MapSet,
    regions: Regions,
    *,
    model: str,
    density_g_ml: float,
    estimation: Estimation = "posterior",
    method: str,
    radius_mm: float,
    strength: float,
) -> Denoising:
    """What denoising changed; for comparison, the voxels of the regions are mapped from the data as measured."""
    only = np.logical_or.reduce([mask for _, mask in compared_regions(regions)])
    way = partial(_map, model=model, density_g_ml=density_g_ml, estimation=estimation, progress=None)
    flow = (way(aligned, inputs, regions, only=only).maps["bf"].values, maps.maps["bf"].values)
    return effect(aligned, clean, regions, flow=flow, settings=(method, radius_mm, strength))


def _measure(aligned: DynamicSeries, inputs: Inputs, maps: MapSet, regions: Regions, *, model: str, progress: Progress) -> Measured:
    return measure(aligned, inputs, maps, regions, model=model_of(model), progress=progress)


def _compare(
    aligned: DynamicSeries, inputs: Inputs, regions: Regions, measured: Measured, *, density_g_ml: float, progress: Progress
) -> tuple[Comparison, ...]:
    """Every residue model on the healthy liver and on the parts of lesions that a criterion may read."""
    parts = {
        part_name(lesion.lesion.id, part): lesion.lesion.shells[part]
        for lesion in measured[1]
        for part in (rated_parts(lesion) if lesion.regions else ())
    }
    return compare_models(aligned, inputs, regions.healthy, parts, density_g_ml=density_g_ml, progress=progress)


def _summarise(
    series: DynamicSeries,
    drawn: RegionSet,
    motion: MotionField,
    regions: Regions,
    inputs: Inputs,
    measured: Measured,
    denoising: Denoising | None = None,
    *,
    model: str,
    criterion: str,
) -> Summary:
    """The protocol check and the flags of the whole case, those of the healthy liver's curve among them: every ratio rests on it."""
    healthy, lesions = measured
    blind = bool(lesions) and criterion_of(criterion).quantity not in model_of(model).quantities
    unrated = ("response-not-from-this-model",) if blind else ()
    moving = ("motion-not-corrected",) if motion.method == "none" else ()
    cleaned = () if denoising is None else denoising.flags
    flags = dict.fromkeys(
        (*series.flags, *drawn.flags, *motion.flags, *moving, *regions.flags, *inputs.flags, *healthy.flags, *cleaned, *unrated)
    )
    return tuple(check(series, regions=regions, inputs=inputs)), tuple(flags)
