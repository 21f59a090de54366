"""A dynamic series as CT images: one valid CT Image Storage file a slice and pass, deterministic to the byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileMetaDataset

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
#: A fixed date, so that the same phantom is the same file on every day; the start of the injection.
INJECTION_START = datetime(2024, 3, 14, 10, 21, 7)
_INTERCEPT = -1024
_IODINE_MG_ML = 350.0

Progress = Callable[[str, int, int], None]


def stable_uid(*parts: object) -> str:
    """A DICOM UID under 2.25 that depends on ``parts`` only."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def write_study(
    series: DynamicSeries,
    folder: Path,
    *,
    patient_id: str,
    patient_name: str,
    uid_seed: str,
    injection_start: datetime = INJECTION_START,
    description: str = "Liver perfusion",
    progress: Progress | None = None,
) -> list[Path]:
    """Write every pass of ``series`` as CT images under ``folder`` (one subfolder a DICOM series) and return their paths in time order.

    ``voxels`` (passes, slices, rows, columns) are HU, rounded to whole numbers. ``uid_seed`` decides all UIDs: the same seed gives the same files.
    Times are written as AcquisitionDateTime, AcquisitionDate, AcquisitionTime and ContentTime from ``injection_start`` plus the
    acquisition's ``injection_to_first_s``. Refused: voxels that are not finite or lie outside -1024 to 64511 HU.
    """
    from pydicom.uid import UID

    low, high = float(np.min(series.voxels)), float(np.max(series.voxels))
    if not np.isfinite([low, high]).all() or low < _INTERCEPT or high > 65535 + _INTERCEPT:
        raise InputRefused(
            "SERIES-NOT-STORABLE", "the series holds values that a CT image cannot store", "Give finite HU from -1024 to 64511"
        )
    meta, dataset = _meta(), _study(series, patient_id, patient_name, uid_seed, injection_start, description, high)
    which = series.acquisition.series_of_pass or (0,) * series.passes
    first = {number: which.index(number) for number in which}
    paths = []
    for index in range(series.passes):
        number = which[index]
        target = folder / f"series-{number + 1}"
        target.mkdir(parents=True, exist_ok=True)
        begin = _moment(series, first[number], injection_start)
        _series_level(dataset, series, number, uid_seed, begin, description)
        _pass_level(dataset, series, index)
        done = sum(1 for other in which[:index] if other == number)
        for k in range(series.grid.shape[0]):
            instance = done * series.grid.shape[0] + k + 1
            _slice_level(dataset, series, index, k, _moment(series, index, injection_start, k))
            uid = stable_uid(uid_seed, "instance", index, k)
            meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID(uid)
            dataset.InstanceNumber = instance
            paths.append(target / f"ct-{instance:05d}.dcm")
            _save(dataset, meta, paths[-1])
        if progress is not None:
            progress("write", index + 1, series.passes)
    return paths


def _save(dataset: Dataset, meta: FileMetaDataset, path: Path) -> None:
    from pydicom.filewriter import dcmwrite

    dataset.file_meta = meta
    dcmwrite(path, dataset, enforce_file_format=True)


def _meta() -> FileMetaDataset:
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT_IMAGE_STORAGE  # type: ignore[assignment]
    meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN  # type: ignore[assignment]
    meta.ImplementationClassUID = stable_uid("hepaflow", "implementation")  # type: ignore[assignment]
    meta.ImplementationVersionName = "HEPAFLOW"
    return meta


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(round(float(value), 9) + 0.0)


def _moment(series: DynamicSeries, index: int, start: datetime, k: int | None = None) -> datetime:
    seconds = series.times_s[index]
    if k is not None and series.slice_times_s is not None:
        seconds = series.slice_times_s[index, k]
    return start + timedelta(seconds=float(series.acquisition.injection_to_first_s or 0.0) + float(seconds))


def _clock(moment: datetime) -> str:
    return moment.strftime("%H%M%S.%f")


def _study(
    series: DynamicSeries, patient_id: str, patient_name: str, uid_seed: str, start: datetime, description: str, high: float
) -> Dataset:
    """What all images share."""
    from pydicom.dataset import Dataset

    grid, shape = series.grid, series.grid.shape
    ds: Any = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CT_IMAGE_STORAGE
    ds.Modality = "CT"
    ds.Manufacturer = series.acquisition.manufacturer or ""
    ds.ManufacturerModelName = series.acquisition.model_name or "unknown"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = patient_name, patient_id, "", "O"
    ds.StudyInstanceUID = stable_uid(uid_seed, "study")
    ds.FrameOfReferenceUID = grid.frame_of_reference_uid or stable_uid(uid_seed, "frame")
    ds.PositionReferenceIndicator = ""
    ds.StudyDate, ds.StudyTime = start.strftime("%Y%m%d"), _clock(start)
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "1", "", ""
    ds.StudyDescription = description
    ds.PatientPosition = "HFS"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = shape[1], shape[2]
    ds.BitsAllocated, ds.PixelRepresentation = 16, 0
    ds.BitsStored = 12 if high <= 4095 + _INTERCEPT else 16
    ds.HighBit = ds.BitsStored - 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _ds(_INTERCEPT), "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "80", "300"
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    across, down = grid.affine[:3, 2] / grid.spacing_mm[2], grid.affine[:3, 1] / grid.spacing_mm[1]
    ds.ImageOrientationPatient = [_ds(value) for value in (*across, *down)]
    ds.PixelSpacing = [_ds(grid.spacing_mm[1]), _ds(grid.spacing_mm[2])]
    ds.SliceThickness = _ds(grid.spacing_mm[0])
    ds.SpacingBetweenSlices = _ds(grid.spacing_mm[0])
    _contrast(ds, series, start)
    return ds  # type: ignore[no-any-return]


def _contrast(ds: Any, series: DynamicSeries, start: datetime) -> None:
    got = series.acquisition
    if got.contrast_agent is None:
        return
    ds.ContrastBolusAgent, ds.ContrastBolusRoute = got.contrast_agent, "INTRAVENOUS"
    ds.ContrastBolusIngredient, ds.ContrastBolusIngredientConcentration = "IODINE", _ds(_IODINE_MG_ML)
    ds.ContrastBolusStartTime = _clock(start)
    if got.contrast_volume_ml is not None:
        ds.ContrastBolusVolume = _ds(got.contrast_volume_ml)
        if got.contrast_flow_ml_s:
            seconds = got.contrast_volume_ml / got.contrast_flow_ml_s
            ds.ContrastFlowRate, ds.ContrastFlowDuration = _ds(got.contrast_flow_ml_s), _ds(seconds)
            ds.ContrastBolusStopTime = _clock(start + timedelta(seconds=seconds))


def _series_level(ds: Any, series: DynamicSeries, number: int, uid_seed: str, begin: datetime, description: str) -> None:
    ds.SeriesInstanceUID = stable_uid(uid_seed, "series", number)
    ds.SeriesNumber = number + 1
    ds.SeriesDescription = ds.ProtocolName = f"{description} {number + 1}"
    ds.SeriesDate, ds.SeriesTime = begin.strftime("%Y%m%d"), _clock(begin)
    if series.acquisition.body_part is not None:
        ds.BodyPartExamined = series.acquisition.body_part


def _pass_level(ds: Any, series: DynamicSeries, index: int) -> None:
    """What the images of one pass share: technique, dose and place in time."""
    got = series.acquisition

    def value(values: tuple[Any, ...]) -> Any:
        return values[index] if index < len(values) else None

    ds.AcquisitionNumber = index + 1
    which = got.series_of_pass or (0,) * series.passes
    ds.TemporalPositionIdentifier = 1 + sum(1 for other in which[:index] if other == which[index])
    ds.NumberOfTemporalPositions = which.count(which[index])
    kvp, current, exposure = value(got.kvp), value(got.tube_current_ma), value(got.exposure_mas)
    ds.KVP = "" if kvp is None else _ds(kvp)
    if (kernel := value(got.kernel)) is not None:
        ds.ConvolutionKernel = kernel
    if current is not None:
        ds.XRayTubeCurrent = round(current)
    if exposure is not None:
        ds.Exposure = round(exposure)
    if (dose := value(got.ctdi_vol_mgy)) is not None:
        ds.CTDIvol = float(dose)
        ds.CTDIPhantomTypeCodeSequence = [_code("113691", "DCM", "IEC Body Dosimetry Phantom")]
    if got.rotation_s is not None:
        ds.RevolutionTime = float(got.rotation_s)
        ds.ExposureTime = round(1000.0 * got.rotation_s)
    ds.ScanOptions = "AXIAL"
    ds.GantryDetectorTilt = "0"
    ds.ReconstructionDiameter = _ds(series.grid.spacing_mm[2] * series.grid.shape[2])
    ds.TotalCollimationWidth = float(series.grid.spacing_mm[0] * series.grid.shape[0])


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _slice_level(ds: Any, series: DynamicSeries, index: int, k: int, moment: datetime) -> None:
    """Place, time and pixels of one image."""
    position = series.grid.to_mm((k, 0, 0))
    ds.ImagePositionPatient = [_ds(value) for value in position]
    ds.SliceLocation = _ds(position[2])
    ds.AcquisitionDate = ds.ContentDate = moment.strftime("%Y%m%d")
    ds.AcquisitionTime = ds.ContentTime = _clock(moment)
    ds.AcquisitionDateTime = moment.strftime("%Y%m%d%H%M%S.%f")
    stored = np.rint(series.voxels[index, k]).astype(np.int32) - _INTERCEPT
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
