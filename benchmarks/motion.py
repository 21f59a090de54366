"""Motion correction on the phantom: error against the true displacement and against the still patient's curves.

    python benchmarks/motion.py [--seeds 0 1 2] [--breathing-mm 12] [--methods none rigid deformable elastix]

A row a method, the mean over seeds: displacement error (mean and 95th percentile over the liver, mean over lesions of 15 mm or more; all
passes but the reference), share of passes left worse than acquired, RMS difference in HU from the still patient of the mean curves of liver,
lesions and vessels, CPU seconds a pass. "elastix" is the library engine: masked B-spline with mutual information on the same images,
cavity and starting shift, with the same sharing over passes.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from hepaflow.domain.motion import MotionField
from hepaflow.motion import correct
from hepaflow.phantom import PhantomSpec, build


def score(phantom: Any, still: Any, field: MotionField) -> dict[str, float]:
    """The row of one seed and method."""
    reference, grid = phantom.reference, phantom.grid
    liver = phantom.masks["liver"]
    lesions = [phantom.masks[lesion.id] for lesion in phantom.lesions if lesion.diameter_mm >= 15.0]
    rows, worse = [], []
    for index in range(phantom.series.passes):
        if index == reference:
            continue
        true = phantom.displacement(index)
        error = np.linalg.norm(correct.displacement(field, grid, index) - true, axis=-1)
        rows.append((error[liver].mean(), np.percentile(error[liver], 95), np.mean([error[mask].mean() for mask in lesions])))
        worse.append(error[liver].mean() > np.linalg.norm(true, axis=-1)[liver].mean())
    aligned = correct.apply(phantom.series, field).voxels

    def difference(masks: list[np.ndarray]) -> float:
        squares = []
        for mask in masks:
            now, truth = np.nanmean(aligned[:, mask], axis=1), still.series.voxels[:, mask].mean(axis=1)
            squares.append(np.nanmean((now - truth) ** 2))
        return float(np.sqrt(np.mean(squares)))

    mean, p95, lesion = np.mean(rows, axis=0)
    vessels = [phantom.masks[name] for name in ("aorta", "portal_vein")]
    return {
        "mean mm": mean,
        "p95 mm": p95,
        "lesions mm": lesion,
        "worse": float(np.mean(worse)),
        "liver HU": difference([liver]),
        "lesions HU": difference(lesions),
        "vessels HU": difference(vessels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--breathing-mm", type=float, default=12.0)
    parser.add_argument("--methods", nargs="+", default=["none", "rigid", "deformable", "elastix"])
    options = parser.parse_args()
    table: dict[str, list[dict[str, float]]] = {method: [] for method in options.methods}
    for seed in options.seeds:
        phantom = build(PhantomSpec(seed=seed, breathing_mm=options.breathing_mm))
        still = build(PhantomSpec(seed=seed, breathing_mm=0.0))
        for method in options.methods:
            start = time.process_time()
            engine, kind = ("elastix", "deformable") if method == "elastix" else ("local", method)
            field = correct.estimate(phantom.series, method=kind, reference=phantom.reference, engine=engine)
            seconds = (time.process_time() - start) / (phantom.series.passes - 1)
            table[method].append({**score(phantom, still, field), "CPU s": seconds})
            print(
                f"# seed {seed} {method}: " + ", ".join(f"{key} {value:.2f}" for key, value in table[method][-1].items()),
                flush=True,
            )
    keys = list(table[options.methods[0]][0])
    print("| method | " + " | ".join(keys) + " |\n| --- |" + " --- |" * len(keys))
    for method, rows in table.items():
        print(f"| {method} | " + " | ".join(f"{np.mean([row[key] for row in rows]):.2f}" for key in keys) + " |")


if __name__ == "__main__":
    main()
