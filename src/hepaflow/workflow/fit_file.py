"""Curves measured anywhere, from a CSV file to kinetic parameters, by one model or by every model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.comparison import Comparison, ModelFit
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.errors import InputRefused, UsageError
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.compare import Tried, compare
from hepaflow.kinetics.fit_csv import SPLEEN, fit_column, inputs_of_columns
from hepaflow.kinetics.model import KineticModel
from hepaflow.units import QUANTITIES
from hepaflow.workflow.columns import as_number, read_csv
from hepaflow.workflow.compared import aic_in, as_comparison, standing

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None] | None
SCHEMA = 1
TOO_SHORT = "CURVE-TOO-SHORT"
ALL = "all"
#: Input columns, and the columns of their samples' standard errors.
SD_OF = {"arterial": "arterial_sd", "portal": "portal_sd"}
ROLES = ("time_s", *SD_OF, *SD_OF.values())
#: No contrast study lasts longer; times beyond it are in another unit than seconds.
LONGEST_S = 7200.0
#: Names under which times in minutes come.
MINUTES = ("time_min", "t_min", "min", "minutes", "time_minutes", "time (min)", "time [min]")
#: A value this many times the arterial enhancement is no measurement of the same study.
LARGEST_SHARE = 1e6
#: The arterial enhancement that fits are made at, about that of a CT in HU.
USUAL_PEAK = 256.0


@dataclass(frozen=True, slots=True, eq=False)
class FittedFile:
    """A file of curves with what was asked of it: ``model`` is a key or ``all``.

    ``unit`` is what the fit's unit is worth in the file's. ``columns`` (n,) are the tissue curves in the fit's unit; ``compared`` has
    one entry for each of them, in the same order.
    """

    model: str
    density_g_ml: float
    haematocrit: float | None
    times_s: FloatArray
    unit: float
    columns: dict[str, FloatArray]
    inputs: Inputs
    inputs_missing: bool
    compared: tuple[Comparison, ...]

    @property
    def unestimated(self) -> list[str]:
        """Curves of which nothing that was asked for could be estimated."""
        return [found.curve for found in self.compared if not any(estimated(fit.found) for fit in found.fits)]


def fit_file(
    path: Path, *, model: str, density_g_ml: float, haematocrit: float | None = None, progress: Progress = None
) -> FittedFile:
    """Every tissue curve of a CSV file fitted by ``model``, or by every model that the input allows (``all``).

    Refused: no ``time_s``, ``arterial`` or tissue column, a cell that is not a number or over a million times the arterial
    enhancement, times that are missing, do not increase strictly or span more than two hours or less than 10 s, a standard error (``arterial_sd``,
    ``portal_sd``) without its input, missing beside a sample or below zero; a file of which no curve can be fitted. An empty cell is a missing sample. A curve that a model cannot be fitted to keeps the reason.
    """
    chosen = MODELS if model == ALL else (model_of(model),)
    if not 0.5 < density_g_ml < 2.0:
        raise UsageError("DENSITY-INVALID", "the density is not between 0.5 and 2 g/mL", "Give the tissue density in g/mL")
    if haematocrit is not None and not 0.0 < haematocrit < 0.8:
        raise UsageError("HAEMATOCRIT-INVALID", "the haematocrit is not between 0 and 0.8", "Give it as a fraction, such as 0.42")
    times, columns = read_curves(path)
    unit = fitting_unit(columns["arterial"])
    columns = {name: _in_unit(values, unit, column=name) for name, values in columns.items()}
    arterial, portal = columns.pop("arterial"), columns.pop("portal", None)
    sd = {name: columns.pop(column) for name, column in SD_OF.items() if column in columns}
    inputs = inputs_of_columns(times, arterial, portal, sd=sd, spleen=columns.get(SPLEEN), haematocrit=haematocrit)
    total = len(columns) * len(chosen)
    compared: list[Comparison] = []
    for name, values in columns.items():
        tried: dict[str, Tried] = {}
        for one in chosen:
            tried[one.key] = _try(TimeCurve(name, times, values), inputs, one, density_g_ml=density_g_ml, strict=model != ALL)
            if progress:
                progress("fits", len(compared) * len(chosen) + len(tried), total)
        compared.append(compare(name, tried))
    if all(fit.found is None for found in compared for fit in found.fits):
        raise InputRefused(TOO_SHORT, "no curve has enough valid samples", "Give longer or more complete curves")
    gaps = any(not np.isfinite(c).all() for c in (arterial, portal) if c is not None)
    return FittedFile(model, density_g_ml, haematocrit, times, unit, columns, inputs, gaps, tuple(compared))


def _try(curve: TimeCurve, inputs: Inputs, model: KineticModel, *, density_g_ml: float, strict: bool) -> Tried:
    """The measurement, or why there is none; ``strict`` lets only a curve that is too short go by, as a single model's own refusal is the answer."""
    try:
        return fit_column(curve, inputs, model=model, density_g_ml=density_g_ml)
    except InputRefused as error:
        if strict and error.code != TOO_SHORT:
            raise
        return error


def estimated(found: Measurement | None) -> bool:
    """Whether a measurement holds any number."""
    return found is not None and any(math.isfinite(e.value) for e in found.parameters.values())


def as_object(done: FittedFile) -> dict[str, Any]:
    """The object that ``hepaflow fit --json`` prints: one entry a curve, or with ``all`` one a curve and model in rank order."""
    every = done.model == ALL
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "model": done.model,
        "inputs": "arterial" if done.inputs.portal is None else "arterial and portal",
        "density_g_ml": done.density_g_ml,
        "haematocrit": done.haematocrit,
        "curves": [
            as_curve(one.curve, fit, samples=np.isfinite(done.columns[one.curve]), unit=done.unit)
            | (standing(fit) if every else {})
            for one in done.compared
            for fit in one.fits
        ],
        "flags": [*done.inputs.flags, *(["samples-missing"] if done.inputs_missing else [])],
    }
    if every:
        found["comparison"] = [as_comparison(one, unit=done.unit) for one in done.compared]
    return found


def read_curves(path: Path) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Times (n,) and every other column (n,), NaN where a cell is empty."""
    head, rows = read_csv(path, code="CURVES")
    for name in ("time_s", "arterial"):
        if name not in head:
            if name == "time_s" and any(column.lower() in MINUTES for column in head):
                raise InputRefused(
                    "CURVES-COLUMN-MISSING",
                    "there is no column time_s, but one of times in minutes",
                    "Multiply the minutes by 60 and name the column time_s",
                )
            raise InputRefused(
                "CURVES-COLUMN-MISSING",
                f"there is no column {name}",
                "Name the columns time_s, arterial, perhaps portal, then the tissues",
            )
    if not set(head) - set(ROLES):
        raise InputRefused("CURVES-NO-TISSUE", "there is no tissue column", "Add one column a tissue curve")
    values = np.array(
        [
            [as_number(cell, code="CURVES", where=f"row {r}, column {c}") for c, cell in enumerate(row, start=1)]
            for r, row in enumerate(rows, start=2)
        ]
    )
    columns = {name: values[:, c] for c, name in enumerate(head)}
    times = columns.pop("time_s")
    if not np.isfinite(times).all():
        raise InputRefused("CURVES-TIMES", "a time is missing", "Give every row its time in seconds")
    if (np.diff(times) <= 0).any():
        row = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 3
        raise InputRefused(
            "CURVES-TIMES", f"times do not increase strictly at row {row}", "Sort the rows by time and remove repeated times"
        )
    if times[-1] - times[0] > LONGEST_S:
        raise InputRefused("CURVES-TIMES", "the times span more than two hours", "Give times in seconds")
    for name, column in SD_OF.items():
        if column in columns:
            _check_sd(columns[column], columns.get(name), column=column)
    return times, columns


def _check_sd(sd: FloatArray, values: FloatArray | None, *, column: str) -> None:
    """Refuses standard errors (n,) that do not say of every sample ``values`` (n,) how well it is known."""
    if values is None:
        raise InputRefused(
            "CURVES-SD", f"there is a column {column} but no curve that it belongs to", "Add the curve or leave it out"
        )
    wrong = np.isfinite(values) & ~(sd >= 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 2
        raise InputRefused(
            "CURVES-SD",
            f"column {column} has no standard error of zero or more at row {row}",
            "Give one for every sample of the curve, or leave the column out",
        )


def fitting_unit(arterial: FloatArray) -> float:
    """The power of two that brings the arterial enhancement near that of a CT in HU, so that no unit is too small or too large for a fit.

    >>> fitting_unit(np.array([0.0, 250.0, 90.0])), fitting_unit(np.array([0.0, 0.25, 0.09]))
    (1.0, 0.0009765625)
    """
    finite = arterial[np.isfinite(arterial)]
    peak = float(finite.max() / 2 - finite.min() / 2) * 2 if finite.size else 0.0
    if not 0 < peak < np.inf:
        return 1.0
    return float(2.0 ** np.clip(np.round(np.log2(peak / USUAL_PEAK)), -1000, 1000))


def _in_unit(values: FloatArray, unit: float, *, column: str) -> FloatArray:
    """``values`` (n,) in the unit of the fit."""
    with np.errstate(over="ignore"):
        scaled = values / unit
    if (np.abs(scaled) > LARGEST_SHARE * USUAL_PEAK).any():
        raise InputRefused(
            "CURVES-NOT-A-NUMBER",
            f"column {column} holds a value over a million times the arterial enhancement",
            "Check the value, or leave the cell empty",
        )
    return scaled


def as_curve(name: str, fit: ModelFit, *, samples: npt.NDArray[np.bool_], unit: float) -> dict[str, Any]:
    """One curve of the contract, of which ``samples`` (n,) are there.

    ``unit`` is what the fit's unit is worth in the file's: it returns AIC, residual and what is measured in HU to the file's unit.
    """
    missing = () if samples.all() else ("samples-missing",)
    found = fit.found
    if found is None:
        flag = "curve-too-short" if fit.refusal == TOO_SHORT else "model-not-fitted"
        nothing: dict[str, Any] = {"parameters": {}, "delays_s": {}, "r2": None, "aic": None, "residual_sd": None}
        return {"curve": name, "model": fit.model, **nothing, "flags": [*missing, flag]}
    scale = {key: unit if QUANTITIES[key].unit.startswith("HU") else 1.0 for key in found.parameters}
    return {
        "curve": name,
        "model": fit.model,
        "parameters": {
            key: {"value": e.value * scale[key], "sd": e.sd * scale[key], "unit": QUANTITIES[key].unit}
            for key, e in found.parameters.items()
        },
        "delays_s": dict(found.delays_s),
        "r2": found.r2,
        "aic": aic_in(found.aic, fit, unit),
        "residual_sd": found.residual_sd * unit,
        "flags": list(dict.fromkeys((*found.flags, *missing))),
    }
