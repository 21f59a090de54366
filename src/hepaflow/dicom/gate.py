"""The gate: every file's structure is judged before anything in it is believed.

One walk over the element stream, own code: a reader that tolerates a cut file would give a shorter header without a word. The
walk reads no value but those asked for, follows every sequence down to a fixed depth, and holds every length against the file's end.
Source: DICOM PS3.5 chapter 7 (data set encoding), annex A (transfer syntaxes), PS3.10 chapter 7 (file meta information).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from hepaflow.dicom.source import MAX_RATIO, SMALL_BYTES, Entry
from hepaflow.errors import InputRefused

#: How much of a file is read, until its header ends within: a large file is not read for the sake of its pixels.
HEADS_BYTES = (32 * 1024, 2**20, 32 * 2**20)
MAX_DEPTH = 16
#: A deflated image is one slice, at most a multi-frame object of regions.
MAX_INFLATED_BYTES = 64 * 2**20
_PIECE_BYTES = 4 * 2**20
#: Elements and items of one file: a multi-frame object of a whole study (1,344 frames) takes about 130,000.
MAX_ELEMENTS = 200_000
#: Of a deflated file, where 16 kB could hold two million: five times what 500 frames of a segmentation take.
MAX_DEFLATED_ELEMENTS = 50_000
DIRECTORY = "1.2.840.10008.1.3.10"

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = (IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN)

PIXEL_DATA = 0x7FE00010
_FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_META_SYNTAX, _META_LENGTH, _META_CLASS, _META_INSTANCE = 0x00020010, 0x00020000, 0x00020002, 0x00020003
#: Suffixes that promise DICOM: such a file may not turn out to be something else.
_PROMISES = (".dcm", ".dicom", ".ima")


class Damaged(Exception):
    """The structure does not hold; ``code`` and ``what`` become a refusal once the file's place in the study is known."""

    def __init__(self, code: str, what: str) -> None:
        self.code, self.what = code, what
        super().__init__(code)


class _NeedMore(Exception):
    """The walk left the bytes at hand while the file goes on."""


@dataclass(frozen=True, slots=True)
class PixelSpan:
    """Where pixel data lies in the (inflated) file: native when ``fragments`` is None, else (start, length) of each fragment."""

    start: int
    length: int
    fragments: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What the gate let through: raw values of the tags asked for, the transfer syntax, the place of the pixel data."""

    values: dict[int, bytes]
    meta: dict[int, bytes]
    syntax: str
    pixels: PixelSpan | None
    meta_flawed: bool

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
        for count in HEADS_BYTES:
            head = entry.head(count)
            start = _start(head, entry)
            if start is None:
                return None
            try:
                return _judge(head, entry.size, start, wanted)
            except _NeedMore:
                continue
        whole = entry.read()
        start = _start(whole, entry)
        return None if start is None else _judge(whole, len(whole), start, wanted)
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
            and (vr in _SHORT or vr in _LONG or struct.unpack_from("<I", head, 4)[0] < 256)
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
    syntax = _text(meta.get(_META_SYNTAX, b"")) if meta else _guess_bare(data, position)
    if not syntax:
        raise Damaged("FILE-META", "a file does not say its transfer syntax")
    if _text(meta.get(_META_CLASS, b"")) == DIRECTORY:  # as long as its disc is full, and not used
        return Header({}, meta, syntax, None, flawed)
    if syntax == DEFLATED:
        if len(data) < size:
            raise _NeedMore
        data = data[:position] + _inflated(data[position:], MAX_INFLATED_BYTES)
        size = len(data)
    walk = _Walk(data, size, big=syntax == BIG_ENDIAN, wanted=wanted)
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
    return Header(values, meta, syntax, walk.pixels, flawed)


def _meta(data: bytes, size: int, position: int) -> tuple[dict[int, bytes], int, bool]:
    """Group 0002 (explicit little endian always), where it ends, and whether its declared length is wrong."""
    values: dict[int, bytes] = {}
    first = None
    while position + 8 <= min(size, len(data)):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, position)
        if group != 0x0002:
            break
        body = position + 8
        if vr in _LONG:
            if body + 4 > min(size, len(data)):
                break
            (length,) = struct.unpack_from("<I", data, body)
            body += 4
        elif vr not in _SHORT:
            raise Damaged("FILE-META", "a file's meta information is not readable")
        if body + length > size:
            raise Damaged("FILE-TRUNCATED", "a file ends inside its meta information")
        if body + length > len(data):
            raise _NeedMore
        values[0x00020000 | element] = data[body : body + length]
        position = body + length
        if element == 0 and length == 4:
            first = position + struct.unpack_from("<I", data, body)[0]
    return values, position, first is not None and first != position


def _guess_bare(data: bytes, position: int) -> str:
    """Transfer syntax of a data set without meta information: PS3.10 knows none, so only the two that show themselves."""
    kind = data[position + 4 : position + 6]
    return EXPLICIT if kind in _SHORT or kind in _LONG else IMPLICIT


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


class _Walk:
    """One pass over the elements of a data set. State: what was kept, and where the pixels are."""

    __slots__ = ("count", "data", "four", "have", "item", "most", "pixels", "short", "size", "values", "wanted")

    def __init__(self, data: bytes, size: int, *, big: bool, wanted: Container[int]) -> None:
        order = ">" if big else "<"
        self.data, self.size, self.have, self.wanted = data, size, len(data), wanted
        self.short = struct.Struct(order + "HH2sH").unpack_from
        self.item = struct.Struct(order + "HHI").unpack_from
        self.four = struct.Struct(order + "I").unpack_from
        self.values: dict[int, bytes] = {}
        self.pixels: PixelSpan | None = None
        self.count, self.most = 0, MAX_ELEMENTS

    def data_set(self, position: int, *, explicit: bool) -> None:
        """The whole data set from ``position`` to the end of the file."""
        self._elements(position, self.size, explicit, 0)

    def _need(self, position: int, end: int) -> None:
        """``position`` may be read up to."""
        if position > end:
            raise Damaged("FILE-TRUNCATED", "a file ends inside an element")
        if position > self.have:
            raise _NeedMore

    def _elements(self, position: int, end: int, explicit: bool, depth: int) -> int:
        """Elements up to ``end``, or up to the item's end mark when ``end`` is the enclosing limit of an undefined length."""
        if depth > MAX_DEPTH:
            raise Damaged("FILE-NESTED", f"a file is nested deeper than {MAX_DEPTH} levels")
        before = -1
        data = self.data
        while position < end:
            body = position + 8
            self._need(body, end)
            if explicit:
                group, element, vr, length = self.short(data, position)
                if group == 0xFFFE:
                    group, element, length = self.item(data, position)
            else:
                group, element, length = self.item(data, position)
                vr = b""
            tag = group << 16 | element
            if tag == _ITEM_END and depth:
                return body
            if tag <= before and not depth:
                raise Damaged("FILE-DAMAGED", "a file's elements are not in order")
            if group in {0xFFFE, 0}:
                raise Damaged("FILE-DAMAGED", "a file holds an element out of place")
            before = tag
            if vr in _LONG:
                body = position + 12
                self._need(body, end)
                (length,) = self.four(data, position + 8)
            elif explicit and vr not in _SHORT:
                raise Damaged("FILE-DAMAGED", "a file holds an element of no known kind")
            position = self._value(tag, vr, body, length, end, explicit, depth)
            self._counted()
        return position

    def _counted(self) -> None:
        self.count += 1
        if self.count > self.most:
            raise Damaged("FILE-BOMB", "a file holds more elements than any image")

    def _value(self, tag: int, vr: bytes, body: int, length: int, end: int, explicit: bool, depth: int) -> int:
        """Past one value; kept when wanted."""
        if length == _UNDEFINED:
            if tag == PIXEL_DATA and not depth:
                return self._fragments(body, end)
            if explicit and vr not in (b"SQ", b"UN"):
                raise Damaged("FILE-DAMAGED", "a file holds an element without length")
            return self._items(body, end, explicit and vr == b"SQ", depth, open_end=True)
        after = body + length
        if after > end:
            raise Damaged("FILE-TRUNCATED", "a file is shorter than its elements say")
        if vr == b"SQ" or (not explicit and length and tag in _sequences()):
            return self._items(body, after, explicit, depth, open_end=False)
        if depth:
            return after
        if tag == PIXEL_DATA:
            self.pixels = PixelSpan(body, length)
        elif tag in _FLOAT_PIXEL_DATA:
            return after
        elif tag in self.wanted:
            self._need(after, end)
            self.values[tag] = self.data[body:after]
        return after

    def _items(self, position: int, end: int, explicit: bool, depth: int, *, open_end: bool) -> int:
        while open_end or position < end:
            self._need(position + 8, end)
            group, element, length = self.item(self.data, position)
            tag = group << 16 | element
            position += 8
            if tag == _SEQUENCE_END and open_end:
                return position
            if tag != _ITEM:
                raise Damaged("FILE-DAMAGED", "a file holds a sequence without items")
            self._counted()
            if length == _UNDEFINED:
                inside = self._elements(position, end, explicit, depth + 1)
                self._need(inside, end)
                if self.item(self.data, inside - 8)[:2] != (0xFFFE, 0xE00D):
                    raise Damaged("FILE-TRUNCATED", "a file ends inside a sequence")
                position = inside
            else:
                if position + length > end:
                    raise Damaged("FILE-TRUNCATED", "a file is shorter than its sequences say")
                position = self._elements(position, position + length, explicit, depth + 1)
        return position

    def _fragments(self, position: int, end: int) -> int:
        """Encapsulated pixel data: the offset table, then fragments up to the end mark."""
        first, spans = position, []
        while True:
            self._need(position + 8, end)
            group, element, length = self.item(self.data, position)
            position += 8
            if (group, element) == (0xFFFE, 0xE0DD):
                break
            if (group, element) != (0xFFFE, 0xE000) or length == _UNDEFINED:
                raise Damaged("FILE-DAMAGED", "a file's compressed pixels are not in fragments")
            self._need(position + length, end)
            spans.append((position, length))
            position += length
        self.pixels = PixelSpan(first, position - first, tuple(spans[1:]))
        return position


@cache
def _sequences() -> frozenset[int]:
    """Tags of sequences, from the dictionary of pydicom alone: the package itself takes half a second to import."""
    package = find_spec("pydicom")
    assert package is not None
    assert package.origin is not None
    spec = spec_from_file_location("_dicom_dict", Path(package.origin).with_name("_dicom_dict.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(tag for tag, entry in module.DicomDictionary.items() if entry[0] == "SQ")
