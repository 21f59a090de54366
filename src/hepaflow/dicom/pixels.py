"""Stored pixels to HU, straight into one array; native pixels are read without a DICOM library, compressed ones by a limited child (warden)."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.codec import LOSSY
from hepaflow.dicom.gate import inflate
from hepaflow.dicom.headers import Pixels, Slice
from hepaflow.dicom.warden import decode

#: HU given to pixels that the scanner marked as outside its circle: air.
OUTSIDE_HU = -1024
#: A padding value above this would erase tissue; it is not believed.
_PADDING_MAX_HU = -900.0
#: CT without any value below this holds no air: its rescale is doubtful.
_AIR_HU = -300.0
#: No breath moves the mean of a whole slice against its own median over time this far.
_JUMP_HU = 300.0
_SAMPLE = 8
_TALKATIVE = ("pydicom", "highdicom", "openjpeg", "pylibjpeg")
_INT16 = np.iinfo(np.int16)

Progress = Callable[[str, int, int], None]


class _TooWide(Exception):
    """A value does not fit 16 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """``voxels`` (passes, slices, rows, columns) int16, or float32 where HU are not whole or do not fit; digests of each slice's HU."""

    voxels: npt.NDArray[Any]
    digests: tuple[bytes, ...]
    flags: tuple[str, ...]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps libraries from printing values of a header, as warnings or in logs."""
    logs = [logging.getLogger(name) for name in _TALKATIVE]
    before = [(log.propagate, log.handlers) for log in logs]
    for log in logs:
        log.propagate, log.handlers = False, [logging.NullHandler()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, (propagate, handlers) in zip(logs, before, strict=True):
            log.propagate, log.handlers = propagate, handlers


def load(slices: Sequence[Sequence[Slice]], *, files: int, progress: Progress | None = None) -> Loaded:
    """HU of all passes. ``files`` is the number of files of the study, for messages. Refused: pixels that cannot be decoded."""
    first = slices[0][0].pixels
    shape = (len(slices), len(slices[0]), first.rows, first.columns)
    whole = all(float(v).is_integer() for row in slices for s in row for v in (s.pixels.slope, s.pixels.intercept))
    try:
        return _load(slices, np.empty(shape, np.int16 if whole else np.float32), files, progress)
    except _TooWide:
        return _load(slices, np.empty(shape, np.float32), files, progress)


def _load(slices: Sequence[Sequence[Slice]], voxels: npt.NDArray[Any], files: int, progress: Progress | None) -> Loaded:
    count = voxels.shape[1]
    flags: set[str] = set()

    def one(number: int) -> bytes:
        p, k = divmod(number, count)
        image = slices[p][k]
        frame = "" if image.frame is None else f"frame {image.frame} of "
        where = f"{frame}file {image.file} of {files}, slice {k + 1} of pass {p + 1}"
        plain = _is_plain(image.pixels, voxels.dtype)
        stored, lossy = (_in_place(image, voxels[p, k]), False) if plain else _stored(image, where)
        if _overfull(stored, image.pixels):
            flags.add("pixel-bits-ignored")
        stored = _without_spare(stored, image.pixels, out=stored if plain else None)
        if lossy or image.pixels.syntax in LOSSY:
            flags.add("lossy-compression")
        if _to_hu(stored, image.pixels, voxels[p, k]):
            flags.add("pixel-padding-implausible")
        return hashlib.sha256(voxels[p, k].data).digest()

    digests: list[bytes] = []
    with quiet(), ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for p in range(len(slices)):
            digests += pool.map(one, range(p * count, (p + 1) * count))
            if progress is not None:
                progress("read", p + 1, len(slices))
    if len({(s.pixels.slope, s.pixels.intercept) for row in slices for s in row}) > 1:
        flags.add("rescale-varies")
    if not all(s.pixels.in_hu for row in slices for s in row):
        flags.add("rescale-unit-unspecified")
    return Loaded(voxels, tuple(digests), (*sorted(flags), *doubts(voxels)))


def doubts(voxels: npt.NDArray[Any]) -> tuple[str, ...]:
    """Flags on values that HU of one patient would hardly take; ``voxels`` (passes, slices, rows, columns)."""
    sample = voxels[:, :, :: min(_SAMPLE, max(1, voxels.shape[2] // 8)), :: min(_SAMPLE, max(1, voxels.shape[3] // 8))]
    finite = np.isfinite(sample)
    values = np.where(finite, sample, 0).astype(np.float32)
    if not finite.any():
        return ("values-missing",)
    found = [] if finite.all() else ["values-missing"]
    if values.min() > _AIR_HU or values.max() > 32767:
        found.append("hu-implausible")
    means = values.sum(axis=(2, 3)) / np.maximum(finite.sum(axis=(2, 3)), 1)
    if np.abs(means - np.median(means, axis=0)).max() > _JUMP_HU:
        found.append("hu-jump")
    return tuple(found)


def pixel_digest(image: Slice, where: str) -> bytes:
    """Digest of the stored pixels of one image."""
    with quiet():
        return hashlib.sha256(_without_spare(_stored(image, where)[0], image.pixels).tobytes()).digest()


def _is_plain(form: Pixels, kind: np.dtype[Any]) -> bool:
    """The file holds these pixels as memory would."""
    native = form.bits_allocated == 16 and form.little_endian == (sys.byteorder == "little")
    return native and kind == np.int16 and form.span.fragments is None and not form.deflated


def _in_place(image: Slice, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Stored values read into the memory of ``out`` (rows, columns) int16, which they share."""
    image.entry.fill(image.pixels.span.start, out.data.cast("B"))
    return out if image.pixels.signed else out.view(np.uint16)


def _stored(image: Slice, where: str) -> tuple[npt.NDArray[Any], bool]:
    """Stored values (rows, columns) with all their bits; and whether a compressed stream says that it lost information."""
    form, lossy = image.pixels, False
    if form.span.fragments is None:
        data = inflate(image.entry.read())[form.span.start :] if form.deflated else _own_bytes(image)
        kind = ("<" if form.little_endian else ">") + ("i" if form.signed else "u") + str(form.bits_allocated // 8)
        flat = np.frombuffer(data, dtype=kind, count=form.rows * form.columns)
        stored = flat.reshape(form.rows, form.columns)
    else:
        stored, lossy = decode(image.entry, form, where=where)
    return stored, lossy


def _own_bytes(image: Slice) -> bytes:
    """What lies between the first and the last byte of the image's pixels, and nothing else of its file."""
    data = bytearray(image.pixels.span.length)
    image.entry.fill(image.pixels.span.start, memoryview(data))
    return bytes(data)


def _overfull(stored: npt.NDArray[Any], form: Pixels) -> bool:
    """Whether bits above those of the value are set (other than a sign carried on): an old overlay, or a header that names too few."""
    low, high = int(stored.min()), int(stored.max())
    if form.signed and low < 0:
        return low < -(1 << form.bits_stored - 1) or high >= 1 << form.bits_stored - 1
    return high >= 1 << form.bits_stored


def _without_spare(stored: npt.NDArray[Any], form: Pixels, *, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """Unused high bits removed, sign extended."""
    spare = form.bits_allocated - form.bits_stored
    if spare and form.signed:
        stored = np.right_shift(np.left_shift(stored, spare, out=out), spare, out=out)
    elif spare:
        stored = np.bitwise_and(stored, (1 << form.bits_stored) - 1, out=out)
    return stored


def _to_hu(stored: npt.NDArray[Any], form: Pixels, out: npt.NDArray[Any]) -> bool:
    """Writes HU into ``out`` (rows, columns), which may share memory with ``stored``; True when the padding value was not believed."""
    outside = None
    if form.padding is not None:
        outside = (stored >= form.padding[0]) & (stored <= form.padding[1])
    if out.dtype == np.int16:
        slope, intercept = int(form.slope), int(form.intercept)
        low, high = (slope * end + intercept for end in (int(stored.min()), int(stored.max())))
        if low < _INT16.min or high > _INT16.max:
            raise _TooWide
        if slope == 1 and stored.dtype.itemsize == 2 and stored.dtype.isnative:
            # the sum fits, so that 16-bit arithmetic, which wraps, ends at the right value without a wider copy
            np.add(stored.view(np.int16), np.array(intercept & 0xFFFF, np.uint16).view(np.int16), out=out)
        else:
            out[...] = stored.astype(np.int32) * slope + intercept
    else:
        out[...] = stored.astype(np.float64) * form.slope + form.intercept
    if form.padding is None or outside is None or not outside.any():
        return False
    if form.padding[1] * form.slope + form.intercept > _PADDING_MAX_HU:
        return True
    out[outside] = OUTSIDE_HU
    return False
