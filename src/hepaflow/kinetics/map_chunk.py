"""What every way of mapping gives for a chunk of voxels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.quality import FLAGS
from hepaflow.units import QUANTITIES, per_100_g

Voxels = npt.NDArray[np.float32]
Flags = npt.NDArray[np.uint8]

#: The artery reaches tissue of one liver within about this long after the aorta; what is later was hardly seen, or is not fed so.
LATE_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Quantities and their SD (v,) per key in contract units, and flag bits (v,)."""

    values: Mapping[str, Voxels]
    sd: Mapping[str, Voxels]
    flags: Flags


#: From raw HU (n, v) without NaN.
Fit = Callable[[Voxels], Chunk]
#: A way of mapping, ready for one time axis: given which samples (n,) are there, what fits voxels that have just these.
Fitter = Callable[[npt.NDArray[np.bool_]], Fit]


def marked(code: str, where: npt.NDArray[np.bool_]) -> Flags:
    """The bit of a voxel flag where it applies."""
    bit = FLAGS[code].bit
    assert bit is not None, code
    return where.astype(np.uint8) << np.uint8(bit)


def factor(key: str, density_g_ml: float) -> float:
    """What turns a quantity per 100 mL into contract units."""
    return per_100_g(1.0, density_g_ml) if QUANTITIES[key].per_mass else 1.0
