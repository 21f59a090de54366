"""Every lossless transfer syntax gives the same HU, as classic images and as one multi-frame object."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from enhanced_study import enhanced
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tiny_study import COLUMNS, ROWS, Image, hounsfield, save, tiny, write

from hepaflow.dicom.assemble import assemble

PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
BY_PYDICOM = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
BY_DCMTK = {JPEGLossless: "+el", JPEGLosslessSV1: "+e1"}
HTJ2K = (HTJ2KLossless, HTJ2KLosslessRPCL)
SYNTAXES = (*PLAIN, *BY_PYDICOM, *BY_DCMTK, *HTJ2K)
TIMES = (0.0, 2.0)


def study() -> list[Image]:
    """Images four times as high and three times as wide as the tiny ones: codecs in wavelets want more than a few pixels."""
    images = tiny(times_s=TIMES, slices=2)
    for image in images:
        stored = np.frombuffer(image.ds.PixelData, "<u2").reshape(ROWS, COLUMNS)
        image.ds.Rows, image.ds.Columns = 4 * ROWS, 3 * COLUMNS
        image.ds.PixelData = np.tile(stored, (4, 3)).tobytes()
        image.ds["PixelData"].VR = "OW"
    return images


def frames_of(image: Image, syntax: str, folder: Path) -> list[bytes]:
    """The frames of an image, each compressed by itself."""
    ds, count = image.ds, int(image.ds.get("NumberOfFrames", 1))
    if syntax in BY_DCMTK:
        if shutil.which("dcmcjpeg") is None:
            pytest.skip("dcmcjpeg (dcmtk) is not installed")
        plain, made = save(image, folder / "plain"), folder / "made"
        subprocess.run(["dcmcjpeg", BY_DCMTK[syntax], plain, made], check=True, capture_output=True)
        read = dcmread(made)
        assert read.file_meta.TransferSyntaxUID == syntax
        return list(generate_frames(read.PixelData, number_of_frames=count))
    if syntax in HTJ2K:
        codec = pytest.importorskip("imagecodecs", reason="imagecodecs, the only encoder of HTJ2K at hand, is not installed")
        stored = np.frombuffer(ds.PixelData, "<u2").reshape(count, ds.Rows, ds.Columns)
        return [bytes(codec.htj2k_encode(frame, reversible=True)) for frame in stored]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.compress(syntax, generate_instance_uid=False)
    return list(generate_frames(ds.PixelData, number_of_frames=count))


def encode(image: Image, syntax: str, folder: Path) -> None:
    if syntax == ExplicitVRBigEndian:
        image.ds.PixelData = np.frombuffer(image.ds.PixelData, "<u2").astype(">u2").tobytes()
        image.ds["PixelData"].VR = "OW"
    elif syntax not in PLAIN:
        image.ds.PixelData = encapsulate(frames_of(image, syntax, folder))
        image.ds["PixelData"].VR, image.ds["PixelData"].is_undefined_length = "OB", True
    image.syntax = syntax


@pytest.mark.parametrize("multi_frame", [False, True], ids=["classic", "multi-frame"])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name.partition(" (")[0])
def test_same_hu(syntax: str, multi_frame: bool, tmp_path: Path) -> None:
    images = [enhanced(study(), TIMES)] if multi_frame else study()
    for n, image in enumerate(images):
        encode(image, syntax, tmp_path / f"encoded{n}")
    series = assemble(write(images, tmp_path / "study"))
    np.testing.assert_array_equal(series.voxels, np.tile(hounsfield(2, 2), (1, 1, 4, 3)))
    assert series.flags == ()
