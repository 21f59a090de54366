"""Typed access to raw header values: a number is a number, a time is a time, or the study is refused. No message repeats a value."""

from __future__ import annotations

import datetime
import math
import re
import struct
from collections.abc import Callable

from hepaflow.dicom.gate import Header
from hepaflow.errors import InputRefused

DAY_US = 86_400_000_000

TAGS: dict[str, int] = {
    "ImageType": 0x00080008,
    "FrameType": 0x00089007,
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
    "SeriesDescription": 0x0008103E,
    "ManufacturerModelName": 0x00081090,
    "PatientName": 0x00100010,
    "PatientID": 0x00100020,
    "PatientBirthDate": 0x00100030,
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
    "FrameAcquisitionDateTime": 0x00189074,
    "FrameReferenceDateTime": 0x00189151,
    "RevolutionTime": 0x00189305,
    "XRayTubeCurrentInmA": 0x00189330,
    "ExposureInmAs": 0x00189332,
    "CTDIvol": 0x00189345,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "SeriesNumber": 0x00200011,
    "AcquisitionNumber": 0x00200012,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "FrameOfReferenceUID": 0x00200052,
    "TemporalPositionIdentifier": 0x00200100,
    "NumberOfTemporalPositions": 0x00200105,
    "TemporalPositionIndex": 0x00209128,
    "FrameAcquisitionNumber": 0x00209156,
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
    "ExtendedOffsetTable": 0x7FE00001,
}
WANTED = frozenset(TAGS.values())

#: A DS as PS3.5 6.2 has it: float() would also read ``1_0`` as 10.
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CLOCK = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?")
_ZONE = re.compile(r"(.*?)([+-]\d{4})?")
#: Free header text is passed on only when it looks like a technical name.
_TECHNICAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./+()\-]{0,63}")


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
        values = tuple(value for value in map(decimal, words) if value is not None)
        if not len(values) == len(words) == count:
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

    def moment(self, keyword: str, parse: Callable[[str], int | None]) -> int | None:
        """A date or time in microseconds. Refused: text that ``parse`` cannot read."""
        text = self.text(keyword)
        if not text:
            return None
        value = parse(text)
        if value is None:
            raise self.refuse("HEADER-VALUE", f"{keyword} is not a date or time")
        return value

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

    def technical_list(self, keyword: str) -> str | None:
        """Several technical names, joined by a slash."""
        words = self.words(keyword)
        return "/".join(words) if words and all(_TECHNICAL.fullmatch(word) for word in words) else None

    def real(self, keyword: str) -> float | None:
        """A finite positive double; None when absent or not one."""
        try:
            value = self.binary(keyword, "d")
        except InputRefused:
            return None
        return float(value) if value is not None and math.isfinite(value) and value > 0 else None


def decimal(text: str) -> float | None:
    """A DICOM DS as a finite number; None when it is not one.

    >>> decimal("-1.5e1"), decimal("1_0"), decimal("nan")
    (-15.0, None, None)
    """
    value = float(text) if _DECIMAL.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


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


def zone_of(text: str) -> str:
    """The offset from UTC that a DICOM DT names, as &ZZXX; empty where it names none.

    >>> zone_of("20240314102118.5+0100")
    '+0100'
    """
    match = _ZONE.fullmatch(text.strip())
    return "" if match is None else match.group(2) or ""


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
