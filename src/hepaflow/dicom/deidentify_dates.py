"""Dates moved by a patient's number of days, times of day as they are; what is neither is emptied."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from hepaflow.dicom.pseudonym import shifted_date

_TIME = r"(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_TM = re.compile(_TIME)
_DT = re.compile(rf"(\d{{8}})({_TIME})?([+-])?(?(3)(0\d|1[0-4])([0-5]\d))")


def moved(text: str, vr: str, days: int) -> str:
    """A DA, TM or DT moved back by ``days``; empty where it is none.

    A DT with an offset from UTC is told in UTC, so that the instant stays when the offset changes within a study.

    >>> moved("20240314102118.5+0100", "DT", 1), moved("20240314102118.5", "DT", 1), moved("102118", "TM", 1)
    ('20240313092118.5+0000', '20240313102118.5', '102118')
    """
    if vr == "TM":  # times of day stay, and with them the intervals
        return text if text.isascii() and _TM.fullmatch(text) else ""
    if vr == "DA":
        return shifted_date(text, days)
    found = _DT.fullmatch(text) if text.isascii() else None
    if found is None:
        return ""
    date, time, sign, hours, minutes = found.groups()
    time = (time or "").replace(":", "")
    if not time or sign is None:
        shifted = shifted_date(date, days)
        return shifted and shifted + time
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    try:
        utc = datetime.strptime(date + time[:4].ljust(4, "0"), "%Y%m%d%H%M") - offset
    except (ValueError, OverflowError):
        return ""
    shifted = shifted_date(f"{utc.year:04d}{utc.month:02d}{utc.day:02d}", days)
    return shifted and f"{shifted}{utc.hour:02d}{utc.minute:02d}{time[4:]}+0000"
