"""Compressed pixels to stored values, by the decoders of pydicom and GDCM. Runs in a limited child (see :mod:`hepaflow.dicom.warden`)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.walk import PixelSpan
from hepaflow.errors import InputRefused

_JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
_HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
_RLE = "1.2.840.10008.1.2.5"
_RLE_HEADER = 64
#: The last marker of every JPEG and JPEG 2000 stream (ISO/IEC 10918-1 B.1.1.3 EOI, 15444-1 A.4.4 EOC).
_END = b"\xff\xd9"
COMPRESSED = (*_JPEG, *_JPEG_2000, *_HTJ2K, _RLE)
#: May have lost information, whatever the header says.
LOSSY = ("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.203")


@dataclass(frozen=True, slots=True)
class Form:
    """How one image stores its compressed pixels."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    syntax: str
    span: PixelSpan


def load_decoders() -> None:
    """Imports what decoding needs, silent, so that a limit of memory can be set above it."""
    import gdcm
    import pydicom.pixels.decoders  # noqa: F401

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()


def decoded(data: bytes, form: Form, *, where: str) -> npt.NDArray[Any]:
    """Stored values (rows, columns) of the image or frame whose span is ``data``. Refused: pixels that cannot be decoded, or of another size."""
    if form.syntax not in COMPRESSED:
        raise InputRefused("FILE-SYNTAX", f"an image is compressed in a way that is not read ({where})", "Export it uncompressed")
    first, fragments = form.span.start, form.span.fragments or ()
    stream = b"".join(data[start - first : start - first + length] for start, length in fragments)
    size = codestream_size(stream, form.syntax)
    if size is not None and size != (form.rows, form.columns):
        raise InputRefused("PIXEL-FORMAT", f"compressed pixels have another size than the header says ({where})", "Copy it again")
    if form.syntax == _RLE and not _rle_holds(stream, form.bits_allocated // 8):
        raise InputRefused("FILE-DAMAGED", f"compressed pixels contradict their own header ({where})", "Copy it again")
    # a decoder of JPEG-LS looks for the end of a small cut stream for 20 s
    if form.syntax != _RLE and not stream.rstrip(b"\x00").endswith(_END):
        raise InputRefused("FILE-TRUNCATED", f"compressed pixels end early ({where})", "Copy the study again from its archive")
    options: dict[str, Any] = {
        "rows": form.rows,
        "columns": form.columns,
        "number_of_frames": 1,
        "samples_per_pixel": 1,
        "bits_allocated": form.bits_allocated,
        "bits_stored": form.bits_stored,
        "pixel_representation": int(form.signed),
        "photometric_interpretation": "MONOCHROME2",
        "pixel_keyword": "PixelData",
    }
    try:
        from pydicom.encaps import encapsulate
        from pydicom.pixels.decoders.base import get_decoder

        found, _ = get_decoder(form.syntax).as_array(encapsulate([stream], has_bot=False), **options)
    except MemoryError:
        raise
    except Exception as error:  # each decoder has its own kinds of error, and their messages may hold values
        raise InputRefused(
            "FILE-DAMAGED", f"compressed pixels cannot be decoded ({where})", "Copy the study again from its archive"
        ) from error
    if found.shape != (form.rows, form.columns):
        raise InputRefused("PIXEL-FORMAT", f"compressed pixels have another size than the header says ({where})", "Copy it again")
    return np.asarray(found)


def codestream_size(stream: bytes, syntax: str) -> tuple[int, int] | None:
    """Rows and columns that a compressed stream claims (a decoder would allocate them); None for RLE, which claims nothing.

    Source: ISO/IEC 10918-1 B.2.2 and 14495-1 C.2.2 (frame header), 15444-1 A.5.1 (SIZ). Refused by returning (0, 0): no frame header.
    """
    if syntax in _JPEG:
        position = 2
        while position + 9 <= len(stream):
            if stream[position] != 0xFF:
                return 0, 0
            marker = stream[position + 1]
            if marker == 0xFF:
                position += 1
                continue
            if marker in (0xC0, 0xC1, 0xC2, 0xC3, 0xF7):
                rows, columns = struct.unpack_from(">HH", stream, position + 5)
                return int(rows), int(columns)
            position += 2 + struct.unpack_from(">H", stream, position + 2)[0]
        return 0, 0
    if syntax in _JPEG_2000 or syntax in _HTJ2K:
        start = stream.find(b"\xff\x4f\xff\x51")
        if start < 0 or start + 24 > len(stream):
            return 0, 0
        x1, y1, x0, y0 = struct.unpack_from(">IIII", stream, start + 8)
        return int(y1 - y0), int(x1 - x0)
    return None


def _rle_holds(stream: bytes, planes: int) -> bool:
    """The header of an RLE stream names one segment a byte plane, in order and inside the stream (PS3.5 annex G.5); decoders do not ask."""
    if len(stream) < _RLE_HEADER:
        return False
    count, *starts = struct.unpack_from("<16I", stream)
    used = [*starts[:planes], len(stream)]
    return count == planes and used[0] == _RLE_HEADER and all(a < b for a, b in pairwise(used))
