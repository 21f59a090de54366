"""What is to be said of the fit of one curve, apart from its parameters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.curves.onset import onset_s
from hepaflow.domain.curves import Inputs

FloatArray = npt.NDArray[np.float64]

#: Share of the curve's variance that a fair fit explains.
FAIR_R2 = 0.5
#: A curve enhances when chance alone would fit it this well less often than this (F test against its mean).
CHANCE = 0.01
#: Tissue that begins to enhance this much later than its last input is beyond the delays that are searched.
LATE_S = 9.0


def fit_flags(times_s: FloatArray, observed: FloatArray, fit: FloatArray, *, unknowns: int, inputs: Inputs) -> tuple[str, ...]:
    """Flags of a fit (n,) with that many unknowns, its baseline counted, to a curve ``observed`` (n,) at ``times_s`` (n,)."""
    left = float(((observed - fit) ** 2).sum())
    total = float(((observed - observed.mean()) ** 2).sum())
    flags = []
    if not left < (1.0 - FAIR_R2) * total:
        flags.append("fit-poor")
    if not _enhances(left, total, samples=observed.size, unknowns=unknowns):
        flags.append("curve-no-enhancement")
    else:
        last = inputs.dense_arterial if inputs.dense_portal is None else inputs.dense_portal
        if onset_s(times_s, observed) - onset_s(inputs.dense_times_s, last) > LATE_S:
            flags.append("curve-late-arrival")
    return tuple(flags)


def _enhances(left: float, total: float, *, samples: int, unknowns: int) -> bool:
    from scipy.stats import f

    if not total > 0.0:
        return False
    explained = (total - left) / (unknowns - 1)
    return bool(f.sf(explained / max(left / (samples - unknowns), 1e-300), unknowns - 1, samples - unknowns) < CHANCE)
