"""What hepaflow wrote, read back by hepaflow: maps bit for bit, segments voxel for voxel, every number of the lesion table."""

from __future__ import annotations

import copy
import dataclasses
import math
import tracemalloc

import numpy as np
import pydicom
import pytest
from case_for_tests import case
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import JPEGLSLossless, RLELossless

from hepaflow.dicom import codes, origin, read_map, read_sr, write_map, write_seg, write_sr
from hepaflow.dicom.read_regions import pass_of, read_regions
from hepaflow.dicom.read_seg import read_segments
from hepaflow.domain.lesions import Estimate, Measurement, Ratio
from hepaflow.errors import InputRefused
from hepaflow.units import QUANTITIES


@pytest.fixture(scope="module", params=["axial", "oblique", "feet-first"])
def written(request, tmp_path_factory):
    study, folder = case(request.param), tmp_path_factory.mktemp("out")
    write_map.write_maps(study, folder)
    write_seg.write_seg(study, folder)
    write_sr.write_sr(study, folder)
    return study, folder


def test_every_map_bit_for_bit(written):
    study, folder = written
    for key, made in study.maps.maps.items():
        read = read_map.read_map((folder / f"pm_{key}.dcm").read_bytes(), where="here")
        assert (read.key, read.unit, read.quantity) == (key, codes.unit(key), codes.quantity(key))
        assert codes.method("aath") in read.methods
        order = list(origin.ascending(study.series.grid))
        first = write_map.computed_slices(made.values, origin.ascending(study.series.grid))
        expected = made.values[first]
        assert read.values.tobytes() == expected.tobytes()
        assert len(first) <= len(order)
        for n, k in enumerate(first):
            there = study.series.grid.to_mm([(k, 0, 0), (k, 9, 12)])
            np.testing.assert_allclose(read.grid.to_mm([(n, 0, 0), (n, 9, 12)]), there, atol=1e-6)
        assert read.grid.frame_of_reference_uid == study.series.source["header"]["FrameOfReferenceUID"]


def test_our_own_segmentation_tells_the_pass_and_knows_its_parts(written):
    study, folder = written
    drawn = read_regions(folder / "segmentation.dcm", study.series.grid)
    row = study.series.source["images"][study.motion.reference]
    assert drawn.images
    assert drawn.images <= {str(uid) for _, uid, *_ in row}
    assert pass_of(drawn.images, study.series) == study.motion.reference
    assert pass_of(drawn.images | {str(study.series.source["images"][0][0][1])}, study.series) is None
    assert pass_of(frozenset({"1.2.3"}), study.series) is None
    assert "region-names-unknown" not in drawn.flags


def test_every_segment_voxel_for_voxel(written):
    study, folder = written
    found = {
        label: (grid, mask)
        for label, grid, mask in read_segments((folder / "segmentation.dcm").read_bytes(), study.series.grid, where="")[0]
    }
    chosen = write_seg.segments(study.regions)
    assert set(found) == {one.label for one in chosen}
    for one in chosen:
        grid, mask = found[one.label]
        points = np.sort(grid.to_mm(np.argwhere(mask)).round(3), axis=0)
        np.testing.assert_allclose(points, np.sort(study.series.grid.to_mm(np.argwhere(one.mask)).round(3), axis=0), atol=2e-3)


def same(read: Estimate, made: Estimate) -> None:
    """Equal to the last bit; what is not finite was left out."""
    for field in dataclasses.fields(Estimate):
        ours, theirs = getattr(made, field.name), getattr(read, field.name)
        assert theirs == ours if math.isfinite(ours) else math.isnan(theirs)


def measured(group: read_sr.ReadGroup, made: Measurement) -> None:
    assert (group.voxels, group.r2) == (made.voxels, made.r2)
    wanted = {key: value for key, value in made.parameters.items() if math.isfinite(value.value)}
    assert set(group.parameters) == set(wanted)
    for key, value in wanted.items():
        same(group.parameters[key], value)


def test_every_number_of_the_lesion_table(written):
    study, folder = written
    groups = {group.tracking_id: group for group in read_sr.read_report((folder / "report.dcm").read_bytes(), where="here")}
    assert set(groups) == {"healthy", "lesion-1", "lesion-1 rim", "lesion-2"}
    measured(groups["healthy"], study.healthy)
    for lesion in study.lesions:
        for shell, one in lesion.regions.items():
            group = groups[lesion.lesion.id if shell == "whole" else f"{lesion.lesion.id} {shell}"]
            measured(group, one)
            assert group.part == shell
        whole = groups[lesion.lesion.id]
        assert whole.volume_ml == lesion.lesion.volume_ml
        assert whole.longest_axial_diameter_mm == lesion.lesion.longest_axial_diameter_mm
        wanted = {key: ratio for key, ratio in lesion.ratio.items() if ratio.value is not None}
        assert set(whole.ratio) == set(wanted)
        for key, ratio in wanted.items():
            assert (whole.ratio[key].value, whole.ratio[key].sd) == (ratio.value, ratio.sd)
            # the interval is written as distances from the value: one rounding each way
            assert whole.ratio[key].ci95 == pytest.approx(ratio.ci95, rel=1e-15, abs=0)
        for call in lesion.response:
            assert whole.responses[call.criterion] == call.category
            assert whole.thresholds[call.criterion] == call.threshold
            assert whole.probabilities_major.get(call.criterion) == call.probability_major
        assert whole.flags == list(
            dict.fromkeys([*(f for c in lesion.response for f in c.flags), *lesion.regions["whole"].flags, *lesion.flags])
        )
        assert not whole.other


def test_tracking_identifiers_are_those_of_the_segments(written):
    _, folder = written
    segments = {s.SegmentLabel: s.TrackingUID for s in pydicom.dcmread(folder / "segmentation.dcm").SegmentSequence}
    for group in read_sr.read_report((folder / "report.dcm").read_bytes(), where="here"):
        assert group.tracking_uid == segments[group.tracking_id]


numbers = st.floats(-1e6, 1e6, allow_nan=False) | st.just(float("nan"))


@settings(max_examples=25, deadline=None)
@given(
    estimates=st.dictionaries(st.sampled_from(sorted(QUANTITIES)), st.tuples(st.floats(-1e6, 1e6), numbers, numbers, numbers)),
    ratio=st.tuples(st.floats(1e-3, 1e3), st.floats(0, 10), st.floats(0, 5), st.floats(0, 5)),
)
def test_any_numbers_come_back(tmp_path_factory, estimates, ratio):
    study, folder = case(), tmp_path_factory.mktemp("sr")
    one = dataclasses.replace(study.healthy, parameters={key: Estimate(*values) for key, values in estimates.items()})
    value, sd, below, above = ratio
    given_ratio = Ratio(value, sd, (value - below, value + above))
    lesion = dataclasses.replace(study.lesions[0], ratio={"bf": given_ratio})
    path = write_sr.write_sr(dataclasses.replace(study, healthy=one, lesions=(lesion,)), folder)
    groups = {group.tracking_id: group for group in read_sr.read_report(path.read_bytes(), where="here")}
    measured(groups["healthy"], one)
    got = groups["lesion-1"].ratio["bf"]
    assert (got.value, got.sd) == (value, sd)
    assert got.ci95 == pytest.approx(given_ratio.ci95, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("read", [read_map.read_map, read_sr.read_report])
def test_other_objects_and_damaged_files_are_refused(read, written, tmp_path):
    _, folder = written
    other = folder / ("report.dcm" if read is read_map.read_map else "pm_bf.dcm")
    with pytest.raises(InputRefused, match="OBJECT-KIND"):
        read(other.read_bytes(), where="file 1")
    own = (folder / ("pm_bf.dcm" if read is read_map.read_map else "report.dcm")).read_bytes()
    for share in (0.3, 0.6, 0.99):
        with pytest.raises(InputRefused, match="FILE-TRUNCATED"):
            read(own[: int(share * len(own))], where="file 1")
    without = pydicom.dcmread(folder / ("pm_bf.dcm" if read is read_map.read_map else "report.dcm"))
    if read is read_map.read_map:
        del without.SharedFunctionalGroupsSequence
    else:
        for item in without.iterall():
            if item.keyword == "ConceptNameCodeSequence":
                item.value = []
    without.save_as(tmp_path / "damaged")
    with pytest.raises(InputRefused, match="OBJECT-DAMAGED") as caught:
        read((tmp_path / "damaged").read_bytes(), where="file 1")
    assert "Müller" not in str(caught.value)


def test_an_integer_map_of_others_is_read_by_its_line(written, tmp_path):
    _, folder = written
    made = pydicom.dcmread(folder / "pm_bf.dcm")
    stored = np.arange(np.prod((int(made.NumberOfFrames), 10, 13)), dtype="<u2")
    del made.FloatPixelData
    made.PixelData, made["PixelData"].VR = stored.tobytes(), "OW"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation, made.SamplesPerPixel = 16, 16, 15, 0, 1
    made.PhotometricInterpretation = "MONOCHROME2"
    shared = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    shared.RealWorldValueSlope, shared.RealWorldValueIntercept = 0.5, -3.0
    made.save_as(tmp_path / "map")
    read = read_map.read_map((tmp_path / "map").read_bytes(), where="here")
    np.testing.assert_array_equal(read.values.ravel(), stored * 0.5 - 3.0)
    del shared.RealWorldValueSlope
    made.save_as(tmp_path / "map")
    with pytest.raises(InputRefused, match="MAP-MAPPING"):
        read_map.read_map((tmp_path / "map").read_bytes(), where="here")
    shared.RealWorldValueSlope = 0.5
    made.PixelData += bytes(8)
    made.save_as(tmp_path / "map")
    with pytest.raises(InputRefused, match="OBJECT-DAMAGED"):
        read_map.read_map((tmp_path / "map").read_bytes(), where="here")


def meant(made):
    return made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence


def another_unit(made):
    meant(made)[0].MeasurementUnitsCodeSequence[0].CodeValue = "ml/min/ml"


def two_mappings(made):
    meant(made).append(copy.deepcopy(meant(made)[0]))


def a_line_beside_values(made):
    meant(made)[0].RealWorldValueSlope = 2.0


def two_quantities(made):
    says = meant(made)[0].QuantityDefinitionSequence
    says.append(copy.deepcopy(next(one for one in says if one.ConceptNameCodeSequence[0].CodeValue == codes.QUANTITY.value)))
    says[-1].ConceptCodeSequence[0].CodeValue = codes.quantity("bv").value


def another_spacing(made):
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    del made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    for frame in made.PerFrameFunctionalGroupsSequence:
        frame.PixelMeasuresSequence = copy.deepcopy(measures)
    made.PerFrameFunctionalGroupsSequence[1].PixelMeasuresSequence[0].PixelSpacing = [9, 9]


def more_pixels(made):
    made.FloatPixelData += bytes(400)


def fewer_pixels(made):
    made.FloatPixelData = made.FloatPixelData[:-400]


def places_exchanged(made):
    first, second = made.PerFrameFunctionalGroupsSequence[:2]
    first.PlanePositionSequence, second.PlanePositionSequence = second.PlanePositionSequence, first.PlanePositionSequence


def counted_alike(made):
    for frame in made.PerFrameFunctionalGroupsSequence:
        frame.FrameContentSequence[0].DimensionIndexValues = [1]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (another_unit, "MAP-MAPPING"),
        (two_mappings, "MAP-MAPPING"),
        (a_line_beside_values, "MAP-MAPPING"),
        (two_quantities, "MAP-MAPPING"),
        (another_spacing, "REGIONS-GEOMETRY"),
        (more_pixels, "OBJECT-DAMAGED"),
        (fewer_pixels, "OBJECT-DAMAGED"),
        (places_exchanged, "OBJECT-CONTRADICTS"),
        (counted_alike, "OBJECT-CONTRADICTS"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(change, code, written, tmp_path):
    made = pydicom.dcmread(written[1] / "pm_bf.dcm")
    change(made)
    made.save_as(tmp_path / "map")
    with pytest.raises(InputRefused, match=code):
        read_map.read_map((tmp_path / "map").read_bytes(), where="here")


def numbers_of(made, wanted):
    """Every NUM item of that name in a report, with the list that holds it."""
    for item in made.get("ContentSequence", ()):
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeValue == wanted.value:
            yield made.ContentSequence, item
        yield from numbers_of(item, wanted)


def units(value):
    return lambda items, item: setattr(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0], "CodeValue", value)


def told(**values):
    return lambda items, item: [setattr(item.MeasuredValueSequence[0], keyword, value) for keyword, value in values.items()]


def again(items, item):
    items.append(copy.deepcopy(item))
    told(FloatingPointValue=12345.0, NumericValue="12345")(items, items[-1])


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        (codes.VOLUME, units("mm3"), "REPORT-UNIT"),
        (codes.LONG_AXIS, units("cm"), "REPORT-UNIT"),
        (codes.quantity("bf"), units("l/min/kg"), "REPORT-UNIT"),
        (codes.ratio("bf"), units("%"), "REPORT-UNIT"),
        (codes.UPPER_UNCERTAINTY, units("%"), "REPORT-UNIT"),
        (codes.THRESHOLD, units("%"), "REPORT-UNIT"),
        (codes.VOLUME, again, "REPORT-VALUE"),
        (codes.quantity("bf"), again, "REPORT-VALUE"),
        (codes.ratio("bf"), again, "REPORT-VALUE"),
        (codes.VOLUME, told(NumericValue="12345"), "REPORT-VALUE"),
        (codes.VOLUME, told(FloatingPointValue=float("nan")), "REPORT-VALUE"),
    ],
)
def test_a_report_whose_numbers_mean_something_else_is_refused(name, change, code, written, tmp_path):
    made = pydicom.dcmread(written[1] / "report.dcm")
    found = list(numbers_of(made, name))
    assert found
    change(*found[0])
    made.save_as(tmp_path / "report")
    with pytest.raises(InputRefused, match=code):
        read_sr.read_report((tmp_path / "report").read_bytes(), where="here")


def test_a_number_that_is_given_twice_alike_is_one(written, tmp_path):
    made = pydicom.dcmread(written[1] / "report.dcm")
    items, item = next(numbers_of(made, codes.VOLUME))
    items.append(copy.deepcopy(item))
    units("mL")(items, items[-1])
    made.save_as(tmp_path / "report")
    before, after = (read_sr.read_report(path.read_bytes(), where="") for path in (written[1] / "report.dcm", tmp_path / "report"))
    assert [group.volume_ml for group in after] == [group.volume_ml for group in before]


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless], ids=["RLE", "JPEG-LS"])
def test_a_compressed_integer_map_is_read_by_the_limited_child(syntax, written, tmp_path):
    _, folder = written
    made = pydicom.dcmread(folder / "pm_bf.dcm")
    del made.FloatPixelData
    stored = np.random.default_rng(4).integers(0, 60000, (int(made.NumberOfFrames), made.Rows, made.Columns)).astype("<u2")
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.PixelData, made["PixelData"].VR = stored.tobytes(), "OW"
    mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 0.5, -3.0
    made.compress(syntax, generate_instance_uid=False)
    made.save_as(tmp_path / "packed.dcm", enforce_file_format=True)
    values = read_map.read_map((tmp_path / "packed.dcm").read_bytes(), where="here").values
    np.testing.assert_array_equal(values, stored * np.float32(0.5) - np.float32(3.0))
    made.Columns += 3
    made.save_as(tmp_path / "packed.dcm", enforce_file_format=True)
    with pytest.raises(InputRefused, match=r"PIXEL-FORMAT|FILE-DAMAGED"):
        read_map.read_map((tmp_path / "packed.dcm").read_bytes(), where="here")


def test_a_map_that_claims_more_than_it_holds_costs_nothing(written, tmp_path):
    _, folder = written
    made = pydicom.dcmread(folder / "pm_bf.dcm")
    made.Rows = made.Columns = 8192
    made.save_as(tmp_path / "claims.dcm", enforce_file_format=True)
    data = (tmp_path / "claims.dcm").read_bytes()
    tracemalloc.start()
    with pytest.raises(InputRefused, match="OBJECT-DAMAGED"):
        read_map.read_map(data, where="here")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6  # the frames that it claims would take 1 GB
