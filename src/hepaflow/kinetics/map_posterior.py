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
from hepaflow.kinetics.scan import LANES, MANTISSA, SEVEN, best_evidence, posterior_block

FloatArray = npt.NDArray[np.float64]
#: Quantities that need two inputs.
SPLIT = ("habf", "hpbf", "haf")

#: Shapes of every tissue, arterial and portal delays of the dictionary, by the number of unknowns of the shape: 735 and 7105 combinations a
#: tissue. With half the shapes, 95 % intervals of transit times hold nine truths in ten.
COARSE = {1: (15, 7, SEVEN), 2: (145, 7, SEVEN), 3: (145, 7, SEVEN)}
#: The same where the noise is so low that neighbouring rows would differ by more than it.
FINE = {1: (24, 2 * SEVEN, 2 * SEVEN), 2: (145, 2 * SEVEN, 2 * SEVEN), 3: (145, 2 * SEVEN, 2 * SEVEN)}
#: Noise below this share of the organ's enhancement calls for the fine one.
LOW_NOISE = 0.05
#: Shapes are drawn from the prior widened by this, and weighted back to it, so that its tails are represented.
WIDER = 1.25
#: Delays lie evenly within this many spreads of the centre.
REACH = 2.1
#: Evidence is counted in steps of ``MANTISSA`` a power of two: of a flow f with SD s it is (SCALE f / s)².
NAT = MANTISSA / np.log(2.0)
SCALE = np.sqrt(0.5 * NAT)
#: Power of two that a row of perfect fit would weigh, and sum of the weights below which they are lost.
TOP, FAINT = 60, 2.0**-100
#: Dimensions in which atoms and voxels are compared: of no atom is more than 0.0005 % of its energy outside.
POSTERIOR_DIMS = 13
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
    count, shapes, weights, flows = size[0], [], [], []
    for tissue in prior.tissues:
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
    """Everything that does not depend on the voxel, in float32 as :func:`posterior_block` wants it.

    ``basis`` (r, n); ``atoms_*`` (S delays, r + 1), the last column the prior's pull; ``unit`` what turns a sum of squares into steps of evidence;
    ``loads`` (2, nl, S) and ``values`` (2, nv, S), and their squares.
    """

    unit: float
    basis: Voxels
    atoms_a: Voxels
    atoms_p: Voxels
    pair: Voxels
    inverse: Voxels
    spread: Voxels
    alone_a: Voxels
    alone_p: Voxels
    loads: Voxels
    values: Voxels
    delays_s: Voxels

    @classmethod
    def of(
        cls, rows: Rows, *, noise: float, loads: FloatArray, values: FloatArray, dimensions: int | None = POSTERIOR_DIMS
    ) -> PosteriorTables:
        """For ``noise`` (HU per sample); ``loads`` (S, nl) and ``values`` (S, nv) are the factors and values of the quantities asked for.

        The evidence of a row is that of its flows integrated over their prior. ``dimensions`` is None for all that the atoms span.
        """
        projected = Projected.of(rows.dictionary, most=dimensions)
        aa, pp, ap = (x / noise**2 for x in projected.inner())
        precision = 1.0 / rows.flow_spread**2
        pull = precision * rows.flow_centre
        two = pp.size > 0
        delays = (rows.log_arterial, rows.log_portal)
        late_s = rows.dictionary.arterial_delays_s
        atoms, alone = [], []
        for i, (x, gram) in enumerate(((projected.arterial, aa), (projected.portal, pp))[: 1 + two]):
            q, m = precision[:, i, None], pull[:, i, None]
            weight = -0.5 * np.log(gram + q) + 0.5 * np.log(q) - 0.5 * m**2 / q + rows.log_shape[:, None] + delays[i]
            variance = 1.0 / (gram + q)
            late = late_s if i == 0 else np.full(x.shape[1], late_s.mean())
            bits = NAT * (weight + two * np.log(ALONE))
            alone.append(np.stack([variance, bits, variance * SCALE**2, np.broadcast_to(late, variance.shape)], -1))
            pulls = np.broadcast_to(m[..., None], (*x.shape[:2], 1))
            atoms.append(SCALE * np.concatenate([x / noise**2, pulls], -1).reshape(-1, x.shape[-1] + 1))
        if two:
            pair, inverse, spread = _pairs(aa, pp, ap, precision, pull)
            prior = rows.log_shape[:, None, None] + delays[0][None, :, None] + delays[1]
            pair[..., 2] = NAT * (pair[..., 2] + prior + np.log1p(-2 * ALONE))
        else:
            pair, inverse, spread = np.empty((*aa.shape, 0, 3)), np.zeros(aa.shape), np.zeros((*aa.shape, 3))
            alone.append(np.empty((len(aa), 0, 4)))
            atoms.append(np.empty((0, atoms[0].shape[1])))
        powers = (np.stack([x.T, x.T**2]) for x in (loads, values))
        every = (projected.basis.T, *atoms, pair, inverse, spread, *alone, *powers, late_s)
        return cls(float(SCALE / noise) ** 2, *(np.ascontiguousarray(x, np.float32) for x in every))

    def fit(self, data: Voxels) -> Moments:
        """Moments of voxels ``data`` (n, v) in HU, without NaN; the baseline is free."""
        voxels, shapes = data.shape[1], len(self.alone_a)
        projected = project(self.basis, data)
        block = np.ones((self.basis.shape[0] + 1, LANES), np.float32)  # the last row carries the prior's pull
        dots_a, dots_p = (np.empty((len(atoms), LANES), np.float32) for atoms in (self.atoms_a, self.atoms_p))
        three_a, three_p = dots_a.reshape(shapes, -1, LANES), dots_p.reshape(shapes, self.alone_p.shape[1], LANES)
        sums = np.empty((2, 4 + self.loads.shape[1] + self.values.shape[1], voxels), np.float32)
        for start in range(0, voxels, LANES):
            n = min(LANES, voxels - start)
            here = slice(start, start + n)
            block[:-1, :n] = projected[:, here]
            perfect = np.float32(self.unit) * np.einsum("rv,rv->v", block[:-1], block[:-1])
            np.matmul(self.atoms_a, block, out=dots_a)
            np.matmul(self.atoms_p, block, out=dots_p)
            sums[..., here] = self._sums(three_a, three_p, perfect)[..., :n]
        (total, *first), (late, *second) = sums
        scale = np.ones((len(first), 1), np.float32)
        scale[[0, 1, *range(3, 3 + self.loads.shape[1])]] = 1.0 / SCALE
        mean = np.stack(first) * (scale / total)
        return Moments(mean, np.sqrt(np.maximum(np.stack(second) * (scale**2 / total) - mean**2, 0.0)), late / total)

    def _sums(self, dots_a: Voxels, dots_p: Voxels, perfect: Voxels) -> Voxels:
        """Sums over all rows for one block (2, 1 + quantities, LANES): of the weights and of every quantity; of the arterial delay and of
        every quantity squared.

        No row's evidence is above ``perfect`` (LANES,), that of a perfect fit, so weights are scaled by this. Where all rows are so far below
        it that their weights are lost, they are scaled by the best row instead, at the price of looking at every row twice.
        """
        sums = self._scaled_sums(dots_a, dots_p, perfect)
        lost = ~(sums[0, 0] > FAINT)
        if lost.any():
            best = np.full(LANES, -np.inf, np.float32)
            best_evidence(dots_a, dots_p, self.pair, self.inverse, self.alone_a, self.alone_p, best)
            sums[..., lost] = self._scaled_sums(dots_a, dots_p, best)[..., lost]
        return sums

    def _scaled_sums(self, dots_a: Voxels, dots_p: Voxels, top: Voxels) -> Voxels:
        """As :meth:`_sums`, a row of the evidence ``top`` (LANES,) weighing 2^TOP."""
        weight, flows = np.empty((len(dots_a), LANES), np.float32), np.empty((2, len(dots_a), LANES), np.float32)
        out = np.zeros((7, LANES), np.float32)
        tables = (self.pair, self.inverse, self.spread, self.alone_a, self.alone_p, self.delays_s)
        posterior_block(dots_a, dots_p, *tables, np.float32(MANTISSA * (127 + TOP)) - top, weight, *flows, out.reshape(-1))
        loads = 4 + self.loads.shape[1]
        sums = np.empty((2, loads + self.values.shape[1], LANES), np.float32)
        sums[0, 0], sums[1, 0] = weight.sum(0), out[6]
        sums[:, 1:4] = out[:6].reshape(2, 3, LANES)
        np.matmul(self.loads, flows, out=sums[:, 4:loads])
        np.matmul(self.values, weight, out=sums[:, loads:])
        return sums


def _pairs(
    aa: FloatArray, pp: FloatArray, ap: FloatArray, precision: FloatArray, pull: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows of both inputs (S, A, P, 3), of which the weight is still in nats, the arterial variance given the portal flow (S, A), and the
    variances (S, A, 3), as :func:`posterior_block` takes them.
    """
    na, np_ = aa[:, :, None] + precision[:, 0, None, None], pp[:, None, :] + precision[:, 1, None, None]
    determinant = na * np_ - ap**2
    constant = 0.5 * np.log(precision).sum(1) - 0.5 * (pull**2 / precision).sum(1)
    weight = -0.5 * np.log(determinant) + constant[:, None, None]
    variances = np.stack([(x / determinant).mean(-1) for x in (np_, na, -ap)], -1)
    return np.stack([ap / na, na / determinant, weight], -1), 1.0 / na[..., 0], variances * SCALE**2


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
            chosen,
            noise=noise,
            loads=np.stack(list(loads.values()), -1),
            values=np.stack(list(values.values()), -1),
            dimensions=None if fine else POSTERIOR_DIMS,
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
