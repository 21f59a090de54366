"""Accuracy on the phantom: healthy flow, lesion ratios, arterial fraction and interval coverage over seeds.

Runs the numerical line on arrays, without DICOM: motion, regions, inputs, maps, lesions. Usage:

    python benchmarks/accuracy.py [--seeds 20] [--motion deformable rigid none still] [--noise-hu X] [--breathing-mm X] [--proposed] [--workers 2]

``still`` analyses the same patients without breathing; ``--proposed`` withholds every region but the lesions.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from hepaflow.curves.inputs import make_inputs
from hepaflow.domain.lesions import LesionResult, Measurement, Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.series import DynamicSeries
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_maps import fit_maps
from hepaflow.lesions.measure import measure
from hepaflow.phantom import Phantom, PhantomSpec, build
from hepaflow.regions.find import find

KEPT_KEYS = ("bf", "habf", "hpbf", "bv", "mtt")
CUT_OFF = 0.68


def line(
    phantom: Phantom, aligned: DynamicSeries, *, model: str = "aath", proposed: bool = False
) -> tuple[Regions, MapSet, Measurement, tuple[LesionResult, ...]]:
    """Regions, maps, healthy liver and lesions of a phantom's series once it is aligned."""
    given = {name: phantom.labels == number for number, name in phantom.names.items()}
    if proposed:
        given = {name: mask for name, mask in given.items() if name.startswith("lesion-")}
    regions = find(aligned, given, frame=phantom.reference)
    inputs = make_inputs(aligned, regions)
    chosen = model_of(model)
    maps = fit_maps(aligned, inputs, regions=regions, model=chosen, density_g_ml=1.05)
    return regions, maps, *measure(aligned, inputs, maps, regions, model=chosen)


def analyse(spec: PhantomSpec, motion: str, *, model: str = "aath", proposed: bool = False) -> list[dict[str, object]]:
    """One row a region with truth and measurement."""
    phantom = build(replace(spec, breathing_mm=0.0) if motion == "still" else spec)
    started = time.process_time()
    if motion == "still":
        aligned = phantom.series
    else:
        from hepaflow.motion.correct import apply, estimate

        aligned = apply(phantom.series, estimate(phantom.series, method=motion, reference=phantom.reference))
    regions, _, healthy, lesions = line(phantom, aligned, model=model, proposed=proposed)
    truth = phantom.truth_regions
    rows = [_row(spec.seed, motion, "healthy", healthy, truth["healthy"], None, regions.healthy.mask, phantom)]
    for lesion in lesions:
        row = _row(
            spec.seed, motion, lesion.lesion.id, lesion.regions["whole"], truth[lesion.lesion.id], lesion.ratio["bf"], None, phantom
        )
        row["diameter"] = lesion.lesion.longest_axial_diameter_mm
        rows.append(row)
    rows[0]["cpu_s"] = time.process_time() - started
    return rows


def _row(seed, motion, name, found, truth, ratio, mask, phantom) -> dict[str, object]:
    row: dict[str, object] = {"seed": seed, "motion": motion, "region": name, "residual": found.residual_sd}
    for key in ("bf", "haf", "mtt", "bv"):
        true = truth[key] if mask is None else float(np.nanmean(phantom.truth_maps[key][mask]))
        low, high = np.percentile(found.samples[key], [2.5, 97.5])
        row[key], row[f"{key}_true"], row[f"{key}_in"] = found.parameters[key].value, true, bool(low <= true <= high)
        row[f"{key}_map"] = found.parameters[key].map_mean
    if ratio is not None and ratio.value is not None:
        true = truth["bf_ratio"]
        row |= {
            "ratio": ratio.value,
            "ratio_true": true,
            "ratio_sd": ratio.sd,
            "ratio_in": bool(ratio.ci95[0] <= true <= ratio.ci95[1]),
        }
    return row


def rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else float("nan")


def table(rows: list[dict[str, object]]) -> None:
    print(f"{'motion':12s} {'healthy BF bias':>16s} {'RMSE':>7s} {'in 95%':>7s} {'HAF RMSE':>9s} | {'ratio bias':>10s} {'RMSE':>6s} {'in 95%':>7s} "
          f"{'HAF RMSE':>9s} {'wrong category':>15s} {'residual HU':>12s}")  # fmt: skip
    for motion in dict.fromkeys(str(r["motion"]) for r in rows):
        mine = [r for r in rows if r["motion"] == motion]
        healthy = [r for r in mine if r["region"] == "healthy"]
        lesions = [r for r in mine if r["region"] != "healthy" and "ratio" in r and float(r["diameter"]) >= 15]
        error = [float(r["bf"]) / float(r["bf_true"]) - 1 for r in healthy]
        off = [float(r["ratio"]) - float(r["ratio_true"]) for r in lesions]
        clear = [r for r in lesions if abs(float(r["ratio_true"]) - CUT_OFF) > 0.15]
        wrong = sum((float(r["ratio"]) < CUT_OFF) != (float(r["ratio_true"]) < CUT_OFF) for r in clear)
        everything = healthy + lesions
        print(
            f"{motion:12s} {100 * np.mean(error):15.1f}% {100 * rms(error):6.1f}% {np.mean([r['bf_in'] for r in healthy]):7.2f} "
            f"{rms([float(r['haf']) - float(r['haf_true']) for r in everything]):9.3f} | {np.mean(off):10.3f} {rms(off):6.3f} "
            f"{np.mean([r['ratio_in'] for r in lesions]):7.2f} {rms([float(r['haf']) - float(r['haf_true']) for r in lesions]):9.3f} "
            f"{wrong:7d} of {len(clear):4d} {np.mean([float(r['residual']) for r in lesions]):12.2f}"
        )
    for name in sorted({str(r["region"]) for r in rows}):
        mine = [r for r in rows if r["region"] == name and r["motion"] == rows[0]["motion"]]
        text = f"  {name:10s} BF {np.mean([float(r['bf']) / float(r['bf_true']) - 1 for r in mine]):+.3f} HAF {np.mean([float(r['haf']) - float(r['haf_true']) for r in mine]):+.3f}"
        if name != "healthy":
            held = [r for r in mine if "ratio" in r]
            text += f" ratio {np.mean([float(r['ratio']) - float(r['ratio_true']) for r in held]):+.3f} (rms {rms([float(r['ratio']) - float(r['ratio_true']) for r in held]):.3f}, true {np.mean([float(r['ratio_true']) for r in held]):.2f}, said sd {np.mean([float(r['ratio_sd']) for r in held]):.3f})"
        print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--motion", nargs="+", default=["deformable", "none"])
    parser.add_argument("--noise-hu", type=float)
    parser.add_argument("--breathing-mm", type=float)
    parser.add_argument("--model", default="aath")
    parser.add_argument("--proposed", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", help="also write the rows as JSON lines")
    options = parser.parse_args()
    given = {k: v for k, v in (("noise_hu", options.noise_hu), ("breathing_mm", options.breathing_mm)) if v is not None}
    specs = [PhantomSpec(size="small", seed=seed, **given) for seed in range(options.first, options.first + options.seeds)]
    jobs = [(spec, motion) for motion in options.motion for spec in specs]
    one = partial(analyse, model=options.model, proposed=options.proposed)
    with ProcessPoolExecutor(options.workers) as pool:
        rows = [row for found in pool.map(one, *zip(*jobs, strict=True)) for row in found]
    if options.out:
        with open(options.out, "w") as handle:
            handle.writelines(json.dumps(r) + "\n" for r in rows)
    table(rows)


if __name__ == "__main__":
    main()
