"""The files of a study, wherever they lie: a folder searched recursively, the members of a .zip, one file. Nothing is ever written.

Files are known by their position in the sorted list of names, never by name: a name may hold the patient's.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from hepaflow.errors import InputRefused

MAX_FILES = 200_000
MAX_FILE_BYTES = 2**31
MAX_TOTAL_BYTES = 64 * 2**30
#: Deflate cannot do better than 1032; a real image does not come near. Small files may hold one constant.
MAX_RATIO = 300
SMALL_BYTES = 16 * 2**20

_LOCAL_HEADER = 30
_UNSAFE_ADVICE = "Unpack the archive yourself, check it, and give the folder"


#: Where a file lies, for another process: ("file", path, size) or ("member", path of the archive, number among its sorted members);
#: of a file in memory its bytes.
Place = tuple[str, str, int] | bytes


class Entry(Protocol):
    """One file: its size in bytes, where it lies, its suffix in lower case, its first bytes, all its bytes."""

    @property
    def size(self) -> int:
        """Size in bytes."""
        ...

    @property
    def place(self) -> Place:
        """What :func:`entry_at` finds it by in another process."""
        ...

    @property
    def suffix(self) -> str:
        """Lower-case suffix with its dot."""
        ...

    def head(self, count: int) -> bytes:
        """The first ``count`` bytes, or all when there are fewer."""
        ...

    def read(self) -> bytes:
        """All bytes. Refused: fewer or more than ``size``."""
        ...

    def fill(self, start: int, target: memoryview) -> None:
        """Bytes from ``start`` on into ``target``, which they fill. Refused: a file whose size is no longer ``size``."""
        ...


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A file of a folder."""

    path: Path
    size: int

    @property
    def place(self) -> Place:
        """Absolute path and size."""
        return "file", os.path.abspath(self.path), self.size

    @property
    def suffix(self) -> str:
        """Lower-case suffix with its dot."""
        return self.path.suffix.lower()

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with _disk_errors(), self.path.open("rb", buffering=0) as handle:
            return handle.read(count)

    def read(self) -> bytes:
        """All bytes."""
        with _disk_errors():
            data = self.path.read_bytes()
        if len(data) != self.size:
            raise _changed()
        return data

    def fill(self, start: int, target: memoryview) -> None:
        """Bytes from ``start`` on into ``target``, without a copy between."""
        with _disk_errors(), self.path.open("rb", buffering=0) as handle:
            if os.fstat(handle.fileno()).st_size != self.size:
                raise _changed()
            handle.seek(start)
            done = 0
            while done < len(target):
                got = handle.readinto(target[done:])
                if not got:
                    raise _changed()
                done += got


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a .zip, inflated in memory."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    number: int

    @property
    def place(self) -> Place:
        """Absolute path of the archive and the member's number."""
        return "member", os.path.abspath(str(self.archive.filename)), self.number

    @property
    def size(self) -> int:
        """Size that the archive declares; :meth:`read` holds it to that."""
        return self.info.file_size

    @property
    def suffix(self) -> str:
        """Lower-case suffix with its dot."""
        return PurePosixPath(self.info.filename).suffix.lower()

    def head(self, count: int) -> bytes:
        """The first bytes."""
        return self._take(min(count, self.size))

    def read(self) -> bytes:
        """All bytes, checksum verified."""
        return self._take(self.size)

    def fill(self, start: int, target: memoryview) -> None:
        """Bytes from ``start`` on into ``target``, checksum verified."""
        target[:] = self.read()[start : start + len(target)]

    def _take(self, count: int) -> bytes:
        try:
            with self.archive.open(self.info) as handle:
                data = handle.read(count)
                if count == self.size and handle.read(1):
                    data = b""
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
            raise _damaged() from error
        if len(data) != count:
            raise _damaged()
        return data


@dataclass(frozen=True, slots=True)
class Held:
    """A file kept in memory: one just received, or one that would have to be inflated anew for each of its frames."""

    data: bytes
    suffix: str = ""

    @property
    def place(self) -> Place:
        """The bytes themselves."""
        return self.data

    @property
    def size(self) -> int:
        """Size in bytes."""
        return len(self.data)

    def head(self, count: int) -> bytes:
        """The first bytes."""
        return self.data[:count]

    def read(self) -> bytes:
        """All bytes."""
        return self.data

    def fill(self, start: int, target: memoryview) -> None:
        """Bytes from ``start`` on into ``target``."""
        target[:] = self.data[start : start + len(target)]


@contextmanager
def open_study(path: Path) -> Iterator[tuple[Entry, ...]]:
    """The files of ``path`` in the order of their names.

    Refused: a path that does not exist or cannot be read, an archive that is damaged, encrypted, or unsafe (paths that lead out,
    links, colliding names, archives in archives, sizes beyond reason, overlapping members), and a study without any file.
    """
    with _disk_errors():
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        yield _some(_folder(path))
    elif not is_file:
        raise InputRefused("SOURCE-MISSING", "the given path does not exist", "Check the path")
    elif path.suffix.lower() == ".zip" or _starts_zip(path):
        with _archive(path) as archive:
            yield _some(_members(archive))
    else:
        with _disk_errors():
            yield (DiskFile(path, path.stat().st_size),)


def _some(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if not entries:
        raise InputRefused("STUDY-EMPTY", "the study holds no file", "Give a folder with DICOM files, a .zip of one, or a 4D NIfTI")
    if len(entries) > MAX_FILES:
        raise InputRefused("STUDY-TOO-LARGE", f"the study holds more than {MAX_FILES} files", "Give the folder of one study")
    return entries


def _folder(root: Path) -> tuple[Entry, ...]:
    """Regular files below ``root``; linked folders are not entered, so that no loop can catch the walk."""
    found: list[tuple[str, DiskFile]] = []

    def failed(error: OSError) -> None:
        raise error

    with _disk_errors():
        for folder, _, names in os.walk(root, onerror=failed):
            for name in names:
                path = Path(folder) / name
                try:
                    facts = path.stat()
                except FileNotFoundError:  # a link to nowhere
                    continue
                if stat.S_ISREG(facts.st_mode):
                    found.append((path.relative_to(root).as_posix(), DiskFile(path, facts.st_size)))
    return tuple(entry for _, entry in sorted(found, key=lambda pair: pair[0]))


def _starts_zip(path: Path) -> bool:
    with _disk_errors(), path.open("rb") as handle:
        return handle.read(4) == b"PK\x03\x04"


def _members(archive: zipfile.ZipFile) -> tuple[Entry, ...]:
    for info in archive.infolist():
        _judge_name(info)
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_FILES or sum(info.file_size for info in infos) > MAX_TOTAL_BYTES:
        raise _unsafe("holds more than any study")
    seen: set[str] = set()
    for info in archive.infolist():
        key = info.filename.rstrip("/").casefold()
        if key in seen:
            raise _unsafe("holds two members of one name")
        seen.add(key)
    for info in infos:
        if info.filename.lower().endswith(".zip"):
            raise InputRefused("ZIP-NESTED", "the archive holds another archive", "Unpack it and give the folder")
        _judge_sizes(info)
    _judge_overlap(infos)
    return tuple(Member(archive, info, n) for n, info in enumerate(sorted(infos, key=lambda info: info.filename)))


def entry_at(place: Place) -> Entry:
    """The file at ``place``. Refused: an archive that changed."""
    if isinstance(place, bytes):
        return Held(place)
    kind, path, number = place
    if kind == "file":
        return DiskFile(Path(path), number)
    with _disk_errors():
        facts = os.stat(path)
    members = _members_of(path, facts.st_mtime_ns, facts.st_size)
    if number >= len(members):
        raise _changed()
    return members[number]


@lru_cache(maxsize=1)
def _members_of(path: str, _made_ns: int, _size: int) -> tuple[Entry, ...]:
    """Members of an archive that stays open until another is asked for."""
    return _members(_archive(Path(path)))


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged() from error


def _judge_name(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if not info.filename:  # also one that begins with a NUL, where the library ends it
        raise _unsafe("holds a member without a name")
    if name.startswith("/") or ".." in parts or ":" in name[:3] or "\x00" in name:
        raise _unsafe("holds a path that leads outside it")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe("holds a link or a special file")


def _judge_sizes(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 0x1:
        raise InputRefused("ZIP-ENCRYPTED", "the archive is encrypted", "Unpack it and give the folder")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputRefused("ZIP-METHOD", "the archive uses a compression other than deflate", "Unpack it and give the folder")
    if info.file_size > MAX_FILE_BYTES or (
        info.file_size > SMALL_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1)
    ):
        raise _unsafe("inflates beyond reason")
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise _damaged()


def _judge_overlap(infos: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes are how a small archive claims a huge content."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _unsafe("holds members that overlap")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size


def _changed() -> InputRefused:
    return InputRefused("SOURCE-CHANGED", "a file changed while it was read", "Wait until the copy has finished")


def _unsafe(why: str) -> InputRefused:
    return InputRefused("ZIP-UNSAFE", f"the archive {why}", _UNSAFE_ADVICE)


def _damaged() -> InputRefused:
    return InputRefused("ZIP-DAMAGED", "the archive is damaged or its sizes are not true", "Make the archive again")


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputRefused("SOURCE-UNREADABLE", "a file of the study cannot be read", "Check permissions and the disk") from error
