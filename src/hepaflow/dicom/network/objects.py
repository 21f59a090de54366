"""DICOM objects on their way: each through the gate before it is sent or kept, known by its UIDs, which no message repeats."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hepaflow.dicom.gate import DIRECTORY, judge
from hepaflow.dicom.source import DiskFile, Entry, Held, open_study
from hepaflow.errors import InputRefused, UsageError

#: Takes one received file; gives the status of its C-STORE (0 when it is kept).
Take = Callable[[bytes], int]

#: Answers of one search, and pages that they come in: more than any study needs.
MOST_ANSWERS, MOST_PAGES = 200_000, 2_000

_CLASS, _INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_META_CLASS = 0x00020002
_WANTED = frozenset({_CLASS, _INSTANCE, _STUDY, _SERIES})
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_UID_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """The UIDs of one object; they identify the study, so nothing prints them."""

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    syntax: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to send."""

    path: Path
    identity: Identity


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that an archive says it holds; ``sop_class`` is empty where it does not say."""

    sop_uid: str
    series_uid: str
    sop_class: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a peer said to objects sent: SOP instance UIDs it took, and of those it did not, its status code."""

    taken: frozenset[str]
    refused: Mapping[str, str] = field(default_factory=dict)


def too_many() -> InputRefused:
    """The refusal of a search whose answers do not end."""
    return InputRefused(
        "PACS-ANSWER", "the archive's answers to a search do not end", "Narrow the search, or ask who runs the archive"
    )


def identity(entry: Entry, *, where: str) -> Identity | None:
    """The UIDs of a DICOM file; None for a file that is something else or a DICOMDIR. Refused: as the gate, and UIDs that are none."""
    header = judge(entry, _WANTED, where=where)
    if header is None or header.meta.get(_META_CLASS, b"").rstrip(b"\x00 ").decode("ascii", "replace") == DIRECTORY:
        return None
    texts = [
        header.values.get(tag, b"").rstrip(b"\x00 ").decode("ascii", "replace") for tag in (_CLASS, _INSTANCE, _STUDY, _SERIES)
    ]
    if not all(is_uid(text) for text in texts) or not header.meta:
        raise InputRefused("OBJECT-UID", f"a file lacks valid UIDs or its meta information ({where})", "Export the object again")
    return Identity(texts[0], texts[1], texts[2], texts[3], header.syntax)


def outgoing(source: Path) -> tuple[Outgoing, ...]:
    """The DICOM files below ``source``, each instance once. Refused: a damaged file, no DICOM file, an archive, one instance with two contents."""
    found: dict[str, Outgoing] = {}
    with open_study(source) as entries:
        for number, entry in enumerate(entries, start=1):
            where = f"file {number} of {len(entries)}"
            if not isinstance(entry, DiskFile):
                raise UsageError("SEND-ARCHIVE", "an archive cannot be sent as it is", "Unpack it and give the folder")
            known = identity(entry, where=where)
            if known is None:
                continue
            before = found.setdefault(known.sop_uid, Outgoing(entry.path, known))
            if before.path != entry.path and before.path.read_bytes() != entry.read():
                raise InputRefused(
                    "SEND-TWO-CONTENTS", f"one instance is there with two contents ({where})", "Keep the one that holds"
                )
    if not found:
        raise InputRefused("STUDY-EMPTY", "there is no DICOM file to send", "Give a folder with DICOM files, or a case folder")
    return tuple(found.values())


def is_uid(text: str) -> bool:
    """Whether a text is a UID (PS3.5 9.1; leading zeros, common in old objects, are let through).

    >>> is_uid("1.2.840.10008.1.2"), is_uid("1..2"), is_uid("../etc")
    (True, False, False)
    """
    return len(text) <= _UID_CHARACTERS and _UID.fullmatch(text) is not None


def data_set(data: bytes) -> bytes:
    """A received file without its meta information, which names the program that received it; transfer syntax in front.

    Works on files with group length, as every received one is written (PS3.10 7.1: element (0002,0000) comes first).
    """
    head = Held(data, ".dcm")
    header = judge(head, frozenset(), where="a received object")
    start = 144 + int.from_bytes(data[140:144], "little")
    return ("" if header is None else header.syntax).encode() + b"\x00" + data[start:]
