"""Posterior mean and SD of every quantity in every voxel, under a prior on shape, delays and flows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import qmc

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.dictionary import Dictionary, Sources, tabulate
from hepaflow.kinetics.map_chunk import LATE_S, Chunk, Fit, Fitter, Voxels, factor, marked
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.project import Projected, project
from hepaflow.kinetics.scan import EXPONENT, LANES, SEVEN, alone_evidence, pair_evidence, posterior_block

FloatArray = npt.NDArray[np.float64]
#: Quantities that need two inputs.
SPLIT = ("habf", "hpbf", "haf")

#: Shapes, arterial and portal delays of the dictionary, by the number of unknowns of the shape: about 700 and 14 000 combinations.
COARSE = {1: (15, 7, SEVEN), 2: (290, 7, SEVEN), 3: (290, 7, SEVEN)}
#: The same where the noise is so low that neighbouring rows would differ by more than it.
FINE = {1: (24, 15, 2 * SEVEN), 2: (290, 11, 2 * SEVEN), 3: (290, 11, 2 * SEVEN)}
#: Noise below this share of the organ's enhancement calls for the fine one.
LOW_NOISE = 0.05
#: Shapes are drawn from the prior widened by this, and weighted back to it, so that its tails are represented.
WIDER = 1.25
#: Delays lie evenly within this many spreads of the centre.
REACH = 2.1
#: Prior probability that a voxel is fed by the arterial input alone, and by the portal input alone.
ALONE = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """Normal priors of one kind of tissue: its shape on the search scale, ``centre`` and ``spread`` (p,), and its flows in mL/min/100 mL,
    ``flow_centre`` and ``flow_spread`` (inputs,); ``share`` is how much of the organ is of this kind.
    """

    share: float
    centre: FloatArray
    spread: FloatArray
    flow_centre: FloatArray
    flow_spread: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class VoxelPrior:
    """What is expected of a voxel: one of some ``tissues``, and delays (inputs,) in s that all of them share."""

    tissues: tuple[Tissue, ...]
    delay_centre_s: FloatArray
    delay_spread_s: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A dictionary with its prior: log weight of each shape (S,), arterial (A,) and portal delay (P,), flows expected with each shape (S, inputs)."""

    dictionary: Dictionary
    log_shape: FloatArray
    log_arterial: FloatArray
    log_portal: FloatArray
    flow_centre: FloatArray
    flow_spread: FloatArray


def prior_rows(
    model: ResidueModel, sources: Sources, times_s: FloatArray, prior: VoxelPrior, *, size: tuple[int, int, int]
) -> Rows:
    """The rows that stand for the prior: shapes of every tissue by a Sobol sequence, delays evenly, with their weights."""
    p = len(model.shape)
    shapes, weights, flows = [], [], []
    for tissue in prior.tissues:
        count = size[0] // len(prior.tissues)
        uniform = qmc.Sobol(p, scramble=True, rng=np.random.default_rng(20190128)).random_base2(int(np.ceil(np.log2(count))))[
            :count
        ]
        z = WIDER * ndtri(np.clip(uniform, 1e-6, 1 - 1e-6))
        u = tissue.centre + tissue.spread * z
        shapes.append(np.stack([np.clip(q.from_scale(u[:, j]), *q.bounds) for j, q in enumerate(model.shape)], -1))
        weight = (-0.5 * z**2 * (1.0 - 1.0 / WIDER**2)).sum(1)
        weights.append(weight - np.logaddexp.reduce(weight) + np.log(tissue.share))
        flows.append(np.broadcast_to(np.stack([tissue.flow_centre, tissue.flow_spread]), (count, 2, sources.count)))
    steps = [np.linspace(-REACH, REACH, size[1 + i]) if i < sources.count else np.empty(0) for i in (0, 1)]
    delays = [prior.delay_centre_s[i] + prior.delay_spread_s[i] * z if z.size else z for i, z in enumerate(steps)]
    dictionary = tabulate(model, sources, times_s, shapes=np.concatenate(shapes), delays_s=(delays[0], delays[1]))
    late = [-0.5 * z**2 - np.logaddexp.reduce(-0.5 * z**2) if z.size else z for z in steps]
    flow = np.concatenate(flows)
    return Rows(dictionary, np.concatenate(weights), late[0], late[1], flow[:, 0], flow[:, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Of a chunk of voxels: ``mean`` and ``sd`` (quantities, v) in the order arterial flow, portal flow, fraction, loads, values; ``late`` (v,) mean arterial delay in s."""

    mean: Voxels
    sd: Voxels
    late: Voxels


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorTables:
    """Everything that does not depend on the voxel, in float32 as the compiled passes want it."""

    basis: Voxels
    atoms_a: Voxels
    atoms_p: Voxels
    pair: Voxels
    spread: Voxels
    alone_a: Voxels
    alone_p: Voxels
    loads: Voxels
    values: Voxels
    delays_s: Voxels

    @classmethod
    def of(cls, rows: Rows, *, noise: float, loads: FloatArray, values: FloatArray) -> PosteriorTables:
        """For ``noise`` (HU per sample); ``loads`` (S, nl) and ``values`` (S, nv) are the factors and values of the quantities asked for.

        The evidence of a row is that of its flows integrated over their prior.
        """
        projected = Projected.of(rows.dictionary)
        aa, pp, ap = (x / noise**2 for x in projected.inner())
        precision = 1.0 / rows.flow_spread**2
        pull = precision * rows.flow_centre
        two = pp.size > 0
        delays = (rows.log_arterial, rows.log_portal)
        atoms, alone = [], []
        for i, (x, gram) in enumerate(((projected.arterial, aa), (projected.portal, pp))[: 1 + two]):
            q, m = precision[:, i, None], pull[:, i, None]
            weight = -0.5 * np.log(gram + q) + 0.5 * np.log(q) - 0.5 * m**2 / q + rows.log_shape[:, None] + delays[i]
            alone.append(np.stack([1.0 / (gram + q), EXPONENT * (weight + two * np.log(ALONE))], -1))
            pulls = np.broadcast_to(m[..., None], (*x.shape[:2], 1))
            atoms.append(np.concatenate([x / noise**2, pulls], -1).reshape(-1, x.shape[-1] + 1))
        if two:
            pair, spread = _pairs(aa, pp, ap, precision, pull)
            prior = rows.log_shape[:, None, None] + delays[0][None, :, None] + delays[1]
            pair[..., 3] = EXPONENT * (pair[..., 3] + prior + np.log1p(-2 * ALONE))
        else:
            pair, spread = np.empty((*aa.shape, 0, 4)), np.empty((*aa.shape, 3))
            alone.append(np.empty((len(aa), 0, 2)))
            atoms.append(np.empty((0, atoms[0].shape[1])))
        every = (projected.basis.T, *atoms, pair, spread, *alone, loads, values, rows.dictionary.arterial_delays_s)
        return cls(*(np.ascontiguousarray(x, np.float32) for x in every))

    def fit(self, data: Voxels) -> Moments:
        """Moments of voxels ``data`` (n, v) in HU, without NaN; the baseline is free."""
        voxels = data.shape[1]
        s, a = self.alone_a.shape[:2]
        p = self.alone_p.shape[1]
        quantities = 4 + self.loads.shape[1] + self.values.shape[1]
        moments = np.empty((quantities - 1, 2, voxels), np.float32)
        late = np.empty(voxels, np.float32)
        projected = project(self.basis, data)
        block = np.ones((self.basis.shape[0] + 1, LANES), np.float32)  # the last row carries the prior's pull
        dots_a, dots_p = np.empty((s * a, LANES), np.float32), np.empty((s * p, LANES), np.float32)
        for start in range(0, voxels, LANES):
            n = min(LANES, voxels - start)
            block[:-1, :n] = projected[:, start : start + n]
            np.matmul(self.atoms_a, block, out=dots_a)
            np.matmul(self.atoms_p, block, out=dots_p)
            three_a, three_p = dots_a.reshape(s, a, LANES), dots_p.reshape(s, p, LANES)
            best = np.full(LANES, -1e30, np.float32)
            alone_evidence(three_a, self.alone_a, best)
            if p:
                alone_evidence(three_p, self.alone_p, best)
                pair_evidence(three_a, three_p, self.pair, best)
            out = np.zeros((quantities, 2, LANES), np.float32)
            weight = np.zeros((a, LANES), np.float32)
            posterior_block(
                three_a, three_p, self.pair, self.spread, self.alone_a, self.alone_p, self.loads, self.values, best, out, weight
            )
            moments[:, :, start : start + n] = out[1:, :, :n] / out[0, 0, :n]
            late[start : start + n] = (self.delays_s @ weight / weight.sum(0))[:n]
        mean = moments[:, 0]
        return Moments(mean, np.sqrt(np.maximum(moments[:, 1] - mean**2, 0.0)), late)


def _pairs(
    aa: FloatArray, pp: FloatArray, ap: FloatArray, precision: FloatArray, pull: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Posterior covariance (aa, ap, pp) and log weight (S, A, P, 4), and the variances kept a pair of shape and arterial delay (S, A, 3)."""
    na, np_ = aa[:, :, None] + precision[:, 0, None, None], pp[:, None, :] + precision[:, 1, None, None]
    determinant = na * np_ - ap**2
    constant = 0.5 * np.log(precision).sum(1) - 0.5 * (pull**2 / precision).sum(1)
    weight = -0.5 * np.log(determinant) + constant[:, None, None]
    caa, cap, cpp = np_ / determinant, -ap / determinant, na / determinant
    spread = np.stack([caa.mean(-1), (caa + 2 * cap + cpp).mean(-1), (caa + cap).mean(-1)], -1)
    return np.stack([caa, cap, cpp, weight], -1), spread


def posterior_fitter(
    model: ResidueModel,
    inputs: Inputs,
    times_s: FloatArray,
    *,
    prior: VoxelPrior,
    noise: float,
    fine: bool,
    density_g_ml: float,
) -> Fitter:
    """Posterior mean and SD of every quantity of ``model``; ``noise`` is the SD of one sample of one voxel in HU."""
    sources = Sources.of(inputs)
    rows = prior_rows(model, sources, times_s, prior, size=(FINE if fine else COARSE)[len(model.shape)])
    loads, values = _per_flow(model, rows.dictionary.shapes)
    keys = ("habf", "hpbf", "haf", *loads, *values)
    kept = [k for k in keys if sources.count == 2 or k not in SPLIT]
    prior_variance = _flow_variance(prior)
    enough = np.sqrt(prior_variance) * 0.5

    def prepare(samples: npt.NDArray[np.bool_]) -> Fit:
        chosen = replace(rows, dictionary=rows.dictionary.at(samples))
        tables = PosteriorTables.of(
            chosen, noise=noise, loads=np.stack(list(loads.values()), -1), values=np.stack(list(values.values()), -1)
        )

        def fit(data: Voxels) -> Chunk:
            found = tables.fit(data)
            place = {key: keys.index(key) for key in kept}
            mean, sd = ({k: x[i] * np.float32(factor(k, density_g_ml)) for k, i in place.items()} for x in (found.mean, found.sd))
            flow_sd = found.sd[place["bf"]]
            mean["data_share"] = np.clip(1.0 - flow_sd**2 / np.float32(prior_variance), 0.0, 1.0)
            flags = marked("voxel-prior-driven", flow_sd > enough) | marked("voxel-late-arrival", found.late > LATE_S)
            return Chunk(mean, sd, flags)

        return fit

    return prepare


def _per_flow(model: ResidueModel, shapes: FloatArray) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Quantities proportional to flow (their factor) and of the residue alone (their value), (S,) per key."""
    one, two = (model.derive(np.full(len(shapes), flow), shapes) for flow in (1.0, 2.0))
    loads = {"bf": np.ones(len(shapes))} | {k: x for k, x in one.items() if np.allclose(two[k], 2 * x)}
    return loads, {k: x for k, x in one.items() if k not in loads}


def _flow_variance(prior: VoxelPrior) -> float:
    """Variance of total flow under the prior."""
    share = np.array([tissue.share for tissue in prior.tissues])
    mean = np.array([tissue.flow_centre.sum() for tissue in prior.tissues])
    variance = np.array([(tissue.flow_spread**2).sum() for tissue in prior.tissues])
    return float(share @ (variance + mean**2) - (share @ mean) ** 2)
