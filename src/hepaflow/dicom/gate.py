"""The gate: every file's structure is judged before anything in it is believed.

One walk over the element stream, own code: a reader that tolerates a cut file would give a shorter header without a word. The
walk reads no value but those asked for, follows every sequence down to a fixed depth, and holds every length against the file's end.
Source: DICOM PS3.5 chapter 7 (data set encoding), annex A (transfer syntaxes), PS3.10 chapter 7 (file meta information).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from dataclasses import dataclass, field

from hepaflow.dicom.source import Entry
from hepaflow.dicom.walk import LONG, SHORT, Damaged, NeedMore, PixelSpan, Walk
from hepaflow.errors import InputRefused

HEAD_BYTES = 32 * 1024
#: A header longer than what was read is read again this many times as far: of a large file, never more than the walk needs.
_GROWTH = 16
#: A deflated image is one slice, at most a multi-frame object of regions.
MAX_INFLATED_BYTES = 64 * 2**20

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

_META_SYNTAX, _META_LENGTH, _META_CLASS, _META_INSTANCE = 0x00020010, 0x00020000, 0x00020002, 0x00020003
#: Suffixes that promise DICOM: such a file may not turn out to be something else.
_PROMISES = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True, slots=True)
class Header:
    """What the gate let through: raw values of the tags asked for, the transfer syntax, the place of the pixel data.

    ``shared`` and ``frames`` hold the same tags as functional groups give them, for all frames and for each.
    """

    values: dict[int, bytes]
    meta: dict[int, bytes]
    syntax: str
    pixels: PixelSpan | None
    meta_flawed: bool
    shared: dict[int, bytes] = field(default_factory=dict)
    frames: tuple[dict[int, bytes], ...] = ()

    @property
    def little_endian(self) -> bool:
        """Byte order of numbers."""
        return self.syntax != BIG_ENDIAN


def judge(entry: Entry, wanted: Container[int], *, where: str) -> Header | None:
    """The header of a DICOM file; None for a file that is something else.

    Refused: a file that is cut, whose lengths or tags contradict each other, that is nested deeper than ``MAX_DEPTH``, inflates
    beyond ``MAX_INFLATED_BYTES``, lacks its transfer syntax, or promises DICOM by its suffix and is not.
    """
    try:
        head = entry.head(HEAD_BYTES)
        start = _start(head, entry)
        if start is None:
            return None
        reach = HEAD_BYTES
        while reach < entry.size:
            try:
                return _judge(head, entry.size, start, wanted)
            except NeedMore:
                reach *= _GROWTH
                head = entry.head(reach) if reach < entry.size else entry.read()
        return _judge(head, len(head), start, wanted)
    except Damaged as damage:
        raise InputRefused(damage.code, f"{damage.what} ({where})", "Copy the study again from its archive") from None


def inflate(data: bytes, *, limit: int = MAX_INFLATED_BYTES) -> bytes:
    """The file with its deflated data set inflated in place; a file of another syntax is returned as it is."""
    if data[128:132] != b"DICM":
        return data
    meta, start, _ = _meta(data, len(data), 132)
    if _text(meta.get(_META_SYNTAX, b"")) != DEFLATED:
        return data
    return data[:start] + _inflated(data[start:], limit)


def _start(head: bytes, entry: Entry) -> int | None:
    """Where the first element lies, or None for a file that is not DICOM."""
    if head[128:132] == b"DICM":
        return 132
    if len(head) >= 8:
        group, element, vr, _ = struct.unpack_from("<HH2sH", head)
        # a data set without preamble: old archives hold such files
        if (
            group in (0x0002, 0x0008)
            and element <= 0x0070
            and (vr in SHORT or vr in LONG or struct.unpack_from("<I", head, 4)[0] < 256)
        ):
            return 0
    if entry.suffix in _PROMISES:
        raise Damaged("FILE-NOT-DICOM", "a file named as DICOM is empty or holds something else")
    if 0 < entry.size <= 132 and not head.strip(b"\x00").strip(b"DICM"):
        raise Damaged("FILE-TRUNCATED", "a file ends inside its preamble")
    return None


def _judge(data: bytes, size: int, start: int, wanted: Container[int]) -> Header:
    if size <= start:
        raise Damaged("FILE-TRUNCATED", "a file ends where its header should begin")
    meta, position, flawed = _meta(data, size, start)
    syntax = _text(meta.get(_META_SYNTAX, b"")) if meta else _guess_bare(data)
    if not syntax:
        raise Damaged("FILE-META", "a file does not say its transfer syntax")
    if syntax == DEFLATED:
        if len(data) < size:
            raise NeedMore
        data = data[:position] + _inflated(data[position:], MAX_INFLATED_BYTES)
        size = len(data)
    walk = Walk(data, size, big=syntax == BIG_ENDIAN, wanted=wanted)
    walk.data_set(position, explicit=syntax != IMPLICIT)
    if not walk.count:
        raise Damaged("FILE-TRUNCATED", "a file ends after its meta information")
    values = walk.values
    for of_meta, of_set in ((_META_CLASS, 0x00080016), (_META_INSTANCE, 0x00080018)):
        if of_meta in meta and of_set in values:
            flawed = flawed or _text(meta[of_meta]) != _text(values[of_set])
    return Header(values, meta, syntax, walk.pixels, flawed, walk.shared, tuple(walk.frames))


def _meta(data: bytes, size: int, position: int) -> tuple[dict[int, bytes], int, bool]:
    """Group 0002 (explicit little endian always), where it ends, and whether its declared length is wrong."""
    values: dict[int, bytes] = {}
    first = None
    while position + 8 <= min(size, len(data)):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, position)
        if group != 0x0002:
            break
        body = position + 8
        if vr in LONG:
            if body + 4 > min(size, len(data)):
                break
            (length,) = struct.unpack_from("<I", data, body)
            body += 4
        elif vr not in SHORT:
            raise Damaged("FILE-META", "a file's meta information is not readable")
        if body + length > size:
            raise Damaged("FILE-TRUNCATED", "a file ends inside its meta information")
        if body + length > len(data):
            raise NeedMore
        values[0x00020000 | element] = data[body : body + length]
        position = body + length
        if element == 0 and length == 4:
            first = position + struct.unpack_from("<I", data, body)[0]
    return values, position, first is not None and first != position


def _guess_bare(data: bytes) -> str:
    """Transfer syntax of a data set without meta information: PS3.10 knows none, so only the two that show themselves."""
    return EXPLICIT if data[4:6] in SHORT or data[4:6] in LONG else IMPLICIT


def _inflated(data: bytes, limit: int) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        out = engine.decompress(data, limit)
    except zlib.error:
        raise Damaged("FILE-DAMAGED", "a file's deflated content is damaged") from None
    if len(out) >= limit:
        raise Damaged("FILE-BOMB", "a file inflates beyond any image")
    if not engine.eof:
        raise Damaged("FILE-TRUNCATED", "a file's deflated content ends early")
    return out


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\x00 ").decode("ascii", "replace").strip()
