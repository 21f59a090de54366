"""The truth on the image grid: regions as a careful reader draws them, and the parameter maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.phantom.canvas import Canvas, Texture
from hepaflow.phantom.design import CUT_OFF, Design, level_for_texture
from hepaflow.phantom.liver import HEALTHY_BALL, NUMBER, TISSUES, LesionShape
from hepaflow.phantom.perfusion import FLOW_LINEAR, Perfusion

FloatArray = npt.NDArray[np.float64]
FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

#: Labels of the ROI set; lesion n has 10 + n.
LABELS = {1: "aorta", 2: "portal_vein", 3: "healthy", 4: "spleen", 5: "liver"}
#: How far inside its wall a region is drawn, in mm.
_DEPTH_MM = {"aorta": 3.5, "portal_vein": 2.0, "spleen": 5.0}


@dataclass(frozen=True, slots=True)
class LesionTruth:
    """One lesion as it is: the part it plays, longest axial diameter in mm, share of a necrotic core (of the radius).

    ``bf_ratio`` is the blood flow of all its voxels over that of the healthy region, ``vascular_bf_ratio`` the same without the core; ``haf`` is
    that of the vascular part. ``expected`` is what the ratio means: ``major`` response below 0.68, else ``minor``.
    """

    id: str
    kind: str
    role: str
    centre_mm: tuple[float, float, float]
    diameter_mm: float
    core_share: float
    bf_ratio: float
    vascular_bf_ratio: float
    haf: float
    expected: str


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What :func:`draw` returns."""

    labels: npt.NDArray[np.int16]
    names: dict[int, str]
    masks: dict[str, Mask]
    maps: dict[str, FloatImage]
    regions: dict[str, dict[str, float]]
    lesions: tuple[LesionTruth, ...]


def level(design: Design, lesions: tuple[LesionShape, ...], texture: Texture) -> Design:
    """Correct each lesion's flow for the mean texture in it and in the healthy region."""
    local = tuple(texture.mean_in_ball(lesion.centre_mm, 0.46 * lesion.diameter_mm) for lesion in lesions)
    return level_for_texture(design, texture.mean_in_ball(*HEALTHY_BALL), local)


def _deep(mask: Mask, spacing_mm: tuple[float, float, float], depth_mm: float) -> Mask:
    """The voxels of ``mask`` at least ``depth_mm`` from the nearest voxel outside it."""
    from scipy.ndimage import distance_transform_edt

    where = [np.flatnonzero(mask.any(axis)) for axis in ((1, 2), (0, 2), (0, 1))]
    box = tuple(slice(int(found[0]), int(found[-1]) + 1) for found in where)
    padded = np.pad(mask[box], ((0, 0), (1, 1), (1, 1)))  # vessels go on past the first and last slice
    out = np.zeros_like(mask)
    out[box] = (distance_transform_edt(padded, sampling=spacing_mm) > depth_mm)[:, 1:-1, 1:-1]
    return out


def _in_healthy_ball(canvas: Canvas) -> Mask:
    centre, radius = HEALTHY_BALL
    affine, shape = canvas.grid.affine, canvas.grid.shape
    dz, dy, dx = (affine[a, 3] + affine[a, 2 - a] * np.arange(n) - centre[a] for a, n in zip((2, 1, 0), shape, strict=True))
    return np.asarray(dz[:, None, None] ** 2 + dy[:, None] ** 2 + dx**2 <= radius**2)


def _regions(canvas: Canvas, lesions: tuple[LesionShape, ...]) -> dict[str, Mask]:
    """Masks (k, j, i) of the organs (``*_whole``), of the lesions, and of the regions a reader would draw."""
    spacing, first = canvas.grid.spacing_mm, len(TISSUES)
    core = first + len(lesions)
    parenchyma = canvas.share([NUMBER["liver"]])
    masks = {"aorta": canvas.share([NUMBER["aorta"]]) > 0.99, "portal_vein": canvas.share([NUMBER["portal_trunk"]]) > 0.99}
    masks["spleen"] = canvas.share([NUMBER["spleen"]]) > 0.99
    masks = {name: _deep(mask, spacing, _DEPTH_MM[name]) for name, mask in masks.items()}
    vessels = [NUMBER[name] for name in ("portal_branch", "hepatic_vein")]
    everything = canvas.share([NUMBER["liver"], *range(first, core + 1)])
    masks["healthy"] = _in_healthy_ball(canvas) & (parenchyma > 0.999)
    masks["liver"] = parenchyma > 0.5
    masks["liver_whole"] = everything > 0.5
    masks["liver_vessels"] = (canvas.share(vessels) > 0.5) & _closed(masks["liver_whole"])
    for number, lesion in enumerate(lesions):
        parts = [first + number, core] if lesion.core > 0.0 else [first + number]
        masks[lesion.name] = canvas.share(parts) > 0.5
        if lesion.core > 0.0:
            masks[f"{lesion.name}-core"] = canvas.share([core]) > 0.5
            masks[f"{lesion.name}-vascular"] = canvas.share([first + number]) > 0.5
    return masks


def _closed(mask: Mask) -> Mask:
    from scipy.ndimage import binary_closing

    return np.asarray(binary_closing(mask, iterations=2))


def _maps(canvas: Canvas, kinetic: dict[int, Perfusion]) -> dict[str, FloatImage]:
    """Parameter maps: each voxel has the truth of the tissue that fills most of it, times its texture where that is linear in flow."""
    owner = np.zeros(canvas.grid.shape, dtype=np.uint8)  # tissue 0 is fat, which has no truth
    known = canvas.share(sorted(kinetic)) > 0.5
    best = np.zeros(canvas.grid.shape, dtype=np.float32)
    for number in kinetic:
        share = canvas.share([number])
        larger = known & (share > best)
        owner[larger], best[larger] = number, share[larger]
    texture = canvas.voxel_texture()
    maps = {}
    for key in next(iter(kinetic.values())).parameters():
        table = np.full(256, np.nan, dtype=np.float32)
        for number, perfusion in kinetic.items():
            table[number] = perfusion.parameters()[key]
        image = table[owner]
        maps[key] = image * texture if key in FLOW_LINEAR else image
    return maps


def _means(maps: dict[str, FloatImage], mask: Mask) -> dict[str, float]:
    """Truth of a region's mean curve: flows are means, the rest follows from them (NaN where no voxel has a truth)."""
    flow = maps["bf"][mask].astype(float)
    if not np.isfinite(flow).any():
        return dict.fromkeys(maps, float("nan"))
    means = {key: float(np.nanmean(maps[key][mask].astype(float))) for key in FLOW_LINEAR}
    means["haf"] = means["habf"] / means["bf"]
    means["mtt"] = 60.0 * means["bv"] / means["bf"]
    means["extraction"] = means["ktrans"] / means["bf"]
    total = maps["total_mtt"][mask].astype(float)
    means["total_mtt"] = float(np.nansum(total * flow) / np.nansum(flow))
    return {key: means[key] for key in maps}


def draw(canvas: Canvas, lesions: tuple[LesionShape, ...], design: Design) -> Drawn:
    """Regions, maps and lesion truth of a canvas."""
    masks = _regions(canvas, lesions)
    maps = _maps(canvas, design.kinetic())
    names = dict(LABELS) | {10 + n: lesion.name for n, lesion in enumerate(lesions, start=1)}
    labels = np.zeros(canvas.grid.shape, dtype=np.int16)
    order = [5, 3, *range(11, 11 + len(lesions)), 1, 2, 4]
    for label in order:
        labels[masks[names[label]]] = label
    regions: dict[str, dict[str, float]] = {name: _means(maps, masks[name]) for name in ("healthy", "liver")}
    found = []
    for lesion, role in zip(lesions, design.roles, strict=True):
        inner = [name for name in masks if name == lesion.name or name.startswith(f"{lesion.name}-")]
        for name in inner:
            regions[name] = _means(maps, masks[name])
            regions[name]["bf_ratio"] = regions[name]["bf"] / regions["healthy"]["bf"]
        vascular = regions.get(f"{lesion.name}-vascular", regions[lesion.name])
        ratio = vascular["bf_ratio"]
        found.append(
            LesionTruth(
                id=lesion.name,
                kind=lesion.kind,
                role=role,
                centre_mm=lesion.centre_mm,
                diameter_mm=lesion.diameter_mm,
                core_share=lesion.core,
                bf_ratio=regions[lesion.name]["bf_ratio"],
                vascular_bf_ratio=ratio,
                haf=vascular["haf"],
                expected="major" if ratio < CUT_OFF else "minor",
            )
        )
    return Drawn(labels, names, masks, maps, regions, tuple(found))
