"""Responses to the inputs as a smooth table, so that a fit may take any rate and lag without convolving again.

Every residue of this room is a sum of terms ``amplitude * exp(-rate * (t - start))``. Such a term's response to an input depends on two
numbers only: its rate, and its lag (start plus delay). The table holds that response at a grid of both; between the nodes it is cubic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.convolve import DenseInput, Residues, respond
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML

FloatArray = npt.NDArray[np.float64]

#: Most dimensions of the space of curves; a multiple of what a vector instruction takes.
DIMS = 16
#: Steps of the grid: between the nodes the table is linear, which is within 0.007 HU of a curve of 35 HU.
LAG_STEP_S = 0.125
LOG_RATE_STEP = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class ResponseTable:
    """``nodes`` (inputs, rates, lags, DIMS) float32, HU per mL/min/100 mL in the basis; the first rate is 0, a plateau.

    The other rates start at ``first_log_rate``, lags at ``first_lag_s``, and go on in their steps.
    """

    nodes: npt.NDArray[np.float32]
    first_log_rate: float
    first_lag_s: float

    @classmethod
    def of(
        cls,
        sources: list[DenseInput],
        times_s: FloatArray,
        basis: FloatArray,
        *,
        rates: tuple[float, float],
        lags_s: tuple[float, float],
    ) -> ResponseTable:
        """Over a range of ``rates`` (1/s) and ``lags_s`` for inputs sampled at ``times_s`` (n,), in ``basis`` (n, r <= DIMS)."""
        log_rates = np.arange(np.log(rates[0]), np.log(rates[1]) + 2 * LOG_RATE_STEP, LOG_RATE_STEP)
        lags = np.arange(lags_s[0], lags_s[1] + 2 * LAG_STEP_S, LAG_STEP_S)
        padded = np.zeros((times_s.size, DIMS))
        padded[:, : basis.shape[1]] = basis / FLOW_PER_MIN_100_ML
        nodes = np.empty((len(sources), log_rates.size + 1, lags.size, DIMS), np.float32)
        for i, source in enumerate(sources):
            for j, rate in enumerate((0.0, *np.exp(log_rates))):
                nodes[i, j] = respond(times_s, source, Residues.of((1.0, 0.0, np.full(lags.size, rate))), lags) @ padded
        return cls(nodes, float(log_rates[0]), float(lags[0]))
