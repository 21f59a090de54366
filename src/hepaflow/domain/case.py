"""Everything one analysed study holds: what the report, the case folder and DICOM output are written from."""

from __future__ import annotations

from dataclasses import dataclass, field

from hepaflow.domain.comparison import Comparison
from hepaflow.domain.curves import Inputs
from hepaflow.domain.denoising import Denoising
from hepaflow.domain.history import Rule, Step
from hepaflow.domain.lesions import LesionResult, Measurement, Regions, Tracked
from hepaflow.domain.maps import MapSet
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries


@dataclass(frozen=True, slots=True, eq=False)
class CaseResult:
    """One study from scanner to response. ``series`` is as acquired, ``aligned`` motion-corrected on the same grid.

    ``comparison`` has an entry a curve where models were compared.
    ``tracking`` holds, by lesion, what an earlier visit called it; the others are named by this study.
    ``denoising`` says what was done to the data of the maps, None where they were made from ``aligned`` itself.
    """

    series: DynamicSeries
    aligned: DynamicSeries
    motion: MotionField
    protocol: tuple[Rule, ...]
    regions: Regions
    inputs: Inputs
    maps: MapSet
    healthy: Measurement
    lesions: tuple[LesionResult, ...]
    history: tuple[Step, ...]
    flags: tuple[str, ...]
    comparison: tuple[Comparison, ...] = ()
    denoising: Denoising | None = None
    tracking: dict[str, Tracked] = field(default_factory=dict)
