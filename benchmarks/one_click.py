"""How well one click finds a lesion: Dice against the phantom's truth, five clicks a lesion, at several noise levels; seconds a click.

    python benchmarks/one_click.py [small|full]

Prints a row a noise level: all lesions, and those of 15 mm and more. The ratio to look at is Dice of a click anywhere in the lesion over Dice of
the click at its center: near 1, it does not matter where the reader clicks.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.phantom import Phantom, PhantomSpec, build
from hepaflow.regions.find import Finder
from hepaflow.web.seeds import lesion_at

Mask = npt.NDArray[np.bool_]
CLICKS = 5
#: Noise SD in HU of one voxel, and patients, by size; the first level is that of the phantom's usual dose.
NOISE_HU = {"small": (4.0, 8.0, 16.0), "full": (10.0, 20.0)}
PATIENTS = {"small": (0, 1, 2), "full": (0,)}
VALIDATED_MM = 15.0


@dataclass(frozen=True)
class Click:
    """One click: Dice (0 where it was refused), whether at the center, the lesion's size, and how long it took."""

    dice: float
    central: bool
    diameter_mm: float
    seconds: float


def places(mask: Mask, grid: Grid, generator: np.random.Generator) -> list[tuple[int, int, int]]:
    """The voxel nearest to the center, and others at least 30 % as deep as the deepest."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    every, inner = np.argwhere(mask), np.argwhere(mask & (depth >= 0.3 * depth.max()))
    center = every[((every - every.mean(0)) ** 2).sum(1).argmin()]
    rest = inner[generator.choice(len(inner), CLICKS - 1, replace=len(inner) < CLICKS - 1)]
    return [(int(k), int(j), int(i)) for k, j, i in (center, *rest)]


def clicked(phantom: Phantom, liver: Mask) -> list[Click]:
    """Every click in every lesion of a phantom."""
    generator, found = np.random.default_rng(5), []
    for lesion in phantom.lesions:
        truth = phantom.masks[lesion.id]
        for number, at in enumerate(places(truth, phantom.grid, generator)):
            start = time.perf_counter()
            try:
                mask = lesion_at(phantom.series, at, liver=liver)
                dice = float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
            except InputRefused:
                dice = 0.0
            found.append(Click(dice, number == 0, lesion.diameter_mm, time.perf_counter() - start))
    return found


def main(size: str) -> None:
    """Prints the table."""
    print(f"{size}: {CLICKS} clicks a lesion, patients {PATIENTS[size]}, both visits")
    print("noise HU  clicks  refused  Dice median  p10   min   >=15 mm: median  p10   min   anywhere/center  s/click")
    for noise in NOISE_HU[size]:
        clicks: list[Click] = []
        for patient in PATIENTS[size]:
            for visit in ("after", "before"):
                spec = PhantomSpec(size=size, breathing_mm=0.0, noise_hu=noise, seed=patient, visit=visit)  # type: ignore[arg-type]
                phantom = build(spec)
                clicks += clicked(phantom, Finder(phantom.series, {}).liver().mask)
        every = np.array([one.dice for one in clicks])
        large = np.array([one.dice for one in clicks if one.diameter_mm >= VALIDATED_MM])
        center = np.median([one.dice for one in clicks if one.central])
        anywhere = np.median([one.dice for one in clicks if not one.central])
        seconds = np.median([one.seconds for one in clicks])
        print(
            f"{noise:8.0f}  {every.size:6d}  {(every == 0).sum():7d}  {np.median(every):11.3f}  {np.percentile(every, 10):.3f} {every.min():.3f}"
            f"  {np.median(large):14.3f}  {np.percentile(large, 10):.3f} {large.min():.3f}  {anywhere / center:15.3f}  {seconds:7.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "small")
