"""Parameter maps on the study's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.units import QUANTITIES, Quantity


@dataclass(frozen=True, slots=True, eq=False)
class ParameterMap:
    """One parameter: ``values`` (slices, rows, columns) float32, NaN where not computed; ``sd`` of the same shape where the model gives it."""

    key: str
    values: npt.NDArray[np.float32]
    sd: npt.NDArray[np.float32] | None = None

    @property
    def quantity(self) -> Quantity:
        """Unit, names and display range."""
        return QUANTITIES[self.key]


@dataclass(frozen=True, slots=True, eq=False)
class MapSet:
    """All maps of one model on one grid; ``flags`` (slices, rows, columns) uint8 holds the voxel bits of the flag table."""

    model: str
    grid: Grid
    maps: dict[str, ParameterMap]
    flags: npt.NDArray[np.uint8]
    noise_hu: float
    density_g_ml: float
