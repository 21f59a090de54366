"""Damaged, deceitful and foreign files: refused by code before anything in them is believed."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tiny_study import hounsfield, save, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.gate import judge
from hepaflow.dicom.headers import describe
from hepaflow.dicom.source import Held
from hepaflow.dicom.values import WANTED
from hepaflow.errors import InputRefused

DAMAGE = {"FILE-TRUNCATED", "FILE-DAMAGED", "FILE-META"}


def accepted(data: bytes, suffix: str = "") -> Any:
    """What the gate and the header reader make of a file."""
    entry = Held(data, suffix)
    header = judge(entry, WANTED, where="here")
    return None if header is None else describe(entry, header, file=1, where="here")


def code_of(data: bytes, suffix: str = "") -> str:
    """The code of the refusal; empty for a file that is accepted or left aside."""
    try:
        accepted(data, suffix)
    except InputRefused as refused:
        return refused.code
    return ""


def one_file(folder: Path, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A CT image with a sequence, a private element and something after its pixels."""
    image = tiny()[0]
    image.syntax = syntax
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "1", "DCM", "x"
    outer = Dataset()
    outer.ConceptNameCodeSequence = [inner, inner]
    image.ds.RequestAttributesSequence = [outer]
    image.ds["RequestAttributesSequence"].is_undefined_length = True
    image.ds.add_new(0x00291010, "OB", b"\x01\x02" * 9)
    image.ds.add_new(0xFFFCFFFC, "OB", bytes(8))
    return save(image, folder / "one").read_bytes()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return one_file(tmp_path_factory.mktemp("sound"))


SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_cut_at_any_byte_is_seen(syntax: str, tmp_path: Path) -> None:
    data = one_file(tmp_path, syntax)
    assert accepted(data).kind == "slice"
    trailer = (
        len(data) if syntax == DeflatedExplicitVRLittleEndian else len(data) - 20
    )  # what follows the pixels may be missing whole
    silent = []
    for end in range(1, len(data)):
        code = code_of(data[:end], ".dcm")
        if code not in DAMAGE | {"FILE-NOT-DICOM", "HEADER-MISSING", "RESCALE-MISSING"} and end < trailer - 1:
            silent.append((end, code))
    assert silent == []


def test_cut_preambles_are_seen_whatever_their_name() -> None:
    with pytest.raises(InputRefused, match="FILE-TRUNCATED"):
        accepted(bytes(100))
    with pytest.raises(InputRefused, match="FILE-TRUNCATED"):
        accepted(bytes(128) + b"DICM")
    with pytest.raises(InputRefused, match="FILE-NOT-DICOM"):
        accepted(b"", ".dcm")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(200), b"%PDF-1.4" * 40, bytes(500), b"{}" * 300])
def test_other_files_are_left_aside(data: bytes) -> None:
    assert accepted(data) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_refused_or_left_aside(data: bytes, magic: bool) -> None:
    try:
        found = accepted(bytes(128) + b"DICM" + data if magic else data)
    except InputRefused:
        return
    assert found is None


@settings(max_examples=200, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_changed_byte_never_ends_in_a_traceback(changes: list[tuple[float, int]], sound: bytes) -> None:
    whole = bytearray(sound)
    for place, value in changes:
        whole[128 + int(place * (len(whole) - 800))] = value
    assert "\n" not in code_of(bytes(whole))  # any other kind of error would end the test


def element_at(data: bytes, group: int, element: int) -> int:
    return data.index(struct.pack("<HH", group, element), 132)


def test_lengths_that_lie_are_refused(tmp_path: Path) -> None:
    data = one_file(tmp_path)
    for group, element, code in ((0x0010, 0x0010, "<H"), (0x0020, 0x000D, "<H"), (0x0029, 0x1010, "<I")):
        at = element_at(data, group, element) + (6 if code == "<H" else 8)
        for change in (-2, 2, 60, 60000):
            (length,) = struct.unpack_from(code, data, at)
            if 0 <= length + change < 65536:
                lie = bytearray(data)
                struct.pack_into(code, lie, at, length + change)
                with pytest.raises(InputRefused) as caught:
                    accepted(bytes(lie))
                assert caught.value.code in DAMAGE


def test_pixels_that_contradict_the_header_are_refused(tmp_path: Path) -> None:
    for name, change, code in (
        ("Rows", 17, "FILE-TRUNCATED"),
        ("Rows", 15, "PIXEL-FORMAT"),
        ("Columns", 0, "HEADER-MISSING"),
        ("BitsAllocated", 32, "PIXEL-FORMAT"),
        ("BitsStored", 17, "PIXEL-FORMAT"),
        ("HighBit", 11, "PIXEL-FORMAT"),
        ("PixelRepresentation", 2, "PIXEL-FORMAT"),
        ("SamplesPerPixel", 3, "PIXEL-FORMAT"),
        ("PhotometricInterpretation", "MONOCHROME1", "PIXEL-FORMAT"),
        ("NumberOfFrames", 2, "PIXEL-FORMAT"),
    ):
        images = tiny()
        setattr(images[4].ds, name, change)
        with pytest.raises(InputRefused) as caught:
            assemble(write(images, tmp_path / f"{name}{change}"))
        assert caught.value.code == code, name
        assert "file 3 of 24" in caught.value.what  # 0004 in folder a, after 0000 and 0002


def test_missing_pixels_are_refused(tmp_path: Path) -> None:
    images = tiny()
    del images[4].ds.PixelData
    with pytest.raises(InputRefused, match="FILE-TRUNCATED"):
        assemble(write(images, tmp_path))


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("RescaleSlope", "nan", "HEADER-VALUE"),
        ("RescaleSlope", "inf", "HEADER-VALUE"),
        ("RescaleSlope", "0", "RESCALE-VALUE"),
        ("RescaleSlope", "-1", "RESCALE-VALUE"),
        ("RescaleSlope", None, "RESCALE-MISSING"),
        ("RescaleIntercept", None, "RESCALE-MISSING"),
        ("RescaleIntercept", "1e9", "RESCALE-VALUE"),
        ("RescaleType", "MGML", "RESCALE-TYPE"),
        ("ImagePositionPatient", None, "HEADER-MISSING"),
        ("PixelSpacing", "0\\0", "HEADER-VALUE"),
        ("PixelSpacing", "1", "HEADER-VALUE"),
        ("ImageOrientationPatient", "1\\0\\0\\0\\1\\nan", "HEADER-VALUE"),
        ("SOPInstanceUID", None, "HEADER-MISSING"),
        ("StudyInstanceUID", None, "FILE-TRUNCATED"),
    ],
)
def test_header_values_that_cannot_be_are_refused(keyword: str, value: str | None, code: str, tmp_path: Path) -> None:
    image = tiny()[0]
    path = save(image, tmp_path / "one")
    dataset = dcmread(path)
    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset.pop(tag, None)
    if value is not None:
        dataset[tag] = DataElement(tag, "LO", value.split("\\"))
    dataset.save_as(path, enforce_file_format=False)
    with pytest.raises(InputRefused) as caught:
        accepted(path.read_bytes())
    assert caught.value.code == code


def test_elements_out_of_order_are_refused(tmp_path: Path) -> None:
    data = one_file(tmp_path)
    rows, columns = element_at(data, 0x0028, 0x0010), element_at(data, 0x0028, 0x0011)
    swapped = bytearray(data)
    swapped[rows : rows + 10], swapped[columns : columns + 10] = data[columns : columns + 10], data[rows : rows + 10]
    with pytest.raises(InputRefused, match="FILE-DAMAGED"):
        accepted(bytes(swapped))


def test_meta_information_that_is_wrong(tmp_path: Path) -> None:
    data = one_file(tmp_path)
    syntax = data.index(b"1.2.840.10008.1.2.1\x00")
    implicit = data[:syntax] + b"1.2.840.10008.1.2\x00\x00\x00" + data[syntax + 20 :]
    with pytest.raises(InputRefused) as caught:
        accepted(implicit)
    assert caught.value.code in DAMAGE
    unknown = data[:syntax] + b"1.2.840.10008.1.2.4.50"[:20] + data[syntax + 20 :]
    with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
        accepted(unknown)
    absent = data[: 132 + 12] + data[data.index(struct.pack("<H", 0x0008), 400 - 132) :]
    with pytest.raises(InputRefused):
        accepted(absent)


def test_meta_information_that_contradicts_is_flagged(tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path)
    path = next(iter(sorted(folder.rglob("0003"))))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 140, 4)  # the group length
    path.write_bytes(bytes(data))
    series = assemble(folder)
    assert series.flags == ("file-meta-inconsistent",)
    np.testing.assert_array_equal(series.voxels, hounsfield())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_plain_transfer_syntax_is_read(syntax: str, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.syntax = syntax
        if syntax == ExplicitVRBigEndian:
            image.ds.PixelData = np.frombuffer(image.ds.PixelData, "<u2").astype(">u2").tobytes()
    np.testing.assert_array_equal(assemble(write(images, tmp_path)).voxels, hounsfield())


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_files_without_preamble_are_read(syntax: str, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.syntax = syntax
    folder = write(images, tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            path.write_bytes(data[data.index(struct.pack("<HH", 0x0008, 0x0008), 132) :])
    np.testing.assert_array_equal(assemble(folder).voxels, hounsfield())


def deflated(content: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99"
    return bytes(128) + b"DICM" + meta + engine.compress(content) + engine.flush()


def test_a_deflate_bomb_is_refused_at_once() -> None:
    bomb = deflated(struct.pack("<HH2sHI", 8, 8, b"OB", 0, 200 * 2**20) + bytes(200 * 2**20))
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(InputRefused, match="FILE-BOMB"):
        accepted(bomb)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 2.0  # 0.1 s on a quiet machine; ten seconds were it inflated and walked
    assert peak < 150 * 2**20


def nested(depth: int, *, explicit: bool) -> bytes:
    """A data set ``depth`` sequences deep, every length left open."""
    sequence = struct.pack("<HH", 0x0008, 0x1140)
    sequence += (b"SQ\x00\x00" if explicit else b"") + b"\xff" * 4
    start, end = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF), struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    uid = b"1.2.840.10008.1.2.1\x00" if explicit else b"1.2.840.10008.1.2\x00"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return bytes(128) + b"DICM" + meta + (sequence + start) * depth + end * depth


@pytest.mark.parametrize("explicit", [True, False])
def test_deep_nesting_is_refused(explicit: bool) -> None:
    with pytest.raises(InputRefused, match="FILE-NESTED"):
        accepted(nested(5000, explicit=explicit))
    with pytest.raises(InputRefused, match="ends before it says"):
        accepted(nested(10, explicit=explicit))


def test_the_file_is_named_by_its_place_only(tmp_path: Path) -> None:
    folder = write(tiny(), tmp_path / "Doe_Jane")
    path = sorted(folder.rglob("*[0-9]"))[9]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputRefused) as caught:
        assemble(folder)
    assert caught.value.code == "FILE-TRUNCATED"
    assert "(file 10 of 24)" in caught.value.what
    assert "Doe" not in str(caught.value)


def test_large_headers_are_read_to_their_end(tmp_path: Path) -> None:
    images = tiny()
    for image in images[:5]:
        image.ds.add_new(0x00291010, "OB", bytes(100_000))
    np.testing.assert_array_equal(assemble(write(images, tmp_path)).voxels, hounsfield())
