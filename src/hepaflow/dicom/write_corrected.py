"""The motion-corrected series as derived CT images: what the maps were made from, with the times of the passes as acquired."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hepaflow.dicom import origin
from hepaflow.dicom.codes import SOURCE_IMAGE, SPATIAL_RESAMPLING
from hepaflow.dicom.heritage import zone_minutes
from hepaflow.dicom.times import LATE_CLOCKS
from hepaflow.dicom.values import DAY_US, date_us, time_us
from hepaflow.dicom.write_slices import Series, write_series
from hepaflow.domain.case import CaseResult

#: A liver dynamic series as radiologists window it (level, width in HU).
_HU_WINDOW = (80.0, 300.0)
#: A moment so many days on has a date; one of a day or two is a time of day alone (midnight may be crossed).
_DATED_DAYS = 365


def write_corrected(case: CaseResult, folder: Path) -> list[Path]:
    """Write ``corrected/NNNN.dcm``, one file a pass and slice in time order, HU rounded to whole numbers, and return the paths.

    Geometry is that of the study; a point that a pass did not cover is pixel padding (-32768). Each image says when its source was
    acquired, by the same encoding, and refers to it: the image of the same pass and slice. Passes that were left out of the analysis
    are there too, as far as they could be aligned (``motion.csv`` names them).
    """
    study = origin.origin_of(case)
    slices = list(origin.ascending(study.grid))
    said = origin.content_digest(case.aligned.voxels, case.series.times_s)
    paths: list[Path] = []
    for index in range(case.series.passes):
        kind = Series(
            uid=study.uid("corrected", said),
            number=origin.SERIES_NUMBERS["corrected"],
            description="Dynamic series, motion-corrected, research",
            slope=1.0,
            rescale_type="HU",
            window=_HU_WINDOW,
            mapping=None,
            derivation=SPATIAL_RESAMPLING,
            uids=tuple(study.uid("corrected image", said, index, k) for k in slices),
            made_how="Every pass brought to one reference pass by motion correction",
        )
        paths += write_series(
            case.aligned.voxels[index],
            slices,
            kind,
            study,
            folder / "corrected",
            case.series.acquisition,
            first=1 + index * len(slices),
            extra=partial(_pass_level, case, study, index),
        )
    return paths


def _pass_level(case: CaseResult, study: origin.Origin, index: int, dataset: Any, k: int) -> None:
    """Pass, time and source of one image."""
    dataset.AcquisitionNumber = index + 1
    if study.heritage.burned_in:
        dataset.BurnedInAnnotation = "YES"
    _moment(case, study, index, dataset, k)
    if study.real:
        image = case.series.source["images"][index][k]
        frames = () if image[3] is None else (int(image[3]),)
        dataset.SourceImageSequence = [origin.reference((str(image[0]), str(image[1])), SOURCE_IMAGE, frames=frames)]
    elif index != case.motion.reference:
        del dataset.SourceImageSequence  # no other pass of such a study is an image


def _moment(case: CaseResult, study: origin.Origin, index: int, dataset: Any, k: int) -> None:
    """When the image's source was acquired, in the encoding that gave the time axis."""
    source, series = case.series.source, case.series
    clock = source.get("clock", "AcquisitionDateTime")
    # a clock that names its offset is counted in UTC, and every time written is in one zone: that of the object, else the clock's
    zone = (study.heritage.zone or study.heritage.clock_zone) if study.heritage.clock_zone else ""
    if "moments_us" in source:
        moment_us = int(source["moments_us"][index][k]) + zone_minutes(zone) * 60_000_000
    else:  # a study that was not DICOM: from the moment that all its objects bear
        seconds = series.times_s[index] if series.slice_times_s is None else series.slice_times_s[index, k]
        date, time = study.moment
        moment_us = (date_us(date) or 0) + (time_us(time) or 0) + round(float(seconds) * 1e6)
    if clock == "TriggerTime":
        dataset.TriggerTime = origin.ds(moment_us / 1000.0)
        return
    kind = "Content" if clock in LATE_CLOCKS else "Acquisition"
    day, of_day = divmod(moment_us, DAY_US)
    time = (datetime.min + timedelta(microseconds=of_day)).strftime("%H%M%S.%f")
    setattr(dataset, f"{kind}Time", time)
    if day >= _DATED_DAYS:
        date = datetime.fromordinal(day).strftime("%Y%m%d")
        setattr(dataset, f"{kind}Date", date)
        if kind == "Acquisition":
            dataset.AcquisitionDateTime = date + time + zone
