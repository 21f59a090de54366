"""What is shown of one study: its geometry and times, cuts of passes and maps, the curve and the values at a point."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused, UsageError
from hepaflow.kinetics.display import display_range
from hepaflow.report import palettes
from hepaflow.store import codec
from hepaflow.web import facts
from hepaflow.web.places import StudyPlace
from hepaflow.web.planes import PLANES, Plane, float_octets, hu_octets, mean_cut
from hepaflow.web.refusals import NotThere
from hepaflow.web.shelf import SHELF, Held

Point = tuple[int, int, int]

SETS = ("acquired", "corrected")
#: Instead of the number of a pass: the mean of all that are not excluded.
MEAN = "mean"
#: A curve is taken from no larger ball than this.
MOST_RADIUS_MM = 30.0
_SD = "_sd"


@dataclass(frozen=True, slots=True)
class Octets:
    """A picture as octets, and the key of what it was cut from."""

    data: bytes
    key: str


def series_of(place: StudyPlace, which: str) -> Held[DynamicSeries]:
    """The ``acquired`` or ``corrected`` series. Refused (``SET-UNKNOWN``): another word, a series that is not there (yet)."""
    if which in SETS:
        try:
            return SHELF.series(place.acquired if which == "acquired" else place.corrected)
        except FileNotFoundError:
            pass
    raise NotThere("SET-UNKNOWN", "the study has no such images", "Import the study, or analyse it for corrected images")


def working_set(place: StudyPlace) -> str:
    """The set that regions and numbers work on: ``corrected`` where there is one, else ``acquired``."""
    return "corrected" if (place.corrected / "value.json").exists() else "acquired"


def working_series(place: StudyPlace) -> Held[DynamicSeries]:
    """The series of :func:`working_set`. Refused: as :func:`series_of`."""
    return series_of(place, working_set(place))


def images_told(place: StudyPlace) -> dict[str, Any]:
    """Grid, times, planes, windows and sets of a study; ``reference`` and ``baseline_passes`` are known once it was analysed."""
    held = {"acquired": series_of(place, "acquired")}
    if working_set(place) == "corrected":
        held["corrected"] = series_of(place, "corrected")
    series = held[working_set(place)].value if "corrected" in held else held["acquired"].value
    grid = series.grid
    return {
        "grid": {"shape": list(grid.shape), "spacing_mm": list(grid.spacing_mm), "affine": grid.affine.tolist()},
        "passes": series.passes,
        "times_s": series.times_s.tolist(),
        "excluded": list(series.excluded),
        "reference": reference_pass(place),
        "baseline_passes": _of_step(place, "inputs", "baseline_passes"),
        "sets": list(held),
        "keys": {name: found.key for name, found in held.items()},
        "windows": facts.windows(),
        "planes": {key: Plane.of(grid, key).told() for key in PLANES},
    }


def pass_cut(place: StudyPlace, which: str, plane: str, *, number: str, index: str) -> Octets:
    """One picture of a pass (its number from 0, or ``mean``) in HU, int16. Refused: a set, plane, pass or index that is not there."""
    held = series_of(place, which)
    series = held.value
    view, at = _where(series.grid, plane, index)
    if number == MEAN:
        picture = mean_cut(view, series.voxels, at, passes=usable_passes(series))
    else:
        picture = view.cut(series.voxels[_counted(number, series.passes, "pass")], at)
    return Octets(hu_octets(picture), held.key)


def usable_passes(series: DynamicSeries) -> list[int]:
    """The passes that are not excluded; all of them when all are."""
    return [number for number in range(series.passes) if number not in series.excluded] or list(range(series.passes))


def reference_pass(place: StudyPlace) -> int | None:
    """The pass that the others were brought to; None before an analysis."""
    return _of_step(place, "motion", "reference")


def motion_method(place: StudyPlace) -> str | None:
    """How the analysis brought the passes together (``none``: not at all); None before one."""
    try:
        return str(SHELF.stored(place.case / "steps" / "motion").value.part("method"))
    except FileNotFoundError:
        return None


def maps_told(place: StudyPlace) -> dict[str, Any]:
    """The maps of a study's analysis, with the range and palette in which its model shows them. Refused (``MAPS-NONE``): none were made."""
    held = _maps(place)
    stored = held.value
    model = stored.part("model")
    return {
        "model": model,
        "key": held.key,
        "density_g_ml": stored.part("density_g_ml"),
        "noise_hu": _number(stored.part("noise_hu")),
        "maps": [
            {
                "key": key,
                "sd": "sd" in stored.names("maps", key),
                "range": list(display_range(str(key), model)),
                "palette": palettes.palette_of(str(key)),
            }
            for key in stored.names("maps")
        ],
    }


def map_cut(place: StudyPlace, name: str, plane: str, *, index: str) -> Octets:
    """One picture of a map, float32. ``name`` is a map's key, with ``_sd`` its standard deviation. Refused: what is not there."""
    held = _maps(place)
    view, at = _where(held.value.part("grid"), plane, index)
    found = SHELF.parameter_map(_maps_folder(place), *_way(held.value, name))
    return Octets(float_octets(view.turned(found.value.across(view.axes[0], at))), found.key)


def point_curve(place: StudyPlace, at: str, *, which: str | None, radius_mm: float) -> dict[str, Any]:
    """HU over time, mean of the voxels whose centres lie within ``radius_mm`` of that of ``at`` (``k,j,i``); excluded passes have none.

    ``baseline_hu`` is the mean of the baseline passes, known after an analysis. Refused: a point outside the grid, a radius out of range.
    """
    name = which or working_set(place)
    series = series_of(place, name).value
    point = _point(at, series.grid.shape)
    box, ball = ball_around(series, point, radius_mm)
    values = np.full(series.passes, np.nan)
    for number in range(series.passes):
        sample = series.voxels[(number, *box)][ball].astype(np.float64)
        sample = sample[np.isfinite(sample)]
        if number not in series.excluded and 2 * sample.size >= ball.sum():
            values[number] = sample.mean()
    baseline = _of_step(place, "inputs", "baseline_passes")
    head = values[:baseline] if baseline else values[:0]
    head = head[np.isfinite(head)]
    return {
        "set": name,
        "voxels": int(ball.sum()),
        "times_s": _times(series, box[0], ball),
        "hu": [_number(value) for value in values],
        "baseline_hu": float(head.mean()) if head.size else None,
    }


def voxel_told(place: StudyPlace, at: str, *, which: str | None, number: str) -> dict[str, Any]:
    """What is known at one voxel (``k,j,i``): HU of a pass or of their mean, every map with its SD, and why values are missing or doubtful."""
    name = which or working_set(place)
    series = series_of(place, name).value
    point = _point(at, series.grid.shape)
    passes = usable_passes(series) if number == MEAN else [_counted(number, series.passes, "pass")]
    sample = np.array([series.voxels[(one, *point)] for one in passes], float)
    sample = sample[np.isfinite(sample)]
    told: dict[str, Any] = {
        "at": list(point),
        "mm": series.grid.to_mm(point).tolist(),
        "set": name,
        "hu": float(sample.mean()) if sample.size else None,
        "maps": {},
        "reasons": [],
    }
    try:
        stored = _maps(place).value
    except NotThere:
        return told
    for key in stored.names("maps"):
        kinds = stored.names("maps", key)
        told["maps"][key] = {
            "value": _number(stored.element("maps", key, "values", at=point)),
            "sd": _number(stored.element("maps", key, "sd", at=point)) if "sd" in kinds else None,
        }
    bits = int(stored.element("flags", at=point))
    told["reasons"] = [code for code, flag in FLAGS.items() if flag.bit is not None and bits >> flag.bit & 1]
    return told


def _where(grid: Any, plane: str, index: str) -> tuple[Plane, int]:
    if plane not in PLANES:
        raise NotThere("PLANE-UNKNOWN", "there is no such plane", "Use axial, coronal or sagittal")
    view = Plane.of(grid, plane)
    return view, _counted(index, view.shape[0], "slice")


def _counted(text: str, count: int, what: str) -> int:
    """The number of a pass or slice. Refused: what is not a plain number below ``count``."""
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) < count):
        raise NotThere(f"{what.upper()}-UNKNOWN", f"the study has no such {what}", f"Count from 0 to {count - 1}")
    return int(text)


def require_pass(at_pass: int, series: DynamicSeries) -> None:
    """Refused (``SHIFT-PASS``): a pass beyond the last one."""
    if at_pass >= series.passes:
        raise InputRefused(
            "SHIFT-PASS", f"the pass is not one of the {series.passes} passes", "Count the passes from 0, in time order"
        )


def _point(text: str, shape: tuple[int, ...]) -> Point:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise UsageError("POINT-INVALID", "the point is not three array indices", "Give it as k,j,i")
    k, j, i = map(int, parts)
    if not (k < shape[0] and j < shape[1] and i < shape[2]):
        raise NotThere("POINT-OUTSIDE", "the point lies outside the images", "Give a voxel of the study's grid")
    return k, j, i


def ball_around(series: DynamicSeries, point: Point, radius_mm: float) -> tuple[tuple[slice, slice, slice], npt.NDArray[np.bool_]]:
    """The box of array indices around ``point``, and which of its voxels lie in the ball (grid axes are at right angles). Refused: a radius out of range."""
    if not 0.0 <= radius_mm <= MOST_RADIUS_MM:
        raise UsageError("RADIUS-INVALID", f"the radius is not from 0 to {MOST_RADIUS_MM:g} mm", "Give another radius")
    spans, squares = [], []
    for middle, step, count in zip(point, series.grid.spacing_mm, series.grid.shape, strict=True):
        reach = int(radius_mm // step)
        span = slice(max(middle - reach, 0), min(middle + reach + 1, count))
        spans.append(span)
        squares.append(((np.arange(span.start, span.stop) - middle) * step) ** 2)
    distance = squares[0][:, None, None] + squares[1][:, None] + squares[2]
    return (spans[0], spans[1], spans[2]), distance <= radius_mm**2 + 1e-9


def _times(series: DynamicSeries, slices: slice, ball: npt.NDArray[np.bool_]) -> list[float]:
    """When each pass imaged the ball: the mean over its voxels where slices have times of their own."""
    if series.slice_times_s is None:
        return [float(time) for time in series.times_s]
    share = ball.sum(axis=(1, 2))
    return [float(time) for time in series.slice_times_s[:, slices] @ share / share.sum()]


def _maps_folder(place: StudyPlace) -> Path:
    return place.case / "steps" / "maps"


def _maps(place: StudyPlace) -> Held[codec.Stored]:
    try:
        return SHELF.stored(_maps_folder(place))
    except FileNotFoundError:
        raise NotThere("MAPS-NONE", "the study has no maps yet", "Analyse the study") from None


def _way(stored: codec.Stored, name: str) -> tuple[str, str, str]:
    """Where a map lies in the stored set. Refused: no such map."""
    for key, kind in ((name, "values"), (name.removesuffix(_SD), "sd")):
        if key in stored.names("maps") and kind in stored.names("maps", key) and (kind == "sd") == (key != name):
            return "maps", key, kind
    raise NotThere("MAP-UNKNOWN", "the study has no such map", "Ask for the list of its maps")


def _of_step(place: StudyPlace, step: str, field: str) -> int | None:
    """A whole number of a finished step of the analysis; None before."""
    try:
        return int(SHELF.stored(place.case / "steps" / step).value.part(field))
    except FileNotFoundError:
        return None


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
