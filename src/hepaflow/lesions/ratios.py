"""Lesion over healthy, with the covariance of the two."""

from __future__ import annotations

import numpy as np

from hepaflow.domain.lesions import Measurement, Ratio

#: A denominator that is zero or negative in more than this share of its posterior gives no ratio.
TOLERATED_ZERO = 0.01


def ratio(lesion: Measurement, healthy: Measurement, key: str) -> Ratio:
    """Ratio of parameter ``key``: value of the two values; SD and 95 % interval from joint posterior draws.

    Draw i of both measurements shares one perturbation of the inputs, so what an input error does to both cancels as it should.
    The interval reaches as far as the value, which draws of a quantity that jumps from pass to pass may miss. All None where the
    denominator may be zero.
    """
    top, bottom = lesion.parameters.get(key), healthy.parameters.get(key)
    if top is None or bottom is None:
        return Ratio(None, None, None)
    draws = ratio_draws(lesion, healthy, key)
    if draws is None or not (bottom.value > 0 and np.isfinite(top.value)):
        return Ratio(None, None, None)
    value = top.value / bottom.value
    low, high = np.percentile(draws, [2.5, 97.5])
    return Ratio(value, float(draws.std(ddof=1)), (min(float(low), value), max(float(high), value)))


def ratio_draws(lesion: Measurement, healthy: Measurement, key: str) -> np.ndarray | None:
    """Joint draws of the ratio (s,), or None where the denominator may be zero or either has no draws."""
    if key not in lesion.samples or key not in healthy.samples:
        return None
    top, bottom = lesion.samples[key], healthy.samples[key]
    floor = 1e-3 * abs(float(np.median(bottom)))
    if not floor > 0 or (bottom <= floor).mean() > TOLERATED_ZERO:
        return None
    return top / np.maximum(bottom, floor)
