"""Breathing removed from a dynamic series: estimate the field of every pass, then take the original images through it once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField, PassMotion
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import UsageError
from hepaflow.motion import deformable, elastix, lattice, mask, modes, resample, rigid, score, together
from hepaflow.motion.deformable import Field, Fixed, Mask
from hepaflow.motion.lattice import Scene, Volume

Method = Literal["deformable", "rigid", "manual", "none"]
#: ``local``: local least squares, our own; ``elastix``: the library (masked B-spline, mutual information).
Engine = Literal["local", "elastix"]
Progress = Callable[[str, int, int], None] | None

#: One node beyond the cavity the field fades to exactly 0 over this way, so that ribs and wall stay.
FADE_MM = 6.0
#: Images are compared at this smoothing for the residuals.
_COMPARE_MM = 3.0
#: ... and in windows of this size (standard deviation, nodes): smaller ones explain displaced edges by gain and offset.
_COMPARE_NODES = 1.5
#: A pass whose disagreement stays this many times the usual one is beyond repair (another body part, a failed reconstruction).
_BEYOND_REPAIR = 3.0
#: Organs' borders this much further apart than before are a pass that got worse, and this far apart and ``_BEYOND_REPAIR`` times the usual way one beyond repair.
_BORDER_WORSE_MM, _BORDER_LOST_MM = 0.5, 3.0
#: A freer motion is believed when it brings borders nearer than this times what a simpler one does.
_NEARER = 0.9
_LEAST_JACOBIAN = 0.1
#: Least-squares steps of a shift that is the answer, and of one that is the start of a field.
_SHIFT_STEPS, _FIRST_STEPS = 8, 3
#: A pass that disagrees, or went, this many times as much as the usual one takes no part in what the passes share.
_UNUSUAL = 2.5
#: No way that is shorter than this many times that is unusual (mm, root mean square over the cavity).
_ORDINARY_MM = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What every pass is laid on: the scene, the cavity, nodes that carry the field, the fade and how far nodes lie beyond the cavity (mm), where residuals and shifts are taken (nodes)."""

    scene: Scene
    cavity: Mask
    active: Mask
    fade: npt.NDArray[np.float32]
    beyond_mm: npt.NDArray[np.float32]
    compared: Mask
    flags: tuple[str, ...]


def estimate(
    series: DynamicSeries,
    *,
    method: Method,
    reference: int | None,
    engine: Engine = "local",
    shifts_mm: Mapping[int, tuple[float, float, float]] | None = None,
    progress: Progress = None,
    keep: together.Keep = lambda _, make: make(),
) -> MotionField:
    """Find where the tissue of the reference lies in every pass.

    ``reference`` is a 0-based pass, or None: then a well-enhanced pass near the usual breathing position is taken. ``deformable`` starts every pass by
    local least squares with local gain and offset inside the cavity (or elastix, by ``engine``) and goes on with all passes together; ``rigid`` is one
    shift a pass; ``manual`` takes the shifts of a reader, ``shifts_mm`` (pass to mm LPS: where the tissue of the reference lies in that pass, minus where it
    lies in the reference); ``none`` is no motion (residuals are measured all the same). Excluded passes are left where they are. A pass that did not get better is
    left where it is, one that disagrees far more than all others is marked excluded; flags say so. A reader's shift is never given back; one that makes a pass worse is flagged. ``keep`` files the start of every pass and
    every turn of all together. Refused: an
    unknown method, a reference that is not there, a shift of the reference or of a pass that is not there.
    """
    _check(series, method, reference, engine)
    _check_shifts(series, method, reference, shifts_mm or {})
    used = [index for index in range(series.passes) if index not in series.excluded]
    table = lay_table(series)
    if reference is None:
        reference = choose_reference(table.scene, table.cavity, used)
    others = tuple(index for index in used if index != reference)
    fixed = {
        mm: deformable.fixed_at(table.scene, reference, table.cavity, mm)
        for mm in sorted({level.image_mm for level in deformable.ALONE} | {_COMPARE_MM, rigid.SEARCH_MM, together.IMAGE_MM})
    }
    fields = np.zeros((series.passes, *table.scene.nodes.shape, 3), np.float32)
    flags = list(table.flags)
    shifts: dict[int, Field] = {}
    if method == "manual":
        for index, by_hand in (shifts_mm or {}).items():
            fields[index] = rigid.constant(table.scene, table.scene.axes.T @ np.array(by_hand))
    elif method != "none":
        done = 0
        with ThreadPoolExecutor(_workers()) as pool:
            for index, (shift, field) in zip(
                others,
                pool.map(
                    lambda index: keep(f"pass-{index}", partial(_register, table, fixed, (reference, index), method, engine)),
                    others,
                ),
                strict=True,
            ):
                fields[index], shifts[index] = field, shift
                done += 1
                if progress is not None:
                    progress("align", done, len(others))
    if method == "deformable" and engine == "elastix":
        _share(table, fields, others)
    elif method == "deformable":
        _together(table, fixed, reference, others, fields, progress, keep)
        flags += _no_more_than_needed(table, fixed[_COMPARE_MM], fields, shifts)
    if progress is not None:
        progress("motion check", 0, len(others))
    judged = {}
    with ThreadPoolExecutor(_workers()) as pool:
        for index, verdict in zip(
            others,
            pool.map(
                lambda index: _judge(
                    table, fixed[_COMPARE_MM], index, fields[index], shifts.get(index), by_hand=method == "manual"
                ),
                others,
            ),
            strict=True,
        ):
            judged[index] = verdict
            fields[index] = verdict.field
            if progress is not None:
                progress("motion check", len(judged), len(others))
    passes = _report(series, reference, table, judged)
    in_lps = np.einsum("pkjia,xa->pkjix", fields, table.scene.axes).astype(np.float32)
    extremes = [
        (float(j.min()), float(j.max())) for j in (score.jacobian(in_lps[index], table.scene.nodes) for index in others)
    ] or [(1.0, 1.0)]
    span = (min(low for low, _ in extremes), max(high for _, high in extremes))
    flags += sorted({flag for one in passes for flag in one.flags})
    kept = tuple(index for index in others if not passes[index].excluded)
    left = _remaining(table, fixed[together.IMAGE_MM], reference, kept, fields)
    return MotionField(method, reference, table.scene.nodes, in_lps, passes, span, left, tuple(flags))


def _remaining(
    table: Table, fixed: Fixed, reference: int, kept: tuple[int, ...], fields: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """What motion the passes that are kept still show, at the nodes inside the cavity."""
    if not kept:
        return np.full(table.active.shape, np.nan, np.float32)
    group = together.Group.of(table.scene, table.cavity, table.active, reference, kept, workers=_workers())
    own = fields[[reference, *kept]]
    compared = together.foretell(group, own) if len(kept) >= together.FEWEST else [fixed] * len(own)
    return np.where(table.compared, together.remaining_mm(group, compared, own), np.float32(np.nan))


def apply(series: DynamicSeries, field: MotionField) -> DynamicSeries:
    """The series with every pass brought to the reference, float32 HU: the original interpolated once (Catmull-Rom cubic).

    NaN where a pass did not cover the point; the reference and whatever does not move keep their values exactly. Passes that ``field`` excludes
    join ``excluded``. Refused: a field of another number of passes.
    """
    if field.displacements.shape[0] != series.passes:
        raise UsageError(
            "MOTION-PASSES", "the motion field has another number of passes than the series", "Estimate it from this series"
        )
    out = np.empty(series.voxels.shape, np.float32)

    def one(index: int) -> None:
        shift = field.displacements[index]
        if index == field.reference or not shift.any():
            out[index] = series.voxels[index]
        else:
            resample.pull_back(series.voxels[index], series.grid, field=shift, nodes=field.grid, out=out[index])

    with ThreadPoolExecutor(_workers()) as pool:
        list(pool.map(one, range(series.passes)))
    excluded = sorted({*series.excluded, *(one_pass.index for one_pass in field.passes if one_pass.excluded)})
    flags = (*series.flags, *(flag for flag in field.flags if flag not in series.flags))
    return replace(series, voxels=out, excluded=tuple(excluded), flags=flags)


def displacement(field: MotionField, grid: Grid, pass_index: int) -> npt.NDArray[np.float32]:
    """The pull-back displacement (k, j, i, 3) float32 in mm LPS of one pass at the voxels of ``grid``."""
    return resample.upsample(field.displacements[pass_index], field.grid, grid)


def remaining(field: MotionField, grid: Grid) -> npt.NDArray[np.float32]:
    """The motion (k, j, i) float32 in mm that remains at the voxels of ``grid``, NaN outside the cavity."""
    known = np.isfinite(field.remaining_mm)
    both = np.stack([np.where(known, field.remaining_mm, 0.0), known, known], axis=-1).astype(np.float32)
    fine = resample.upsample(both, field.grid, grid)
    inside = fine[..., 1] > 0.5
    return np.where(inside, fine[..., 0] / np.where(inside, fine[..., 1], 1.0), np.nan).astype(np.float32)


def usual_pass(series: DynamicSeries) -> int:
    """The pass that :func:`estimate` takes as reference of a series where none is given. Refused: fewer than two passes to align."""
    _check(series, "none", None, "local")
    table = lay_table(series)
    return choose_reference(table.scene, table.cavity, [index for index in range(series.passes) if index not in series.excluded])


def choose_reference(scene: Scene, cavity: Mask, used: list[int]) -> int:
    """The well-enhanced pass (mean over the cavity in the upper 40 % of its range) nearest to the median height of all passes."""
    inside = [scene.volumes[index][cavity] for index in used]
    level = np.array([float(part[np.isfinite(part)].mean()) if np.isfinite(part).any() else -np.inf for part in inside])
    middle = used[len(used) // 2]
    fixed = deformable.fixed_at(scene, middle, cavity, rigid.SEARCH_MM)
    heights = []
    for index in used:
        start = rigid.search(scene, fixed, index, cavity)
        heights.append(rigid.refine(scene, fixed, index, cavity, start, image_mm=rigid.SEARCH_MM, steps=3)[0])
    distance = np.abs(np.array(heights) - np.median(heights))
    least = level[np.isfinite(level)].min(initial=level.max())
    good = level >= least + 0.6 * (level.max() - least)
    return used[int(np.argmin(np.where(good, distance, np.inf)))]


def _check(series: DynamicSeries, method: str, reference: int | None, engine: str) -> None:
    if method not in ("deformable", "rigid", "manual", "none"):
        raise UsageError("MOTION-METHOD", f"motion method {method!r} is not known", "Use deformable, rigid, manual or none")
    if engine not in ("local", "elastix"):
        raise UsageError("MOTION-ENGINE", f"registration engine {engine!r} is not known", "Use local or elastix")
    if len(series.excluded) > series.passes - 2:
        raise UsageError("MOTION-PASSES", "fewer than two passes are left to align", "Exclude fewer passes")
    if reference is not None and (not 0 <= reference < series.passes or reference in series.excluded):
        raise UsageError(
            "MOTION-REFERENCE",
            "the reference pass does not exist or is excluded",
            f"Use a pass of 0 to {series.passes - 1} that is not excluded",
        )


def _check_shifts(
    series: DynamicSeries, method: str, reference: int | None, shifts_mm: Mapping[int, tuple[float, float, float]]
) -> None:
    if shifts_mm and method != "manual":
        raise UsageError("MOTION-SHIFTS", "shifts of passes are given, but the method is not manual", "Use the method manual")
    if method == "manual" and reference is None:
        raise UsageError("MOTION-REFERENCE", "shifts by hand need the pass that they are counted from", "Give motion.reference")
    for index in shifts_mm:
        if not 0 <= index < series.passes or index == reference:
            raise UsageError(
                "MOTION-SHIFTS",
                f"pass {index} (counted from 0) is shifted, but is the reference or does not exist",
                f"Shift passes of 0 to {series.passes - 1}, and not the reference",
            )


def _workers() -> int:
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


def lay_table(series: DynamicSeries) -> Table:
    """Working grid, cavity and lattice of a series; without a cavity the whole image, flagged."""
    from scipy.ndimage import distance_transform_edt

    whole = lattice.scene(series)
    inside = mask.cavity(whole.lowest, whole.grid.spacing_mm)
    flags: tuple[str, ...] = ()
    if inside.mean() < 0.02:
        inside, flags = np.isfinite(whole.lowest), ("motion-no-cavity",)
    scene, cavity = lattice.cropped(whole, inside)
    active = deformable.active_nodes(cavity, scene)
    share = deformable.mask_share(cavity, scene)
    beyond = distance_transform_edt(share == 0, sampling=scene.nodes.spacing_mm)
    past = np.maximum(beyond - max(scene.nodes.spacing_mm), 0.0).astype(np.float32)
    fade = np.clip(1.0 - past / FADE_MM, 0.0, 1.0).astype(np.float32)
    fade[~active] = 0.0
    return Table(scene, cavity, active, fade, past, share > 0.5, flags)


def _together(
    table: Table,
    fixed: dict[float, Fixed],
    reference: int,
    others: tuple[int, ...],
    fields: npt.NDArray[np.float32],
    progress: Progress,
    keep: together.Keep,
) -> None:
    """From the start of every pass to its field, in place: of the passes that agree well enough all together, of any other on its own."""
    good = list(_usual(table, fixed[_COMPARE_MM], others, fields))
    grouped = good if len(good) >= together.FEWEST else []
    if grouped:
        if progress is not None:
            progress("align together", 0, together.ROUNDS)
        group = together.Group.of(table.scene, table.cavity, table.active, reference, tuple(grouped), workers=_workers())

        def turned(turn: int) -> None:
            if progress is not None:
                progress("align together", turn, together.ROUNDS)

        fields[grouped] = together.fields_together(group, fields[grouped], progress=turned, keep=keep)
    rest = [index for index in others if index not in grouped]

    def alone(index: int) -> Field:
        start, levels = fields[index], deformable.ALONE[len(deformable.START) :]
        return deformable.register(table.scene, fixed, index, table.cavity, start, table.active, levels=levels)

    with ThreadPoolExecutor(_workers()) as pool:
        for index, field in zip(rest, pool.map(alone, rest), strict=True):
            fields[index] = field
    if not grouped:
        _share(table, fields, good)


def _share(table: Table, fields: npt.NDArray[np.float32], passes: Sequence[int]) -> None:
    """Fields of ``passes`` replaced, in place, by sums of the shapes they share."""
    for index, field in zip(passes, modes.shared(fields[list(passes)][:, table.active]), strict=True):
        fields[index][table.active] = field


def _no_more_than_needed(table: Table, fixed: Fixed, fields: npt.NDArray[np.float32], shifts: dict[int, Field]) -> tuple[str, ...]:
    """Fields replaced by shifts, or by none, in place, where the organs' borders do not come nearer for more: what is left is contrast."""
    still = np.zeros(fields.shape[1:], np.float32)

    def apart(index: int) -> tuple[float, float, float]:
        moving = deformable.picture(table.scene, index, table.cavity, _COMPARE_MM)
        none, shifted, moved = (_border(table, fixed, moving, field) for field in (still, shifts[index], fields[index]))
        return none, shifted, moved

    with ThreadPoolExecutor(_workers()) as pool:
        none, shifted, moved = (float(np.median(column)) for column in zip(*pool.map(apart, shifts), strict=True))
    if moved < _NEARER * min(none, shifted) or not np.isfinite(none):
        return ()
    simple = shifted < _NEARER * none
    for index, shift in shifts.items():
        fields[index] = shift if simple else still
    return ("motion-shifts-suffice",) if simple else ("motion-none-found",)


def _usual(table: Table, fixed: Fixed, others: tuple[int, ...], fields: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """The passes whose start neither disagrees far more with the reference nor went far further than those of the others."""
    left, size = [], []
    for index in others:
        moving = deformable.picture(table.scene, index, table.cavity, _COMPARE_MM)
        found = deformable.evidence(fixed, moving, fields[index], table.scene, window_nodes=_COMPARE_NODES)
        left.append(score.disagreement(found.residual, table.compared & np.isfinite(found.residual)))
        size.append(float(np.sqrt((fields[index][table.active] ** 2).sum(-1).mean())))
    usual, far = np.nanmedian(left), max(float(np.percentile(size, 75)), _ORDINARY_MM)
    return tuple(i for i, r, s in zip(others, left, size, strict=True) if r <= _UNUSUAL * usual and s <= _UNUSUAL * far)


def _register(table: Table, fixed: dict[float, Fixed], pair: tuple[int, int], method: str, engine: str) -> tuple[Field, Field]:
    """The shift of a pass as a field, and its field by the method or the start of it; ``pair`` is (reference, pass)."""
    reference, index = pair
    start = rigid.search(table.scene, fixed[rigid.SEARCH_MM], index, table.cavity)
    steps = _SHIFT_STEPS if method == "rigid" else _FIRST_STEPS
    shift = rigid.refine(table.scene, fixed[_COMPARE_MM], index, table.cavity, start, image_mm=_COMPARE_MM, steps=steps)
    field = rigid.constant(table.scene, shift)
    if method == "rigid":
        return field, field
    if engine == "elastix":
        return field, elastix.register(table.scene, reference, index, table.cavity, shift)
    return field, deformable.register(table.scene, fixed, index, table.cavity, field, table.active, levels=deformable.START)


def _border(table: Table, fixed: Fixed, moving: Volume, field: Field) -> float:
    """How far the organs' borders of a pass (its picture) under ``field`` lie from those of the reference, in mm."""
    return score.border_mm(deformable.brought(table.scene, moving, field), fixed.values, table.scene.grid)


@dataclass(frozen=True, slots=True, eq=False)
class _Verdict:
    field: Field
    before: float
    after: float
    border_before: float
    border_after: float
    flags: tuple[str, ...]


def _judge(table: Table, fixed: Fixed, index: int, field: Field, shift: Field | None, *, by_hand: bool = False) -> _Verdict:
    """The field that is kept, faded out beyond the cavity: as found, smoothed or replaced by the shift if it folds, 0 if the pass got worse.

    Worse is what disagrees more with the reference, window by window, or has its organs' borders further from those of the reference.
    """
    scene = table.scene
    moving = deformable.picture(scene, index, table.cavity, _COMPARE_MM)

    def variance(u: Field) -> npt.NDArray[np.float64]:
        return deformable.evidence(fixed, moving, u, scene, window_nodes=_COMPARE_NODES).residual

    nothing = np.zeros_like(field)
    at_rest = variance(nothing)
    flags: list[str] = []
    constant = field if by_hand else shift
    same = constant is not None and np.array_equal(field, constant)
    kept = None if same else _unfolded(field * table.fade[..., None], table)
    if kept is None and constant is not None:
        flags += [] if same else ["motion-pass-rigid"]
        kept = _shifted(constant, table)
    kept = nothing if kept is None else kept
    moved = variance(kept) if kept.any() else at_rest
    both = table.compared & np.isfinite(at_rest) & np.isfinite(moved)
    before, after = score.disagreement(at_rest, both), score.disagreement(moved, both)
    border_before = _border(table, fixed, moving, nothing)
    border_after = _border(table, fixed, moving, kept) if kept.any() else border_before
    if after > before or border_after > border_before + _BORDER_WORSE_MM:
        flags.append("motion-shift-worse" if by_hand else "motion-pass-uncorrected")
        if not by_hand:
            kept, after, border_after = nothing, before, border_before
    return _Verdict(kept, before, after, border_before, border_after, tuple(flags))


def _shifted(shift: Field, table: Table) -> Field:
    """A shift, faded out beyond the cavity over the shortest way that does not fold it; a large one takes ribs and wall along."""
    axial = table.scene.axes.astype(np.float32)
    for width_mm in (FADE_MM, 2.0 * FADE_MM, 4.0 * FADE_MM, 8.0 * FADE_MM, 16.0 * FADE_MM):
        faded: Field = shift * np.clip(1.0 - table.beyond_mm / width_mm, 0.0, 1.0).astype(np.float32)[..., None]
        if score.jacobian(faded @ axial.T, table.scene.nodes).min() >= _LEAST_JACOBIAN:
            return faded
    return shift


def _unfolded(field: Field, table: Table) -> Field | None:
    """The field, smoothed as often as it takes (at most three times) to be free of folds; None if that is not enough."""
    from scipy.ndimage import gaussian_filter

    axial = table.scene.axes.astype(np.float32)
    for attempt in range(4):
        if score.jacobian(field @ axial.T, table.scene.nodes).min() >= _LEAST_JACOBIAN:
            return field
        if attempt < 3:
            field = np.where(table.fade[..., None] > 0, gaussian_filter(field, (1, 1, 1, 0), mode="nearest"), np.float32(0))
    return None


def _report(series: DynamicSeries, reference: int, table: Table, judged: dict[int, _Verdict]) -> tuple[PassMotion, ...]:
    image = table.scene.volumes[reference]
    tissue = deformable.mask_share(table.cavity & (image > 0.0) & (image < 300.0), table.scene) > 0.5
    where = tissue if tissue.any() else table.compared
    after = np.array([verdict.after for verdict in judged.values()])
    usual = float(np.nanmedian(after)) if np.isfinite(after).any() else 0.0
    borders = np.array([verdict.border_after for verdict in judged.values()])
    usual_border = float(np.nanmedian(borders)) if np.isfinite(borders).any() else 0.0
    rows: list[Any] = []
    for index in range(series.passes):
        time_s = float(series.times_s[index])
        if index in judged:
            verdict = judged[index]
            mean = verdict.field[where].mean(axis=0, dtype=np.float64) if where.any() else np.zeros(3)
            x, y, z = (float(v) for v in table.scene.axes @ mean)
            lost = not np.isfinite(verdict.after) or verdict.after > max(_BEYOND_REPAIR * usual, 10.0)
            lost |= verdict.border_after > max(_BEYOND_REPAIR * usual_border, _BORDER_LOST_MM)
            flags = (*verdict.flags, "motion-pass-excluded") if lost else verdict.flags
            borders_mm = (verdict.border_before, verdict.border_after)
            rows.append(PassMotion(index, time_s, (x, y, z), verdict.before, verdict.after, *borders_mm, lost, flags))
        else:
            excluded = index != reference
            residual = float("nan") if excluded else 0.0
            rows.append(PassMotion(index, time_s, (0.0, 0.0, 0.0), residual, residual, residual, residual, excluded))
    return tuple(rows)
