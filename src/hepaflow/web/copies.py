"""The files of a study into the room: exactly those that the reader takes for DICOM, and only if nothing changed on the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hepaflow.errors import InputRefused
from hepaflow.store import atomic

if TYPE_CHECKING:
    from hepaflow.dicom.source import Entry

Tell = Callable[[str, int, int], None]
#: What a file system tells of each file: when one of it was written anew, these are others.
Marks = dict[str, tuple[int, int, int]]
_CHUNK = 8 * 2**20


def marks(path: Path) -> Marks:
    """Size, time of change and number of every file of a folder, or of a file and what lies beside it under its name.

    Refused (``SOURCE-CHANGED``): a file that goes while it is looked at.
    """
    if path.is_dir():
        files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    else:
        files = [path, _sidecar(path)]
    try:
        facts = {str(file): file.stat() for file in files if file.is_file()}
    except OSError as error:
        raise _changed() from error
    return {name: (one.st_size, one.st_mtime_ns, one.st_ino) for name, one in facts.items()}


def copy(path: Path, target: Path, tell: Tell, *, read: Marks) -> None:
    """The study's files into ``target``, numbered in the order of their names: a file's own name may hold the patient's.

    ``read`` are the :func:`marks` before the study was assembled. Refused (``SOURCE-CHANGED``): files that are others now, of
    which copies would not be what was read.
    """
    from hepaflow.dicom.gate import is_dicom
    from hepaflow.dicom.read_nifti import is_nifti
    from hepaflow.dicom.source import open_study

    with atomic.reporting("the imported files"), atomic.staging(target.parent) as stage:
        if is_nifti(path):
            shutil.copyfile(path, stage / f"study{'.nii.gz' if path.name.endswith('.gz') else '.nii'}")
            shutil.copyfile(_sidecar(path), stage / "study.json")
        else:
            with open_study(path) as entries:
                for number, entry in enumerate(entries, start=1):
                    if is_dicom(entry):
                        _copy_one(entry, stage / f"{number:06d}.dcm")
                    if number % 64 == 0 or number == len(entries):
                        tell("copy", number, len(entries))
        if marks(path) != read:
            raise _changed()
        atomic.move_folder(stage, target)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def _copy_one(entry: Entry, target: Path) -> None:
    kind, where, _ = entry.place
    if kind == "file":
        with open(where, "rb") as source, target.open("wb") as copied:
            shutil.copyfileobj(source, copied, _CHUNK)
    else:
        target.write_bytes(entry.read())


def _changed() -> InputRefused:
    return InputRefused("SOURCE-CHANGED", "a file changed while it was read", "Wait until the copy has finished")
