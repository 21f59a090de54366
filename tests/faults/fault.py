"""One fault, what must come of it, and the harness that holds the reader to it.

Every study carries a canary in each free text of its headers. What is accepted equals the truth in values, places and times, or carries the
flag that the case names; all else is refused by one of the codes that the case names.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_study import Image, hounsfield, save, tiny

from hepaflow.dicom.assemble import assemble
from hepaflow.errors import InputRefused

TIMES_S = (0.0, 2.0, 9.0, 20.0)
SLICES = 3
CANARY = "CANARY"
BIRTH = "19470229"
TEXTS = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "OtherPatientNames", "PatientComments", "PatientAddress", "AccessionNumber"),
    *("StudyID", "StudyDescription", "SeriesDescription", "ReferringPhysicianName", "InstitutionName", "InstitutionAddress"),
    *("StationName", "OperatorsName", "PerformingPhysicianName", "ImageComments", "ProtocolName", "RequestedProcedureDescription"),
    *("EthnicGroup", "Occupation", "MedicalAlerts", "AdditionalPatientHistory", "DeviceSerialNumber"),
)
#: What no message may hold: canaries, the date of birth, the start of every UID of the study.
SECRETS = (CANARY, BIRTH, "1.2.3.")

OUTCOMES: dict[str, Counter[str]] = defaultdict(Counter)


@cache
def truth() -> np.ndarray:
    return hounsfield(len(TIMES_S), SLICES)


@dataclass(frozen=True)
class Fault:
    """``build`` makes the study in an empty folder and says where it is. ``refused`` names the codes that may come, ``flags`` those that must.

    ``hu`` and ``times_s`` are the truth of what may be accepted; ``hu`` is None where the flag says that it is not exact.
    """

    name: str
    build: Callable[[Path], Path]
    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    hu: Any = field(default_factory=truth)
    times_s: tuple[float, ...] = TIMES_S


def study(**how: Any) -> list[Image]:
    """The study with its canaries; ``how`` as for :func:`tiny`."""
    images = tiny(**({"times_s": TIMES_S, "slices": SLICES} | how))
    for image in images:
        for keyword in TEXTS:
            setattr(image.ds, keyword, CANARY)
        image.ds.PatientBirthDate = BIRTH
    return images


def lay(images: list[Image], folder: Path) -> Path:
    """One file an image, named by number."""
    for number, image in enumerate(images):
        save(image, folder / f"{number:04d}")
    return folder


def check(fault: Fault, family: str, folder: Path, capture: pytest.CaptureFixture[str], log: pytest.LogCaptureFixture) -> None:
    """The reader against one fault: no other error than a refusal, nothing silent, nothing written, nothing told."""
    log.set_level(logging.DEBUG)
    source = fault.build(folder)
    before = _tree(folder.parent)
    capture.readouterr()
    try:
        series, said = assemble(source), ""
    except InputRefused as refused:
        series, said = None, str(refused)
    told = capture.readouterr()
    assert _tree(folder.parent) == before
    for text in (said, told.out, told.err, log.text):
        assert not [secret for secret in SECRETS if secret in text]
    assert "\n" not in said
    if series is None:
        assert said.split(":")[0] in fault.refused, said
        OUTCOMES[family]["refused"] += 1
        return
    assert not fault.refused, f"accepted with {series.flags}"
    assert set(fault.flags) <= set(series.flags), series.flags
    assert not [secret for secret in SECRETS if secret in repr((series.flags, series.acquisition))]
    if fault.hu is not None:
        np.testing.assert_array_equal(series.voxels, fault.hu)
    np.testing.assert_array_equal(series.times_s, fault.times_s)
    OUTCOMES[family]["flagged" if series.flags else "as the truth"] += 1


def _tree(root: Path) -> list[tuple[str, int, int]]:
    facts = ((path, path.lstat()) for path in sorted(root.rglob("*")))
    return [(str(path), fact.st_size, fact.st_mtime_ns) for path, fact in facts]
