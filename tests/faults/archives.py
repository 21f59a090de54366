"""32 archives and folders that lie, lead astray or would fill the disk. Nothing is ever unpacked to disk."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from dicom_files import place, sound
from fault import Fault, lay, study

UNSAFE, BROKEN = ("ZIP-UNSAFE",), ("ZIP-DAMAGED",)
Edit = Callable[[bytes], bytes]


@cache
def packed(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The study as an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, data in enumerate(sound()):
            archive.writestr(f"a/{number:04d}", data)
    return out.getvalue()


def archive(data: Callable[[], bytes], name: str = "study.zip") -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / name).write_bytes(data())
        return folder / name

    return build


def member(name: str, content: bytes = b"x", *, mode: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], Path]:
    """The study with one more member, written as it is named."""

    def data() -> bytes:
        out = io.BytesIO(packed())
        with zipfile.ZipFile(out, "a") as more:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            info.external_attr, info.compress_type = mode << 16, method
            more.writestr(info, content)
        return out.getvalue()

    return archive(data)


def directory(number: int, offset: int, form: str, value: int) -> Edit:
    """A field of a member's entry in the central directory."""

    def edit(data: bytes) -> bytes:
        whole, at = bytearray(data), data.index(b"PK\x01\x02")
        for _ in range(number):
            at = data.index(b"PK\x01\x02", at + 4)
        struct.pack_into(form, whole, at + offset, value)
        return bytes(whole)

    return edit


def edited(edit: Edit, method: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], Path]:
    return archive(lambda: edit(packed(method)))


def bomb(members: int, size: int) -> bytes:
    out, zeros = io.BytesIO(), bytes(size)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(members):
            archive.writestr(f"{number}", zeros)
    return out.getvalue()


def flipped(data: bytes) -> bytes:
    return data[:2000] + bytes(b ^ 0x5A for b in data[2000:2040]) + data[2040:]


def odd_names(folder: Path) -> Path:
    names = ("Doe^Jane\n", "CANARY é", "-rf", "con", "a:b", "x" * 200, "..x", " ", "%2e%2e", "$HOME", "日本", "z.zip.txt")
    for name, data in zip(names, sound(), strict=True):
        place({name: data}, folder)
    return folder


def tangled(folder: Path) -> Path:
    lay(study(), folder / "study")
    (folder / "study" / "loop").symlink_to(folder / "study", target_is_directory=True)
    (folder / "study" / "nowhere").symlink_to(folder / "absent")
    os.mkfifo(folder / "study" / "pipe")
    return folder / "study"


def identity_as_path(folder: Path) -> Path:
    images = study()
    for image in images:
        image.ds.PatientID, image.ds.StudyID, image.ds.AccessionNumber = "../../CANARY", "/etc/CANARY", "..\\CANARY"
    return lay(images, folder)


def names() -> Iterator[Fault]:
    for name in ("../out", "a/../../out", "/etc/out", "C:/out", "C:\\out", "..\\out", "\\\\host\\out"):
        yield Fault(f"a member named {name}", member(name), UNSAFE)
    yield Fault("a member whose name is cut by a null", member("good\x00../out"), UNSAFE)
    yield Fault("members named as devices", member("CON"))
    yield Fault("a name twice", edited(_renamed), UNSAFE)
    yield Fault("names that differ in case", member("A/0001"), UNSAFE)
    yield Fault("a link", member("link", b"/etc/passwd", mode=0o120777), UNSAFE)
    yield Fault("a device", member("null", mode=0o020666), UNSAFE)
    yield Fault("identity as path", identity_as_path)
    yield Fault("odd names in a folder", odd_names)
    yield Fault("loops, broken links and pipes in a folder", tangled)


def _renamed(data: bytes) -> bytes:
    return data.replace(b"a/0003", b"a/0002")


def sizes() -> Iterator[Fault]:
    yield Fault("a ratio bomb", archive(lambda: bomb(1, 32 * 2**20)), UNSAFE)
    yield Fault("a thousand members of 16 MB without end", archive(_repeated), UNSAFE)
    yield Fault("an archive in the archive", member("inner.zip", b"PK\x03\x04"), ("ZIP-NESTED",))
    yield Fault("an archive named as an image", member("inner.dcm", packed()), ("FILE-NOT-DICOM",))
    for size in (10, 700, 5_000_000, 0xFFFFFFF0):
        codes = (*BROKEN, *UNSAFE, "FILE-TRUNCATED")
        yield Fault(f"a forged size of {size}", edited(directory(2, 24, "<I", size)), codes)
    yield Fault("members that overlap", edited(directory(3, 42, "<I", 0)), (*UNSAFE, *BROKEN))


def _repeated() -> bytes:
    """One compressed member that the directory names a thousand times."""
    data = bomb(1, 16 * 2**20)
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, count = data[start:end], 1000
    entries = b"".join(entry[:46] + f"{number:03d}".encode() + entry[47:] for number in range(count))
    entries = entries.replace(entry[:28] + b"\x01\x00", entry[:28] + b"\x03\x00")
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)
    return data[:start] + entries + tail


def damage() -> Iterator[Fault]:
    yield Fault("cut in half", edited(lambda data: data[: len(data) // 2]), BROKEN)
    yield Fault("changed in a member", edited(flipped), (*BROKEN, "FILE-TRUNCATED", "FILE-DAMAGED"))
    yield Fault("changed in a stored member", edited(flipped, zipfile.ZIP_STORED), BROKEN)
    yield Fault("encrypted", edited(directory(1, 8, "<H", 1)), ("ZIP-ENCRYPTED",))
    yield Fault("another compression", archive(lambda: packed(zipfile.ZIP_LZMA)), ("ZIP-METHOD",))
    yield Fault("junk before the archive", edited(lambda data: b"#!/bin/sh\n" * 9 + data))
    yield Fault("an archive without suffix", archive(packed, "study"))


CASES = (*names(), *sizes(), *damage())
