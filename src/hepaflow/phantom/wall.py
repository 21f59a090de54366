"""What stands still while the patient breathes: skin, fat, muscle, ribs, spine and the table, in HU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.phantom.liver import CAVITY

FloatArray = npt.NDArray[np.float64]

_AIR, _SKIN, _FAT, _MUSCLE, _DISC, _MARROW, _CORTEX, _CANAL, _TABLE = -1000.0, 20.0, -105.0, 58.0, 85.0, 230.0, 650.0, 32.0, -420.0
_RIB_SPACING_MM, _RIB_DROP_MM_PER_RAD = 30.0, 40.0


def _outline(x: FloatArray, y: FloatArray, grow_mm: float, *, back_mm: float = 0.0) -> FloatArray:
    """Rough signed distance in mm to the cavity's outline grown by ``grow_mm`` (the back by ``back_mm`` more)."""
    cx, cy, a, b = CAVITY
    a, b, cy = a + grow_mm, b + grow_mm + back_mm / 2.0, cy + back_mm / 2.0
    level = (np.abs((x - cx) / a) ** 3 + np.abs((y - cy) / b) ** 3) ** (1.0 / 3.0)
    return np.asarray((level - 1.0) * 0.5 * (a + b) * 0.85)


def _ellipse(x: FloatArray, y: FloatArray, centre: tuple[float, float], radii: tuple[float, float]) -> FloatArray:
    k0 = np.sqrt(((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2)
    return np.asarray((k0 - 1.0) * min(radii))


def _over(image: FloatArray, distance: FloatArray, value: float, pitch: float) -> None:
    """Paint ``value`` inside ``distance`` < 0 with an edge one pixel wide, in place."""
    share = np.clip(0.5 - distance / pitch, 0.0, 1.0)
    image += share * (value - image)


def wall_slices(
    x: FloatArray, y: FloatArray, heights_mm: FloatArray, pitch: float, outside: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """HU (n, rows, columns) at ``heights_mm`` (n,), weighted with ``outside`` (rows, columns), and the share of it that enhances like muscle.

    ``x`` (1, columns) and ``y`` (rows, 1) are pixel centres in mm.
    """
    image = np.full(np.broadcast_shapes(x.shape, y.shape), _AIR)
    _over(image, np.maximum(np.abs(y - 148.0 + (x / 40.0) ** 2) - 3.0, np.abs(x) - 170.0), _TABLE, pitch)
    _over(image, _outline(x, y, 32.0, back_mm=16.0), _SKIN, pitch)
    _over(image, _outline(x, y, 30.0, back_mm=16.0), _FAT, pitch)
    muscle = _outline(x, y, 13.0, back_mm=10.0)
    for side in (-1.0, 1.0):
        muscle = np.minimum(muscle, _ellipse(x, y, (side * 34.0, 94.0), (30.0, 20.0)))
    _over(image, muscle, _MUSCLE, pitch)
    share = np.clip(0.5 - muscle / pitch, 0.0, 1.0)
    bone = image.copy()
    for centre, radii in (
        ((0.0, 114.0), (4.5, 12.0)),
        ((-26.0, 93.0), (18.0, 5.0)),
        ((26.0, 93.0), (18.0, 5.0)),
        ((0.0, 92.0), (15.0, 14.0)),
    ):
        _over(bone, _ellipse(x, y, centre, radii), _CORTEX * 0.7, pitch)
    body = _ellipse(x, y, (0.0, 66.0), (24.0, 19.0))
    _over(bone, body, _CORTEX, pitch)
    _over(bone, body + 2.5, _MARROW, pitch)
    _over(bone, _ellipse(x, y, (0.0, 92.0), (10.0, 9.0)), _CANAL, pitch)
    _over(image, body, _DISC, pitch)
    _over(image, _ellipse(x, y, (0.0, 92.0), (10.0, 9.0)), _CANAL, pitch)
    ribs = np.abs(_outline(x, y, 6.5)) - 4.0
    side_angle = np.arctan2(np.abs(x), y - 20.0)  # 0 at the back, pi in front
    shell = ribs < pitch
    out = np.empty((heights_mm.size, *image.shape), dtype=np.float32)
    for n, z in enumerate(heights_mm):
        level = (z + 2.0) % _RIB_SPACING_MM
        disc = float(np.clip(0.5 + (abs(level - 15.0) - 11.5) / 1.5, 0.0, 1.0))
        plane = disc * image + (1.0 - disc) * bone
        along = (z + _RIB_DROP_MM_PER_RAD * side_angle[shell]) % _RIB_SPACING_MM
        front = (side_angle[shell] - 1.8 - 0.7 * (z + 80.0) / 160.0) * 60.0
        rib = np.maximum(np.maximum(ribs[shell], np.abs(along - 15.0) - 5.5), front)
        values = plane[shell]
        _over(values, rib, _CORTEX, pitch)
        _over(values, rib + 2.2, _MARROW, pitch)
        plane[shell] = values
        out[n] = plane * outside
    return out, share.astype(np.float32)
