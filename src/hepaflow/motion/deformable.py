"""Deformable registration of one pass to the reference: local least squares with local gain and offset under a smoothness penalty.

Coarse to fine; every step solves for the whole field at once, so that a node without texture follows its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.motion import local_fit, resample
from hepaflow.motion.lattice import WINDOW_HU, Scene, Volume

Field = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

#: Least unexplained variance of a window, HU2: below it agreement is chance.
FLOOR_HU2 = 20.0
#: Least smoothing in voxels: without it interpolation between voxels blurs a pass enough to prefer half-voxel shifts.
LEAST_VOXELS = 1.5
SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Level:
    """One level: smoothing of the images in mm, of the windows in nodes, stiffness of the field, Gauss-Newton steps."""

    image_mm: float
    window_nodes: float
    stiffness: float
    steps: int


#: From the shift of a pass on: to where all passes together go on from, and on to the end for a pass on its own.
START = (Level(6.0, 1.0, 8.0, 3), Level(4.5, 1.0, 3.0, 3))
ALONE = (*START, Level(3.0, 0.7, 2.0, 6))


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """What a pass is compared with: HU (k, j, i) and its slopes (3, k, j, i) per mm; NaN, and 0, where it is not known."""

    values: Volume
    slopes: npt.NDArray[np.float32]


def picture(scene: Scene, index: int, mask: Mask, image_mm: float) -> Volume:
    """A pass inside the mask (NaN outside), smoothed by a Gaussian of that full width at half maximum.

    The wall and what is not measured take no part: smoothed in, they would stand still at the edge of organs that slide along them.
    """
    from scipy.ndimage import gaussian_filter

    sigma = [max(image_mm / s, LEAST_VOXELS) / 2.3548 for s in scene.grid.spacing_mm]
    volume = scene.volumes[index]
    known = mask & np.isfinite(volume)
    weight = gaussian_filter(known.astype(np.float32), sigma, mode="nearest")
    total = gaussian_filter(np.where(known, np.clip(volume, *WINDOW_HU), np.float32(0)), sigma, mode="nearest")
    return np.where(known, total / np.maximum(weight, 1e-6), np.float32(np.nan)).astype(np.float32)


def brought(scene: Scene, image: Volume, field: Field) -> Volume:
    """A picture of a pass under ``field`` (nodes, 3; mm along the working axes): what lies where the reference is, NaN where that was not seen."""
    out = np.empty_like(image)
    in_lps = np.einsum("kjia,xa->kjix", field, scene.axes).astype(np.float32)
    resample.pull_back(image, scene.grid, field=in_lps, nodes=scene.nodes, out=out)
    return out


def compared_with(values: Volume, spacing_mm: tuple[float, float, float]) -> Fixed:
    """The values with their slopes, by central differences (0 across an axis of one voxel and beside what is not known)."""
    slopes = np.zeros((3, *values.shape), np.float32)
    for axis in range(3):
        if values.shape[axis] > 1:
            slopes[axis] = np.nan_to_num(np.gradient(values, spacing_mm[axis], axis=axis))
    return Fixed(values, slopes)


def fixed_at(scene: Scene, reference: int, mask: Mask, image_mm: float) -> Fixed:
    """The reference inside the mask, smoothed, with its slopes."""
    return compared_with(picture(scene, reference, mask, image_mm), scene.grid.spacing_mm)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the images say at a field: information (nodes, 6), gradient (nodes, 3), unexplained variance HU2 (nodes)."""

    hessian: FloatArray
    gradient: FloatArray
    residual: FloatArray


def evidence(fixed: Fixed, moving: Volume, field: Field, scene: Scene, *, window_nodes: float) -> Evidence:
    """Compare a pass (its :func:`picture`) under ``field`` with ``fixed``, window by window."""
    from scipy.ndimage import gaussian_filter1d

    shape = scene.nodes.shape
    sums = np.empty((*shape, local_fit.SUMS))
    local_fit.accumulate(
        fixed.values,
        fixed.slopes,
        moving,
        field,
        np.array(scene.grid.spacing_mm),
        np.array(scene.block),
        np.array(WINDOW_HU),
        sums,
    )
    if window_nodes > 0:
        for axis in range(3):
            sums = gaussian_filter1d(sums, window_nodes, axis=axis, mode="nearest", truncate=3.0)
    sums *= local_fit.FULL / np.prod(scene.block)
    hessian, gradient, residual = np.empty((*shape, 6)), np.empty((*shape, 3)), np.empty(shape)
    local_fit.normal_equations(sums, FLOOR_HU2, hessian, gradient, residual)
    return Evidence(hessian, gradient, residual)


def active_nodes(mask: Mask, scene: Scene) -> Mask:
    """Nodes that carry the field: those with a voxel of the mask in their block, and two beyond, so that the edge moves with it."""
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask_share(mask, scene) > 0, iterations=2))


def mask_share(mask: Mask, scene: Scene) -> npt.NDArray[np.float32]:
    """Share of each node's block that lies in the mask."""
    from hepaflow.motion.lattice import block_mean

    return block_mean(mask, scene.block)


def stiffness_of(scene: Scene, stiffness: float) -> FloatArray:
    """Stiffness along the three axes of nodes: finer steps are stiffer, as differences over a shorter way count more."""
    spacing = np.array(scene.nodes.spacing_mm)
    return np.asarray(stiffness * (6.0 / spacing) ** 2)


def register(
    scene: Scene,
    fixed: dict[float, Fixed],
    index: int,
    mask: Mask,
    start: Field,
    active: Mask,
    *,
    levels: tuple[Level, ...] = ALONE,
) -> Field:
    """The field (nodes k, j, i, 3) of pass ``index`` in mm along the working axes, from ``start``; ``fixed`` by the levels' smoothing in mm."""
    field = start.copy()
    for level in levels:
        moving = picture(scene, index, mask, level.image_mm)
        stiffness = stiffness_of(scene, level.stiffness)
        for _ in range(level.steps):
            found = evidence(fixed[level.image_mm], moving, field, scene, window_nodes=level.window_nodes)
            new = local_fit.smooth_step(found.hessian, found.gradient, active, field, stiffness, SWEEPS)
            field = field + np.clip(new - field, -5.0, 5.0)
    return field
