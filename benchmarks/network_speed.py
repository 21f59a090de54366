"""Instances a second to an Orthanc on loopback: C-STORE over several associations and one, with and without prompt packets, and STOW-RS.

    python benchmarks/network_speed.py [--slices 1344] [--matrix 512] [--times 3]

Images of random values, of a phantom study's number and size. Needs Orthanc (Debian: orthanc orthanc-dicomweb). Without prompt packets
(TCP_NODELAY and TCP_QUICKACK) only a tenth is sent, since each waits. Prints one JSON object with medians; sending alone is timed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "network"), str(ROOT / "tests" / "dicom")]

import orthanc  # noqa: E402
import tiny_study  # noqa: E402

from hepaflow.dicom.network import archive  # noqa: E402
from hepaflow.dicom.network.objects import Outgoing, outgoing  # noqa: E402
from hepaflow.dicom.network.peer import DimsePeer, Peer, WebPeer  # noqa: E402
from hepaflow.workflow import pacs  # noqa: E402


def make_study(folder: Path, slices: int, matrix: int) -> tuple[Outgoing, ...]:
    generator = np.random.default_rng(0)
    (image,) = tiny_study.tiny(times_s=(0.0,), slices=1)
    image.ds.Rows = image.ds.Columns = matrix
    for number in range(slices):
        image.ds.SOPInstanceUID = f"1.2.3.1.0.{number}"
        image.ds.PixelData = generator.integers(900, 1200, (matrix, matrix), dtype=np.uint16).tobytes()
        tiny_study.save(image, folder / f"{number:05d}.dcm")
    return outgoing(folder)


def rate(running: orthanc.Orthanc, peer: Peer, objects: tuple[Outgoing, ...]) -> float:
    running.clear()
    start = time.perf_counter()
    answers = archive.store(peer, objects)
    seconds = time.perf_counter() - start
    assert len(answers.taken) == len(objects), answers.refused
    return len(objects) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=1344)
    parser.add_argument("--matrix", type=int, default=512)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        objects = make_study(home / "study", asked.slices, asked.matrix)
        running = orthanc.start(home / "orthanc")
        try:
            dimse = DimsePeer("127.0.0.1", running.dimse, orthanc.TITLE, orthanc.OWN)
            ways: dict[str, tuple[Peer, tuple[Outgoing, ...]]] = {
                "c_store": (dimse, objects),
                "c_store_one_association": (replace(dimse, associations=1), objects),
                "c_store_one_association_without_prompt_packets": (
                    replace(dimse, associations=1, no_delay=False),
                    objects[: len(objects) // 10],
                ),
                "stow_rs": (WebPeer(running.web), objects),
            }
            found: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(asked.times):
                for way, (peer, part) in ways.items():
                    found[way].append(rate(running, peer, part))
            start = time.perf_counter()
            got = pacs.fetch(dimse, "1.2.3.1", home / "back")
            fetched = got.fetched / (time.perf_counter() - start)
        finally:
            running.process.kill()
            running.process.wait()
    print(
        json.dumps(
            {
                "slices": asked.slices,
                "matrix": asked.matrix,
                "times": asked.times,
                "instances_per_s": {way: round(statistics.median(values), 1) for way, values in found.items()},
                "fetch_c_get_to_disk_per_s": round(fetched, 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
