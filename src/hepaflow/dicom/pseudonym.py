"""One secret, and everything that must stay consistent made from it: pseudonyms, UIDs and the shift of dates. Nothing is listed anywhere.

HMAC-SHA-256 (RFC 2104): who has the secret can make the same again from the same patient; who has not can neither make nor undo it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import date, timedelta

from hepaflow.errors import InputRefused

SECRET_BYTES = 32
#: Dates go back by a year to ten: no real date is among those that stay possible, and no shifted one lies in the future.
_SHIFT_DAYS = (365, 3650)


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret of a project: 32 bytes. Refused: any other length."""

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != SECRET_BYTES:
            raise InputRefused("KEY-UNREADABLE", f"the key is not one of {SECRET_BYTES} bytes", "Give the key file that was made")

    def _made(self, *parts: str) -> bytes:
        return hmac.new(self.value, "\x1f".join(parts).encode(), hashlib.sha256).digest()

    def pseudonym(self, patient: str) -> str:
        """What a patient is called: ``HF-`` and 12 letters and digits; 60 bits, so a million patients share one in a million runs.

        >>> Secret(bytes(32)).pseudonym("17") == Secret(bytes(32)).pseudonym("17")
        True
        """
        return f"HF-{base64.b32encode(self._made('patient', patient))[:12].decode('ascii')}"

    def uid(self, uid: str) -> str:
        """The UID that stands for another: under 2.25 (PS3.5 B.2), 128 bits."""
        return f"2.25.{int.from_bytes(self._made('uid', uid)[:16], 'big')}"

    def shift_days(self, patient: str) -> int:
        """By how many days all of a patient's dates go back."""
        low, high = _SHIFT_DAYS
        return low + int.from_bytes(self._made("dates", patient)[:8], "big") % (high - low + 1)


def shifted_date(text: str, days: int) -> str:
    """A DICOM DA or the date of a DT moved back by ``days``; empty where it is no date.

    >>> shifted_date("20240301", 1)
    '20240229'
    """
    digits = text.strip().replace(".", "") if len(text.strip()) == 10 else text.strip()
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return ""
    try:
        return (date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) - timedelta(days=days)).strftime("%Y%m%d").zfill(8)
    except (ValueError, OverflowError):
        return ""
