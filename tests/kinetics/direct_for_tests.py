"""Inputs and curves for the direct models, from the independent truth of ``curves_for_tests``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from curves_for_tests import TISSUES, sampled, true_aath, true_inputs

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.kinetics.model import Direct, DirectModel, Settings

ARTERIAL, PORTAL = true_inputs()
AATH_CURVES = np.stack([true_aath(ARTERIAL, PORTAL, tissue) for tissue in TISSUES], axis=1)


def inputs_at(times_s: np.ndarray, *, single: bool = False, sd: float | None = None) -> Inputs:
    """Exact curves between the samples: what is tested here is the model, not the reconstruction of the inputs."""
    spread = None if sd is None else np.full(times_s.size, sd)
    portal = None if single else TimeCurve("portal", times_s, sampled(PORTAL, times_s), spread)
    found = dense_inputs(TimeCurve("arterial", times_s, sampled(ARTERIAL, times_s), spread), portal, baseline_passes=2)
    dense = found.dense_times_s
    return replace(
        found, dense_arterial=sampled(ARTERIAL, dense), dense_portal=None if single else sampled(PORTAL, dense), flags=()
    )


def curves_at(times_s: np.ndarray, *, count: int = 40, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """Noisy AATH tissue (n, count) in HU with an offset of 40."""
    rng = np.random.default_rng(seed)
    tissue = np.stack([sampled(curve, times_s) for curve in AATH_CURVES.T], axis=1)
    curves = tissue[:, np.arange(count) % tissue.shape[1]] * rng.uniform(0.5, 1.5, count)
    return curves + 40.0 + noise * rng.standard_normal(curves.shape)


def read(
    model: DirectModel,
    times_s: np.ndarray,
    values: np.ndarray,
    inputs: Inputs,
    *,
    noise: float = 1.0,
    settings: Settings | None = None,
) -> Direct:
    chosen = settings or model.settle(times_s, values, inputs, noise)
    return model.prepare(times_s, inputs, chosen).read(values)
