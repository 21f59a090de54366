"""One walk over the elements of a data set, own code: a reader that tolerates a cut file would give a shorter header without a word.

The walk reads no value but those asked for, follows every sequence down to a fixed depth, and holds every length against the file's end.
Source: DICOM PS3.5 chapter 7 (data set encoding), annex A (transfer syntaxes), PS3.3 C.7.6.16 (functional groups).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

MAX_DEPTH = 16
#: Elements and items of one file: a multi-frame object of a whole study (1,344 frames) takes about 130,000.
MAX_ELEMENTS = 200_000
PIXEL_DATA = 0x7FE00010
_FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
#: Functional group macros that say of a CT frame what a classic image says at the top: frame type, acquisition details, reconstruction,
#: exposure, X-ray details, frame content, plane position, plane orientation, unassigned converted attributes (shared, per frame), pixel
#: measures, pixel value transformation (PS3.3 A.38.1.4, A.70.1.4).
_MACROS = frozenset(
    {0x00189329, 0x00189304, 0x00189314, 0x00189321, 0x00189325, 0x00209111, 0x00209113, 0x00209116}
    | {0x00209170, 0x00209171, 0x00289110, 0x00289145}
)


#: Of these the macros that hold one item only (what is said of energies may be said once for each).
_SINGLE = _MACROS - {0x00189304, 0x00189314, 0x00189321, 0x00189325}

#: Bytes of the file from a position on into memory, which they fill: compressed frames are stepped over without being read.
Fill = Callable[[int, memoryview], None]


class Damaged(Exception):
    """The structure does not hold; ``code`` and ``what`` become a refusal once the file's place in the study is known."""

    def __init__(self, code: str, what: str) -> None:
        self.code, self.what = code, what
        super().__init__(code)


class NeedMore(Exception):
    """The walk left the bytes at hand while the file goes on."""


@dataclass(frozen=True, slots=True)
class PixelSpan:
    """Where pixel data lies in the (inflated) file: native when ``fragments`` is None, else (start, length) of each fragment.

    ``offsets`` is the basic offset table: where each frame's first fragment item begins, counted from the first item after the table.
    """

    start: int
    length: int
    fragments: tuple[tuple[int, int], ...] | None = None
    offsets: tuple[int, ...] = ()


class Walk:
    """One pass over the elements of a data set. State: what was kept at the top and in functional groups, and where the pixels are."""

    __slots__ = (
        *("_fill", "_group", "_macro", "count", "data", "four", "frames", "have", "item", "most", "pixels", "shared", "short"),
        *("size", "values", "wanted"),
    )

    def __init__(self, data: bytes, size: int, *, big: bool, wanted: Container[int], fill: Fill | None = None) -> None:
        order = ">" if big else "<"
        self.data, self.size, self.have, self.wanted, self._fill = data, size, len(data), wanted, fill
        self.short = struct.Struct(order + "HH2sH").unpack_from
        self.item = struct.Struct(order + "HHI").unpack_from
        self.four = struct.Struct(order + "I").unpack_from
        self.values: dict[int, bytes] = {}
        self.shared: dict[int, bytes] = {}
        self.frames: list[dict[int, bytes]] = []
        self._group: dict[int, bytes] | None = None
        self._macro = False
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
            raise NeedMore

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
            if vr in LONG:
                body = position + 12
                self._need(body, end)
                (length,) = self.four(data, position + 8)
            elif explicit and vr not in SHORT:
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
            return self._items(tag, body, end, explicit and vr == b"SQ", depth, open_end=True)
        after = body + length
        if after > end:
            raise Damaged("FILE-TRUNCATED", "a file is shorter than its elements say")
        if vr == b"SQ" or (not explicit and length and tag in _sequences()):
            return self._items(tag, body, after, explicit, depth, open_end=False)
        if depth:
            if self._group is not None and self._macro and depth == 2 and tag in self.wanted:
                self._need(after, end)
                self._group[tag] = self.data[body:after]
            return after
        if tag == PIXEL_DATA:
            self.pixels = PixelSpan(body, length)
        elif tag in _FLOAT_PIXEL_DATA:
            return after
        elif tag in self.wanted:
            self._need(after, end)
            self.values[tag] = self.data[body:after]
        return after

    def _items(self, tag: int, position: int, end: int, explicit: bool, depth: int, *, open_end: bool) -> int:
        """Past one sequence; what functional groups say of frames is kept."""
        if depth == 1:
            self._macro = tag in _MACROS
        elif depth == 0:
            self._group = self.shared if tag == _SHARED else None
        per_frame = depth == 0 and tag == _PER_FRAME
        once = tag == _SHARED if depth == 0 else depth == 1 and self._group is not None and tag in _SINGLE
        items = 0
        while open_end or position < end:
            self._need(position + 8, end)
            group, element, length = self.item(self.data, position)
            mark = group << 16 | element
            position += 8
            if mark == _SEQUENCE_END and open_end:
                return position
            if mark != _ITEM:
                raise Damaged("FILE-DAMAGED", "a file holds a sequence without items")
            self._counted()
            items += 1
            if once and items > 1:
                raise Damaged("FILE-DAMAGED", "a multi-frame file says twice what may be said once")
            if per_frame:
                self._group = {}
                self.frames.append(self._group)
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
            group, element, length = self.item(self._far(position, 8, end), 0)
            position += 8
            if (group, element) == (0xFFFE, 0xE0DD):
                break
            if (group, element) != (0xFFFE, 0xE000) or length == _UNDEFINED:
                raise Damaged("FILE-DAMAGED", "a file's compressed pixels are not in fragments")
            if position + length > end:
                raise Damaged("FILE-TRUNCATED", "a file ends inside an element")
            spans.append((position, length))
            position += length
            self._counted()
        self.pixels = PixelSpan(first, position - first, tuple(spans[1:]), self._table(spans, end))
        return position

    def _table(self, spans: list[tuple[int, int]], end: int) -> tuple[int, ...]:
        """The basic offset table; empty where it names more frames than there are fragments, and so divides nothing."""
        start, length = spans[0] if spans else (0, 0)
        return struct.unpack_from(f"<{length // 4}I", self._far(start, length, end)) if length // 4 < len(spans) else ()

    def _far(self, start: int, count: int, end: int) -> bytes:
        """Bytes that may lie beyond those at hand."""
        if self._fill is None or start + count <= self.have or start + count > end:
            self._need(start + count, end)
            return self.data[start : start + count]
        piece = bytearray(count)
        self._fill(start, memoryview(piece))
        return bytes(piece)


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
