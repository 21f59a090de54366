"""A 4D NIfTI file beside NAME.json as a dynamic series, and 3D label maps. Arrays turn from (i, j, k, t) in RAS to [t, k, j, i] in LPS."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.pixels import doubts
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused

MAX_BYTES = 32 * 2**30
MAX_SIDECAR_BYTES = 4 * 2**20
_MAX_INFLATION = 1100  # deflate cannot do better than 1032
_MM_CODES = (0, 2)  # xyzt_units: unknown, millimetre
_LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """``values`` ([t,] k, j, i) as stored or scaled, on ``grid``; ``flags`` on its orientation."""

    values: npt.NDArray[Any]
    grid: Grid
    flags: tuple[str, ...]


def is_nifti(path: Path) -> bool:
    """By name: .nii or .nii.gz."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def sidecar_of(path: Path) -> Path:
    """NAME.json beside NAME.nii or NAME.nii.gz."""
    stem = path.name[: -len(".nii.gz")] if path.name.lower().endswith(".gz") else path.name[: -len(".nii")]
    return path.with_name(stem + ".json")


def read_series(path: Path, *, progress: Progress | None = None) -> DynamicSeries:
    """The dynamic series of a 4D NIfTI of HU.

    NAME.json holds ``times_s`` (one a volume, increasing; the first becomes 0) and perhaps ``injection_to_first_s``, ``kvp`` (a number
    or one a volume), ``contrast_volume_ml``, ``contrast_flow_ml_s``. Integers stay int16 where they fit, else float32; NaN stays.
    Refused: no times, a count that differs, a file that is cut, no orientation, units other than mm.
    """
    if not path.is_file():
        raise InputRefused("SOURCE-MISSING", "the given path does not exist", "Check the path")
    facts = read_sidecar(sidecar_of(path))
    times = _times(facts)
    volume = read_volume(path, dimensions=4)
    if volume.values.shape[0] != len(times):
        raise InputRefused(
            "SERIES-TIMES",
            f"the file holds {volume.values.shape[0]} volumes and its JSON {len(times)} times",
            "Give one time a volume in times_s",
        )
    voxels = _hounsfield(volume.values)
    if progress is not None:
        progress("read", len(times), len(times))
    times_s = np.asarray(times) - times[0]
    digest = hashlib.sha256(np.ascontiguousarray(volume.grid.affine).tobytes() + times_s.tobytes())
    for part in voxels:
        digest.update(np.ascontiguousarray(part).data)
    return DynamicSeries(
        voxels=voxels,
        grid=volume.grid,
        times_s=times_s,
        acquisition=Acquisition(
            time_source="times_s",
            kvp=_per_pass(facts.get("kvp"), len(times)),
            injection_to_first_s=_number(facts, "injection_to_first_s"),
            contrast_volume_ml=_number(facts, "contrast_volume_ml"),
            contrast_flow_ml_s=_number(facts, "contrast_flow_ml_s"),
            series_of_pass=(0,) * len(times),
        ),
        flags=(*volume.flags, *doubts(voxels)),
        source={"kind": "nifti", "digest": digest.hexdigest()},
    )


def read_volume(path: Path, *, dimensions: int, most_bytes: int = MAX_BYTES) -> Volume:
    """The array of a NIfTI file with 3 or 4 dimensions (a trailing dimension of 1 is dropped) and its grid in LPS.

    Refused: not NIfTI, cut, more than ``most_bytes``, another number of dimensions, no orientation, units other than mm.
    """
    import nibabel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image: Any = nibabel.load(path)
            header = image.header
            shape = tuple(int(n) for n in image.shape)
            while len(shape) > dimensions and shape[-1] == 1:
                shape = shape[:-1]
            _judge(path, image, shape, dimensions, most_bytes)
            raw = np.asanyarray(image.dataobj).reshape(shape, order="F")
        except InputRefused:
            raise
        except FileNotFoundError as error:
            raise InputRefused("SOURCE-MISSING", "the given path does not exist", "Check the path") from error
        except MemoryError:
            raise
        except Exception as error:  # the library raises many kinds, and their messages hold paths
            raise InputRefused("NIFTI-DAMAGED", "the NIfTI file is damaged or cut", "Copy the file again") from error
    flags = []
    sform, qform = header.get_sform(coded=True), header.get_qform(coded=True)
    if sform[1] == 0 and qform[1] == 0:
        raise InputRefused("NIFTI-GEOMETRY", "the NIfTI file has no orientation", "Write its sform or qform")
    if sform[1] and qform[1] and np.abs(sform[0] - qform[0]).max() > 1e-2:
        flags.append("nifti-orientation-conflict")
    affine = np.asarray(image.affine, float)[:, [2, 1, 0, 3]]
    grid = Grid((shape[2], shape[1], shape[0]), _LPS_OF_RAS @ affine)
    return Volume(raw.transpose(range(raw.ndim)[::-1]), grid, tuple(flags))


def _judge(path: Path, image: Any, shape: tuple[int, ...], dimensions: int, most_bytes: int) -> None:
    header = image.header
    if len(shape) != dimensions or min(shape) < 1:
        raise InputRefused(
            "NIFTI-SHAPE", f"the NIfTI file has {len(shape)} dimensions where {dimensions} are needed", "Give the file of that kind"
        )
    if int(header.get("xyzt_units", 0)) & 0x07 not in _MM_CODES:
        raise InputRefused("NIFTI-UNITS", "the NIfTI file is not in millimetres", "Convert it to mm")
    kind = header.get_data_dtype()
    if kind.kind not in "iufb":
        raise InputRefused("NIFTI-TYPE", "the NIfTI file holds something other than numbers", "Give one number a voxel")
    need, have = math.prod(shape) * kind.itemsize, path.stat().st_size
    with path.open("rb") as handle:
        zipped = handle.read(2) == b"\x1f\x8b"
    if need > have * (_MAX_INFLATION if zipped else 1):
        raise InputRefused("NIFTI-DAMAGED", "the NIfTI file is shorter than its header says", "Copy the file again")
    if need > most_bytes:
        raise InputRefused("NIFTI-TOO-LARGE", "the NIfTI file holds more than any study", "Give the file of one study")
    if zipped:
        _verify(path)


def _verify(path: Path) -> None:
    """Reads a gzip stream to its end, so that its checksum is verified: a reader that takes what it needs never would."""
    total = 0
    with gzip.open(path, "rb") as stream:
        while block := stream.read(2**22):
            total += len(block)
            if total > MAX_BYTES:
                raise InputRefused("NIFTI-DAMAGED", "the NIfTI file inflates beyond reason", "Copy the file again")


def read_sidecar(path: Path) -> dict[str, Any]:
    """The JSON object beside a NIfTI file. Refused: absent, not an object, too large."""
    try:
        if path.stat().st_size > MAX_SIDECAR_BYTES:
            raise InputRefused("SIDECAR-INVALID", "the JSON beside the NIfTI file is too large", "Give only what is needed")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputRefused("SIDECAR-MISSING", "the NIfTI file has no JSON of its name beside it", "Write NAME.json") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputRefused("SIDECAR-INVALID", "the JSON beside the NIfTI file cannot be read", "Correct it") from error
    if not isinstance(found, dict):
        raise InputRefused("SIDECAR-INVALID", "the JSON beside the NIfTI file is not an object", "Correct it")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _times(facts: dict[str, Any]) -> list[float]:
    times = facts.get("times_s")
    if not isinstance(times, list) or not all(map(_is_number, times)):
        raise InputRefused("SERIES-TIMES", "times_s is not a list of seconds", 'Write {"times_s": [0.0, 2.0, ...]} beside the file')
    return [float(t) for t in times]


def _number(facts: dict[str, Any], key: str) -> float | None:
    value = facts.get(key)
    if value is None:
        return None
    if not _is_number(value):
        raise InputRefused("SIDECAR-INVALID", f"{key} is not a number", "Correct the JSON")
    return float(value)


def _per_pass(value: Any, passes: int) -> tuple[float | None, ...]:
    if value is None:
        return ()
    several = value if isinstance(value, list) else [value] * passes
    if len(several) != passes or not all(v is None or _is_number(v) for v in several):
        raise InputRefused("SIDECAR-INVALID", "kvp is not a number or one number a volume", "Correct the JSON")
    return tuple(None if v is None else float(v) for v in several)


def _hounsfield(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """int16 where integers fit, else float32; infinite values become NaN."""
    if values.dtype.kind in "iub":
        if values.dtype == np.int16:
            return np.ascontiguousarray(values)
        if values.min() >= -32768 and values.max() <= 32767:
            return np.ascontiguousarray(values, dtype=np.int16)
        return np.ascontiguousarray(values, dtype=np.float32)
    found = np.ascontiguousarray(values, dtype=np.float32)
    found[np.isinf(found)] = np.nan
    return found
