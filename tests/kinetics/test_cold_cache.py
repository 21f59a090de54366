"""The compiled steps give the same bits when they were compiled a moment ago and when they come from the cache of an earlier run.

A compiled function that calls another one holds a copy of it of its own, made a second time. With reordering allowed (``fastmath``) the two
copies may round differently, and which one is called depends on what else was loaded. So what is called must be inlined.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hepaflow.kinetics import refine, scan

CODE = """
import sys; sys.path.insert(0, {here!r})
import test_cold_cache as own
print(own.digest(*getattr(own, {which!r})()))
"""
ONE = np.float32


def digest(*arrays: np.ndarray) -> str:
    import hashlib

    return hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in arrays)).hexdigest()


def posterior() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    shapes, arterial, portal = 6, scan.SEVEN, scan.SEVEN

    def some(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.uniform(0.1, 1.0, shape)).astype(np.float32)

    dots = [some(shapes, delays, scan.LANES, scale=3000.0) for delays in (arterial, portal)]
    pair, alone = some(shapes, arterial, portal, 3), [some(shapes, delays, 4) for delays in (arterial, portal)]
    pair[..., 2] *= 2**20
    for one in alone:
        one[..., 1] *= 2**20
    start = (ONE(2**23 * 110) + some(scan.LANES, scale=2.0**22)).astype(np.float32)
    weight, flow, square = np.zeros((3, shapes, scan.LANES), np.float32)
    out = np.zeros(7 * scan.LANES, np.float32)
    tables = (pair, some(shapes, arterial), some(shapes, arterial, 3), *alone, some(arterial))
    scan.posterior_block(*dots, *tables, start, weight, flow, square, out)
    return weight, flow, square, out


def equations() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    voxels, dims, terms, shape, inputs = 64, 9, 2, 3, 2
    rates, lags = 12, 40

    def some(*size: int, low: float = 0.1, high: float = 1.0) -> np.ndarray:
        return rng.uniform(low, high, size).astype(np.float32)

    first = np.array([-4.0, -2.0], np.float32)
    unknowns = shape + 2 * inputs
    flows, energy = np.zeros((voxels, inputs), np.float32), np.zeros(voxels, np.float32)
    normal, gradient = np.zeros((voxels, unknowns, unknowns), np.float32), np.zeros((voxels, unknowns), np.float32)
    data, nodes = some(voxels, dims, high=3.0), some(inputs, rates, lags, dims)
    refine.normal_equations(
        data,
        some(voxels, terms, 3),
        some(voxels, shape, terms, 3, low=-1.0),
        some(voxels, inputs),
        nodes,
        first,
        flows,
        energy,
        normal,
        gradient,
    )
    return flows, energy, normal, gradient


@pytest.mark.parametrize("which", ["posterior", "equations"])
def test_a_cold_cache_and_a_warm_one_give_the_same_bits(which: str, tmp_path: Path) -> None:
    code = CODE.format(here=str(Path(__file__).parent), which=which)
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold, warm = (
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout for _ in "12"
    )
    assert list(tmp_path.rglob("*.nbc"))
    assert cold == warm
    assert np.isfinite(globals()[which]()[1]).all()
