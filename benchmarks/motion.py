"""Motion correction against known truth, beside other registration tools on the same images.

    python benchmarks/motion.py [--patients phantom-0 phantom-1 other-5] [--methods none rigid deformable elastix]
        [--peers-python PATH [--peers elastix elastix-chain greedy demons] [--peer-passes 3]] [--out FILE.json] [--figure DIR]
    python benchmarks/motion.py --rows FILE.json ... [--figure DIR]
    python benchmarks/motion.py --contrast-only [--patients phantom-0]
    python benchmarks/motion.py --kinetics [--seeds 0 1 2]

``phantom-SEED`` is the full-size phantom with 20 mm of breathing, ``other-SEED`` the patient of other_anatomy.py. A row a method: distance from the
true displacement in mm in the liver (mean, 95th percentile), in lesions of 15 mm or more and in the liver's outermost centimetre, the share of
passes left worse than acquired, CPU seconds a pass and, for methods that saw the whole series, wall seconds. Own methods take all passes together and are
reported over all that moved (more than 3 mm on average in the liver) and over the few that moved most; the peers (motion_peers.py, run by a Python that
holds them, own defaults, no mask) take those few, on the same working images, one pass after the other in turn. Numbers are means over passes.

``--contrast-only`` is the phantom that does not breathe: what displacement is introduced where there is none (liver, 95th percentile) and by how much
lesions change in volume. ``--kinetics`` is what breathing costs after correction: the small phantom's flow maps and lesion ratios against their truth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import line, rms
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter
from motion_peers import PACKAGES
from motion_truth import BREATHING_MM, LARGE_MM, PERCENTILES, patient, scores

from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries
from hepaflow.motion import correct, lattice, resample, score
from hepaflow.phantom import PhantomSpec, build
from hepaflow.report import figures

#: A pass whose liver moved more than this on average counts as moved.
MOVED_MM = 3.0
COLUMNS = ("mean mm", "p95 mm", "lesions mm", "outer cm mm", "worse %", "CPU-s a pass", "wall s")
COLOURS = (figures.PORTAL, figures.TISSUE, figures.ARTERIAL, "#8a5a00", "#6a3d9a", "#b0509a", "#3a8f8f", figures.INK)


def own(series: DynamicSeries, reference: int, method: str) -> tuple[MotionField, dict[str, float]]:
    """The field by one of our methods, "elastix" being the library engine, and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    engine, kind = ("elastix", "deformable") if method == "elastix" else ("local", method)
    field = correct.estimate(series, method=kind, reference=reference, engine=engine)
    cpu_s = (time.process_time() - cpu) / (series.passes - 1)
    return field, {"CPU-s a pass": cpu_s, "wall s": time.perf_counter() - wall}


def peer(python: Path, method: str, scene: lattice.Scene, passes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The displacements of a peer at the voxels of the scene (mm LPS) and its CPU seconds, of each of ``passes`` but the first, the reference."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(given, volumes=np.nan_to_num(scene.volumes[passes], nan=-1000.0), spacing_mm=scene.grid.spacing_mm)
        worker = [python, Path(__file__).with_name("motion_peers.py"), method, given, found]
        subprocess.run(worker, check=True, env=os.environ | single, stdout=subprocess.DEVNULL)
        with np.load(found) as answer:
            return answer["displacements"] @ scene.axes.T.astype(np.float32), answer["cpu_s"]


def means(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    rows = list(rows)
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def compare(name: str, methods: list[str], python: Path | None, peers: list[str], few: int) -> list[dict[str, Any]]:
    """The rows of a patient: every method over the passes that moved most, and ours over all that moved."""
    truth = patient(name)
    moved = sorted((i for i in truth.true if truth.moved_mm(i) > MOVED_MM), key=truth.moved_mm, reverse=True)
    most = moved[:few]
    rows = []
    for method in methods:
        if method == "none":
            displacement, took = None, {}
        else:
            field, took = own(truth.series, truth.reference, method)
            displacement = partial(shown, field)
        found = {index: scores(truth, index, displacement) for index in moved}
        rows += [
            {"patient": name, "method": method, "passes": passes, **means(found[i] for i in passes), **took}
            for passes in ([most, moved] if python else [moved])
        ]
        tell(rows[-1])
    if python:
        scene = lattice.scene(truth.series)
        found = {method: [] for method in peers}
        for index in most:
            for method in peers:
                (field,), (cpu_s,) = peer(python, method, scene, [truth.reference, index])
                row = scores(truth, index, partial(upsampled, field, scene.grid)) | {"CPU-s a pass": float(cpu_s)}
                found[method].append(row)
                tell({"patient": name, "method": method, "pass": index} | row)
        rows += [{"patient": name, "method": f"{method} (peer)", "passes": most, **means(found[method])} for method in peers]
    return rows


def upsampled(dense: np.ndarray, nodes: Grid, index: int, grid: Grid) -> np.ndarray:
    return resample.upsample(dense, nodes, grid)


def shown(field: MotionField, index: int, grid: Grid) -> np.ndarray:
    return correct.displacement(field, grid, index)


def tell(row: dict[str, Any]) -> None:
    print(
        "# " + ", ".join(f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()),
        flush=True,
    )


def introduced(name: str, methods: list[str]) -> list[dict[str, Any]]:
    """What a method does to a patient who does not breathe: mean and worst over passes."""
    truth = patient(name, breathing_mm=0.0)
    rows = []
    for method in methods:
        field, _ = own(truth.series, truth.reference, method)
        p95, volume = [], {lesion: [] for lesion in truth.lesions}
        for index in truth.true:
            u = correct.displacement(field, truth.grid, index)
            p95.append(np.percentile(np.linalg.norm(u[truth.inside][truth.regions["liver"]], axis=-1), 95))
            change = 100.0 * (score.jacobian(u, truth.grid)[truth.inside] - 1.0)
            for lesion, changes in volume.items():
                changes.append(change[truth.regions[lesion]].mean())
        row = {"p95 mm": np.mean(p95), "p95 mm, worst": np.max(p95)}
        for lesion, changes in volume.items():
            row |= {f"{lesion} %": np.mean(changes), f"{lesion} %, worst": max(changes, key=abs)}
        rows.append({"patient": name, "method": method} | {key: float(value) for key, value in row.items()})
        tell(rows[-1])
    return rows


def kinetics(seed: int, methods: list[str]) -> list[dict[str, Any]]:
    """Flow maps and lesion ratios against their truth after each method, and of the same patient holding still."""
    spec = PhantomSpec(breathing_mm=BREATHING_MM, seed=seed)
    phantom, still = build(spec), build(replace(spec, breathing_mm=0.0))
    rows = []
    for method in ["still", *methods]:
        if method == "still":
            aligned = still.series
        else:
            aligned = correct.apply(phantom.series, own(phantom.series, phantom.reference, method)[0])
        _, maps, _, lesions = line(phantom, aligned)
        error = (maps.maps["bf"].values - phantom.truth_maps["bf"])[phantom.masks["liver"]]
        ratios = [
            found.ratio["bf"].value - phantom.truth_regions[found.lesion.id]["bf_ratio"]
            for found in lesions
            if found.lesion.longest_axial_diameter_mm >= LARGE_MM and found.ratio["bf"].value is not None
        ]
        row = {"BF RMSE": rms(error[np.isfinite(error)]), "BF bias": float(np.nanmean(error)), "ratio RMSE": rms(ratios)}
        rows.append({"seed": seed, "method": method, **row})
        rows[-1]["BF RMSE, extra %"] = 100.0 * (row["BF RMSE"] / rows[0]["BF RMSE"] - 1.0)
        rows[-1]["no value %"] = 100.0 * float(np.isnan(error).mean())
        tell(rows[-1])
    return rows


def table(rows: list[dict[str, Any]], keys: Iterable[str]) -> None:
    keys = list(keys)
    print("| " + " | ".join(keys) + " |\n|" + " --- |" * len(keys))
    for row in rows:
        print("| " + " | ".join(cell(row.get(key, "")) for key in keys) + " |")


def cell(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)}: " + ", ".join(map(str, sorted(value)))
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def draw(rows: list[dict[str, Any]], folder: Path) -> None:
    """Distance from the truth against time: a box a method (quartiles, and whiskers from 5 to 95 %), a panel a kind of patient."""
    fewest = {row["patient"]: min(len(one["passes"]) for one in rows if one["patient"] == row["patient"]) for row in rows}
    same = [row for row in rows if len(row["passes"]) == fewest[row["patient"]]]
    kinds = {"phantom": "Full-size phantom", "other": "Another anatomy"}
    methods = [method for method in dict.fromkeys(row["method"] for row in same) if method != "none"]
    with figures.styled():
        figure = figures.canvas(85.0)
        axes = figure.subplots(1, len(kinds), sharey=True, sharex=True)
        for panel, (kind, title) in zip(axes, kinds.items(), strict=True):
            mine = [row for row in same if row["patient"].startswith(kind)]
            for method in ["none", *methods]:
                found = [row for row in mine if row["method"] == method]
                if not found:
                    continue
                low, q1, middle, q3, high = (float(np.mean([row[f"p{p} mm"] for row in found])) for p in PERCENTILES)
                if method == "none":
                    panel.axhspan(q1, q3, color=figures.RULE, alpha=0.5, linewidth=0)
                    panel.axhline(middle, color=figures.MUTED, linewidth=0.8)
                    panel.annotate(
                        "as acquired", (0.99, middle), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=6.5
                    )
                    continue
                at = float(np.mean([row["CPU-s a pass"] for row in found]))
                colour = COLOURS[methods.index(method)]
                box = {"whislo": low, "q1": q1, "med": middle, "q3": q3, "whishi": high}
                line_style = {"color": colour, "linewidth": 1.0}
                panel.bxp(
                    [box],
                    positions=[at],
                    widths=[0.22 * at],
                    manage_ticks=False,
                    showfliers=False,
                    patch_artist=True,
                    boxprops={"facecolor": "white", "edgecolor": colour},
                    medianprops=line_style | {"linewidth": 2.0},
                    whiskerprops=line_style,
                    capprops=line_style,
                )
            panel.set(xscale="log", xlabel="CPU time a pass (s)", title=title)
            panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter(NullFormatter())
        axes[0].set(ylabel="distance from the true displacement, liver (mm)", ylim=(0, None))
        handles = [Patch(facecolor="white", edgecolor=COLOURS[n], label=method) for n, method in enumerate(methods)]
        figure.tight_layout(rect=(0.0, 0.07, 1.0, 1.0))
        figure.legend(handles=handles, loc="lower center", ncol=len(handles))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "motion.png").write_bytes(figures.rendered(figure)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="+", default=["phantom-0", "phantom-1", "other-5"])
    parser.add_argument("--methods", nargs="+", default=["none", "rigid", "deformable", "elastix"])
    parser.add_argument("--peers-python", type=Path)
    parser.add_argument("--peers", nargs="+", default=list(PACKAGES))
    parser.add_argument("--peer-passes", type=int, default=3)
    parser.add_argument("--contrast-only", action="store_true")
    parser.add_argument("--kinetics", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of --kinetics")
    parser.add_argument("--rows", type=Path, nargs="+", help="take the rows of earlier runs (--out) instead of measuring")
    parser.add_argument("--out", type=Path, help="also write the rows as JSON")
    parser.add_argument("--figure", type=Path, help="folder of the plot")
    options = parser.parse_args()
    if not options.rows:
        correct.estimate(build(PhantomSpec()).series, method="deformable", reference=None)  # compiled before anything is timed
    if options.contrast_only:
        methods = [method for method in options.methods if method != "none"]
        rows = [row for name in options.patients if name.startswith("phantom") for row in introduced(name, methods)]
        keys = dict.fromkeys(key for row in rows for key in row)
    elif options.kinetics:
        rows = [row for seed in options.seeds for row in kinetics(seed, options.methods)]
        keys = dict.fromkeys(key for row in rows for key in row)
    else:
        settings = (options.methods, options.peers_python, options.peers, options.peer_passes)
        if options.rows:
            rows = [row for path in options.rows for row in json.loads(path.read_text())]
        else:
            rows = [row for name in options.patients for row in compare(name, *settings)]
        patients = list(dict.fromkeys(row["patient"] for row in rows))
        rows.sort(key=lambda row: (patients.index(row["patient"]), len(row["passes"])))
        keys = ("patient", "method", "passes", *COLUMNS)
        if options.figure:
            draw(rows, options.figure)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))
    table(rows, keys)


if __name__ == "__main__":
    main()
