"""When a curve begins to rise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: A rise begins at this share of the height between the lowest and the highest sample.
SHARE = 0.1


def onset_s(times_s: FloatArray, values: FloatArray) -> float:
    """When ``values`` (n,) first pass a tenth of their height, in s on ``times_s`` (n,), linear between samples.

    Every sample is the median of three, so that one spike is no onset.

    >>> round(onset_s(np.arange(6.0), np.array([0.0, 0.0, 0.0, 10.0, 10.0, 6.0])), 3)
    2.1
    """
    padded = np.concatenate([values[:1], values, values[-1:]])
    calm = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    level = calm.min() + SHARE * (calm.max() - calm.min())
    after = int(np.flatnonzero(calm > level)[0]) if (calm > level).any() else 0
    if after == 0:
        return float(times_s[0])
    share = (level - calm[after - 1]) / (calm[after] - calm[after - 1])
    return float(times_s[after - 1] + share * (times_s[after] - times_s[after - 1]))
