"""The time encodings of scanners, as a table: what is written, what is read, and which encoding ``inspect`` names.

What an attribute means is the standard's: AcquisitionDateTime, AcquisitionTime, AcquisitionNumber, ContentTime (PS3.3 C.7.6.1),
TriggerTime (PS3.3 C.7.6.18.1 and C.8.3.1), TemporalPositionIdentifier and NumberOfTemporalPositions (PS3.3 C.8.3.1), functional groups
(PS3.3 C.7.6.16.2). Which maker writes which is from the field: no conformance statement is cited, and none was at hand. Private
attributes are not read.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from enhanced_study import enhanced
from tiny_study import AXIAL, PASSES, SLICES, START_S, TIMES_S, Image, clock, tiny, write

from hepaflow.cli.inspect import inspect
from hepaflow.errors import InputRefused

DCM2NIIX = Path(sys.executable).parent / "dcm2niix"


@dataclass(frozen=True)
class Encoding:
    """``source`` None: refused as SERIES-TIMES. ``outside``: the time axis that dcm2niix gives, None where it gives none."""

    name: str
    maker: str
    make: Callable[[], list[Image]]
    source: str | None
    told_by: str = "time"
    flags: tuple[str, ...] = ()
    times_s: tuple[float, ...] = TIMES_S
    own_times: bool = False
    outside: tuple[float, ...] | None = None


def base(maker: str = "Maker", *, series: tuple[int, ...] | None = None, start_s: float = START_S) -> list[Image]:
    images = tiny(axes=AXIAL, series=series, start_s=start_s)
    for n, image in enumerate(images):
        ds = image.ds
        ds.Manufacturer, ds.SeriesDescription, ds.SeriesNumber = maker, "perfusion", 1 + int(ds.SeriesInstanceUID.rsplit(".", 1)[1])
        ds.InstanceNumber, ds.PatientPosition, ds.AcquisitionDate = n + 1, "HFS", "20240314"
    return images


def acquisition_time_and_number() -> list[Image]:
    images = base("SIEMENS")
    for image in images:
        image.ds.AcquisitionNumber = image.p + 1
    return images


def acquisition_time_of_slices() -> list[Image]:
    images = acquisition_time_and_number()
    for image in images:
        image.ds.AcquisitionTime = clock(START_S + TIMES_S[image.p] + 0.05 * image.k)
    return images


def shuttle() -> list[Image]:
    images = base("SIEMENS")
    for image in images:
        image.ds.AcquisitionTime = clock(START_S + TIMES_S[image.p] + 1.2 * (image.k >= SLICES // 2))
        image.ds.AcquisitionNumber = 2 * image.p + (image.k >= SLICES // 2) + 1
    return images


def trigger_time_beside_a_standing_clock() -> list[Image]:
    images = base("GE MEDICAL SYSTEMS")
    for image in images:
        image.ds.AcquisitionTime, image.ds.AcquisitionNumber = clock(START_S), 1
        image.ds.TriggerTime = f"{1000 * TIMES_S[image.p]:.1f}"
    return images


def trigger_time_only() -> list[Image]:
    images = base("GE MEDICAL SYSTEMS")
    for image in images:
        del image.ds.AcquisitionTime
        image.ds.TriggerTime = f"{1000 * TIMES_S[image.p]:.1f}"
    return images


def acquisition_date_time() -> list[Image]:
    images = base("TOSHIBA")
    for image in images:
        del image.ds.AcquisitionTime
        image.ds.AcquisitionDateTime, image.ds.AcquisitionNumber = "20240314" + clock(START_S + TIMES_S[image.p]), image.p + 1
    return images


def acquisition_date_time_and_time() -> list[Image]:
    images = base("Canon Medical Systems")
    for image in images:
        image.ds.AcquisitionDateTime, image.ds.AcquisitionNumber = "20240314" + clock(START_S + TIMES_S[image.p]), image.p + 1
    return images


def temporal_position() -> list[Image]:
    images = base("Philips")
    for image in images:
        image.ds.TemporalPositionIdentifier, image.ds.NumberOfTemporalPositions = image.p + 1, PASSES
    return images


def content_time() -> list[Image]:
    images = base("Philips")
    for image in images:
        image.ds.AcquisitionTime = clock(START_S)
        image.ds.ContentTime = clock(START_S + TIMES_S[image.p])
    return images


def two_series_one_clock() -> list[Image]:
    return base("SIEMENS", series=(0, 0, 0, 1, 1, 1))


def a_series_a_pass() -> list[Image]:
    return base("SIEMENS", series=tuple(range(PASSES)))


def a_series_a_pass_with_series_time_only() -> list[Image]:
    images = a_series_a_pass()
    for image in images:
        del image.ds.AcquisitionTime
        image.ds.SeriesTime = clock(START_S + TIMES_S[image.p])
    return images


def acquisition_number_only() -> list[Image]:
    images = acquisition_time_and_number()
    for image in images:
        del image.ds.AcquisitionTime
    return images


def acquisition_number_and_content_time() -> list[Image]:
    images = acquisition_number_only()
    for image in images:
        image.ds.ContentTime = clock(START_S + TIMES_S[image.p])
    return images


def midnight_and_the_date_with_it() -> list[Image]:
    start = 86400 - 5.0
    images = base(start_s=start)
    for image in images:
        image.ds.AcquisitionDate = "20240315" if start + TIMES_S[image.p] >= 86400 else "20240314"
    return images


def midnight_and_no_date() -> list[Image]:
    images = base(start_s=86400 - 5.0)
    for image in images:
        del image.ds.AcquisitionDate
    return images


def pass_given_twice() -> list[Image]:
    images = acquisition_time_and_number()
    again = copy.deepcopy([image for image in images if image.p == 2])
    for image in again:
        image.ds.SOPInstanceUID += ".5"
    return images + again


def two_passes_of_one_time() -> list[Image]:
    images = base()
    for image in images:
        if image.p == 3:
            image.ds.AcquisitionTime = clock(START_S + TIMES_S[2])
    return images


def pass_lost() -> list[Image]:
    return [image for image in temporal_position() if image.p != 3]


def enhanced_frames() -> list[Image]:
    return [enhanced(base(), TIMES_S)]


WITHOUT_FOURTH = tuple(t for p, t in enumerate(TIMES_S) if p != 3)
#: Where dcm2niix says something else than the times of the passes: it counts each series from its own start (and says nothing of an
#: even one), stops at midnight, and keeps a copied pass.
SECOND_SERIES = (0.0, 11.0, 31.0)
BEFORE_MIDNIGHT = (0.0, 2.0, 4.0)
THIRD_TWICE = (0.0, 2.0, 4.0, 4.0, 9.0, 20.0, 40.0)
ENCODINGS = (
    Encoding("time and number", "Siemens", acquisition_time_and_number, "AcquisitionTime", "AcquisitionNumber", outside=TIMES_S),
    Encoding(
        "time of each slice",
        "Siemens",
        acquisition_time_of_slices,
        "AcquisitionTime",
        "AcquisitionNumber",
        own_times=True,
        outside=TIMES_S,
    ),
    Encoding("shuttle", "Siemens", shuttle, "AcquisitionTime", flags=("shuttle-table",), own_times=True, outside=TIMES_S),
    Encoding("trigger time, clock stands", "GE", trigger_time_beside_a_standing_clock, "TriggerTime"),
    Encoding("trigger time only", "GE", trigger_time_only, "TriggerTime"),
    Encoding("date-time", "Canon", acquisition_date_time, "AcquisitionDateTime", "AcquisitionNumber"),
    Encoding(
        "date-time and time", "Canon", acquisition_date_time_and_time, "AcquisitionDateTime", "AcquisitionNumber", outside=TIMES_S
    ),
    Encoding("temporal position", "Philips", temporal_position, "AcquisitionTime", "TemporalPositionIdentifier", outside=TIMES_S),
    Encoding("content time", "Philips", content_time, "ContentTime", flags=("time-not-of-acquisition",)),
    Encoding("two series, one clock", "Siemens", two_series_one_clock, "AcquisitionTime", outside=SECOND_SERIES),
    Encoding("a series a pass", "Siemens", a_series_a_pass, "AcquisitionTime"),
    Encoding("series time", "any", a_series_a_pass_with_series_time_only, "SeriesTime", flags=("time-not-of-acquisition",)),
    Encoding("number only", "any", acquisition_number_only, None),
    Encoding(
        "number and content time",
        "any",
        acquisition_number_and_content_time,
        "ContentTime",
        "AcquisitionNumber",
        ("time-not-of-acquisition",),
    ),
    Encoding("midnight, date goes on", "any", midnight_and_the_date_with_it, "AcquisitionTime", outside=BEFORE_MIDNIGHT),
    Encoding("midnight, no date", "any", midnight_and_no_date, "AcquisitionTime", outside=BEFORE_MIDNIGHT),
    Encoding(
        "pass twice",
        "any",
        pass_given_twice,
        "AcquisitionTime",
        "AcquisitionNumber",
        ("duplicate-slices-ignored",),
        outside=THIRD_TWICE,
    ),
    Encoding("two passes of one time", "any", two_passes_of_one_time, None),
    Encoding(
        "pass lost",
        "Philips",
        pass_lost,
        "AcquisitionTime",
        "TemporalPositionIdentifier",
        ("pass-missing",),
        WITHOUT_FOURTH,
        outside=WITHOUT_FOURTH,
    ),
    Encoding("enhanced", "any", enhanced_frames, "FrameAcquisitionDateTime", "TemporalPositionIndex"),
)


def study(encoding: Encoding, folder: Path) -> Path:
    images = encoding.make()
    return write(images, folder, order=np.random.default_rng(3).permutation(len(images)))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.name)
def test_times_and_the_encoding_that_inspect_names(encoding: Encoding, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = study(encoding, tmp_path)
    if encoding.source is None:
        with pytest.raises(InputRefused, match="SERIES-TIMES"):
            inspect(folder, as_json=True)
        assert json.loads(capsys.readouterr().out)["refused"]["code"] == "SERIES-TIMES"
        return
    assert inspect(folder, as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["times_s"] == pytest.approx(encoding.times_s, abs=1e-6)
    assert (facts["time_source"], facts["passes_told_by"]) == (encoding.source, encoding.told_by)
    assert tuple(facts["flags"]) == encoding.flags
    assert facts["slice_times"] is encoding.own_times
    assert inspect(folder, as_json=False) == 0
    said = capsys.readouterr().out
    assert encoding.source in said
    assert encoding.told_by in said


@pytest.mark.skipif(not DCM2NIIX.is_file(), reason="dcm2niix is not installed")
@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if e.source], ids=lambda e: e.name)
def test_dcm2niix_gives_the_same_times(encoding: Encoding, tmp_path: Path) -> None:
    folder, out = study(encoding, tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    subprocess.run([DCM2NIIX, "-b", "y", "-o", out, folder], capture_output=True, check=False, timeout=60)
    axes = [re.search(r'"FrameTimesStart": \[([^\]]*)\]', path.read_text()) for path in out.glob("*.json")]
    found = [tuple(float(n) for n in re.findall(r"[\d.]+", axis.group(1))) for axis in axes if axis]  # not always valid JSON
    assert found == ([] if encoding.outside is None else [encoding.outside])


def test_what_dcm2niix_reads_whole_it_reads_as_hepaflow_does() -> None:
    """The table holds the times of both: they are equal but where the program reads something else than the passes."""
    read = [e for e in ENCODINGS if e.outside is not None]
    other = {e.name for e in read if e.outside != e.times_s}
    assert other == {"two series, one clock", "midnight, date goes on", "midnight, no date", "pass twice"}
    assert len(read) - len(other) == 6
