"""How the study was acquired, from the headers of its dynamic images; nothing here identifies the patient."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable

from hepaflow.dicom.headers import Instance, Slice
from hepaflow.dicom.times import TimeAxis
from hepaflow.dicom.values import DAY_US, Reader, decimal, time_us
from hepaflow.domain.series import Acquisition

#: Start of injection to first pass, as protocols have it: from a minute before to five minutes after the start.
_PLAUSIBLE_S = (-60.0, 300.0)
_DAY_S = DAY_US / 1e6


def acquisition_of(axis: TimeAxis, first: Instance) -> tuple[Acquisition, tuple[str, ...]]:
    """The acquisition, lists with one entry a pass, and flags on what changes between passes."""
    read = Reader(first.header, "the first image")
    passes = axis.slices
    kvp = tuple(_middle(s.technique.kvp for s in row) for row in passes)
    kernel = tuple(row[0].technique.kernel for row in passes)
    rotations = {s.technique.rotation_s for row in passes for s in row}
    flags = []
    if len({s.technique.kvp for row in passes for s in row}) > 1:
        flags.append("kvp-changes")
    if len({s.technique.kernel for row in passes for s in row}) > 1:
        flags.append("kernel-changes")
    injection, stated = _injection(axis, read)
    if stated and injection is None:
        flags.append("injection-time-implausible")
    body = read.text("BodyPartExamined")
    return (
        Acquisition(
            time_source=axis.source,
            modality="CT",
            manufacturer=read.technical("Manufacturer"),
            model_name=read.technical("ManufacturerModelName"),
            kvp=kvp,
            kernel=kernel,
            tube_current_ma=tuple(_middle(s.technique.tube_current_ma for s in row) for row in passes),
            exposure_mas=tuple(_middle(s.technique.exposure_mas for s in row) for row in passes),
            ctdi_vol_mgy=tuple(_middle(s.technique.ctdi_vol_mgy for s in row) for row in passes),
            series_of_pass=axis.series,
            injection_to_first_s=injection,
            contrast_volume_ml=read.positive("ContrastBolusVolume"),
            contrast_flow_ml_s=_first_positive(read, "ContrastFlowRate"),
            contrast_agent=read.technical("ContrastBolusAgent"),
            rotation_s=rotations.pop() if len(rotations) == 1 else None,
            body_part=body if re.fullmatch(r"[A-Z0-9_ ]{1,16}", body) else None,
        ),
        tuple(flags),
    )


def _middle(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(statistics.median(known)) if known else None


def _first_positive(read: Reader, keyword: str) -> float | None:
    """The first value of a rate that may have one entry an injection phase."""
    words = read.words(keyword)
    value = decimal(words[0]) if words else None
    return value if value is not None and 0 < value < 1000 else None


def _injection(axis: TimeAxis, read: Reader) -> tuple[float | None, bool]:
    """Seconds from the start of injection to the first pass where the headers say so and it can be true; and whether they say."""
    begin = time_us(read.text("ContrastBolusStartTime").split("\\")[0])
    if begin is None:
        return None, False
    earliest: Slice = min(axis.slices[0], key=lambda s: s.clocks.get(axis.source, 0))
    clock = next((name for name in ("AcquisitionTime", "AcquisitionDateTime") if name in earliest.clocks), None)
    if clock is None or axis.source == "TriggerTime":
        return None, False
    seconds = ((earliest.clocks[clock] - begin) % DAY_US) / 1e6
    if seconds > _DAY_S / 2:
        seconds -= _DAY_S
    return (seconds if _PLAUSIBLE_S[0] <= seconds <= _PLAUSIBLE_S[1] else None), True
