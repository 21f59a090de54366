"""What a compressed stream says of itself, read without decoding it: a decoder believes it whatever the header of the image says.

Source: ISO/IEC 10918-1 B.2.2 and B.2.3 (JPEG: frame and scan header), 14495-1 C.2.2 and C.2.3 (JPEG-LS), 15444-1 annex A (JPEG 2000: SIZ,
COD, COC, SOT), 15444-15 (high throughput: the same markers).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
_BY_COSINES, _LOSSLESS, _JPEG_LS = (0xC0, 0xC1, 0xC2), 0xC3, 0xF7
_SCAN = 0xDA
_START = b"\xff\x4f\xff\x51"
_COD, _COC, _TILE, _DATA, _END = 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
#: Where the wavelet stands after the marker; 0 is the irreversible one (15444-1 tables A.13, A.15, A.20).
_WAVELET = {_COD: 13, _COC: 10}


class Claims(NamedTuple):
    """Size in pixels (0 where no frame header was found), bits a value, its sign (None: not said), and whether information was lost."""

    rows: int = 0
    columns: int = 0
    bits: int = 0
    signed: bool | None = None
    lossy: bool = False


def claims(stream: bytes, syntax: str) -> Claims | None:
    """What the stream of one image claims; None for RLE, which claims nothing.

    ``lossy``: by cosines, nearly lossless, with low bits cut off, or by the irreversible wavelet. Reversible wavelets that were cut short
    do not show themselves.
    """
    if syntax in JPEG:
        return _jpeg(stream)
    return _jpeg_2000(stream) if syntax in JPEG_2000 or syntax in HTJ2K else None


def _jpeg(stream: bytes) -> Claims:
    found, kind, position = Claims(), 0, 2
    while position + 9 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in (*_BY_COSINES, _LOSSLESS, _JPEG_LS):
            kind = marker
            bits, rows, columns = struct.unpack_from(">BHH", stream, position + 4)
            found = Claims(rows, columns, bits, None, marker in _BY_COSINES)
        elif marker == _SCAN:
            first, _, last = stream[position + 5 + 2 * stream[position + 4] :][:3].ljust(3, b"\x00")
            near = first if kind == _JPEG_LS else 0
            return found._replace(lossy=found.lossy or near > 0 or last & 0x0F > 0)
        position += 2 + int(struct.unpack_from(">H", stream, position + 2)[0])
    return found


def _jpeg_2000(stream: bytes) -> Claims:
    start = stream.find(_START)
    if start < 0 or start + 43 > len(stream):
        return Claims()
    x1, y1, x0, y0 = struct.unpack_from(">IIII", stream, start + 8)
    depth = stream[start + 42]
    return Claims(y1 - y0, x1 - x0, (depth & 0x7F) + 1, depth >= 0x80, _irreversible(stream, start + 2))


def _irreversible(stream: bytes, position: int) -> bool:
    """Some header of the stream, the main one or that of a tile part, names the irreversible wavelet."""
    part_end = 0
    while position + 14 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker in _WAVELET and stream[position + _WAVELET[marker]] == 0:
            return True
        if marker == _TILE:
            (size,) = struct.unpack_from(">I", stream, position + 6)
            part_end = position + size
        if marker == _END or (marker == _DATA and part_end <= position):  # a last part may leave its size open
            return False
        position = part_end if marker == _DATA else position + 2 + length
    return False
