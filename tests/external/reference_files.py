"""Reading the reference data."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def table(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV of numbers by name."""
    read = np.genfromtxt(path, delimiter=",", names=True)
    return {name: read[name] for name in read.dtype.names}
