"""Exact fit of every voxel: a search over the whole dictionary, then bounded refinement from the best rows of several bands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.dictionary import Sources, parameters
from hepaflow.kinetics.fit_curve import quantities
from hepaflow.kinetics.map_chunk import LATE_S, Chunk, Fit, Fitter, Voxels, marked
from hepaflow.kinetics.map_search import SearchTables, own_units
from hepaflow.kinetics.model import NO_FLOW, ResidueModel
from hepaflow.kinetics.problem import scale_bounds
from hepaflow.kinetics.project import project
from hepaflow.kinetics.refine import DAMPING, accept, normal_equations, step
from hepaflow.kinetics.response_table import DIMS, ResponseTable

FloatArray = npt.NDArray[np.float64]

#: Steps from every seed, by the number of unknowns of the shape, before the best of them goes on; without any, the one that the search
#: found best does: with one unknown its rows lie so near to each other that the others seldom end lower (by more than 2 % in 2 of 8192 voxels).
SEED_STEPS = {1: 0, 2: 4, 3: 4}
#: Most steps from the best seed.
MOST_STEPS = 100
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
    search: SearchTables
    responses: ResponseTable
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def of(cls, model: ResidueModel, sources: Sources, times_s: FloatArray) -> ExactTables:
        """For a model and its inputs at ``times_s`` (n,); shapes and delays are searched over all that their bounds allow."""
        lower, upper = scale_bounds(parameters(model, sources.count))
        p = len(model.shape)
        search = SearchTables.of(model, sources, times_s)
        corners = np.array(list(product(*zip(lower[:p], upper[:p], strict=True))))
        terms = model.residues(own_units(model, np.concatenate([search.shapes, corners]))).terms
        rates = terms[..., 2][terms[..., 2] > 0]
        responses = ResponseTable.of(
            [source for source in (sources.arterial, sources.portal) if source is not None],
            times_s,
            search.basis.T.astype(float),
            rates=(float(rates.min()), float(rates.max())),
            lags_s=(float(lower[p:].min()), float(upper[p:].max() + terms[..., 1].max())),
        )
        return cls(model, search, responses, lower, upper)

    def fit(self, data: Voxels) -> Found:
        """Least squares of voxels ``data`` (n, v) in HU, without NaN; the baseline is free."""
        projected = project(self.search.basis, data)
        centred = data - data.mean(0)
        outside = np.maximum(np.einsum("nv,nv->v", centred, centred) - np.einsum("rv,rv->v", projected, projected), 0.0)
        seeds, explained = self.search.seeds(projected)
        voxels, steps = seeds.shape[1], SEED_STEPS[len(self.model.shape)]
        if not steps:
            seeds = seeds[explained.argmax(0), np.arange(voxels)][None]
        count = len(seeds)
        curves = np.zeros((voxels, DIMS), np.float32)
        curves[:, : projected.shape[0]] = projected.T
        state = _State.start(self, np.tile(curves, (count, 1)), seeds.reshape(count * voxels, -1))
        for _ in range(steps):
            state.advance(np.arange(count * voxels))
        if count > 1:
            best = state.energy.reshape(count, voxels).argmin(0) * voxels + np.arange(voxels)
            state = state.only(best)
        going = np.arange(voxels)
        for _ in range(MOST_STEPS):
            if not going.size:
                break
            going = state.advance(going)
        settled = np.ones(voxels, bool)
        settled[going] = False
        return Found(state.unknown, state.flows, state.energy + outside, state.normal, settled)


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
        return _State(
            self.tables,
            self.curves[rows],
            self.unknown[rows],
            self.flows[rows],
            self.energy[rows],
            self.normal[rows],
            self.gradient[rows],
            self.damping[rows],
        )

    def advance(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """One step of the fits ``rows`` where it is worth while; those of them (r,) for which another one is."""
        tables, state = self.tables, (self.unknown, self.flows, self.energy, self.normal, self.gradient)
        move, worth = np.empty((rows.size, self.unknown.shape[1])), np.empty(rows.size, bool)
        step(rows, state, tables.lower, tables.upper, self.damping, move, worth)
        if not worth.all():
            rows, move = rows[worth], move[worth]
            if not rows.size:
                return rows
        trial = _equations(tables, self.curves if rows.size == len(self.curves) else self.curves[rows], move)
        going = np.empty(rows.size, bool)
        accept(rows, move, *trial, state, self.damping, going)
        return rows[going]


def _equations(tables: ExactTables, curves: Voxels, unknown: FloatArray) -> tuple[Voxels, Voxels, Voxels, Voxels]:
    """Flows, energy, normal matrix and gradient at ``unknown`` (v, n)."""
    p = len(tables.model.shape)
    inputs = unknown.shape[1] - p
    voxels, unknowns = len(unknown), unknown.shape[1] + inputs

    def terms(u: FloatArray) -> FloatArray:
        return tables.model.residues(own_units(tables.model, u)).terms

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


def exact_fitter(model: ResidueModel, inputs: Inputs, times_s: FloatArray, *, noise: float, density_g_ml: float) -> Fitter:
    """Least squares of every voxel, with SD from the normal equations at ``noise`` (HU per sample)."""
    sources = Sources.of(inputs)

    def prepare(samples: npt.NDArray[np.bool_]) -> Fit:
        tables = ExactTables.of(model, sources, times_s[samples])

        def fit(data: Voxels) -> Chunk:
            found = tables.fit(data)
            values, sd = _quantities(found, model, noise=noise, density_g_ml=density_g_ml)
            p = len(model.shape)
            edge = 1e-3 * (tables.upper - tables.lower)
            edges = (found.unknown < tables.lower + edge) | (found.unknown > tables.upper - edge)
            bound = np.asarray(edges[:, :p].any(1))
            flags = marked("voxel-not-converged", ~found.settled) | marked("voxel-at-bound", bound)
            return Chunk(values, sd, flags | marked("voxel-late-arrival", found.unknown[:, p] > LATE_S))

        return fit

    return prepare


def _quantities(
    found: Found, model: ResidueModel, *, noise: float, density_g_ml: float
) -> tuple[dict[str, Voxels], dict[str, Voxels]]:
    """Every quantity (v,) and its SD to first order, in contract units; a voxel without flow has none."""
    p = len(model.shape)
    flowing = found.flows.sum(1) > NO_FLOW

    def at(u: FloatArray, flows: FloatArray) -> dict[str, FloatArray]:
        return quantities(model, own_units(model, u), flows, density_g_ml)

    u, flows = found.unknown[:, :p], found.flows.astype(float)
    here = at(u, flows)
    slopes: dict[str, list[FloatArray]] = {key: [] for key in here}
    for j in range(p + flows.shape[1]):
        nudged, moved = u.copy(), flows.copy()
        (nudged if j < p else moved)[:, j if j < p else j - p] += NUDGE
        for key, x in at(nudged, moved).items():
            slopes[key].append((x - here[key]) / NUDGE)
    free = np.r_[:p, p + flows.shape[1] : p + 2 * flows.shape[1]]
    covariance = _inverse(found.normal)[:, free[:, None], free] * noise**2
    blind = np.einsum("vqq->vq", found.normal)[:, free] == 0  # the samples do not see this unknown: what hangs on it has no SD
    sd = {}
    for key, columns in slopes.items():
        slope = np.stack(columns, -1)
        variance = np.einsum("vi,vij,vj->v", slope, covariance, slope)
        known = flowing & ~(blind & (slope != 0)).any(1)
        sd[key] = np.where(known, np.sqrt(np.maximum(variance, 0.0)), np.nan).astype(np.float32)
    return {key: np.where(flowing, x, np.nan).astype(np.float32) for key, x in here.items()}, sd


def _inverse(normal: Voxels) -> FloatArray:
    """Inverse of the normal matrices (v, q, q); an unknown that changes nothing is left out."""
    scale = np.sqrt(np.einsum("vqq->vq", normal).astype(float))
    idle = scale == 0
    scale[idle] = 1.0
    unit = normal / (scale[:, :, None] * scale[:, None, :])
    unit[:, np.arange(scale.shape[1]), np.arange(scale.shape[1])] = 1.0 + 1e-6
    return np.asarray(np.linalg.inv(unit) / (scale[:, :, None] * scale[:, None, :]) * ~(idle[:, :, None] | idle[:, None, :]))
