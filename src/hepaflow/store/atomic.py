"""Writing that is whole or absent: temporary name, flush to disk, rename. Strays of killed writers are swept by the next one."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hepaflow.errors import OutputFailed

#: Every temporary file or folder of hepaflow starts so; nothing else is ever swept.
TEMPORARY = ".hepaflow-tmp-"

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def reporting(what: str) -> Iterator[None]:
    """Turns an operating-system error while writing ``what`` (a name inside the output, never a full path) into :class:`OutputFailed`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise OutputFailed(
                "OUTPUT-NO-SPACE", f"no space left while writing {what}", "Free space or give another output folder"
            ) from error
        if error.errno in _DENIED:
            raise OutputFailed(
                "OUTPUT-DENIED", f"{what} may not be written (read-only or not permitted)", "Give an output folder you may write to"
            ) from error
        raise OutputFailed(
            "OUTPUT-FAILED", f"{what} could not be written ({errno.errorcode.get(error.errno or 0, 'I/O error')})", "Check the disk"
        ) from error


def sync_file(path: Path) -> None:
    """Flushes a written file to disk."""
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def sync_folder(path: Path) -> None:
    """Flushes a folder's entries to disk (needed after a rename on POSIX systems)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces ``path`` by ``data`` in one step."""
    with reporting(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            Path(name).chmod(0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A temporary folder inside ``parent``, gone afterwards unless it was renamed into place."""
    with reporting("a temporary folder"):
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
        folder.chmod(0o777 & ~_umask())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_folder(source: Path, target: Path) -> None:
    """Puts a staged folder in the place of ``target``; a kill leaves the old one, none, or the new one, never a mixture."""
    with reporting(target.name):
        for path in sorted(source.rglob("*")):
            if path.is_file():
                sync_file(path)
        sync_folder(source)
        with staging(target.parent) as aside:
            if target.exists():
                os.replace(target, aside / "old")
            os.replace(source, target)
            sync_folder(target.parent)


def move_file(source: Path, target: Path) -> None:
    """Puts a staged file in the place of ``target``."""
    with reporting(target.name):
        sync_file(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
        sync_folder(target.parent)


def sweep(folder: Path) -> None:
    """Removes what killed writers left in ``folder`` and its subfolders. Call only while holding the folder's lock."""
    with reporting("the output folder"):
        for root, folders, files in os.walk(folder):
            for name in [n for n in folders if n.startswith(TEMPORARY)]:
                shutil.rmtree(Path(root) / name)
                folders.remove(name)
            for name in files:
                if name.startswith(TEMPORARY):
                    (Path(root) / name).unlink()


def require_space(folder: Path, need_bytes: int) -> None:
    """Refused before work starts when the disk under ``folder`` has less than ``need_bytes`` free."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < need_bytes:
        raise OutputFailed(
            "OUTPUT-NO-SPACE",
            f"the output needs about {need_bytes / 1e6:.0f} MB and {free / 1e6:.0f} MB are free",
            "Free space or give another output folder",
        )


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
