"""The gate: every file's structure is judged before anything in it is believed.

Preamble, meta information (source: DICOM PS3.10 chapter 7) and inflation here, the elements in :mod:`hepaflow.dicom.walk`. Runs in a
limited child (:mod:`hepaflow.dicom.warden`) and imports nothing heavy.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from dataclasses import dataclass, field

from hepaflow.dicom.source import MAX_RATIO, SMALL_BYTES, Entry, Member
from hepaflow.dicom.walk import LONG, SHORT, Damaged, Fill, NeedMore, PixelSpan, Walk
from hepaflow.errors import InputRefused

#: How much of a file is read, until its header ends within: a large file is not read for the sake of its pixels.
HEADS_BYTES = (32 * 1024, 2**20, 32 * 2**20)
#: A deflated image is one slice, at most a multi-frame object of regions.
MAX_INFLATED_BYTES = 64 * 2**20
_PIECE_BYTES = 4 * 2**20
#: Of a deflated file, where 16 kB could hold two million: five times what 500 frames of a segmentation take.
MAX_DEFLATED_ELEMENTS = 50_000
DIRECTORY = "1.2.840.10008.1.3.10"

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = (IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN)

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

    Refused: a file that is cut, whose lengths or tags contradict each other, that is nested deeper than 16 levels, inflates
    beyond ``MAX_INFLATED_BYTES``, lacks its transfer syntax, or promises DICOM by its suffix and is not.
    """
    fill = None if isinstance(entry, Member) else entry.fill  # of a member, each call would inflate it anew
    try:
        for count in HEADS_BYTES:
            head = entry.head(count)
            start = _start(head, entry)
            if start is None:
                return None
            try:
                return _judge(head, entry.size, start, wanted, fill)
            except NeedMore:
                continue
        whole = entry.read()
        start = _start(whole, entry)
        return None if start is None else _judge(whole, len(whole), start, wanted, None)
    except Damaged as damage:
        raise InputRefused(damage.code, f"{damage.what} ({where})", "Copy the study again from its archive") from None


def is_dicom(entry: Entry) -> bool:
    """Whether :func:`judge` takes a file for DICOM. Refused: a file that promises DICOM by its suffix and is not."""
    try:
        return _start(entry.head(132), entry) is not None
    except Damaged as damage:
        raise InputRefused(damage.code, damage.what, "Copy the study again from its archive") from None


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


def _judge(data: bytes, size: int, start: int, wanted: Container[int], fill: Fill | None) -> Header:
    if size <= start:
        raise Damaged("FILE-TRUNCATED", "a file ends where its header should begin")
    meta, position, flawed = _meta(data, size, start)
    syntax = _text(meta.get(_META_SYNTAX, b"")) if meta else _guess_bare(data, position)
    if not syntax:
        raise Damaged("FILE-META", "a file does not say its transfer syntax")
    if _text(meta.get(_META_CLASS, b"")) == DIRECTORY:  # as long as its disc is full, and not used
        return Header({}, meta, syntax, None, flawed)
    if syntax == DEFLATED:
        if len(data) < size:
            raise NeedMore
        data = data[:position] + _inflated(data[position:], MAX_INFLATED_BYTES)
        size, fill = len(data), None
    walk = Walk(data, size, big=syntax == BIG_ENDIAN, wanted=wanted, fill=fill)
    if syntax == DEFLATED:
        walk.most = MAX_DEFLATED_ELEMENTS
    walk.data_set(position, explicit=syntax != IMPLICIT)
    flawed = flawed or (start > 0 and not meta)
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


def _guess_bare(data: bytes, position: int) -> str:
    """Transfer syntax of a data set without meta information: PS3.10 knows none, so only the two that show themselves."""
    kind = data[position + 4 : position + 6]
    return EXPLICIT if kind in SHORT or kind in LONG else IMPLICIT


def _inflated(data: bytes, limit: int) -> bytes:
    """Inflated piece by piece, so that a bomb is left when it shows itself and not when memory is full."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces, total, left = [], 0, data
    while not engine.eof:
        try:
            piece = engine.decompress(left, _PIECE_BYTES)
        except zlib.error:
            raise Damaged("FILE-DAMAGED", "a file's deflated content is damaged") from None
        left = engine.unconsumed_tail
        if not piece and not left:
            raise Damaged("FILE-TRUNCATED", "a file's deflated content ends early")
        pieces.append(piece)
        total += len(piece)
        if total >= limit or (total > SMALL_BYTES and total > MAX_RATIO * (len(data) - len(left))):
            raise Damaged("FILE-BOMB", "a file inflates beyond any image")
    return b"".join(pieces)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\x00 ").decode("ascii", "replace").strip()
