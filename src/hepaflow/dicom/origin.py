"""The study that results belong to: identity, source images, and dates that do not depend on the clock.

A study read from DICOM brings what is needed in ``DynamicSeries.source``: ``header`` (keyword to text: what all its images share) and ``images``
([pass][slice] of SOP class UID, SOP instance UID, series UID, frame number). Any other (NIfTI) gets an anonymous study of its own,
with UIDs that depend on its contents only (``digest``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hepaflow import __version__
from hepaflow.dicom.codes import PRIVATE, SOURCE_IMAGE, Code
from hepaflow.dicom.heritage import Heritage, heritage_of, pass_on
from hepaflow.dicom.kinds import MAKER
from hepaflow.dicom.write_ct import CT_IMAGE_STORAGE, EXPLICIT_VR_LITTLE_ENDIAN, stable_uid
from hepaflow.domain.case import CaseResult
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Tracked
from hepaflow.errors import InputRefused

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Series numbers of results start here, above what scanners use.
SERIES_NUMBERS = {
    "reference": 9000,
    "segmentation": 9001,
    "report": 9002,
    "document": 9003,
    "capture": 9004,
    "keys": 9005,
    "map": 9100,
    "slices": 9200,
    "corrected": 9300,
}
#: The date of results of a study without one: DICOM wants a date, and the clock must not decide it.
NO_DATE, NO_TIME = "20000101", "000000"

#: What results share with the images they come from.
_PATIENT: tuple[str, ...] = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "PatientAge", "PatientSize", "PatientWeight"),
)
_STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription")


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The study that results belong to. ``images`` are the SOP instance UIDs of the reference pass, by slice of the grid.

    All of them are of one SOP class and one series. ``frames`` are the 1-based frames of multi-frame images, None for single ones. ``real`` is False when the study was not read from DICOM: the images are then ones that hepaflow writes beside its results.
    """

    header: dict[str, str]
    images: tuple[str, ...]
    frames: tuple[int | None, ...]
    image_class_uid: str
    image_series_uid: str
    frame_of_reference_uid: str
    position_reference: str
    patient_position: str | None
    grid: Grid
    real: bool
    tracking: dict[str, Tracked]
    heritage: Heritage

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self.header["StudyInstanceUID"]

    @property
    def moment(self) -> tuple[str, str]:
        """Date and time written on results: those of the study where they are valid, never the clock's."""
        date, time = self.header["StudyDate"].strip(), self.header["StudyTime"].strip()
        if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", date):
            return NO_DATE, NO_TIME
        return date, time if re.fullmatch(r"([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d{1,6})?", time) else NO_TIME

    def uid(self, *parts: object) -> str:
        """A UID that depends on this study and ``parts`` only."""
        return stable_uid("hepaflow", self.study_uid, *parts)


def origin_of(case: CaseResult) -> Origin:
    """The study of a case, read from its headers or made up for it."""
    source = case.series.source
    real = "images" in source
    header = dict.fromkeys((*_PATIENT[:2], "PatientBirthDate", "PatientSex", *_STUDY), "")
    given = source.get("header", {})
    if real:
        header |= {key: given[key] for key in (*_PATIENT, *_STUDY) if given.get(key)}
        header["PatientSex"] = header["PatientSex"] if header["PatientSex"] in {"M", "F", "O"} else ""
        # a pass is of one class and one series
        row = source["images"][case.motion.reference]
        images = tuple(str(image[1]) for image in row)
        frames = tuple(None if image[3] is None else int(image[3]) for image in row)
        image_class, series_uid = str(row[0][0]), str(row[0][2])
    else:
        seed = str(source.get("digest") or _digest(case.series.grid.affine, case.series.times_s, case.series.voxels))
        header |= _anonymous(seed)
        images = tuple(
            stable_uid("hepaflow", "reference", seed, case.motion.reference, k) for k in range(case.series.grid.shape[0])
        )
        frames = (None,) * len(images)
        image_class, series_uid = CT_IMAGE_STORAGE, stable_uid("hepaflow", "reference", seed, case.motion.reference)
    return Origin(
        header=header,
        images=images,
        frames=frames,
        image_class_uid=image_class,
        image_series_uid=series_uid,
        frame_of_reference_uid=given.get("FrameOfReferenceUID") or stable_uid("hepaflow", "frame", header["StudyInstanceUID"]),
        position_reference=given.get("PositionReferenceIndicator", ""),
        patient_position=given.get("PatientPosition") or None,
        grid=case.series.grid,
        real=real,
        tracking=case.tracking,
        heritage=heritage_of(case.series),
    )


def analysed(case: CaseResult, study: Origin) -> list[tuple[str, str]]:
    """SOP class and instance UID of every image that was analysed, pass by pass; those of the reference pass where no other is DICOM."""
    if not study.real:
        return [(study.image_class_uid, uid) for uid in study.images]
    # frames are not named: all of a multi-frame image that is a pass were
    return list(dict.fromkeys((str(image[0]), str(image[1])) for row in case.series.source["images"] for image in row))


def sources(study: Origin, slices: Iterable[int]) -> list[Any]:
    """References to images of the reference pass that a result is made from; of a multi-frame image one, which names its frames."""
    frames: dict[str, list[int]] = {}
    for k in slices:
        number = study.frames[k]
        frames.setdefault(study.images[k], []).extend([] if number is None else [number])
    return [reference((study.image_class_uid, uid), SOURCE_IMAGE, frames=numbers) for uid, numbers in frames.items()]


def reference(image: tuple[str, str], purpose: Code | None = None, *, frames: Sequence[int] = ()) -> Any:
    """One entry of a sequence of references: SOP class and instance UID, the frames that are meant, and what it is referred to for."""
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image
    if frames:
        item.ReferencedFrameNumber = list(frames)
    if purpose is not None:
        item.PurposeOfReferenceCodeSequence = [coded_item(purpose)]
    return item


def coded_item(code: Code) -> Any:
    """A code sequence's item."""
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def made_by(dataset: Any) -> None:
    """The equipment module of every result."""
    made = equipment()
    dataset.Manufacturer, dataset.ManufacturerModelName = made["manufacturer"], made["manufacturer_model_name"]
    dataset.SoftwareVersions = made["software_versions"]


def file_meta(sop_class_uid: str, sop_instance_uid: str) -> Any:
    """File meta information, explicit little endian."""
    from pydicom.dataset import FileMetaDataset

    meta: Any = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class_uid, sop_instance_uid
    meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN
    meta.ImplementationClassUID = stable_uid("hepaflow", "implementation")
    meta.ImplementationVersionName = "HEPAFLOW"
    return meta


def _anonymous(seed: str) -> dict[str, str]:
    return {
        "PatientName": "Anonymous^",
        "PatientID": f"HEPAFLOW-{hashlib.sha256(seed.encode()).hexdigest()[:8].upper()}",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "Made from images without patient data",
        "StudyInstanceUID": stable_uid("hepaflow", "study", seed),
        "StudyDescription": "Liver perfusion",
        "StudyDate": NO_DATE,
        "StudyTime": NO_TIME,
        "StudyID": "1",
    }


def _digest(*arrays: npt.NDArray[Any]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(str((array.dtype.str, array.shape)).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def content_digest(*arrays: npt.NDArray[Any]) -> str:
    """What a result's UIDs are made of besides its study: other values, or another version of the writer, are another object."""
    return hashlib.sha256(f"{__version__} {_digest(*arrays)}".encode()).hexdigest()[:32]


def version_of(case: CaseResult) -> str:
    """Eight hexadecimal digits that tell the results of one analysis from those of another: of its steps, the software, and the lesions' names."""
    steps = [(step.name, step.version, step.output_digest) for step in case.history]
    named = sorted((label, one.identifier, one.uid) for label, one in case.tracking.items())
    return hashlib.sha256(json.dumps([__version__, steps, named]).encode()).hexdigest()[:8]


def ascending(grid: Grid) -> range:
    """Slice indices in the order of rising position along the normal of the images (row direction x column direction)."""
    normal = np.cross(grid.affine[:3, 2], grid.affine[:3, 1])
    count = grid.shape[0]
    return range(count) if float(normal @ grid.affine[:3, 0]) > 0 else range(count - 1, -1, -1)


def ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(round(float(value), 9) + 0.0)


def plane(grid: Grid) -> tuple[list[str], list[str]]:
    """Image orientation (six cosines) and pixel spacing (rows, columns) of every slice."""
    _, down, across = grid.spacing_mm
    cosines = [*(grid.affine[:3, 2] / across), *(grid.affine[:3, 1] / down)]
    return [ds(value) for value in cosines], [ds(down), ds(across)]


def position(grid: Grid, k: int) -> list[str]:
    """Image position of slice ``k``."""
    return [ds(value) for value in grid.to_mm((k, 0, 0))]


def source_datasets(study: Origin, slices: Iterable[int], *, shape: tuple[int, int]) -> list[Dataset]:
    """Headers that stand for the source images of ``slices`` where a constructor wants the images themselves.

    They hold no patient values (those are set afterwards by :func:`settle`) and ``shape`` (rows, columns) of the caller's choice.
    """
    from pydicom.dataset import Dataset

    cosines, spacing = plane(study.grid)
    made = []
    for k in slices:
        image: Any = Dataset()
        image.SpecificCharacterSet = "ISO_IR 192"
        # the library takes several single images or one multi-frame image: frames stand in as single ones
        image.SOPClassUID = study.image_class_uid if study.frames[k] is None else CT_IMAGE_STORAGE
        image.SOPInstanceUID = _stand_in_uid(study, k)
        image.StudyInstanceUID, image.SeriesInstanceUID = study.study_uid, study.image_series_uid
        image.FrameOfReferenceUID, image.PositionReferenceIndicator = study.frame_of_reference_uid, study.position_reference
        image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Anonymous^", "", None, ""
        image.StudyID, image.StudyDate, image.StudyTime = "", None, None
        image.AccessionNumber, image.ReferringPhysicianName = "", None
        image.Modality, image.Rows, image.Columns = "CT", *shape
        image.ImageOrientationPatient, image.PixelSpacing = cosines, spacing
        image.ImagePositionPatient = position(study.grid, k)
        image.SliceThickness = image.SpacingBetweenSlices = ds(study.grid.spacing_mm[0])
        made.append(image)
    return made


def _stand_in_uid(study: Origin, k: int) -> str:
    """The image's own UID; for a frame one that tells it from its neighbours until :func:`settle` names image and frame."""
    frame = study.frames[k]
    return study.images[k] if frame is None else study.uid("frame", study.images[k], frame)


def _name_frames(dataset: Any, study: Origin) -> None:
    """References to stand-ins become references to frames of the image, and one reference where no frame can be named."""
    known = {_stand_in_uid(study, k): k for k, frame in enumerate(study.frames) if frame is not None}
    if not known:
        return
    for series in dataset.get("ReferencedSeriesSequence", ()):
        items = {str(item.ReferencedSOPInstanceUID): item for item in series.get("ReferencedInstanceSequence", ())}
        whole = {study.images[known[uid]] if uid in known else uid: item for uid, item in items.items()}
        for uid, item in whole.items():
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = study.image_class_uid, uid
        series.ReferencedInstanceSequence = list(whole.values())
    for frame in dataset.get("PerFrameFunctionalGroupsSequence", ()):
        for derivation in frame.get("DerivationImageSequence", ()):
            for item in derivation.get("SourceImageSequence", ()):
                if (k := known.get(str(item.ReferencedSOPInstanceUID))) is not None:
                    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = study.image_class_uid, study.images[k]
                    item.ReferencedFrameNumber = study.frames[k]


def settle(dataset: Any, study: Origin, *identity: object) -> None:
    """Give a result the patient and study it belongs to, and UIDs and dates that repeat.

    ``identity`` names the object within the study; it seeds the UIDs that the DICOM library would draw at random.
    """
    date, time = study.moment
    identify(dataset, study)
    pass_on(dataset, study.heritage)
    _name_frames(dataset, study)
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.SeriesDate, dataset.SeriesTime = date, time
    for equipment in dataset.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in equipment:
            del equipment.ContributionDateTime
    organization = study.uid("dimensions", *identity)
    for item in (*dataset.get("DimensionOrganizationSequence", ()), *dataset.get("DimensionIndexSequence", ())):
        item.DimensionOrganizationUID = organization
    dataset.CodingSchemeIdentificationSequence = [_scheme()]


def identify(dataset: Any, study: Origin) -> None:
    """Patient and study values exactly as the source has them (never judged: a source's own oddities are kept)."""
    from pydicom import config
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import DataElement

    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in study.header.items():
        tag = tag_for_keyword(keyword)
        if tag is not None and (value or keyword not in {"StudyDescription"}):
            dataset[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)


def _scheme() -> Dataset:
    from pydicom.dataset import Dataset

    item: Any = Dataset()
    item.CodingSchemeDesignator = PRIVATE
    item.CodingSchemeUID = stable_uid("hepaflow", "coding scheme")
    item.CodingSchemeName = "hepaflow quantities, lesion parts, flags and response categories"
    item.CodingSchemeVersion = "1"
    item.CodingSchemeResponsibleOrganization = "The hepaflow authors"
    return item  # type: ignore[no-any-return]


def equipment() -> dict[str, Any]:
    """What every result says made it, as the constructors name it."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": "hepaflow",
        "software_versions": __version__,
        "device_serial_number": "none",
    }


def save(dataset: Any, path: Path) -> Path:
    """Write one object; the same object gives the same bytes."""
    from pydicom.filewriter import dcmwrite

    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def document(path: Path, sop_class_uid: str, *, what: str) -> Any:
    """A document that was written before. Refused (``DOCUMENT-NOT-DICOM``): a file that is none, or of another class."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        ds = dcmread(path)
    except (InvalidDicomError, OSError) as error:
        raise InputRefused("DOCUMENT-NOT-DICOM", f"{what} cannot be read", "Analyse the study again") from error
    if ds.get("SOPClassUID") != sop_class_uid:
        raise InputRefused("DOCUMENT-NOT-DICOM", f"{what} is none", "Analyse the study again")
    return ds


def save_signed(ds: Any, path: Path, *, kind: str, content: bytes) -> Path:
    """Write a document that a signature put ``content`` into as an object and a series of its own; the same content gives the same bytes."""
    told = (ds.SOPInstanceUID, hashlib.sha256(content).hexdigest())
    ds.SOPInstanceUID, ds.SeriesInstanceUID = stable_uid(f"signed {kind} instance", *told), stable_uid(f"signed {kind}", *told)
    ds.SeriesDescription = f"{ds.SeriesDescription}, signed"
    ds.file_meta = file_meta(ds.SOPClassUID, ds.SOPInstanceUID)
    return save(ds, path)
