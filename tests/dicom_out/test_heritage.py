"""What compression lost, text in the pixels and the time zone of the source are said by every result that they hold for."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from case_for_tests import SHAPE, case
from enhanced_study import enhanced
from tiny_study import START_S, TIMES_S, clock, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.heritage import Heritage, heritage_of
from hepaflow.dicom.patient import KEYWORDS
from hepaflow.dicom.values import date_time_us
from hepaflow.dicom.write_capture import KeyImage, write_captures
from hepaflow.dicom.write_corrected import write_corrected
from hepaflow.dicom.write_map import write_maps
from hepaflow.dicom.write_pdf import write_pdf
from hepaflow.dicom.write_seg import write_seg
from hepaflow.dicom.write_sr import write_sr

LOSSY = {"LossyImageCompressionRatio": "8.5\\3", "LossyImageCompressionMethod": "ISO_10918_1\\ISO_15444_1"}


def study(header=None, flags=(), **source):
    made = case()
    said = made.series.source | source | {"header": made.series.source["header"] | (header or {})}
    series = replace(made.series, source=said, flags=flags)
    return replace(made, series=series, aligned=series, maps=replace(made.maps, maps={"bf": made.maps.maps["bf"]}))


def objects(made, folder):
    """Every kind of object that is written, one file of each kind and series."""
    write_maps(made, folder)
    write_seg(made, folder)
    write_sr(made, folder)
    write_pdf(made, b"%PDF-1.4\n%%EOF\n", folder)
    write_captures(made, [KeyImage(np.zeros((4, 4, 3), np.uint8))], folder)
    write_corrected(made, folder)
    paths = [*folder.glob("*.dcm"), *(next(sub.glob("*.dcm")) for sub in folder.iterdir() if sub.is_dir())]
    return {path: pydicom.dcmread(path) for path in paths}


def images(made):
    return {path: ds for path, ds in made.items() if "Rows" in ds}


def test_lossy_stays_lossy(tmp_path):
    made = objects(study(LOSSY, flags=("lossy-compression",)), tmp_path)
    assert len(images(made)) == 5  # map, map as images, segmentation, picture, corrected
    for ds in images(made).values():
        assert ds.LossyImageCompression == "01"
        assert list(ds.LossyImageCompressionRatio) == [8.5, 3.0]
        assert list(ds.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_15444_1"]
    for path, ds in made.items():
        assert path in images(made) or "LossyImageCompression" not in ds
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    for path in made:
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr


def test_what_the_source_does_not_say_of_its_compression_is_not_made_up(tmp_path):
    for ds in images(objects(study(flags=("lossy-compression",)), tmp_path)).values():
        assert ds.LossyImageCompression == "01"
        assert "LossyImageCompressionRatio" not in ds


def test_lossless_sources_have_lossless_results_without_text(tmp_path):
    made = objects(study(LOSSY), tmp_path)
    for ds in images(made).values():
        assert ds.LossyImageCompression == "00"
        assert "LossyImageCompressionRatio" not in ds
        assert ds.get("BurnedInAnnotation", "NO") == "NO"
    for name in ("images_bf", "corrected"):
        (ds,) = (ds for path, ds in made.items() if path.parent.name == name)
        assert float(ds.WindowWidth) > 0
        assert ds.BurnedInAnnotation == "NO"


def test_text_burned_into_the_source_is_in_the_corrected_series_too(tmp_path):
    made = objects(study({"BurnedInAnnotation": "YES"}), tmp_path)
    said = {path.parent.name: ds.BurnedInAnnotation for path, ds in made.items() if path.parent != tmp_path}
    assert said == {"corrected": "YES", "images_bf": "NO"}


@pytest.mark.parametrize(("zone", "kept"), [("+0530", True), ("-0330", True), ("0530", False), ("+2500", False), ("Doe", False)])
def test_every_object_is_in_the_time_zone_of_its_study(zone, kept, tmp_path):
    for ds in objects(study({"TimezoneOffsetFromUTC": zone}), tmp_path).values():
        assert ds.get("TimezoneOffsetFromUTC") == (zone if kept else None)


@pytest.mark.parametrize("multi_frame", [False, True], ids=["classic", "multi-frame"])
@pytest.mark.parametrize(
    ("clock_zone", "zone", "local_s"),
    [("", "", 0), ("", "-0500", 0), ("+0100", "", 0), ("+0100", "+0100", 0), ("+0100", "-0330", -4.5 * 3600)],
)
def test_times_of_the_corrected_series_are_the_same_moments(clock_zone, zone, local_s, multi_frame, tmp_path):
    files = tiny(times_s=TIMES_S[:4], slices=2)
    if multi_frame:
        files = [enhanced(files, TIMES_S)]
    for image in files:
        if zone:
            image.ds.TimezoneOffsetFromUTC = zone
        if not multi_frame:
            image.ds.AcquisitionDateTime = "20240314" + clock(START_S + TIMES_S[image.p]) + clock_zone
        for frame in image.ds.get("PerFrameFunctionalGroupsSequence", ()):
            frame.FrameContentSequence[0].FrameAcquisitionDateTime += clock_zone
    read = assemble(write(files, tmp_path / "source"))
    assert read.source["clock_zone"] == clock_zone
    given = {key: read.source[key] for key in ("clock", "moments_us", "clock_zone")}
    given["moments_us"] = [[row[0]] * SHAPE[0] for row in given["moments_us"]]
    written = write_corrected(study({"TimezoneOffsetFromUTC": zone} if zone else {}, **given), tmp_path)
    for p in range(4):
        ds = pydicom.dcmread(written[p * SHAPE[0]])
        start = START_S + TIMES_S[p]
        assert ds.get("TimezoneOffsetFromUTC", "") == zone
        assert ds.AcquisitionTime == clock(start + local_s)
        assert ds.AcquisitionDateTime == ds.AcquisitionDate + ds.AcquisitionTime + ((zone or clock_zone) if clock_zone else "")
        assert date_time_us(ds.AcquisitionDateTime) == date_time_us("20240314" + clock(start) + clock_zone)
    assert (assemble(tmp_path / "corrected").times_s == read.times_s).all()


def test_no_offset_from_utc_is_made_up():
    with pytest.raises(ValueError, match="not one"):
        Heritage(None, False, "0100", "")
    assert heritage_of(case(real=False).series) == Heritage(None, False, "", "")
    assert {"TimezoneOffsetFromUTC", "BurnedInAnnotation", *LOSSY} <= set(KEYWORDS)
