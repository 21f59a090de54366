"""Dual-input one-compartment model (Materne)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.convolve import Residues
from hepaflow.kinetics.model import Parameter, ResidueModel

FloatArray = npt.NDArray[np.float64]


def _residues(shape: FloatArray) -> Residues:
    return Residues.of((1.0, 0.0, 1.0 / shape[:, 0]))


def _derive(flow: FloatArray, shape: FloatArray) -> dict[str, FloatArray]:
    transit = shape[:, 0]
    return {"bv": flow * transit / 60.0, "mtt": transit, "total_mtt": transit}


ONE_COMPARTMENT = ResidueModel(
    key="one-compartment",
    name="dual-input one-compartment (Materne)",
    shape=(Parameter("mtt", "s", (0.5, 120.0), "log", 15.0, 0.7, "distribution volume over flow, 5 to 40 s in liver and tumour"),),
    residues=_residues,
    derive=_derive,
    quantities=("bf", "habf", "hpbf", "haf", "bv", "mtt", "total_mtt"),
    formula="R(t) = exp(-t / MTT); BV is the distribution volume BF x MTT",
    cannot="It cannot tell vessel from interstitium: no PS, Ktrans or extraction, and BV is the whole distribution volume.",
    sources=("Materne R et al. Clin Sci 2000;99:517", "Materne R et al. Magn Reson Med 2002;47:135"),
)
