from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from case_for_tests import KEYS, SHAPE, case

from hepaflow.dicom import codes, write_map
from hepaflow.domain.denoising import Denoising, RegionChange

KINDS = ("axial", "oblique", "feet-first")


def place(ipp, iop, spacing, j, i):
    """PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1: the mm position of column i, row j of an image."""
    ipp, iop = np.array(ipp, float), np.array(iop, float)
    return ipp + iop[:3] * float(spacing[1]) * i + iop[3:] * float(spacing[0]) * j


@pytest.fixture(scope="module", params=KINDS)
def written(request, tmp_path_factory):
    study = case(request.param)
    folder = tmp_path_factory.mktemp("maps")
    return study, folder, write_map.write_maps(study, folder)


def test_every_map_has_both_forms(written):
    _, folder, paths = written
    assert {path.name for path in paths if path.parent == folder} == {f"pm_{key}.dcm" for key in KEYS}
    assert {path.parent.name for path in paths if path.parent != folder} == {f"images_{key}" for key in KEYS}
    assert set(folder.rglob("*.dcm")) == set(paths)


def test_parametric_map_is_exact_and_in_place(written):
    study, folder, _ = written
    grid = study.series.grid
    for key in KEYS:
        ds = pydicom.dcmread(folder / f"pm_{key}.dcm")
        values = np.frombuffer(ds.FloatPixelData, "<f4").reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
        shared = ds.SharedFunctionalGroupsSequence[0]
        iop = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        spacing = shared.PixelMeasuresSequence[0].PixelSpacing
        back = np.full(SHAPE, np.nan, np.float32)
        for frame, image in zip(ds.PerFrameFunctionalGroupsSequence, values, strict=True):
            ipp = frame.PlanePositionSequence[0].ImagePositionPatient
            k = round(float(grid.to_index(np.array(ipp, float))[0]))
            for j, i in ((0, 0), (7, 11)):
                assert np.abs(place(ipp, iop, spacing, j, i) - grid.to_mm((k, j, i))).max() < 1e-3  # the contract's 1e-3 mm
            back[k] = image
        np.testing.assert_array_equal(back, study.maps.maps[key].values)


def test_frames_rise_along_the_normal_and_carry_anatomy(written):
    _, folder, _ = written
    ds = pydicom.dcmread(folder / "pm_bf.dcm")
    shared = ds.SharedFunctionalGroupsSequence[0]
    iop = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    normal = np.cross(iop[:3], iop[3:])
    points = [np.array(f.PlanePositionSequence[0].ImagePositionPatient, float) for f in ds.PerFrameFunctionalGroupsSequence]
    steps = np.diff(np.array(points) @ normal)
    np.testing.assert_allclose(steps, 3.0, atol=1e-6)  # positions are written to nine decimals
    assert [f.FrameContentSequence[0].DimensionIndexValues for f in ds.PerFrameFunctionalGroupsSequence] == [1, 2, 3, 4]
    assert shared.FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeValue == "10200004"


def test_only_the_run_of_computed_slices_is_written():
    values = np.full(SHAPE, np.nan, np.float32)
    values[2, 3, 4] = values[4, 0, 0] = 1.0
    assert write_map.computed_slices(values, range(6)) == [2, 3, 4]
    assert write_map.computed_slices(values, range(5, -1, -1)) == [4, 3, 2]
    assert write_map.computed_slices(np.full(SHAPE, np.nan, np.float32), range(6)) == [0, 1, 2, 3, 4, 5]


def test_quantity_unit_vessel_and_method_are_coded(written):
    _, folder, _ = written

    def said(key):
        mapping = pydicom.dcmread(folder / f"pm_{key}.dcm").SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        unit = mapping.MeasurementUnitsCodeSequence[0]
        items = mapping.QuantityDefinitionSequence
        pairs = [(item.ConceptNameCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeValue) for item in items]
        return unit.CodeValue, unit.CodingSchemeDesignator, pairs

    how = [("370129005", "126301"), ("370129005", "126346")]
    assert said("bf") == ("ml/(100.g)/min", "UCUM", [("246205007", "126390"), *how])
    assert said("habf") == ("ml/(100.g)/min", "UCUM", [("246205007", "126390"), *how, ("363698007", "76015000")])
    assert said("hpbf") == ("ml/(100.g)/min", "UCUM", [("246205007", "126390"), *how, ("363698007", "32764006")])
    assert said("bv")[2][0][1] == "126391"
    assert said("mtt")[:2] == ("s", "UCUM")
    assert said("mtt")[2][0][1] == "113052"
    assert said("ttp")[2][0][1] == "113069"
    assert said("ktrans")[2][0][1] == "126312"
    assert said("msi")[0] == "[hnsf'U]/s"
    assert said("haf")[0] == "1"


def test_maps_of_denoised_data_say_so(tmp_path):
    study = case("axial")
    change = RegionChange("healthy", 10, 0.1, 0.2, 50.0, 0.1, 100.0, 99.0, False)
    study = replace(study, denoising=Denoising("tips", 6.0, 3.0, 10.0, 3.0, (change,), ("maps-denoised", "denoising-blurs")))
    write_map.write_maps(study, tmp_path)
    pm = pydicom.dcmread(tmp_path / "pm_bf.dcm").SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    image = pydicom.dcmread(next((tmp_path / "images_bf").iterdir())).RealWorldValueMappingSequence[0]
    for mapping in (pm, image):
        items = mapping.QuantityDefinitionSequence
        flags = [i.ConceptCodeSequence[0].CodeValue for i in items if i.ConceptNameCodeSequence[0].CodeValue == "QUALITY-FLAG"]
        assert flags == ["maps-denoised", "denoising-blurs"]


def test_image_series_is_within_half_a_step_and_in_place(written):
    study, folder, _ = written
    grid = study.series.grid
    for key in KEYS:
        values = study.maps.maps[key].values
        back = np.full(SHAPE, np.nan)
        along = []
        for path in sorted((folder / f"images_{key}").iterdir()):
            ds = pydicom.dcmread(path)
            stored = ds.pixel_array
            mapping = ds.RealWorldValueMappingSequence[0]
            assert mapping.RealWorldValueSlope == float(ds.RescaleSlope)
            k = round(float(grid.to_index(np.array(ds.ImagePositionPatient, float))[0]))
            corner = place(ds.ImagePositionPatient, ds.ImageOrientationPatient, ds.PixelSpacing, 9, 12)
            assert np.abs(corner - grid.to_mm((k, 9, 12))).max() < 1e-3
            back[k] = np.where(stored == ds.PixelPaddingValue, np.nan, stored * float(ds.RescaleSlope))
            along.append(float(ds.SliceLocation))
            used = np.abs(stored[stored != ds.PixelPaddingValue])
            assert used.max(initial=0) <= 32767
        slope = write_map.step(values)
        assert (np.diff(along) > 0).all()
        np.testing.assert_array_equal(np.isnan(back), np.isnan(values))
        assert np.nanmax(np.abs(back - values.astype(float))) <= slope / 2 * (1 + 1e-9)  # half a step; double rounding
        assert slope <= 2.5 * np.nanmax(values) / 32767  # 1-2-5 steps lose at most a factor 2.5


def test_everything_is_in_the_patients_study_and_refers_to_the_reference_pass(written):
    study, _, paths = written
    source = study.series.source
    reference = {image[1] for image in source["images"][study.motion.reference]}
    uids = set()
    for path in paths:
        ds = pydicom.dcmread(path)
        assert ds.StudyInstanceUID == source["header"]["StudyInstanceUID"]
        assert (str(ds.PatientName), ds.PatientID, ds.PatientSex, ds.StudyDate) == ("Müller^Ève", "P-17", "F", "20190402")
        assert (ds.ContentDate, ds.InstanceCreationDate) == ("20190402", "20190402")
        assert ds.FrameOfReferenceUID == source["header"]["FrameOfReferenceUID"]
        assert {item.ReferencedSOPInstanceUID for item in ds.SourceImageSequence} <= reference
        uids.add(ds.SOPInstanceUID)
    assert len(uids) == len(paths)


def test_each_frame_refers_to_the_image_at_its_place(written):
    study, folder, _ = written
    ds = pydicom.dcmread(folder / "pm_bf.dcm")
    images = study.series.source["images"][study.motion.reference]
    (series,) = ds.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == images[0][2]
    for frame in ds.PerFrameFunctionalGroupsSequence:
        k = round(float(study.series.grid.to_index(np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float))[0]))
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert item.ReferencedSOPInstanceUID == images[k][1]


@pytest.mark.parametrize("limit", [0.0, 1e-3, 0.9, 120.0, 32767.0, 40000.0])
def test_step_is_the_smallest_that_fits(limit):
    step = write_map.step(np.array([limit, np.nan], np.float32))
    assert limit <= 32767 * step * (1 + 1e-6)  # float32 rounds the limit itself
    if limit:
        assert limit > 32767 * step / 2.51


def test_every_quantity_and_code_fits_dicom():
    from hepaflow.domain.quality import FLAGS
    from hepaflow.units import QUANTITIES

    for key in QUANTITIES:
        for code in (codes.quantity(key), codes.unit(key), codes.ratio(key)):
            assert len(code.value) <= 16
            assert 0 < len(code.meaning) <= 64
    private = [codes.quantity(key) for key in QUANTITIES if codes.quantity(key).scheme == codes.PRIVATE]
    assert len({code.value for code in private}) == len(private)
    assert all(len(codes.flag(flag).meaning) <= 64 for flag in FLAGS)
    assert codes.category(None) == codes.NOT_RATED
    assert codes.method("aath").value == "126346"
    assert codes.method("two-compartment").value == "126347"


def test_every_model_has_a_code_of_its_own_and_standard_codes_say_what_the_standard_says():
    from pydicom.sr.codedict import codes as standard
    from pydicom.sr.coding import Code

    from hepaflow.kinetics.catalogue import MODELS

    found = {model.key: codes.method(model.key) for model in MODELS}
    assert len(set(found.values())) == len(MODELS)
    for model, code in found.items():
        assert code.meaning != f"Model {model}"  # the words for a model that is in no table
        assert len(code.value) <= 16
        assert len(code.meaning) <= 64
    for code, name in (
        (found["aath"], "AdiabaticTissueHomogeneityATHModel"),
        (found["two-compartment"], "TwoCompartmentExchange2CXModel"),
    ):
        assert Code(*code_of(code)) == getattr(standard.DCM, name)


def code_of(code):
    return code.value, code.scheme, code.meaning
