"""A patient that registration was not tuned on: other shapes, another way of breathing, known displacement.

The phantom's organs at rest (no noise, no breathing) are warped by a smooth random map within slices and stretched along the body; then
they are moved by fields that share nothing with the phantom's: travel that differs from left to right and from front to back, a
belly that widens, hysteresis, and in every pass a small random field of its own. Organs slide along a wall that stays. 256 x 256 x 48
voxels of 1.5 x 1.5 x 2.5 mm.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, spline_filter

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.phantom import PhantomSpec, build, liver
from hepaflow.phantom.noise import correlated_noise

SHAPE, SPACING = (48, 256, 256), (2.5, 1.5, 1.5)


@dataclass(frozen=True)
class Moved:
    """A series with its truth: masks in the reference's position, and the fields in :meth:`displacement`."""

    series: DynamicSeries
    still: DynamicSeries
    reference: int
    masks: dict[str, np.ndarray]
    lesions: tuple[str, ...]
    fields: np.ndarray

    @property
    def grid(self) -> Grid:
        return self.series.grid

    def displacement(self, index: int) -> np.ndarray:
        """(k, j, i, 3) mm LPS, pull-back, 0 outside the cavity."""
        return self.fields[index]


def smooth_noise(generator: np.random.Generator, shape: tuple[int, ...], sigma: tuple[float, ...]) -> np.ndarray:
    """A smooth random array of SD 1."""
    field = gaussian_filter(generator.standard_normal(shape), sigma, mode="nearest")
    return field / field.std()


def other_anatomy(seed: int, *, breathing_mm: float = 20.0, noise_hu: float = 15.0) -> Moved:
    generator = np.random.default_rng([seed, 77])
    source = build(PhantomSpec(size="full", noise_hu=0.0, breathing_mm=0.0, seed=seed))
    grid = Grid.from_spacing(SHAPE, SPACING, origin_mm=source.grid.to_mm([8, 0, 0]) + np.array([0.375, 0.375, 0.0]))
    z, y, x = (np.moveaxis(grid.to_mm(np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)), -1, 0))[::-1]
    bend = [9.0 * smooth_noise(generator, SHAPE[1:], (30.0, 30.0)) for _ in range(2)]  # mm within slices, the same at every height
    deep = 4.0 * smooth_noise(generator, SHAPE, (14.0, 22.0, 22.0))
    scale = generator.uniform(0.9, 1.1, 2)

    def to_source(px: np.ndarray, py: np.ndarray, pz: np.ndarray, still: bool) -> np.ndarray:
        at = grid_index(grid, px, py, pz)
        bx, by = (map_coordinates(b, at[1:], order=1, mode="nearest") for b in bend)
        up = 0.0 if still else map_coordinates(deep, at, order=1, mode="nearest")
        return np.stack([px * scale[0] + bx, py * scale[1] + by, (pz - z.mean()) * 0.94 + z.mean() + up])

    plane = to_source(x[0], y[0], z[0], still=True)
    level = liver.cavity_level(plane[0], plane[1])  # under 0 inside, the same at every height
    inside = np.broadcast_to(level < 0.0, SHAPE)
    ramp = np.clip(-level / 12.0, 0.0, 1.0)  # nothing crosses the wall
    right, front = (x + 40.0) / 150.0, (y - 20.0) / 120.0
    high = (z - z.mean()) / 60.0
    spine = np.clip((np.hypot(x, y - 64.0) - 38.0) / 70.0, 0.0, 1.0)
    shapes = np.stack(
        [
            np.stack([0 * x, -0.18 * ramp * spine, -(0.75 - 0.22 * right + 0.2 * high) * spine], -1),
            np.stack([0.12 * ramp * right, -0.3 * ramp * spine, (0.35 * front) * spine], -1),
            np.stack([0.1 * ramp * high, 0 * x, 0.3 * right * spine], -1),
        ]
    ).astype(np.float32)
    times = source.series.times_s
    phase = (
        2.0 * np.pi * times / generator.uniform(3.6, 4.6)
        + generator.uniform(0, 6.28)
        + np.cumsum(generator.normal(0, 0.5, times.size))
    )
    depth = (np.sin(phase / 2.0) ** 4) * generator.uniform(0.7, 1.15, times.size)
    lag = np.sin(phase) * 0.25
    drift = 0.15 * np.linspace(-1, 1, times.size)
    depth /= np.ptp(depth)
    amplitudes = breathing_mm / 0.9 * np.stack([depth, lag, drift], -1)
    reference = int(8 + np.argmin(np.abs(depth[8:15] - np.median(depth))))
    fields = np.einsum("pr,rkjic->pkjic", amplitudes - amplitudes[reference], shapes).astype(np.float32)
    for index in range(times.size):
        if index != reference:
            own = [0.5 * smooth_noise(generator, SHAPE, (16.0, 26.0, 26.0)) for _ in range(3)]
            fields[index] += np.stack([own[0] * ramp, own[1] * ramp, own[2]], -1)
    # what is just outside continues what is inside, so that the inversion below finds no step at the wall
    flat = distance_transform_edt(level >= 0.0, return_distances=False, return_indices=True)
    extended = fields[:, :, flat[0], flat[1]]
    fields[:, ~inside] = 0.0
    voxels = np.empty((times.size, *SHAPE), np.int16)
    rest = np.empty((times.size, *SHAPE), np.int16)
    seeds = generator.spawn(times.size)

    def one(index: int) -> None:
        image = spline_filter(source.series.voxels[index].astype(np.float32), order=3, output=np.float32)

        def seen(px: np.ndarray, py: np.ndarray, pz: np.ndarray, *, still: bool) -> np.ndarray:
            at = grid_index(source.grid, *to_source(px, py, pz, still))
            return map_coordinates(image, at, order=3, mode="nearest", prefilter=False)

        # the point X of the reference that is at each voxel now: X + u(X) = voxel
        px, py, pz = x[inside], y[inside], z[inside]
        u = np.zeros((3, px.size), np.float32)
        for _ in range(12):
            at = grid_index(grid, px - u[0], py - u[1], pz - u[2])
            u = np.stack([map_coordinates(extended[index][..., c], at, order=1, mode="nearest") for c in range(3)])
        wall = seen(x[~inside], y[~inside], z[~inside], still=True)
        for out, shift in ((voxels, u), (rest, 0 * u)):
            now = np.empty(SHAPE, np.float32)
            now[~inside] = wall
            now[inside] = seen(px - shift[0], py - shift[1], pz - shift[2], still=False)
            noise = correlated_noise(np.random.default_rng(seeds[index].integers(1 << 60)), grid, sd_hu=noise_hu, fwhm_mm=2.0)
            out[index] = np.clip(np.rint(now + noise), -1024, 3071)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(times.size)))
    at = grid_index(source.grid, *to_source(x, y, z, still=False))
    masks = {}
    lesions = tuple(lesion.id for lesion in source.lesions if lesion.diameter_mm >= 15.0)
    for name in ("liver", "aorta", "portal_vein", "healthy", *lesions):
        masks[name] = inside & (map_coordinates(source.masks[name].astype(np.float32), at, order=1) > 0.5)
    masks["liver"] &= np.pad(np.ones((SHAPE[0] - 2, *SHAPE[1:]), bool), ((1, 1), (0, 0), (0, 0)))
    lesions = tuple(name for name in lesions if masks[name].sum() > 200)
    series = replace(source.series, voxels=voxels, grid=grid)
    return Moved(series, replace(series, voxels=rest), reference, masks, lesions, fields)


def grid_index(grid: Grid, px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
    """Array indices (3, ..) of points in mm on an axial grid."""
    origin, step = grid.affine[:3, 3], grid.spacing_mm
    return np.stack([(pz - origin[2]) / step[0], (py - origin[1]) / step[1], (px - origin[0]) / step[2]])
