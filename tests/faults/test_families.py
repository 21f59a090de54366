"""Every fault of every family: refused by name, flagged, or accepted as the truth."""

from __future__ import annotations

from pathlib import Path

import archives
import dicom_files
import numpy as np
import pytest
import series_assembly
from fault import Fault, check, lay, study, truth

from hepaflow.dicom.assemble import assemble

FAMILIES = {"DICOM files": dicom_files.CASES, "series assembly": series_assembly.CASES, "archives and paths": archives.CASES}
COUNTS = {"DICOM files": 160, "series assembly": 96, "archives and paths": 32}
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


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    generator = np.random.default_rng(11)
    folder = lay(study(), tmp_path)
    paths = sorted(folder.iterdir())
    digests, images = set(), set()
    for number in range(series_assembly.PERMUTATIONS):
        for path, name in zip(paths, generator.permutation(len(paths)), strict=True):
            path.rename(folder / f"{name}-{number}.new")
        paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_ino)
        series = assemble(folder)
        digests.add(series.source["digest"])
        images.add(str(series.source["images"]))
        np.testing.assert_array_equal(series.voxels, truth())
    assert (len(digests), len(images)) == (1, 1)
