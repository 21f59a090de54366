"""Files as a .zip that is made while it is sent: nothing of it is kept in memory or on disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_CHUNK = 2**20


class _Outlet(io.RawIOBase):
    """What a writer of a .zip writes into: given on in parts, never sought in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: object, /) -> int:
        """Takes a part."""
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """What has been written since."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def members_of(folder: Path) -> dict[str, Path]:
    """Every file under a folder by its path in it, in order; links are not followed."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path for path in found}


def zipped(members: Mapping[str, Path]) -> Iterator[bytes]:
    """A .zip of ``members`` (name in it to file), stored as they are; all entries bear one date, so the same files give the same bytes."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in members.items():
            head = zipfile.ZipInfo(name)
            head.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(head, "w", force_zip64=True) as entry:
                while part := source.read(_CHUNK):
                    entry.write(part)
                    yield outlet.take()
            yield outlet.take()
    yield outlet.take()
