"""What results inherit from the images that they come from: what compression lost, text in the pixels, the zone of dates and times.

Source: DICOM PS3.3 C.7.6.1.1.5 (once lossy, always lossy), C.7.6.1 (Burned In Annotation), C.12.1.1 (Timezone Offset From UTC).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hepaflow.domain.series import DynamicSeries

_RATIO = re.compile(r"\d{1,8}(\.\d{1,6})?(\\\d{1,8}(\.\d{1,6})?)*")
_METHOD = re.compile(r"[A-Z0-9_ ]{1,16}(\\[A-Z0-9_ ]{1,16})*")
_ZONE = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")


@dataclass(frozen=True, slots=True)
class Heritage:
    """``lossy``: None, or ratio and method of the lossy compression as the source says them (empty where it does not).

    ``zone`` (&ZZXX) is what dates and times without an offset of their own are in, empty where the source does not say;
    ``clock_zone`` the offset that the clock of the time axis names itself, empty where it names none.
    """

    lossy: tuple[str, str] | None
    burned_in: bool
    zone: str
    clock_zone: str

    def __post_init__(self) -> None:
        if any(zone and _ZONE.fullmatch(zone) is None for zone in (self.zone, self.clock_zone)):
            raise ValueError("an offset from UTC is not one")


def heritage_of(series: DynamicSeries) -> Heritage:
    """What a study read from DICOM says, as far as it can be true; nothing for any other."""
    header = series.source.get("header", {})
    ratio, method = header.get("LossyImageCompressionRatio", ""), header.get("LossyImageCompressionMethod", "")
    return Heritage(
        lossy=(_like(_RATIO, ratio), _like(_METHOD, method)) if "lossy-compression" in series.flags else None,
        burned_in=header.get("BurnedInAnnotation", "").strip() == "YES",
        zone=_like(_ZONE, header.get("TimezoneOffsetFromUTC", "").strip()),
        clock_zone=_like(_ZONE, series.source.get("clock_zone", "")),
    )


def pass_on(dataset: Any, heritage: Heritage) -> None:
    """Time zone and lossy history of a result; the latter where it is an image."""
    if heritage.zone:
        dataset.TimezoneOffsetFromUTC = heritage.zone
    if heritage.lossy is None or "LossyImageCompression" not in dataset:
        return
    dataset.LossyImageCompression = "01"
    ratio, method = heritage.lossy
    if ratio:
        dataset.LossyImageCompressionRatio = ratio.split("\\")
    if method:
        dataset.LossyImageCompressionMethod = method.split("\\")


def zone_minutes(zone: str) -> int:
    """Minutes that a time of ``zone`` (&ZZXX) is ahead of UTC; 0 for none.

    >>> zone_minutes("+0530"), zone_minutes("-0330"), zone_minutes("")
    (330, -210, 0)
    """
    return int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[3:5])) if zone else 0


def _like(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
