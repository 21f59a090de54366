"""Kinetics of curves measured anywhere: any unit that is linear in concentration, single or dual input."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import baseline_passes
from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_curve import fit_curve

FloatArray = npt.NDArray[np.float64]


def fit_columns(
    times_s: FloatArray,
    arterial: FloatArray,
    portal: FloatArray | None,
    tissues: dict[str, FloatArray],
    *,
    model: str,
    density_g_ml: float,
) -> tuple[Inputs, tuple[Measurement, ...]]:
    """The inputs as reconstructed and one measurement a tissue column; all columns (n,) on ``times_s`` (n,), NaN = missing.

    Without a portal column the model runs on the arterial input alone. Refused: too few samples, an input that does not enhance.
    """
    chosen = model_of(model)
    baseline = baseline_passes(times_s, arterial)
    inputs = dense_inputs(
        TimeCurve("arterial", times_s, arterial),
        None if portal is None else TimeCurve("portal", times_s, portal),
        baseline_passes=baseline,
    )
    fitted = tuple(
        fit_curve(TimeCurve(name, times_s, values), inputs, model=chosen, density_g_ml=density_g_ml, seed=zlib.crc32(name.encode()))
        for name, values in tissues.items()
    )
    return inputs, fitted
