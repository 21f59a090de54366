"""The one still picture of a study: the mean of the passes near the portal peak of the healthy liver, where lesions show best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult

_PASSES = 5


def picture_passes(case: CaseResult) -> tuple[int, ...]:
    """The passes whose mean is the picture: those nearest the peak of the healthy liver, excluded ones left out."""
    curve = np.asarray(case.healthy.curve_hu, float)
    usable = [index for index in range(case.aligned.passes) if index not in case.aligned.excluded]
    if curve.size == case.aligned.passes and np.isfinite(curve[usable]).any():
        peak = usable[int(np.nanargmax(curve[usable]))]
    else:
        peak = case.motion.reference
    return tuple(sorted(sorted(usable, key=lambda index: (abs(index - peak), index))[:_PASSES]))


def mean_over(volumes: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Mean of arrays of one shape, NaN where none has a value."""
    total, count = np.zeros(volumes[0].shape, np.float32), np.zeros(volumes[0].shape, np.float32)
    for volume in volumes:
        valid = np.isfinite(volume)
        total += np.where(valid, volume, np.float32(0))
        count += valid
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
