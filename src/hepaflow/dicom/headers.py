"""From raw header values to what assembly needs of one file, every value judged: a number is a number, or the study is refused.

No message repeats a value. Times are whole microseconds, so that intervals are exact.
"""

from __future__ import annotations

import datetime
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from hepaflow.dicom.gate import DEFLATED, Header, PixelSpan
from hepaflow.dicom.source import Entry
from hepaflow.errors import InputRefused

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
DIRECTORY = "1.2.840.10008.1.3.10"
DAY_US = 86_400_000_000

TAGS: dict[str, int] = {
    "ImageType": 0x00080008,
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "SeriesDate": 0x00080021,
    "AcquisitionDate": 0x00080022,
    "ContentDate": 0x00080023,
    "AcquisitionDateTime": 0x0008002A,
    "SeriesTime": 0x00080031,
    "AcquisitionTime": 0x00080032,
    "ContentTime": 0x00080033,
    "Modality": 0x00080060,
    "Manufacturer": 0x00080070,
    "ManufacturerModelName": 0x00081090,
    "PatientID": 0x00100020,
    "ContrastBolusAgent": 0x00180010,
    "BodyPartExamined": 0x00180015,
    "SliceThickness": 0x00180050,
    "KVP": 0x00180060,
    "SpacingBetweenSlices": 0x00180088,
    "ContrastBolusVolume": 0x00181041,
    "ContrastBolusStartTime": 0x00181042,
    "ContrastFlowRate": 0x00181046,
    "TriggerTime": 0x00181060,
    "XRayTubeCurrent": 0x00181151,
    "Exposure": 0x00181152,
    "ConvolutionKernel": 0x00181210,
    "RevolutionTime": 0x00189305,
    "CTDIvol": 0x00189345,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "AcquisitionNumber": 0x00200012,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "FrameOfReferenceUID": 0x00200052,
    "TemporalPositionIdentifier": 0x00200100,
    "NumberOfTemporalPositions": 0x00200105,
    "TemporalPositionIndex": 0x00209128,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "PixelSpacing": 0x00280030,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "PixelPaddingValue": 0x00280120,
    "PixelPaddingRangeLimit": 0x00280121,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "RescaleType": 0x00281054,
    "LossyImageCompression": 0x00282110,
}
WANTED = frozenset(TAGS.values())

_CLOCK = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?")
_ZONE = re.compile(r"(.*?)([+-]\d{4})?")
#: Free header text is passed on only when it looks like a technical name.
_TECHNICAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./+()\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Pixels:
    """How one image stores its pixels."""

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

    @property
    def little_endian(self) -> bool:
        """Byte order of native pixels."""
        return self.syntax != "1.2.840.10008.1.2.2"

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
    """One CT image that may belong to a dynamic series.

    ``clocks`` hold microseconds by encoding (of the day, or since 1 January of year 1 where a date is given), ``labels`` the pass
    numbers by encoding; what is absent is missing from them.
    """

    file: int
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
    labels: dict[str, int]
    expected_passes: int | None
    technique: Technique
    lossy: bool


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file of the study: what it is, and its :class:`Slice` where it is a CT image with a place in space."""

    file: int
    entry: Entry
    header: Header
    study_uid: str
    series_uid: str
    patient: bytes
    sop_class: str
    modality: str
    kind: str  # "slice" | "localizer" | "multi-frame" | "other" | "directory"
    image: Slice | None


class Reader:
    """Typed access to the raw values of one header; refusals name the attribute and the file's place, never the value."""

    def __init__(self, header: Header, where: str) -> None:
        self._values, self._little, self._where = header.values, header.little_endian, where

    def refuse(self, code: str, what: str, advice: str = "Check the export of the study") -> InputRefused:
        """A refusal that says where."""
        return InputRefused(code, f"{what} ({self._where})", advice)

    def raw(self, keyword: str) -> bytes:
        """Bytes of a value, empty when absent."""
        return self._values.get(TAGS[keyword], b"")

    def text(self, keyword: str) -> str:
        """First value as text without padding."""
        return self.raw(keyword).decode("latin-1").rstrip("\x00 ").strip()

    def words(self, keyword: str) -> tuple[str, ...]:
        """All values of a multi-valued text."""
        text = self.text(keyword)
        return tuple(word.strip() for word in text.split("\\")) if text else ()

    def technical(self, keyword: str) -> str | None:
        """Text that looks like the name of a device, kernel or agent, else None."""
        text = self.text(keyword)
        return text if _TECHNICAL.fullmatch(text) else None

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """``count`` finite decimal numbers; None when absent. Refused: anything else."""
        words = self.words(keyword)
        if not words or words == ("",):
            return None
        try:
            values = tuple(float(word) for word in words)
        except ValueError:
            values = ()
        if len(values) != count or not all(map(math.isfinite, values)):
            raise self.refuse("HEADER-VALUE", f"{keyword} is not {'a number' if count == 1 else f'{count} numbers'}")
        return values

    def number(self, keyword: str) -> float | None:
        """One finite decimal number."""
        found = self.numbers(keyword, 1)
        return None if found is None else found[0]

    def positive(self, keyword: str) -> float | None:
        """A number above zero; None when absent or not one (for what only informs)."""
        try:
            value = self.number(keyword)
        except InputRefused:
            return None
        return value if value is not None and value > 0 else None

    def whole(self, keyword: str) -> int | None:
        """An integer written as text."""
        value = self.number(keyword)
        if value is None:
            return None
        if value != int(value):
            raise self.refuse("HEADER-VALUE", f"{keyword} is not a whole number")
        return int(value)

    def binary(self, keyword: str, code: str) -> int | float | None:
        """A binary number: ``H`` unsigned 16, ``h`` signed 16, ``I`` unsigned 32, ``d`` double."""
        raw = self.raw(keyword)
        if not raw:
            return None
        form = struct.Struct(("<" if self._little else ">") + code)
        if len(raw) != form.size:
            raise self.refuse("HEADER-VALUE", f"{keyword} has a wrong size")
        value: int | float = form.unpack(raw)[0]
        return value

    def unsigned(self, keyword: str) -> int | None:
        """An unsigned 16-bit number."""
        value = self.binary(keyword, "H")
        return None if value is None else int(value)

    def real(self, keyword: str) -> float | None:
        """A finite positive double; None when absent or not one."""
        try:
            value = self.binary(keyword, "d")
        except InputRefused:
            return None
        return float(value) if value is not None and math.isfinite(value) and value > 0 else None


def describe(entry: Entry, header: Header, *, file: int, where: str) -> Instance:
    """What one file is. Refused: a header that ends before it says so, and images whose values contradict each other."""
    read = Reader(header, where)
    sop_class = read.text("SOPClassUID")
    if header.meta.get(0x00020002, b"").rstrip(b"\x00 ") == DIRECTORY.encode():
        return Instance(file, entry, header, "", "", b"", DIRECTORY, "", "directory", None)
    if not sop_class or not read.text("StudyInstanceUID") or not read.text("SeriesInstanceUID"):
        raise read.refuse(
            "FILE-TRUNCATED", "a header ends before it says what the file is", "Copy the study again from its archive"
        )
    kind, image = "other", None
    if sop_class in MULTI_FRAME_CT:
        kind = "multi-frame"
    elif sop_class == CT_IMAGE:
        types = read.words("ImageType")
        if "LOCALIZER" in types:
            kind = "localizer"
        elif "SECONDARY" not in types[1:2] or read.raw("ImagePositionPatient"):
            kind, image = "slice", _slice(entry, header, read, types, file)
    return Instance(
        file=file,
        entry=entry,
        header=header,
        study_uid=read.text("StudyInstanceUID"),
        series_uid=read.text("SeriesInstanceUID"),
        patient=read.raw("PatientID").rstrip(b"\x00 ").lstrip(b" "),
        sop_class=sop_class,
        modality=read.text("Modality") if re.fullmatch(r"[A-Z]{2,12}", read.text("Modality")) else "",
        kind=kind,
        image=image,
    )


def _slice(entry: Entry, header: Header, read: Reader, types: tuple[str, ...], file: int) -> Slice:
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
    slope, intercept = _rescale(read)
    return Pixels(
        rows, columns, allocated, stored, bool(signed), slope, intercept, _padding(read, bool(signed)), header.syntax, span
    )


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
        kernel=_kernel(read),
        tube_current_ma=read.positive("XRayTubeCurrent"),
        exposure_mas=read.positive("Exposure"),
        ctdi_vol_mgy=read.real("CTDIvol"),
        rotation_s=read.real("RevolutionTime"),
    )


def _kernel(read: Reader) -> str | None:
    words = read.words("ConvolutionKernel")
    return "/".join(words) if words and all(_TECHNICAL.fullmatch(word) for word in words) else None


def _labels(read: Reader) -> dict[str, int]:
    found = {
        "TemporalPositionIdentifier": read.whole("TemporalPositionIdentifier"),
        "TemporalPositionIndex": read.binary("TemporalPositionIndex", "I"),
        "AcquisitionNumber": read.whole("AcquisitionNumber"),
    }
    return {key: int(value) for key, value in found.items() if value is not None}


def _count(read: Reader) -> int | None:
    value = read.positive("NumberOfTemporalPositions")
    return int(value) if value is not None else None


def _clocks(read: Reader) -> dict[str, int]:
    found: dict[str, int] = {}
    if (value := _read(read, "AcquisitionDateTime", date_time_us)) is not None:
        found["AcquisitionDateTime"] = value
    for kind in ("Acquisition", "Content", "Series"):
        time = _read(read, f"{kind}Time", time_us)
        if time is not None:
            day = _read(read, f"{kind}Date", date_us)
            found[f"{kind}Time"] = time + (day or 0)
    trigger = read.number("TriggerTime")
    if trigger is not None:
        found["TriggerTime"] = round(trigger * 1000.0)
    return found


def _read(read: Reader, keyword: str, parse: Callable[[str], int | None]) -> int | None:
    text = read.text(keyword)
    if not text:
        return None
    value = parse(text)
    if value is None:
        raise read.refuse("HEADER-VALUE", f"{keyword} is not a date or time")
    return value


def time_us(text: str) -> int | None:
    """A DICOM TM as microseconds of the day; None when it is not one.

    >>> time_us("102118.25")
    37278250000
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.group(1, 2, 3))
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + int((match.group(4) or "0").ljust(6, "0"))


def date_us(text: str) -> int | None:
    """A DICOM DA as microseconds since the first day of the calendar; None when it is not one."""
    digits = text.strip().replace(".", "")
    try:
        day = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if re.fullmatch(r"\d{8}", digits) else None
    except ValueError:
        return None
    return None if day is None else day.toordinal() * DAY_US


def date_time_us(text: str) -> int | None:
    """A DICOM DT as microseconds since the first day of the calendar, in UTC where it names its offset; None when it is not one."""
    match = _ZONE.fullmatch(text.strip())
    if match is None or len(match.group(1)) < 10:
        return None
    day, time = date_us(match.group(1)[:8]), time_us(match.group(1)[8:])
    if day is None or time is None:
        return None
    zone = match.group(2)
    shift = 0 if zone is None else (int(zone[1:3]) * 60 + int(zone[3:5])) * (1 if zone[0] == "+" else -1)
    return day + time - shift * 60_000_000
