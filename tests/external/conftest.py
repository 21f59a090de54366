"""Where the reference data lie that do not ship with the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def reference() -> Path:
    folder = Path(os.environ.get("HEPAFLOW_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip("no reference data: set HEPAFLOW_REFERENCE to their folder")
    return folder
