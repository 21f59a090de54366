"""Every map twice: as a float32 Parametric Map, exact, and as an int16 image series that any viewer shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom import codes, origin
from hepaflow.dicom.write_slices import Series, write_series
from hepaflow.domain.case import CaseResult
from hepaflow.domain.maps import ParameterMap
from hepaflow.kinetics.display import display_range
from hepaflow.units import QUANTITIES

Progress = Callable[[str, int, int], None]

#: A liver dynamic series as radiologists window it (level, width in HU).
_HU_WINDOW = (80.0, 300.0)


def write_maps(case: CaseResult, folder: Path, *, progress: Progress | None = None) -> tuple[Path, ...]:
    """Write ``pm_KEY.dcm`` and ``images_KEY/NNNN.dcm`` for every map of ``case`` and return the paths.

    Parametric Maps hold the float32 values bit for bit, NaN where not computed, frames in rising position along the slice normal;
    the range of slices is that in which anything was computed. The image series holds the same slices as int16 times a slope (at
    most half of slope off), not-computed voxels as pixel padding. A study that was not read from DICOM also gets its reference
    pass as ``images_reference/``, to which everything else refers.
    """
    study = origin.origin_of(case)
    keys = [key for key in QUANTITIES if key in case.maps.maps]
    paths: list[Path] = []
    if not study.real:
        paths += _reference(case, study, folder)
    for number, key in enumerate(keys, start=1):
        chosen = case.maps.maps[key]
        slices = computed_slices(chosen.values, origin.ascending(study.grid))
        digest = origin.content_digest(np.array(slices), chosen.values[slices])
        paths.append(_parametric_map(case, study, chosen, folder, (number, slices, digest)))
        paths += _images(case, study, chosen, folder, (number, slices, digest))
        if progress is not None:
            progress("dicom maps", number, len(keys))
    return tuple(paths)


def computed_slices(values: npt.NDArray[np.float32], order: range) -> list[int]:
    """The shortest run of ``order`` that holds every finite voxel of ``values`` (k, j, i); all of it when there is none."""
    found = [place for place, k in enumerate(order) if np.isfinite(values[k]).any()]
    return list(order[found[0] : found[-1] + 1]) if found else list(order)


def _parametric_map(
    case: CaseResult, study: origin.Origin, chosen: ParameterMap, folder: Path, made: tuple[int, list[int], str]
) -> Path:
    """The library makes the object around one-pixel frames; the values go in as they are, without a copy for each step."""
    from highdicom.content import VOILUTTransformation
    from highdicom.pm import ParametricMap

    number, slices, digest = made
    low, high = display_range(chosen.key, case.maps.model)
    series_uid = study.uid("map", chosen.key, case.maps.model, digest)
    dataset = ParametricMap(
        source_images=origin.source_datasets(study, slices, shape=(1, 1)),
        pixel_array=np.zeros((len(slices), 1, 1), np.float32),
        series_instance_uid=series_uid,
        series_number=origin.SERIES_NUMBERS["map"] + number,
        sop_instance_uid=study.uid("map instance", chosen.key, case.maps.model, digest),
        instance_number=1,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping(chosen, model=case.maps.model, flags=_flags(case))],
        content_label=chosen.key.upper(),
        content_description=f"{chosen.quantity.name_en.partition(' (')[0]}, {chosen.quantity.unit}",
        derivation=coded(codes.PERFUSION_DERIVATION),
        voi_lut_transformations=[VOILUTTransformation(window_center=(low + high) / 2, window_width=high - low)],
        series_description=f"{chosen.quantity.name_en.partition(' (')[0]} [{chosen.quantity.unit}], research",
        **origin.equipment(),
    )
    frames = sorted(dataset.PerFrameFunctionalGroupsSequence, key=lambda item: slices.index(_slice_of(item, study, slices)))
    for place, frame in enumerate(frames, start=1):
        frame.FrameContentSequence[0].DimensionIndexValues = [place]
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy()]
    _, dataset.Rows, dataset.Columns = study.grid.shape
    dataset.FloatPixelData = np.ascontiguousarray(chosen.values[slices], dtype="<f4").tobytes()
    origin.settle(dataset, study, "map", chosen.key, case.maps.model, digest)
    return origin.save(dataset, folder / f"pm_{chosen.key}.dcm")


def _slice_of(frame: Any, study: origin.Origin, slices: list[int]) -> int:
    """Which slice of the grid a frame's position belongs to."""
    point = [float(value) for value in frame.PlanePositionSequence[0].ImagePositionPatient]
    place = [float(value) for k in slices for value in origin.position(study.grid, k)]
    return slices[int(np.abs(np.reshape(place, (-1, 3)) - point).sum(axis=1).argmin())]


def coded(code: codes.Code) -> Any:
    """A coded concept as the DICOM library wants it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(*code)


def anatomy() -> Any:
    """The frame anatomy of every result: liver, unpaired."""
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.FrameLaterality = "U"
    item.AnatomicRegionSequence = [coded(codes.LIVER)]
    return item


def _flags(case: CaseResult) -> tuple[str, ...]:
    """What holds for every map as a whole."""
    return () if case.denoising is None else case.denoising.flags


def mapping(chosen: ParameterMap, *, model: str, flags: tuple[str, ...] = (), slope: float | None = None) -> Any:
    """What a stored value means: unit, quantity, vessel and method, and the ``flags`` that hold for the whole map.

    Without ``slope`` the stored values are the values themselves; with it they are int16 steps.
    """
    from highdicom.pm import RealWorldValueMapping
    from highdicom.sr import CodeContentItem

    known = chosen.values[np.isfinite(chosen.values)]
    span = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    item: Any = RealWorldValueMapping(
        lut_label=chosen.key.upper(),
        lut_explanation=chosen.quantity.name_en[:64],
        unit=coded(codes.unit(chosen.key)),
        value_range=span if slope is None else (-32767, 32767),
        slope=slope,
        quantity_definition=coded(codes.quantity(chosen.key)),
    )
    says = [(codes.MEASUREMENT_METHOD, codes.CT_PERFUSION), (codes.MEASUREMENT_METHOD, codes.method(model))]
    vessel = codes.vessel(chosen.key)
    if vessel is not None:
        says.append((codes.FINDING_SITE, vessel))
    says += [(codes.QUALITY_FLAG, codes.flag(flag)) for flag in flags]
    for name, value in says:
        item.QuantityDefinitionSequence.append(CodeContentItem(name=coded(name), value=coded(value)))
    return item


def _images(
    case: CaseResult, study: origin.Origin, chosen: ParameterMap, folder: Path, made: tuple[int, list[int], str]
) -> list[Path]:
    number, slices, digest = made
    slope = step(chosen.values)
    low, high = display_range(chosen.key, case.maps.model)
    kind = Series(
        uid=study.uid("images", chosen.key, case.maps.model, digest),
        number=origin.SERIES_NUMBERS["slices"] + number,
        description=f"{chosen.quantity.name_en.partition(' (')[0]} [{chosen.quantity.unit}], research, images",
        slope=slope,
        rescale_type="US",
        window=((low + high) / 2, high - low),
        mapping=mapping(chosen, model=case.maps.model, flags=_flags(case), slope=slope),
        derivation=codes.PERFUSION_DERIVATION,
        uids=tuple(study.uid("image", chosen.key, case.maps.model, digest, k) for k in slices),
    )
    return write_series(chosen.values, slices, kind, study, folder / f"images_{chosen.key}", case.series.acquisition)


def step(values: npt.NDArray[np.float32]) -> float:
    """The smallest of 1, 2, 5 times a power of ten by which every finite value fits into 16 bits with a sign.

    >>> step(np.array([0.0, 120.0], np.float32))
    0.005
    """
    known = np.abs(values[np.isfinite(values)])
    need = float(known.max()) / 32767.0 if known.size else 0.0
    if need <= 0.0:
        return 1.0
    decade = int(np.floor(np.log10(need)))
    fits = (float(f"{digit}e{decade + carry}") for carry in (0, 1) for digit in (1, 2, 5))
    return next(size for size in fits if size >= need)


def _reference(case: CaseResult, study: origin.Origin, folder: Path) -> list[Path]:
    """The reference pass as images, for a study that has none of its own."""
    slices = list(origin.ascending(study.grid))
    kind = Series(
        uid=study.image_series_uid,
        number=origin.SERIES_NUMBERS["reference"],
        description="Reference pass",
        slope=1.0,
        rescale_type="HU",
        window=_HU_WINDOW,
        mapping=None,
        derivation=None,
        uids=tuple(study.images[k] for k in slices),
    )
    voxels = case.series.voxels[case.motion.reference]
    return write_series(voxels, slices, kind, study, folder / "images_reference", case.series.acquisition)
