"""What a study's pictures are cut from, kept at hand: series mapped from disk, maps decoded one by one, a bound on memory.

A series is never read whole: its file is mapped, and a cut touches its own pages only. Maps are stored packed; a decoded one is kept
as the box of what it holds. Everything is known by its folder and by the state of its files there: what has been written anew is
loaded anew, and what a thread still works on stays valid in its hands.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt

from hepaflow.domain.series import DynamicSeries
from hepaflow.store import codec

T = TypeVar("T")

#: Decoded maps in memory, all studies together; one of a full-size liver takes about 15 MB.
MOST_BYTES = 512 * 2**20
#: Values at hand, all studies together; a mapped one takes address space, not memory.
MOST_VALUES = 96


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A value from the shelf and the ``key`` of its content: another key, another content."""

    value: T
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class BoxedMap:
    """A map (slices, rows, columns) as the box that holds all of its values; ``fill`` elsewhere."""

    shape: tuple[int, int, int]
    start: tuple[int, int, int]
    inside: npt.NDArray[Any]
    fill: float

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> BoxedMap:
        """Packs a map; float maps are NaN outside their box, the others 0."""
        holds = np.isfinite(values) if values.dtype.kind == "f" else values != 0
        spans = []
        for axis in range(3):
            hit = np.flatnonzero(holds.any(axis=tuple(a for a in range(3) if a != axis)))
            spans.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
        k, j, i = spans
        fill = float("nan") if values.dtype.kind == "f" else 0.0
        shape = (values.shape[0], values.shape[1], values.shape[2])
        return cls(shape, (k.start, j.start, i.start), values[k, j, i].copy(), fill)

    def across(self, axis: int, index: int) -> npt.NDArray[Any]:
        """The two-dimensional section at ``index`` of array ``axis``, a copy."""
        rest = [a for a in range(3) if a != axis]
        out = np.full([self.shape[a] for a in rest], self.fill, self.inside.dtype)
        at = index - self.start[axis]
        if 0 <= at < self.inside.shape[axis]:
            where = tuple(slice(self.start[a], self.start[a] + self.inside.shape[a]) for a in rest)
            out[where] = np.take(self.inside, at, axis=axis)
        return out


def content_key(folder: Path) -> str:
    """What tells one content of a saved value from another without reading it: 16 hexadecimal digits of its files' state.

    Refused (FileNotFoundError): a folder without a saved value.
    """
    told = hashlib.sha256()
    for name in ("value.json", "arrays.bin"):
        state = (folder / name).stat()
        told.update(f"{name} {state.st_ino} {state.st_mtime_ns} {state.st_size} ".encode())
    return told.hexdigest()[:16]


class Shelf:
    """Values by folder and part, the least recently used ones given back when there are too many. Safe under threads."""

    def __init__(self, *, most_bytes: int = MOST_BYTES, most_values: int = MOST_VALUES) -> None:
        self._most_bytes, self._most_values = most_bytes, most_values
        self._held: OrderedDict[tuple[Path, str], tuple[Held[Any], int]] = OrderedDict()
        self._making: dict[tuple[Path, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def series(self, folder: Path) -> Held[DynamicSeries]:
        """The series saved in a folder, voxels mapped. Refused (FileNotFoundError): no such series."""
        return self._get(folder, "", lambda: cast(DynamicSeries, codec.load(folder)), lambda _: 0)

    def stored(self, folder: Path) -> Held[codec.Stored]:
        """Any saved value, whose parts are decoded when asked for. Refused (FileNotFoundError): no such value."""
        return self._get(folder, "parts", lambda: codec.Stored(folder), lambda _: 0)

    def parameter_map(self, folder: Path, *way: str) -> Held[BoxedMap]:
        """One array (slices, rows, columns) of a saved set of maps, by its way in it. Refused: as :class:`codec.Stored`."""
        return self._get(
            folder, "/".join(way), lambda: BoxedMap.of(codec.Stored(folder).part(*way)), lambda found: found.inside.nbytes
        )

    @property
    def held_bytes(self) -> int:
        """Memory of what is decoded now."""
        with self._lock:
            return sum(size for _, size in self._held.values())

    def _get(self, folder: Path, part: str, make: Callable[[], T], size_of: Callable[[T], int]) -> Held[T]:
        name = (folder, part)
        key = content_key(folder)
        found = self._take(name, key)
        if found is not None:
            return cast(Held[T], found)
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:  # whoever asks for the same meanwhile waits for it instead of making it again
            for _ in range(3):
                key = content_key(folder)
                found = self._take(name, key)
                if found is not None:
                    return cast(Held[T], found)
                value = make()
                if content_key(folder) == key:
                    break  # else: written anew while it was read
            held = Held(value, key)
            self._put(name, held, size_of(value))
            return held

    def _take(self, name: tuple[Path, str], key: str) -> Held[Any] | None:
        with self._lock:
            found = self._held.get(name)
            if found is None or found[0].key != key:
                return None
            self._held.move_to_end(name)
            return found[0]

    def _put(self, name: tuple[Path, str], held: Held[Any], size: int) -> None:
        with self._lock:
            self._held[name] = (held, size)
            self._held.move_to_end(name)
            total = sum(size for _, size in self._held.values())
            while len(self._held) > 1 and (total > self._most_bytes or len(self._held) > self._most_values):
                gone, (_, freed) = self._held.popitem(last=False)
                self._making.pop(gone, None)
                total -= freed


#: The server's one shelf.
SHELF = Shelf()
