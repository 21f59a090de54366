"""Other registration tools, each with its own defaults and no mask, for motion.py: run by the Python that holds them.

    python benchmarks/motion_peers.py METHOD IN.npz OUT.npz
    python benchmarks/motion_peers.py --check

IN holds ``volumes`` (passes, k, j, i) float32 in HU, the reference first, and ``spacing_mm`` (3,) along the same axes. OUT gets ``displacements``
(passes - 1, k, j, i, 3) float32 in mm along the array axes (where the point of the reference lies in the pass, minus the point) and ``cpu_s`` (passes - 1,),
CPU seconds of the registration alone. ``--check`` registers a pattern moved by a known shift with every method and prints the shift found: signs and axes.

mdreg 0.5.4 (elastix of every pass to a model of all, in up to five rounds) is left out: at 17 CPU seconds a registration it needs half an hour a patient.
"""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.ndimage import shift as shifted

PACKAGES = {
    "elastix": "itk-elastix",
    "elastix-chain": "itk-elastix",
    "greedy": "picsl-greedy",
    "demons": "SimpleITK",
}
#: The pattern of ``--check``: where its points lie in the moving image, minus where they are (k, j, i) in mm.
CHECK_MM, CHECK_SPACING_MM = np.array([5.0, -3.0, 2.0]), np.array([2.5, 3.0, 2.0])


def elastix(fixed: np.ndarray, moving: np.ndarray, spacing_mm: np.ndarray, maps: tuple[str, ...] = ("bspline",)) -> np.ndarray:
    import itk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(1)
    images = [itk.image_from_array(np.ascontiguousarray(image)) for image in (fixed, moving)]
    for image in images:
        image.SetSpacing([float(step) for step in spacing_mm[::-1]])
    parameters = itk.ParameterObject.New()
    for name in maps:
        parameters.AddParameterMap(parameters.GetDefaultParameterMap(name))
    _, found = itk.elastix_registration_method(*images, parameter_object=parameters, number_of_threads=1, log_to_console=False)
    with tempfile.TemporaryDirectory() as folder:
        field = itk.transformix_deformation_field(images[1], found, log_to_console=False, output_directory=folder)
    return itk.array_from_image(field)[..., ::-1]


def elastix_chain(fixed: np.ndarray, moving: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """What elastix does when it is told nothing."""
    return elastix(fixed, moving, spacing_mm, maps=("translation", "affine", "bspline"))


def sitk_images(fixed: np.ndarray, moving: np.ndarray, spacing_mm: np.ndarray) -> list:
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    images = [sitk.GetImageFromArray(np.ascontiguousarray(image)) for image in (fixed, moving)]
    for image in images:
        image.SetSpacing([float(step) for step in spacing_mm[::-1]])
    return images


def greedy(fixed: np.ndarray, moving: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    import SimpleITK as sitk  # noqa: N813
    from picsl_greedy import Greedy3D

    fixed_image, moving_image = sitk_images(fixed, moving, spacing_mm)
    tool = Greedy3D()
    command = "-d 3 -V 0 -threads 1 -m NCC 2x2x2 -n 100x50x10 -i fixed moving -o warp"
    tool.execute(command, fixed=fixed_image, moving=moving_image, warp=None)
    return sitk.GetArrayFromImage(tool["warp"])[..., ::-1]


def demons(fixed: np.ndarray, moving: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Fast symmetric forces as in SimpleITK's examples: histogram matching, SD 1.0; three resolutions of 50 steps."""
    import SimpleITK as sitk  # noqa: N813

    fixed_image, moving_image = sitk_images(fixed, moving, spacing_mm)
    matching = sitk.HistogramMatchingImageFilter()
    matching.SetNumberOfHistogramLevels(1024)
    matching.SetNumberOfMatchPoints(7)
    matching.ThresholdAtMeanIntensityOn()
    moving_image = matching.Execute(moving_image, fixed_image)
    method = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    method.SetNumberOfIterations(50)
    method.SetStandardDeviations(1.0)
    field = None
    for factor in (4, 2, 1):
        small = [
            sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, [0.5 * factor * s for s in image.GetSpacing()]), [factor] * 3)
            if factor > 1
            else image
            for image in (fixed_image, moving_image)
        ]
        start = sitk.Resample(field, small[0]) if field is not None else sitk.Image(small[0].GetSize(), sitk.sitkVectorFloat64)
        start.CopyInformation(small[0])
        field = method.Execute(*small, start)
    return sitk.GetArrayFromImage(field)[..., ::-1]


PAIRS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "elastix": elastix,
    "elastix-chain": elastix_chain,
    "greedy": greedy,
    "demons": demons,
}


def load(name: str) -> None:
    """Import what a method needs before its seconds are counted: ITK loads its parts on first use."""
    if PACKAGES[name] == "itk-elastix":
        import itk

        itk.ParameterObject.New()
        _ = itk.elastix_registration_method, itk.transformix_deformation_field


def displacements(name: str, volumes: np.ndarray, spacing_mm: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Of every pass but the first, which is the reference, and CPU seconds of each."""
    load(name)
    fields, seconds = [], [time.process_time()]
    for moving in volumes[1:]:
        fields.append(PAIRS[name](volumes[0], moving, spacing_mm))
        seconds.append(time.process_time())
    return np.stack(fields), list(np.diff(seconds))


def check() -> None:
    shape = (32, 48, 48)
    generator = np.random.default_rng(0)
    pattern = gaussian_filter(generator.standard_normal(shape), 3.0)
    fixed = (100.0 * pattern / pattern.std()).astype(np.float32)
    moving = shifted(fixed, CHECK_MM / CHECK_SPACING_MM, order=3, mode="nearest").astype(np.float32)
    inner = tuple(slice(8, n - 8) for n in shape)
    for name, package in PACKAGES.items():
        found = displacements(name, np.stack([fixed, moving]), CHECK_SPACING_MM)[0][0][inner].reshape(-1, 3)
        print(
            f"{name} {importlib.metadata.version(package)}: true {CHECK_MM}, found {found.mean(0).round(2)} +- {found.std(0).round(2)}",
            flush=True,
        )


def main() -> None:
    if sys.argv[1] == "--check":
        check()
        return
    name, source, target = sys.argv[1:]
    given = np.load(source)
    found, cpu_s = displacements(name, given["volumes"], given["spacing_mm"])
    np.savez(target, displacements=found.astype(np.float32), cpu_s=cpu_s)


if __name__ == "__main__":
    main()
