"""What the inputs' own uncertainty changes: one perturbed pair of inputs a mode, and weights that are the same for every region.

A region's draws are moved by the same random combination of the modes as another region's, so that an error of the inputs cancels in their ratio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs

FloatArray = npt.NDArray[np.float64]


def perturbed(inputs: Inputs) -> Iterator[Inputs]:
    """The inputs changed by one sigma along each of their modes in turn."""
    for mode in inputs.modes:
        portal = None if inputs.dense_portal is None else inputs.dense_portal + mode[1]
        yield replace(inputs, dense_arterial=inputs.dense_arterial + mode[0], dense_portal=portal)


@lru_cache(maxsize=4)
def common_weights(draws: int, modes: int) -> FloatArray:
    """Standard normal weights (draws, modes), the same for every region."""
    weights = np.random.default_rng(68).standard_normal((draws, modes))
    weights.setflags(write=False)
    return weights
