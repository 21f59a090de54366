"""What motion correction found (the nouns; the verbs are in ``hepaflow.motion``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid


@dataclass(frozen=True, slots=True)
class PassMotion:
    """One pass: mean shift (x, y, z) in mm LPS inside the registered region, residual before and after in HU, excluded or not."""

    index: int
    time_s: float
    shift_mm: tuple[float, float, float]
    residual_before: float
    residual_after: float
    excluded: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MotionField:
    """Pull-back displacement of every pass.

    ``displacements`` (passes, k, j, i, 3) float32 in mm LPS on the coarse ``grid``: where in that pass the point of the reference
    lies, minus the point. All zero for method ``none``. ``reference`` is the 0-based reference pass.
    """

    method: str
    reference: int
    grid: Grid
    displacements: npt.NDArray[np.float32]
    passes: tuple[PassMotion, ...]
    jacobian_range: tuple[float, float]
    flags: tuple[str, ...] = ()
