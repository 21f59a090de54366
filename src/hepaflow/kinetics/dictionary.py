"""A dictionary of responses: shape parameters and delays spread evenly, flows left to linear algebra (variable projection)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import qmc

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.convolve import DenseInput, respond
from hepaflow.kinetics.input_error import perturbed
from hepaflow.kinetics.model import ARTERIAL_DELAY, FLOW_PER_MIN_100_ML, PORTAL_DELAY, Parameter, ResidueModel

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """The inputs ready to be convolved; ``portal`` is None for a single input."""

    arterial: DenseInput
    portal: DenseInput | None

    @classmethod
    def of(cls, inputs: Inputs) -> Sources:
        """From inputs on their dense grid."""
        portal = None if inputs.dense_portal is None else DenseInput.of(inputs.dense_times_s, inputs.dense_portal)
        return cls(DenseInput.of(inputs.dense_times_s, inputs.dense_arterial), portal)

    @property
    def count(self) -> int:
        """Number of inputs, 1 or 2."""
        return 1 if self.portal is None else 2


@lru_cache(maxsize=4)
def sources_of(inputs: Inputs) -> Sources:
    """The sources of ``inputs``, the same ones for every region that they feed."""
    return Sources.of(inputs)


@lru_cache(maxsize=4)
def perturbed_sources(inputs: Inputs) -> tuple[Sources, ...]:
    """The sources of ``inputs`` changed by one sigma along each of their modes in turn."""
    return tuple(Sources.of(changed) for changed in perturbed(inputs))


def parameters(model: ResidueModel, inputs_count: int) -> tuple[Parameter, ...]:
    """The nonlinear parameters of a fit in their order: shape, then one delay an input."""
    return (*model.shape, ARTERIAL_DELAY, PORTAL_DELAY)[: len(model.shape) + inputs_count]


def atoms(model: ResidueModel, sources: Sources, times_s: FloatArray, values: FloatArray) -> FloatArray:
    """Responses (inputs, s, n) at ``times_s`` for unit flow, for parameter rows ``values`` (s, p) in their own units."""
    shapes = len(model.shape)
    residues = model.residues(np.ascontiguousarray(values[:, :shapes]))
    rows = [respond(times_s, sources.arterial, residues, values[:, shapes])]
    if sources.portal is not None:
        rows.append(respond(times_s, sources.portal, residues, values[:, shapes + 1]))
    return np.stack(rows)


def draw(chosen: tuple[Parameter, ...], size: int, *, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """``size`` (a power of two) parameter rows (size, p) in their own units, evenly drawn from normals on the search scale.

    A Sobol sequence: deterministic, every row equally probable under the prior, denser where the prior is. Rows stay in bounds.
    """
    uniform: FloatArray = qmc.Sobol(len(chosen), scramble=True, rng=np.random.default_rng(20190128)).random(size)
    values: FloatArray = np.empty_like(uniform)
    for j, parameter in enumerate(chosen):
        u = centre[j] + spread[j] * ndtri(np.clip(uniform[:, j], 1e-6, 1 - 1e-6))
        values[:, j] = np.clip(parameter.from_scale(u), *parameter.bounds)
    return values


def prior_of(chosen: tuple[Parameter, ...]) -> tuple[FloatArray, FloatArray]:
    """Centre and spread of the physiological prior on the search scale, each (p,)."""
    centre = np.array([float(p.to_scale(p.centre)) for p in chosen])
    return centre, np.array([p.spread for p in chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """Responses of every shape at every delay: all combinations of S shapes, A arterial and P portal delays from S (A + P) curves.

    ``shapes`` (S, p) and delays in their own units; ``arterial`` (S, A, n) and ``portal`` (S, P, n) are HU per mL/min/100 mL at the n
    sampling times; P = 0 with one input.
    """

    shapes: FloatArray
    arterial_delays_s: FloatArray
    portal_delays_s: FloatArray
    arterial: FloatArray
    portal: FloatArray

    def at(self, samples: npt.NDArray[np.bool_]) -> Dictionary:
        """The same rows at some of the sampling times."""
        return replace(self, arterial=self.arterial[:, :, samples], portal=self.portal[:, :, samples])

    @property
    def combinations(self) -> int:
        """Number of rows: shape x arterial delay x portal delay."""
        return int(self.shapes.shape[0] * self.arterial_delays_s.size * max(self.portal_delays_s.size, 1))


def tabulate(
    model: ResidueModel, sources: Sources, times_s: FloatArray, *, shapes: FloatArray, delays_s: tuple[FloatArray, FloatArray]
) -> Dictionary:
    """The dictionary of ``shapes`` (S, p) and ``delays_s`` (arterial (A,), portal (P,)) at ``times_s`` (n,)."""

    def responses(source: DenseInput | None, delays: FloatArray) -> FloatArray:
        if source is None:
            return np.empty((len(shapes), 0, times_s.size))
        rows = np.repeat(shapes, delays.size, 0)
        found = respond(times_s, source, model.residues(rows), np.tile(delays, len(shapes)))
        return found.reshape(len(shapes), delays.size, times_s.size) / FLOW_PER_MIN_100_ML

    arterial, portal = delays_s[0], delays_s[1] if sources.portal is not None else np.empty(0)
    return Dictionary(shapes, arterial, portal, responses(sources.arterial, arterial), responses(sources.portal, portal))
