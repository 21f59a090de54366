"""The pictures a reader should see first, as secondary captures, and a key object that points at them.

Single-frame Secondary Capture and not Multi-frame True Color: every archive and viewer shows it, and the pictures differ in size, which
the frames of one object may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom import origin
from hepaflow.dicom.codes import OF_INTEREST
from hepaflow.dicom.write_map import coded
from hepaflow.domain.case import CaseResult
from hepaflow.errors import InputRefused

SECONDARY_CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True, eq=False)
class KeyImage:
    """One picture: ``pixels`` (rows, columns, 3) uint8 RGB, and the ``region`` (k, j, i) it shows, None for the whole study.

    ``comment`` says in words what it shows; it names no patient.
    """

    pixels: npt.NDArray[np.uint8]
    region: npt.NDArray[np.bool_] | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8 or not self.pixels.size:
            raise InputRefused("CAPTURE-PIXELS", "a key image is not an RGB picture of 8 bits", "Give (rows, columns, 3) uint8")


def write_captures(case: CaseResult, images: Sequence[KeyImage], folder: Path) -> list[Path]:
    """Write ``key_NN.dcm`` for every image, and ``key_images.dcm`` that selects them; nothing for no image.

    Each refers to the images of the reference pass that its region lies on. Burned In Annotation is NO (PS3.3 C.7.6.1: text that
    names or dates the patient): the pictures hold numbers and names of regions only.
    """
    if not images:
        return []
    study, title = origin.origin_of(case), f"Liver perfusion key images, research {origin.version_of(case)}"
    words = np.frombuffer("\n".join([title, *(image.comment for image in images)]).encode(), np.uint8)
    said = origin.content_digest(*(image.pixels for image in images), words)
    made = [_capture(image, study, title, (number, said)) for number, image in enumerate(images, start=1)]
    paths = [origin.save(ds, folder / f"key_{number:02d}.dcm") for number, ds in enumerate(made, start=1)]
    return [*paths, _selection(made, study, title, said, folder)]


def _capture(image: KeyImage, study: origin.Origin, title: str, made: tuple[int, str]) -> Any:
    from pydicom.dataset import Dataset

    number, said = made
    ds: Any = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = SECONDARY_CAPTURE_STORAGE, study.uid("capture instance", said, number)
    ds.Modality, ds.ConversionType, ds.BodyPartExamined = "OT", "WSD", "LIVER"
    ds.SeriesInstanceUID, ds.SeriesNumber = study.uid("capture", said), origin.SERIES_NUMBERS["capture"]
    ds.SeriesDescription, ds.InstanceNumber = title, number
    origin.made_by(ds)
    ds.ImageType, ds.PatientOrientation = ["DERIVED", "SECONDARY"], None
    ds.BurnedInAnnotation, ds.RecognizableVisualFeatures, ds.LossyImageCompression = "NO", "NO", "00"
    ds.DerivationDescription = "Figure of the perfusion report; research use only"
    if image.comment:
        ds.ImageComments = image.comment
    slices = [k for k in range(len(study.images)) if image.region is None or image.region[k].any()]
    ds.SourceImageSequence = origin.sources(study, slices)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.Rows, ds.Columns, _ = image.pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    data = np.ascontiguousarray(image.pixels).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB"
    origin.settle(ds, study, "capture", said, number)
    ds.file_meta = origin.file_meta(ds.SOPClassUID, ds.SOPInstanceUID)
    return ds


def _selection(captures: list[Any], study: origin.Origin, title: str, said: str, folder: Path) -> Path:
    """Key Object Selection (PS3.3 A.35.4, TID 2010) titled 'Of Interest'."""
    from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument

    dataset = KeyObjectSelectionDocument(
        evidence=captures,
        content=KeyObjectSelection(document_title=coded(OF_INTEREST), referenced_objects=captures),
        series_instance_uid=study.uid("keys", said),
        series_number=origin.SERIES_NUMBERS["keys"],
        sop_instance_uid=study.uid("keys instance", said),
        instance_number=1,
        manufacturer=origin.equipment()["manufacturer"],
        series_description=title,
    )
    origin.settle(dataset, study, "keys", said)
    return origin.save(dataset, folder / "key_images.dcm")
