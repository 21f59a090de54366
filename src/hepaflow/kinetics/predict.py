"""The curve of a fitted residue model at any times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.dictionary import Sources, atoms, parameters
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, ResidueModel

FloatArray = npt.NDArray[np.float64]


def predict(found: Measurement, inputs: Inputs, times_s: FloatArray, *, model: ResidueModel) -> FloatArray:
    """Enhancement above the tissue's baseline at ``times_s`` (n,), in the unit of the inputs, of the most probable parameters.

    C(t) = sum over inputs of F_i (R * c_i)(t - d_i), F_i per mL and second. ``inputs`` are those that ``found`` was fitted with; at
    the samples this is ``found.fit_hu``. Density plays no part: the kept flows are per 100 mL.
    """
    sources = Sources.of(inputs)
    values = np.array([[found.shape[p.key] for p in parameters(model, sources.count)]])
    flows = np.array(list(found.flows_ml_min_100_ml.values()))
    rows = atoms(model, sources, times_s, values)[:, 0] / FLOW_PER_MIN_100_ML
    return np.asarray(flows @ rows)
