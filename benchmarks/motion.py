"""Motion correction on the phantom: error against the true displacement and against the still patient's curves.

    python benchmarks/motion.py [--seeds 0 1 2] [--breathing-mm 12] [--methods none rigid deformable elastix elastix-shared]

A row a method, the mean over seeds: displacement error (mean and 95th percentile over the liver, mean over lesions of 15 mm or more; all
passes but the reference), share of passes left worse than acquired, RMS difference in HU from the still patient of the mean curves of liver,
lesions and vessels, CPU seconds a pass. "elastix" is the library that hepaflow's own registration has to beat: masked
B-spline with mutual information (ITKElastix) on the same images, cavity and starting shift; "elastix-shared" adds the shared modes.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np

from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries
from hepaflow.motion import correct, deformable, modes, rigid
from hepaflow.phantom import PhantomSpec, build

ELASTIX = {
    "AutomaticParameterEstimation": "true",
    "FinalGridSpacingInPhysicalUnits": "40",
    "FixedImagePyramid": "FixedSmoothingImagePyramid",
    "ImageSampler": "RandomCoordinate",
    "Interpolator": "LinearInterpolator",
    "MaximumNumberOfIterations": "250",
    "Metric": "AdvancedMattesMutualInformation",
    "MovingImagePyramid": "MovingSmoothingImagePyramid",
    "NewSamplesEveryIteration": "true",
    "NumberOfHistogramBins": "32",
    "NumberOfResolutions": "3",
    "NumberOfSpatialSamples": "3000",
    "Optimizer": "AdaptiveStochasticGradientDescent",
    "RandomSeed": "1",
    "Registration": "MultiResolutionRegistration",
    "Transform": "RecursiveBSplineTransform",
    "WriteResultImage": "false",
    "WriteFinalTransformParameters": "false",
}


def elastix_field(table: Any, fixed: np.ndarray, moving: np.ndarray, shift: np.ndarray, settings: dict[str, str]) -> np.ndarray:
    """The field (nodes, 3) in mm along the working axes, by elastix, from the starting shift (z, y, x)."""
    import itk

    spacing = table.scene.grid.spacing_mm[::-1]

    def image(values: np.ndarray, origin: np.ndarray) -> Any:
        made = itk.image_from_array(np.ascontiguousarray(values))
        made.SetSpacing([float(v) for v in spacing])
        made.SetOrigin([float(v) for v in origin])
        return made

    here, there = np.zeros(3), -shift[::-1]
    parameters = itk.ParameterObject.New()
    table_ = parameters.GetDefaultParameterMap("bspline", int(settings["NumberOfResolutions"]))
    for key in [key for key in table_ if key.startswith("Metric")]:
        del table_[key]
    for key, value in settings.items():
        table_[key] = [value]
    parameters.AddParameterMap(table_)
    clipped = [np.clip(np.nan_to_num(v, nan=-1000.0), -200, 400).astype(np.float32) for v in (fixed, moving)]
    method = itk.ElastixRegistrationMethod.New(image(clipped[0], here), image(clipped[1], there))
    method.SetFixedMask(image(table.cavity.astype(np.uint8), here))
    method.SetMovingMask(image(table.cavity.astype(np.uint8), there))
    method.SetParameterObject(parameters)
    method.SetLogToConsole(False)
    method.SetLogToFile(False)
    method.SetNumberOfThreads(1)
    method.UpdateLargestPossibleRegion()
    found = itk.transformix_deformation_field(image(clipped[1], there), method.GetTransformParameterObject(), log_to_console=False)
    dense = itk.array_from_image(found)[..., ::-1] + shift
    block = table.scene.block
    shape = table.scene.nodes.shape
    cut = dense[: shape[0] * block[0], : shape[1] * block[1], : shape[2] * block[2]]
    blocks = cut.reshape(shape[0], block[0], shape[1], block[1], shape[2], block[2], 3)
    return blocks.mean(axis=(1, 3, 5)).astype(np.float32)


def by_elastix(series: DynamicSeries, reference: int, *, shared: bool, settings: dict[str, str]) -> MotionField:
    """A field like :func:`hepaflow.motion.correct.estimate` gives, with elastix in place of the local least squares."""
    table = correct.lay_table(series)
    start = correct.estimate(series, method="none", reference=reference)
    search = deformable.fixed_at(table.scene, reference, rigid.SEARCH_MM)
    fine = deformable.fixed_at(table.scene, reference, 3.0)
    fields = np.zeros((series.passes, *table.scene.nodes.shape, 3), np.float32)
    others = [index for index in range(series.passes) if index != reference]
    for index in others:
        first = rigid.search(table.scene, search, index, table.cavity)
        shift = rigid.refine(table.scene, fine, index, table.cavity, first, image_mm=3.0)
        volumes = table.scene.volumes
        fields[index] = elastix_field(table, volumes[reference], volumes[index], shift, settings)
    if shared:
        free = table.active
        together, _ = modes.shared(fields[others][:, free])
        for place, index in enumerate(others):
            fields[index][free] = together[place]
    in_lps = np.einsum("pkjia,xa->pkjix", fields * table.fade[..., None], table.scene.axes).astype(np.float32)
    return replace(start, displacements=in_lps)


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
    parser.add_argument("--methods", nargs="+", default=["none", "rigid", "deformable", "elastix", "elastix-shared"])
    options = parser.parse_args()
    table: dict[str, list[dict[str, float]]] = {method: [] for method in options.methods}
    for seed in options.seeds:
        phantom = build(PhantomSpec(seed=seed, breathing_mm=options.breathing_mm))
        still = build(PhantomSpec(seed=seed, breathing_mm=0.0))
        for method in options.methods:
            start = time.process_time()
            if method.startswith("elastix"):
                field = by_elastix(phantom.series, phantom.reference, shared=method.endswith("shared"), settings=ELASTIX)
            else:
                field = correct.estimate(phantom.series, method=method, reference=phantom.reference)
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
