"""Adiabatic tissue homogeneity (AATH): the distributed-parameter model of the thesis's workstation, with two inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.convolve import Residues
from hepaflow.kinetics.model import Expected, Parameter, ResidueModel

FloatArray = npt.NDArray[np.float64]


def _residues(shape: FloatArray) -> Residues:
    transit, rate, extraction = shape[:, 0], shape[:, 1], shape[:, 2]
    return Residues.of((1.0, 0.0, 0.0), (-1.0, transit, 0.0), (extraction, transit, rate))


def _derive(flow: FloatArray, shape: FloatArray) -> dict[str, FloatArray]:
    transit, rate, extraction = shape[:, 0], shape[:, 1], shape[:, 2]
    ktrans = flow * extraction
    return {
        "bv": flow * transit / 60.0,
        "mtt": transit,
        "total_mtt": transit + extraction / rate,
        "ps": -flow * np.log1p(-extraction),
        "ktrans": ktrans,
        "extraction": extraction,
        "ve": ktrans / rate / 60.0,
    }


AATH = ResidueModel(
    key="aath",
    name="dual-input adiabatic tissue homogeneity (Johnson-Wilson)",
    shape=(
        Parameter("mtt", "s", (1.0, 40.0), "log", 9.0, 0.35, "sinusoidal transit of liver and tumour, 4 to 20 s"),
        Parameter(
            "rate", "1/s", (0.001, 0.5), "log", 0.02, 1.2, "broad: Ktrans/ve goes with flow, so what is known of it stands in ve"
        ),
        Parameter("extraction", "1", (0.005, 0.98), "logit", 0.4, 1.0, "anywhere between a closed and a fenestrated capillary"),
    ),
    residues=_residues,
    derive=_derive,
    quantities=("bf", "habf", "hpbf", "haf", "bv", "mtt", "total_mtt", "ps", "ktrans", "extraction", "ve"),
    formula="R(t) = 1 for t < MTT, then E exp(-(t - MTT) E BF / ve); E = 1 - exp(-PS / BF)",
    cannot="With fewer than about 3.5 minutes of data the permeability (PS, extraction) is weak; per voxel it is mostly the prior.",
    sources=(
        "Johnson JA, Wilson TA. Am J Physiol 1966;210:1299",
        "St Lawrence KS, Lee TY. J Cereb Blood Flow Metab 1998;18:1365",
        "Stewart EE et al. Phys Med Biol 2008 (dual input in liver CT)",
    ),
    expected=(Expected("ve", 25.0, 0.5, "interstitium of liver and tumour, 10 to 60 mL per 100 mL"),),
)
