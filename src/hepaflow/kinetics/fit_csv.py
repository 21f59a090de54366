"""Kinetics of curves measured anywhere: any unit that is linear in concentration, single or dual input."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import baseline_flags, baseline_passes
from hepaflow.curves.inputs import dense_inputs, plasma
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_curve import fit_curve

FloatArray = npt.NDArray[np.float64]
#: The column that is the spleen as well as a tissue.
SPLEEN = "spleen"


def fit_columns(
    times_s: FloatArray,
    arterial: FloatArray,
    portal: FloatArray | None,
    tissues: dict[str, FloatArray],
    *,
    model: str,
    density_g_ml: float,
    haematocrit: float | None = None,
) -> tuple[Inputs, tuple[Measurement, ...]]:
    """The inputs as reconstructed and one measurement a tissue column; all columns (n,) on ``times_s`` (n,), NaN = missing.

    Without a portal column the model runs on the arterial input alone. A tissue named ``spleen`` is also the inputs' spleen. With ``haematocrit``
    the inputs are those of plasma. Refused: too few samples, an input that does not enhance.
    """
    chosen = model_of(model)
    baseline = baseline_passes(times_s, arterial)
    inputs = dense_inputs(
        TimeCurve("arterial", times_s, arterial),
        None if portal is None else TimeCurve("portal", times_s, portal),
        baseline_passes=baseline,
        spleen=None if SPLEEN not in tissues else TimeCurve(SPLEEN, times_s, tissues[SPLEEN]),
    )
    told = tuple(flag for flag in baseline_flags(times_s, arterial, baseline, hu=False) if flag != "baseline-short")
    inputs = replace(inputs, flags=tuple(dict.fromkeys((*told, *inputs.flags))))
    if haematocrit is not None:
        inputs = plasma(inputs, haematocrit)
    fitted = tuple(
        fit_curve(TimeCurve(name, times_s, values), inputs, model=chosen, density_g_ml=density_g_ml, seed=zlib.crc32(name.encode()))
        for name, values in tissues.items()
    )
    return inputs, fitted
