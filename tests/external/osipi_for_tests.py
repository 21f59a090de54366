"""Digital reference curves of the OSIPI code collection, read from the reference folder where it is present."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("HEPAFLOW_REFERENCE", ROOT.parent / "shared" / "reference")) / "osipi"


def cases(name: str) -> list[dict[str, np.ndarray | float | str]]:
    """Rows of a reference file: curves as arrays, single numbers as floats, the label as text. Skips where the file is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"reference data not present: {path}")
    csv.field_size_limit(10**7)
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: text if key == "label" else _value(text) for key, text in row.items()} for row in csv.DictReader(file)]


def _value(text: str) -> np.ndarray | float:
    numbers = np.array(text.split(), float)
    return float(numbers[0]) if numbers.size == 1 else numbers
