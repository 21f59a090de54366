"""Pixel data without what is no pixel: bytes beyond the image, bits above the stored ones, comments in compressed streams.

No pixel changes and no compressed stream changes its length: what does not belong is overwritten with zeros, so that offsets still lead
where they led. Compressed pixels are not decoded. Sources: DICOM PS3.5 8 and A.4, annex G (RLE); ISO/IEC 10918-1 B.1 (JPEG),
14495-1 C.1 (JPEG-LS), 15444-1 A (JPEG 2000).
"""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from typing import Any

import numpy as np

from hepaflow.dicom.gate import BIG_ENDIAN, NATIVE
from hepaflow.errors import InputRefused

PIXEL_DATA = 0x7FE00010
#: Bits of a value where pixels are real numbers.
_REAL_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
#: All that group 7FE0 may hold here: pixels, and where their frames begin and how long they are.
OF_PIXELS = frozenset({PIXEL_DATA, 0x7FE00001, 0x7FE00002, *_REAL_BITS})
_OFFSETS = (0x7FE00001, 0x7FE00002)
_JPEG = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81))
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 92, 93, 201, 202, 203))
_RLE = "1.2.840.10008.1.2.5"
_ITEM = struct.Struct("<HHI")
_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # in coded data FF is followed by a stuffed byte below 80, or by RSTn
_ADOBE = b"Adobe"


class _Broken(Exception):
    """A stream does not hold what its markers promise."""


def only_pixels(dataset: Any, syntax: str) -> None:
    """The pixels of a data set, changed in place to hold nothing else.

    Refused: pixels whose size the header does not say, a row or more beyond the image, streams that cannot be walked, other compressions.
    """
    for tag, bits in _REAL_BITS.items():
        if tag in dataset:
            dataset[tag].value = _cut(bytes(dataset[tag].value), _count(dataset) * bits, _row(dataset) * bits)
    if PIXEL_DATA not in dataset:
        return
    element = dataset[PIXEL_DATA]
    if (syntax in NATIVE) == bool(element.is_undefined_length):
        raise InputRefused("PIXEL-FORMAT", "the transfer syntax of an image contradicts its pixels", "Export the study again")
    if syntax in NATIVE:
        element.value = _native(bytes(element.value), dataset, big=syntax == BIG_ENDIAN)
        return
    if syntax not in _JPEG | _JPEG_2000 | {_RLE}:
        raise InputRefused("FILE-SYNTAX", "an image is compressed in a way that cannot be looked through", "Export it uncompressed")
    try:
        element.value, starts = _encapsulated(bytes(element.value), syntax, _per_frame(dataset))
    except (_Broken, struct.error, IndexError):
        raise InputRefused(
            "FILE-DAMAGED", "compressed pixels contradict their own markers", "Copy the study again from its archive"
        ) from None
    begin, lengths = (_longs(dataset[tag].value) if tag in dataset else [] for tag in _OFFSETS)
    if not set(begin) <= starts or any(length > len(element.value) for length in lengths):
        for tag in _OFFSETS:
            dataset.pop(tag, None)


def _longs(value: bytes) -> list[int]:
    return [n for (n,) in struct.iter_unpack("<Q", bytes(value)[: len(value) // 8 * 8])]


def _row(dataset: Any) -> int:
    """Values in one row."""
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422" and samples == 3:
        samples = 2  # two colour values serve two pixels
    return int(dataset.get("Columns") or 0) * samples


def _per_frame(dataset: Any) -> int:
    count = int(dataset.get("Rows") or 0) * _row(dataset)
    if count <= 0:
        raise InputRefused("PIXEL-FORMAT", "an image does not say how many pixels it has", "Export the study again")
    return count


def _count(dataset: Any) -> int:
    """Values in all frames."""
    return _per_frame(dataset) * int(dataset.get("NumberOfFrames") or 1)


def _cut(data: bytes, bits: int, row_bits: int) -> bytes:
    """The bytes of the image, of even length. A row or more beyond it is no padding: the header contradicts the pixels."""
    need = -(-bits // 8)
    if len(data) <= need:
        return data
    if (len(data) - need) * 8 >= max(row_bits, 16) + 8:
        raise InputRefused("PIXEL-FORMAT", "an image holds more pixels than its header says", "Copy the study again")
    data = data[:need]
    if bits % 8:
        data = data[:-1] + bytes([data[-1] & ((1 << bits % 8) - 1)])
    return data + b"\0" * (len(data) % 2)


def _native(data: bytes, dataset: Any, *, big: bool) -> bytes:
    allocated, stored = int(dataset.get("BitsAllocated") or 0), int(dataset.get("BitsStored") or 0)
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= stored <= allocated:
        raise InputRefused("PIXEL-FORMAT", "an image does not say how its pixels are stored", "Export the study again")
    data = _cut(data, _count(dataset) * allocated, _row(dataset) * allocated)
    high = dataset.get("HighBit")
    low = (stored - 1 if high is None else int(high)) - stored + 1
    if low < 0 or low + stored > allocated:
        raise InputRefused("PIXEL-FORMAT", "an image does not say how its pixels are stored", "Export the study again")
    if stored == allocated:
        return data
    kind = np.dtype(f"{'>' if big else '<'}u{allocated // 8}")
    whole = len(data) // kind.itemsize * kind.itemsize
    values = np.frombuffer(data[:whole], kind).copy()
    values &= kind.type(((1 << stored) - 1) << low)
    if int(dataset.get("PixelRepresentation") or 0) and low == 0:  # a negative value has its sign in all bits above
        negative = (values >> kind.type(stored - 1)) & kind.type(1) == 1
        values[negative] |= kind.type(((1 << allocated) - 1) ^ ((1 << stored) - 1))
    return values.tobytes() + b"\0" * (len(data) - whole)


def _encapsulated(data: bytes, syntax: str, pixels: int) -> tuple[bytes, set[int]]:
    """Fragments without what is no pixel, the table of offsets emptied where it holds anything else; and where fragments begin."""
    places, position = [], 0
    while position < len(data):
        group, element, length = _ITEM.unpack_from(data, position)
        if (group, element) == (0xFFFE, 0xE0DD):
            break
        if (group, element) != (0xFFFE, 0xE000) or position + 8 + length > len(data):
            raise _Broken
        places.append((position + 8, length))
        position += 8 + length
    if len(places) < 2:
        raise _Broken
    (table_at, table_length), fragments = places[0], places[1:]
    first = fragments[0][0] - 8
    starts = {at - 8 - first for at, _ in fragments}
    table = data[table_at : table_at + table_length]
    if len(table) % 4 or not {n for (n,) in struct.iter_unpack("<I", table[: len(table) // 4 * 4])} <= starts:
        table = b""
    streams: list[list[tuple[int, int]]] = []
    begin = b"\xff\xd8" if syntax in _JPEG else b"\xff\x4f"
    for at, length in fragments:
        if syntax == _RLE or data[at : at + 2] == begin:
            streams.append([])
        elif not streams:
            raise _Broken
        streams[-1].append((at, length))
    out = bytearray(data[first:position])
    for parts in streams:
        stream = bytearray(b"".join(data[at : at + length] for at, length in parts))
        _clear(stream, syntax, pixels)
        done = 0
        for at, length in parts:
            out[at - first : at - first + length] = stream[done : done + length]
            done += length
    return _ITEM.pack(0xFFFE, 0xE000, len(table)) + table + bytes(out), starts


def _clear(stream: bytearray, syntax: str, pixels: int) -> None:
    end = _rle(stream, pixels) if syntax == _RLE else _jpeg(stream) if syntax in _JPEG else _jpeg_2000(stream)
    _zero(stream, end, len(stream))


def _zero(stream: bytearray, start: int, end: int) -> None:
    if start > end or end > len(stream):
        raise _Broken
    stream[start:end] = bytes(end - start)


def _jpeg(stream: bytearray) -> int:
    """Comments, application data and reserved segments zeroed; where the image ends. Adobe's 12 bytes on colour stay."""
    position = 2
    while True:
        if stream[position] != 0xFF:
            raise _Broken
        marker = stream[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xD9:
            return position + 2
        (length,) = struct.unpack_from(">H", stream, position + 2)
        body, end = position + 4, position + 2 + length
        adobe = marker == 0xEE and length == 14 and stream[body : body + 5] == _ADOBE
        if marker < 0xC0 or (marker >= 0xE0 and marker not in (0xF7, 0xF8) and not adobe):
            _zero(stream, body, end)
        if length < 2 or end > len(stream):
            raise _Broken
        if marker == 0xDA:
            found = _MARKER.search(stream, end)
            if found is None:
                raise _Broken
            end = found.start()
        position = end


def _jpeg_2000(stream: bytearray) -> int:
    """Comments of the main and all tile-part headers zeroed; where the image ends."""
    position, tile_end = 2, 0
    while True:
        (marker,) = struct.unpack_from(">H", stream, position)
        if marker == 0xFFD9:
            return position + 2
        if marker == 0xFF93:  # start of data: on to the next tile part
            after = tile_end or stream.find(b"\xff\xd9", position)  # no packet holds FF90 or above
            if after <= position:
                raise _Broken
            position, tile_end = after, 0
            continue
        length, body = struct.unpack_from(">H", stream, position + 2)[0], position + 4
        if marker < 0xFF4F or length < 2 or position + 2 + length > len(stream):
            raise _Broken
        if marker == 0xFF90:
            (part,) = struct.unpack_from(">I", stream, body + 2)
            tile_end = position + part if part else 0
            if part and (part < 14 or tile_end > len(stream)):
                raise _Broken
        if marker == 0xFF64:
            _zero(stream, min(body + 2, position + 2 + length), position + 2 + length)
        position += 2 + length


def _rle(stream: bytearray, pixels: int) -> int:
    """Bytes between and after what the segments need zeroed; where the last one ends."""
    count, *starts = struct.unpack_from("<16I", stream)
    used = [*starts[:count], len(stream)]
    if not 1 <= count <= 15 or used[0] != 64 or any(a >= b for a, b in pairwise(used)):
        raise _Broken
    _zero(stream, 4 + 4 * count, 64)
    end = 64
    for start, limit in pairwise(used):
        made, end = 0, start
        while made < pixels:
            if end >= limit:
                raise _Broken
            control = stream[end]
            if control < 128:
                made, end = made + control + 1, end + control + 2
            elif control > 128:
                made, end = made + 257 - control, end + 2
            else:
                end += 1
        _zero(stream, min(end, limit), limit)
    return min(end, len(stream))
