"""Kinetics of curves measured anywhere: any unit that is linear in concentration, single or dual input."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import baseline_flags, baseline_passes
from hepaflow.curves.inputs import dense_inputs, plasma
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.model import KineticModel

FloatArray = npt.NDArray[np.float64]
#: The column that is the spleen as well as a tissue.
SPLEEN = "spleen"


def inputs_of_columns(
    times_s: FloatArray,
    arterial: FloatArray,
    portal: FloatArray | None,
    *,
    sd: Mapping[str, FloatArray] | None = None,
    spleen: FloatArray | None = None,
    haematocrit: float | None = None,
) -> Inputs:
    """The inputs as reconstructed from columns (n,) on ``times_s`` (n,), NaN = missing; as plasma where a haematocrit is given.

    Without a portal column models run on the arterial input alone. ``sd`` holds the standard errors (n,) of the samples of ``arterial`` and
    ``portal`` where they are known. ``spleen`` marks the end of the arterial phase. Refused: too few samples, an input that does not enhance.
    """
    baseline = baseline_passes(times_s, arterial)
    error = sd or {}
    found = dense_inputs(
        TimeCurve("arterial", times_s, arterial, error.get("arterial")),
        None if portal is None else TimeCurve("portal", times_s, portal, error.get("portal")),
        baseline_passes=baseline,
        spleen=None if spleen is None else TimeCurve(SPLEEN, times_s, spleen),
    )
    told = tuple(flag for flag in baseline_flags(times_s, arterial, baseline, hu=False) if flag != "baseline-short")
    found = replace(found, flags=tuple(dict.fromkeys((*told, *found.flags))))
    return found if haematocrit is None else plasma(found, haematocrit)


def fit_column(curve: TimeCurve, inputs: Inputs, *, model: KineticModel, density_g_ml: float) -> Measurement:
    """One measurement of a tissue column; the same column gives the same draws whatever stands beside it. Refused: too few samples."""
    return fit_curve(curve, inputs, model=model, density_g_ml=density_g_ml, seed=zlib.crc32(curve.name.encode()))
