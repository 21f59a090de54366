"""Reading one curve with a direct model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics.model import DirectModel
from hepaflow.units import QUANTITIES, per_100_g

FloatArray = npt.NDArray[np.float64]


def read_curve(
    curve: TimeCurve, inputs: Inputs, *, model: DirectModel, density_g_ml: float, voxels: int = 0, seed: int = 0
) -> Measurement:
    """Quantities of ``curve`` (n samples in HU, NaN = missing). Refused: fewer finite samples than the model needs."""
    usable = np.isfinite(curve.values)
    if usable.sum() < model.fewest:
        raise InputRefused(
            "CURVE-TOO-SHORT",
            f"curve {curve.name!r} has fewer than {model.fewest} valid samples",
            "Give a longer or more complete curve",
        )
    found = model.estimate(curve.times_s[usable], curve.values[usable][:, None], inputs, 0.0)
    value = {
        k: per_100_g(float(x[0]), density_g_ml) if QUANTITIES[k].per_mass else float(x[0]) for k, x in found.quantities.items()
    }
    nothing = np.full(curve.times_s.size, np.nan)
    return Measurement(
        region=curve.name,
        voxels=voxels,
        parameters={key: Estimate(x, float("nan")) for key, x in value.items()},
        samples={},
        curve_hu=curve.values,
        fit_hu=nothing,
        delays_s={},
        r2=float("nan"),
        aic=float("nan"),
        residual_sd=float("nan"),
    )
