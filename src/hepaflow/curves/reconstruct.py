"""One input between its samples: the circulation model where it can be trusted, plain interpolation where it cannot.

Two seconds between passes cut the top off a bolus, and the portal peak may fall between the dense and the sparse series. Straight
or spline interpolation then biases every flow without showing in the residual. So the model carries the shape between the samples,
and the samples keep the last word at the samples, but for those that the scanner clipped: these are only lower bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from hepaflow.curves.circulation import Shape, fit_bolus, fit_transit
from hepaflow.domain.curves import TimeCurve

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: A model that leaves more than this share of the peak unexplained (RMS) is not trusted between samples.
TRUSTED_REMAINDER = 0.08
#: An arterial model that rises this far above the highest sample was set by where the samples fell, not by the bolus: at 2 s between
#: passes a 5-s bolus is topped by 1.3 times, while at 5 s the same samples allow a needle of any height.
OVERSHOOT = 1.4
#: The same above samples that were clipped: blood brighter than twice the ceiling is not seen after 15 to 20 g of iodine.
OVERSHOOT_CLIPPED = 2.0
#: One sigma of an untrusted interpolation, as a share of its difference from the model.
DOUBT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """A curve (m,) in HU on the dense grid, one-sigma changes ``modes`` (q, m) of it, and whether the model carried it.

    The first ``opened`` modes are what is open between the samples, the rest what one standard error of each sample changes.
    """

    curve: FloatArray
    modes: FloatArray
    opened: int
    trusted: bool

    @property
    def sd(self) -> FloatArray:
        """Standard deviation (m,) in HU: of what is open between the samples, and of the samples themselves."""
        return np.asarray(np.sqrt((self.modes**2).sum(0)))


def join(curve: TimeCurve, clipped: Mask, dense_s: FloatArray, *, source: Joined | None) -> Joined:
    """Enhancement ``curve`` (n samples in HU, baseline removed, NaN = missing) on the uniform grid ``dense_s`` (m,).

    ``source`` is the arterial input where the curve is portal. ``clipped`` (n,) samples are lower bounds. Where too few samples
    are left without them, or none above the baseline, they are taken as they are.
    """
    usable = np.isfinite(curve.values)
    held = usable & ~clipped
    if held.sum() < 5 or not curve.values[held].max() > 0:
        held = usable
    shape = _shape(curve, held, dense_s, source)
    low = usable & clipped & (np.interp(curve.times_s, dense_s, shape.curve) < curve.values)
    if low.any():
        held = held | low
        shape = _shape(curve, held, dense_s, source)
    t, y, sd = _samples(curve, held)
    joined = shape.curve + between(t, y - np.interp(t, dense_s, shape.curve), dense_s)
    top = float(np.nanmax(curve.values))
    ceiling = np.inf if source is not None else top * (OVERSHOOT_CLIPPED if (clipped & ~held).any() else OVERSHOOT)
    if shape.misfit <= TRUSTED_REMAINDER * top and float(joined.max()) <= ceiling:
        # the samples hold: only what changes between them is open
        opened = shape.modes - _between_all(t, np.stack([np.interp(t, dense_s, mode) for mode in shape.modes]), dense_s)
        back = np.stack([np.interp(t, dense_s, row) for row in shape.follows])
        noise = sd[:, None] * (shape.follows + _between_all(t, np.eye(t.size) - back, dense_s))
        return Joined(joined, _stack(opened, noise, curve.sd), len(opened), True)
    t, y, sd = _samples(curve, usable)
    plain = between(t, y, dense_s)
    opened = DOUBT * (np.minimum(joined, ceiling) - plain)[None]
    return Joined(plain, _stack(opened, _between_all(t, np.diag(sd), dense_s), curve.sd), 1, False)


def between(t: FloatArray, y: FloatArray, dense_s: FloatArray) -> FloatArray:
    """Monotone interpolation (PCHIP), held constant outside the samples."""
    return np.asarray(PchipInterpolator(t, y)(np.clip(dense_s, t[0], t[-1])), float)


def _between_all(t: FloatArray, rows: FloatArray, dense_s: FloatArray) -> FloatArray:
    return np.stack([between(t, row, dense_s) for row in rows])


def _shape(curve: TimeCurve, held: Mask, dense_s: FloatArray, source: Joined | None) -> Shape:
    samples = _samples(curve, held)
    return (
        fit_bolus(dense_s, samples)
        if source is None
        else fit_transit(dense_s, source.curve, source.modes[: source.opened], samples)
    )


def _samples(curve: TimeCurve, held: Mask) -> tuple[FloatArray, FloatArray, FloatArray]:
    sd = np.zeros(curve.values.size) if curve.sd is None else np.nan_to_num(curve.sd)
    return curve.times_s[held], curve.values[held], sd[held]


def _stack(opened: FloatArray, noise: FloatArray, sd: FloatArray | None) -> FloatArray:
    return opened if sd is None else np.concatenate([opened, noise])
