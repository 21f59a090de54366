"""Maps of a direct model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.map_chunk import Chunk, Fit, Fitter, Voxels, factor
from hepaflow.kinetics.model import DirectModel, Settings

FloatArray = npt.NDArray[np.float64]


def direct_fitter(model: DirectModel, inputs: Inputs, times_s: FloatArray, *, settings: Settings, density_g_ml: float) -> Fitter:
    """Reads voxels with the ``settings`` that hold for the whole study."""

    def prepare(samples: npt.NDArray[np.bool_]) -> Fit:
        reader = model.prepare(times_s[samples], inputs, settings)

        def fit(data: Voxels) -> Chunk:
            found = reader.read(data)
            values, sd = ({k: x * np.float32(factor(k, density_g_ml)) for k, x in d.items()} for d in (found.quantities, found.sd))
            return Chunk(values, sd, np.zeros(data.shape[1], np.uint8))

        return fit

    return prepare
