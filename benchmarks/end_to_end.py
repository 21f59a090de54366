"""From DICOM to report, by step: seconds and peak memory of ``hepaflow analyze`` on the phantom, in a process of its own.

    python benchmarks/end_to_end.py [--size small|full] [--seed N] [--keep DIR]

Absolute times depend on the machine and what else it does; the load average is printed with them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(*words: str) -> float:
    """Wall seconds of one hepaflow command; its output goes to stderr."""
    start = time.perf_counter()
    command = [sys.executable, "-c", "from hepaflow.cli import main; raise SystemExit(main())", *words]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        made = run("phantom", str(folder / "study"), "--size", options.size, "--seed", str(options.seed))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = run(
            "analyze",
            str(folder / "study" / "dicom"),
            "--rois",
            str(folder / "study" / "rois.nii.gz"),
            "--out",
            str(folder / "case"),
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        steps = [json.loads(line) for line in (folder / "case" / "log" / "timing.jsonl").read_text().splitlines()]
    print(f"phantom written in {made:.0f} s; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| step | wall s | peak MB |\n| --- | --- | --- |")
    for step in steps:
        if "seconds" in step:
            print(f"| {step['step']} | {step['seconds']:.1f} | {step['peak_mb']:.0f} |")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = max(step.get("peak_mb", 0) for step in steps)
    print(f"| whole command | {wall:.1f} (CPU {cpu:.1f}) | {peak:.0f} |")


if __name__ == "__main__":
    main()
