"""Maps: posterior mean and SD of every quantity in every voxel, by a dictionary drawn from the organ's own posterior.

The prior of a voxel is what the organ's mean curve says of shape and delays, widened by what neighbouring tissue may differ, and a
broad normal on each flow. It is stated in the result; a voxel whose value is mostly this prior carries a flag.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import region_curve
from hepaflow.domain.curves import Inputs
from hepaflow.domain.lesions import Measurement, Regions
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.descriptive import rise
from hepaflow.kinetics.dictionary import Sources, atoms, draw, parameters, prior_of
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, ResidueModel
from hepaflow.kinetics.scan import posterior_moments
from hepaflow.units import QUANTITIES, per_100_g

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None] | None

ROWS = 1024
#: How far a voxel's shape may lie from the organ's, as a share of the physiological spread.
VOXEL_SPREAD = 0.7
CHUNK = 16384
FEWEST_SAMPLES = 10


@dataclass(frozen=True, slots=True, eq=False)
class VoxelPrior:
    """Normal priors: shape and delays on the search scale (p,), flows (inputs,) in mL/min/100 mL."""

    centre: FloatArray
    spread: FloatArray
    flow_centre: FloatArray
    flow_spread: FloatArray


def fit_maps(
    aligned: DynamicSeries,
    inputs: Inputs,
    *,
    regions: Regions,
    model: ResidueModel,
    density_g_ml: float,
    threads: int = 2,
    progress: Progress = None,
) -> MapSet:
    """Maps of ``model`` in the liver and its lesions (slices, rows, columns); voxels outside are NaN.

    The exact fit of the healthy region's mean curve sets the prior. NaN samples and excluded passes are left out of their voxels'
    fits. Refused: an empty liver, a single-input study.
    """
    mask = np.logical_or.reduce([regions.liver.mask, regions.healthy.mask, *(x.shells["whole"].mask for x in regions.lesions)])
    if not mask.any():
        raise InputRefused("MAPS-NO-VOXELS", "the liver mask is empty", "Give a liver region or check the proposal")
    if inputs.dense_portal is None:
        raise InputRefused(
            "MAPS-SINGLE-INPUT", "maps need the portal input as well as the arterial one", "Give a portal-vein region"
        )
    organ = fit_curve(region_curve(aligned, regions.healthy.mask, name="healthy"), inputs, model=model, density_g_ml=density_g_ml)
    sources = Sources.of(inputs)
    prior = voxel_prior(organ, model, sources.count)
    chosen = parameters(model, sources.count)
    rows = draw(chosen, ROWS, centre=prior.centre, spread=prior.spread)
    table = atoms(model, sources, aligned.times_s, rows) / FLOW_PER_MIN_100_ML
    index = np.flatnonzero(mask)
    kept = np.array([i for i in range(aligned.passes) if i not in aligned.excluded])
    noise = _noise(aligned, index, kept, table, prior)
    plan = _Plan(model, table[:, :, kept], rows[:, : len(model.shape)], prior, noise, density_g_ml)
    names = plan.names()
    means = {key: np.full(mask.size, np.nan, np.float32) for key in (*names, "ttp", "msi")}
    sds = {key: np.full(mask.size, np.nan, np.float32) for key in names}
    flags = np.zeros(mask.size, np.uint8)
    flat = aligned.voxels.reshape(aligned.passes, -1)
    chunks = [index[i : i + CHUNK] for i in range(0, index.size, CHUNK)]

    def work(chunk: npt.NDArray[np.intp]) -> None:
        values = np.stack([flat[i, chunk] for i in kept]).astype(np.float32)
        mean, sd, mark = plan.fit(values)
        ttp, msi = rise(aligned.times_s[kept], values, inputs, noise)
        for q, key in enumerate(names):
            means[key][chunk], sds[key][chunk] = mean[q], sd[q]
        bad = np.isnan(mean[0])
        means["ttp"][chunk], means["msi"][chunk] = np.where(bad, np.nan, ttp), np.where(bad, np.nan, msi)
        flags[chunk] = mark

    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(work, chunks), 1):
            if progress:
                progress("maps", done, len(chunks))
    shape = mask.shape
    maps = {key: ParameterMap(key, m.reshape(shape), sds[key].reshape(shape) if key in sds else None) for key, m in means.items()}
    return MapSet(model.key, aligned.grid, maps, flags.reshape(shape), float(noise), density_g_ml)


def voxel_prior(organ: Measurement, model: ResidueModel, inputs_count: int) -> VoxelPrior:
    """The organ's shape and delays as centre, the physiological spread narrowed by VOXEL_SPREAD; flows broad around the organ's."""
    chosen = parameters(model, inputs_count)
    centre, spread = prior_of(chosen)
    names = ("arterial", "portal")
    for j, parameter in enumerate(chosen):
        if j >= len(model.shape):
            centre[j] = organ.delays_s[names[j - len(model.shape)]]
        elif parameter.key in organ.shape:
            centre[j] = float(parameter.to_scale(np.clip(organ.shape[parameter.key], *parameter.bounds)))
    flow = np.array([organ.flows_ml_min_100_ml[name] for name in names[:inputs_count]])
    total = float(flow.sum())
    return VoxelPrior(centre, VOXEL_SPREAD * spread, flow, np.maximum(flow, 0.5 * total))


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A dictionary with its prior and noise, ready to fit blocks of voxels with any pattern of missing passes."""

    model: ResidueModel
    table: FloatArray
    shape: FloatArray
    prior: VoxelPrior
    noise: float
    density: float

    def names(self) -> tuple[str, ...]:
        """Keys of the maps in the order of the moments."""
        one, two = self._per_flow()
        return ("habf", "hpbf", "haf", *one, *two)

    def _per_flow(self) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Quantities proportional to flow (their factor) and of the residue alone (their value), in contract units."""
        unit = self.model.derive(np.ones(len(self.shape)), self.shape)
        double = self.model.derive(np.full(len(self.shape), 2.0), self.shape)
        loads = {"bf": np.ones(len(self.shape))} | {k: x for k, x in unit.items() if np.allclose(double[k], 2 * x)}
        shapes = {k: x for k, x in unit.items() if k not in loads}
        return {k: per_100_g(x, self.density) if QUANTITIES[k].per_mass else x for k, x in loads.items()}, shapes

    def fit(
        self, values: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Mean and SD (quantities, voxels) and flag bits (voxels,) for raw HU ``values`` (samples, voxels), NaN = missing."""
        count, voxels = len(self.names()), values.shape[1]
        mean = np.full((count, voxels), np.nan, np.float32)
        sd = np.full_like(mean, np.nan)
        flags = np.zeros(voxels, np.uint8)
        finite = np.isfinite(values)
        patterns, which = np.unique(finite, axis=1, return_inverse=True)
        for g in range(patterns.shape[1]):
            members = np.flatnonzero(which.ravel() == g)
            have = patterns[:, g]
            if have.sum() < FEWEST_SAMPLES:
                flags[members] |= 1 << _bit("voxel-missing-samples")
                continue
            m, s, mark = self._fit_complete(values[have][:, members], self.table[:, :, have])
            mean[:, members], sd[:, members], flags[members] = m, s, mark
        return mean, sd, flags

    def _fit_complete(
        self, values: npt.NDArray[np.float32], table: FloatArray
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        loads, shapes = self._per_flow()
        centred = table - table.mean(-1, keepdims=True)
        data = np.ascontiguousarray(values - values.mean(0, keepdims=True))
        if len(centred) == 1:
            centred = np.concatenate([centred, np.zeros_like(centred)])
        constants = _constants(centred, self.prior, self.noise)
        scaled = (centred / self.noise**2).astype(np.float32)
        mean, sd, _ = posterior_moments(
            data, np.ascontiguousarray(scaled[0]), np.ascontiguousarray(scaled[1]), constants, _table(loads), _table(shapes)
        )
        mean[:2] = per_100_g(1.0, self.density) * mean[:2]
        sd[:2] = per_100_g(1.0, self.density) * sd[:2]
        flags = np.zeros(data.shape[1], np.uint8)
        rise_hu = data.max(0) - data.min(0)
        flags[rise_hu < 2.0 * self.noise] |= 1 << _bit("voxel-no-enhancement")
        row = 3  # bf
        prior_sd = per_100_g(float(np.sqrt((self.prior.flow_spread**2).sum())), self.density)
        flags[sd[row] > 0.5 * prior_sd] |= 1 << _bit("voxel-prior-driven")
        return mean, sd, flags


def _bit(code: str) -> int:
    bit = FLAGS[code].bit
    assert bit is not None
    return bit


def _table(columns: dict[str, FloatArray]) -> npt.NDArray[np.float32]:
    rows = len(next(iter(columns.values()))) if columns else ROWS
    return np.ascontiguousarray(np.stack(list(columns.values())) if columns else np.empty((0, rows)), dtype=np.float32)


def _constants(centred: FloatArray, prior: VoxelPrior, noise: float) -> tuple[npt.NDArray[np.float32], ...]:
    """Row constants of the scan for atoms (2, rows, samples) with the baseline projected out."""
    mean = np.resize(prior.flow_centre, 2) if prior.flow_centre.size == 2 else np.array([prior.flow_centre[0], 0.0])
    width = prior.flow_spread if prior.flow_spread.size == 2 else np.array([prior.flow_spread[0], 1e-3])
    precision = 1.0 / width**2
    gram = np.einsum("qsn,rsn->sqr", centred, centred) / noise**2
    normal = gram + np.diag(precision)
    covariance = np.linalg.inv(normal)
    pull = precision * mean
    weight = -0.5 * np.linalg.slogdet(normal)[1]
    alone = [(1.0 / normal[:, q, q], -0.5 * np.log(normal[:, q, q]) - 0.5 * np.log(precision[1 - q])) for q in (0, 1)]
    # a single input keeps the other flow at zero: its prior density there stands in the weight
    pair = np.stack([covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1], weight], -1)
    alone_a, alone_p = (np.stack(columns, -1) for columns in alone)
    spread = np.stack([covariance.sum((1, 2)), covariance[:, 0, 0]], -1)
    return tuple(np.ascontiguousarray(x, dtype=np.float32) for x in (pair, alone_a, alone_p, pull, spread))


def _noise(
    aligned: DynamicSeries, index: npt.NDArray[np.intp], kept: npt.NDArray[np.intp], table: FloatArray, prior: VoxelPrior
) -> float:
    """Noise SD of one sample of one voxel in HU: the median over voxels of what no dictionary row explains."""
    picked = index[:: max(1, index.size // 1500)]
    flat = aligned.voxels.reshape(aligned.passes, -1)
    values = np.stack([flat[i, picked] for i in kept]).astype(float)
    values = values[:, np.isfinite(values).all(0)]
    if values.shape[1] == 0:
        raise InputRefused("MAPS-NO-COVERAGE", "no liver voxel was seen in every pass", "Check coverage and motion correction")
    centred = values - values.mean(0)
    columns = table[:, ::4][:, :, kept]
    columns = columns - columns.mean(-1, keepdims=True)
    gram = np.einsum("qsn,rsn->sqr", columns, columns)
    solve = np.linalg.inv(gram + 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(len(columns)))
    right = np.einsum("qsn,nv->sqv", columns, centred)
    gain = np.einsum("sqv,sqr,srv->sv", right, solve, right).max(0)
    squares = np.maximum((centred**2).sum(0) - gain, 0.0)
    unknowns = len(columns) + 1 + 3  # flows, baseline, and what choosing the best row takes of the freedom
    noise = float(np.sqrt(np.median(squares) / (len(kept) - unknowns)))
    scale = float(np.median(centred.max(0) - centred.min(0)))
    return max(noise, 0.01 * scale, 0.2)
