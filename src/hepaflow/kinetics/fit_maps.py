"""Maps: every quantity of a model in every voxel of the liver, with its SD and flags.

A residue model is mapped as posterior mean and SD under a prior from the organ's own curves (``posterior``), or by an exact fit of each
voxel (``exact``); a direct model is read. What follows here is common to all: which voxels, at which times, with which samples.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from hepaflow.curves.enhancement import region_curve
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Regions
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.descriptive import DESCRIPTIVE, rise
from hepaflow.kinetics.map_chunk import Chunk, Fit, Fitter, Voxels, marked
from hepaflow.kinetics.map_direct import direct_fitter
from hepaflow.kinetics.map_exact import exact_fitter
from hepaflow.kinetics.map_posterior import LOW_NOISE, posterior_fitter
from hepaflow.kinetics.map_prior import enhancement, organ_prior, voxel_noise
from hepaflow.kinetics.model import DirectModel, KineticModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]
Progress = Callable[[str, int, int], None] | None
Estimation = Literal["posterior", "exact"]

CHUNK = 8192
#: Fewer samples than this, and a voxel is left out.
FEWEST_SAMPLES = 10
#: Slices whose times differ by less than this are fitted at the same times.
SAME_TIME_S = 0.2
#: Voxels from which the noise is estimated.
NOISE_VOXELS = 1500
#: A voxel whose samples scatter no more than this share of pure noise does is not seen to enhance.
UNENHANCED = 0.95


def fit_maps(
    aligned: DynamicSeries,
    inputs: Inputs,
    *,
    regions: Regions,
    model: KineticModel,
    density_g_ml: float,
    estimation: Estimation = "posterior",
    only: Mask | None = None,
    threads: int = 2,
    progress: Progress = None,
) -> MapSet:
    """Maps of ``model`` in the liver and its lesions (slices, rows, columns); voxels outside, or outside ``only``, are NaN.

    What is decided once a study (noise, prior, settings) comes from all of the liver, whatever ``only`` says. Slices with times of their own are fitted at those. NaN samples and excluded passes are left out of their voxels' fits; a voxel with
    too few is NaN and flagged. Refused: fewer than 10 passes, an empty liver, no voxel that was seen in every pass.
    """
    if aligned.passes - len(aligned.excluded) < FEWEST_SAMPLES:
        raise InputRefused(
            "MAPS-TOO-FEW-PASSES",
            f"maps need at least {FEWEST_SAMPLES} passes, and {aligned.passes - len(aligned.excluded)} are left",
            "Give the whole series, or exclude fewer passes",
        )
    mask = np.logical_or.reduce([regions.liver.mask, regions.healthy.mask, *(x.shells["whole"].mask for x in regions.lesions)])
    if not mask.any():
        raise InputRefused("MAPS-NO-VOXELS", "the liver mask is empty", "Give a liver region or check the proposal")
    kept = np.array([i for i in range(aligned.passes) if i not in aligned.excluded])
    flat = aligned.voxels.reshape(aligned.passes, -1)
    some = _some_complete(flat, np.flatnonzero(mask), kept)
    noise = voxel_noise(some, aligned.times_s[kept], inputs, model=ONE_COMPARTMENT if isinstance(model, DirectModel) else model)
    make = _way(aligned, inputs, regions, model, density_g_ml=density_g_ml, estimation=estimation, noise=noise, guide=some)
    jobs = []
    for layer in _layers(aligned, mask if only is None else mask & only, kept):
        fitter = _Patterns(make(layer.times_s))
        look = partial(_fit, fitter, times_s=layer.times_s, inputs=inputs, noise=noise, both=model is not DESCRIPTIVE)
        jobs += [(look, layer.index[i : i + CHUNK]) for i in range(0, layer.index.size, CHUNK)]
    found = _Canvas(mask.shape)
    with ThreadPoolExecutor(threads) as pool:
        work = pool.map(lambda job: (job[1], job[0](_gather(flat, job[1], kept))), jobs)
        for done, (index, chunk) in enumerate(work, 1):
            found.put(index, chunk)
            if progress:
                progress("maps", done, len(jobs))
    return MapSet(model.key, aligned.grid, found.maps(), found.flags.reshape(mask.shape), float(noise), density_g_ml)


def _way(
    aligned: DynamicSeries,
    inputs: Inputs,
    regions: Regions,
    model: KineticModel,
    *,
    density_g_ml: float,
    estimation: Estimation,
    noise: float,
    guide: Voxels,
) -> Callable[[FloatArray], Fitter]:
    """How voxels are fitted, for any time axis; what is decided once a study is decided here."""
    if isinstance(model, DirectModel):
        kept = np.array([i for i in range(aligned.passes) if i not in aligned.excluded])
        settings = model.settle(aligned.times_s[kept], guide, inputs, noise)
        return lambda times_s: direct_fitter(model, inputs, times_s, settings=settings, density_g_ml=density_g_ml)
    if estimation == "exact":
        return lambda times_s: exact_fitter(model, inputs, times_s, noise=noise, density_g_ml=density_g_ml)
    prior = organ_prior(_tissue_curves(aligned, regions), inputs, model=model)
    fine = noise < LOW_NOISE * enhancement(guide)
    return lambda times_s: posterior_fitter(model, inputs, times_s, prior=prior, noise=noise, fine=fine, density_g_ml=density_g_ml)


def _tissue_curves(aligned: DynamicSeries, regions: Regions) -> dict[str, tuple[TimeCurve, int]]:
    """Mean curves and voxel numbers of healthy liver (standing for the rest of the organ) and of all lesions together."""
    lesions = np.logical_or.reduce([np.zeros(aligned.grid.shape, bool), *(x.shells["whole"].mask for x in regions.lesions)])
    healthy = region_curve(aligned, regions.healthy.mask, name="healthy")
    curves = {"healthy": (healthy, int((regions.liver.mask & ~lesions).sum()))}
    if lesions.any():
        curves["lesions"] = (region_curve(aligned, lesions, name="lesions"), int(lesions.sum()))
    return curves


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Voxels of the mask (v,), as flat indices, that were imaged at ``times_s`` (n,)."""

    index: Index
    times_s: FloatArray


def _layers(aligned: DynamicSeries, mask: Mask, kept: Index) -> list[_Layer]:
    """The mask's voxels by the times of their slices; one layer where all slices of a pass have one time."""
    index = np.flatnonzero(mask)
    times = aligned.times_s[kept]
    if aligned.slice_times_s is None:
        return [_Layer(index, times)]
    late = np.round((aligned.slice_times_s[kept] - times[:, None]) / SAME_TIME_S).astype(int)
    patterns, of_slice = np.unique(late, axis=1, return_inverse=True)
    layer_of = of_slice.ravel()[index // (mask.shape[1] * mask.shape[2])]
    found = []
    for number in range(patterns.shape[1]):
        own = aligned.slice_times_s[kept][:, of_slice.ravel() == number].mean(1)
        members = index[layer_of == number]
        if members.size:
            found.append(_Layer(members, own))
    return found


def _gather(flat: npt.NDArray[np.generic], index: Index, kept: Index) -> Voxels:
    """HU (n, v) of some voxels in the kept passes."""
    values = np.empty((kept.size, index.size), np.float32)
    for row, i in enumerate(kept):
        values[row] = flat[i, index]
    return values


def _some_complete(flat: npt.NDArray[np.generic], index: Index, kept: Index) -> Voxels:
    """Up to NOISE_VOXELS voxels seen in every pass, spread over the mask."""
    values = _gather(flat, index[:: max(1, index.size // NOISE_VOXELS)], kept)
    values = values[:, np.isfinite(values).all(0)]
    if values.shape[1] == 0:
        raise InputRefused("MAPS-NO-COVERAGE", "no liver voxel was seen in every pass", "Check coverage and motion correction")
    return values


class _Patterns:
    """What fits voxels with a given pattern of samples, made when first needed."""

    def __init__(self, fitter: Fitter) -> None:
        self._fitter = fitter
        self._ready: dict[bytes, Fit] = {}

    def __call__(self, samples: Mask) -> Fit:
        key = samples.tobytes()
        if key not in self._ready:
            self._ready[key] = self._fitter(samples)
        return self._ready[key]


def _fit(fitter: _Patterns, values: Voxels, *, times_s: FloatArray, inputs: Inputs, noise: float, both: bool) -> Chunk:
    """Voxels (n, v) with any pattern of missing samples; TTP and MSI beside the model's own quantities if ``both``."""
    finite = np.isfinite(values)
    found = _Canvas((values.shape[1],))
    if finite.all():
        patterns, which = np.ones((values.shape[0], 1), bool), np.zeros(values.shape[1], int)
    else:
        patterns, inverse = np.unique(finite, axis=1, return_inverse=True)
        which = inverse.ravel()
    for g in range(patterns.shape[1]):
        members, have = np.flatnonzero(which == g), patterns[:, g]
        if have.sum() < FEWEST_SAMPLES:
            found.flags[members] |= marked("voxel-missing-samples", np.ones(members.size, bool))
            continue
        data = values[have][:, members] if patterns.shape[1] > 1 else values
        chunk = fitter(have)(np.ascontiguousarray(data))
        weak = data.var(0) * data.shape[0] < noise**2 * chi2.ppf(UNENHANCED, data.shape[0] - 1)
        flags = chunk.flags | marked("voxel-no-enhancement", weak)
        timed = rise(times_s[have], data, inputs, noise) if both else ()
        extra = {key: x.astype(np.float32) for key, x in zip(("ttp", "msi"), timed, strict=False)}
        broken = ~np.logical_or.reduce([np.isfinite(x) for x in chunk.values.values()])
        found.put(members, Chunk({**chunk.values, **extra}, chunk.sd, flags | marked("voxel-not-finite", broken & ~weak)))
    return Chunk(found.values, found.sd, found.flags)


class _Canvas:
    """Maps as they are filled in, flat; NaN where nothing was put."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self.values: dict[str, Voxels] = {}
        self.sd: dict[str, Voxels] = {}
        self.flags = np.zeros(int(np.prod(shape)), np.uint8)

    def put(self, index: Index, chunk: Chunk) -> None:
        """Set some voxels."""
        for store, given in ((self.values, chunk.values), (self.sd, chunk.sd)):
            for key, x in given.items():
                if key not in store:
                    store[key] = np.full(self.flags.size, np.nan, np.float32)
                store[key][index] = x
        self.flags[index] |= chunk.flags

    def maps(self) -> dict[str, ParameterMap]:
        """In the shape of the volume."""
        return {
            key: ParameterMap(key, x.reshape(self._shape), self.sd[key].reshape(self._shape) if key in self.sd else None)
            for key, x in self.values.items()
        }
