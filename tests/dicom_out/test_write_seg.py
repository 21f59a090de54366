from __future__ import annotations

from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from case_for_tests import SHAPE, case

from hepaflow.dicom import write_seg
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Region
from hepaflow.errors import InputRefused


def masks(path, grid: Grid) -> dict[str, np.ndarray]:
    """Every segment on ``grid``, placed by its frames' own positions, bits unpacked here."""
    ds = pydicom.dcmread(path)
    bits = np.unpackbits(np.frombuffer(ds.PixelData, np.uint8), bitorder="little")
    frames = bits[: ds.NumberOfFrames * ds.Rows * ds.Columns].reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
    found = {item.SegmentNumber: np.zeros(SHAPE, bool) for item in ds.SegmentSequence}
    for frame, image in zip(ds.PerFrameFunctionalGroupsSequence, frames, strict=True):
        at = grid.to_index(np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float))
        np.testing.assert_allclose(at, [round(at[0]), 0, 0], atol=1e-3)  # the contract's 1e-3 mm, in voxels of about 1 mm
        found[frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber][round(at[0])] = image
    return {item.SegmentLabel: found[item.SegmentNumber] for item in ds.SegmentSequence}


@pytest.mark.parametrize("kind", ["axial", "oblique", "feet-first"])
def test_reads_back_equal(kind, tmp_path):
    study = case(kind)
    back = masks(write_seg.write_seg(study, tmp_path), study.series.grid)
    regions = study.regions
    assert set(back) == {
        *("aorta", "portal_vein", "liver", "healthy", "lesion-2"),
        *("lesion-1", "lesion-1 rim", "lesion-1 core", "lesion-1 surround"),
    }
    np.testing.assert_array_equal(back["aorta"], regions.aorta.mask)
    np.testing.assert_array_equal(back["portal_vein"], regions.portal_vein.mask)
    np.testing.assert_array_equal(back["healthy"], regions.healthy.mask)
    np.testing.assert_array_equal(back["lesion-1"], regions.lesions[0].shells["whole"].mask)
    np.testing.assert_array_equal(back["lesion-1 core"], regions.lesions[0].shells["core"].mask)


def test_another_reader_sees_the_same_volume(tmp_path):
    study = case("axial")
    segmentation = highdicom.seg.segread(write_seg.write_seg(study, tmp_path))
    volume = segmentation.get_volume(combine_segments=False)
    grid = study.series.grid
    number = next(
        n for n in segmentation.segment_numbers if segmentation.get_segment_description(n).segment_label == "lesion-1 rim"
    )
    point = np.argwhere(volume.array[..., number - 1])
    mm = point @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    expected = grid.to_mm(np.argwhere(study.regions.lesions[0].shells["rim"].mask))
    assert sorted(map(tuple, mm.round(3))) == sorted(map(tuple, expected.round(3)))


def test_who_drew_it_and_what_it_is(tmp_path):
    ds = pydicom.dcmread(write_seg.write_seg(case(), tmp_path))
    said = {item.SegmentLabel: item for item in ds.SegmentSequence}
    assert ds.SegmentationType == "BINARY"
    assert ds.SegmentsOverlap == "YES"
    assert {label: item.SegmentAlgorithmType for label, item in said.items()} == {
        "aorta": "MANUAL",
        "portal_vein": "AUTOMATIC",
        "liver": "AUTOMATIC",
        "healthy": "MANUAL",
        "lesion-1": "MANUAL",
        "lesion-1 rim": "SEMIAUTOMATIC",
        "lesion-1 core": "SEMIAUTOMATIC",
        "lesion-1 surround": "SEMIAUTOMATIC",
        "lesion-2": "AUTOMATIC",
    }
    assert said["aorta"].SegmentedPropertyTypeCodeSequence[0].CodeValue == "15825003"
    assert said["lesion-1 rim"].SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"
    assert len({item.TrackingUID for item in ds.SegmentSequence}) == len(said)


def test_tracking_outlives_a_changed_outline_and_the_object_does_not(tmp_path):
    study = case()
    mask = study.regions.aorta.mask.copy()
    mask[0, 0, 0] = False
    other = replace(study, regions=replace(study.regions, aorta=Region("aorta", mask, "given")))
    one, two = (pydicom.dcmread(write_seg.write_seg(each, tmp_path)) for each in (study, other))
    assert [item.TrackingUID for item in one.SegmentSequence] == [item.TrackingUID for item in two.SegmentSequence]
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID


def test_nothing_to_write_is_refused(tmp_path):
    study = case()
    nothing = Region("none", np.zeros(SHAPE, bool), "given")
    empty = replace(study.regions, aorta=nothing, portal_vein=None, liver=nothing, healthy=nothing, lesions=())
    with pytest.raises(InputRefused, match="REGION-EMPTY"):
        write_seg.write_seg(replace(study, regions=empty), tmp_path)
