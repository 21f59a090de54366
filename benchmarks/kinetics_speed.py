"""Speed of the voxel fits, beside scipy and dcmri with the same model in the same run.

    python benchmarks/kinetics_speed.py [--voxels 1200000] [--rounds 5] [--peer-voxels 30]

Every line is a part of a map of 1.2 million voxels at 21 times (3 HU of noise), in CPU-seconds of one thread; rounds are interleaved, medians are
given, and a matrix product tells how fast the machine was meanwhile. Peers fit single voxels; ratios are per voxel.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import population as pop
from scipy.optimize import least_squares

from hepaflow.kinetics.catalogue import model
from hepaflow.kinetics.dictionary import Sources
from hepaflow.kinetics.map_exact import ExactTables
from hepaflow.kinetics.map_posterior import PosteriorTables, Tissue, VoxelPrior, _per_flow, prior_rows
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.project import project

CHUNK = 8192
INPUTS = pop.inputs()
SOURCES = Sources.of(INPUTS)
NOISE = 3.0
#: Shapes, arterial and portal delays of the posterior timed, by the number of unknowns of the shape.
SIZE = {1: (15, 7, 7), 2: (290, 7, 7), 3: (290, 7, 7)}


def posterior_tables(chosen: ResidueModel) -> tuple[PosteriorTables, int]:
    """Tables under the broad prior of one tissue, and the number of combinations."""
    centre = np.array([float(q.to_scale(q.centre)) for q in chosen.shape])
    spread = np.array([q.spread for q in chosen.shape])
    tissue = Tissue(1.0, centre, spread, np.array([40.0, 70.0]), np.array([55.0, 55.0]))
    prior = VoxelPrior((tissue,), np.array([2.0, 1.5]), np.array([1.5, 1.5]))
    rows = prior_rows(chosen, SOURCES, pop.TIMES, prior, size=SIZE[len(chosen.shape)])
    loads, values = _per_flow(chosen, rows.dictionary.shapes)
    columns = [np.stack(list(x.values()), -1) for x in (loads, values)]
    return PosteriorTables.of(rows, noise=NOISE, loads=columns[0], values=columns[1]), rows.dictionary.combinations


def jobs() -> dict[str, Callable[[np.ndarray], object]]:
    """What is timed: name to what is done with a chunk (21, v)."""
    found: dict[str, Callable[[np.ndarray], object]] = {}
    for key in ("one-compartment", "aath"):
        exact = ExactTables.of(model(key), SOURCES, pop.TIMES)
        search = exact.search
        rows = search.shapes.shape[0] * search.arterial.size * search.portal.size
        tables, combinations = posterior_tables(model(key))
        found[f"{key} search, {rows} combinations"] = lambda y, s=search: s.seeds(project(s.basis, y))
        found[f"{key} posterior mean and SD, {combinations} combinations"] = tables.fit
        found[f"{key} exact (search and refinement)"] = exact.fit
    readers = []
    for key in ("max-slope", "patlak", "deconvolution"):
        chosen = model(key)
        guide = noisy(2000, 5)
        settings = chosen.settle(pop.TIMES, guide, INPUTS, NOISE)
        readers.append(chosen.prepare(pop.TIMES, INPUTS, settings))
    found["max-slope, patlak and deconvolution"] = lambda y: [reader.read(y) for reader in readers]
    return found


def noisy(count: int, seed: int) -> np.ndarray:
    curves = pop.make(count, seed).curves
    return (curves + NOISE * np.random.default_rng(seed).standard_normal(curves.shape)).astype(np.float32)


def scipy_fit(y: np.ndarray) -> None:
    """One-compartment model with two inputs and delays on a grid of 0.5 s, five parameters and a baseline, bounded trust region."""
    grid = np.arange(-3.0, 150.0, 0.5)
    ca, cp = (np.interp(grid, pop.FINE, c) for c in (pop.ARTERIAL, pop.PORTAL))
    lag = np.arange(grid.size) * 0.5

    def misfit(x: np.ndarray) -> np.ndarray:
        residue = np.exp(-lag / x[2]) * 0.5
        late_a, late_p = np.interp(grid - x[3], grid, ca, left=0), np.interp(grid - x[4], grid, cp, left=0)
        curve = np.convolve(x[0] * late_a + x[1] * late_p, residue)[: grid.size] / 6000
        return np.interp(pop.TIMES, grid, curve) + x[5] - y

    least_squares(misfit, [30, 70, 14, 2, 1.5, 50], bounds=([0, 0, 0.5, -1.5, -3, -500], [600, 600, 120, 8, 8, 500]))


def dcmri_fit(signal: np.ndarray, pair: tuple[np.ndarray, np.ndarray], grid: np.ndarray) -> None:
    import dcmri

    fit = dcmri.Liver(kinetics="2I-EC", sequence="SS", ca=pair[0], cv=pair[1], t=grid, dt=0.5, agent="gadoxetate")
    fit.train(pop.TIMES, signal)


def dcmri_curves(count: int) -> tuple[list[np.ndarray], tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Signals of dcmri's own dual-input liver with noise, and its inputs."""
    import dcmri

    grid = np.arange(0, 150, 0.5)
    pair = tuple(np.interp(grid, pop.FINE, c) / 380 * 5e-3 for c in (pop.ARTERIAL, pop.PORTAL))
    truth = dcmri.Liver(kinetics="2I-EC", sequence="SS", ca=pair[0], cv=pair[1], t=grid, dt=0.5, agent="gadoxetate").predict(
        pop.TIMES
    )
    rng = np.random.default_rng(0)
    return [truth * (1 + 0.02 * rng.standard_normal(truth.size)) for _ in range(count)], pair, grid


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=1_200_000)
    parser.add_argument(
        "--sample", type=int, default=12 * CHUNK, help="voxels that are really fitted in a round; the rest is in proportion"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-voxels", type=int, default=30)
    options = parser.parse_args()
    work = jobs()
    data = noisy(options.sample, 1)
    chunks = [np.ascontiguousarray(data[:, i : i + CHUNK]) for i in range(0, options.sample, CHUNK)]
    signals, pair, grid = dcmri_curves(options.peer_voxels // 3)
    square = np.random.default_rng(0).standard_normal((1500, 1500)).astype(np.float32)
    for job in work.values():
        job(chunks[0])  # compiled, and its memory touched
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: dict[str, list[float]] = {name: [] for name in (*work, "scipy", "dcmri", "product")}
    for _ in range(options.rounds):
        for name, job in work.items():
            seconds[name].append(timed(lambda job=job: [job(chunk) for chunk in chunks]) / options.sample)
        seconds["scipy"].append(
            timed(lambda: [scipy_fit(data[:, v].astype(float)) for v in range(options.peer_voxels)]) / options.peer_voxels
        )
        seconds["dcmri"].append(timed(lambda: [dcmri_fit(s, pair, grid) for s in signals]) / len(signals))
        seconds["product"].append(timed(lambda: square @ square))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    median = {name: float(np.median(x)) for name, x in seconds.items()}
    print(f"matrix product meanwhile: {2 * 1500**3 / median['product'] / 1e9:.0f} GFLOP/s (float32, one thread)")
    print(
        f"scipy least_squares {1 / median['scipy']:.0f} voxels/CPU-s, dcmri Liver.train {1 / median['dcmri']:.1f} voxels/CPU-s; load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':60s}{'CPU-s / 1.2 M':>14s}{'(min)':>8s}{'voxels/CPU-s':>14s}{'x scipy':>10s}{'x dcmri':>10s}")
    for name in work:
        each = median[name]
        print(
            f"{name:60s}{each * options.voxels:14.2f}{min(seconds[name]) * options.voxels:8.2f}{1 / each:14.0f}"
            f"{median['scipy'] / each:10.0f}{median['dcmri'] / each:10.0f}"
        )
    print(f"memory beyond data and tables while fitting: {(after - before) / 1024:.0f} MB")


if __name__ == "__main__":
    main()
