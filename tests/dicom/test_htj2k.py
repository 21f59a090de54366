"""High-throughput JPEG 2000 without an encoder at hand: one small stream, made once, is kept here beside the formula of its content."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from enhanced_study import enhanced
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL
from tiny_study import Image, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.errors import InputRefused

_ROW, _COLUMN = np.arange(8)[:, None], np.arange(12)[None, :]
#: Stored values, 16 bits signed, not alike under any flip, turn or swap of bytes.
CONTENT = ((_ROW * 977 - _COLUMN**2 * 131) * np.where((_ROW + 2 * _COLUMN) % 3 == 0, 1, -1)).astype(np.int16)
#: ``imagecodecs.htj2k_encode(CONTENT, reversible=True, tlm=True)`` of imagecodecs 2026.3.6 (OpenJPH 0.26.3): reversible, RPCL order, with tile
#: lengths (TLM), as 1.2.840.10008.1.2.4.202 asks (PS3.5 A.4.11) and .201 allows.
STREAM = base64.b64decode(
    "/0//UQApQAAAAAAMAAAACAAAAAAAAAAAAAAADAAAAAgAAAAAAAAAAAABjwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQkJCQ"
    "iIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv9VAAoAYAAAAAABHP+QAAoAAAAAARwAAf+TwAAmfP4CB3QAAMAAEwD4+wOHdADAABNAABPAABKAc/kD"
    "B3QAa5jeAMI0ABICh3QAwAAV8AAFfAABaIC38CFpUADWIOMAQoC+lgDKoCWL33AhAfwAUgC/lgAcVNFjvHiMKpRq8gBzgH6WAMAALsoAAXYwAAu2YChm"
    "Vk92SEhqq+MsM1IroeJT1b89yNR8qLKcOkSfoyxsUMGmUjCudv4HkKVCDFABmQBmScwqoZvf1nW0KT5scItjmfEdQ4T1S0KlE76J/Cn6lVsFwTaRcuQF"
    "5kulIgpQEZoAzDLaIV4ISBRg9YkEwCH4MAtq+VOASVpRmpbJX46blpTBYZsJPgw5HPuTuXT4PEEKxCDARrkA/9k="
)
TIMES_S = (0.0, 2.0)


def study(stream: bytes, syntax: str, *, multi_frame: bool) -> list[Image]:
    images = tiny(times_s=TIMES_S, slices=2)
    for image in images:
        image.ds.Rows, image.ds.Columns, image.ds.PixelRepresentation = *CONTENT.shape, 1
    if multi_frame:
        images = [enhanced(images, TIMES_S)]
    for image in images:
        image.ds.PixelData = encapsulate([stream] * int(image.ds.get("NumberOfFrames", 1)))
        image.ds["PixelData"].VR, image.ds["PixelData"].is_undefined_length = "OB", True
        image.syntax = syntax
    return images


@pytest.mark.parametrize("multi_frame", [False, True], ids=["classic", "multi-frame"])
@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K], ids=["lossless", "RPCL", "any"])
def test_pixels_are_exact(syntax: str, multi_frame: bool, tmp_path: Path) -> None:
    series = assemble(write(study(STREAM, syntax, multi_frame=multi_frame), tmp_path))
    np.testing.assert_array_equal(series.voxels, np.broadcast_to(CONTENT - 1024, (2, 2, *CONTENT.shape)))
    assert series.flags == (("lossy-compression",) if syntax == HTJ2K else ())


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (STREAM[:-40], "FILE-TRUNCATED"),
        (STREAM[:-40] + b"\xff\xd9", "FILE-DAMAGED"),
        (b"\xff\x4f" + STREAM[60:], "PIXEL-FORMAT"),
        (STREAM[:8] + (13).to_bytes(4, "big") + STREAM[12:], "PIXEL-FORMAT"),
    ],
    ids=["cut", "cut but ended", "no size", "another size"],
)
def test_damage_is_refused(stream: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=code):
        assemble(write(study(stream, HTJ2KLossless, multi_frame=False), tmp_path))
