"""From raw header values to what assembly needs of one file, every value judged: a number is a number, or the study is refused.

No message repeats a value. Times are whole microseconds, so that intervals are exact.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hepaflow.dicom.frames import split
from hepaflow.dicom.gate import BIG_ENDIAN, DEFLATED, DIRECTORY, NATIVE, Header
from hepaflow.dicom.kinds import MAKER, kind_of
from hepaflow.dicom.source import Entry
from hepaflow.dicom.values import Reader, date_time_us, date_us, time_us, zone_of
from hepaflow.dicom.walk import PixelSpan

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
#: Of a compressed image, whose size its file does not bound: twice the largest matrix that CT scanners reconstruct (2048).
MAX_SIDE = 4096
_DATE_TIMES = ("FrameAcquisitionDateTime", "FrameReferenceDateTime", "AcquisitionDateTime")


@dataclass(frozen=True, slots=True)
class Pixels:
    """How one image stores its pixels. ``in_hu``: rescaled values are HU, as CT images must say or leave to be understood; false where their unit is left open (``US``)."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    syntax: str
    span: PixelSpan
    in_hu: bool = True

    @property
    def little_endian(self) -> bool:
        """Byte order of native pixels."""
        return self.syntax != BIG_ENDIAN

    @property
    def deflated(self) -> bool:
        """The file must be inflated before ``span`` holds."""
        return self.syntax == DEFLATED


@dataclass(frozen=True, slots=True)
class Technique:
    """How one image was made; None where its header does not say."""

    kvp: float | None
    kernel: str | None
    tube_current_ma: float | None
    exposure_mas: float | None
    ctdi_vol_mgy: float | None
    rotation_s: float | None


@dataclass(frozen=True, slots=True)
class Slice:
    """One CT image that may belong to a dynamic series: a file, or one ``frame`` (1-based) of a multi-frame file.

    ``clocks`` hold microseconds by encoding (of the day, or since 1 January of year 1 where a date is given), ``labels`` the pass
    numbers by encoding; what is absent is missing from them. ``zoned`` are the clocks that name their offset from UTC.
    """

    file: int
    frame: int | None
    entry: Entry
    sop_uid: str
    series_uid: str
    frame_uid: str
    derived: bool
    position: tuple[float, float, float]
    orientation: tuple[float, ...]
    spacing: tuple[float, float]
    thickness: float | None
    pixels: Pixels
    clocks: dict[str, int]
    zoned: frozenset[str]
    labels: dict[str, int]
    expected_passes: int | None
    technique: Technique
    lossy: bool

    @property
    def key(self) -> tuple[int, int]:
        """Tells the images of a study apart: file and frame."""
        return self.file, self.frame or 0


@dataclass(frozen=True, slots=True)
class Person:
    """Who the patient of a file is; empty where the header does not say, or says it in letters that two files may encode differently."""

    number: bytes
    name: bytes
    born: bytes

    def is_another(self, other: Person) -> bool:
        """Another name or date of birth, which is all that can be said where a number is missing."""
        return any(mine and theirs and mine != theirs for mine, theirs in ((self.name, other.name), (self.born, other.born)))


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file of the study: what it is, and a :class:`Slice` for every CT image with a place in space that it holds."""

    file: int
    entry: Entry
    header: Header
    study_uid: str
    series_uid: str
    patient: Person
    sop_class: str
    modality: str
    kind: str  # "slice" | "localizer" | "other" | "directory"
    what: str
    images: tuple[Slice, ...]
    number: int | None = None  # of the series, as its archive shows it


def describe(entry: Entry, header: Header, *, file: int, where: str) -> Instance:
    """What one file is. Refused: a header that ends before it says so, and images whose values contradict each other."""
    read = Reader(header, where)
    sop_class = read.text("SOPClassUID")
    if header.meta.get(0x00020002, b"").rstrip(b"\x00 ") == DIRECTORY.encode():
        return Instance(file, entry, header, "", "", Person(b"", b"", b""), DIRECTORY, "", "directory", "", ())
    if not sop_class or not read.text("StudyInstanceUID") or not read.text("SeriesInstanceUID"):
        raise read.refuse(
            "FILE-TRUNCATED", "a header ends before it says what the file is", "Copy the study again from its archive"
        )
    kind, images = "other", tuple[Slice, ...]()
    maker = read.text("Manufacturer")
    if maker == MAKER and read.text("RescaleType") == "US":
        pass  # a map of hepaflow's as images: its values are no HU
    elif sop_class == CT_IMAGE:
        kind, images = _images([(entry, header, None)], file, where)
    elif sop_class in MULTI_FRAME_CT:
        kind, images = _images(split(entry, header, where=where), file, where)
    return Instance(
        file=file,
        entry=entry,
        header=header,
        study_uid=read.text("StudyInstanceUID"),
        series_uid=read.text("SeriesInstanceUID"),
        patient=_person(read),
        sop_class=sop_class,
        modality=read.text("Modality") if re.fullmatch(r"[A-Z]{2,12}", read.text("Modality")) else "",
        kind=kind,
        what=kind_of(sop_class, maker=maker, description=read.text("SeriesDescription")),
        images=images,
        number=int(number) if re.fullmatch(r"-?\d{1,9}", number := read.text("SeriesNumber")) else None,
    )


def _person(read: Reader) -> Person:
    number, name, born = (read.raw(keyword).strip(b"\x00 ") for keyword in ("PatientID", "PatientName", "PatientBirthDate"))
    plain = name.isascii() and b"\x1b" not in name  # an escape begins another alphabet
    return Person(number, b"^".join(name.upper().replace(b"^", b" ").split()) if plain else b"", born)


def _images(parts: Sequence[tuple[Entry, Header, int | None]], file: int, where: str) -> tuple[str, tuple[Slice, ...]]:
    """The kind of a CT file, and the images it holds: of its frames those that are neither localizers nor pictures without a place."""
    localizers, found = 0, []
    for entry, header, frame in parts:
        read = Reader(header, where if frame is None else f"frame {frame} of {where}")
        types = read.words("ImageType")
        if "LOCALIZER" in types:
            localizers += 1
        elif "SECONDARY" not in types[1:2] or read.raw("ImagePositionPatient"):
            found.append(_slice(entry, header, read, types, file, frame))
    return "slice" if found else "localizer" if localizers else "other", tuple(found)


def _slice(entry: Entry, header: Header, read: Reader, types: tuple[str, ...], file: int, frame: int | None) -> Slice:
    position = read.numbers("ImagePositionPatient", 3)
    orientation = read.numbers("ImageOrientationPatient", 6)
    spacing = read.numbers("PixelSpacing", 2)
    if position is None or orientation is None or spacing is None:
        raise read.refuse("HEADER-MISSING", "a CT image does not say where its pixels lie")
    if min(spacing) <= 0:
        raise read.refuse("HEADER-VALUE", "PixelSpacing is not positive")
    sop_uid = read.text("SOPInstanceUID")
    if not sop_uid:
        raise read.refuse("HEADER-MISSING", "a CT image has no instance UID")
    return Slice(
        file=file,
        frame=frame,
        entry=entry,
        sop_uid=sop_uid,
        series_uid=read.text("SeriesInstanceUID"),
        frame_uid=read.text("FrameOfReferenceUID"),
        derived=types[:1] == ("DERIVED",),
        position=(position[0], position[1], position[2]),
        orientation=orientation,
        spacing=(spacing[0], spacing[1]),
        thickness=read.positive("SpacingBetweenSlices") or read.positive("SliceThickness"),
        pixels=_pixels(header, read),
        clocks=_clocks(read),
        zoned=frozenset(name for name in _DATE_TIMES if zone_of(read.text(name))),
        labels=_labels(read),
        expected_passes=_count(read),
        technique=_technique(read),
        lossy=read.text("LossyImageCompression") == "01",
    )


def _pixels(header: Header, read: Reader) -> Pixels:
    if header.pixels is None:
        raise read.refuse("FILE-TRUNCATED", "an image holds no pixels", "Copy the study again from its archive")
    rows, columns = read.unsigned("Rows"), read.unsigned("Columns")
    allocated, stored = read.unsigned("BitsAllocated"), read.unsigned("BitsStored")
    signed, high = read.unsigned("PixelRepresentation"), read.unsigned("HighBit")
    if not rows or not columns or allocated is None or stored is None or signed is None:
        raise read.refuse("HEADER-MISSING", "an image does not say how its pixels are stored")
    if (
        allocated not in (8, 16)
        or not 1 <= stored <= allocated
        or signed not in (0, 1)
        or (high is not None and high != stored - 1)
        or read.unsigned("SamplesPerPixel") not in (None, 1)
        or read.text("PhotometricInterpretation") not in ("", "MONOCHROME2")
        or (read.whole("NumberOfFrames") or 1) != 1
    ):
        raise read.refuse("PIXEL-FORMAT", "an image stores its pixels in a way that CT images do not")
    span, need = header.pixels, rows * columns * allocated // 8
    if span.fragments is None:
        if span.length < need:
            raise read.refuse("FILE-TRUNCATED", "an image holds fewer pixels than its header says", "Copy the study again")
        if span.length > need + need % 2:
            raise read.refuse("PIXEL-FORMAT", "an image holds more pixels than its header says")
    elif not span.fragments:
        raise read.refuse("FILE-TRUNCATED", "an image holds no pixels", "Copy the study again from its archive")
    elif max(rows, columns) > MAX_SIDE:
        raise read.refuse("PIXEL-FORMAT", "a compressed image is larger than any CT image")
    if (span.fragments is None) != (header.syntax in NATIVE):
        raise read.refuse("PIXEL-FORMAT", "the transfer syntax of an image contradicts how its pixels lie in the file")
    slope, intercept = _rescale(read)
    in_hu, padding = read.text("RescaleType") != "US", _padding(read, bool(signed))
    return Pixels(rows, columns, allocated, stored, bool(signed), slope, intercept, padding, header.syntax, span, in_hu)


def _rescale(read: Reader) -> tuple[float, float]:
    slope, intercept = read.number("RescaleSlope"), read.number("RescaleIntercept")
    if slope is None or intercept is None:
        raise read.refuse("RESCALE-MISSING", "an image does not say how its values become HU")
    if not 0 < slope <= 1000 or abs(intercept) > 1e5:
        raise read.refuse("RESCALE-VALUE", "the rescale slope or intercept of an image cannot be true")
    if read.text("RescaleType") not in ("", "HU", "US"):
        raise read.refuse("RESCALE-TYPE", "an image holds something other than HU", "Give the CT images themselves")
    return slope, intercept


def _padding(read: Reader, signed: bool) -> tuple[int, int] | None:
    first = read.binary("PixelPaddingValue", "h" if signed else "H")
    if first is None:
        return None
    last = read.binary("PixelPaddingRangeLimit", "h" if signed else "H")
    pair = (int(first), int(first if last is None else last))
    return min(pair), max(pair)


def _technique(read: Reader) -> Technique:
    return Technique(
        kvp=read.positive("KVP"),
        kernel=read.technical_list("ConvolutionKernel"),
        tube_current_ma=read.positive("XRayTubeCurrent") or read.real("XRayTubeCurrentInmA"),
        exposure_mas=read.positive("Exposure") or read.real("ExposureInmAs"),
        ctdi_vol_mgy=read.real("CTDIvol"),
        rotation_s=read.real("RevolutionTime"),
    )


def _labels(read: Reader) -> dict[str, int]:
    found = {
        "TemporalPositionIdentifier": read.whole("TemporalPositionIdentifier"),
        "TemporalPositionIndex": read.binary("TemporalPositionIndex", "I"),
        "FrameAcquisitionNumber": read.binary("FrameAcquisitionNumber", "H"),
        "AcquisitionNumber": read.whole("AcquisitionNumber"),
    }
    return {key: int(value) for key, value in found.items() if value is not None}


def _count(read: Reader) -> int | None:
    value = read.positive("NumberOfTemporalPositions")
    return int(value) if value is not None else None


def _clocks(read: Reader) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in _DATE_TIMES:
        if (value := read.moment(name, date_time_us)) is not None:
            found[name] = value
    for kind in ("Acquisition", "Content", "Series"):
        time = read.moment(f"{kind}Time", time_us)
        if time is not None:
            day = read.moment(f"{kind}Date", date_us)
            found[f"{kind}Time"] = time + (day or 0)
    trigger = read.number("TriggerTime")
    if trigger is not None:
        found["TriggerTime"] = round(trigger * 1000.0)
    return found
