"""Regions, lesions and what was measured in them (the nouns; the verbs are in ``hepaflow.lesions``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

Origin = Literal["given", "proposed"]
#: Lesion shells, in the order of every table.
SHELLS = ("whole", "vascular", "rim", "core", "surround")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A named set of voxels: ``mask`` (slices, rows, columns) bool. ``origin`` says who made it."""

    name: str
    mask: npt.NDArray[np.bool_]
    origin: Origin
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.mask.ndim != 3 or self.mask.dtype != np.bool_:
            raise InputRefused("REGION-MASK", f"region {self.name!r} is not a 3D mask", "Give one label map on a 3D grid")

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return int(self.mask.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One lesion: its shells by name (``whole`` always present), volume and longest in-plane (axial) diameter."""

    id: str
    shells: dict[str, Region]
    volume_ml: float
    longest_axial_diameter_mm: float
    axis_mm: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Everything delineated on one grid. ``frame`` is the pass (0-based, in time order) on which regions were drawn, if known."""

    grid: Grid
    aorta: Region
    portal_vein: Region | None
    liver: Region
    healthy: Region
    lesions: tuple[Lesion, ...]
    spleen: Region | None = None
    frame: int | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a region is called across visits: a text for readers and a UID."""

    identifier: str
    uid: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its honesty: ``value`` fitted to the region's mean curve, ``sd``, and mean and median of the voxel map; NaN = not available."""

    value: float
    sd: float
    map_mean: float = float("nan")
    map_median: float = float("nan")


@dataclass(frozen=True, slots=True)
class Measurement:
    """All parameters of one region, the fitted curve (n,), delays, quality and flags.

    ``samples`` (s,) per key are joint draws of the posterior: draw i of two regions shares the same input perturbation, so that a
    ratio taken draw by draw has the right covariance. ``shape`` and ``flows_ml_min_100_ml`` are the most probable values of the
    model's own unknowns (per 100 mL: before density). ``fit_interval_hu`` (2, n) holds the fitted curve with 95 % probability, sample by
    sample; None for a model that is read.
    """

    region: str
    voxels: int
    parameters: dict[str, Estimate]
    samples: dict[str, npt.NDArray[np.float64]]
    curve_hu: npt.NDArray[np.float64]
    fit_hu: npt.NDArray[np.float64]
    delays_s: dict[str, float]
    r2: float
    aic: float
    residual_sd: float
    flags: tuple[str, ...] = ()
    shape: dict[str, float] = field(default_factory=dict)
    flows_ml_min_100_ml: dict[str, float] = field(default_factory=dict)
    fit_interval_hu: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Lesion over healthy: value, SD, 95 % interval; all None with a flag when the ratio has no meaning."""

    value: float | None
    sd: float | None
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class LesionResult:
    """One row of the report: the lesion, its measurements by shell, ratios by key, responses by criterion."""

    lesion: Lesion
    regions: dict[str, Measurement]
    ratio: dict[str, Ratio]
    response: tuple[ResponseCall, ...]
    flags: tuple[str, ...] = ()

    @property
    def ruling(self) -> ResponseCall | None:
        """The call that stands for the lesion: that on its vascular part where one was made, as readers draw it on necrosis."""
        return next((call for call in self.response if call.region == "vascular"), self.response[0] if self.response else None)


@dataclass(frozen=True, slots=True)
class ResponseCall:
    """What a named criterion says of one lesion; ``category`` is None when it cannot be said (the flags say why).

    ``ratio`` is what was judged, in ``region``.
    """

    criterion: str
    threshold: float
    category: str | None
    probability_major: float | None
    region: str
    flags: tuple[str, ...] = ()
    ratio: Ratio | None = None
