"""Values of the domain as a JSON tree and one file of arrays: exact, readable, and safe to load from a stranger (nothing executes).

Arrays keep dtype and shape. Boolean masks are stored as bits of their bounding box, arrays that are mostly NaN (or zero) as the
values that are not; everything else as it is, mapped from disk when loaded. The frame-of-reference UID of a grid is not stored:
whoever needs it takes it from the study.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hepaflow.domain import case, comparison, curves, denoising, geometry, history, lesions, maps, motion, quality, series
from hepaflow.errors import InputRefused

Array = npt.NDArray[Any]

ALIGNMENT = 64
#: Arrays below this many elements are stored plainly; compaction would not pay.
SMALL = 4096
_DTYPE_KINDS = "biuf"


def _registered(*modules: ModuleType) -> dict[str, type]:
    found = {}
    for module in modules:
        for name, kind in vars(module).items():
            if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__:
                found[name] = kind
    return found


TYPES: dict[str, type] = _registered(case, comparison, curves, denoising, geometry, history, lesions, maps, motion, quality, series)


def save(value: Any, folder: Path) -> str:
    """Writes ``value.json`` and ``arrays.bin`` into an existing folder; returns the digest of both.

    Takes None, bool, int, float, str, tuple, list, dict with string or integer keys, numpy scalars and arrays of numbers, and the
    dataclasses of ``hepaflow.domain``. Anything else is a programming error (TypeError).
    """
    with (folder / "arrays.bin").open("wb") as blob:
        tree = _encode(value, blob)
    text = json.dumps(tree, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    (folder / "value.json").write_text(text + "\n", encoding="ascii")
    return digest(folder)


def digest(folder: Path) -> str:
    """Digest of a saved value: SHA-256 over the digests of its two files."""
    total = hashlib.sha256()
    for name in ("value.json", "arrays.bin"):
        with (folder / name).open("rb") as handle:
            total.update(hashlib.file_digest(handle, "sha256").digest())
    return total.hexdigest()


def load(folder: Path) -> Any:
    """The saved value; arrays are copy-on-write views of the file (changing one never changes the file)."""
    blob = _mapped(folder / "arrays.bin")
    return _decode(json.loads((folder / "value.json").read_text(encoding="ascii")), blob)


class Stored:
    """A saved value whose parts are decoded one by one when asked for; nothing else of the file is read.

    A part is named by its way from the top: names of fields, keys of dictionaries, positions in tuples and lists. Refused (KeyError,
    IndexError): a way that leads nowhere.
    """

    __slots__ = ("_blob", "_tree")

    def __init__(self, folder: Path) -> None:
        self._blob = _mapped(folder / "arrays.bin")
        self._tree = json.loads((folder / "value.json").read_text(encoding="ascii"))

    def part(self, *way: str | int) -> Any:
        """The value at the end of ``way``."""
        return _decode(self._at(way), self._blob)

    def names(self, *way: str | int) -> tuple[str | int, ...]:
        """The keys of the dictionary, or the fields that are not None of the value, at the end of ``way``."""
        tree = self._at(way)
        if "dict" in tree:
            return tuple(key for key, _ in tree["dict"])
        return tuple(name for name, value in tree["fields"].items() if value is not None)

    def element(self, *way: str | int, at: tuple[int, ...]) -> Any:
        """One element of the array at the end of ``way``, as a Python number; the rest of the array is not decoded."""
        head = self._at(way)["array"]
        if head["as"] != "sparse":
            return _decode_array(head, self._blob)[at].item()
        dtype, flat = np.dtype(head["dtype"]), int(np.ravel_multi_index(at, head["shape"]))
        bits = _piece(head["mask"], self._blob)
        byte, bit = divmod(flat, 8)
        if not bits[byte] >> (7 - bit) & 1:
            return float("nan") if dtype.kind == "f" else 0
        whole = byte - byte % 8  # eight bytes at a time: the pieces of the file are aligned
        before = int(np.bitwise_count(bits[:whole].view(np.uint64)).sum(dtype=np.int64))
        before += int(np.bitwise_count(bits[whole:byte]).sum(dtype=np.int64)) + (int(bits[byte]) >> (8 - bit)).bit_count()
        return _piece(head["at"], self._blob).view(dtype)[before].item()

    def _at(self, way: tuple[Any, ...]) -> Any:
        tree: Any = self._tree
        for name in way:
            if isinstance(tree, list):
                tree = tree[name]
            elif "fields" in tree:
                tree = tree["fields"][name]
            elif "dict" in tree:
                tree = dict(tree["dict"])[name]
            else:
                tree = tree["tuple"][name]
        return tree


def _mapped(path: Path) -> Array:
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="c") if path.stat().st_size else np.empty(0, np.uint8))


def _encode(value: Any, blob: BinaryIO) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return _encode(value.item(), blob)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray):
        return {"array": _encode_array(value, blob)}
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, blob) for item in value]}
    if isinstance(value, list):
        return [_encode(item, blob) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str | int) and not isinstance(key, bool) for key in value):
            raise TypeError("dictionary keys must be strings or integers")
        return {"dict": [[key, _encode(item, blob)] for key, item in value.items()]}
    name = type(value).__name__
    if dataclasses.is_dataclass(value) and TYPES.get(name) is type(value):
        fields = {f.name: _encode(getattr(value, f.name), blob) for f in dataclasses.fields(value)}
        if name == "Grid":
            fields["frame_of_reference_uid"] = ""
        return {"data": name, "fields": fields}
    raise TypeError(f"cannot store a {type(value).__name__}")


def _encode_array(array: Array, blob: BinaryIO) -> dict[str, Any]:
    if array.dtype.kind not in _DTYPE_KINDS:
        raise TypeError(f"cannot store an array of {array.dtype}")
    array = np.ascontiguousarray(array).reshape(array.shape)
    head: dict[str, Any] = {"dtype": array.dtype.newbyteorder("<").str, "shape": list(array.shape)}
    array = array.astype(head["dtype"], copy=False)
    if array.dtype.kind == "b" and array.size >= SMALL:
        box = _bounding_box(array)
        inside = array[tuple(slice(a, b) for a, b in box)]
        return head | {"as": "bits", "box": box, "at": _append(np.packbits(inside), blob)}
    if array.dtype.kind != "b" and array.size >= SMALL:
        fill = np.full(1, np.nan, array.dtype) if array.dtype.kind == "f" else np.zeros(1, array.dtype)
        raw = np.dtype(f"<u{array.dtype.itemsize}") if array.dtype.itemsize <= 8 else None
        if raw is not None:
            kept = array.view(raw) != fill.view(raw)
            if np.count_nonzero(kept) * 2 < array.size:
                return head | {"as": "sparse", "mask": _append(np.packbits(kept), blob), "at": _append(array[kept], blob)}
    return head | {"as": "plain", "at": _append(array, blob)}


def _bounding_box(mask: Array) -> list[list[int]]:
    box = []
    for axis in range(mask.ndim):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append([int(hit[0]), int(hit[-1]) + 1] if hit.size else [0, 0])
    return box


def _append(array: Array, blob: BinaryIO) -> list[int]:
    blob.write(b"\0" * (-blob.tell() % ALIGNMENT))
    start = blob.tell()
    np.ascontiguousarray(array).tofile(blob)
    return [start, array.nbytes]


def _decode(tree: Any, blob: Array) -> Any:
    if isinstance(tree, list):
        return [_decode(item, blob) for item in tree]
    if not isinstance(tree, dict):
        return tree
    makers: dict[str, Callable[[], Any]] = {
        "float": lambda: float(tree["float"]),
        "array": lambda: _decode_array(tree["array"], blob),
        "tuple": lambda: tuple(_decode(item, blob) for item in tree["tuple"]),
        "dict": lambda: {key: _decode(item, blob) for key, item in tree["dict"]},
        "data": lambda: TYPES[tree["data"]](**{key: _decode(item, blob) for key, item in tree["fields"].items()}),
    }
    for key, make in makers.items():
        if key in tree:
            return make()
    raise InputRefused(
        "STORE-DAMAGED", "a stored step is not in the form hepaflow writes", "Delete the case folder's steps/ and run again"
    )


def _decode_array(head: dict[str, Any], blob: Array) -> Array:
    dtype, shape = np.dtype(head["dtype"]), tuple(head["shape"])
    if head["as"] == "plain":
        return np.asarray(_piece(head["at"], blob).view(dtype).reshape(shape))
    if head["as"] == "bits":
        box = [slice(a, b) for a, b in head["box"]]
        inner = tuple(s.stop - s.start for s in box)
        out = np.zeros(shape, bool)
        out[tuple(box)] = np.unpackbits(_piece(head["at"], blob), count=math.prod(inner)).astype(bool).reshape(inner)
        return out
    kept = np.unpackbits(_piece(head["mask"], blob), count=math.prod(shape)).astype(bool).reshape(shape)
    out = np.full(shape, np.nan, dtype) if dtype.kind == "f" else np.zeros(shape, dtype)
    out[kept] = _piece(head["at"], blob).view(dtype)
    return out


def _piece(at: list[int], blob: Array) -> Array:
    start, size = at
    return blob[start : start + size]
