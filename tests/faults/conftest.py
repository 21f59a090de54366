"""The families lean on the tiny study of tests/dicom; what came out is counted at the end of the run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    from fault import OUTCOMES

    for family, counts in OUTCOMES.items():
        said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        terminalreporter.write_line(f"faults, {family}: {sum(counts.values())} cases: {said}")
