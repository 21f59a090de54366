"""What a kinetic model is: a value, not a class tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.convolve import Residues

FloatArray = npt.NDArray[np.float64]
Scale = Literal["log", "logit", "linear"]

#: mL/s per mL of tissue to mL/min per 100 mL of tissue.
FLOW_PER_MIN_100_ML = 6000.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """One shape parameter: bounds, the scale on which it is searched, and a broad physiological prior (normal on that scale).

    ``centre`` is in the parameter's own unit, ``spread`` on the search scale. ``why`` says where the prior comes from.
    """

    key: str
    unit: str
    bounds: tuple[float, float]
    scale: Scale
    centre: float
    spread: float
    why: str

    def to_scale(self, value: npt.ArrayLike) -> FloatArray:
        """Own unit to search scale."""
        x = np.asarray(value, float)
        if self.scale == "log":
            return np.asarray(np.log(x))
        if self.scale == "logit":
            return np.asarray(np.log(x / (1.0 - x)))
        return x

    def from_scale(self, u: npt.ArrayLike) -> FloatArray:
        """Search scale to own unit."""
        x = np.asarray(u, float)
        if self.scale == "log":
            return np.asarray(np.exp(x))
        if self.scale == "logit":
            return np.asarray(1.0 / (1.0 + np.exp(-x)))
        return x


@dataclass(frozen=True, slots=True)
class Expected:
    """A log-normal prior on a derived quantity (per 100 mL): ``centre`` in its unit, ``spread`` of its logarithm."""

    key: str
    centre: float
    spread: float
    why: str


@dataclass(frozen=True, slots=True)
class KineticModel:
    """A linear, stationary tissue model with one residue function shared by the arterial and the portal input.

    ``shape`` lists the residue's parameters; the two delays (``arterial_delay``, ``portal_delay``) are added by the fit.
    ``residues`` maps shape values (s, len(shape)) to residue functions with R(0) = 1; ``derive`` maps flow (s,) in mL/min/100 mL
    and shape values to the quantities beyond the flows, per 100 mL. ``expected`` are priors on those quantities. ``cannot`` says in a sentence what the model cannot give.
    """

    key: str
    name: str
    shape: tuple[Parameter, ...]
    residues: Callable[[FloatArray], Residues]
    derive: Callable[[FloatArray, FloatArray], dict[str, FloatArray]]
    quantities: tuple[str, ...]
    formula: str
    cannot: str
    sources: tuple[str, ...]
    expected: tuple[Expected, ...] = ()


#: Delays are searched around what the way from the sampled vessel to the sinusoid takes.
ARTERIAL_DELAY = Parameter(
    "arterial_delay", "s", (-1.5, 8.0), "linear", 1.5, 1.0, "coeliac aorta to sinusoid, one to three seconds"
)
PORTAL_DELAY = Parameter("portal_delay", "s", (-3.0, 8.0), "linear", 1.2, 0.8, "portal trunk to sinusoid, up to a few seconds")
