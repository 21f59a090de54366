"""The acquisition protocol and the two inputs of the liver: when the phantom is scanned, and what flows into it.

Times are in seconds; "clock" times count from the start of the injection, pass times from the first pass. Concentration is in HU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: Start of the injection to the first pass.
INJECTION_TO_FIRST_S = 11.0
#: Fifteen passes every 2 s, then six every 20 s, from the first pass.
PASS_TIMES_S = (*(2.0 * n for n in range(15)), *(48.0 + 20.0 * n for n in range(6)))
#: Which of the two series each pass belongs to.
SERIES_OF_PASS = (0,) * 15 + (1,) * 6
CONTRAST_ML = 45.0
CONTRAST_ML_S = 5.0
KVP = 80.0
TUBE_CURRENT_MA = 200.0
ROTATION_S = 1.0
CTDI_VOL_MGY = 3.5  # 21 passes over 16 cm: a dose-length product near 1200 mGy cm
STEP_S = 0.05
_END_CLOCK_S = INJECTION_TO_FIRST_S + PASS_TIMES_S[-1] + 6.0


@dataclass(frozen=True, slots=True, eq=False)
class InputCurves:
    """Enhancement of aorta and portal vein on a fine grid: ``clock_s`` (m,) from the start of injection, values (m,) in HU."""

    clock_s: FloatArray
    arterial: FloatArray
    portal: FloatArray

    @property
    def times_s(self) -> FloatArray:
        """The same grid counted from the first pass."""
        return self.clock_s - INJECTION_TO_FIRST_S


def gamma_transit(clock_s: FloatArray, shape: float, scale_s: float, *, delay_s: float = 0.0) -> FloatArray:
    """A gamma transit-time density (m,), area 1, mean ``delay_s + shape * scale_s``, sampled at step midpoints so that a discrete
    convolution with it (times the step) keeps area and mean.
    """
    late = np.maximum(clock_s + 0.5 * STEP_S - delay_s, 0.0)
    density: FloatArray = late ** (shape - 1.0) * np.exp(-late / scale_s)
    return np.asarray(density / (density.sum() * STEP_S))


def convolve(curve: FloatArray, kernel: FloatArray) -> FloatArray:
    """Causal convolution of two curves (m,) on the fine grid."""
    size = 2 * curve.size
    product = np.fft.irfft(np.fft.rfft(curve, size) * np.fft.rfft(kernel, size), size)
    return np.asarray(product[: curve.size] * STEP_S)


def input_curves(generator: np.random.Generator) -> InputCurves:
    """Draw the patient's two inputs.

    Aorta: the injection (a box as long as volume over rate) through heart and lungs (gamma transit), then round the body again:
    a fast part returns through the organs, a slow part through the interstitium. Portal vein: the aortic curve through gut
    and spleen (gamma transit). Arrival 14-17 s, aortic peak 350-400 HU at 22-26 s, portal peak near 165 HU at 36-42 s on the clock.
    """
    clock = np.arange(0.0, _END_CLOCK_S + STEP_S / 2, STEP_S)
    box = (clock < CONTRAST_ML / CONTRAST_ML_S).astype(float)
    lungs = gamma_transit(clock, 3.0, generator.uniform(1.0, 1.3), delay_s=generator.uniform(13.2, 14.8))
    first = convolve(box, lungs)
    # round again: short ways (heart, brain, kidneys), long ways, and back from the interstitium; the rest is lost to it or to urine
    body = 0.30 * gamma_transit(clock, 2.0, 2.5, delay_s=4.0) + 0.29 * gamma_transit(clock, 2.0, 9.0, delay_s=6.0)
    body = body + 0.26 * gamma_transit(clock, 1.0, 50.0, delay_s=6.0)
    heart = gamma_transit(clock, 3.0, 1.6, delay_s=3.0)
    loop = convolve(body, heart)
    arterial, turn = first.copy(), first
    for _ in range(14):  # a turn takes 12 s at least: fourteen cover the study
        turn = convolve(turn, loop)
        arterial += turn
    arterial *= generator.uniform(350.0, 400.0) / arterial.max()
    gut = gamma_transit(clock, 4.0, generator.uniform(3.8, 4.6), delay_s=generator.uniform(2.0, 4.0))
    portal = convolve(arterial, gut)
    return InputCurves(clock, np.maximum(arterial, 0.0), np.maximum(portal, 0.0))
