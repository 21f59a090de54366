"""Curves in time, and the pair of inputs that feeds the liver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TimeCurve:
    """Enhancement of one region: ``times_s`` (n,), ``values`` (n,) in HU (or any unit linear in concentration), NaN = missing.

    ``sd`` (n,) is the standard error of the samples where known.
    """

    name: str
    times_s: FloatArray
    values: FloatArray
    sd: FloatArray | None = None

    def __post_init__(self) -> None:
        times, values = np.asarray(self.times_s, float), np.asarray(self.values, float)
        if times.ndim != 1 or times.shape != values.shape:
            raise InputRefused("CURVE-SHAPE", "a curve and its times differ in length", "Give one value a time")
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise InputRefused(
                "CURVE-TIMES", "curve times do not increase strictly", "Sort the rows by time and remove repeated times"
            )
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """The arterial and (unless single-input) portal-venous input, as sampled and as the continuous curve that the models use.

    ``dense_times_s`` (m,) is a fine grid; ``dense_arterial`` and ``dense_portal`` (m,) are piecewise linear on it, baseline removed.
    ``spleen`` marks when the arterial phase ends (its peak), for the methods that part the phases. ``modes`` (q, 2, m) are one-sigma perturbations of (arterial, portal): together they are the inputs' uncertainty.
    """

    arterial: TimeCurve
    portal: TimeCurve | None
    dense_times_s: FloatArray
    dense_arterial: FloatArray
    dense_portal: FloatArray | None
    modes: FloatArray
    baseline_passes: int
    interpolation: str
    flags: tuple[str, ...] = ()
    provenance: Literal["given", "proposed"] = "given"
    spleen: TimeCurve | None = None
