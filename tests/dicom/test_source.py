"""Folders and archives: everything found, nothing written, no archive believed."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_study import hounsfield, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.source import open_study
from hepaflow.errors import InputRefused


def zipped(folder: Path, target: Path, *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def refusal(path: Path) -> InputRefused:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(InputRefused) as caught:
        assemble(path)
    assert sorted(path.parent.rglob("*")) == before
    return caught.value


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_gives_what_its_folder_gives(method: int, tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path / "study")
    archive = zipped(folder, tmp_path / "study.zip", method=method)
    from_zip, from_folder = assemble(archive), assemble(folder)
    np.testing.assert_array_equal(from_zip.voxels, hounsfield())
    assert from_zip.source["digest"] == from_folder.source["digest"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study", "study.zip"]


def hostile(tmp_path: Path, name: str, *, mode: int = 0o100644, content: bytes = b"x") -> Path:
    folder = write(tiny(), tmp_path / "study")
    (tmp_path / "in").mkdir()
    archive = zipped(folder, tmp_path / "in" / "bad.zip")
    with zipfile.ZipFile(archive, "a") as more:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        more.writestr(info, content)
    return archive


@pytest.mark.parametrize(
    "name", ["../out.dcm", "a/../../out.dcm", "/etc/out.dcm", "C:/out.dcm", "C:\\out.dcm", "..\\out.dcm", "\\\\host\\out.dcm"]
)
def test_paths_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    assert refusal(hostile(tmp_path, name)).code == "ZIP-UNSAFE"


@pytest.mark.parametrize("name", ["", "\0", "\0" + "a/b"])
def test_members_without_a_name_are_refused(name: str, tmp_path: Path) -> None:
    path = hostile(tmp_path, "name")
    data = path.read_bytes()
    if name:
        path.write_bytes(data.replace(b"name", name.ljust(4, "0").encode()))
    else:  # in the local header and in the directory: the length of the name, and the name
        local, central, end = data.rindex(b"PK\x03\x04"), data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
        parts = bytearray(data[local:central]), bytearray(data[central:end]), bytearray(data[end:])
        parts[0][26:28] = parts[1][28:30] = b"\0\0"
        del parts[0][30:34], parts[1][46:50]
        struct.pack_into("<I", parts[1], 42, 0)
        struct.pack_into("<HHII", parts[2], 8, 1, 1, len(parts[1]), len(parts[0]))
        path.write_bytes(b"".join(parts))
    assert refusal(path).code == "ZIP-UNSAFE"


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for number, mode in enumerate((0o120777, 0o020666, 0o010666)):
        assert refusal(hostile(tmp_path / str(number), "link", mode=mode, content=b"/etc/passwd")).code == "ZIP-UNSAFE"


def test_colliding_names_are_refused(tmp_path: Path) -> None:
    assert refusal(hostile(tmp_path, "B/0001")).code == "ZIP-UNSAFE"


def test_an_archive_in_the_archive_is_refused(tmp_path: Path) -> None:
    inner = zipped(write(tiny(), tmp_path / "inner"), tmp_path / "inner.zip")
    assert refusal(hostile(tmp_path, "inner.zip", content=inner.read_bytes())).code == "ZIP-NESTED"


def test_a_ratio_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("big", bytes(32 * 2**20))
    assert refusal(path).code == "ZIP-UNSAFE"


def forge(path: Path, name: str, *, size: int) -> None:
    """Sets the inflated size that the directory claims."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    while data[at + 46 : at + 46 + len(name)] != name.encode():
        at = data.index(b"PK\x01\x02", at + 4)
    struct.pack_into("<I", data, at + 24, size)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("size", [10, 700, 5_000_000, 0xFFFFFFF0])
def test_forged_sizes_are_refused(size: int, tmp_path: Path) -> None:
    archive = zipped(write(tiny(), tmp_path / "study"), tmp_path / "study.zip")
    forge(archive, "a/0002", size=size)
    assert refusal(archive).code in {"ZIP-DAMAGED", "ZIP-UNSAFE", "FILE-TRUNCATED"}


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    archive = zipped(write(tiny(), tmp_path / "study"), tmp_path / "study.zip")
    data = bytearray(archive.read_bytes())
    first = data.index(b"PK\x01\x02")
    for _ in range(3):  # past the folder and the first file
        last, first = first, data.index(b"PK\x01\x02", first + 4)
    struct.pack_into("<I", data, first + 42, struct.unpack_from("<I", data, last + 42)[0])
    archive.write_bytes(bytes(data))
    assert refusal(archive).code == "ZIP-UNSAFE"


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    archive = zipped(write(tiny(), tmp_path / "study"), tmp_path / "study.zip")
    whole = archive.read_bytes()
    for number, data in enumerate((b"", b"PK\x03\x04", whole[: len(whole) // 2], whole[:-30], b"no archive")):
        (tmp_path / f"{number}.zip").write_bytes(data)
        with pytest.raises(InputRefused, match="ZIP-DAMAGED"):
            assemble(tmp_path / f"{number}.zip")
    changed = bytearray(whole)
    for at in range(2000, 2040):
        changed[at] ^= 0x5A
    (tmp_path / "changed.zip").write_bytes(bytes(changed))
    with pytest.raises(InputRefused) as caught:
        assemble(tmp_path / "changed.zip")
    assert caught.value.code in {"ZIP-DAMAGED", "FILE-TRUNCATED", "FILE-DAMAGED"}


def test_encrypted_and_unusual_archives_are_refused(tmp_path: Path) -> None:
    archive = zipped(write(tiny(), tmp_path / "study"), tmp_path / "locked.zip")
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02")
    while True:
        data[at + 8] |= 1
        try:
            at = data.index(b"PK\x01\x02", at + 4)
        except ValueError:
            break
    archive.write_bytes(bytes(data))
    assert refusal(archive).code == "ZIP-ENCRYPTED"
    lzma = zipped(tmp_path / "study", tmp_path / "lzma.zip", method=zipfile.ZIP_LZMA)
    assert refusal(lzma).code == "ZIP-METHOD"


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(InputRefused, match="STUDY-EMPTY"):
        assemble(tmp_path / "empty.zip")


def test_folders_are_searched_without_following_loops(tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path / "study")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "broken").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe")
    with open_study(folder) as entries:
        assert len(entries) == 24


def test_linked_files_are_read(tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path / "store")
    (tmp_path / "study").mkdir()
    for path in folder.rglob("0*"):
        (tmp_path / "study" / path.name).symlink_to(path)
    np.testing.assert_array_equal(assemble(tmp_path / "study").voxels, hounsfield())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path)
    next(folder.rglob("0003")).chmod(0)
    with pytest.raises(InputRefused, match="SOURCE-UNREADABLE"):
        assemble(folder)
