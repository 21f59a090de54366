"""A volume as a series of int16 CT-like images: the form that every viewer and archive knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom import origin
from hepaflow.dicom.codes import LIVER, Code
from hepaflow.dicom.write_ct import CT_IMAGE_STORAGE
from hepaflow.domain.series import Acquisition

#: Stored where there is no value.
PADDING = -32768


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series to write: ``slope`` turns stored steps into values; ``window`` is (centre, width) in values; ``uids`` one a slice."""

    uid: str
    number: int
    description: str
    slope: float
    rescale_type: str
    window: tuple[float, float]
    mapping: Any
    derivation: Code | None
    uids: tuple[str, ...]
    made_how: str = "Computed from a dynamic contrast series"


def write_series(
    values: npt.NDArray[Any],
    slices: list[int],
    kind: Series,
    study: origin.Origin,
    folder: Path,
    acquisition: Acquisition,
    *,
    first: int = 1,
    extra: Callable[[Any, int], None] | None = None,
) -> list[Path]:
    """Write ``slices`` of ``values`` (k, j, i) in the order given, one file each, numbered from ``first``; NaN becomes pixel padding.

    A value is stored as the nearest multiple of the slope, at most 32767 of them either way. ``extra`` adds to the image of a slice.
    """
    dataset, meta = _shared(kind, study, acquisition), origin.file_meta(CT_IMAGE_STORAGE, "")
    dataset.file_meta = meta
    paths = []
    for number, (k, uid) in enumerate(zip(slices, kind.uids, strict=True), start=first):
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = uid
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = origin.position(study.grid, k)
        dataset.SliceLocation = origin.ds(float(study.grid.to_mm((k, 0, 0)) @ _normal(study)))
        if kind.derivation is not None:
            dataset.SourceImageSequence = origin.sources(study, [k])
        if extra is not None:
            extra(dataset, k)
        exact = np.nan_to_num(values[k].astype(np.float64), nan=0.0)
        stored = np.clip(np.rint(exact / kind.slope), -32767, 32767).astype("<i2")
        stored[~np.isfinite(values[k])] = PADDING
        dataset.PixelData = stored.tobytes()
        dataset["PixelData"].VR = "OW"
        paths.append(origin.save(dataset, folder / f"{number:04d}.dcm"))
    return paths


def _normal(study: origin.Origin) -> npt.NDArray[np.float64]:
    grid = study.grid
    _, down, across = grid.spacing_mm
    return np.asarray(np.cross(grid.affine[:3, 2] / across, grid.affine[:3, 1] / down), dtype=np.float64)


def _shared(kind: Series, study: origin.Origin, acquisition: Acquisition) -> Any:
    """What all images of the series share."""
    from pydicom.dataset import Dataset
    from pydicom.valuerep import format_number_as_ds

    ds: Any = Dataset()
    ds.SOPClassUID, ds.Modality = CT_IMAGE_STORAGE, "CT"
    ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    ds.SeriesInstanceUID, ds.SeriesNumber, ds.SeriesDescription = kind.uid, kind.number, kind.description[:64]
    origin.made_by(ds)
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = study.frame_of_reference_uid, study.position_reference
    _, ds.Rows, ds.Columns = study.grid.shape
    ds.ImageOrientationPatient, ds.PixelSpacing = origin.plane(study.grid)
    ds.SliceThickness = ds.SpacingBetweenSlices = origin.ds(study.grid.spacing_mm[0])
    ds.PatientPosition = study.patient_position
    ds.BodyPartExamined = "LIVER"
    ds.AcquisitionNumber, ds.KVP = None, _kvp(acquisition)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.add_new("PixelPaddingValue", "SS", PADDING)
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", format_number_as_ds(kind.slope), kind.rescale_type
    ds.WindowCenter, ds.WindowWidth = (origin.ds(value) for value in kind.window)
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.AnatomicRegionSequence = [origin.coded_item(LIVER)]
    if kind.mapping is not None:
        ds.RealWorldValueMappingSequence = [kind.mapping]
    if kind.derivation is not None:
        ds.DerivationDescription = f"{kind.made_how}; research use only"
        ds.DerivationCodeSequence = [origin.coded_item(kind.derivation)]
    origin.settle(ds, study, "slices", kind.uid)
    return ds


def _kvp(acquisition: Acquisition) -> str | None:
    known = {value for value in acquisition.kvp if value is not None}
    return origin.ds(known.pop()) if len(known) == 1 else None
