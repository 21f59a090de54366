"""Compressed pixels to stored values, by the decoders of pydicom and GDCM. Runs in a limited child (see :mod:`hepaflow.dicom.warden`)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.codestream import HTJ2K, JPEG, JPEG_2000, Claims, claims
from hepaflow.dicom.walk import PixelSpan
from hepaflow.errors import InputRefused

_RLE = "1.2.840.10008.1.2.5"
_RLE_HEADER = 64
#: The last marker of every JPEG and JPEG 2000 stream (ISO/IEC 10918-1 B.1.1.3 EOI, 15444-1 A.4.4 EOC).
_END = b"\xff\xd9"
COMPRESSED = (*JPEG, *JPEG_2000, *HTJ2K, _RLE)
#: May have lost information, whatever the header says.
LOSSY = ("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203")


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


def decoded(data: bytes, form: Form, *, where: str) -> tuple[npt.NDArray[Any], bool]:
    """Stored values (rows, columns) of the image or frame whose span is ``data``, and whether its stream says that information was lost.

    Refused: pixels that cannot be decoded, or whose stream claims another size, sign, or values of more bits than the header.
    """
    if form.syntax not in COMPRESSED:
        raise InputRefused("FILE-SYNTAX", f"an image is compressed in a way that is not read ({where})", "Export it uncompressed")
    first, fragments = form.span.start, form.span.fragments or ()
    stream = b"".join(data[start - first : start - first + length] for start, length in fragments)
    said = claims(stream, form.syntax)
    if said is not None and (said.rows, said.columns) != (form.rows, form.columns):
        raise InputRefused("PIXEL-FORMAT", f"compressed pixels have another size than the header says ({where})", "Copy it again")
    if said is not None and said.signed not in (None, form.signed):
        raise InputRefused(
            "PIXEL-FORMAT", f"compressed pixels and their header disagree on the sign ({where})", "Export it uncompressed"
        )
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
    if said is not None and not _fits(found, said, form):
        raise InputRefused(
            "PIXEL-FORMAT", f"compressed pixels take more bits than the header says ({where})", "Export it uncompressed"
        )
    return np.asarray(found), said is not None and said.lossy


def _fits(found: npt.NDArray[Any], said: Claims, form: Form) -> bool:
    """Streams often claim the bits that are allocated: true as long as no value takes more than are stored.

    Of a stream that knows no sign a negative value may come out as a large one, whose sign is still to be extended.
    """
    if said.bits <= form.bits_stored:
        return True
    low = -(1 << form.bits_stored - 1) if form.signed else 0
    high = (1 << form.bits_stored - (said.signed is True)) - 1
    return bool(found.min() >= low and found.max() <= high)


def _rle_holds(stream: bytes, planes: int) -> bool:
    """The header of an RLE stream names one segment a byte plane, in order and inside the stream (PS3.5 annex G.5); decoders do not ask."""
    if len(stream) < _RLE_HEADER:
        return False
    count, *starts = struct.unpack_from("<16I", stream)
    used = [*starts[:planes], len(stream)]
    return count == planes and used[0] == _RLE_HEADER and all(a < b for a, b in pairwise(used))
