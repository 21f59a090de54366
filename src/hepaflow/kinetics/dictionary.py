"""A dictionary of responses: shape parameters and delays drawn evenly, flows left to linear algebra (variable projection)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import qmc

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.convolve import DenseInput, respond
from hepaflow.kinetics.model import ARTERIAL_DELAY, PORTAL_DELAY, Parameter, ResidueModel

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
