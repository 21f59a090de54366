"""Inputs and every tissue column fitted, as ``hepaflow fit`` does it."""

from __future__ import annotations

import numpy as np

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_csv import fit_column, inputs_of_columns


def fit_columns(
    times_s: np.ndarray,
    arterial: np.ndarray,
    portal: np.ndarray | None,
    tissues: dict[str, np.ndarray],
    *,
    model: str,
    density_g_ml: float,
) -> tuple[Inputs, tuple[Measurement, ...]]:
    inputs = inputs_of_columns(times_s, arterial, portal)
    chosen = model_of(model)
    found = (fit_column(TimeCurve(n, times_s, x), inputs, model=chosen, density_g_ml=density_g_ml) for n, x in tissues.items())
    return inputs, tuple(found)
