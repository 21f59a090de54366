"""Reading the reference data."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np


def table(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV of numbers by name."""
    read = np.genfromtxt(path, delimiter=",", names=True)
    return {name: read[name] for name in read.dtype.names}


def cases(path: Path) -> list[dict[str, np.ndarray | float | str]]:
    """Rows of a CSV with curves in its cells: curves as arrays, single numbers as floats, the label as text."""
    csv.field_size_limit(10**7)
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: text if key == "label" else _value(text) for key, text in row.items()} for row in csv.DictReader(file)]


def _value(text: str) -> np.ndarray | float:
    numbers = np.array(text.split(), float)
    return float(numbers[0]) if numbers.size == 1 else numbers
