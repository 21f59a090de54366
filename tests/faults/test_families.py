"""Every fault of every family: refused by name, flagged, or accepted as the truth."""

from __future__ import annotations

from pathlib import Path

import dicom_files
import pytest
from fault import Fault, check

FAMILIES = {"DICOM files": dicom_files.CASES}
COUNTS = {"DICOM files": 153}
ALL = [pytest.param(family, case, id=case.name) for family, cases in FAMILIES.items() for case in cases]


def test_families_are_whole() -> None:
    assert {family: len(cases) for family, cases in FAMILIES.items()} == COUNTS
    for cases in FAMILIES.values():
        assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize(("family", "fault"), ALL)
def test_fault(
    family: str, fault: Fault, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "CANARY_study"
    folder.mkdir()
    check(fault, family, folder, capfd, caplog)
