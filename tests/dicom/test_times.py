"""Every way in which scanners write time, and every way in which it goes wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_study import PASSES, SLICES, START_S, TIMES_S, Image, clock, hounsfield, pick, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.values import date_time_us, date_us, time_us
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused


def without_times(images: list[Image]) -> list[Image]:
    for image in images:
        del image.ds.AcquisitionTime
    return images


def read(images: list[Image], folder: Path) -> DynamicSeries:
    """Assembled from shuffled names, so that no test leans on the order of files."""
    order = np.random.default_rng(3).permutation(len(images))
    return assemble(write(images, folder, order=order))


def check(series: DynamicSeries, source: str) -> None:
    assert series.acquisition.time_source == source
    np.testing.assert_array_equal(series.times_s, TIMES_S)
    np.testing.assert_array_equal(series.voxels, hounsfield())


def code(images: list[Image], folder: Path) -> str:
    with pytest.raises(InputRefused) as caught:
        read(images, folder)
    return caught.value.code


def test_acquisition_date_time(tmp_path: Path) -> None:
    images = without_times(tiny())
    for image in images:
        image.ds.AcquisitionDateTime = "20240314" + clock(START_S + TIMES_S[image.p])
    check(read(images, tmp_path), "AcquisitionDateTime")


def test_acquisition_date_time_that_stands_still_is_not_believed(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionDateTime = "20240314102118"
    check(read(images, tmp_path), "AcquisitionTime")


def test_date_time_with_offsets(tmp_path: Path) -> None:
    images = without_times(tiny())
    for image in images:
        zone, shift = ("+0100", 0) if image.p < 3 else ("+0200", 3600)
        image.ds.AcquisitionDateTime = "20240314" + clock(START_S + TIMES_S[image.p] + shift) + zone
    check(read(images, tmp_path), "AcquisitionDateTime")


def test_trigger_time_alone(tmp_path: Path) -> None:
    images = without_times(tiny())
    for image in images:
        image.ds.TriggerTime = f"{1000 * TIMES_S[image.p] + 350:.1f}"
    check(read(images, tmp_path), "TriggerTime")


def test_trigger_time_beside_a_standing_clock(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionTime = clock(START_S)
        image.ds.TriggerTime = str(1000 * TIMES_S[image.p])
    check(read(images, tmp_path), "TriggerTime")


def test_trigger_times_that_count_anew_in_the_second_series(tmp_path: Path) -> None:
    images = tiny(series=(0, 0, 0, 1, 1, 1))
    for image in images:
        start = 0.0 if image.p < 3 else TIMES_S[3]
        image.ds.AcquisitionTime = clock(START_S + start)
        image.ds.TriggerTime = str(1000 * (TIMES_S[image.p] - start))
    series = read(images, tmp_path)
    check(series, "TriggerTime")
    assert series.acquisition.series_of_pass == (0, 0, 0, 1, 1, 1)


def test_trigger_times_that_count_anew_without_a_start_are_refused(tmp_path: Path) -> None:
    images = without_times(tiny(series=(0, 0, 0, 1, 1, 1)))
    for image in images:
        image.ds.TriggerTime = str(1000 * (TIMES_S[image.p] - (0.0 if image.p < 3 else TIMES_S[3])))
    assert code(images, tmp_path) == "SERIES-TIMES"


def test_content_time_is_used_last_and_flagged(tmp_path: Path) -> None:
    images = without_times(tiny())
    for image in images:
        image.ds.ContentTime = clock(START_S + TIMES_S[image.p])
    series = read(images, tmp_path)
    check(series, "ContentTime")
    assert series.flags == ("time-not-of-acquisition",)


def test_content_time_does_not_stand_in_for_a_broken_clock(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.ContentTime = clock(START_S + TIMES_S[image.p])
    del images[5].ds.AcquisitionTime
    assert code(images, tmp_path) == "SERIES-TIMES"


def test_a_series_a_pass(tmp_path: Path) -> None:
    images = tiny(series=tuple(range(PASSES)))
    series = read(images, tmp_path / "acquisition")
    check(series, "AcquisitionTime")
    assert series.acquisition.series_of_pass == tuple(range(PASSES))
    for image in without_times(images):
        image.ds.SeriesTime = clock(START_S + TIMES_S[image.p])
    check(read(images, tmp_path / "series"), "SeriesTime")


def test_series_time_cannot_tell_passes_of_one_series(tmp_path: Path) -> None:
    images = without_times(tiny(series=(0, 0, 0, 1, 1, 1)))
    for image in images:
        image.ds.SeriesTime = clock(START_S + (image.p >= 3) * 9)
    assert code(images, tmp_path) == "SERIES-TIMES"


@pytest.mark.parametrize("label", ["TemporalPositionIdentifier", "TemporalPositionIndex", "AcquisitionNumber"])
@pytest.mark.parametrize("restart", [False, True])
def test_numbered_passes_in_two_series(label: str, restart: bool, tmp_path: Path) -> None:
    images = tiny(series=(0, 0, 0, 1, 1, 1))
    for image in images:
        setattr(image.ds, label, (image.p % 3 if restart else image.p) + 1)
    check(read(images, tmp_path), "AcquisitionTime")


def test_one_acquisition_number_for_all_passes(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionNumber = 1
    check(read(images, tmp_path), "AcquisitionTime")


def test_acquisition_numbers_that_count_slices(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionNumber = image.p * SLICES + image.k
    check(read(images, tmp_path), "AcquisitionTime")


def test_acquisition_numbers_that_count_places(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionNumber = image.k + 1
    check(read(images, tmp_path), "AcquisitionTime")


@pytest.mark.parametrize("numbered", [False, True])
def test_slices_with_times_of_their_own(numbered: bool, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionTime = clock(START_S + TIMES_S[image.p] + 0.3 * image.k)
        if numbered:
            image.ds.TemporalPositionIdentifier = image.p + 1
    series = read(images, tmp_path)
    check(series, "AcquisitionTime")
    assert series.slice_times_s is not None
    np.testing.assert_allclose(series.slice_times_s, np.add.outer(TIMES_S, 0.3 * np.arange(SLICES)), atol=1e-9)


def test_slices_with_times_of_their_own_still_name_a_missing_one(tmp_path: Path) -> None:
    images = [image for image in tiny() if (image.p, image.k) != (1, 2)]
    for image in images:
        image.ds.AcquisitionTime = clock(START_S + TIMES_S[image.p] + 0.3 * image.k)
    with pytest.raises(InputRefused, match="pass 2 of 6 lacks slice 3 of 4"):
        read(images, tmp_path)


@pytest.mark.parametrize("date", ["rolls", "stands", "absent"])
def test_midnight(date: str, tmp_path: Path) -> None:
    start = 86400 - 5.0  # 23:59:55
    images = tiny(start_s=start)
    for image in images:
        if date != "absent":
            after = start + TIMES_S[image.p] >= 86400 and date == "rolls"
            image.ds.AcquisitionDate = "20240301" if after else "20240229"
    check(read(images, tmp_path), "AcquisitionTime")


def test_midnight_in_date_times(tmp_path: Path) -> None:
    images = without_times(tiny())
    for image in images:
        late = 86398 + TIMES_S[image.p]
        image.ds.AcquisitionDateTime = ("20231231" if late < 86400 else "20240101") + clock(late)
    check(read(images, tmp_path), "AcquisitionDateTime")


def test_passes_half_a_day_apart_are_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionDate = "20240314" if image.p < 3 else "20240315"
    assert code(images, tmp_path) == "SERIES-TIMES"


@pytest.mark.parametrize("numbered", [False, True])
def test_equal_times_of_two_passes_are_refused(numbered: bool, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        if numbered:
            image.ds.AcquisitionNumber = image.p + 1
        if image.p == 3:
            image.ds.AcquisitionTime = clock(START_S + TIMES_S[2])
    assert code(images, tmp_path) == "SERIES-TIMES"


@pytest.mark.parametrize("order", [(5, 4, 3, 2, 1, 0), (0, 2, 1, 3, 4, 5)], ids=["reversed", "swapped"])
@pytest.mark.parametrize("label", ["TemporalPositionIdentifier", "AcquisitionNumber"])
def test_times_that_run_against_the_numbers_are_refused(order: tuple[int, ...], label: str, tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        setattr(image.ds, label, order[image.p] + 1)
    assert code(images, tmp_path) == "SERIES-TIMES"


def test_one_slice_of_another_pass_is_refused(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionNumber = image.p + 1
    first, second = pick(images, 2, 1)[0].ds, pick(images, 4, 1)[0].ds
    first.AcquisitionTime, second.AcquisitionTime = second.AcquisitionTime, first.AcquisitionTime
    assert code(images, tmp_path) == "SERIES-TIMES"


@pytest.mark.parametrize("numbered", [False, True])
def test_no_times_at_all_are_refused(numbered: bool, tmp_path: Path) -> None:
    images = without_times(tiny())
    for image in images:
        image.ds.InstanceNumber = image.p * SLICES + image.k
        if numbered:
            image.ds.TemporalPositionIdentifier = image.p + 1
    assert code(images, tmp_path) == "SERIES-TIMES"


def test_a_value_that_is_no_time_is_refused(tmp_path: Path) -> None:
    images = tiny()
    images[7].ds["AcquisitionTime"].VR = "LO"
    images[7].ds["AcquisitionTime"].value = "25:99"
    assert code(images, tmp_path) == "HEADER-VALUE"


@pytest.mark.parametrize("how", ["count", "hole"])
def test_a_lost_pass_is_flagged_where_the_scanner_counted(how: str, tmp_path: Path) -> None:
    images = [image for image in tiny() if image.p != 3]
    for image in images:
        image.ds.TemporalPositionIdentifier = image.p + 1
        if how == "count":
            image.ds.TemporalPositionIdentifier = image.p + (image.p < 3)
            image.ds.NumberOfTemporalPositions = 6
    assert read(images, tmp_path).flags == ("pass-missing",)


def test_a_slice_out_of_step_is_flagged(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.AcquisitionNumber = image.p + 1
    pick(images, 4, 2)[0].ds.AcquisitionTime = clock(START_S + TIMES_S[4] + 6.0)
    assert read(images, tmp_path).flags == ("slice-times-irregular",)


def test_a_clock_with_a_hole_is_not_replaced_in_silence(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.TriggerTime = str(1500 * TIMES_S[image.p])
    del images[9].ds.AcquisitionTime
    series = read(images, tmp_path)
    assert series.acquisition.time_source == "TriggerTime"
    assert series.flags == ("time-encodings-disagree",)


def test_encodings_that_disagree_are_flagged(tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.TriggerTime = str(1500 * TIMES_S[image.p])
    series = read(images, tmp_path)
    check(series, "AcquisitionTime")
    assert series.flags == ("time-encodings-disagree",)


@pytest.mark.parametrize(
    ("start", "expected", "flags"),
    [(START_S - 11, 11.0, ()), (START_S + 4, -4.0, ()), (START_S - 3000, None, ("injection-time-implausible",))],
)
def test_injection_to_first_pass(start: float, expected: float | None, flags: tuple[str, ...], tmp_path: Path) -> None:
    images = tiny()
    for image in images:
        image.ds.ContrastBolusStartTime = clock(start)
        image.ds.ContrastBolusVolume, image.ds.ContrastFlowRate, image.ds.ContrastBolusAgent = "45", "5", "Agent 350"
    series = read(images, tmp_path)
    assert series.acquisition.injection_to_first_s == expected
    assert series.flags == flags
    assert (series.acquisition.contrast_volume_ml, series.acquisition.contrast_flow_ml_s) == (45.0, 5.0)


def test_injection_before_midnight(tmp_path: Path) -> None:
    images = tiny(start_s=3.0)
    for image in images:
        image.ds.ContrastBolusStartTime = "235955"
    assert read(images, tmp_path).acquisition.injection_to_first_s == 8.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("00", 0), ("0102", 3_720_000_000), ("01:02:03", 3_723_000_000), ("000000.5", 500_000), ("235960", 86_400_000_000)],
)
def test_time_of_day(text: str, expected: int) -> None:
    assert time_us(text) == expected


@pytest.mark.parametrize("text", ["", "24", "1", "0060", "000000.", "noon", "-10000"])
def test_not_a_time_of_day(text: str) -> None:
    assert time_us(text) is None


def test_dates() -> None:
    assert date_us("20240301") - date_us("20240229") == 86_400_000_000  # type: ignore[operator]
    assert date_us("20240230") is None
    assert date_us("2024") is None
    assert date_time_us("20240301000000+0100") == date_time_us("20240229230000")
    assert date_time_us("20240301") is None
