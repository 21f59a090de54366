"""Regions from label maps, SEG and RTSTRUCT: each marked voxel at its place in mm, whatever grid it was drawn on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sr.codedict import codes
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)
from tiny_study import COLUMNS, OBLIQUE, ROWS, SLICES, SPACING, origin_of, save, tiny

from hepaflow.dicom.read_contours import inside
from hepaflow.dicom.read_regions import RegionSet, known_name, read_regions
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

FRAME = "1.2.3.1.9"


def study_grid(frame: str = FRAME) -> Grid:
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = OBLIQUE[:, 2] * SPACING[0], OBLIQUE[:, 1] * SPACING[1], OBLIQUE[:, 0] * SPACING[2]
    affine[:3, 3] = origin_of(0)
    return Grid((SLICES, ROWS, COLUMNS), affine, frame)


def block(*, k: slice, j: slice, i: slice) -> np.ndarray:
    mask = np.zeros((SLICES, ROWS, COLUMNS), bool)
    mask[k, j, i] = True
    return mask


AORTA = block(k=slice(0, 4), j=slice(2, 5), i=slice(10, 12))
LESION = block(k=slice(1, 3), j=slice(9, 14), i=slice(1, 7))
LIVER = block(k=slice(0, 4), j=slice(6, 16), i=slice(0, 12))


def code(path: Path, grid: Grid | None = None) -> str:
    with pytest.raises(InputRefused) as caught:
        read_regions(path, study_grid() if grid is None else grid)
    assert "CANARY" not in str(caught.value)
    return caught.value.code


# label maps


def put(folder: Path, labels: np.ndarray, names: Any, *, grid: Grid | None = None, **facts: Any) -> Path:
    """``labels`` (k, j, i) on ``grid`` as NIfTI with its JSON."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ (study_grid() if grid is None else grid).affine[:, [2, 1, 0, 3]]
    folder.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(labels.transpose(), affine), folder / "rois.nii.gz")
    (folder / "rois.json").write_text(json.dumps({"labels": names, **facts}))
    return folder / "rois.nii.gz"


def test_a_label_map_on_the_same_grid(tmp_path: Path) -> None:
    labels = np.where(AORTA, 1, np.where(LESION, 11, 0)).astype(np.int16)
    path = put(tmp_path, labels, {"1": "Aorta", "11": "Lesion 1"}, frame=9)
    for place in (path, tmp_path):
        found = read_regions(place, study_grid())
        assert list(found.masks) == ["aorta", "lesion-1"]
        np.testing.assert_array_equal(found.masks["aorta"], AORTA)
        np.testing.assert_array_equal(found.masks["lesion-1"], LESION)
        assert found.frame == 9
        assert found.flags == ("region-frame-unverified",)


def mirrored(grid: Grid) -> tuple[Grid, np.ndarray]:
    """The same voxels counted from the other end of the first and last axis, axes exchanged: affine and the index permutation."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_mm((grid.shape[0] - 1, 0, grid.shape[2] - 1))
    affine[:3, 0] *= -1
    affine[:3, 2] *= -1
    return Grid((grid.shape[2], grid.shape[0], grid.shape[1]), affine[:, [2, 0, 1, 3]]), np.array([2, 0, 1])


def test_a_label_map_in_another_orientation(tmp_path: Path) -> None:
    other, order = mirrored(study_grid())
    turned = LESION[::-1, :, ::-1].transpose(tuple(order))
    found = read_regions(put(tmp_path, turned.astype(np.uint8), {"1": "lesion-1"}, grid=other), study_grid())
    np.testing.assert_array_equal(found.masks["lesion-1"], LESION)


def test_a_finer_and_larger_label_map(tmp_path: Path) -> None:
    grid, factor = study_grid(), 3
    affine = grid.affine.copy()
    affine[:3, :3] /= factor
    affine[:3, 3] = grid.to_mm(np.full(3, -1 + 0.5 / factor - 0.5))
    fine = Grid(tuple((n + 2) * factor for n in grid.shape), affine)
    labels = np.kron(np.pad(LESION, 1), np.ones((factor,) * 3)).astype(np.uint8)
    found = read_regions(put(tmp_path, labels, {"1": "lesion-1"}, grid=fine), grid)
    np.testing.assert_array_equal(found.masks["lesion-1"], LESION)
    assert "region-partly-outside" not in found.flags


def test_a_coarser_label_map_covers_its_voxels(tmp_path: Path) -> None:
    grid = study_grid()
    affine = grid.affine.copy()
    affine[:3, 1:3] *= 2
    affine[:3, 3] = grid.to_mm((0, 0.5, 0.5))
    coarse = Grid((SLICES, ROWS // 2, COLUMNS // 2), affine)
    labels = np.zeros(coarse.shape, np.uint8)
    labels[2, 3, 7] = 4
    found = read_regions(put(tmp_path, labels, {"4": "spleen"}, grid=coarse), grid)
    assert np.argwhere(found.masks["spleen"]).tolist() == [[2, 6, 14], [2, 6, 15], [2, 7, 14], [2, 7, 15]]


def test_regions_that_reach_out_are_flagged_and_those_outside_refused(tmp_path: Path) -> None:
    grid = study_grid()
    for shift, expected in ((2, "flag"), (SLICES, "refused")):
        affine = grid.affine.copy()
        affine[:3, 3] = grid.to_mm((shift, 0, 0))
        path = put(tmp_path / str(shift), AORTA.astype(np.uint8), {"1": "aorta"}, grid=Grid(grid.shape, affine))
        if expected == "refused":
            assert code(path) == "REGION-OUTSIDE"
        else:
            found = read_regions(path, grid)
            np.testing.assert_array_equal(found.masks["aorta"][2:], AORTA[:2])
            assert "region-partly-outside" in found.flags


def test_voxels_that_regions_share_have_a_list_of_names(tmp_path: Path) -> None:
    inner = block(k=slice(1, 3), j=slice(9, 11), i=slice(1, 4))
    labels = np.zeros((SLICES, ROWS, COLUMNS), np.int16)
    for number, mask in ((1, AORTA), (2, LIVER), (3, LESION & LIVER), (4, inner)):
        labels[mask] = number
    names = {"1": "aorta", "2": "liver", "3": ["Liver", "Lesion 1"], "4": ["liver", "lesion-1", "healthy"]}
    found = read_regions(put(tmp_path / "a", labels, names, proposed=["liver"]), study_grid())
    for name, mask in (("aorta", AORTA), ("liver", LIVER), ("lesion-1", LESION & LIVER), ("healthy", inner)):
        assert (found.masks[name] == mask).all(), name
    assert found.proposed == {"liver"}
    assert "region-overlap" in found.flags
    assert code(put(tmp_path / "b", labels, {"1": []})) == "SIDECAR-INVALID"
    assert code(put(tmp_path / "c", labels, {"1": ["aorta", 3]})) == "SIDECAR-INVALID"
    assert code(put(tmp_path / "d", labels, {"1": "aorta"}, proposed=["lesion-1"])) == "SIDECAR-INVALID"


def test_names_labels_and_frames_that_do_not_fit(tmp_path: Path) -> None:
    one, two = AORTA.astype(np.uint8), 2 * LESION.astype(np.uint8)
    unknown = read_regions(put(tmp_path / "a", one + two, {"1": "aorta", "2": "CANARY"}), study_grid())
    assert unknown.flags == ("region-frame-unverified", "region-names-unknown")
    unnamed = read_regions(put(tmp_path / "b", one + two, {"1": "aorta"}), study_grid())
    assert unnamed.flags == ("region-labels-unnamed", "region-frame-unverified")
    assert code(put(tmp_path / "c", one, {"1": "CANARY"})) == "REGIONS-UNKNOWN"
    assert code(put(tmp_path / "d", one, {"1": "aorta", "2": "liver"})) == "REGION-EMPTY"
    assert code(put(tmp_path / "e", one + two, {"1": "aorta", "2": "AORTA "})) == "REGION-DUPLICATE"
    assert code(put(tmp_path / "f", one, {"0": "aorta"})) == "SIDECAR-INVALID"
    assert code(put(tmp_path / "g", one, {"one": "aorta"})) == "SIDECAR-INVALID"
    assert code(put(tmp_path / "h", one, ["aorta"])) == "SIDECAR-INVALID"
    assert code(put(tmp_path / "i", one, {"1": "aorta"}, frame=-1)) == "SIDECAR-INVALID"
    assert code(put(tmp_path / "j", one * np.float32(1.5), {"1": "aorta"})) == "REGIONS-VALUES"
    assert code(tmp_path / "none.nii") == "REGIONS-MISSING"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Portal Vein", "portal_vein"),
        ("portal-vein", "portal_vein"),
        (" AORTA", "aorta"),
        ("lesion 12", "lesion-12"),
        ("Lesion_b", "lesion-b"),
        ("lesion-1", "lesion-1"),
        ("LESION3", "lesion-3"),
        ("lesion", None),
        ("lesion-1 rim", None),
        ("kidney", None),
        ("", None),
        ("lésion 1", None),
    ],
)
def test_names(name: str, expected: str | None) -> None:
    assert known_name(name) == expected


# DICOM segmentations


def seg(path: Path, segments: dict[str, np.ndarray], *, fractional: bool = False, omit: bool = True, reverse: bool = False) -> Path:
    """A segmentation by highdicom, referring to the tiny study's first pass."""
    sources = []
    for image in tiny()[:SLICES]:
        save(image, path.parent / "source" / f"{image.k}")
        image.ds.AccessionNumber, image.ds.StudyTime, image.ds.PatientBirthDate = "", "100000", ""
        image.ds.ReferringPhysicianName, image.ds.PatientSex = "", ""
        sources.append(image.ds)
    described = [
        highdicom.seg.SegmentDescription(
            segment_number=n,
            segment_label=label,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for n, label in enumerate(segments, start=1)
    ]
    pixels = np.stack(list(segments.values()), axis=-1)
    if reverse:
        sources, pixels = sources[::-1], pixels[::-1]
    made = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels.astype(np.float32) * 0.8 if fractional else pixels.astype(np.uint8),
        segmentation_type="FRACTIONAL" if fractional else "BINARY",
        segment_descriptions=described,
        series_instance_uid="1.2.3.1.70",
        series_number=70,
        sop_instance_uid="1.2.3.1.70.1",
        instance_number=1,
        manufacturer="Maker",
        manufacturer_model_name="Model",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=omit,
    )
    made.save_as(path)
    return path


def packed(path: Path, syntax: str) -> None:
    """The file again in another transfer syntax."""
    made = pydicom.dcmread(path)
    if UID(syntax).is_compressed and UID(syntax).is_encapsulated:
        made.compress(syntax, generate_instance_uid=False)
    else:
        made.file_meta.TransferSyntaxUID = UID(syntax)
    made.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("fractional", [False, True])
@pytest.mark.parametrize("omit", [False, True])
def test_a_segmentation_lies_where_it_was_drawn(fractional: bool, omit: bool, tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"Aorta": AORTA, "Lesion 1": LESION, "Liver": LIVER}, fractional=fractional, omit=omit)
    found = read_regions(path, study_grid())
    np.testing.assert_array_equal(found.masks["aorta"], AORTA)
    np.testing.assert_array_equal(found.masks["lesion-1"], LESION)
    np.testing.assert_array_equal(found.masks["liver"], LIVER)
    assert found.flags == ()
    assert found.frame is None


def test_a_segmentation_in_another_order_and_on_another_grid(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"lesion-2": LESION}, reverse=True)
    grid = study_grid()
    np.testing.assert_array_equal(read_regions(path, grid).masks["lesion-2"], LESION)
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_mm((1, 3, 0))
    smaller = Grid((SLICES - 1, ROWS - 3, COLUMNS), affine, FRAME)
    np.testing.assert_array_equal(read_regions(path, smaller).masks["lesion-2"], LESION[1:, 3:])


def test_a_segmentation_with_an_empty_slice_between(tmp_path: Path) -> None:
    parts = LESION.copy()
    parts[:, 9:14, 1:7] = np.array([True, False, False, True])[:, None, None]
    found = read_regions(seg(tmp_path / "seg.dcm", {"lesion-1": parts}), study_grid())
    np.testing.assert_array_equal(found.masks["lesion-1"], parts)


@pytest.mark.parametrize(
    "syntax", [DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless, ImplicitVRLittleEndian], ids=lambda uid: uid.name[:12]
)
def test_a_segmentation_in_any_transfer_syntax(syntax: str, tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA, "lesion-1": LESION}, fractional=True)
    packed(path, syntax)
    found = read_regions(path, study_grid())
    np.testing.assert_array_equal(found.masks["aorta"], AORTA)
    np.testing.assert_array_equal(found.masks["lesion-1"], LESION)


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("Columns", COLUMNS + 3, "PIXEL-FORMAT"),  # GDCM ends the process that it runs in
        ("Rows", ROWS // 2, "PIXEL-FORMAT"),
        ("BitsAllocated", 1, "FILE-DAMAGED"),
        ("NumberOfFrames", 1, "REGIONS-DAMAGED"),
    ],
)
def test_compressed_frames_that_contradict_their_header_do_not_end_the_process(
    keyword: str, value: int, expected: str, tmp_path: Path
) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA}, fractional=True)
    packed(path, JPEGLSLossless)
    made = pydicom.dcmread(path)
    setattr(made, keyword, value)
    made.save_as(path)
    assert code(path) == expected


def test_a_segmentation_that_reaches_beyond_any_study_is_refused(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA})
    made = pydicom.dcmread(path)
    made.Rows, made.Columns = 1024, 1024
    frames = made.PerFrameFunctionalGroupsSequence
    made.PixelData = bytes(1024 * 1024 // 8 * len(frames))
    first, last = (np.array(frames[n].PlanePositionSequence[0].ImagePositionPatient, float) for n in (0, 1))
    frames[-1].PlanePositionSequence[0].ImagePositionPatient = [f"{v:.6f}" for v in first + 5000 * (last - first)]
    made.save_as(path)
    assert code(path) == "REGIONS-TOO-LARGE"


def test_overlaps_are_flagged_except_with_the_liver(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"healthy": LIVER, "lesion-1": LESION})
    assert read_regions(path, study_grid()).flags == ("region-overlap",)


def test_a_segmentation_of_another_frame_of_reference_is_refused(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA})
    assert code(path, study_grid("1.2.3.4.5")) == "REGIONS-FRAME"


def test_a_segmentation_that_is_cut_or_contradicts_itself_is_refused(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA})
    data = path.read_bytes()
    path.write_bytes(data[:-3])
    assert code(path) == "FILE-TRUNCATED"
    path.write_bytes(data)
    dataset = pydicom.dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    dataset.save_as(path)
    assert code(path) == "REGIONS-DAMAGED"


def number_alike(made: Any) -> None:
    made.SegmentSequence[1].SegmentNumber = made.SegmentSequence[0].SegmentNumber


def belong_to_none(made: Any) -> None:
    made.PerFrameFunctionalGroupsSequence[-1].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def place_twice(made: Any) -> None:
    made.SharedFunctionalGroupsSequence[0].PlanePositionSequence = made.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence


def space_otherwise(made: Any) -> None:
    shared, own = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence, Dataset()
    del made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    own.PixelSpacing = [9, 9]
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence):
        frame.PixelMeasuresSequence = [own] if number == 1 else shared


def hold_more(made: Any) -> None:
    made.PixelData += bytes(40)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (number_alike, "REGIONS-DAMAGED"),
        (belong_to_none, "REGIONS-DAMAGED"),
        (place_twice, "OBJECT-CONTRADICTS"),
        (space_otherwise, "REGIONS-GEOMETRY"),
        (hold_more, "OBJECT-DAMAGED"),
    ],
)
def test_a_segmentation_that_contradicts_itself_is_refused(change: Callable[[Any], None], expected: str, tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA, "lesion-1": LESION})
    made = pydicom.dcmread(path)
    change(made)
    made.save_as(path)
    assert code(path) == expected


def test_a_label_map_of_a_segment_that_is_not_described_is_refused(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA}, fractional=True)
    made = pydicom.dcmread(path)
    stored = np.frombuffer(made.PixelData, np.uint8)
    made.SegmentationType = "LABELMAP"
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    made.PixelData = np.where(stored > 0, 1, 0).astype(np.uint8).tobytes()
    made.save_as(path)
    np.testing.assert_array_equal(read_regions(path, study_grid()).masks["aorta"], AORTA)
    made.PixelData = np.where(stored > 0, 1, 7).astype(np.uint8).tobytes()
    made.save_as(path)
    assert code(path) == "REGIONS-DAMAGED"
    made.PixelPaddingValue = 7
    made["PixelPaddingValue"].VR = "US"
    made.save_as(path)
    np.testing.assert_array_equal(read_regions(path, study_grid()).masks["aorta"], AORTA)


def test_regions_without_a_frame_of_reference_are_flagged_as_label_maps_are(tmp_path: Path) -> None:
    path = seg(tmp_path / "seg.dcm", {"aorta": AORTA})
    made = pydicom.dcmread(path)
    del made.FrameOfReferenceUID
    made.save_as(path)
    square = [contour(1, [(2, 2), (2, 6), (6, 6), (6, 2)])]
    for drawn in (path, rtstruct(tmp_path / "rt.dcm", {"aorta": square}, frame="")):
        assert read_regions(drawn, study_grid()).flags == ("region-frame-unverified",)
        assert read_regions(drawn, study_grid("")).flags == ()


# RTSTRUCT


def contour(k: float, corners: list[tuple[float, float]], kind: str = "CLOSED_PLANAR") -> Dataset:
    """A contour of (row, column) corners on slice ``k``."""
    points = study_grid().to_mm(np.array([(k, *corner) for corner in corners]))
    item: Any = Dataset()
    item.ContourGeometricType, item.NumberOfContourPoints = kind, len(corners)
    item.ContourData = [f"{v:.6f}" for v in points.ravel()]
    return item


def box(k: float, rows: tuple[float, float], columns: tuple[float, float]) -> Dataset:
    """Round the voxels ``rows`` to ``columns``, ends included."""
    (r0, r1), (c0, c1) = rows, columns
    return contour(k, [(r0 - 0.5, c0 - 0.5), (r0 - 0.5, c1 + 0.5), (r1 + 0.5, c1 + 0.5), (r1 + 0.5, c0 - 0.5)])


def rtstruct(path: Path, regions: dict[str, list[Dataset]], *, frame: str = FRAME) -> Path:
    ds: Any = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3.1.80.1"
    ds.Modality, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.PatientName = "RTSTRUCT", "1.2.3.1", "1.2.3.1.80", "CANARY"
    ds.StructureSetROISequence, ds.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(regions.items(), start=1):
        roi: Any = Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame
        drawn: Any = Dataset()
        drawn.ReferencedROINumber, drawn.ContourSequence = number, contours
        ds.StructureSetROISequence.append(roi)
        ds.ROIContourSequence.append(drawn)
    meta: Any = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta = meta
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def contours_read(folder: Path, contours: list[Dataset]) -> RegionSet:
    return read_regions(rtstruct(folder / "rt.dcm", {"Lesion 1": contours}), study_grid())


def test_contours_lie_where_they_were_drawn(tmp_path: Path) -> None:
    path = rtstruct(
        tmp_path / "rt.dcm",
        {"Portal Vein": [box(k, (2, 4), (10, 11)) for k in range(4)], "Lesion 1": [box(k, (9, 13), (1, 6)) for k in (1, 2)]},
    )
    for place in (path, tmp_path):
        found = read_regions(place, study_grid())
        np.testing.assert_array_equal(found.masks["portal_vein"], AORTA)
        np.testing.assert_array_equal(found.masks["lesion-1"], LESION)
        assert found.flags == ()


def test_a_contour_in_a_contour_is_a_hole(tmp_path: Path) -> None:
    expected = block(k=slice(1, 2), j=slice(4, 12), i=slice(3, 15))
    expected[1, 6:9, 5:9] = False
    found = contours_read(tmp_path, [box(1, (4, 11), (3, 14)), box(1, (6, 8), (5, 8))])
    np.testing.assert_array_equal(found.masks["lesion-1"], expected)


def test_two_pieces_in_one_slice(tmp_path: Path) -> None:
    expected = block(k=slice(2, 3), j=slice(2, 4), i=slice(2, 4)) | block(k=slice(2, 3), j=slice(10, 12), i=slice(15, 19))
    found = contours_read(tmp_path, [box(2, (2, 3), (2, 3)), box(2, (10, 11), (15, 18))])
    np.testing.assert_array_equal(found.masks["lesion-1"], expected)


def test_contours_drawn_on_every_other_slice_fill_the_one_between(tmp_path: Path) -> None:
    found = contours_read(tmp_path, [box(1, (4, 5), (3, 4)), box(3, (4, 5), (3, 4))])
    assert found.masks["lesion-1"].sum(axis=(1, 2)).tolist() == [4, 4, 4, 4]


def test_contours_finer_than_the_slices(tmp_path: Path) -> None:
    found = contours_read(tmp_path, [box(1 + n / 4, (4, 5), (3, 3 + n)) for n in range(5)])
    assert found.masks["lesion-1"].sum(axis=(1, 2)).tolist() == [0, 2, 10, 0]


def test_points_are_left_out_with_a_flag(tmp_path: Path) -> None:
    found = contours_read(tmp_path, [box(1, (4, 5), (3, 4)), contour(2, [(5, 5)], "POINT")])
    assert found.flags == ("region-points-ignored",)
    assert found.masks["lesion-1"][2].sum() == 0


@pytest.mark.parametrize("sequence", ["StructureSetROISequence", "ROIContourSequence"])
@pytest.mark.parametrize("number", [1, 9])
def test_contours_of_one_number_or_of_none_are_refused(sequence: str, number: int, tmp_path: Path) -> None:
    square = [contour(1, [(2, 2), (2, 6), (6, 6), (6, 2)])]
    path = rtstruct(tmp_path / "rt.dcm", {"aorta": square, "Lesion 1": square})
    made = pydicom.dcmread(path)
    keyword = "ROINumber" if sequence == "StructureSetROISequence" else "ReferencedROINumber"
    setattr(made[sequence].value[1], keyword, number)
    made.save_as(path)
    assert code(path) == "REGIONS-DAMAGED"


def test_contours_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    aorta = [box(1, (4, 5), (3, 4))]
    assert code(rtstruct(tmp_path / "a", {"aorta": aorta}, frame="1.2.9")) == "REGIONS-FRAME"
    assert code(rtstruct(tmp_path / "b", {"aorta": [box(40, (4, 5), (3, 4))]})) == "REGION-OUTSIDE"
    assert code(rtstruct(tmp_path / "c", {"aorta": [box(1, (-9, -5), (3, 4))]})) == "REGION-OUTSIDE"
    assert code(rtstruct(tmp_path / "d", {"aorta": []})) == "REGION-EMPTY"
    assert code(rtstruct(tmp_path / "e", {"CANARY": aorta})) == "REGIONS-UNKNOWN"
    leaning = contour(1, [(2, 2), (2, 8), (8, 8)])
    leaning.ContourData = [f"{v:.4f}" for v in study_grid().to_mm([(0, 2, 2), (1, 2, 8), (2, 8, 8)]).ravel()]
    assert code(rtstruct(tmp_path / "f", {"aorta": [leaning]})) == "REGIONS-GEOMETRY"
    broken = contour(1, [(2, 2), (2, 8), (8, 8)])
    broken.ContourData = ["1", "2"]
    assert code(rtstruct(tmp_path / "g", {"aorta": [broken]})) == "REGIONS-DAMAGED"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.txt").write_text("x")
    assert code(tmp_path / "empty") == "REGIONS-MISSING"


@given(
    st.lists(st.tuples(st.floats(-3, 14), st.floats(-3, 18)), min_size=3, max_size=8),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_polygons_with_a_common_edge_share_no_voxel(points: list[tuple[float, float]], apex: tuple[float, float]) -> None:
    """Cut a polygon along a chord: the parts, by the even-odd rule, are together exactly the whole."""
    whole = np.array(points)
    first, second = np.array([*points[:2], apex]), np.array([points[0], apex, *points[1:]])
    shape = (12, 16)
    np.testing.assert_array_equal(inside(first, shape) ^ inside(second, shape), inside(whole, shape))


def test_a_triangle_takes_the_centres_inside_it() -> None:
    found = inside(np.array([(0.5, 0.5), (0.5, 4.6), (4.6, 0.5)]), (6, 6))
    assert [np.flatnonzero(row).tolist() for row in found] == [[], [1, 2, 3, 4], [1, 2, 3], [1, 2], [1], []]
