"""The identity of a study on disk: what its files hold, whatever they are called and wherever they lie."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hepaflow.errors import InputRefused
from hepaflow.store.atomic import digest_of_file


@dataclass(frozen=True, slots=True)
class Source:
    """Digest over the sorted digests of the files' contents, and their total size."""

    digest: str
    size_bytes: int
    files: int


def identify(path: Path) -> Source:
    """The identity of a folder (searched recursively), a file, or a NIfTI file with its JSON beside it.

    Names and order of files do not enter. Refused: a path that does not exist, cannot be read, or holds no file.
    """
    try:
        paths = _files(path)
        if not paths:
            raise InputRefused("SOURCE-EMPTY", "the study holds no file", "Give a folder, a .zip or a 4D NIfTI file")
        with ThreadPoolExecutor(max_workers=4) as pool:
            digests = sorted(pool.map(digest_of_file, paths))
        size = sum(p.stat().st_size for p in paths)
    except FileNotFoundError as error:
        raise InputRefused("SOURCE-MISSING", "the given path does not exist", "Check the path") from error
    except OSError as error:
        raise InputRefused("SOURCE-UNREADABLE", "a file of the study cannot be read", "Check permissions and the disk") from error
    return Source(hashlib.sha256("".join(digests).encode()).hexdigest(), size, len(paths))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [p for p in path.rglob("*") if p.is_file()]
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    beside = [sidecar] if path.name.endswith((".nii", ".nii.gz")) and sidecar.is_file() else []
    path.stat()
    if not path.is_file():  # a device would be read for ever
        raise InputRefused(
            "SOURCE-UNREADABLE", "the study is neither a folder nor a file", "Give a folder, a .zip or a 4D NIfTI file"
        )
    return [path, *beside]
