"""A tiny oblique dynamic CT study as DICOM, made by hand, to be broken by tests in one place at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

PASSES, SLICES, ROWS, COLUMNS = 6, 4, 16, 20
TIMES_S = (0.0, 2.0, 4.0, 9.0, 20.0, 40.0)
START_S = 10 * 3600 + 21 * 60 + 18  # 10:21:18
SPACING = (2.5, 0.8, 1.1)  # slices, rows, columns: all different
ORIGIN = np.array([-31.0, 47.0, 112.0])
CT = "1.2.840.10008.5.1.4.1.1.2"


def _turned() -> np.ndarray:
    """Columns: direction along a row, along a column, normal; turned about two axes, so that nothing is axial."""
    a, b = np.deg2rad(20.0), np.deg2rad(-12.0)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return about_z @ about_x


OBLIQUE = _turned()
AXIAL = np.eye(3)
FEET_FIRST = np.diag([-1.0, 1.0, -1.0])
PRONE = np.diag([-1.0, -1.0, 1.0])


@dataclass
class Image:
    """One file: its data set, its transfer syntax, which pass and slice it is."""

    ds: Any
    p: int
    k: int
    syntax: str = ExplicitVRLittleEndian


def hounsfield(passes: int = PASSES, slices: int = SLICES) -> np.ndarray:
    """HU (passes, slices, rows, columns): no two neighbours alike, with air, the same in any order of files."""
    generator = np.random.default_rng(7)
    still = generator.integers(-1000, 1400, (1, slices, ROWS, COLUMNS))
    return (still + generator.integers(0, 60, (passes, slices, ROWS, COLUMNS))).astype(np.int16)


def clock(seconds: float) -> str:
    """DICOM TM of seconds of the day."""
    whole = round(seconds * 1e6)
    s, us = divmod(whole, 1_000_000)
    s %= 86400
    return f"{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}.{us:06d}"


def origin_of(k: int, axes: np.ndarray = OBLIQUE) -> np.ndarray:
    """Centre of voxel [k, 0, 0] in mm."""
    return ORIGIN + k * SPACING[0] * axes[:, 2]


def tiny(
    *,
    times_s: tuple[float, ...] = TIMES_S,
    axes: np.ndarray = OBLIQUE,
    slices: int = SLICES,
    series: tuple[int, ...] | None = None,
    start_s: float = START_S,
    seed: int = 1,
) -> list[Image]:
    """The images of one study, pass by pass. Times are in AcquisitionTime only; nothing else tells passes apart."""
    values = hounsfield(len(times_s), slices)
    images = []
    for p, seconds in enumerate(times_s):
        number = 0 if series is None else series[p]
        for k in range(slices):
            ds: Any = Dataset()
            ds.SOPClassUID = CT
            ds.SOPInstanceUID = f"1.2.3.{seed}.{number}.{p}.{k}"
            ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
            ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "CT", "Maker", "Scanner 1"
            ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Doe^Jane", f"P{seed}", "19500101", "F"
            ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240314", "102100", "S", "A"
            ds.StudyInstanceUID, ds.SeriesInstanceUID = f"1.2.3.{seed}", f"1.2.3.{seed}.{number}"
            ds.FrameOfReferenceUID = f"1.2.3.{seed}.9"
            ds.AcquisitionTime = clock(start_s + seconds)
            ds.KVP, ds.ConvolutionKernel, ds.XRayTubeCurrent = "80", "B20f", 200
            ds.ImageOrientationPatient = [f"{v:.10f}" for v in (*axes[:, 0], *axes[:, 1])]
            ds.ImagePositionPatient = [f"{v:.6f}" for v in origin_of(k, axes)]
            ds.PixelSpacing = [str(SPACING[1]), str(SPACING[2])]
            ds.SliceThickness = str(SPACING[0])
            ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
            ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = ROWS, COLUMNS, 16, 16, 15
            ds.PixelRepresentation, ds.RescaleSlope, ds.RescaleIntercept = 0, "1", "-1024"
            set_hu(ds, values[p, k])
            images.append(Image(ds, p, k))
    return images


def set_hu(ds: Any, hu: np.ndarray, *, kind: str = "<u2") -> None:
    """Pixels of an image from HU, by its own rescale."""
    stored = np.rint((hu.astype(float) - float(ds.RescaleIntercept)) / float(ds.RescaleSlope))
    ds.PixelData = stored.astype(kind).tobytes()
    ds["PixelData"].VR = "OW"


def save(image: Image, path: Path) -> Path:
    """One file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = image.ds.SOPClassUID, image.ds.SOPInstanceUID
    meta.TransferSyntaxUID, meta.ImplementationClassUID = image.syntax, "1.2.3.4"
    image.ds.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, image.ds, enforce_file_format=True)
    return path


def write(images: list[Image], folder: Path, *, order: np.ndarray | None = None) -> Path:
    """The study in a folder; ``order`` gives the number in each file's name."""
    names = np.arange(len(images)) if order is None else order
    for name, image in zip(names, images, strict=True):
        save(image, folder / f"{'ab'[int(name) % 2]}" / f"{int(name):04d}")
    return folder


def pick(images: list[Image], p: int | None = None, k: int | None = None) -> list[Image]:
    """The images of one pass, of one slice, or both."""
    return [image for image in images if (p is None or image.p == p) and (k is None or image.k == k)]
