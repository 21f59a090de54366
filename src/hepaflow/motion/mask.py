"""The cavity: what breathing moves. Inside ribs and spine, the chest wall left out, because organs slide along it.

In every slice rays leave the trunk's axis; the cavity ends where the nearest bone begins, bridged between ribs, and where there is no bone
near by (the soft belly) at the wall's thickness next to it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Volume = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BONE_HU = 170.0
BODY_HU = -300.0
_ANGLES = 120
#: Between two ribs of one side there are 2 to 3 cm along the body's axis, and ribs run obliquely.
_BRIDGE_MM, _BRIDGE_ANGLES = 24.0, 2
_BELLY_WALL_MM = 22.0
_MARGIN_MM = 2.0


def body(lowest: Volume) -> Mask:
    """The trunk (k, j, i): the largest connected part denser than fat is to air, holes and lungs filled slice by slice."""
    from scipy import ndimage

    dense = np.nan_to_num(lowest, nan=-1000.0) > BODY_HU
    opened = ndimage.binary_opening(dense, structure=np.ones((1, 3, 3), bool))
    labels, count = ndimage.label(opened)
    if count == 0:
        return dense
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    trunk = labels == int(sizes.argmax())
    return np.stack([ndimage.binary_fill_holes(part) for part in trunk])


def cavity(lowest: Volume, spacing_mm: tuple[float, float, float]) -> Mask:
    """The cavity (k, j, i) of the volume ``lowest`` (the lowest HU of all passes, patient order), empty where no trunk is found."""
    from scipy import ndimage

    trunk = body(lowest)
    if not trunk.any():
        return trunk
    bone = ndimage.gaussian_filter(np.nan_to_num(lowest, nan=-1000.0), (0, 0.5, 0.5)) > BONE_HU
    nj, ni = lowest.shape[1:]
    dj, di = spacing_mm[1], spacing_mm[2]
    columns = trunk.sum(axis=0)
    centre_j = float((columns.sum(axis=1) * np.arange(nj)).sum() / columns.sum())
    centre_i = float((columns.sum(axis=0) * np.arange(ni)).sum() / columns.sum())
    step = min(dj, di) / 2.0
    radii = np.arange(0.0, np.hypot(nj * dj, ni * di), step)
    theta = np.arange(_ANGLES) * (2.0 * np.pi / _ANGLES)  # 0 = left, quarter turn = posterior
    rows = np.rint(centre_j + np.outer(np.sin(theta), radii) / dj).astype(int)
    cols = np.rint(centre_i + np.outer(np.cos(theta), radii) / di).astype(int)
    within = (rows >= 0) & (rows < nj) & (cols >= 0) & (cols < ni)
    rows, cols = np.clip(rows, 0, nj - 1), np.clip(cols, 0, ni - 1)
    on_ray = trunk[:, rows, cols] & within
    skin = np.where(on_ray, radii, 0.0).max(axis=-1)
    posterior = np.abs(theta - np.pi / 2) < np.pi / 4
    nearest = np.where(posterior, 0.2, 0.55)[None, :] * skin  # contrast in the bowel is no rib
    bony = bone[:, rows, cols] & on_ray & (radii >= nearest[..., None])
    rib = np.where(bony, radii, np.inf).min(axis=-1)
    reach = 2 * round(_BRIDGE_MM / spacing_mm[0]) + 1
    rib = ndimage.minimum_filter(rib, size=(reach, 2 * _BRIDGE_ANGLES + 1), mode=("nearest", "wrap"))
    wall = skin - rib
    edge = np.where(np.isfinite(rib), rib, skin - _bridged(wall))
    edge = ndimage.gaussian_filter(np.minimum(edge, skin), (1.0, 1.0), mode=("nearest", "wrap")) - _MARGIN_MM
    y = (np.arange(nj) - centre_j)[:, None] * dj
    x = (np.arange(ni) - centre_i)[None, :] * di
    radius, angle = np.hypot(y, x), np.arctan2(y, x) % (2.0 * np.pi)
    place = angle * (_ANGLES / (2.0 * np.pi))
    low = np.floor(place).astype(int) % _ANGLES
    share = place - np.floor(place)
    limit = (1.0 - share) * edge[:, low] + share * edge[:, (low + 1) % _ANGLES]
    return np.asarray(trunk & (radius[None] < limit))


def _bridged(wall: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Wall thickness where rays meet no bone: from the nearest rays that do, towards the belly wall's usual thickness far from them."""
    from scipy import ndimage

    known = np.isfinite(wall)
    weight = ndimage.gaussian_filter(known.astype(float), (3.0, 4.0), mode=("nearest", "wrap"))
    value = ndimage.gaussian_filter(np.where(known, wall, 0.0), (3.0, 4.0), mode=("nearest", "wrap"))
    return np.asarray((value + 0.05 * _BELLY_WALL_MM) / (weight + 0.05))
