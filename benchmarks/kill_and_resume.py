"""Kills ``hepaflow analyze`` at random moments, runs it again, and compares every file with an undisturbed run.

    python benchmarks/kill_and_resume.py [--times 50] [--seed 0] [--motion deformable|rigid|none]

The study is 12 slices of the small phantom with one lesion, so that fifty runs take minutes. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from hepaflow.dicom.write_ct import write_study
from hepaflow.phantom import PhantomSpec, build
from hepaflow.store import nifti

SLICES = slice(6, 18)
KEPT = ("aorta", "portal_vein", "liver", "healthy", "lesion-2")


def make_study(home: Path) -> None:
    """``dicom/``, ``rois.nii.gz`` and ``rois.json`` under ``home``."""
    phantom = build(PhantomSpec())
    affine = np.array(phantom.grid.affine)
    affine[:3, 3] = phantom.grid.to_mm([SLICES.start, 0, 0])
    grid = replace(phantom.grid, shape=(SLICES.stop - SLICES.start, *phantom.grid.shape[1:]), affine=affine)
    series = replace(phantom.series, voxels=phantom.series.voxels[:, SLICES].copy(), grid=grid)
    write_study(series, home / "dicom", patient_id="PHANTOM", patient_name="Phantom", uid_seed="kill and resume")
    names = {label: name for label, name in phantom.names.items() if name in KEPT}
    labels = np.where(np.isin(phantom.labels, list(names)), phantom.labels, 0)[SLICES]
    nifti.write(home / "rois.nii.gz", labels, grid, description="regions")
    tree = {"labels": {str(label): name for label, name in names.items()}, "frame": phantom.reference}
    (home / "rois.json").write_text(json.dumps(tree))


def tree(folder: Path) -> dict[str, str]:
    """Digest of every file by name; the log holds times and is left out."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.relative_to(folder).parts[0] != "log"]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def start(home: Path, case: Path, motion: str) -> subprocess.Popen[bytes]:
    """The command on its way."""
    code = "from hepaflow.cli import main; main()"
    words = ["analyze", home / "dicom", "--out", case, "--rois", home / "rois.nii.gz", "--motion", motion]
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=subprocess.DEVNULL)


def main() -> int:
    """0 when every resumed run ends with the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--motion", default="deformable")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as root:
        home = Path(root)
        make_study(home)
        whole_s = 0.0
        for name in ("first", "second"):  # the first may still have to compile its kernels
            begun = time.perf_counter()
            assert start(home, home / name, options.motion).wait() == 0
            whole_s = time.perf_counter() - begun
        expected = tree(home / "first")
        assert expected == tree(home / "second")
        killed = same = 0
        resumed_s = []
        for number in range(options.times):
            case = home / f"case{number}"
            process = start(home, case, options.motion)
            try:
                process.wait(float(rng.uniform(0.02, 0.98)) * whole_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
            begun = time.perf_counter()
            ended = start(home, case, options.motion).wait()
            resumed_s.append(time.perf_counter() - begun)
            found = tree(case)
            same += ended == 0 and found == expected
            if found != expected:
                names = sorted(name for name in {**found, **expected} if found.get(name) != expected.get(name))
                print(f"run {number} differs in {names}", file=sys.stderr)
    answer = {
        "runs": options.times,
        "killed": killed,
        "identical": same,
        "files": len(expected),
        "undisturbed_s": round(whole_s, 1),
        "resumed_mean_s": round(float(np.mean(resumed_s)), 1),
    }
    print(json.dumps(answer))
    return 0 if same == options.times else 1


if __name__ == "__main__":
    sys.exit(main())
