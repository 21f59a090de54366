"""A DICOM Parametric Map as an array on its grid, with what it says of itself. Source: DICOM PS3.3 A.75, C.7.6.16.2.11, C.8.32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom import codes
from hepaflow.dicom.frame_grid import code_of, grid_of_frames, group_of, refuse_index
from hepaflow.dicom.frame_pixels import stored_frames
from hepaflow.dicom.read_object import read_object
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
_MAX_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True, eq=False)
class ReadMap:
    """``values`` float32 (slices, rows, columns) on ``grid``, NaN where nothing was computed.

    ``key`` is the quantity's key where hepaflow knows it by code and vessel, else None. ``unit`` is the UCUM code; ``methods`` are the
    measurement methods, ``flags`` the quality flags, as codes.
    """

    key: str | None
    values: npt.NDArray[np.float32]
    grid: Grid
    quantity: codes.Code | None
    unit: codes.Code
    methods: tuple[codes.Code, ...]
    flags: tuple[str, ...]


def read_map(data: bytes, *, where: str) -> ReadMap:
    """The map in a Parametric Map file: float values as stored, integers by their linear real world value mapping.

    Refused: another kind of object, frames that form no even stack or are counted in another order, several or no linear mapping,
    several quantities, a unit that is not that of the quantity, more pixels than frames, a damaged file.
    """
    return read_object(data, (PARAMETRIC_MAP,), lambda dataset: _map(data, dataset), what="Parametric Map", where=where)


def _map(data: bytes, dataset: Any) -> ReadMap:
    frames, rows, columns = int(dataset.NumberOfFrames), int(dataset.Rows), int(dataset.Columns)
    if 4 * frames * rows * columns > _MAX_BYTES:
        raise InputRefused("MAP-TOO-LARGE", "the map is larger than any study", "Export it again")
    grid, index = grid_of_frames(dataset, frames, rows, columns)
    if sorted(index) != list(range(grid.shape[0])):
        raise InputRefused("MAP-GEOMETRY", "the map lacks slices or shows one twice", "Export it again")
    refuse_index(dataset, index)
    mapping = _mapping(dataset)
    stored = _values(data, dataset, mapping, (frames, rows, columns))  # before anything is made of the size that is only claimed
    values = np.empty(grid.shape, np.float32)
    values[index] = stored
    named = Grid(grid.shape, grid.affine, str(dataset.get("FrameOfReferenceUID", "")))
    said = [
        (code_of(i.ConceptNameCodeSequence[0]), code_of(i.ConceptCodeSequence[0]))
        for i in mapping.get("QuantityDefinitionSequence", ())
    ]
    quantity, vessel = _only(said, codes.QUANTITY), _only(said, codes.FINDING_SITE)
    key, unit = None if quantity is None else codes.key_of(quantity, vessel), code_of(mapping.MeasurementUnitsCodeSequence[0])
    if key is not None and not codes.same_unit(unit, codes.unit(key)):
        raise InputRefused("MAP-MAPPING", "the unit of the map is not that of its quantity", "Export it in hepaflow's unit")
    return ReadMap(
        key=key,
        values=values,
        grid=named,
        quantity=quantity,
        unit=unit,
        methods=tuple(value for name, value in said if name[:2] == codes.MEASUREMENT_METHOD[:2]),
        flags=tuple(value.value for name, value in said if name[:2] == codes.QUALITY_FLAG[:2]),
    )


def _only(said: list[tuple[codes.Code, codes.Code]], wanted: codes.Code) -> codes.Code | None:
    """What is said under one name. Refused: several things."""
    found = {value[:2]: value for name, value in said if name[:2] == wanted[:2]}
    if len(found) > 1:
        raise InputRefused("MAP-MAPPING", "the map names several quantities or vessels", "Give one map a file")
    return next(iter(found.values()), None)


def _mapping(dataset: Any) -> Any:
    """The one real world value mapping that holds for all frames."""
    name = "RealWorldValueMappingSequence"
    groups = (*dataset.PerFrameFunctionalGroupsSequence, *dataset.SharedFunctionalGroupsSequence)
    if any(name in group and len(group[name].value) != 1 for group in groups):
        raise InputRefused("MAP-MAPPING", "the map says in several ways what its values mean", "Give one map a file")
    items = [group_of(dataset, item, name) for item in dataset.PerFrameFunctionalGroupsSequence]
    if any(item is not items[0] and item != items[0] for item in items[1:]):
        raise InputRefused("MAP-MAPPING", "frames of the map mean different things", "Give one map a file")
    return items[0]


def _values(data: bytes, dataset: Any, mapping: Any, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    for keyword, kind in (("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")):
        if keyword in dataset:
            if len(dataset[keyword].value) != int(np.prod(shape)) * int(kind[1]):
                raise InputRefused("OBJECT-DAMAGED", "the map holds other pixels than its header says", "Export it again")
            if (mapping.get("RealWorldValueSlope", 1), mapping.get("RealWorldValueIntercept", 0)) != (1, 0):
                raise InputRefused(
                    "MAP-MAPPING", "the map holds its values and a line that changes them", "Export the values alone"
                )
            order = "<" if dataset.is_little_endian is not False else ">"
            flat = np.frombuffer(dataset[keyword].value, dtype=order + kind)
            return flat.reshape(shape).astype(np.float32)
    slope, intercept = mapping.get("RealWorldValueSlope"), mapping.get("RealWorldValueIntercept")
    if slope is None or intercept is None:
        raise InputRefused("MAP-MAPPING", "the map does not say by a line what its values mean", "Export it as a float map")
    line = float(slope), float(intercept)
    return np.stack([(stored * line[0] + line[1]).astype(np.float32) for stored in stored_frames(data, dataset)])
