"""Multi-frame CT gives the same series as the classic images it holds, whatever the order of frames, objects and compression."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enhanced_study import enhanced, item
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)
from tiny_study import PASSES, SLICES, START_S, TIMES_S, Image, clock, hounsfield, pick, save, tiny, write

from hepaflow.dicom import gate
from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.source import DiskFile, Held
from hepaflow.dicom.survey import survey
from hepaflow.dicom.values import WANTED
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused


def check(series: DynamicSeries, source: str = "FrameAcquisitionDateTime") -> None:
    assert series.acquisition.time_source == source
    np.testing.assert_array_equal(series.times_s, TIMES_S)
    np.testing.assert_array_equal(series.voxels, hounsfield())
    assert series.flags == ()


def one_object(folder: Path, change: Callable[[Any], None] = lambda ds: None) -> Path:
    made = enhanced(tiny(), TIMES_S)
    change(made.ds)
    return write([made], folder)


def frames_of(ds: Any, macro: str) -> list[Any]:
    return [frame[macro].value[0] for frame in ds.PerFrameFunctionalGroupsSequence]


def test_one_object_equals_the_classic_images(tmp_path: Path) -> None:
    series, classic = assemble(one_object(tmp_path / "multi")), assemble(write(tiny(), tmp_path / "classic"))
    check(series)
    assert series.grid.same_as(classic.grid)
    assert series.source["digest"] == classic.source["digest"]
    assert series.acquisition.kvp == classic.acquisition.kvp
    assert series.acquisition.kernel == classic.acquisition.kernel
    assert series.acquisition.tube_current_ma == classic.acquisition.tube_current_ma
    assert series.acquisition.exposure_mas == (100.0,) * PASSES


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_the_object_that_tests_read_is_valid(tmp_path: Path) -> None:
    path = save(enhanced(tiny(), TIMES_S), tmp_path / "object")
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Warning"))]
    # the table of a resting patient does not move
    assert {line.partition("<")[2] for line in lines} <= {"Table Speed>", "Table Feed per Rotation>", "Spiral Pitch Factor>"}
    assert not [line for line in lines if line.startswith("Error")]


@pytest.mark.parametrize("series", [(0,) * PASSES, tuple(range(PASSES))], ids=["one series", "a series each"])
def test_an_object_a_phase(series: tuple[int, ...], tmp_path: Path) -> None:
    images = tiny(series=series)
    objects = [enhanced(pick(images, p), TIMES_S, number=p + 1) for p in range(PASSES)]
    for made in objects:  # a phase alone is temporal position 1 of 1
        for content in frames_of(made.ds, "FrameContentSequence"):
            content.TemporalPositionIndex = 1
    found = assemble(write(objects, tmp_path))
    check(found)
    assert found.acquisition.series_of_pass == series


def test_an_object_a_phase_with_a_time_for_the_whole_object_only(tmp_path: Path) -> None:
    objects = [enhanced(pick(tiny(), p), TIMES_S, number=p + 1) for p in range(PASSES)]
    for made in objects:
        made.ds.AcquisitionDateTime = "20240314" + clock(START_S + TIMES_S[made.p])
        for content in frames_of(made.ds, "FrameContentSequence"):
            del content.FrameAcquisitionDateTime, content.FrameReferenceDateTime
    check(assemble(write(objects, tmp_path)), "AcquisitionDateTime")


def test_frame_reference_times_where_there_are_no_others(tmp_path: Path) -> None:
    def change(ds: Any) -> None:
        for content in frames_of(ds, "FrameContentSequence"):
            del content.FrameAcquisitionDateTime

    check(assemble(one_object(tmp_path, change)), "FrameReferenceDateTime")


def test_temporal_position_index_alone_is_no_clock(tmp_path: Path) -> None:
    def change(ds: Any) -> None:
        for content in frames_of(ds, "FrameContentSequence"):
            del content.FrameAcquisitionDateTime, content.FrameReferenceDateTime

    with pytest.raises(InputRefused, match="SERIES-TIMES"):
        assemble(one_object(tmp_path, change))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(PASSES * SLICES)))
def test_any_order_of_frames_is_the_same_series(order: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    images = tiny()
    made = enhanced([images[n] for n in order], TIMES_S)
    check(assemble(write([made], tmp_path_factory.mktemp("order"))))


def test_every_frame_has_its_own_rescale(tmp_path: Path) -> None:
    def change(ds: Any) -> None:
        shared = ds.SharedFunctionalGroupsSequence[0]
        values = np.frombuffer(ds.PixelData, "<u2").reshape(len(ds.PerFrameFunctionalGroupsSequence), -1).copy()
        for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
            frame.PixelValueTransformationSequence = [item(RescaleIntercept=str(-1024 - n), RescaleSlope="1", RescaleType="HU")]
            values[n] += n
        del shared.PixelValueTransformationSequence
        ds.PixelData = values.tobytes()

    series = assemble(one_object(tmp_path, change))
    np.testing.assert_array_equal(series.voxels, hounsfield())
    assert series.flags == ("rescale-varies",)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_plain_syntax(syntax: str, tmp_path: Path) -> None:
    made = enhanced(tiny(), TIMES_S)
    made.syntax = syntax
    if syntax == ExplicitVRBigEndian:
        made.ds.PixelData = np.frombuffer(made.ds.PixelData, "<u2").astype(">u2").tobytes()
        made.ds["PixelData"].VR = "OW"
    check(assemble(write([made], tmp_path)))


def packed(made: Image, syntax: str) -> Image:
    made.ds.file_meta = FileMetaDataset()
    made.ds.file_meta.TransferSyntaxUID = made.syntax
    made.ds.compress(syntax, generate_instance_uid=False)
    made.syntax = syntax
    return made


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_frames(syntax: str, tmp_path: Path) -> None:
    """In a folder, where the child that decodes finds the file, and in an archive, where it gets the bytes of the frame."""
    folder = write([packed(enhanced(tiny(), TIMES_S), syntax)], tmp_path / "in")
    check(assemble(folder))
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(next(p for p in folder.rglob("*") if p.is_file()), "object")
    check(assemble(tmp_path / "study.zip"))


def test_a_compressed_frame_that_is_damaged_is_named(tmp_path: Path) -> None:
    from pydicom.encaps import generate_frames

    made = packed(enhanced(tiny(), TIMES_S), JPEGLSLossless)
    frames = list(generate_frames(made.ds.PixelData, number_of_frames=PASSES * SLICES))
    frames[6] = frames[6][: len(frames[6]) // 4 * 2]
    made.ds.PixelData = encapsulate(frames)
    with pytest.raises(InputRefused, match=r"FILE-TRUNCATED: .*frame 7 of file 1 of 1"):
        assemble(write([made], tmp_path))


def test_an_offset_table_of_more_frames_than_fragments_is_not_kept(tmp_path: Path) -> None:
    made = packed(enhanced(tiny(), TIMES_S), JPEGLSLossless)
    kept = gate.judge(Held(save(made, tmp_path / "sound").read_bytes()), WANTED, where="")
    pixels = made.ds.PixelData
    after = 8 + int.from_bytes(pixels[4:8], "little")
    made.ds.PixelData = pixels[:4] + (4000).to_bytes(4, "little") + bytes(4000) + pixels[after:]
    left = gate.judge(Held(save(made, tmp_path / "long").read_bytes()), WANTED, where="")
    assert kept is not None
    assert left is not None
    assert kept.pixels is not None
    assert left.pixels is not None
    assert len(kept.pixels.offsets) == PASSES * SLICES
    assert left.pixels.offsets == ()


@pytest.mark.parametrize("extended", [False, True])
def test_frames_in_several_fragments_by_their_offset_table(extended: bool, tmp_path: Path) -> None:
    from pydicom.encaps import generate_frames

    made = packed(enhanced(tiny(), TIMES_S), JPEGLSLossless)
    frames = list(generate_frames(made.ds.PixelData, number_of_frames=PASSES * SLICES))
    if extended:
        made.ds.PixelData, made.ds.ExtendedOffsetTable, made.ds.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    else:
        made.ds.PixelData = encapsulate(frames, fragments_per_frame=3)
    made.ds["PixelData"].VR, made.ds["PixelData"].is_undefined_length = "OB", True
    check(assemble(write([made], tmp_path)))


def test_fragments_that_nothing_divides_are_refused(tmp_path: Path) -> None:
    from pydicom.encaps import generate_frames

    made = packed(enhanced(tiny(), TIMES_S), JPEGLSLossless)
    frames = list(generate_frames(made.ds.PixelData, number_of_frames=PASSES * SLICES))
    made.ds.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=False)
    made.ds["PixelData"].VR, made.ds["PixelData"].is_undefined_length = "OB", True
    with pytest.raises(InputRefused, match="PIXEL-FORMAT"):
        assemble(write([made], tmp_path))


def test_in_a_zip_and_beside_its_copy(tmp_path: Path) -> None:
    folder = one_object(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, path in enumerate(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, f"{number}")
    check(assemble(tmp_path / "study.zip"))
    original = next(p for p in folder.rglob("*") if p.is_file())
    shutil.copy(original, folder / "copy")
    assert assemble(folder).flags == ("duplicate-slices-ignored",)


def test_two_objects_of_one_uid_that_differ_are_refused(tmp_path: Path) -> None:
    folder = one_object(tmp_path)
    other = enhanced(tiny(), TIMES_S)
    other.ds.PixelData = bytes(2) + other.ds.PixelData[2:]
    save(other, folder / "other")
    with pytest.raises(InputRefused, match="SERIES-DUPLICATE"):
        assemble(folder)


def test_a_frame_that_is_missing_is_named(tmp_path: Path) -> None:
    images = [image for image in tiny() if (image.p, image.k) != (3, 2)]
    with pytest.raises(InputRefused, match=r"SERIES-MISSING-SLICE: pass 4 of 6 lacks slice 3 of 4"):
        assemble(write([enhanced(images, TIMES_S)], tmp_path))


def drop_a_frame(ds: Any) -> None:
    ds.PerFrameFunctionalGroupsSequence = list(ds.PerFrameFunctionalGroupsSequence)[:-1]


def drop_all_frames(ds: Any) -> None:
    del ds.PerFrameFunctionalGroupsSequence


def cut_pixels(ds: Any) -> None:
    ds.PixelData = ds.PixelData[:-2]


def spare_pixels(ds: Any) -> None:
    ds.PixelData += bytes(4)


def no_place(ds: Any) -> None:
    del ds.PerFrameFunctionalGroupsSequence[5].PlanePositionSequence


def no_rescale(ds: Any) -> None:
    del ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (drop_a_frame, "FILE-DAMAGED"),
        (drop_all_frames, "FILE-DAMAGED"),
        (cut_pixels, "FILE-TRUNCATED"),
        (spare_pixels, "PIXEL-FORMAT"),
        (no_place, "HEADER-MISSING"),
        (no_rescale, "RESCALE-MISSING"),
    ],
)
def test_an_object_that_contradicts_itself_is_refused(change: Callable[[Any], None], code: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=code):
        assemble(one_object(tmp_path, change))


def test_a_localizer_object_is_left_aside(tmp_path: Path) -> None:
    folder = one_object(tmp_path)
    scout = enhanced(pick(tiny(), 0), TIMES_S)
    scout.ds.SeriesInstanceUID, scout.ds.SOPInstanceUID = "1.2.3.1.5", "1.2.3.1.5.1"
    scout.ds.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence[0].FrameType = ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]
    save(scout, folder / "scout")
    check(assemble(folder))
    assert {one.role for one in survey(folder).series} == {"dynamic", "localizer"}


def test_what_is_read_of_a_large_object_is_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the gate nor the frames read more of an uncompressed file than they need."""
    made = enhanced(tiny(), TIMES_S)
    path = save(made, tmp_path / "object")
    assert path.stat().st_size < 2 * gate.HEADS_BYTES[1]
    asked: list[int] = []
    head = DiskFile.head
    monkeypatch.setattr(DiskFile, "head", lambda self, count: asked.append(count) or head(self, count))
    monkeypatch.setattr(DiskFile, "read", lambda self: pytest.fail("the whole file was read"))
    monkeypatch.setattr(gate, "HEADS_BYTES", (1024, 16 * 1024, 256 * 1024))
    # assembly judges in a child, which these patches do not reach
    found = gate.judge(DiskFile(path, path.stat().st_size), WANTED, where="")
    assert found is not None
    assert len(found.frames) == len(TIMES_S) * SLICES
    assert len(asked) > 1
    assert max(asked) < path.stat().st_size
    series = assemble(tmp_path)
    check(series)
    assert series.source["header"]["PatientSex"] == "F"
    assert max(asked) < path.stat().st_size


def test_legacy_converted_ct(tmp_path: Path) -> None:
    """An object that the highdicom library made of classic images; their times are in the unassigned attributes of each frame."""
    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    images = tiny(times_s=(0.0, 2.0))
    files = []
    for n, image in enumerate(images):
        image.ds.InstanceNumber, image.ds.SeriesNumber, image.ds.PatientPosition = n + 1, 1, "HFS"
        image.ds.ReferringPhysicianName, image.ds.PositionReferenceIndicator = "", ""
        image.ds.AcquisitionDate, image.ds.AcquisitionNumber = "20240314", image.p + 1
        files.append(dcmread(save(image, tmp_path / "classic" / str(n))))
    made = LegacyConvertedEnhancedCTImage(
        files, series_instance_uid="1.2.3.1.60", series_number=60, sop_instance_uid="1.2.3.1.60.1", instance_number=1
    )
    (tmp_path / "legacy").mkdir()
    made.save_as(tmp_path / "legacy" / "object")
    series = assemble(tmp_path / "legacy")
    np.testing.assert_array_equal(series.voxels, hounsfield(2))
    np.testing.assert_array_equal(series.times_s, (0.0, 2.0))


def test_results_refer_to_frames(tmp_path: Path) -> None:
    series = assemble(one_object(tmp_path))
    assert series.source["images"][1][2][1:] == ("1.2.3.1.0.0.0.1", "1.2.3.1.0", SLICES + 3)
