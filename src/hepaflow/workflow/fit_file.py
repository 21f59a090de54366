"""Curves measured anywhere, from a CSV file to kinetic parameters."""

from __future__ import annotations

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


def fit_file(path: Path, *, model: str, density_g_ml: float) -> dict[str, Any]:
    """The object that ``hepaflow fit --json`` prints.

    Refused: no ``time_s``, ``arterial`` or tissue column, a cell that is not a number, times that are missing or do not increase
    strictly. An empty cell is a missing sample; the curve is flagged ``samples-missing``. A curve with too few samples has no
    parameters and the flag ``curve-too-short``; when no curve can be fitted, the file is refused.
    """
    chosen = model_of(model)
    if not 0.5 < density_g_ml < 2.0:
        raise UsageError("DENSITY-INVALID", "the density is not between 0.5 and 2 g/mL", "Give the tissue density in g/mL")
    times, columns = read_curves(path)
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
        "curves": [as_curve(name, found.get(name), chosen.key, complete=bool(np.isfinite(x).all())) for name, x in columns.items()],
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
    return times, columns


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


def as_curve(name: str, found: Measurement | None, model: str, *, complete: bool) -> dict[str, Any]:
    """One curve of the contract; ``found`` None is a curve that could not be fitted."""
    missing = () if complete else ("samples-missing",)
    if found is None:
        nothing = {"r2": None, "aic": None, "residual_sd": None}
        return {"curve": name, "model": model, "parameters": {}, "delays_s": {}, **nothing, "flags": [*missing, "curve-too-short"]}
    return {
        "curve": name,
        "model": model,
        "parameters": {key: {"value": e.value, "sd": e.sd, "unit": QUANTITIES[key].unit} for key, e in found.parameters.items()},
        "delays_s": dict(found.delays_s),
        "r2": found.r2,
        "aic": found.aic,
        "residual_sd": found.residual_sd,
        "flags": list(dict.fromkeys((*found.flags, *missing))),
    }
