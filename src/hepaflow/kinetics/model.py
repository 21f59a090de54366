"""What a kinetic model is: a value, not a class tree.

There are two kinds. A residue model is a residue function with unknowns, found by search and refinement. A direct model reads its
quantities straight from the samples, by linear algebra or by looking at the curve. Both give the same kind of result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.convolve import Residues

FloatArray = npt.NDArray[np.float64]
#: float32 for maps, float64 for single curves.
Values = npt.NDArray[np.floating]
Scale = Literal["log", "logit", "linear"]

#: mL/s per mL of tissue to mL/min per 100 mL of tissue.
FLOW_PER_MIN_100_ML = 6000.0
#: Less than this, in mL/min/100 mL, is rounding and not flow: it has no arterial share and no transit time.
NO_FLOW = 1e-3


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
class ResidueModel:
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


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """What a direct model reads from curves: ``quantities`` (v,) per key, flows and volumes per 100 mL; NaN = cannot be estimated.

    ``sd`` (v,) per key is what the noise of the samples alone makes of it, to first order, where the model can say. Both have the
    floating type of the values that were read.
    """

    quantities: dict[str, Values]
    sd: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a direct model decides once for all curves of a study: ``noise``, the SD of one sample; ``delays_s`` per input (how much
    later tissue sees it); ``strength`` of the regularisation. A model leaves alone what it does not use.
    """

    noise: float = 0.0
    delays_s: dict[str, float] = field(default_factory=dict)
    strength: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A direct model made ready for one set of times and inputs; it holds everything that does not depend on the curve.

    ``read`` takes raw curves (n, v), float32 or float64; each is read by itself, and one with a value that is not finite gives NaN.
    ``implied`` takes the same and gives the curve that the model implies (n, v), baseline included, NaN at the times it says nothing
    of, and that baseline (v,); None when the model implies no curve. ``unknowns`` is how many numbers that curve takes from the samples.
    ``flags`` hold for every curve read. ``undetermined`` takes one curve (n,) and gives the keys that it does not determine, with the
    flag that says so; a map, whose voxels are noise about a region's curve, does not ask.
    """

    read: Callable[[Values], Direct]
    implied: Callable[[Values], tuple[FloatArray, FloatArray]] | None = None
    unknowns: float = float("nan")
    flags: tuple[str, ...] = ()
    undetermined: Callable[[FloatArray], tuple[tuple[str, ...], tuple[str, ...]]] | None = None


@dataclass(frozen=True, slots=True)
class DirectModel:
    """A model whose quantities are read straight from the samples.

    ``settle(times_s, guide, inputs, noise)`` decides once a study, from curves like those to be read (n, k) without NaN and the SD of one
    sample of them; ``prepare(times_s, inputs, settings)`` then gives the reader, also for fewer of the times (a voxel that misses
    passes) or changed inputs. ``quantities`` are what it gives with two inputs; with one, those of the portal side are missing.
    ``fewest`` is the least number of samples. ``cannot`` says in a sentence what the model cannot give.
    """

    key: str
    name: str
    settle: Callable[[FloatArray, Values, Inputs, float], Settings]
    prepare: Callable[[FloatArray, Inputs, Settings], Reader]
    quantities: tuple[str, ...]
    fewest: int
    formula: str
    cannot: str
    sources: tuple[str, ...]


KineticModel = ResidueModel | DirectModel


#: Delays are searched around what the way from the sampled vessel to the sinusoid takes.
ARTERIAL_DELAY = Parameter(
    "arterial_delay", "s", (-1.5, 8.0), "linear", 1.5, 1.0, "coeliac aorta to sinusoid, one to three seconds"
)
PORTAL_DELAY = Parameter("portal_delay", "s", (-3.0, 8.0), "linear", 1.2, 0.8, "portal trunk to sinusoid, up to a few seconds")
