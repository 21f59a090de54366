"""Coverage-guided fuzzing of the gate, the header reader and the assembly: one file of a sound study is mutated.

    python benchmarks/fuzz_reader.py --minutes 10 --corpus DIR

Needs atheris (``pip install atheris``), which guides the mutations by the branches of ``hepaflow.dicom`` that they reach. Half of the mutations
are blind, half know what an element is. A finding is any error that is not a HepaflowError, and a study that is accepted without a flag while
pydicom reads other values, places or patients from the same bytes. Inputs with a finding are kept in DIR/findings, one for each kind; the
count is printed at the end, and the exit status is 1 when there is any. Everything runs in this process: no child hides a crash.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import atheris
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

sys.path.append(str(Path(__file__).parents[1] / "tests" / "dicom"))
with atheris.instrument_imports(include=["hepaflow.dicom"]):
    from hepaflow.dicom import assemble as assembly
    from hepaflow.dicom import pixels
    from hepaflow.dicom.gate import judge
    from hepaflow.dicom.headers import describe
    from hepaflow.dicom.source import Held
    from hepaflow.dicom.values import WANTED
    from hepaflow.dicom.warden import Verdict
from tiny_study import save, tiny

from hepaflow.errors import HepaflowError, InputRefused

MUTATED = 1  # slice 2 of pass 1
MAX_BYTES = 8192
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)


def seeds() -> list[list[bytes]]:
    """Four sound studies of four files, one a transfer syntax."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for syntax in SYNTAXES:
            images = tiny(times_s=(0.0, 2.0), slices=2)
            for image in images:
                image.syntax = syntax
                inner, outer = Dataset(), Dataset()
                inner.CodeValue, inner.CodeMeaning = "1", "x"
                outer.ConceptNameCodeSequence = [inner, inner]
                image.ds.RequestAttributesSequence = [outer, outer]
                image.ds["RequestAttributesSequence"].is_undefined_length = image.k == MUTATED
                if syntax == ExplicitVRBigEndian:
                    image.ds.PixelData = np.frombuffer(image.ds.PixelData, "<u2").astype(">u2").tobytes()
            found.append([save(image, Path(folder) / "one").read_bytes() for image in images])
    return found


def no_decoder(*_: Any, **__: Any) -> Any:
    raise InputRefused("FILE-SYNTAX", "compressed pixels are not fuzzed here", "None")


def as_pydicom_reads(data: bytes) -> tuple[np.ndarray, list[float], str]:
    dataset = dcmread(BytesIO(data), force=True)
    stored = dataset.pixel_array.astype(float)
    hu = stored * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    return hu, [float(v) for v in dataset.ImagePositionPatient], str(dataset.SOPInstanceUID)


class Harness:
    """The study around the mutated file, and what was found."""

    def __init__(self, folder: Path) -> None:
        self.studies = seeds()
        self.findings: Counter[str] = Counter()
        self.runs = self.accepted = 0
        self.folder = folder / "findings"
        self.entries = [Held(data) for data in self.studies[0]]
        self.sound = [Verdict(judge(entry, WANTED, where=""), None, True) for entry in self.entries]
        assembly.open_study = self.opened
        assembly.judge_all = self.judged
        pixels.decode = no_decoder

    @contextmanager
    def opened(self, _: Path) -> Iterator[list[Held]]:
        yield self.entries

    def judged(self, entries: list[Held], wanted: Any) -> Iterator[Verdict]:
        """The mutated file is judged in this process, the others are known."""
        for number, (entry, known) in enumerate(zip(entries, self.sound, strict=True)):
            yield known if number != MUTATED else Verdict(judge(entry, wanted, where="file 2"), None, True)

    def one(self, data: bytes) -> None:
        self.runs += 1
        self.entries[MUTATED] = Held(data)
        try:
            header = judge(self.entries[MUTATED], WANTED, where="file 2")
            if header is not None:
                describe(self.entries[MUTATED], header, file=2, where="file 2")
            series = assembly.assemble(Path("study"))
        except HepaflowError:
            return
        except Exception as error:
            self.keep(data, f"{type(error).__name__} at {traceback.extract_tb(error.__traceback__)[-1].line}")
            return
        self.accepted += 1
        if not series.flags:
            self.compare(series, data)

    def compare(self, series: Any, data: bytes) -> None:
        """Values, place and identity against another reader."""
        try:
            with pixels.quiet():
                hu, place, uid = as_pydicom_reads(data)
        except Exception:
            return
        at = [(p, k) for p, row in enumerate(series.source["images"]) for k, image in enumerate(row) if image[1] == uid]
        if not at:
            self.keep(data, "another instance")
        elif hu.shape != series.voxels.shape[2:] or not np.array_equal(hu, series.voxels[at[0]]):
            self.keep(data, "other values")
        elif np.abs(series.grid.to_mm(np.array([at[0][1], 0, 0])) - place).max() > 0.1:
            self.keep(data, "another place")

    def keep(self, data: bytes, kind: str) -> None:
        self.findings[kind] += 1
        if self.findings[kind] == 1:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            print(f"finding: {kind}", flush=True)


def elements(data: bytes) -> list[tuple[int, int]]:
    """Start and end of the elements of an explicit little endian data set, as far as they can be told."""
    found, position = [], 132
    while position + 8 <= len(data):
        kind = data[position + 4 : position + 6]
        if kind in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
            if position + 12 > len(data):
                break
            end = position + 12 + struct.unpack_from("<I", data, position + 8)[0]
        else:
            end = position + 8 + struct.unpack_from("<H", data, position + 6)[0]
        if end > len(data):
            break
        found.append((position, end))
        position = end
    return found


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Half of the time by elements: dropped, doubled, moved, given another's value, or a value from a list of awkward ones."""
    generator = random.Random(seed)
    parts = elements(data)
    if generator.random() < 0.5 or len(parts) < 3:
        return bytes(atheris.Mutate(data, max_size))
    start, end = generator.choice(parts)
    other = data[slice(*generator.choice(parts))]
    one, kind = data[start:end], generator.randrange(5)
    if kind == 0:
        new = b""
    elif kind == 1:
        new = one + one
    elif kind == 2:
        new = other
    else:
        awkward = (
            b"nan ",
            b"1e400 ",
            b"-1",
            b"0 ",
            b"",
            b"1\\2\\3 ",
            b"\xff\xff",
            b"99999999999 ",
            b"+1",
            b"1_0 ",
            b" 1",
            b"\xd9\xa1",
        )
        value = generator.choice(awkward) if kind == 3 else other[8:]
        new = one[:6] + struct.pack("<H", len(value) % 2**16) + value
    return (data[:start] + new + data[end:])[:max_size]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--corpus", type=Path, required=True)
    options = parser.parse_args()
    kept = options.corpus / "inputs"
    kept.mkdir(parents=True, exist_ok=True)
    harness = Harness(options.corpus)
    for number, study in enumerate(harness.studies):
        (kept / f"seed-{number}").write_bytes(study[MUTATED])
    end = time.monotonic() + 60 * options.minutes

    def once(data: bytes) -> None:
        if time.monotonic() > end:
            os._exit(report(harness, kept))  # libFuzzer takes any other way out for a crash
        harness.one(data)

    words = [sys.argv[0], str(kept), f"-max_len={MAX_BYTES}", "-timeout=20", "-verbosity=0", "-rss_limit_mb=3000"]
    atheris.Setup(words, once, custom_mutator=mutate)
    atheris.Fuzz()


def report(harness: Harness, kept: Path) -> int:
    print(f"{harness.runs} inputs run, {harness.accepted} accepted, {len(list(kept.iterdir()))} kept for their coverage")
    print(f"findings: {dict(harness.findings) or 0}", flush=True)
    return 1 if harness.findings else 0


if __name__ == "__main__":
    main()
