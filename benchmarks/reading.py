"""Reading a full study from disk (gate, header, assembly, pixels to HU) against plain pydicom over the same files.

    python benchmarks/reading.py [--rounds N] [--passes P] [--compressed] [--keep DIR]

Plain pydicom is dcmread and the rescaled ``pixel_array`` of every file into one int16 array. Both read the same files in turn, each first in every
other round; the ratio of the medians is printed. Also: what the first child costs to start, and what judging in a child costs against
judging in this process. ``--compressed`` writes JPEG-LS, whose decoders run in children too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmread

from hepaflow.dicom.assemble import assemble
from hepaflow.dicom.gate import judge
from hepaflow.dicom.source import open_study
from hepaflow.dicom.values import WANTED
from hepaflow.dicom.warden import judge_all
from hepaflow.dicom.write_ct import write_study
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries

SLICES, SIDE = 64, 512
JPEG_LS = "1.2.840.10008.1.2.4.80"


def study(folder: Path, passes: int, *, compressed: bool) -> list[Path]:
    """A body of noisy soft tissue in air."""
    generator = np.random.default_rng(1)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    body = np.where(x**2 + (1.4 * y) ** 2 < 0.8, 60, -1000)
    voxels = np.empty((passes, SLICES, SIDE, SIDE), np.int16)
    for one in voxels.reshape(-1, SIDE, SIDE):
        one[...] = body + generator.integers(-20, 20, (SIDE, SIDE), np.int16)
    affine = np.array([[0, 0, 0.8, -200.0], [0, 0.8, 0, -200.0], [2.5, 0, 0, 0], [0, 0, 0, 1]])
    series = DynamicSeries(
        voxels, Grid((SLICES, SIDE, SIDE), affine, "1.2.3"), np.arange(passes) * 2.0, Acquisition("AcquisitionDateTime")
    )
    paths = write_study(series, folder, patient_id="P", patient_name="Test^Study", uid_seed="reading")
    if compressed:
        for path in paths:
            dataset = dcmread(path)
            dataset.compress(JPEG_LS, generate_instance_uid=False)
            dataset.save_as(path)
    return paths


def plain(paths: list[Path]) -> np.ndarray:
    voxels = np.empty((len(paths), SIDE, SIDE), np.int16)
    for number, path in enumerate(paths):
        dataset = dcmread(path)
        voxels[number] = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
    return voxels


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_process(folder: Path) -> None:
    with open_study(folder) as entries:
        for entry in entries:
            judge(entry, WANTED, where="")


def in_child(folder: Path) -> None:
    with open_study(folder) as entries:
        for _ in judge_all(entries, WANTED):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=21)
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)) / "study"
        paths = sorted(folder.rglob("*.dcm")) or study(folder, options.passes, compressed=options.compressed)
        with open_study(folder) as entries:
            first = seconds(lambda: next(judge_all(entries, WANTED)))
        ours, theirs, child, inside = [], [], [], []
        same = bool(np.array_equal(assemble(folder).voxels.reshape(-1, SIDE, SIDE), plain(paths)))
        for number in range(options.rounds):
            pairs = [(ours, lambda: assemble(folder)), (theirs, lambda: plain(paths))]
            for kept, work in pairs if number % 2 else reversed(pairs):
                kept.append(seconds(work))
            inside.append(seconds(lambda: in_process(folder)))
            child.append(seconds(lambda: in_child(folder)))
    median = statistics.median
    print(f"{len(paths)} files, load {os.getloadavg()[0]:.1f}, values {'equal' if same else 'DIFFER'}")
    print(f"hepaflow {median(ours):.2f} s, pydicom {median(theirs):.2f} s, ratio {median(ours) / median(theirs):.2f}")
    print(
        f"judging: in this process {median(inside):.2f} s, in a child {median(child):.2f} s; first answer of a new child {first:.2f} s"
    )


if __name__ == "__main__":
    main()
