"""A dynamic study in memory: HU over time on one grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How the study was acquired, as far as its headers say; None where they do not. Holds nothing that identifies the patient.

    ``time_source`` names the encoding that gave the time axis (e.g. ``AcquisitionTime``). ``injection_to_first_s`` is the time from
    the start of injection to the first pass. Lists hold one entry a pass.
    """

    time_source: str
    modality: str = "CT"
    manufacturer: str | None = None
    model_name: str | None = None
    kvp: tuple[float | None, ...] = ()
    kernel: tuple[str | None, ...] = ()
    tube_current_ma: tuple[float | None, ...] = ()
    exposure_mas: tuple[float | None, ...] = ()
    ctdi_vol_mgy: tuple[float | None, ...] = ()
    series_of_pass: tuple[int, ...] = ()
    injection_to_first_s: float | None = None
    contrast_volume_ml: float | None = None
    contrast_flow_ml_s: float | None = None
    contrast_agent: str | None = None
    rotation_s: float | None = None
    body_part: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DynamicSeries:
    """HU of every pass: ``voxels`` (passes, slices, rows, columns), int16 or float32, NaN = outside coverage or not measured.

    ``times_s`` (passes,) increases strictly, first pass at 0; ``slice_times_s`` (passes, slices) where the scanner gave them.
    ``source`` maps what DICOM output needs of the original headers (opaque to the numerical rooms). ``flags`` are codes of the flag table.
    Refused: times that do not increase, shapes that disagree, fewer than two passes.
    """

    voxels: npt.NDArray[Any]
    grid: Grid
    times_s: npt.NDArray[np.float64]
    acquisition: Acquisition
    slice_times_s: npt.NDArray[np.float64] | None = None
    excluded: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        times = np.asarray(self.times_s, dtype=np.float64)
        if self.voxels.ndim != 4 or self.voxels.shape[1:] != self.grid.shape or self.voxels.shape[0] != times.size:
            raise InputRefused(
                "SERIES-SHAPE", "voxels, grid and times disagree in size", "Give one time a pass and one grid for all passes"
            )
        if times.size < 2:
            raise InputRefused("SERIES-NOT-DYNAMIC", "the study has fewer than two passes", "Give the dynamic (perfusion) series")
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise InputRefused("SERIES-TIMES", "pass times do not increase strictly", "Check the acquisition times of the passes")
        object.__setattr__(self, "times_s", times)

    @property
    def passes(self) -> int:
        """Number of passes."""
        return int(self.times_s.size)
