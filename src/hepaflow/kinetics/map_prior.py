"""The prior of a voxel, and the noise of its samples, from the study itself."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics.dictionary import Sources, parameters, prior_of
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.map_exact import ExactTables
from hepaflow.kinetics.map_posterior import Tissue, VoxelPrior
from hepaflow.kinetics.model import ResidueModel

FloatArray = npt.NDArray[np.float64]

#: How far a voxel's shape may lie from its organ's, as a share of the physiological spread.
SHAPE_SPREAD = 0.7
#: How far each flow of a voxel may lie from its organ's, as a share of the organ's total flow.
FLOW_SPREAD = 0.4
#: How far the delays of voxels lie from the organ's, in s.
DELAY_SPREAD_S = 1.5
#: A kind of tissue that is there has at least this prior probability, however few its voxels.
LEAST_SHARE = 0.1
#: Noise below this share of the enhancement, or this many HU, is not believed.
LEAST_NOISE, LEAST_NOISE_HU = 0.03, 0.2


def organ_prior(curves: dict[str, tuple[TimeCurve, int]], inputs: Inputs, *, model: ResidueModel) -> VoxelPrior:
    """Prior of a voxel from the mean curves of the organ's tissues: name to curve and number of voxels; the first sets the delays.

    Each tissue's fitted shape and flows are centres; the spreads are stated above. A tissue whose curve cannot be fitted is left out.
    Refused: when none can.
    """
    fitted: dict[str, Measurement] = {}
    refused = None
    for name, (curve, _) in curves.items():
        try:
            fitted[name] = fit_curve(curve, inputs, model=model, density_g_ml=1.0, seed=zlib.crc32(name.encode()))
        except InputRefused as error:
            refused = refused or error
    if not fitted:
        assert refused is not None
        raise refused
    voxels = np.array([curves[name][1] for name in fitted], float)
    share = np.maximum(voxels / voxels.sum(), LEAST_SHARE)
    share /= share.sum()
    tissues = tuple(_tissue(found, model, float(part)) for found, part in zip(fitted.values(), share, strict=True))
    first = next(iter(fitted.values()))
    delays = np.array(list(first.delays_s.values()))
    return VoxelPrior(tissues, delays, np.full(delays.size, DELAY_SPREAD_S))


def _tissue(found: Measurement, model: ResidueModel, share: float) -> Tissue:
    _, spread = prior_of(model.shape)
    centre = np.array([float(q.to_scale(np.clip(found.shape[q.key], *q.bounds))) for q in model.shape])
    flow = np.array(list(found.flows_ml_min_100_ml.values()))
    width = np.full(flow.size, max(FLOW_SPREAD * float(flow.sum()), 1.0))
    return Tissue(share, centre, SHAPE_SPREAD * spread, flow, width)


def voxel_noise(data: npt.NDArray[np.float32], times_s: FloatArray, inputs: Inputs, *, model: ResidueModel) -> float:
    """Noise SD in HU of one sample of one voxel: from what the exact fits of some voxels ``data`` (n, v), without NaN, leave unexplained.

    The median over voxels of the sum of squares, over the median of its chi-square distribution. Never below LEAST_NOISE of the
    enhancement or LEAST_NOISE_HU: a model is no better than that, and the dictionary of the posterior no finer.
    """
    sources = Sources.of(inputs)
    freedom = times_s.size - 1 - len(parameters(model, sources.count)) - sources.count
    found = ExactTables.of(model, sources, times_s).fit(data)
    median = max(freedom, 1) * (1.0 - 2.0 / (9.0 * max(freedom, 1))) ** 3
    noise = float(np.sqrt(np.median(found.energy) / median))
    return max(noise, LEAST_NOISE * enhancement(data), LEAST_NOISE_HU)


def enhancement(data: npt.NDArray[np.float32]) -> float:
    """Median over voxels of the range of their samples (n, v)."""
    return float(np.median(data.max(0) - data.min(0)))
