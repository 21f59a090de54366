"""A multi-frame CT object as its frames: each with the header and the pixels that a classic image would have.

Source: DICOM PS3.3 A.38 (Enhanced CT), A.70 (Legacy Converted Enhanced CT), C.7.6.16 (functional groups); PS3.5 A.4 (frames in fragments).
"""

from __future__ import annotations

import struct
from dataclasses import replace

from hepaflow.dicom.gate import DEFLATED, EXPLICIT, Header, inflate
from hepaflow.dicom.source import Entry, Held, Member
from hepaflow.dicom.values import TAGS, Reader
from hepaflow.dicom.walk import PixelSpan


def split(entry: Entry, header: Header, *, where: str) -> list[tuple[Entry, Header, int | None]]:
    """File, header and 1-based number of every frame. What a frame says itself goes before what all share, and that before the file's.

    Frames stay where they are in the file; only a file that would be inflated for each of them is kept in memory.
    Refused: another number of frames than the file says, frames that overlap their file, fragments that no table divides into frames.
    """
    read = Reader(header, where)
    count = read.whole("NumberOfFrames") or 0
    if not 0 < count == len(header.frames):
        raise read.refuse("FILE-DAMAGED", "a multi-frame image does not describe each of its frames", "Export the series again")
    spans = _spans(header, read, count)
    if header.syntax == DEFLATED:
        entry, header = Held(inflate(entry.read())), replace(header, syntax=EXPLICIT)
    elif isinstance(entry, Member):
        entry = Held(entry.read())
    found: list[tuple[Entry, Header, int | None]] = []
    for number, (own, span) in enumerate(zip(header.frames, spans, strict=True), start=1):
        values = header.values | header.shared | own
        values[TAGS["NumberOfFrames"]] = b"1"
        if TAGS["FrameType"] in values:
            values[TAGS["ImageType"]] = values[TAGS["FrameType"]]
        found.append((entry, replace(header, values=values, pixels=span, shared={}, frames=()), number))
    return found


def _spans(header: Header, read: Reader, count: int) -> list[PixelSpan]:
    whole = header.pixels
    if whole is None:
        raise read.refuse("FILE-TRUNCATED", "an image holds no pixels", "Copy the study again from its archive")
    if whole.fragments is not None:
        return [_joined(part) for part in _by_frame(header, whole.fragments, read, count)]
    rows, columns, allocated = (read.unsigned(name) or 0 for name in ("Rows", "Columns", "BitsAllocated"))
    size = rows * columns * allocated // 8
    if not size or allocated % 8:
        raise read.refuse("HEADER-MISSING", "an image does not say how its pixels are stored")
    if whole.length < size * count:
        raise read.refuse("FILE-TRUNCATED", "an image holds fewer pixels than its header says", "Copy the study again")
    if whole.length > size * count + size * count % 2:
        raise read.refuse("PIXEL-FORMAT", "an image holds more pixels than its header says")
    return [PixelSpan(whole.start + n * size, size) for n in range(count)]


def _by_frame(header: Header, fragments: tuple[tuple[int, int], ...], read: Reader, count: int) -> list[list[tuple[int, int]]]:
    """Fragments of each frame: one each, or as the offset table says."""
    if len(fragments) == count:
        return [[one] for one in fragments]
    table = read.raw("ExtendedOffsetTable")
    offsets = list(struct.unpack(f"<{len(table) // 8}Q", table[: len(table) // 8 * 8])) if table else []
    if not offsets and header.pixels is not None:
        offsets = list(header.pixels.offsets)
    starts = [start - fragments[0][0] for start, _ in fragments]
    if len(offsets) != count or sorted(set(offsets)) != offsets or not set(offsets) <= set(starts) or offsets[0] != 0:
        raise read.refuse(
            "PIXEL-FORMAT", "nothing tells the compressed frames of a multi-frame image apart", "Export it uncompressed"
        )
    ends = [*offsets[1:], starts[-1] + 1]
    return [
        [f for f, at in zip(fragments, starts, strict=True) if low <= at < high] for low, high in zip(offsets, ends, strict=True)
    ]


def _joined(fragments: list[tuple[int, int]]) -> PixelSpan:
    first, (start, length) = fragments[0][0], fragments[-1]
    return PixelSpan(first, start + length - first, tuple(fragments))
