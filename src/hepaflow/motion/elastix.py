"""The library beside our own registration: masked B-spline with mutual information by elastix, from the same start on the same images.

It is slower and less exact on breathing livers (``docs/decisions/0006-own-registration.md``), and it is what many trust: a result can be
checked against it. Klein S et al. IEEE Trans Med Imaging 2010;29:196.
"""

from __future__ import annotations

import tempfile
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused
from hepaflow.motion.deformable import Field, Mask
from hepaflow.motion.lattice import Scene, Volume

_SETTINGS = {
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
#: Metric on HU inside this window: air and bone would take most of the histogram.
_WINDOW_HU = (-200.0, 400.0)
_LOADING = threading.Lock()


def register(scene: Scene, reference: int, index: int, cavity: Mask, shift: npt.NDArray[np.float64]) -> Field:
    """The field (nodes, 3) of a pass in mm along the working axes, by elastix, from the starting shift (z, y, x) in mm.

    Deterministic: fixed seed, one thread. Refused: a pass on which the library gives up (too little in common with the reference).
    """
    itk = _library()
    spacing = [float(step) for step in scene.grid.spacing_mm[::-1]]

    def image(values: Volume | npt.NDArray[np.uint8], origin: npt.NDArray[np.float64]) -> Any:
        made = itk.image_from_array(np.ascontiguousarray(values))
        made.SetSpacing(spacing)
        made.SetOrigin([float(step) for step in origin])
        return made

    here, there = np.zeros(3), -np.asarray(shift, float)[::-1]
    fixed, moving = (
        np.clip(np.nan_to_num(scene.volumes[n], nan=_WINDOW_HU[0]), *_WINDOW_HU).astype(np.float32) for n in (reference, index)
    )
    method = itk.ElastixRegistrationMethod.New(image(fixed, here), image(moving, there))
    method.SetFixedMask(image(cavity.astype(np.uint8), here))
    method.SetMovingMask(image(cavity.astype(np.uint8), there))
    method.SetParameterObject(_parameters(itk))
    method.SetLogToConsole(False)
    method.SetLogToFile(False)
    method.SetNumberOfThreads(1)
    try:
        method.UpdateLargestPossibleRegion()
    except RuntimeError as error:
        raise InputRefused(
            "MOTION-LIBRARY", f"elastix could not register pass {index} (counted from 0)", 'Use motion.engine = "local"'
        ) from error
    with tempfile.TemporaryDirectory() as folder:  # transformix writes its field whether or not one wants the file
        found = itk.transformix_deformation_field(
            image(moving, there), method.GetTransformParameterObject(), log_to_console=False, output_directory=folder
        )
    return _at_nodes(itk.array_from_image(found)[..., ::-1] + shift, scene)


def _library() -> Any:
    """The library with all that is used of it loaded: it loads on first use, and not safely when two threads ask at once."""
    with _LOADING:
        import itk

        for name in (
            "image_from_array",
            "array_from_image",
            "ElastixRegistrationMethod",
            "ParameterObject",
            "transformix_deformation_field",
        ):
            getattr(itk, name)
    return itk


def _parameters(itk: Any) -> Any:
    parameters = itk.ParameterObject.New()
    table = parameters.GetDefaultParameterMap("bspline", int(_SETTINGS["NumberOfResolutions"]))
    for key in [key for key in table if key.startswith("Metric")]:
        del table[key]
    for key, value in _SETTINGS.items():
        table[key] = [value]
    parameters.AddParameterMap(table)
    return parameters


def _at_nodes(dense: npt.NDArray[np.float64], scene: Scene) -> Field:
    """A field of every voxel (k, j, i, 3) as block means at the nodes."""
    shape, block = scene.nodes.shape, scene.block
    cut = dense[: shape[0] * block[0], : shape[1] * block[1], : shape[2] * block[2]]
    blocks = cut.reshape(shape[0], block[0], shape[1], block[1], shape[2], block[2], 3)
    return np.asarray(blocks.mean(axis=(1, 3, 5)), np.float32)
