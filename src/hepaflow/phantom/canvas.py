"""The fine raster of what moves, and how the image grid lies on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.phantom import liver, raster

Size = Literal["small", "full"]
FloatArray = npt.NDArray[np.float64]
FloatImage = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

#: Matrix (slices, rows, columns) and fine points a voxel along each, by size.
MATRIX: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "small": ((32, 128, 128), (2, 2, 2)),
    "full": ((64, 512, 512), (2, 1, 1)),
}
_MARGIN_MM = 35.0
_LATTICE_MM = 3.0
_TEXTURE_SIGMA_MM = 5.0
_TEXTURE_SD = 0.07


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A smooth random factor around 1: ``lattice`` (k, j, i) every 3 mm from ``first_mm`` (x, y, z); the same in mm for every size."""

    lattice: FloatImage
    first_mm: FloatArray

    def on(self, zs: FloatArray, ys: FloatArray, xs: FloatArray) -> FloatImage:
        """Linearly interpolated on the product of three axes in mm: (zs, ys, xs)."""
        out = self.lattice
        for axis, points in enumerate((zs, ys, xs)):
            place = (points - self.first_mm[2 - axis]) / _LATTICE_MM
            low = np.floor(place).astype(int)
            share = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            out = np.take(out, low, axis) * (1 - share) + np.take(out, low + 1, axis) * share
        return out

    def mean_in_ball(self, centre_mm: tuple[float, float, float], radius_mm: float) -> float:
        """Mean over a ball."""
        steps = np.arange(-radius_mm, radius_mm + 0.5, 1.0)
        zs, ys, xs = (centre_mm[a] + steps for a in (2, 1, 0))
        squares = steps**2
        inside = squares[:, None, None] + squares[:, None] + squares <= radius_mm**2
        return float(self.on(zs, ys, xs)[inside].mean())


def draw_texture(generator: np.random.Generator) -> Texture:
    """Gaussian noise smoothed to a correlation length near 10 mm, SD 7 %, cut at 2.5 SD."""
    from scipy.ndimage import gaussian_filter

    first = np.array([low - 40.0 for low, _ in liver.BOX_MM])
    counts = [int((high - low + 80.0) / _LATTICE_MM) + 2 for low, high in reversed(liver.BOX_MM)]
    smooth = gaussian_filter(generator.standard_normal(counts), _TEXTURE_SIGMA_MM / _LATTICE_MM, mode="wrap")
    factor = 1.0 + _TEXTURE_SD * np.clip(smooth / smooth.std(), -2.5, 2.5)
    return Texture(factor.astype(np.float32), first)


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Everything that moves, in the reference's breathing state, on a raster ``factors`` times finer than the image ``grid``.

    The raster covers the ``window`` (rows, columns) of voxels that hold the cavity, and ``margin`` fine points above and below the image.
    ``pitch_mm`` and ``origin_mm`` (its first point) are x, y, z. ``inside`` (fine rows, fine columns of the window) is the cavity's share.
    ``top``, ``below``, ``cover``: see :mod:`hepaflow.phantom.raster`.
    """

    grid: Grid
    factors: tuple[int, int, int]
    window: tuple[slice, slice]
    margin: int
    pitch_mm: FloatArray
    origin_mm: FloatArray
    inside: FloatImage
    top: Bytes
    below: Bytes
    cover: Bytes
    texture: FloatImage

    @property
    def seen(self) -> slice:
        """The raster's slices that lie in the image when nothing has moved."""
        return slice(self.margin, self.margin + self.grid.shape[0] * self.factors[0])

    def share(self, tissues: list[int]) -> FloatImage:
        """Share of each voxel (k, j, i) filled by ``tissues``, in the reference's breathing state."""
        chosen = np.zeros(256, dtype=np.float32)
        chosen[tissues] = 1.0
        out = np.zeros(self.grid.shape, dtype=np.float32)
        part = np.zeros_like(out[:, *self.window])
        raster.share_of(self.top[self.seen], self.below[self.seen], self.cover[self.seen], self.inside, chosen, self.factors, part)
        out[:, *self.window] = part
        return out

    def voxel_texture(self) -> FloatImage:
        """Mean texture of each voxel (k, j, i); 1 outside the window."""
        out = np.ones(self.grid.shape, dtype=np.float32)
        nk, nj, ni = out[:, *self.window].shape
        fk, fj, fi = self.factors
        out[:, *self.window] = self.texture[self.seen].reshape(nk, fk, nj, fj, ni, fi).mean((1, 3, 5))
        return out


def image_grid(size: Size) -> Grid:
    """The grid of a size: the same box in mm for both."""
    shape, _ = MATRIX[size]
    dz, dy, dx = ((high - low) / n for (low, high), n in zip(liver.BOX_MM[::-1], shape, strict=True))
    (x, _), (y, _), (z, _) = liver.BOX_MM
    return Grid.from_spacing(shape, (dz, dy, dx), origin_mm=(x + dx / 2, y + dy / 2, z + dz / 2))


def make_canvas(size: Size, lesions: tuple[liver.LesionShape, ...], texture: Texture) -> Canvas:
    """Paint everything that moves."""
    grid, factors = image_grid(size), MATRIX[size][1]
    pitch = np.array([spacing / factor for spacing, factor in zip(grid.spacing_mm, factors, strict=True)][::-1])
    corner = np.array([low for low, _ in liver.BOX_MM]) + pitch / 2.0
    xs, ys = (corner[a] + pitch[a] * np.arange(grid.shape[2 - a] * factors[2 - a]) for a in (0, 1))
    inside = np.clip(0.5 - liver.cavity_level(xs[None, :], ys[:, None]) / pitch[0], 0.0, 1.0).astype(np.float32)
    bounds = []
    for along, factor in ((inside.any(1), factors[1]), (inside.any(0), factors[2])):
        filled = np.flatnonzero(along) // factor
        bounds.append((int(filled[0]) - 1, int(filled[-1]) + 2))
    (j0, j1), (i0, i1) = bounds
    fine_rows, fine_columns = slice(j0 * factors[1], j1 * factors[1]), slice(i0 * factors[2], i1 * factors[2])
    margin = int(np.ceil(_MARGIN_MM / pitch[2]))
    zs = corner[2] + pitch[2] * (np.arange(grid.shape[0] * factors[0] + 2 * margin) - margin)
    ys, xs = ys[fine_rows], xs[fine_columns]
    origin = np.array([xs[0], ys[0], zs[0]])
    shape = (zs.size, ys.size, xs.size)
    top, below, cover = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    raster.paint(top, below, cover, liver.shape_table(lesions), liver.liver_parts(), origin, pitch, liver.ROUND_MM)
    window = (slice(j0, j1), slice(i0, i1))
    kept = np.ascontiguousarray(inside[fine_rows, fine_columns])
    return Canvas(grid, factors, window, margin, pitch, origin, kept, top, below, cover, texture.on(zs, ys, xs))


def displacement_on(grid: Grid, amplitude: FloatArray) -> FloatImage:
    """The two modes of motion with ``amplitude`` (2,) in mm on an axial grid: (k, j, i, 3) mm LPS."""
    zs, ys, xs = (
        grid.affine[axis, 3] + np.arange(n) * grid.affine[axis, 2 - axis] for axis, n in zip((2, 1, 0), grid.shape, strict=True)
    )
    inside = liver.cavity_level(xs[None, :], ys[:, None]) < 0.0
    out = np.zeros((*grid.shape, 3), dtype=np.float32)
    raster.displacement_field(xs, ys, zs, inside, float(amplitude[0]), float(amplitude[1]), liver.MOTION, out)
    return out
