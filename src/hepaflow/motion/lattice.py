"""Where registration works: every pass on a common grid of about 3 mm in patient order, and a lattice of nodes of about 6 mm that carries the field.

Registration sees the study in patient order (axis 0 upwards, axis 1 to posterior, axis 2 to the left), whatever the order of its voxels, and
works in mm along those axes; :attr:`Scene.axes` turns such vectors into mm LPS.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries

FloatArray = npt.NDArray[np.float64]
Volume = npt.NDArray[np.float32]

#: Wanted spacing (axis 0, 1, 2) in mm of the images that are registered, and of the nodes of the field.
WORKING_MM = (2.5, 3.0, 3.0)
NODE_MM = (6.0, 6.0, 6.0)
#: HU outside this range carry no position: bolus in the aorta and bone are one value, and so is air. Lung must stay apart from its border with
#: the liver: cut at -200 HU, half-filled voxels look like lung and the dome seems to lie 0.3 mm lower. Applied after interpolation.
WINDOW_HU = (-900.0, 400.0)
#: Passes that may be of anything without a say in ``lowest``.
_SPARED = 2


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is registered: ``volumes`` (passes, k, j, i) float32 HU in patient order (NaN where not measured), their ``grid``,
    ``lowest`` (k, j, i) about the lowest HU of all passes, one that a few broken passes do not set, ``block`` the working voxels a node, ``nodes`` the lattice of the field.
    """

    volumes: Volume
    lowest: Volume
    grid: Grid
    nodes: Grid
    block: tuple[int, int, int]

    @property
    def axes(self) -> FloatArray:
        """Unit vectors (3, 3) of the working axes in LPS, one a column."""
        affine = self.grid.affine[:3, :3]
        return np.asarray(affine / np.linalg.norm(affine, axis=0))


def patient_order(grid: Grid) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which array axis runs along z, y and x, and whether against it.

    >>> patient_order(Grid.from_spacing((4, 5, 6), (5.0, 1.0, 1.0)))
    ((0, 1, 2), (False, False, False))
    """
    steps = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    world = (2, 1, 0)
    order = max(itertools.permutations(range(3)), key=lambda axes: sum(abs(steps[w, a]) for w, a in zip(world, axes, strict=True)))
    against = tuple(bool(steps[w, a] < 0) for w, a in zip(world, order, strict=True))
    return (order[0], order[1], order[2]), (against[0], against[1], against[2])


def reordered(grid: Grid, order: tuple[int, int, int], against: tuple[bool, bool, bool]) -> Grid:
    """The same voxels with axes permuted and flipped."""
    affine = np.eye(4)
    affine[:3, 3] = grid.affine[:3, 3]
    for axis, (source, flip) in enumerate(zip(order, against, strict=True)):
        step = grid.affine[:3, source]
        affine[:3, axis] = -step if flip else step
        if flip:
            affine[:3, 3] += step * (grid.shape[source] - 1)
    return Grid((grid.shape[order[0]], grid.shape[order[1]], grid.shape[order[2]]), affine, grid.frame_of_reference_uid)


def coarser(grid: Grid, factors: tuple[int, int, int]) -> Grid:
    """The grid of blocks of ``factors`` voxels; a rest that fills no block is left out."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_mm([(f - 1) / 2.0 for f in factors])
    affine[:3, :3] = grid.affine[:3, :3] * np.array(factors, float)
    shape = tuple(n // f for n, f in zip(grid.shape, factors, strict=True))
    return Grid((shape[0], shape[1], shape[2]), affine, grid.frame_of_reference_uid)


def block_mean(volume: npt.NDArray[np.generic], factors: tuple[int, int, int]) -> Volume:
    """Mean (k, j, i) float32 of the measured voxels of each block; NaN where a block holds none."""
    f0, f1, f2 = factors
    n0, n1, n2 = (n // f for n, f in zip(volume.shape, factors, strict=True))
    cut = volume[: n0 * f0, : n1 * f1, : n2 * f2].astype(np.float32)
    if factors == (1, 1, 1):
        return cut
    blocks = cut.reshape(n0, f0, n1, f1, n2, f2)
    measured = np.isfinite(blocks)
    if measured.all():
        return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32))
    count = measured.sum(axis=(1, 3, 5))
    total = np.where(measured, blocks, np.float32(0)).sum(axis=(1, 3, 5))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _factors(
    spacing: tuple[float, float, float], wanted: tuple[float, float, float], shape: tuple[int, int, int]
) -> tuple[int, int, int]:
    f = [min(max(1, round(w / s)), n) for s, w, n in zip(spacing, wanted, shape, strict=True)]
    return f[0], f[1], f[2]


def scene(series: DynamicSeries) -> Scene:
    """The series on its working grid and lattice; excluded passes are brought there as well."""
    order, against = patient_order(series.grid)
    grid = reordered(series.grid, order, against)
    flips = tuple(slice(None, None, -1 if flip else 1) for flip in against)
    factors = _factors(grid.spacing_mm, WORKING_MM, grid.shape)
    working = coarser(grid, factors)
    volumes = np.empty((series.passes, *working.shape), np.float32)
    for index in range(series.passes):
        volumes[index] = block_mean(series.voxels[index].transpose(order)[flips], factors)
    used = [index for index in range(series.passes) if index not in series.excluded]
    spared = min(_SPARED, len(used) // 4)
    lowest = np.partition(volumes[used], spared, axis=0)[spared]  # what is not measured counts as highest
    block = _factors(working.spacing_mm, NODE_MM, working.shape)
    return Scene(volumes, lowest, working, coarser(working, block), block)


def cropped(whole: Scene, mask: npt.NDArray[np.bool_], *, margin_nodes: int = 4) -> tuple[Scene, npt.NDArray[np.bool_]]:
    """The scene and its mask cut to the mask's box, ``margin_nodes`` wider within slices; all heights are kept."""
    shape = whole.grid.shape
    cuts = [slice(0, shape[0] // whole.block[0] * whole.block[0])]
    for axis in (1, 2):
        held = np.flatnonzero(mask.any(axis=(0, 3 - axis)))
        b = whole.block[axis]
        low = max(held[0] // b - margin_nodes, 0)
        high = min(held[-1] // b + 1 + margin_nodes, shape[axis] // b)
        cuts.append(slice(int(low) * b, int(high) * b))
    affine = whole.grid.affine.copy()
    affine[:3, 3] = whole.grid.to_mm([cut.start for cut in cuts])
    size = tuple(cut.stop - cut.start for cut in cuts)
    grid = Grid((size[0], size[1], size[2]), affine, whole.grid.frame_of_reference_uid)
    inner = (cuts[0], cuts[1], cuts[2])
    volumes = np.ascontiguousarray(whole.volumes[:, *inner])
    return Scene(volumes, whole.lowest[inner].copy(), grid, coarser(grid, whole.block), whole.block), mask[inner].copy()
