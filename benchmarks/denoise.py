"""What denoising does to maps whose truth is known: error and bias of flow and arterial fraction by place, noise gain, edge response.

A still phantom gets four more lesions, balls of 8, 10, 12 and 15 mm of tissue at 0.4 times the healthy flow, in clear liver. Usage:

    python benchmarks/denoise.py [--size small|full] [--noise-hu 5 10 15] [--radius-mm 6] [--strength 3] [--seed 1]

Each row is without denoising (``none``), with it (``tips``) and with the same neighbourhood and no regard to profiles (``gauss``). At ``full`` size
only the five middle slices of each lesion and of the healthy region are computed.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product

import numpy as np
from scipy import ndimage

from hepaflow.curves.inputs import make_inputs
from hepaflow.denoise.box import cut_out, put_back
from hepaflow.denoise.tips import denoise, neighbours
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_maps import fit_maps
from hepaflow.phantom import PhantomSpec, build
from hepaflow.phantom.noise import correlated_noise
from hepaflow.regions.find import find

BALLS_MM = (15.0, 12.0, 10.0, 8.0)
LIKE = "lesion-2"
NO_LIKENESS = 1e6
SUBVOXELS = 4


def share_in_ball(grid, centre, radius_mm):
    """Share of each voxel inside a ball, by sub-voxels."""
    fine = (np.arange(SUBVOXELS) + 0.5) / SUBVOXELS - 0.5
    axes = [((np.arange(n)[:, None] + fine - c) * s) ** 2 for n, c, s in zip(grid.shape, centre, grid.spacing_mm, strict=True)]
    reach = [max(int(radius_mm / s) + 2, 1) for s in grid.spacing_mm]
    cut = [slice(max(c - r, 0), c + r + 1) for c, r in zip(centre, reach, strict=True)]
    a, b, c = (axis[s] for axis, s in zip(axes, cut, strict=True))
    inside = a[:, None, None, :, None, None] + b[None, :, None, None, :, None] + c[None, None, :, None, None, :] <= radius_mm**2
    share = np.zeros(grid.shape, np.float32)
    share[tuple(cut)] = inside.mean((3, 4, 5))
    return share


def with_balls(phantom):
    """The phantom's voxels and truth with four more lesions, and the lesions' masks."""
    grid, times = phantom.grid, phantom.series.times_s
    tissues = phantom.curves.tissues
    curve = {name: np.interp(times, phantom.curves.times_s, tissues[name]) for name in ("liver", LIKE)}
    delta = (42.0 - 60.0) + curve[LIKE] - curve["liver"]
    voxels, truth = phantom.series.voxels.copy(), {k: phantom.truth_maps[k].copy() for k in ("bf", "haf")}
    free = phantom.masks["liver"] & ~phantom.masks["healthy"]
    free[[0, -1]] = False  # whole balls only
    clear = ndimage.distance_transform_edt(free, sampling=grid.spacing_mm)
    masks = {}
    for diameter in BALLS_MM:
        centre = np.unravel_index(int(clear.argmax()), clear.shape)
        share = share_in_ball(grid, centre, diameter / 2)
        where = np.nonzero(share)
        voxels[:, *where] = np.rint(voxels[:, *where] + delta[:, None] * share[where]).astype(voxels.dtype)
        mask = share > 0.5
        for key, values in truth.items():
            values[mask] = phantom.truth_regions[LIKE][key]
        masks[f"ball {diameter:.0f} mm"] = mask
        taken = [((np.arange(n) - c) * s) ** 2 for n, c, s in zip(grid.shape, centre, grid.spacing_mm, strict=True)]
        clear[taken[0][:, None, None] + taken[1][:, None] + taken[2] < 30.0**2] = 0.0
    return voxels, truth, masks


def places(phantom, regions, balls):
    """Masks by the name of their row."""
    whole = np.logical_or.reduce([lesion.shells["whole"].mask for lesion in regions.lesions])
    found = {"healthy": regions.healthy.mask}
    for lesion in regions.lesions:
        found[f"{lesion.id} ({lesion.longest_axial_diameter_mm:.0f} mm)"] = lesion.shells["whole"].mask
        if lesion.id == "lesion-1":
            found["  its rim"], found["  its core"] = lesion.shells["rim"].mask, lesion.shells["core"].mask
    cross = ndimage.generate_binary_structure(3, 1)
    border = ndimage.binary_dilation(whole, cross) & ~ndimage.binary_erosion(whole, cross)
    found["all lesions"], found["edges of lesions"] = whole, border & (whole | phantom.masks["liver"])
    return found | balls


def middle_slices(mask):
    """The five middle slices of a region."""
    hit = np.flatnonzero(mask.any((1, 2)))
    kept = np.zeros_like(mask)
    kept[max(hit[len(hit) // 2] - 2, 0) : hit[len(hit) // 2] + 3] = True
    return mask & kept


def on_phantom(size, noise_hu, *, radius_mm, strength, seed):
    phantom = build(PhantomSpec(size=size, breathing_mm=0.0, noise_hu=noise_hu, seed=seed))
    given = {name: phantom.labels == number for number, name in phantom.names.items()}
    regions = find(phantom.series, given, frame=phantom.reference)
    inputs = make_inputs(phantom.series, regions)
    voxels, truth, balls = with_balls(phantom)
    series = replace(phantom.series, voxels=voxels)
    where = places(phantom, regions, balls)
    if size == "full":
        kept = [middle_slices(mask) for mask in where.values()]
        mask = np.logical_or.reduce(kept)
        regions = replace(
            regions,
            liver=replace(regions.liver, mask=mask),
            healthy=replace(regions.healthy, mask=mask & regions.healthy.mask),
            lesions=(),
        )
    else:
        mask = np.logical_or.reduce([regions.liver.mask, *where.values()])
        regions = replace(regions, liver=replace(regions.liver, mask=mask))
    table = {}
    for method in ("none", "tips", "gauss"):
        if method == "none":
            maps = fit_maps(series, inputs, regions=regions, model=model_of("aath"), density_g_ml=1.05)
        else:
            started = time.process_time()
            chosen = strength if method == "tips" else NO_LIKENESS
            clean = denoise(series, mask, radius_mm=radius_mm, strength=chosen)
            seconds = time.process_time() - started
            local = cut_out(regions, clean.box, clean.series.grid)
            maps = fit_maps(clean.series, inputs, regions=local, model=model_of("aath"), density_g_ml=1.05)
            maps = put_back(maps, clean.box, series.grid)
            print(
                f"   {method}: noise {clean.noise.sd_hu:.1f} HU, in the maps' data {maps.noise_hu:.1f} HU, {seconds:.1f} CPU s for {mask.sum()} voxels"
            )
        for name, place in where.items():
            table.setdefault(name, []).append([errors(maps.maps[key].values - truth[key], place & mask) for key in ("bf", "haf")])
    print(
        f"{size}, {noise_hu:g} HU: bias / RMSE    {'BF none':>14s} {'tips':>14s} {'gauss':>14s} | {'HAF none':>15s} {'tips':>15s} {'gauss':>15s}"
    )
    for name, rows in table.items():
        flow = " ".join(f"{row[0][0]:+6.1f} / {row[0][1]:5.1f}" for row in rows)
        fraction = " ".join(f"{row[1][0]:+.3f} / {row[1][1]:.3f}" for row in rows)
        print(f"   {name:22s}   {flow} | {fraction}")


def errors(image, place):
    values = image[place].astype(float)
    values = values[np.isfinite(values)]
    return values.mean(), np.sqrt((values**2).mean())


def block(spacing_mm, shape, *, fwhm_mm, noise_hu, edge=None):
    """A block of liver, or of liver and another tissue (``edge``: its HU, its enhancement over that of liver) side by side, with noise; and the truth."""
    times = np.r_[np.arange(0.0, 30.0, 2.0), np.arange(48.0, 149.0, 20.0)]
    curve = 60.0 * (1.0 - np.exp(-np.clip(times - 9.0, 0, None) / 14.0))
    truth = np.broadcast_to(60.0 + curve[:, None, None, None], (times.size, *shape)).copy()
    if edge is not None:
        truth[..., shape[2] // 2 :] = edge[0] + edge[1] * curve[:, None, None, None]
    generator, grid = np.random.default_rng(0), Grid.from_spacing(shape, spacing_mm)
    noise = np.stack([correlated_noise(generator, grid, sd_hu=noise_hu, fwhm_mm=fwhm_mm) for _ in times])
    return DynamicSeries((truth + noise).astype(np.float32), grid, times, Acquisition("made")), truth


def gains(radius_mm, strength):
    """Noise before over noise after in uniform tissue, white and correlated, beside what the weights give at best."""
    for spacing, shape in (((5.0, 3.0, 3.0), (9, 60, 60)), ((2.5, 0.75, 0.75), (9, 80, 80))):
        inside = np.zeros(shape, bool)
        inside[2:-2, 10:-10, 10:-10] = True
        weights = neighbours(spacing, radius_mm)[1].astype(float)
        best = (1 + weights.sum()) / np.sqrt(1 + (weights**2).sum())
        said = []
        for fwhm in (0.01, 2.0, 3.0, 4.0, 6.0):
            series, truth = block(spacing, shape, fwhm_mm=fwhm, noise_hu=10.0)
            clean = denoise(series, inside, radius_mm=radius_mm, strength=strength)
            left = (clean.series.voxels - truth[(slice(None), *clean.box)])[:, inside[clean.box]].std()
            said.append(f"{'white' if fwhm < 1 else f'FWHM {fwhm:g} mm'} {10.0 / left:.1f}")
        print(
            f"noise gain, voxel {spacing[0]:g} x {spacing[1]:g} x {spacing[2]:g} mm: {', '.join(said)}; weights alone on white noise {best:.1f}"
        )


def edge_response(radius_mm, strength):
    """Share of the step that a voxel takes over from the other side, by its distance from the border, late in the study."""
    for noise_hu, tissue in product((5.0, 10.0, 15.0), ((42.0, 0.4), (54.0, 0.85))):
        series, truth = block((2.5, 0.75, 0.75), (9, 60, 80), fwhm_mm=2.0, noise_hu=noise_hu, edge=tissue)
        mask = np.zeros(series.grid.shape, bool)
        mask[2:-2, 10:-10, 15:-15] = True
        late = slice(12, None)
        step = (truth[late, 0, 0, 0] - truth[late, 0, 0, -1]).mean()
        rows = []
        for chosen in (strength, NO_LIKENESS):
            clean = denoise(series, mask, radius_mm=radius_mm, strength=chosen)
            error = (clean.series.voxels - truth[(slice(None), *clean.box)])[late].mean((0, 1, 2))
            rows.append([0.5 * (error[25 + n] - error[24 - n]) / step for n in range(5)])
        print(f"edge, {noise_hu:g} HU, step {step:.0f} HU, voxels 1 to 5 beside it: " + "; ".join(f"{name} {' '.join(f'{100 * v:.1f}%' for v in row)}" for name, row in zip(("tips", "gauss"), rows, strict=True)))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("small", "full"), default="small")
    parser.add_argument("--noise-hu", type=float, nargs="*", default=[5.0, 10.0, 15.0])
    parser.add_argument("--radius-mm", type=float, default=6.0)
    parser.add_argument("--strength", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    gains(options.radius_mm, options.strength)
    edge_response(options.radius_mm, options.strength)
    for noise_hu in options.noise_hu:
        on_phantom(options.size, noise_hu, radius_mm=options.radius_mm, strength=options.strength, seed=options.seed)


if __name__ == "__main__":
    main()
