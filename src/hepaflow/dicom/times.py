"""The time axis: which images form a pass, and when it was made, from whatever the scanner wrote.

Passes are told apart by the first of ``LABELS`` that divides the images cleanly, else by time itself (the n-th time a slice is shown
is pass n). Times come from the first of ``CLOCKS`` that runs. What contradicts itself is refused: labels and clock must agree in order.
A table that shuttles between positions gives one stack whose slices have times of their own: a pass is one round of all positions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.headers import Slice
from hepaflow.dicom.shuttle import AGREE_S, Placing, alternates, joined, one_position, refuse_rounds
from hepaflow.dicom.values import DAY_US
from hepaflow.errors import InputRefused

LABELS = ("TemporalPositionIdentifier", "TemporalPositionIndex", "FrameAcquisitionNumber", "AcquisitionNumber")
CLOCKS = ("FrameAcquisitionDateTime", "FrameReferenceDateTime", "AcquisitionDateTime", "AcquisitionTime", "TriggerTime")
#: Times of reconstruction or of whole series: believed only where no clock of the acquisition runs.
LATE_CLOCKS = ("ContentTime", "SeriesTime")
_HALF_DAY_US = DAY_US // 2
_ADVICE = "Export the series with its acquisition times"

Pass = dict[int, Slice]  # slice index k to image
Times = dict[tuple[int, int], int]  # file and frame to microseconds


@dataclass(frozen=True, slots=True, eq=False)
class TimeAxis:
    """Passes in time order. ``slices[p][k]`` is the image; ``times_us`` (passes,) the start of each; ``slice_times_us`` (passes, k).

    ``series`` (passes,) counts the series in order of time from 0; ``source`` names the encoding; ``told_by`` what told passes apart.
    """

    slices: tuple[tuple[Slice, ...], ...]
    times_us: npt.NDArray[np.int64]
    slice_times_us: npt.NDArray[np.int64]
    series: tuple[int, ...]
    source: str
    told_by: str
    flags: tuple[str, ...]


def time_axis(series: Sequence[Sequence[Placing]], count: int) -> TimeAxis:
    """Passes of ``count`` slices from the placed images of each series.

    Refused: no clock that runs, times that are equal or run against the scanner's own numbering, a slice that is missing from a pass
    or given twice with different content, and table positions that are not all visited once a round.
    """
    name, clock = _clock(series)
    series, turns = joined(series)
    parts: list[tuple[int, Pass]] = []
    told: list[str] = []
    flags: list[str] = []
    for number, images in enumerate(series):
        label, passes = _passes(images, count, clock)
        parts += [(number, found) for found in passes]
        told.append(label)
        flags += _labels_missing(images, label, len(passes))
    parts.sort(key=lambda part: min(clock[s.key] for s in part[1].values()))
    _refuse_disorder([found for _, found in parts], clock, count)
    slices = tuple(tuple(found[k] for k in range(count)) for _, found in parts)
    when = np.array([[clock[s.key] for s in row] for row in slices], dtype=np.int64)
    if turns or alternates(when):
        refuse_rounds(when)
        flags.append("shuttle-table")
    first_seen = list(dict.fromkeys(number for number, _ in parts))
    if name in LATE_CLOCKS:
        flags.append("time-not-of-acquisition")
    if "shuttle-table" not in flags and _irregular(when):
        flags.append("slice-times-irregular")
    if not _clocks_agree(slices, name):
        flags.append("time-encodings-disagree")
    return TimeAxis(
        slices=slices,
        times_us=when.min(axis=1),
        slice_times_us=when,
        series=tuple(first_seen.index(number) for number, _ in parts),
        source=name,
        told_by="+".join(dict.fromkeys(told)),
        flags=tuple(dict.fromkeys(flags)),
    )


def _clock(series: Sequence[Sequence[Placing]]) -> tuple[str, Times]:
    """The first clock that runs: its name and the time of every image in microseconds."""
    seen = False
    for name in CLOCKS:
        times = _times(series, name)
        if times is not None:
            _refuse_zones(series, name)
            return name, times
        seen = seen or _present(series, name)
    if not seen:
        for name in LATE_CLOCKS:
            times = _times(series, name)
            if times is not None:
                return name, times
    raise InputRefused("SERIES-TIMES", "no time encoding of the series tells when each pass was made", _ADVICE)


def _refuse_zones(series: Sequence[Sequence[Placing]], name: str) -> None:
    """Refused: a clock that names its offset from UTC in some images and in others does not: hours may lie between the two."""
    if len({name in s.zoned for part in series for s, _ in part}) > 1:
        raise InputRefused("SERIES-TIMES", f"{name} names its offset from UTC in some of the images only", _ADVICE)


def _present(series: Sequence[Sequence[Placing]], name: str) -> bool:
    """The clock varies somewhere: it was meant to tell the time."""
    return any(len({s.clocks[name] for s, _ in images if name in s.clocks}) > 1 for images in series)


def _times(series: Sequence[Sequence[Placing]], name: str) -> Times | None:
    """Time of every image by one clock; None when one lacks it or it stands still within a series of several passes."""
    images = [s for part in series for s, _ in part]
    if any(name not in s.clocks for s in images):
        return None
    for part in series:
        repeats = max(Counter(k for _, k in part).values())
        if repeats > 1 and (name == "SeriesTime" or len({s.clocks[name] for s, _ in part}) == 1):
            return None
    times = {s.key: s.clocks[name] for s in images}
    if len(set(times.values())) == 1:
        return None
    if name == "TriggerTime":
        return _with_start(series, times)
    return _unwrapped(times)


def _unwrapped(times: Times) -> Times:
    """Midnight crossed while the date stands still or is absent: what is more than half a day behind belongs to the next day."""
    low, high = min(times.values()), max(times.values())
    if high - low > _HALF_DAY_US and low // DAY_US == high // DAY_US:
        times = {key: t + DAY_US if t < low + _HALF_DAY_US else t for key, t in times.items()}
        low, high = min(times.values()), max(times.values())
    if high - low > _HALF_DAY_US:
        raise InputRefused("SERIES-TIMES", "the passes are more than half a day apart", "Give the series of one injection")
    return times


def _with_start(series: Sequence[Sequence[Placing]], times: Times) -> Times | None:
    """Trigger times count from a start; where several series count anew, their own start times put them on one clock."""
    spans = sorted((min(times[s.key] for s, _ in part), max(times[s.key] for s, _ in part)) for part in series)
    if all(before[1] < after[0] for before, after in pairwise(spans)):
        return times
    for name in ("AcquisitionDateTime", "AcquisitionTime", "SeriesTime"):
        starts = [{s.clocks.get(name) for s, _ in part} for part in series]
        if all(len(start) == 1 and None not in start for start in starts):
            base = {s.key: s.clocks[name] for part in series for s, _ in part}
            base = _unwrapped(base)
            return {key: base[key] + t for key, t in times.items()}
    return None


def _passes(images: Sequence[Placing], count: int, clock: Times) -> tuple[str, list[Pass]]:
    """The passes of one series in the order of their label or time, and what told them apart."""
    for name in LABELS:
        found = _by_label(images, name)
        if found is None:
            continue
        one_position([frozenset(part) for part in found.values()])
        if len(images) > 0.5 * len(found) * count:
            ordered = [found[key] for key in sorted(found)]
            starts = [min(clock[s.key] for s in part.values()) for part in ordered]
            if any(after < before for before, after in pairwise(starts)):
                raise InputRefused("SERIES-TIMES", f"{name} and the acquisition times run in different orders", _ADVICE)
            return name, ordered
    return "time", _by_time(images, count, clock)


def _by_label(images: Sequence[Placing], name: str) -> dict[int, Pass] | None:
    """Passes by one label; None when an image lacks it or a slice occurs twice under one label."""
    found: dict[int, Pass] = {}
    for image, k in images:
        key = image.labels.get(name)
        if key is None or k in found.setdefault(key, {}):
            return None
        found[key][k] = image
    return found


def _by_time(images: Sequence[Placing], count: int, clock: Times) -> list[Pass]:
    """Passes by time: the n-th time a slice is shown is pass n; slices shown less often are matched to the nearest pass."""
    shown: dict[int, list[Slice]] = {k: [] for k in range(count)}
    for image, k in images:
        shown[k].append(image)
    for part in shown.values():
        part.sort(key=lambda s: clock[s.key])
    often = Counter(len(part) for part in shown.values() if part)
    total = max(n for n, times in often.items() if times == max(often.values()))
    equal = [k for k, part in shown.items() if len({clock[s.key] for s in part}) < len(part)]
    if equal and len(equal) > count / 2:
        raise InputRefused("SERIES-TIMES", "two passes have the same time", _ADVICE)
    over = [k for k, part in shown.items() if len(part) > total]
    if over or equal:
        k = (over or equal)[0]
        raise InputRefused(
            "SERIES-DUPLICATE",
            f"slice {k + 1} is given more often than the others, with different content (files {_files(shown[k])})",
            "Remove the images that do not belong",
        )
    passes: list[Pass] = [{} for _ in range(total)]
    for k, part in shown.items():
        if len(part) == total:
            for n, image in enumerate(part):
                passes[n][k] = image
    middle = np.array([np.median([clock[s.key] for s in found.values()]) for found in passes])
    for k, part in shown.items():
        if len(part) < total:
            for image in part:
                passes[int(np.abs(middle - clock[image.key]).argmin())][k] = image
    return passes


def _files(images: Sequence[Slice]) -> str:
    return ", ".join(str(n) for n in sorted({s.file for s in images})[:4])


def _refuse_disorder(passes: list[Pass], clock: Times, count: int) -> None:
    """Every slice in every pass, and every slice strictly later in the next one."""
    for number, found in enumerate(passes, start=1):
        missing = [k + 1 for k in range(count) if k not in found]
        if missing:
            named = ", ".join(map(str, missing[:5])) + (" and more" if len(missing) > 5 else "")
            raise InputRefused(
                "SERIES-MISSING-SLICE",
                f"pass {number} of {len(passes)} lacks slice {named} of {count}",
                "Export the complete series, or remove that pass",
            )
    for number, (before, after) in enumerate(pairwise(passes), start=1):
        for k in range(count):
            step = clock[after[k].key] - clock[before[k].key]
            if step <= 0:
                said = "have the same time" if step == 0 else "overlap in time"
                raise InputRefused("SERIES-TIMES", f"passes {number} and {number + 1} {said} at slice {k + 1}", _ADVICE)
    if len(passes) < 2:
        raise InputRefused("SERIES-NOT-DYNAMIC", "the study has fewer than two passes", "Give the dynamic (perfusion) series")


def _irregular(when: npt.NDArray[np.int64]) -> bool:
    """Slices of some pass are timed otherwise against each other than those of most passes."""
    offsets = when - np.median(when, axis=1, keepdims=True)
    return bool(np.abs(offsets - np.median(offsets, axis=0)).max() > AGREE_S * 1e6)


def _labels_missing(images: Sequence[Placing], label: str, passes: int) -> list[str]:
    """A scanner's own count that is higher than what was found: passes were lost on the way."""
    expected = {s.expected_passes for s, _ in images}
    if len(expected) == 1 and None not in expected and max(n for n in expected if n is not None) > passes:
        return ["pass-missing"]
    if label.startswith("TemporalPosition"):
        numbers = {s.labels[label] for s, _ in images}
        if max(numbers) - min(numbers) + 1 > len(numbers):
            return ["pass-missing"]
    return []


def _clocks_agree(slices: tuple[tuple[Slice, ...], ...], name: str) -> bool:
    """Every other clock of the acquisition that runs gives the same intervals between the passes of every slice, wherever both are given."""
    return all(_agree(column, name, other) for column in zip(*slices, strict=True) for other in CLOCKS if other != name)


def _agree(column: Sequence[Slice], name: str, other: str) -> bool:
    """The two clocks give one slice the same intervals."""
    both = [s.clocks for s in column if name in s.clocks and other in s.clocks]
    if len(both) < 2:
        return True
    mine = np.array([clocks[name] for clocks in both], float)
    theirs = np.array([clocks[other] for clocks in both], float)
    trigger = theirs if other == "TriggerTime" else mine if name == "TriggerTime" else None
    if np.ptp(theirs) == 0 or (trigger is not None and (np.diff(trigger) <= 0).any()):  # a trigger may count anew
        return True
    apart = (theirs - theirs[0]) - (mine - mine[0])
    apart -= DAY_US * np.round(apart / DAY_US)
    return bool(np.abs(apart).max() <= AGREE_S * 1e6)
