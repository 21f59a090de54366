"""A reader's whole way in a real browser, from the DICOM files to the signed report; its numbers against those of the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest

from hepaflow.dicom.write_ct import write_study
from hepaflow.phantom import PhantomSpec, build

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "frontend"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
NODE = shutil.which("node")
LANGUAGES = os.environ.get("HEPAFLOW_BROWSER_LANGUAGES", "en,fr").split(",")
#: The lesion that is clicked on, and how much of the body above and below it is scanned.
LESION, HALF_MM = "lesion-2", 40.0
PATIENCE_S = 500
#: What is not there, and how to have it.
MISSING = [
    reason
    for there, reason in (
        (CHROMIUM.exists(), f"no Chromium at {CHROMIUM} (CHROMIUM says where)"),
        (NODE is not None, "no Node"),
        ((PAGE / "node_modules" / "playwright-core").exists(), "frontend/node_modules is missing (npm ci in frontend)"),
        ((ROOT / "src/hepaflow/web/page/index.html").exists(), "the page is not built (python frontend/build.py)"),
    )
    if not there
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason="; ".join(MISSING))


@dataclass(frozen=True)
class Scan:
    """A study on disk, and the middle of one of its lesions in LPS mm."""

    folder: Path
    middle_mm: tuple[float, float, float]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """The slices of the small phantom around one lesion: the quickest study on which vessels and liver are found."""
    phantom = build(PhantomSpec(breathing_mm=0.0))
    x, y, z = (float(v) for v in phantom.grid.to_mm(np.argwhere(phantom.masks[LESION]).mean(axis=0)))
    folder = tmp_path_factory.mktemp("scan") / "dicom"
    write_study(phantom.series, folder, patient_id="PHANTOM", patient_name="Phantom^Liver", uid_seed="browser")
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        if abs(float(pydicom.dcmread(file, stop_before_pixels=True).ImagePositionPatient[2]) - z) > HALF_MM:
            file.unlink()
    return Scan(folder, (x, y, z))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", "hepaflow", "serve", "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--data", str(tmp_path_factory.mktemp("room") / "data")], stdout=subprocess.PIPE, text=True
    )
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def test_a_study_is_read_from_import_to_signature(scan: Scan, server: subprocess.Popen[str], tmp_path: Path) -> None:
    """Drawn outlines are the masks; the ratio on the screen is that of the analysis and of ``hepaflow analyze``; every check of reading.mjs holds."""
    assert server.stdout is not None
    url, study, state = server.stdout.readline().strip(), "", tmp_path / "session.json"
    for language in LANGUAGES:
        out = tmp_path / language
        at = ",".join(f"{mm:.2f}" for mm in scan.middle_mm)
        way = ["--dicom", str(scan.folder), f"--at={at}", "--motion", "none", "--language", language, "--out", str(out)]
        # The second language takes up the study of the first, which is analysed already.
        again = ["--study", study] if study else ["--cli", f"{sys.executable} -P -m hepaflow"]
        command = [str(NODE), "e2e/reading.mjs", "--url", url, "--state", str(state), *way, *again]
        done = subprocess.run(command, cwd=PAGE, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "FAIL" not in done.stdout
        study = json.loads((out / "figures.json").read_text())["study"]
        url = url.split("/enter")[0]
