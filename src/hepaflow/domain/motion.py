"""What motion correction found (the nouns; the verbs are in ``hepaflow.motion``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid


@dataclass(frozen=True, slots=True)
class PassMotion:
    """One pass: mean shift (x, y, z) in mm LPS inside the registered region, residual before and after in HU, excluded or not.

    ``border_before_mm`` and ``border_after_mm`` are how far the borders of organs against fat, lung and gas lie from those of the reference on
    average: a measure that no registration here optimizes. NaN where there is no border.
    """

    index: int
    time_s: float
    shift_mm: tuple[float, float, float]
    residual_before: float
    residual_after: float
    border_before_mm: float = float("nan")
    border_after_mm: float = float("nan")
    excluded: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MotionField:
    """Pull-back displacement of every pass.

    ``displacements`` (passes, k, j, i, 3) float32 in mm LPS on the coarse ``grid``: where in that pass the point of the reference
    lies, minus the point. All zero for method ``none``. ``reference`` is the 0-based reference pass. ``remaining_mm`` (k, j, i) float32 on the same grid is
    the motion that the passes still show when brought to the reference, root mean square over passes, NaN where nothing was registered.
    """

    method: str
    reference: int
    grid: Grid
    displacements: npt.NDArray[np.float32]
    passes: tuple[PassMotion, ...]
    jacobian_range: tuple[float, float]
    remaining_mm: npt.NDArray[np.float32]
    flags: tuple[str, ...] = ()
