"""Numbers beside a reader's morphology group, on balls whose edge, rim and texture are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr

from hepaflow.domain.geometry import Grid
from hepaflow.lesions.appearance import appearance

GRID = Grid.from_spacing((40, 60, 60), (1.5, 1.0, 1.0))


def radius(grid: Grid = GRID) -> np.ndarray:
    at = grid.to_mm(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1))
    return np.linalg.norm(at - grid.to_mm((np.array(grid.shape) - 1) / 2), axis=-1)


def ball(blur_mm: float, *, noise: float = 0.0, rim: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A lesion of 50 HU and 30 mm in a liver of 110 HU, its edge blurred by a normal distribution; ``rim`` HU in the outermost 3 mm."""
    r = radius()
    image = 50.0 + 60.0 * ndtr((r - 15.0) / blur_mm) + rim * ((r < 15.0) & (r > 12.0))
    image += np.random.default_rng(0).normal(scale=noise, size=image.shape) if noise else 0.0
    return image.astype(np.float32), r < 15.0


@pytest.mark.parametrize("blur_mm", [1.5, 2.5, 3.5])
def test_the_border_is_as_wide_as_it_was_blurred(blur_mm: float) -> None:
    image, lesion = ball(blur_mm)
    found = appearance(image, lesion, np.ones_like(lesion), grid=GRID)
    assert found.border_mm == pytest.approx(2.563 * blur_mm, abs=0.5)  # half a voxel: depths are those of a mask of voxels
    assert found.finest_mm == pytest.approx(math.sqrt(1.5**2 + 2.0))


def test_a_ragged_border_reads_wider_than_a_sharp_one_and_noise_does_not_matter() -> None:
    sharp, blurred = (appearance(*ball(blur, noise=10.0), np.ones(GRID.shape, bool), grid=GRID) for blur in (1.0, 3.0))
    assert sharp.border_mm is not None
    assert blurred.border_mm is not None
    assert blurred.border_mm > 1.8 * sharp.border_mm


def test_rim_spread_and_entropy_are_those_of_the_lesion() -> None:
    image, lesion = ball(0.5, noise=8.0, rim=25.0)
    found = appearance(image, lesion, np.ones_like(lesion), grid=GRID)
    assert found.rim_hu == pytest.approx(25.0, abs=5.0)  # the edge lends the rim some of the liver
    assert found.spread_hu == pytest.approx(8.0, abs=0.6)
    # a normal distribution: log2(sd * sqrt(2 pi e) / bin)
    assert found.entropy_bits == pytest.approx(math.log2(8.0 * math.sqrt(2 * math.pi * math.e) / 10.0), abs=0.15)


def test_a_speck_says_nothing_and_the_liver_limits_what_counts_as_beside() -> None:
    image, lesion = ball(1.0)
    speck = radius() < 2.0
    nothing = appearance(image, speck, np.ones_like(lesion), grid=GRID)
    assert (nothing.spread_hu, nothing.rim_hu, nothing.border_mm) == (None, None, None)
    assert appearance(image, lesion, np.zeros_like(lesion), grid=GRID).border_mm is None
    unknown = np.where(lesion, np.nan, image).astype(np.float32)
    assert appearance(unknown, lesion, np.ones_like(lesion), grid=GRID).entropy_bits is None
