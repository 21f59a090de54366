"""Two-compartment exchange (2CXM) with one or two inputs: mixed vessels that exchange with a mixed interstitium."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.convolve import Residues
from hepaflow.kinetics.model import Expected, Parameter, ResidueModel

FloatArray = npt.NDArray[np.float64]


def _residues(shape: FloatArray) -> Residues:
    """Two decays. Contrast leaves the vessels at the rate ``out``, a share E of it into the interstitium, and leaves that at ``rate``.

    The decays' rates are the roots of (x - out)(x - rate) = E out rate; both forms of a difference are kept, so that nothing cancels
    where they are nearly equal.
    """
    transit, rate, extraction = shape[:, 0], shape[:, 1], shape[:, 2]
    out = 1.0 / (transit * (1.0 - extraction))
    apart = np.sqrt((out - rate) ** 2 + 4.0 * extraction * out * rate)
    fast = 0.5 * (out + rate + apart)
    slow = rate / (transit * fast)
    wide = apart + np.abs(out - rate)
    above = np.where(out >= rate, 0.5 * wide, 2.0 * extraction * out * rate / wide)  # fast - rate
    share = above / (transit * fast * apart)
    return Residues.of((share, 0.0, fast), (1.0 - share, 0.0, slow))


def _derive(flow: FloatArray, shape: FloatArray) -> dict[str, FloatArray]:
    transit, rate, extraction = shape[:, 0], shape[:, 1], shape[:, 2]
    ps = flow * extraction / (1.0 - extraction)
    return {
        "bv": flow * transit / 60.0,
        "mtt": transit,
        "total_mtt": transit + extraction / (1.0 - extraction) / rate,
        "ps": ps,
        "ktrans": flow * extraction,
        "extraction": extraction,
        "ve": ps / rate / 60.0,
    }


TWO_COMPARTMENT = ResidueModel(
    key="two-compartment",
    name="dual-input two-compartment exchange (2CXM)",
    shape=(
        Parameter(
            "mtt", "s", (0.5, 240.0), "log", 9.0, 0.7, "vascular volume over flow, 4 to 20 s in liver and tumour, longer elsewhere"
        ),
        Parameter(
            "rate", "1/s", (0.001, 0.5), "log", 0.02, 1.2, "broad: PS/ve goes with flow, so what is known of it stands in ve"
        ),
        Parameter("extraction", "1", (0.005, 0.98), "logit", 0.4, 1.0, "anywhere between a closed and a fenestrated capillary"),
    ),
    residues=_residues,
    derive=_derive,
    quantities=("bf", "habf", "hpbf", "haf", "bv", "mtt", "total_mtt", "ps", "ktrans", "extraction", "ve"),
    formula="BV dcb/dt = BF (cin - cb) - PS (cb - ce), ve dce/dt = PS (cb - ce); E = PS / (BF + PS); BV = BF MTT",
    cannot=(
        "It takes the vessels as mixed: where blood passes as a front the flow comes out high and the transit short. "
        "With fewer than about 3.5 minutes of data PS and ve are mostly the prior."
    ),
    sources=(
        "Brix G et al. Magn Reson Med 2004;52:420",
        "Sourbron SP, Buckley DL. Phys Med Biol 2012;57:R1",
        "Sourbron SP, Buckley DL. NMR Biomed 2013;26:1004",
    ),
    expected=(Expected("ve", 25.0, 0.5, "interstitium of liver and tumour, 10 to 60 mL per 100 mL"),),
)
