"""What is in a study, said without analysing it, also of a study that cannot be assembled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.dicom.assemble import Trail, assemble
from hepaflow.dicom.choice import SeriesFound
from hepaflow.dicom.kinds import REGIONS, is_own_map
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.search import patient_axes

#: A step this much longer than the one before is a gap: between two series or phases, or where a pass was lost.
GAP_RATIO = 1.5
#: Why images that hepaflow made of a map are left aside.
OWN_RESULT = "a result: its values are not HU"
#: Series numbers that are told.
MOST_NUMBER = 99_999

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class StudySurvey:
    """``series`` found with their Series ``numbers``, files that are not DICOM, and either the assembled ``dynamic`` series or the ``refusal``."""

    series: tuple[SeriesFound, ...]
    numbers: tuple[int | None, ...]
    files: int
    strangers: int
    told_by: str
    dynamic: DynamicSeries | None
    refusal: InputRefused | None

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values; holds nothing that identifies the patient. The protocol check is added by the caller."""
        found: dict[str, Any] = {
            "schema": 1,
            "files": self.files,
            "files_not_dicom": self.strangers,
            "series": [
                asdict(one) | {"series_number": _short(number)} for one, number in zip(self.series, self.numbers, strict=True)
            ],
            "missing": list(self.missing()),
            "geometry": None,
            "times_s": [],
            "time_source": None,
            "passes_told_by": self.told_by or None,
            "gaps": [],
            "acquisition": None,
            "protocol": [],
            "flags": [],
            "refused": None,
        }
        if self.refusal is not None:
            found["refused"] = {"code": self.refusal.code, "what": self.refusal.what, "advice": self.refusal.advice}
        if self.dynamic is not None:
            found |= _dynamic(self.dynamic)
        return found

    def missing(self) -> tuple[str, ...]:
        """What an analysis would still want, in plain sentences; empty where nothing is."""
        regions = any(kind in one.what for one in self.series for kind in REGIONS)
        if self.dynamic is not None:
            return (
                () if regions else ("no regions in the study: vessels, liver and healthy reference would be proposed, lesions not",)
            )
        if not self.series:
            # of any other refusal there may be images: it says itself what is wrong
            empty = self.refusal is not None and self.refusal.code == "STUDY-EMPTY"
            return ("any DICOM image or 4D NIfTI",) if empty else ()
        if any(one.role == "dynamic" for one in self.series):
            return ("what the refusal names: the dynamic series was found but cannot be assembled",)
        said = "the dynamic CT series: one that shows the same slices again and again"
        if any(one.positions for one in self.series):
            return (said, "the CT images here show each place once, or cannot be told apart in time")
        return (said, "the images that the regions were drawn on") if regions else (said,)


def _short(number: int | None) -> int | None:
    """A series number as archives count; a longer one may be the patient's."""
    return number if number is not None and 0 <= number <= MOST_NUMBER else None


def survey(source: Path, *, progress: Progress | None = None) -> StudySurvey:
    """Series, geometry, time axis and acquisition of a study; the refusal where it cannot be assembled."""
    trail = Trail()
    try:
        series, refusal = assemble(source, progress=progress, trail=trail), None
    except InputRefused as refused:
        series, refusal = None, refused
    found = tuple(replace(one, why=OWN_RESULT) if one.why and is_own_map(one.what) else one for one in trail.found)
    return StudySurvey(found, trail.numbers, trail.files, trail.strangers, trail.told_by, series, refusal)


def gaps(series: DynamicSeries) -> list[dict[str, float]]:
    """Where a step is longer than ``GAP_RATIO`` times the one before: from, to and length in s."""
    steps = np.diff(series.times_s)
    wide = 1 + np.flatnonzero(steps[1:] > GAP_RATIO * steps[:-1])
    return [
        {"from_s": float(series.times_s[n]), "to_s": float(series.times_s[n + 1]), "length_s": round(float(steps[n]), 6)}
        for n in wide
    ]


def orientation(series: DynamicSeries) -> str:
    """Where slices, rows and columns rise towards, in patient letters (L, R, P, A, S, I): an axial head-first study is ``SPL``.

    Of an oblique study each letter is of the patient axis that its array axis is taken for: no two are of one.
    """
    letters = [""] * 3
    for pair, axis, flipped in zip(("SI", "PA", "LR"), *patient_axes(series.grid), strict=True):
        letters[axis] = pair[flipped]
    return "".join(letters)


def _dynamic(series: DynamicSeries) -> dict[str, Any]:
    grid, got = series.grid, series.acquisition
    acquisition = {key: value for key, value in asdict(got).items() if key != "time_source"}
    return {
        "geometry": {
            "shape": list(grid.shape),
            "spacing_mm": [round(v, 6) for v in grid.spacing_mm],
            "coverage_mm": [round(n * v, 3) for n, v in zip(grid.shape, grid.spacing_mm, strict=True)],
            "orientation": orientation(series),
            "affine": [[round(float(v), 6) for v in row] for row in grid.affine],
        },
        "times_s": [round(float(t), 6) for t in series.times_s],
        "time_source": got.time_source,
        "slice_times": series.slice_times_s is not None,
        "gaps": gaps(series),
        "acquisition": acquisition,
        "flags": list(series.flags),
    }
