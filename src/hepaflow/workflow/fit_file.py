"""Curves measured anywhere, from a CSV file to kinetic parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.domain.lesions import Measurement
from hepaflow.errors import InputRefused, UsageError
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_csv import fit_columns
from hepaflow.units import QUANTITIES
from hepaflow.workflow.columns import as_number, read_csv

FloatArray = npt.NDArray[np.float64]
SCHEMA = 1
TOO_SHORT = "CURVE-TOO-SHORT"
ROLES = ("time_s", "arterial", "portal")
#: No contrast study lasts longer; times beyond it are in another unit than seconds.
LONGEST_S = 7200.0
#: A value this many times the arterial enhancement is no measurement of the same study.
LARGEST_SHARE = 1e6
#: The arterial enhancement that fits are made at, about that of a CT in HU.
USUAL_PEAK = 256.0


def fit_file(path: Path, *, model: str, density_g_ml: float) -> dict[str, Any]:
    """The object that ``hepaflow fit --json`` prints.

    Refused: no ``time_s``, ``arterial`` or tissue column, a cell that is not a number or over a million times the arterial
    enhancement, times that are missing, do not increase strictly or span more than two hours. An empty cell is a missing sample; the curve is flagged ``samples-missing``. A curve with too few samples has no
    parameters and the flag ``curve-too-short``; when no curve can be fitted, the file is refused.
    """
    chosen = model_of(model)
    if not 0.5 < density_g_ml < 2.0:
        raise UsageError("DENSITY-INVALID", "the density is not between 0.5 and 2 g/mL", "Give the tissue density in g/mL")
    times, columns = read_curves(path)
    unit = fitting_unit(columns["arterial"])
    columns = {name: _in_unit(values, unit, column=name) for name, values in columns.items()}
    arterial, portal = columns.pop("arterial"), columns.pop("portal", None)

    def fit(tissues: dict[str, FloatArray]) -> tuple[Inputs, tuple[Measurement, ...]]:
        return fit_columns(times, arterial, portal, tissues, model=chosen.key, density_g_ml=density_g_ml)

    inputs, found = _fit_what_can_be(columns, fit)
    gaps = any(not np.isfinite(c).all() for c in (arterial, portal) if c is not None)
    return {
        "schema": SCHEMA,
        "model": chosen.key,
        "inputs": "arterial" if portal is None else "arterial and portal",
        "density_g_ml": density_g_ml,
        "curves": [as_curve(name, found.get(name), chosen.key, samples=np.isfinite(x), unit=unit) for name, x in columns.items()],
        "flags": [*inputs.flags, *(["samples-missing"] if gaps else [])],
    }


def read_curves(path: Path) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Times (n,) and every other column (n,), NaN where a cell is empty."""
    head, rows = read_csv(path, code="CURVES")
    for name in ("time_s", "arterial"):
        if name not in head:
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
    return times, columns


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


def _fit_what_can_be(
    columns: dict[str, FloatArray], fit: Callable[[dict[str, FloatArray]], tuple[Inputs, tuple[Measurement, ...]]]
) -> tuple[Inputs, dict[str, Measurement]]:
    """The inputs and the measurement of every curve that can be fitted, by name."""
    try:
        inputs, found = fit(columns)
        return inputs, {measurement.region: measurement for measurement in found}
    except InputRefused as error:
        if error.code != TOO_SHORT or len(columns) == 1:
            raise
    fitted = {}
    answered = None
    for name, values in columns.items():
        try:
            answered, (fitted[name],) = fit({name: values})
        except InputRefused as error:
            if error.code != TOO_SHORT:
                raise
    if answered is None:
        raise InputRefused(TOO_SHORT, "no curve has enough valid samples", "Give longer or more complete curves")
    return answered, fitted


def as_curve(name: str, found: Measurement | None, model: str, *, samples: npt.NDArray[np.bool_], unit: float) -> dict[str, Any]:
    """One curve of the contract, of which ``samples`` (n,) are there; ``found`` None is a curve that could not be fitted.

    ``unit`` is what the fit's unit is worth in the file's: it returns AIC and residual to the file's unit.
    """
    missing = () if samples.all() else ("samples-missing",)
    if found is None:
        nothing = {"r2": None, "aic": None, "residual_sd": None}
        return {"curve": name, "model": model, "parameters": {}, "delays_s": {}, **nothing, "flags": [*missing, "curve-too-short"]}
    return {
        "curve": name,
        "model": model,
        "parameters": {key: {"value": e.value, "sd": e.sd, "unit": QUANTITIES[key].unit} for key, e in found.parameters.items()},
        "delays_s": dict(found.delays_s),
        "r2": found.r2,
        "aic": found.aic + 2.0 * int(samples.sum()) * math.log(unit),
        "residual_sd": found.residual_sd * unit,
        "flags": list(dict.fromkeys((*found.flags, *missing))),
    }
