"""What compressed streams say of themselves, and what comes of one that contradicts the header."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from tiny_study import tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.codestream import HTJ2K, JPEG, Claims, claims
from hepaflow.errors import InputRefused

#: JPEG 2000 wants more than a few pixels.
SIDE = 64
Change = Callable[[Any], object]


def jpeg(marker: int, *, bits: int = 16, last: bytes = b"\x01\x00\x00") -> bytes:
    """Frame and scan header of one component, 7 x 9; ``last`` are the last three bytes of the scan header."""
    frame = struct.pack(">BBHBHHBBBB", 0xFF, marker, 11, bits, 7, 9, 1, 1, 0x11, 0)
    return b"\xff\xd8\xff\xe0\x00\x04ab" + frame + struct.pack(">BBHBBB", 0xFF, 0xDA, 8, 1, 1, 0) + last + bytes(9)


def j2k(*, depth: int = 0x0F, main: int = 1, component: int | None = None, tiles: tuple[int | None, ...] = ()) -> bytes:
    """A stream of 7 x 9 pixels; wavelets of the main header, of its component, and of each tile part."""

    def cod(wavelet: int) -> bytes:
        return struct.pack(">HHBBHBBBBBB", 0xFF52, 12, 0, 0, 1, 0, 5, 4, 4, 0, wavelet)

    made = b"\xff\x4f\xff\x51" + struct.pack(">HHIIIIIIIIH", 41, 0, 11, 8, 2, 1, 11, 8, 0, 0, 1) + bytes([depth, 1, 1]) + cod(main)
    if component is not None:
        made += struct.pack(">HHBBBBBBB", 0xFF53, 9, 0, 0, 5, 4, 4, 0, component)
    for number, wavelet in enumerate(tiles):
        header = b"" if wavelet is None else cod(wavelet)
        body = header + b"\xff\x93" + bytes(30)
        made += struct.pack(">HHHIBB", 0xFF90, 10, number, 12 + len(body), 0, 1) + body
    return made + b"\xff\xd9" + bytes(12)


def test_what_streams_claim() -> None:
    assert claims(jpeg(0xC3), JPEGLosslessSV1) == Claims(7, 9, 16)
    assert claims(jpeg(0xF7, bits=12, last=bytes(3)), JPEGLSLossless) == Claims(7, 9, 12)
    assert claims(j2k(), JPEG2000Lossless) == Claims(7, 9, 16, False)
    assert claims(j2k(depth=0x8B), HTJ2KLossless) == Claims(7, 9, 12, True)
    assert claims(b"junk", JPEG2000Lossless) == Claims()
    assert claims(b"junk junk", JPEGLosslessSV1) == Claims()
    assert claims(b"junk", RLELossless) is None


@pytest.mark.parametrize(
    ("stream", "syntax"),
    [
        (jpeg(0xC1), JPEGLosslessSV1),
        (jpeg(0xC3, last=b"\x01\x00\x02"), JPEGLosslessSV1),
        (jpeg(0xF7, last=b"\x03\x00\x00"), JPEGLSLossless),
        (jpeg(0xF7, last=b"\x00\x00\x01"), JPEGLSLossless),
        (j2k(main=0), JPEG2000Lossless),
        (j2k(component=0), JPEG2000Lossless),
        (j2k(tiles=(None, 1, 0)), JPEG2000Lossless),
    ],
)
def test_lost_information_shows_itself(stream: bytes, syntax: str) -> None:
    found = claims(stream, syntax)
    assert found is not None
    assert found.lossy


def test_tile_parts_without_loss_are_passed() -> None:
    assert claims(j2k(component=1, tiles=(None, 1, None)), JPEG2000Lossless) == Claims(7, 9, 16, False)


@given(st.binary(max_size=80), st.sampled_from([jpeg(0xC3), jpeg(0xF7), j2k(), j2k(tiles=(1, 0))]), st.integers(0, 120), st.data())
def test_no_stream_breaks_the_reader(junk: bytes, stream: bytes, at: int, data: st.DataObject) -> None:
    syntax = data.draw(st.sampled_from([*JPEG, *HTJ2K]))
    for broken in (junk, stream[:at] + junk + stream[at:], stream[:at], stream[:at] + junk + stream[at + len(junk) :]):
        assert isinstance(claims(broken, syntax), Claims)


def study(folder: Path, *, made_as: str, named: str, before: Change, after: Change, **how: Any) -> Path:
    """Two passes of two slices, compressed after ``before`` and renamed and changed ``after``."""
    images = tiny(times_s=(0.0, 2.0), slices=2)
    values = np.random.default_rng(3).integers(0, 2400, (SIDE, SIDE)).astype("<u2")
    for image in images:
        ds = image.ds
        ds.Rows, ds.Columns, ds.PixelData = SIDE, SIDE, (values + image.p).tobytes()
        before(ds)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(made_as, generate_instance_uid=False, **how)
        ds.PixelData = encapsulate([next(generate_frames(ds.PixelData, number_of_frames=1))])
        ds["PixelData"].VR, image.syntax = "OB", UID(named)
        ds.pop("LossyImageCompression", None)
        after(ds)
    return write(images, folder)


def nothing(ds: Any) -> None:
    """The header as it is."""


def signed(ds: Any) -> None:
    """The same HU as signed values."""
    stored = np.frombuffer(ds.PixelData, "<u2").astype(int) - 1024
    ds.PixelRepresentation, ds.RescaleIntercept, ds.PixelData = 1, "0", stored.astype("<i2").tobytes()


def put(**values: int) -> Change:
    return lambda ds: [setattr(ds, keyword, value) for keyword, value in values.items()]


def of_bits(bits: int) -> Change:
    return put(BitsStored=bits, HighBit=bits - 1)


@pytest.mark.parametrize(
    ("made_as", "named", "how"),
    [
        (JPEG2000, JPEG2000Lossless, {"j2k_cr": [6]}),
        (JPEG2000, JPEG2000, {"j2k_cr": [6]}),
        (JPEG2000, HTJ2KLossless, {"j2k_cr": [6]}),
        (JPEGLSNearLossless, JPEGLSLossless, {"jls_error": 10}),
    ],
    ids=["JPEG 2000", "JPEG 2000 that says so", "high throughput", "JPEG-LS"],
)
def test_a_lossy_stream_is_flagged_whatever_its_name(made_as: str, named: str, how: dict[str, Any], tmp_path: Path) -> None:
    series = assemble(study(tmp_path, made_as=made_as, named=named, before=nothing, after=nothing, **how))
    assert "lossy-compression" in series.flags


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (signed, put(PixelRepresentation=0)),
        (nothing, put(PixelRepresentation=1)),
        (nothing, of_bits(10)),
        (signed, of_bits(10)),
    ],
    ids=["signed named unsigned", "unsigned named signed", "more bits than stored", "more bits than stored, signed"],
)
def test_a_stream_that_contradicts_its_header_is_refused(before: Change, after: Change, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
        assemble(study(tmp_path, made_as=JPEG2000Lossless, named=JPEG2000Lossless, before=before, after=after))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("before", [nothing, signed])
@pytest.mark.parametrize(("stream_bits", "bits"), [(16, 12), (12, 16)])
def test_bits_that_hold_every_value_are_read_as_they_are(
    syntax: str, before: Change, stream_bits: int, bits: int, tmp_path: Path
) -> None:
    def prepared(ds: Any) -> None:
        before(ds)
        of_bits(stream_bits)(ds)

    series = assemble(study(tmp_path, made_as=syntax, named=syntax, before=prepared, after=of_bits(bits)))
    expected = np.random.default_rng(3).integers(0, 2400, (SIDE, SIDE)) - 1024
    np.testing.assert_array_equal(series.voxels, np.stack([[expected + p] * 2 for p in range(2)]))
    assert series.flags == ()
