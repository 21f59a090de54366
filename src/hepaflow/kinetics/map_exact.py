"""Exact fit of every voxel: a search over the whole dictionary, then bounded refinement from the best rows of several bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from hepaflow.kinetics.dictionary import Sources, parameters, tabulate
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.project import Projected
from hepaflow.kinetics.refine import DAMPING, accept, normal_equations, step
from hepaflow.kinetics.response_table import DIMS, ResponseTable
from hepaflow.kinetics.scan import BAND, LANES, alone_best, best_portal, search_block

FloatArray = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]

#: Shapes, arterial and portal delays searched, by the number of unknowns of the shape: 5400 and 15 360 combinations.
SIZE = {1: (24, 15, 3 * BAND), 2: (192, 8, 2 * BAND), 3: (192, 8, 2 * BAND)}
#: Steps from each seed, and most steps from the best of them.
SEED_STEPS, MOST_STEPS = 3, 40
#: Step of the derivative of a model's terms by its shape.
NUDGE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Best values of a chunk of voxels: ``unknown`` (v, n) shape and delays on the search scale, ``flows`` (v, inputs) in mL/min/100 mL,
    ``energy`` (v,) sum of squares left, ``normal`` (v, q, q) for shape, delays, flows, and whether the fit came to rest.
    """

    unknown: FloatArray
    flows: Voxels
    energy: Voxels
    normal: Voxels
    settled: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ExactTables:
    """Everything that does not depend on the voxel."""

    model: ResidueModel
    basis: Voxels
    unit_a: Voxels
    unit_p: Voxels
    cosine: Voxels
    gain: Voxels
    starts: tuple[FloatArray, FloatArray, FloatArray]
    responses: ResponseTable
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def of(cls, model: ResidueModel, sources: Sources, times_s: FloatArray) -> ExactTables:
        """For a model and its inputs at ``times_s`` (n,); shapes and delays are searched over all that their bounds allow."""
        chosen = parameters(model, sources.count)
        bounds = np.array([[float(q.to_scale(bound)) for bound in q.bounds] for q in chosen])
        p = len(model.shape)
        shapes, arterial, portal = SIZE[p]
        spread = (np.arange(shapes)[:, None] + 0.5) / shapes if p == 1 else _even(shapes, p)
        u = bounds[:p, 0] + spread * (bounds[:p, 1] - bounds[:p, 0])
        delays = [np.linspace(*bounds[p], arterial), np.linspace(*bounds[-1], portal) if sources.count == 2 else np.empty(0)]
        own = np.stack([q.from_scale(u[:, j]) for j, q in enumerate(model.shape)], -1)
        dictionary = tabulate(model, sources, times_s, shapes=own, delays_s=(delays[0], delays[1]))
        projected = Projected.of(dictionary, most=DIMS)
        aa, pp, ap = projected.inner()
        cosine = np.clip(ap / np.sqrt(aa[:, :, None] * pp[:, None, :]), -0.9999, 0.9999)
        units = [x / np.sqrt(g)[..., None] for x, g in ((projected.arterial, aa), (projected.portal, pp))]
        terms = model.residues(own).terms
        rates = terms[..., 2][terms[..., 2] > 0]
        every = [source for source in (sources.arterial, sources.portal) if source is not None]
        responses = ResponseTable.of(
            every,
            times_s,
            projected.basis,
            rates=(float(rates.min()), float(rates.max())),
            lags_s=(float(bounds[p:, 0].min()), float(bounds[p:, 1].max() + terms[..., 1].max())),
        )
        tables = (projected.basis.T, units[0].reshape(-1, units[0].shape[-1]), units[1].reshape(-1, units[0].shape[-1]))
        arrays = [np.ascontiguousarray(x, np.float32) for x in (*tables, cosine, 1.0 / (1.0 - cosine**2))]
        return cls(model, *arrays, (u, *delays), responses, bounds[:, 0].copy(), bounds[:, 1].copy())

    def fit(self, data: Voxels) -> Found:
        """Least squares of voxels ``data`` (n, v) in HU, without NaN; the baseline is free."""
        projected = self.basis @ data
        centred = data - data.mean(0)
        outside = np.maximum(np.einsum("nv,nv->v", centred, centred) - np.einsum("rv,rv->v", projected, projected), 0.0)
        seeds = self._seeds(projected)
        count, voxels = seeds.shape[:2]
        curves = np.zeros((voxels, DIMS), np.float32)
        curves[:, : projected.shape[0]] = projected.T
        state = _State.start(self, np.tile(curves, (count, 1)), seeds.reshape(count * voxels, -1))
        for _ in range(SEED_STEPS):
            state.advance(np.arange(count * voxels))
        best = state.energy.reshape(count, voxels).argmin(0) * voxels + np.arange(voxels)
        state = state.only(best)
        going = np.arange(voxels)
        for _ in range(MOST_STEPS):
            if not going.size:
                break
            going = going[state.advance(going)]
        settled = np.ones(voxels, bool)
        settled[going] = False
        return Found(state.unknown, state.flows, state.energy + outside, state.normal, settled)

    def _seeds(self, projected: Voxels) -> FloatArray:
        """The best row of every band of portal delays (bands, v, n), on the search scale."""
        s, a = self.starts[0].shape[0], self.starts[1].size
        p = self.starts[2].size
        bands = max(p // BAND, 1)
        voxels = projected.shape[1]
        found = np.empty((bands, voxels, self.lower.size))
        padded = np.zeros((projected.shape[0], -(-voxels // LANES) * LANES), np.float32)
        padded[:, :voxels] = projected
        dots_a, dots_p = np.empty((s * a, LANES), np.float32), np.empty((s * p, LANES), np.float32)
        for start in range(0, voxels, LANES):
            block = np.ascontiguousarray(padded[:, start : start + LANES])
            np.matmul(self.unit_a, block, out=dots_a)
            np.matmul(self.unit_p, block, out=dots_p)
            three_a, three_p = dots_a.reshape(s, a, LANES), dots_p.reshape(s, p, LANES)
            best, place = np.zeros((bands, LANES), np.float32), np.zeros((bands, LANES), np.float32)
            portal = np.zeros((bands, LANES), np.int64)
            if p:
                search_block(three_a, three_p, self.cosine, self.gain, best, place)
                best_portal(three_a, three_p, self.cosine, self.gain, place, portal)
            else:
                alone_best(three_a, best[0], place[0])
            n = min(LANES, voxels - start)
            shape, arterial = np.divmod(place[:, :n].astype(np.int64), a)
            columns = [self.starts[0][shape], self.starts[1][arterial][..., None]]
            if p:
                columns.append(self.starts[2][portal[:, :n]][..., None])
            found[:, start : start + n] = np.concatenate(columns, -1)
        return found


@dataclass(slots=True, eq=False)
class _State:
    """Where a chunk of fits stands; changed in place by :meth:`advance`, private to this module."""

    tables: ExactTables
    curves: Voxels
    unknown: FloatArray
    flows: Voxels
    energy: Voxels
    normal: Voxels
    gradient: Voxels
    damping: FloatArray

    @classmethod
    def start(cls, tables: ExactTables, curves: Voxels, unknown: FloatArray) -> _State:
        flows, energy, normal, gradient = _equations(tables, curves, unknown)
        return cls(tables, curves, unknown, flows, energy, normal, gradient, np.full(len(unknown), DAMPING))

    def only(self, rows: npt.NDArray[np.intp]) -> _State:
        """The state of some fits."""
        parts = (self.curves, self.unknown, self.flows, self.energy, self.normal, self.gradient, self.damping)
        return _State(self.tables, *(x[rows] for x in parts))

    def advance(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """One step of the fits ``rows``; True where another step is worth while."""
        move = np.empty((rows.size, self.unknown.shape[1]))
        tables, going = self.tables, np.empty(rows.size, bool)
        step(rows, self.normal, self.gradient, self.flows, self.unknown, tables.lower, tables.upper, self.damping, move)
        trial = _equations(tables, self.curves if rows.size == len(self.curves) else self.curves[rows], move)
        state = (self.unknown, self.flows, self.energy, self.normal, self.gradient)
        accept(rows, move, *trial, state, self.damping, going)
        return going


def _even(count: int, dimensions: int) -> FloatArray:
    """Points spread evenly over the unit cube (count, dimensions)."""
    power = int(np.ceil(np.log2(count)))
    return np.asarray(qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(20190128)).random_base2(power)[:count])


def _equations(tables: ExactTables, curves: Voxels, unknown: FloatArray) -> tuple[Voxels, Voxels, Voxels, Voxels]:
    """Flows, energy, normal matrix and gradient at ``unknown`` (v, n)."""
    p = len(tables.model.shape)
    inputs = unknown.shape[1] - p
    voxels, unknowns = len(unknown), unknown.shape[1] + inputs

    def terms(u: FloatArray) -> FloatArray:
        return tables.model.residues(np.stack([q.from_scale(u[:, j]) for j, q in enumerate(tables.model.shape)], -1)).terms

    here = terms(unknown)
    changes = np.empty((voxels, p, *here.shape[1:]))
    for j in range(p):
        nudged = unknown[:, :p].copy()
        nudged[:, j] += NUDGE
        changes[:, j] = (terms(nudged) - here) / NUDGE
    flows, energy = np.empty((voxels, inputs), np.float32), np.empty(voxels, np.float32)
    normal, gradient = np.empty((voxels, unknowns, unknowns), np.float32), np.empty((voxels, unknowns), np.float32)
    first = np.array([tables.responses.first_log_rate, tables.responses.first_lag_s])
    normal_equations(
        curves,
        here.astype(np.float32),
        changes.astype(np.float32),
        np.ascontiguousarray(unknown[:, p:], np.float32),
        tables.responses.nodes,
        first,
        flows,
        energy,
        normal,
        gradient,
    )
    return flows, energy, normal, gradient
