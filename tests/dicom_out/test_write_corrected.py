"""The motion-corrected series: what goes in comes out, by another reader of it, to the rounding of whole HU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from case_for_tests import SHAPE, case

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.values import DAY_US, date_us
from hepaflow.dicom.write_corrected import write_corrected


def corrected(kind="axial", *, real=True, clock=None, start_us=None):
    study = case(kind, real=real)
    voxels = (study.series.voxels + np.float32(0.4)).astype(np.float32)
    voxels[1, 0, 0, :2] = np.nan
    source = study.series.source
    if clock:
        moments = (start_us + np.round(study.series.times_s * 1e6).astype(np.int64))[:, None].repeat(SHAPE[0], 1)
        source = source | {"clock": clock, "moments_us": moments.tolist()}
    series = replace(study.series, source=source)
    return replace(study, series=series, aligned=replace(series, voxels=voxels))


@pytest.mark.parametrize(("kind", "real"), [("axial", True), ("oblique", False), ("feet-first", True)])
def test_reads_back_as_the_same_series(kind, real, tmp_path):
    study = corrected(kind, real=real)
    assert len(write_corrected(study, tmp_path)) == 4 * SHAPE[0]
    back = assemble(tmp_path / "corrected")
    mm = np.array([study.aligned.grid.to_mm((k, j, i)) for k, j, i in np.ndindex(*SHAPE)])
    index = np.rint(back.grid.to_index(mm)).astype(int)
    read = back.voxels[:, index[:, 0], index[:, 1], index[:, 2]].reshape(study.aligned.voxels.shape)
    known = np.isfinite(study.aligned.voxels)
    assert np.abs(read - study.aligned.voxels)[known].max() <= 0.5
    assert (read[~known] == -1024).all()  # padding is read as air
    np.testing.assert_allclose(back.grid.to_mm(index), mm, atol=1e-3)
    np.testing.assert_array_equal(back.times_s, study.series.times_s)


@pytest.mark.parametrize("real", [True, False])
def test_each_image_refers_to_the_one_it_comes_from(real, tmp_path):
    study = corrected(real=real)
    read = [pydicom.dcmread(path) for path in write_corrected(study, tmp_path)]
    assert {tuple(ds.ImageType[:2]) for ds in read} == {("DERIVED", "SECONDARY")}
    assert {ds.DerivationCodeSequence[0].CodeValue for ds in read} == {"113085"}
    referred = [[item.ReferencedSOPInstanceUID for item in ds.get("SourceImageSequence", ())] for ds in read]
    if real:
        assert referred == [[image[1]] for row in study.series.source["images"] for image in row]
    else:
        assert [len(row) for row in referred] == [0] * 12 + [1] * 6 + [0] * 6
    assert len({ds.SOPInstanceUID for ds in read}) == len(read)
    assert len({ds.SeriesInstanceUID for ds in read}) == 1


@pytest.mark.parametrize(
    ("clock", "start_us", "expected"),
    [
        ("AcquisitionDateTime", date_us("20190402") + 10 * 3600_000_000, {"AcquisitionDateTime": "20190402100005.000000"}),
        (
            "AcquisitionTime",
            date_us("20190402") + DAY_US - 3_000_000,
            {"AcquisitionDate": "20190403", "AcquisitionTime": "000002.000000"},
        ),
        ("AcquisitionTime", DAY_US - 3_000_000, {"AcquisitionTime": "000002.000000"}),
        ("TriggerTime", 0, {"TriggerTime": 5000}),
        ("ContentTime", date_us("20190402"), {"ContentDate": "20190402", "ContentTime": "000005.000000"}),
    ],
)
def test_times_are_those_of_the_scanner(clock, start_us, expected, tmp_path):
    paths = write_corrected(corrected(clock=clock, start_us=start_us), tmp_path)
    third = pydicom.dcmread(paths[2 * SHAPE[0]])
    assert {key: third.get(key) for key in expected} == expected
    times = {"AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "TriggerTime"} & set(third.dir())
    assert times <= {*expected, *(("AcquisitionDate", "AcquisitionTime") if "AcquisitionDateTime" in expected else ())} | (
        {"AcquisitionDateTime"} if "AcquisitionDate" in expected else set()
    )
    assert (assemble(tmp_path / "corrected").times_s == [0.0, 2.0, 5.0, 9.0]).all()


def test_other_voxels_are_another_series(tmp_path):
    study = corrected()
    other = replace(study, aligned=replace(study.aligned, voxels=study.aligned.voxels + np.float32(1)))
    uids = {pydicom.dcmread(write_corrected(one, tmp_path / str(n))[0]).SeriesInstanceUID for n, one in enumerate((study, other))}
    assert len(uids) == 2
