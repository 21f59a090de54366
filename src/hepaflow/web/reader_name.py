"""The name under which somebody draws and signs: one that a signed report can print."""

from __future__ import annotations

import unicodedata

from hepaflow.errors import UsageError

LONGEST = 120


def reader_name(text: str) -> str:
    """The name without needless spaces. Refused: none, a long one, control characters (``READER-NAME``); what paper cannot show (``READER-LETTERS``)."""
    name = unicodedata.normalize("NFC", " ".join(part for part in text.strip().split(" ") if part))
    if not name or len(name) > LONGEST or not name.isprintable():
        raise UsageError("READER-NAME", "the reader's name is empty, too long or not printable", "Write the name of who signs")
    require_letters(name)
    return name


def require_letters(name: str) -> None:
    """Refused (``READER-LETTERS``): a name that a signed report would not show as it reads."""
    if name.isascii():
        return
    # loaded here: the server starts without the libraries that write reports
    from hepaflow.report.pdf import printable

    if not printable(name):
        raise UsageError(
            "READER-LETTERS",
            "a reader's name has letters that the report's font lacks, or that are written from right to left",
            "Write it in Latin, Greek or Cyrillic letters; who set a caliper under such a name sets it again under the new one",
        )
