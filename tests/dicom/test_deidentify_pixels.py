"""Pixel data without what is no pixel: native and compressed, and pixels that stay as they were."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from hepaflow.dicom.deidentify_pixels import only_pixels
from hepaflow.errors import InputRefused

CANARY = b"ZQCANARY"


def image(values, *, stored=16, signed=0, syntax=ExplicitVRLittleEndian, frames=1):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.Rows, ds.Columns = values.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.NumberOfFrames = 1, "MONOCHROME2", frames
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = values.dtype.itemsize * 8, stored, stored - 1, signed
    ds.PixelData = values.tobytes()
    ds["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    return ds


def compressed(syntax):
    values = (np.arange(64 * 72).reshape(64, 72) * 11 % 4096).astype("<u2")
    ds = image(values, stored=12)
    ds.compress(syntax, generate_instance_uid=False)
    return ds, values


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(np.uint16, (3, 4)),
    st.integers(1, 16),
    st.integers(0, 1),
    st.sampled_from([ExplicitVRLittleEndian, ExplicitVRBigEndian]),
)
def test_bits_above_the_stored_ones_go_and_values_stay(raw, stored, signed, syntax):
    big = syntax == ExplicitVRBigEndian
    ds = image(raw.astype(">u2" if big else "<u2"), stored=stored, signed=signed, syntax=syntax)
    only_pixels(ds, syntax)
    spare = 16 - stored
    kind = np.int16 if signed else np.uint16
    expected = np.right_shift(np.left_shift(raw.view(kind), spare), spare)
    found = np.frombuffer(ds.PixelData, (">" if big else "<") + ("i2" if signed else "u2")).reshape(3, 4)
    np.testing.assert_array_equal(found, expected)


def test_an_overlay_in_the_high_bits_goes():
    values = np.full((4, 4), 0x0ABC, "<u2")
    ds = image(values | 0xA000, stored=12)
    only_pixels(ds, ExplicitVRLittleEndian)
    assert ds.PixelData == values.tobytes()


@pytest.mark.parametrize("kind", ["u1", "<u2", "<u4"])
def test_bytes_beyond_the_image_go(kind):
    values = np.arange(15 * 16).reshape(15, 16).astype(kind)
    ds = image(values, stored=values.dtype.itemsize * 8)
    ds.PixelData += CANARY
    only_pixels(ds, ExplicitVRLittleEndian)
    assert ds.PixelData == values.tobytes()


def test_bits_beyond_a_mask_and_the_padding_byte_go():
    ds = image(np.zeros((3, 5), np.uint8), stored=8)
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit, ds.PixelData = 0, b"\xff\xffQZ"
    only_pixels(ds, ExplicitVRLittleEndian)
    assert ds.PixelData == b"\xff\x7f"
    odd = image(np.ones((3, 5), np.uint8), stored=8)
    odd.PixelData += b"Q"
    only_pixels(odd, ExplicitVRLittleEndian)
    assert odd.PixelData == bytes([1] * 15) + b"\0"


def test_real_numbers_are_cut_too():
    ds = image(np.zeros((2, 4), np.uint8), stored=8)
    del ds.PixelData
    ds.FloatPixelData = np.arange(8, dtype="<f4").tobytes() + CANARY
    only_pixels(ds, ExplicitVRLittleEndian)
    assert ds.FloatPixelData == np.arange(8, dtype="<f4").tobytes()


@pytest.mark.parametrize("change", [{"Rows": 3}, {"Rows": 0}, {"BitsStored": 0}, {"BitsAllocated": 12}, {"HighBit": 3}])
def test_a_header_that_contradicts_its_pixels_is_refused(change):
    ds = image(np.zeros((8, 16), "<u2"))
    for key, value in change.items():
        setattr(ds, key, value)
    with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
        only_pixels(ds, ExplicitVRLittleEndian)


def with_comment(syntax, frame):
    """The stream with a comment where its kind allows one, and bytes after its end."""
    if syntax == RLELossless:
        return frame + CANARY
    kind = {JPEG2000Lossless: b"\xff\x64", JPEGLSLossless: b"\xff\xfe"}[syntax]
    body = (b"\0\1" if syntax == JPEG2000Lossless else b"") + CANARY
    segment = kind + struct.pack(">H", len(body) + 2) + body
    if syntax != JPEG2000Lossless:
        return frame[:2] + segment + frame[2:] + CANARY
    size = 4 + struct.unpack_from(">H", frame, 4)[0]  # SIZ comes first
    frame = frame[:size] + segment + frame[size:]
    tile = frame.index(b"\xff\x90")
    (part,) = struct.unpack_from(">I", frame, tile + 6)
    frame = frame[: tile + 6] + struct.pack(">I", part + len(segment)) + frame[tile + 10 : tile + 12] + segment + frame[tile + 12 :]
    return frame + CANARY


def of(syntax):
    ds, values = compressed(syntax)
    return ds, values, next(generate_frames(ds.PixelData, number_of_frames=1))


SYNTAXES = [JPEGLSLossless, JPEG2000Lossless, RLELossless]


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_comments_and_what_follows_a_stream_go_and_pixels_stay(syntax, pieces):
    if syntax == RLELossless and pieces > 1:
        pytest.skip("an RLE frame is one fragment")
    ds, values, frame = of(syntax)
    ds.PixelData = encapsulate([with_comment(syntax, frame)], fragments_per_frame=pieces)
    before = len(ds.PixelData)
    assert ds.PixelData.count(CANARY) > 0
    only_pixels(ds, syntax)
    assert b"CANARY" not in ds.PixelData
    assert len(ds.PixelData) in (before, before - 8)  # without its closing item, if it had one
    np.testing.assert_array_equal(ds.pixel_array, values)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_frames_and_their_offsets_stay(syntax):
    _, values, frame = of(syntax)
    ds, _ = compressed(syntax)
    ds.NumberOfFrames = 3
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended([with_comment(syntax, frame)] * 3)
    only_pixels(ds, syntax)
    assert b"CANARY" not in ds.PixelData
    assert "ExtendedOffsetTable" in ds
    for number in range(3):
        np.testing.assert_array_equal(ds.pixel_array[number], values)


def test_tables_of_offsets_that_are_none_go():
    ds, values, frame = of(JPEGLSLossless)
    plain = encapsulate([frame], has_bot=False)
    ds.PixelData = plain[:4] + struct.pack("<I", 8) + CANARY + plain[8:]
    ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = CANARY, struct.pack("<Q", len(frame))
    only_pixels(ds, JPEGLSLossless)
    assert CANARY not in ds.PixelData
    assert "ExtendedOffsetTable" not in ds
    assert "ExtendedOffsetTableLengths" not in ds
    np.testing.assert_array_equal(ds.pixel_array, values)


def test_jpeg_segments_by_their_markers():
    """A baseline stream by Pillow, with every application segment, comment and reserved one; Adobe's on colour stays."""
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.fromarray((np.arange(400) % 255).astype(np.uint8).reshape(20, 20)).save(out, "JPEG", restart_marker_rows=1)
    frame = out.getvalue()
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"
    extra = b"".join(b"\xff" + bytes([m]) + b"\x00\x0a" + CANARY for m in (*range(0xE0, 0xF0), 0xFE))
    ds = image(np.zeros((20, 20), np.uint8), stored=8, syntax="1.2.840.10008.1.2.4.50")
    stream = frame[:2] + adobe + extra + b"\xff" + frame[2:]
    reserved = frame[:2] + b"\xff\xf0\x00\x0a" + CANARY + b"\xff\x02\x00\x0a" + CANARY + frame[2:]
    ds.PixelData = encapsulate([reserved])
    ds["PixelData"].is_undefined_length = True
    only_pixels(ds, "1.2.840.10008.1.2.4.50")
    assert CANARY not in ds.PixelData
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].is_undefined_length = True
    only_pixels(ds, "1.2.840.10008.1.2.4.50")
    found = next(generate_frames(ds.PixelData, number_of_frames=1))
    assert CANARY not in found
    assert adobe in found
    assert b"JFIF" not in found
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(found))), np.asarray(Image.open(BytesIO(frame))))


@settings(max_examples=150, deadline=None)
@given(st.data())
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_broken_stream_is_refused_or_harmless(syntax, data):
    """However it is broken, it ends: refused by name, or with the same length."""
    ds, _, frame = of(syntax)
    broken = bytearray(frame)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(
            st.sampled_from([0, 0xFF, 0x90, 0x93, 0xDA, 0xD9, 0x80, 0x7F])
        )
    broken = broken[: data.draw(st.integers(2, len(broken)))]
    ds.PixelData = encapsulate([bytes(broken)])
    before = len(ds.PixelData)
    code = "FILE-DAMAGED"
    try:
        only_pixels(ds, syntax)
    except InputRefused as refusal:
        code = refusal.code
    assert code == "FILE-DAMAGED"
    assert before - 12 <= len(ds.PixelData) <= before


def test_what_cannot_be_looked_through_is_refused():
    ds, _ = compressed(RLELossless)
    with pytest.raises(InputRefused, match="FILE-SYNTAX"):
        only_pixels(ds, MPEG2MPML)
    with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
        only_pixels(ds, ExplicitVRLittleEndian)
    with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
        only_pixels(image(np.zeros((2, 2), "<u2")), RLELossless)
