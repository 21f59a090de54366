"""The forward model: what a tissue shows when two inputs flow through it (adiabatic tissue homogeneity, AATH).

This is the independent truth of the phantom: it shares no code with the models that are fitted. For each input,

    C(t) = F [ I(t - d) - I(t - d - Tc) + E G(t - d - Tc) ],   I(t) = int_0^t c,   G(t) = int_0^t c(s) exp(-k (t - s)) ds

with flow F per mL of tissue, capillary transit time Tc, extraction E, k = E F / ve and delay d: the residue is 1 up to Tc and
E exp(-k (t - Tc)) after. Inputs are piecewise linear on the fine grid; both integrals are exact for them. Haematocrit is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.phantom.protocol import STEP_S, InputCurves
from hepaflow.units import DEFAULT_DENSITY_G_ML

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Perfusion:
    """Perfusion of one tissue: total flow ``bf`` in mL/min/100 g, arterial fraction ``haf``, transit ``mtt_s``, ``extraction``,
    interstitial volume ``ve`` in mL per mL, delays of the two inputs in s. Density is 1.05 g/mL.
    """

    bf: float
    haf: float
    mtt_s: float
    extraction: float
    ve: float
    arterial_delay_s: float
    portal_delay_s: float = 0.0

    @property
    def flow(self) -> float:
        """Flow in mL/s per mL of tissue."""
        return self.bf * DEFAULT_DENSITY_G_ML / 6000.0

    @property
    def rate(self) -> float:
        """Wash-out of the interstitium, k = E F / ve, in 1/s."""
        return self.extraction * self.flow / self.ve

    def parameters(self) -> dict[str, float]:
        """The truth in the units of the maps; ``bv`` is the blood volume F Tc, ``total_mtt`` the integral of the residue."""
        return {
            "bf": self.bf,
            "habf": self.bf * self.haf,
            "hpbf": self.bf * (1.0 - self.haf),
            "haf": self.haf,
            "bv": self.bf * self.mtt_s / 60.0,
            "mtt": self.mtt_s,
            "total_mtt": self.mtt_s + self.extraction / self.rate,
            "ps": -self.bf * math.log1p(-self.extraction),
            "ktrans": self.bf * self.extraction,
            "extraction": self.extraction,
        }


#: Truth that scales with local flow (the texture); the others are left alone by it.
FLOW_LINEAR = ("bf", "habf", "hpbf", "bv", "ps", "ktrans")


def washout(curve: FloatArray, rate: float) -> FloatArray:
    """G(t) = int_0^t c(s) exp(-rate (t - s)) ds on the fine grid, exact for a piecewise linear curve (m,); ``rate`` in 1/s, > 0."""
    keep = math.exp(-rate * STEP_S)
    whole = -math.expm1(-rate * STEP_S) / rate
    new = (1.0 - whole / STEP_S) / rate
    old = whole - new
    out = np.zeros_like(curve)
    held = 0.0
    for n in range(1, curve.size):
        held = keep * held + old * curve[n - 1] + new * curve[n]
        out[n] = held
    return out


def _delayed(clock_s: FloatArray, curve: FloatArray, delay_s: float) -> FloatArray:
    return np.interp(clock_s - delay_s, clock_s, curve, left=0.0)


def tissue_curve(inputs: InputCurves, tissue: Perfusion) -> FloatArray:
    """Enhancement of the tissue in HU (m,) on the inputs' grid."""
    total = np.zeros_like(inputs.clock_s)
    supplies = ((tissue.haf, inputs.arterial, tissue.arterial_delay_s), (1.0 - tissue.haf, inputs.portal, tissue.portal_delay_s))
    for share, curve, delay in supplies:
        area = np.concatenate([[0.0], np.cumsum(0.5 * STEP_S * (curve[1:] + curve[:-1]))])
        held = washout(curve, tissue.rate)
        vascular = _delayed(inputs.clock_s, area, delay) - _delayed(inputs.clock_s, area, delay + tissue.mtt_s)
        total += share * tissue.flow * (vascular + tissue.extraction * _delayed(inputs.clock_s, held, delay + tissue.mtt_s))
    return total


def outflow_curve(inputs: InputCurves, tissue: Perfusion) -> FloatArray:
    """Enhancement of the blood that leaves the tissue (m,): (1 - E) c(t - Tc) + E k G(t - Tc), so that mass is balanced."""
    mixed = tissue.haf * _delayed(inputs.clock_s, inputs.arterial, tissue.arterial_delay_s)
    mixed = mixed + (1.0 - tissue.haf) * _delayed(inputs.clock_s, inputs.portal, tissue.portal_delay_s)
    held = washout(mixed, tissue.rate)
    straight = (1.0 - tissue.extraction) * _delayed(inputs.clock_s, mixed, tissue.mtt_s)
    return np.asarray(straight + tissue.extraction * tissue.rate * _delayed(inputs.clock_s, held, tissue.mtt_s))
