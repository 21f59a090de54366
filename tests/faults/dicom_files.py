"""160 faults of single DICOM files in a study that is sound otherwise."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from fault import CANARY, Fault, lay, study, truth
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import JPEG2000, UID, JPEG2000Lossless, JPEGLSLossless, JPEGLSNearLossless, RLELossless
from tiny_study import COLUMNS, ROWS, Image, save

Change = Callable[[bytes], bytes]
CUT = ("FILE-TRUNCATED",)
DAMAGE = ("FILE-TRUNCATED", "FILE-DAMAGED")
#: The file that is hurt: slice 2 of pass 2.
HURT = 4
LARGE = (4, 3)


def _rich(image: Image) -> None:
    """A sequence in a sequence, a private element before the pixels, one after."""
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "1", "DCM", CANARY
    outer = Dataset()
    outer.ConceptNameCodeSequence = [inner, inner]
    image.ds.RequestAttributesSequence = [outer]
    image.ds["RequestAttributesSequence"].is_undefined_length = True
    image.ds.ReferencedStudySequence = [inner]
    image.ds.add_new(0x00291010, "OB", b"\x01\x02" * 9)
    image.ds.add_new(0xFFFCFFFC, "OB", bytes(8))


@cache
def sound() -> tuple[bytes, ...]:
    """The files of the study."""
    images = study()
    _rich(images[HURT])
    with TemporaryDirectory() as folder:
        return tuple(path.read_bytes() for path in sorted(lay(images, Path(folder)).iterdir()))


def place(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def hurt(change: Change, *, suffix: str = "") -> Callable[[Path], Path]:
    """The study with one file changed."""

    def build(folder: Path) -> Path:
        files = {f"{number:04d}": data for number, data in enumerate(sound())}
        files[f"{HURT:04d}{suffix}"] = change(files.pop(f"{HURT:04d}"))
        return place(files, folder)

    return build


def hurt_first(change: Change) -> Callable[[Path], Path]:
    """The same with the first file, whose patient and study DICOM output repeats."""
    return lambda folder: place({f"{n:04d}": data if n else change(data) for n, data in enumerate(sound())}, folder)


def beside(name: str, data: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    """The study with one more file."""

    def build(folder: Path) -> Path:
        files = {f"{number:04d}": content for number, content in enumerate(sound())}
        return place(files | {name: data if isinstance(data, bytes) else data()}, folder)

    return build


def image(change: Callable[[Any], object]) -> Callable[[Path], Path]:
    """The study with the data set of one image changed."""

    def build(folder: Path) -> Path:
        images = study()
        change(images[HURT].ds)
        return lay(images, folder)

    return build


def put(keyword: str, value: object) -> Callable[[Path], Path]:
    """One attribute of one image as raw text or number, whatever its kind allows; None removes it."""

    def change(ds: Any) -> None:
        tag = tag_for_keyword(keyword)
        assert tag is not None
        ds.pop(tag, None)
        if isinstance(value, str):
            ds[tag] = DataElement(tag, "LO", value.split("\\"))
        elif value is not None:
            setattr(ds, keyword, value)

    return image(change)


def at(data: bytes, group: int, element: int) -> int:
    return data.index(struct.pack("<HH", group, element), 132)


def cut_after(group: int, element: int, more: int) -> Change:
    """Ends so many bytes after the start of an element."""
    return lambda data: data[: at(data, group, element) + more]


def lie(group: int, element: int, change: int, *, long: bool = False) -> Change:
    """The length of an element changed."""

    def build(data: bytes) -> bytes:
        whole = bytearray(data)
        where = at(data, group, element) + (8 if long else 6)
        form = "<I" if long else "<H"
        struct.pack_into(form, whole, where, (struct.unpack_from(form, whole, where)[0] + change) % (2**32 if long else 2**16))
        return bytes(whole)

    return build


def swap(old: bytes, new: bytes) -> Change:
    """Bytes exchanged for as many others."""
    assert len(old) == len(new)

    def build(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return build


def syntax(uid: str) -> Change:
    """Another transfer syntax, of whatever length."""

    def build(data: bytes) -> bytes:
        start = at(data, 2, 0x10)
        (length,) = struct.unpack_from("<H", data, start + 6)
        new = uid.encode() + b"\x00" * (len(uid) % 2)
        head = bytearray(data[: start + 6]) + struct.pack("<H", len(new)) + new
        struct.pack_into("<I", head, 140, struct.unpack_from("<I", head, 140)[0] + len(new) - length)
        return bytes(head) + data[start + 8 + length :]

    return build


def bare(data: bytes) -> bytes:
    return data[at(data, 8, 8) :]


def meta(uid: str) -> bytes:
    value = uid.encode() + b"\x00" * (len(uid) % 2)
    return bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value


def deflated(content: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return meta("1.2.840.10008.1.2.1.99") + engine.compress(content) + engine.flush()


def long_element(tag: tuple[int, int], kind: bytes, length: int) -> bytes:
    return struct.pack("<HH2sHI", *tag, kind, 0, length)


OPEN_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
ENDS = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)


def nested(depth: int, kind: bytes) -> bytes:
    """A data set that is nothing but sequences in sequences; ``kind`` empty for implicit."""
    head = long_element((8, 0x1140), kind, 0xFFFFFFFF) if kind else struct.pack("<HHI", 8, 0x1140, 0xFFFFFFFF)
    if kind == b"UN":  # what lies inside is implicit
        inner = struct.pack("<HHI", 8, 0x1140, 0xFFFFFFFF)
        return meta("1.2.840.10008.1.2.1") + head + OPEN_ITEM + (inner + OPEN_ITEM) * (depth - 1) + ENDS * depth
    return meta("1.2.840.10008.1.2.1" if kind else "1.2.840.10008.1.2") + (head + OPEN_ITEM) * depth + ENDS * depth


def nested_closed(depth: int) -> bytes:
    """The same with every length given."""
    body = b""
    for _ in range(depth):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body
        body = long_element((8, 0x1140), b"SQ", len(item)) + item
    return meta("1.2.840.10008.1.2.1") + body


def nested_in(depth: int) -> Callable[[Any], None]:
    """Sequences in a sound image."""

    def change(ds: Any) -> None:
        for _ in range(depth):
            one = Dataset()
            one.ReferencedImageSequence = ds.get("ReferencedImageSequence", [])
            ds.ReferencedImageSequence = [one]

    return change


def _encapsulate(ds: Any, fragments: list[bytes]) -> None:
    ds.PixelData = encapsulate(fragments)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True


def stream(name: str, fragments: list[bytes], *, rows: int = ROWS, columns: int = COLUMNS) -> Callable[[Path], Path]:
    """Pixels that claim to be compressed."""

    def build(folder: Path) -> Path:
        images = study()
        for one in images if rows != ROWS else images[HURT : HURT + 1]:
            one.ds.Rows, one.ds.Columns, one.syntax = rows, columns, name
            _encapsulate(one.ds, fragments)
        return lay(images, folder)

    return build


def j2k_header(rows: int, columns: int) -> bytes:
    sizes = struct.pack(">IIIIIIIIH", columns, rows, 0, 0, columns, rows, 0, 0, 1)
    return b"\xff\x4f\xff\x51" + struct.pack(">HH", 41, 0) + sizes + b"\x0f\x01\x01" + bytes(40) + b"\xff\xd9"


def packed(
    name: str,
    spoil: Change = lambda stream: stream,
    *,
    named: str = "",
    after: Callable[[Any], object] = lambda ds: None,
    **how: Any,
) -> Callable[[Path], Path]:
    """All images compressed (enlarged: JPEG 2000 wants more than a few pixels), the stream of one spoilt.

    ``named`` is the transfer syntax that the files claim, ``after`` changes their headers.
    """

    def build(folder: Path) -> Path:
        images = study()
        for number, one in enumerate(images):
            ds = one.ds
            ds.Rows, ds.Columns = LARGE[0] * ROWS, LARGE[1] * COLUMNS
            ds.PixelData = np.tile(np.frombuffer(ds.PixelData, "<u2").reshape(ROWS, COLUMNS), LARGE).tobytes()
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = one.syntax
            ds.compress(name, generate_instance_uid=False, **how)
            ds.pop("LossyImageCompression", None)
            one.syntax = UID(named or name)
            after(ds)
            if number == HURT:
                _encapsulate(ds, [spoil(b"".join(list(generate_fragments(ds.PixelData))[1:]))])
        return lay(images, folder)

    return build


def directory() -> bytes:
    """A DICOMDIR as it lies on discs."""
    with TemporaryDirectory() as folder:
        one = study()[0]
        one.ds.SOPClassUID = "1.2.840.10008.1.3.10"
        del one.ds.PixelData
        return save(one, Path(folder) / "d").read_bytes()


def cuts() -> Iterator[Fault]:
    for length in (0, 1, 64, 128, 131):
        codes = ("FILE-NOT-DICOM",) if length < 132 else CUT
        yield Fault(f"cut at byte {length} of a file named .dcm", hurt(lambda data, n=length: data[:n], suffix=".dcm"), codes)
    yield Fault("a file emptied", hurt(lambda _: b""), ("SERIES-MISSING-SLICE",))
    yield Fault("cut inside its preamble", hurt(lambda data: data[:100]), CUT)
    yield Fault("cut after its preamble", hurt(lambda data: data[:128]), CUT)
    yield Fault("cut after its magic", hurt(lambda data: data[:132]), CUT)
    for tag in ((2, 0), (2, 2), (2, 3), (2, 0x10), (2, 0x12)):
        yield Fault(f"cut inside meta element {tag}", hurt(cut_after(*tag, 9)), (*CUT, "FILE-META"))
        yield Fault(f"cut before meta element {tag}", hurt(cut_after(*tag, 0)), (*CUT, "FILE-META"))
    names = ("ImageType", "SOPInstanceUID", "Modality", "PatientName", "KVP", "StudyInstanceUID", "ImagePositionPatient", "Rows")
    for name in names:
        tag = tag_for_keyword(name)
        assert tag is not None
        split = (tag >> 16, tag & 0xFFFF)
        yield Fault(f"cut at the border before {name}", hurt(cut_after(*split, 0)), (*CUT, "HEADER-MISSING"))
    for more, what in ((2, "group"), (4, "tag"), (6, "kind"), (8, "length"), (11, "value")):
        yield Fault(f"cut after the {what} of an element", hurt(cut_after(0x10, 0x20, more)), CUT)
    for more, what in ((8, "kind"), (12, "length"), (20, "first item"), (28, "inner element")):
        yield Fault(f"cut after the {what} of a sequence", hurt(cut_after(0x40, 0x275, more)), CUT)
    for more, what in (
        (0, "before the pixels"),
        (8, "in the pixel header"),
        (12, "after it"),
        (13, "after a byte"),
        (600, "amid pixels"),
    ):
        yield Fault(f"cut {what}", hurt(cut_after(0x7FE0, 0x10, more)), CUT)
    end = 12 + 2 * ROWS * COLUMNS
    yield Fault("cut one byte short of its pixels", hurt(cut_after(0x7FE0, 0x10, end - 1)), CUT)
    yield Fault("cut inside what follows the pixels", hurt(cut_after(0x7FE0, 0x10, end + 5)), CUT)
    yield Fault("cut between the pixels and what follows", hurt(cut_after(0x7FE0, 0x10, end)))


def lies() -> Iterator[Fault]:
    for change in (-2, 2, 60, 60000):
        yield Fault(f"PatientName longer by {change}", hurt(lie(0x10, 0x10, change)), DAMAGE)
    for change in (-4, 2, 2**31):
        yield Fault(f"a private element longer by {change}", hurt(lie(0x29, 0x1010, change, long=True)), DAMAGE)
    for change in (-8, 8, 2**31):
        yield Fault(f"a sequence longer by {change}", hurt(lie(0x8, 0x1110, change, long=True)), DAMAGE)
    for change in (-2, 2, 2**31):
        yield Fault(f"pixels longer by {change}", hurt(lie(0x7FE0, 0x10, change, long=True)), (*DAMAGE, "PIXEL-FORMAT"))


def metas() -> Iterator[Fault]:
    for uid, what in (
        ("1.2.840.10008.1.2", "implicit"),
        ("1.2.840.10008.1.2.2", "big endian"),
        ("1.2.840.10008.1.2.1.99", "deflated"),
    ):
        yield Fault(f"explicit named {what}", hurt(syntax(uid)), DAMAGE)
    for uid, what in (("1.2.3.999", "an unknown syntax"), ("1.2.840.10008.1.2.4.70", "JPEG"), ("1.2.840.10008.1.2.5", "RLE")):
        yield Fault(f"native pixels named {what}", hurt(syntax(uid)), ("PIXEL-FORMAT", "FILE-SYNTAX"))
    yield Fault("an empty transfer syntax", hurt(syntax("")), ("FILE-META",))
    yield Fault("no meta information", hurt(bare))
    yield Fault("magic without meta information", hurt(lambda data: data[:132] + bare(data)), (), ("file-meta-inconsistent",))
    yield Fault("a wrong magic", hurt(swap(b"DICM", b"DICK")), ("SERIES-MISSING-SLICE",))
    yield Fault(
        "a wrong length of meta", hurt(lambda data: data[:140] + struct.pack("<I", 4) + data[144:]), (), ("file-meta-inconsistent",)
    )
    other = swap(b"1.2.840.10008.5.1.4.1.1.2\x00", b"1.2.840.10008.5.1.4.1.1.4\x00")
    yield Fault("another class in meta", hurt(other), (), ("file-meta-inconsistent",))
    yield Fault("another instance in meta", hurt(swap(b"1.2.3.1.0.1.1", b"1.2.3.1.0.9.9")), (), ("file-meta-inconsistent",))
    yield Fault("a kind that is none in meta", hurt(lambda data: data[:136] + b"??" + data[138:]), ("FILE-META",))


def crowd(count: int, *, items: bool = False) -> bytes:
    """A sequence of so many elements, or of so many items, without content."""
    one = struct.pack("<HHI", 0xFFFE, 0xE000, 0) if items else struct.pack("<HH2sH", 9, 0x1012, b"LO", 0)
    return long_element((9, 0x1011), b"SQ", 0xFFFFFFFF) + (b"" if items else OPEN_ITEM) + one * count


#: By what they would fill: memory, stack, time.
BOMBS: dict[str, Callable[[], bytes]] = {
    "one element of 300 MB": lambda: deflated(long_element((8, 8), b"OB", 300 * 2**20) + bytes(300 * 2**20)),
    "5000 sequences deep": lambda: deflated(nested(5000, b"SQ")[160:]),
    "four million elements": lambda: deflated(crowd(4_000_000)),
    "1.9 million elements": lambda: deflated(crowd(1_900_000)),
    "1.9 million items": lambda: deflated(crowd(1_900_000, items=True)),
}


def bombs() -> Iterator[Fault]:
    for name, data in BOMBS.items():
        yield Fault(f"deflated: {name}", beside("z", data), ("FILE-BOMB", "FILE-NESTED"))
    yield Fault("deflated: cut", beside("z", lambda: deflated(b"".join(sound())[400:])[:-9]), CUT)
    yield Fault("deflated: changed", beside("z", lambda: deflated(sound()[0][400:])[:200] + b"\xff" * 300), DAMAGE)
    for side in (4000, 9000, 65535):
        claim = stream(JPEG2000Lossless, [j2k_header(side, side)], rows=side, columns=side)
        yield Fault(f"a compressed image of {side} x {side} pixels", claim, ("PIXEL-FORMAT", "FILE-MEMORY", "FILE-DAMAGED"))
    yield Fault("native 65535 x 65535", image(lambda ds: setattr(ds, "Rows", 65535) or setattr(ds, "Columns", 65535)), CUT)


def nesting() -> Iterator[Fault]:
    for kind, what in ((b"SQ", "explicit"), (b"", "implicit"), (b"UN", "unknown")):
        yield Fault(f"{what} sequences 5000 deep", beside("deep", nested(5000, kind)), ("FILE-NESTED",))
    yield Fault("sequences 800 deep with lengths", beside("deep", nested_closed(800)), ("FILE-NESTED",))
    yield Fault("an image with 16 levels", image(nested_in(16)))
    yield Fault("an image with 17 levels", image(nested_in(17)), ("FILE-NESTED",))


def pixels() -> Iterator[Fault]:
    for keyword, value, code in (
        ("Rows", 17, "FILE-TRUNCATED"),
        ("Rows", 15, "PIXEL-FORMAT"),
        ("Columns", 0, "HEADER-MISSING"),
        ("Columns", None, "HEADER-MISSING"),
        ("BitsAllocated", 8, "PIXEL-FORMAT"),
        ("BitsAllocated", 32, "PIXEL-FORMAT"),
        ("BitsStored", 17, "PIXEL-FORMAT"),
        ("BitsStored", 0, "PIXEL-FORMAT"),
        ("HighBit", 11, "PIXEL-FORMAT"),
        ("PixelRepresentation", 2, "PIXEL-FORMAT"),
        ("SamplesPerPixel", 3, "PIXEL-FORMAT"),
        ("PhotometricInterpretation", "RGB", "PIXEL-FORMAT"),
        ("PhotometricInterpretation", "MONOCHROME1", "PIXEL-FORMAT"),
        ("NumberOfFrames", 2, "PIXEL-FORMAT"),
        ("PixelData", None, "FILE-TRUNCATED"),
    ):
        yield Fault(f"{keyword} {value}", put(keyword, value), (code,))
    odd = stream(JPEG2000Lossless, [j2k_header(ROWS, COLUMNS)])
    yield Fault("a JPEG 2000 stream without content", odd, ("FILE-DAMAGED",))
    yield Fault("a JPEG 2000 stream that is none", stream(JPEG2000Lossless, [b"\x01\x02" * 50]), ("PIXEL-FORMAT",))
    yield Fault("compressed without fragments", stream(RLELossless, []), ("FILE-TRUNCATED", "FILE-DAMAGED"))
    for name, what in ((RLELossless, "RLE"), (JPEG2000Lossless, "JPEG 2000"), (JPEGLSLossless, "JPEG-LS")):
        yield Fault(f"{what}", packed(name), hu=np.tile(truth(), (1, 1, *LARGE)))
        yield Fault(
            f"{what} cut in half", packed(name, lambda stream: stream[: len(stream) // 2]), ("FILE-DAMAGED", "FILE-TRUNCATED")
        )
        yield Fault(f"{what} cut at its end", packed(name, lambda stream: stream[:-40]), ("FILE-DAMAGED", "FILE-TRUNCATED"))
        yield Fault(
            f"{what} of zeros",
            packed(name, lambda stream: stream[:60] + bytes(len(stream) - 60)),
            ("FILE-DAMAGED", "FILE-TRUNCATED"),
        )
    for offset, value, what in (
        (0, 15, "of 15 segments"),
        (8, 2**31, "that begins past its end"),
        (8, 64, "whose segments are one"),
    ):
        spoil = partial(_put, offset=offset, value=value)
        yield Fault(f"RLE {what}", packed(RLELossless, spoil), ("FILE-DAMAGED",))

    lost: dict[str, Any] = {"flags": ("lossy-compression",), "hu": None}
    yield Fault("a lossy JPEG 2000 named lossless", packed(JPEG2000, named=JPEG2000Lossless, j2k_cr=[6]), **lost)
    yield Fault("a lossy JPEG-LS named lossless", packed(JPEGLSNearLossless, named=JPEGLSLossless, jls_error=3), **lost)
    other = packed(JPEG2000Lossless, after=lambda ds: setattr(ds, "PixelRepresentation", 1))
    yield Fault("a JPEG 2000 of another sign", other, ("PIXEL-FORMAT",))
    fewer = packed(JPEG2000Lossless, after=lambda ds: setattr(ds, "BitsStored", 10) or setattr(ds, "HighBit", 9))
    yield Fault("a JPEG 2000 of more bits than are stored", fewer, ("PIXEL-FORMAT",))


def _put(stream: bytes, *, offset: int, value: int) -> bytes:
    whole = bytearray(stream)
    struct.pack_into("<I", whole, offset, value)
    return bytes(whole)


def charsets() -> Iterator[Fault]:
    name = b"CANARY"
    for declared, raw in (
        (b"ISO_IR 999", name),
        (b"ISO 2022 IR 87", b"\x1b$B\xff\xff"),
        (b"ISO_IR 192", b"\xff\xfe\xfd\xc0"),
        (b"GB18030\\ISO_IR 6", b"\x81"),
        (b"\\ISO 2022 IR 149", b"\x1b$)C\x80\x80"),
        (b"CANARY", b"\xe9\xe8"),
        (b"", b"\xe9\xe8"),
    ):

        def change(data: bytes, declared: bytes = declared, raw: bytes = raw) -> bytes:
            start = at(data, 0x10, 0x10)
            padded = raw.ljust(6)
            named = data[: start + 8] + padded + data[start + 14 :]
            value = declared + b" " * (len(declared) % 2)
            first = at(data, 8, 8)
            return named[:first] + struct.pack("<HH2sH", 8, 5, b"CS", len(value)) + value + named[first:]

        yield Fault(f"character set {declared!r}, name {raw!r}", hurt_first(change))


def strangers() -> Iterator[Fault]:
    for name, data in (
        ("notes.txt", b"CANARY was here"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(400)),
        ("letter.pdf", b"%PDF-1.4" * 80),
        ("zeros.bin", bytes(5000)),
        ("empty", b""),
        ("values.json", b'{"name": "CANARY"}' * 40),
    ):
        yield Fault(f"beside the study: {name}", beside(name, data))
    yield Fault("beside the study: a DICOMDIR", beside("DICOMDIR", directory))
    yield Fault("a text named .dcm", beside("x.dcm", b"CANARY" * 100), ("FILE-NOT-DICOM",))
    yield Fault("a picture named .IMA", beside("x.IMA", b"\xff\xd8\xff\xe0" * 100), ("FILE-NOT-DICOM",))


def values() -> Iterator[Fault]:
    refused = "RescaleSlope RescaleIntercept ImagePositionPatient ImageOrientationPatient PixelSpacing AcquisitionTime AcquisitionDate AcquisitionNumber"
    for keyword in refused.split():
        yield Fault(f"{keyword} holds a name", put(keyword, CANARY), ("HEADER-VALUE",))
    for keyword in ("SliceThickness", "XRayTubeCurrent", "Exposure"):
        yield Fault(f"{keyword} holds a name", put(keyword, CANARY))
    for value in ("nan", "inf", "1e400", "0", "-1", "1_0"):
        yield Fault(f"RescaleSlope {value}", put("RescaleSlope", value), ("HEADER-VALUE", "RESCALE-VALUE"))
    yield Fault("RescaleSlope absent", put("RescaleSlope", None), ("RESCALE-MISSING",))
    yield Fault("RescaleType of another quantity", put("RescaleType", "MGML"), ("RESCALE-TYPE",))


CASES = (
    *cuts(),
    *lies(),
    *metas(),
    *bombs(),
    *nesting(),
    *pixels(),
    *charsets(),
    *strangers(),
    *values(),
)
