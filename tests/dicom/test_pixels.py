"""Stored pixels to HU: every lossless compression, sign, bit depth, rescale and padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tiny_study import COLUMNS, ROWS, Image, hounsfield, pick, save, set_hu, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.errors import InputRefused


def small(passes: int = 2) -> list[Image]:
    return tiny(times_s=tuple(2.0 * n for n in range(passes)), slices=2)


def enlarge(images: list[Image]) -> None:
    """Each image four times over and three across: JPEG 2000 wants more than a few pixels."""
    for image in images:
        kind = "<i2" if image.ds.PixelRepresentation else "<u2"
        stored = np.frombuffer(image.ds.PixelData, kind).reshape(ROWS, COLUMNS)
        image.ds.Rows, image.ds.Columns = 4 * ROWS, 3 * COLUMNS
        image.ds.PixelData = np.tile(stored, (4, 3)).tobytes()


def signed(images: list[Image]) -> None:
    for image in images:
        image.ds.PixelRepresentation, image.ds.RescaleIntercept = 1, "0"
        set_hu(image.ds, hounsfield(2, 2)[image.p, image.k], kind="<i2")


def lossless_jpeg(image: Image, folder: Path) -> bytes:
    """Pixels as JPEG lossless by GDCM: pydicom has no encoder for it."""
    import gdcm

    plain, packed = save(image, folder / "plain"), folder / "packed"
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(packed))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return bytes(dcmread(packed).PixelData)


def compress(image: Image, syntax: str, folder: Path) -> None:
    """Compresses the pixels of an image as ``syntax``."""
    ds = image.ds
    if syntax == JPEGLosslessSV1:
        ds.PixelData = lossless_jpeg(image, folder / f"raw{image.p}{image.k}")
    else:
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = image.syntax
        ds.compress(syntax, generate_instance_uid=False)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    image.syntax = syntax


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1])
def test_lossless_compression(syntax: str, negative: bool, tmp_path: Path) -> None:
    images = small()
    if negative:
        signed(images)
    enlarge(images)
    for image in images:
        compress(image, syntax, tmp_path.parent)
    series = assemble(write(images, tmp_path))
    np.testing.assert_array_equal(series.voxels, np.tile(hounsfield(2, 2), (1, 1, 4, 3)))
    assert series.flags == ()


def test_compressed_and_plain_images_in_one_series(tmp_path: Path) -> None:
    images = small()
    compress(images[1], RLELossless, tmp_path.parent)
    np.testing.assert_array_equal(assemble(write(images, tmp_path)).voxels, hounsfield(2, 2))


def test_compressed_pixels_of_another_size_are_refused(tmp_path: Path) -> None:
    for syntax in (JPEG2000Lossless, JPEGLSLossless):
        images = small()
        enlarge(images)
        for image in images:
            compress(image, syntax, tmp_path.parent)
        for image in images:
            image.ds.Rows = ROWS * 2
        with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
            assemble(write(images, tmp_path / syntax))


def test_compressed_pixels_that_are_damaged_are_refused(tmp_path: Path) -> None:
    images = small()
    enlarge(images)
    for image in images:
        compress(image, JPEG2000Lossless, tmp_path.parent)
    images[1].ds.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(40)])
    images[1].ds["PixelData"].VR = "OB"
    images[1].ds["PixelData"].is_undefined_length = True
    with pytest.raises(InputRefused) as caught:
        assemble(write(images, tmp_path))
    assert caught.value.code in {"FILE-DAMAGED", "PIXEL-FORMAT"}


def test_a_compression_that_is_not_read_is_named(tmp_path: Path) -> None:
    images = small()
    for image in images:
        compress(image, RLELossless, tmp_path.parent)
        image.syntax = "1.2.840.10008.1.2.4.50"
    with pytest.raises(InputRefused, match="FILE-SYNTAX"):
        assemble(write(images, tmp_path))


def test_twelve_bits_with_other_planes_in_the_spare_bits(tmp_path: Path) -> None:
    images = small()
    for image in images:
        ds = image.ds
        ds.BitsStored, ds.HighBit = 12, 11
        stored = np.frombuffer(ds.PixelData, "<u2") | 0xA000
        ds.PixelData = stored.astype("<u2").tobytes()
    series = assemble(write(images, tmp_path))
    np.testing.assert_array_equal(series.voxels, hounsfield(2, 2))
    assert "pixel-bits-ignored" in series.flags


@pytest.mark.parametrize("negative", [False, True])
def test_a_header_that_names_fewer_bits_than_are_used_is_told(tmp_path: Path, negative: bool) -> None:
    images = small()
    if negative:
        signed(images)
    for image in images:
        image.ds.BitsStored, image.ds.HighBit = 10, 9
    assert "pixel-bits-ignored" in assemble(write(images, tmp_path)).flags


def test_a_unit_that_is_left_open_is_told(tmp_path: Path) -> None:
    images = small()
    assert "rescale-unit-unspecified" not in assemble(write(images, tmp_path / "hu")).flags
    images[1].ds.RescaleType = "US"
    series = assemble(write(images, tmp_path / "us"))
    assert "rescale-unit-unspecified" in series.flags
    np.testing.assert_array_equal(series.voxels, hounsfield(2, 2))


def test_twelve_signed_bits(tmp_path: Path) -> None:
    images = small()
    signed(images)
    for image in images:
        image.ds.BitsStored, image.ds.HighBit = 12, 11
        carried_on = np.frombuffer(image.ds.PixelData, "<u2")
        image.ds.PixelData = (carried_on & 0x0FFF).astype("<u2").tobytes()
    series = assemble(write(images, tmp_path))
    np.testing.assert_array_equal(series.voxels, hounsfield(2, 2))
    assert "pixel-bits-ignored" not in series.flags


def test_eight_bits(tmp_path: Path) -> None:
    images = small()
    for image in images:
        ds = image.ds
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.RescaleSlope = 8, 8, 7, "10"
        ds.PixelData = (np.arange(ROWS * COLUMNS) % 256).astype(np.uint8).tobytes()
        ds["PixelData"].VR = "OB"
    voxels = assemble(write(images, tmp_path)).voxels
    np.testing.assert_array_equal(voxels[1, 1].ravel(), np.arange(ROWS * COLUMNS) % 256 * 10 - 1024)


def test_each_file_has_its_own_rescale(tmp_path: Path) -> None:
    images = small()
    for n, image in enumerate(images):
        image.ds.RescaleIntercept = str(-1024 - 7 * n)
        set_hu(image.ds, hounsfield(2, 2)[image.p, image.k])
    series = assemble(write(images, tmp_path))
    np.testing.assert_array_equal(series.voxels, hounsfield(2, 2))
    assert series.flags == ("rescale-varies",)


def test_a_slope_that_is_not_whole_gives_float(tmp_path: Path) -> None:
    images = small()
    for image in images:
        image.ds.RescaleSlope = "0.5"
        set_hu(image.ds, hounsfield(2, 2)[image.p, image.k] + 0.5)
    series = assemble(write(images, tmp_path))
    assert series.voxels.dtype == np.float32
    np.testing.assert_array_equal(series.voxels, hounsfield(2, 2) + np.float32(0.5))


def test_values_beyond_sixteen_bits_give_float_and_a_flag(tmp_path: Path) -> None:
    images = small()
    high = hounsfield(2, 2)[0, 0].astype(np.int32)
    high[0, 0] = 50_000
    set_hu(images[0].ds, high)
    series = assemble(write(images, tmp_path))
    assert series.voxels.dtype == np.float32
    assert series.voxels[0, 0, 0, 0] == 50_000
    assert "hu-implausible" in series.flags


@pytest.mark.parametrize("limit", [None, -2010])
def test_padding_becomes_air(limit: int | None, tmp_path: Path) -> None:
    images = small()
    signed(images)
    expected = hounsfield(2, 2).copy()
    expected[:, :, 0, :3] = -1024
    for image in images:
        hu = hounsfield(2, 2)[image.p, image.k].copy()
        hu[0, :3] = (-2000, -2000, -2000) if limit is None else (-2000, -2005, -2010)
        set_hu(image.ds, hu, kind="<i2")
        image.ds.PixelPaddingValue = -2000
        if limit is not None:
            image.ds.PixelPaddingRangeLimit = limit
    series = assemble(write(images, tmp_path))
    np.testing.assert_array_equal(series.voxels, expected)
    assert series.flags == ()


def test_padding_among_tissue_is_not_believed(tmp_path: Path) -> None:
    images = small()
    for image in images:
        image.ds.PixelPaddingValue = int(hounsfield(2, 2)[image.p, image.k][5, 5]) + 1024
    chosen = hounsfield(2, 2)[:, :, 5, 5]
    assert (chosen > -900).any()
    series = assemble(write(images, tmp_path))
    np.testing.assert_array_equal(series.voxels[chosen > -900], hounsfield(2, 2)[chosen > -900])
    assert series.flags == ("pixel-padding-implausible",)


def test_a_rescale_that_lies_in_one_pass_is_flagged(tmp_path: Path) -> None:
    images = small(passes=5)
    for image in pick(images, p=2):
        image.ds.RescaleIntercept = "0"
    assert "hu-jump" in assemble(write(images, tmp_path / "pass")).flags
    images = small(passes=5)
    pick(images, 2, 1)[0].ds.RescaleIntercept = "0"
    assert "hu-jump" in assemble(write(images, tmp_path / "slice")).flags


def test_a_rescale_that_lies_in_all_passes_is_flagged(tmp_path: Path) -> None:
    images = small()
    for image in images:
        image.ds.RescaleIntercept = "0"
    assert assemble(write(images, tmp_path)).flags == ("hu-implausible",)


def test_lossy_images_are_flagged(tmp_path: Path) -> None:
    images = small()
    images[1].ds.LossyImageCompression = "01"
    assert assemble(write(images, tmp_path)).flags == ("lossy-compression",)
