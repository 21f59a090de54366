"""Breathing: how far the organs have slid along the chest wall at each pass.

The displacement of the reference's point X in a pass is a sum of two spatial modes with one amplitude each (mm LPS):

    u(X) = -(a1 + a2 front(X)) g(X) [0, ap(X), 1]

so points move downwards and forwards on inspiration; ``g`` falls to 0 at spine and aorta and towards the lower abdomen, ``ap`` to 0 at the
wall, which nothing crosses: the cavity is a cylinder along z and u is parallel to its wall. Outside the cavity u is 0 (sliding).
The second mode is the hysteresis: the front of the abdomen follows late, a2 = A (s(t - lag) - s(t)).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LAG_S = 0.3
_STEP_S = 0.02


def breathing_trace(generator: np.random.Generator, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Depth of inspiration at ``times_s`` and ``LAG_S`` earlier, both (n,), as a fraction of the largest travel between two passes.

    Breaths of irregular length (about 4 s) and depth, a rest at end-expiration, and a slow drift of the resting position.
    """
    start, end = -15.0, float(times_s[-1]) + 15.0
    fine = np.arange(start, end, _STEP_S)
    depth = np.zeros_like(fine)
    onset = start - generator.uniform(0.0, 4.0)
    while onset < end:
        length = float(np.clip(generator.normal(4.2, 0.5), 3.0, 5.6))
        height = float(np.clip(generator.normal(1.0, 0.18), 0.55, 1.5))
        phase = np.clip((fine - onset) / length, 0.0, 1.0)
        depth += height * np.sin(np.pi * phase**0.85) ** 2.6
        onset += length
    period, shift = generator.uniform(60.0, 110.0), generator.uniform(0.0, 2.0 * np.pi)
    depth += 0.10 * np.sin(2.0 * np.pi * fine / period + shift) + generator.uniform(-0.10, 0.10) * fine / times_s[-1]
    now = np.interp(times_s, fine, depth)
    late = np.interp(times_s - LAG_S, fine, depth)
    travel = float(now.max() - now.min())
    return now / travel, late / travel


def amplitudes(generator: np.random.Generator, times_s: FloatArray, breathing_mm: float) -> FloatArray:
    """Amplitudes (passes, 2) in mm of the two modes; the first spans exactly ``breathing_mm`` over the passes."""
    now, late = breathing_trace(generator, times_s)
    return breathing_mm * np.stack([now, late - now], axis=-1)


def reference_pass(amplitude: FloatArray, candidates: range) -> int:
    """The candidate pass nearest to the mean position of all passes, so that others lie above and below it."""
    usual = amplitude[:, 0].mean()
    return int(candidates[int(np.argmin(np.abs(amplitude[candidates.start : candidates.stop, 0] - usual)))])
