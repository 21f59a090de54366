"""The privacy family: a canary in every identifying attribute, and every place where hepaflow says or writes something.

Each pair of attribute and sink of a run is one check. DICOM objects of a case belong to the patient's own study and may hold what
identifies it (``OF_THE_STUDY``); nothing else may hold anything.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import re
import shutil
import socket
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom"))
from tiny_study import Image, save, tiny

from hepaflow import cli
from hepaflow.dicom.write_ct import write_study
from hepaflow.phantom import PhantomSpec, build
from hepaflow.store import nifti

pytestmark = pytest.mark.slow

TEXT = (
    *(
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "OtherPatientIDs",
        "OtherPatientNames",
        "PatientBirthName",
        "PatientMotherBirthName",
    ),
    *(
        "PatientAddress",
        "PatientTelephoneNumbers",
        "InsurancePlanIdentification",
        "MedicalRecordLocator",
        "EthnicGroup",
        "Occupation",
    ),
    *(
        "AdditionalPatientHistory",
        "PatientComments",
        "PatientReligiousPreference",
        "ResponsiblePerson",
        "MilitaryRank",
        "AccessionNumber",
    ),
    *("StudyID", "StudyDescription", "SeriesDescription", "ProtocolName", "InstitutionName", "InstitutionAddress"),
    *("InstitutionalDepartmentName", "ReferringPhysicianName", "ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers"),
    *("PerformingPhysicianName", "OperatorsName", "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord", "StationName"),
    *(
        "DeviceSerialNumber",
        "RequestingPhysician",
        "RequestedProcedureDescription",
        "AdmissionID",
        "CurrentPatientLocation",
        "ImageComments",
    ),
    "CountryOfResidence",
    # what the table of the standard does not name
    *("PlacerOrderNumberProcedure", "FillerOrderNumberProcedure", "ScheduledProcedureStepID", "ContactDisplayName", "DeviceID"),
    *("WindowCenterWidthExplanation", "ContentLabel", "SecondaryCaptureDeviceID", "SoftwareVersions", "FilterType", "StackID"),
    *("AcquisitionDeviceProcessingCode", "LUTLabel", "FrameLabel", "ContrastBolusRoute", "ScanOptions"),
    *("ImageID", "AcquisitionProtocolName", "ResultsID", "DataSetName"),
)
CANARIES = {keyword: f"ZQ{number:02d}CANARY" for number, keyword in enumerate(TEXT)}
CANARIES |= {"PatientBirthDate": "19331103", "StudyDate": "19770711", "PatientBirthTime": "031733.7171"}
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "DeviceUID")
CANARIES |= {keyword: f"1.2.826.0.1.{number}77" for number, keyword in enumerate(UIDS, start=31)}
CANARIES |= {"private element": "ZQ90CANARY", "nested sequence": "ZQ91CANARY", "file name": "ZQ92CANARY"}
CANARIES |= {"local code": "ZQ93CANARY", "text declared as bytes": "ZQ94CANARY", "listed private element": "ZQ95CANARY"}
CANARIES |= {"coding scheme": "ZQ96CANARY", "short date": "14.03.77", "whole number": "770711031"}

#: What DICOM objects of the patient's own study may hold (docs/reference/dicom-output.md).
OF_THE_STUDY = {
    *(
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "StudyInstanceUID",
        "StudyDate",
        "StudyID",
        "AccessionNumber",
    ),
    *("ReferringPhysicianName", "StudyDescription", "FrameOfReferenceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}


@dataclass
class Tally:
    """Pairs of attribute and sink that were looked at, and those that leaked."""

    pairs: int = 0
    sinks: set[str] = field(default_factory=set)
    leaks: list[tuple[str, str, str]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def look(self, run: str, sink: str, blob: bytes, *, allowed: set[str] = frozenset()) -> set[str]:  # type: ignore[assignment]
        found = {name for name, canary in CANARIES.items() if name not in allowed and holds(blob, canary)}
        self.pairs += len(CANARIES) - len(allowed)
        self.sinks.add(sink)
        self.leaks += [(run, sink, name) for name in sorted(found)]
        return found


def holds(blob: bytes, canary: str) -> bool:
    """As bytes, in either case, as UTF-16, or a date as people write it."""
    forms = [canary, canary.lower()]
    if re.fullmatch(r"\d{8}", canary):
        forms += [f"{canary[:4]}-{canary[4:6]}-{canary[6:]}", f"{canary[6:]}/{canary[4:6]}/{canary[:4]}"]
    return any(form.encode(code) in blob for form in forms for code in ("ascii", "utf-16-le"))


def mark(ds: Any, number: int) -> None:
    """Every canary into one image; UIDs of images and series go on to tell them apart."""
    for keyword, canary in CANARIES.items():
        if keyword in pydicom.datadict.keyword_dict:
            vr = dictionary_VR(keyword)
            value = f"{canary}^Jeanne" if vr == "PN" else canary
            if keyword == "SOPInstanceUID":
                value = f"{canary}.{number}"
            ds[keyword] = pydicom.DataElement(keyword, vr, value)
    ds.private_block(0x0009, "MAKER", create=True).add_new(1, "LO", CANARIES["private element"])
    ds.private_block(0x01E1, "ELSCINT1", create=True).add_new(0x21, "ST", f"{CANARIES['listed private element']} DOE")
    item, code = pydicom.Dataset(), pydicom.Dataset()
    item.PatientComments = CANARIES["nested sequence"]
    ds.OtherPatientIDsSequence = [item]
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", CANARIES["coding scheme"], CANARIES["local code"]
    ds.AnatomicRegionSequence = [code]
    ds[0x00189918] = pydicom.DataElement(0x00189918, "OB", CANARIES["text declared as bytes"].encode())
    ds.PerformedProcedureStepDescription = f"Liver {CANARIES['short date']} perfusion"
    ds.PatientID = f"{CANARIES['PatientID']}-{CANARIES['whole number'][:4]}-{CANARIES['whole number'][4:]}"
    ds.SeriesNumber = CANARIES["whole number"]


def inflated(blob: bytes, suffix: str) -> bytes:
    """The bytes, and what they hold compressed: streams, text and metadata of a PDF, pictures of a page, chunks of a PNG."""
    parts = [blob]
    if suffix == ".gz":
        parts.append(gzip.decompress(blob))
    if suffix == ".html":
        parts += [base64.b64decode(part) for part in re.findall(rb"base64,([A-Za-z0-9+/=]+)", blob)]
    if suffix == ".pdf":
        from pypdf import PdfReader

        reader = PdfReader(io.BytesIO(blob))
        parts += ["\n".join(page.extract_text() for page in reader.pages).encode(), str(reader.metadata).encode()]
    for part in list(parts):
        if part[:8] == b"\x89PNG\r\n\x1a\n":
            parts += chunks(part)
    return b"\n".join(parts)


def chunks(png: bytes) -> Iterator[bytes]:
    """Chunks of a PNG that are not its pixels, text ones unpacked."""
    place = 8
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        body = png[place + 8 : place + 8 + length]
        if kind in (b"zTXt", b"iTXt"):
            yield zlib.decompress(body[body.index(b"\0") + 2 :])
        elif kind != b"IDAT":
            yield kind + body
        place += 12 + length


def pngs(page: bytes) -> bytes:
    found = [base64.b64decode(part) for part in re.findall(rb"base64,([A-Za-z0-9+/=]+)", page)]
    return b"\n".join(chunk for one in found if one[:4] == b"\x89PNG" for chunk in chunks(one))


@pytest.fixture
def tally(monkeypatch: pytest.MonkeyPatch) -> Tally:
    """A tally, and no way out: whoever opens a connection or asks for a name fails the test."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a connection was opened")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    return Tally()


@pytest.fixture
def go(tally: Tally, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[..., int]:
    """Runs a verb and looks at what it said."""
    caplog.set_level(logging.DEBUG)

    def run(what: str, *arguments: object) -> int:
        caplog.clear()
        with pytest.raises(SystemExit) as ended:
            cli.app([str(one) for one in arguments], prog_name="hepaflow")
        said = capfd.readouterr()
        tally.look(what, "stdout", said.out.encode())
        tally.look(what, "stderr", said.err.encode())
        tally.look(what, "log", caplog.text.encode())
        code = int(ended.value.code or 0)
        tally.codes.append(code)
        assert code != 1, said.err
        return code

    return run


def look_at_folder(tally: Tally, what: str, folder: Path) -> None:
    """Names of files and folders, then every file by its kind; DICOM of the case against its allow-list."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    tally.look(what, "names", "\n".join(path.relative_to(folder).as_posix() for path in paths).encode())
    by_kind: dict[str, list[bytes]] = {}
    for path in paths:
        blob, top = path.read_bytes(), path.relative_to(folder).parts[0]
        if path.suffix == ".dcm":
            allowed = OF_THE_STUDY if top == "dicom" else frozenset()
            by_kind.setdefault("dicom" if allowed else "dicom de-identified", []).append(blob)
            if path.name == "report_pdf.dcm":
                by_kind.setdefault("pdf in dicom", []).append(inflated(bytes(pydicom.dcmread(path).EncapsulatedDocument), ".pdf"))
        else:
            by_kind.setdefault("cache" if top == "steps" else path.suffix or path.name, []).append(inflated(blob, path.suffix))
            if path.suffix == ".html":
                by_kind.setdefault("png", []).append(pngs(blob))
    for kind, blobs in by_kind.items():
        tally.look(what, kind, b"\n".join(blobs), allowed=OF_THE_STUDY if kind == "dicom" else frozenset())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three slices of the phantom with canaries everywhere, and regions."""
    home = tmp_path_factory.mktemp("study")
    phantom, (first, last) = build(PhantomSpec(breathing_mm=0.0)), (11, 14)
    affine = np.array(phantom.grid.affine)
    affine[:3, 3] = phantom.grid.to_mm([first, 0, 0])
    grid = replace(phantom.grid, shape=(last - first, *phantom.grid.shape[1:]), affine=affine)
    series = replace(phantom.series, voxels=phantom.series.voxels[:, first:last].copy(), grid=grid)
    for number, path in enumerate(write_study(series, home / "plain", patient_id="x", patient_name="x", uid_seed="test")):
        ds = pydicom.dcmread(path)
        mark(ds, number)
        target = home / "dicom" / f"{CANARIES['file name']}_{number:04d}.dcm"
        target.parent.mkdir(exist_ok=True)
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(target)
    names = {
        label: name for label, name in phantom.names.items() if name in ("aorta", "portal_vein", "liver", "healthy", "lesion-2")
    }
    labels = np.where(np.isin(phantom.labels, list(names)), phantom.labels, 0)[first:last]
    nifti.write(home / "rois.nii.gz", labels, grid, description="regions")
    (home / "rois.json").write_text(json.dumps({"labels": {str(k): v for k, v in names.items()}, "frame": phantom.reference}))
    shutil.rmtree(home / "plain")
    return home


def test_there_are_enough_canaries_and_the_study_holds_them_all(study: Path) -> None:
    assert len(CANARIES) >= 75
    path = next((study / "dicom").iterdir())
    blob = path.read_bytes() + path.name.encode()
    assert [name for name, canary in CANARIES.items() if not holds(blob, canary)] == []


def test_the_search_finds_what_is_hidden() -> None:
    """A detector that finds nothing anywhere would pass every test below."""
    from PIL import Image as Picture
    from PIL.PngImagePlugin import PngInfo
    from reportlab.pdfgen.canvas import Canvas

    secret, stream, paper = CANARIES["PatientName"], io.BytesIO(), io.BytesIO()
    info = PngInfo()
    info.add_text("Comment", secret, zip=True)
    Picture.new("RGB", (2, 2)).save(stream, "PNG", pnginfo=info)
    canvas = Canvas(paper, pageCompression=1)
    canvas.drawString(10, 10, secret)
    canvas.save()
    page = b'<img src="data:image/png;base64,' + base64.b64encode(stream.getvalue()) + b'">'
    hidden = [(paper.getvalue(), ".pdf"), (page, ".html"), (gzip.compress(secret.encode()), ".gz"), (stream.getvalue(), ".png")]
    for blob, suffix in hidden:
        assert not holds(blob, secret)
        assert holds(inflated(blob, suffix), secret)
    assert holds(b"seen on 1977-07-11", CANARIES["StudyDate"])
    assert holds(CANARIES["StudyID"].encode("utf-16-le"), CANARIES["StudyID"])


def test_a_study_that_goes_well(study: Path, tmp_path: Path, tally: Tally, go: Callable[..., int]) -> None:
    source, case, clean, key = study / "dicom", tmp_path / "case", tmp_path / "clean", tmp_path / "key.json"
    assert go("inspect", "inspect", source) == 0
    assert go("inspect --json", "inspect", source, "--json") == 0
    arguments = ("analyze", source, "--out", case, "--rois", study / "rois.nii.gz", "--motion", "none")
    assert go("analyze", *arguments) == 0
    assert go("analyze --json", *arguments, "--json") == 0
    assert go("deidentify", "deidentify", source, clean, "--key", key) == 0
    assert go("deidentify --json", "deidentify", source, clean, "--key", key, "--json") == 0
    assert go("deidentify results", "deidentify", case / "dicom", tmp_path / "results", "--key", key) == 0
    for what, folder in (("analyze", case), ("deidentify", clean), ("deidentify results", tmp_path / "results")):
        look_at_folder(tally, what, folder)
    tally.look("deidentify", "key", key.read_bytes())
    assert tally.leaks == []
    assert {"stdout", "stderr", "log", "names", ".json", ".csv", ".html", ".pdf", "png", ".gz", ".jsonl", "cache"} <= tally.sinks
    assert {"dicom", "dicom de-identified", "pdf in dicom", "key"} <= tally.sinks
    assert tally.pairs >= 3000
    # the allow-list is one: the objects of the case do name their patient
    report = (case / "dicom" / "report.dcm").read_bytes()
    assert {name for name in OF_THE_STUDY if holds(report, CANARIES[name])} >= {
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "StudyDate",
    }
    pairs = [(path, pydicom.dcmread(path, stop_before_pixels=True)) for path in sorted(clean.rglob("*.dcm"))[:3]]
    assert {ds.PatientIdentityRemoved for _, ds in pairs} == {"YES"}


def _value(images: list[Image], keyword: str, canary: str, *, every: bool = False) -> None:
    for image in images if every else images[:1]:
        vr = dictionary_VR(keyword)
        image.ds[keyword] = pydicom.DataElement(keyword, vr, canary, validation_mode=pydicom.config.IGNORE)


NAME, BAD = CANARIES["PatientName"], "ZQ00CANARY"
#: What is done to the images of a study that holds every canary.
BROKEN: dict[str, Callable[[list[Image]], object]] = {
    "slice missing": lambda images: images.pop(5),
    "time is a name": lambda images: _value(images, "AcquisitionTime", BAD),
    "date is a name": lambda images: _value(images, "AcquisitionDate", BAD, every=True),
    "position holds a name": lambda images: _value(images, "ContentTime", BAD, every=True),
    "two studies": lambda images: setattr(images[0].ds, "StudyInstanceUID", "1.2.826.0.1.9"),
    "two patients": lambda images: setattr(images[0].ds, "PatientID", "ZQ01CANARY2"),
    "no CT": lambda images: [setattr(i.ds, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.4") for i in images],
    "slope zero": lambda images: [setattr(i.ds, "RescaleSlope", "0") for i in images],
    "pixels too short": lambda images: setattr(images[0].ds, "PixelData", b"\0" * 20),
    "kind of value": lambda images: setattr(images[0].ds, "RescaleType", BAD[:16]),
    "other matrix": lambda images: setattr(images[0].ds, "Rows", 8),
    "no times": lambda images: [i.ds.__delattr__("AcquisitionTime") for i in images],
    "frame of another": lambda images: setattr(images[0].ds, "FrameOfReferenceUID", "1.2.826.0.1.8"),
    "a copy that differs": lambda images: setattr(images[1].ds, "SOPInstanceUID", images[0].ds.SOPInstanceUID),
    "syntax unknown": lambda images: setattr(images[0], "syntax", "1.2.840.10008.1.2.4.100"),
}
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-200],
    "cut in the header": lambda data: data[:700],
    "charset": lambda data: data.replace(b"ISO_IR 100", b"ISO_IR 999"),
    "a number is a name": lambda data: data.replace(b"DS\x04\x002.5 ", b"DS\x04\x00ZQ00"),
    "a length lies": lambda data: data.replace(b"PN\x11\x00ZQ00", b"PN\x99\x99ZQ00").replace(b"PN\x12\x00ZQ00", b"PN\x99\x99ZQ00"),
}


def broken_study(folder: Path, change: str) -> Path:
    images = tiny(slices=2)
    for number, image in enumerate(images):
        mark(image.ds, number)
        image.ds.SpecificCharacterSet = "ISO_IR 100"
    if change in BROKEN:
        BROKEN[change](images)
    for number, image in enumerate(images):
        path = folder / f"{CANARIES['file name']}_{number:03d}.dcm"
        try:
            save(image, path)
        except ValueError:  # the writer itself refuses
            image.syntax = "1.2.840.10008.1.2.1"
            save(image, path)
    if change in BYTES:
        first = sorted(folder.iterdir())[0]
        changed = BYTES[change](first.read_bytes())
        assert changed != first.read_bytes(), "the change did nothing"
        first.write_bytes(changed)
    return folder


@pytest.mark.filterwarnings("ignore")
def test_studies_that_fail(tmp_path: Path, tally: Tally, go: Callable[..., int]) -> None:
    refused = 0
    for number, change in enumerate([*BROKEN, *BYTES, "zip damaged", "zip with names"]):
        home = tmp_path / str(number)
        source = broken_study(home / "study", change)
        if change.startswith("zip"):
            with zipfile.ZipFile(home / "study.zip", "w") as archive:
                for path in sorted(source.iterdir()):
                    archive.write(path, f"{NAME}/../{path.name}" if change == "zip with names" else path.name)
            source = home / "study.zip"
            if change == "zip damaged":
                source.write_bytes(source.read_bytes()[:-900])
        codes = [
            go(change, "inspect", source),
            go(change, "inspect", source, "--json"),
            go(change, "analyze", source, "--out", home / "case", "--motion", "none"),
            go(change, "deidentify", source, home / "clean", "--key", home / "key.json"),
        ]
        refused += 3 in codes
        assert 3 in codes or 4 in codes or change in {"date is a name"}, (change, codes)
        for folder in (home / "case", home / "clean"):
            if folder.exists():
                look_at_folder(tally, change, folder)
    assert tally.leaks == []
    assert refused >= 15
    assert tally.pairs >= 25_000
