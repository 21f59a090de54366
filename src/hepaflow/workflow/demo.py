"""The demo: a phantom study as DICOM, analysed from that DICOM, its truth beside the measurement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepaflow.errors import UsageError
from hepaflow.store import atomic
from hepaflow.store.case import Case, code_digest
from hepaflow.workflow import truth
from hepaflow.workflow.one import analyze
from hepaflow.workflow.plan import Plan

Progress = Callable[[str, int, int], None] | None
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo found: truth against measurement, and where the report lies."""

    healthy: list[truth.Comparison]
    lesions: list[truth.LesionTruth]
    report: Path

    def tables(self) -> list[Table]:
        """Heading, head and rows of every table, ready to print."""
        healthy = [
            [found.quantity, _number(found.truth), _number(found.measured), _range(found), _inside(found)] for found in self.healthy
        ]
        lesions = [
            [
                row.lesion,
                f"{row.diameter_mm:.0f}",
                _number(row.ratio.truth),
                _number(row.ratio.measured),
                _range(row.ratio),
                _inside(row.ratio),
                row.expected,
                row.category or "not rated",
                _number(row.haf.truth if row.haf else None),
                _number(row.haf.measured if row.haf else None),
            ]
            for row in self.lesions
        ]
        return [
            (
                "healthy liver (bf in mL/min/100 g, haf as a fraction)",
                ["quantity", "truth", "measured", "95 % interval", "inside"],
                healthy,
            ),
            (
                "lesions (ratio of blood flow to healthy liver; arterial fraction)",
                ["lesion", "mm", "true ratio", "measured", "95 % interval", "inside", "true class", "called", "true haf", "haf"],
                lesions,
            ),
        ]


def demo(out: Path, *, size: str, seed: int, progress: Progress = None) -> Demo:
    """Makes the study under ``out/phantom`` (reused when it is already there, whole) and its case under ``out/case``."""
    if out.exists() and not out.is_dir():
        raise UsageError("OUT-NOT-A-FOLDER", "the output path is a file", "Give a folder for --out")
    with Case(out / "case") as case:
        record = make_study(out, size=size, seed=seed, progress=progress)
        known = {
            name: {"bf": found["bf"], "ratio_bf": found["bf_ratio"]} if "bf_ratio" in found else {"bf": found["bf"]}
            for name, found in record["regions"].items()
        }
        source, rois = out / "phantom" / "dicom", out / "phantom" / "rois.nii.gz"
        study = analyze(Plan(), source, case, rois=rois, progress=progress, truth=known)
        healthy, lesions = study.lesions.get()
    return Demo(
        truth.healthy_rows(record["regions"], healthy),
        truth.lesion_rows(record["regions"], {found["id"]: found for found in record["lesions"]}, lesions),
        out / "case" / "report.html",
    )


def make_study(out: Path, *, size: str, seed: int, progress: Progress) -> dict[str, Any]:
    """The phantom as files, and its truth in numbers. Its record is written last: where it fits, the study is complete."""
    from hepaflow.phantom import PhantomSpec
    from hepaflow.workflow import phantom_study

    key = hashlib.sha256(f"{size} {seed} {code_digest()}".encode()).hexdigest()
    record_path = out / "demo.json"
    try:
        record: dict[str, Any] = json.loads(record_path.read_text(encoding="utf-8"))
        if record["key"] == key and (out / "phantom" / "dicom").is_dir():
            return record
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no record, or not ours: the study is made anew
    spec = PhantomSpec(size="full" if size == "full" else "small", seed=seed)
    atomic.sweep(out)
    phantom = phantom_study.write(spec, out / "phantom", progress=progress)
    record = {
        "schema": 1,
        "key": key,
        "size": size,
        "seed": seed,
        "regions": phantom.truth_regions,
        "lesions": [{"id": found.id, "expected": found.expected} for found in phantom.lesions],
    }
    atomic.write_bytes(record_path, (json.dumps(record, indent=1) + "\n").encode())
    return record


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _range(found: truth.Comparison) -> str:
    return "-" if found.ci95 is None else f"{_number(found.ci95[0])} to {_number(found.ci95[1])}"


def _inside(found: truth.Comparison) -> str:
    return {None: "-", True: "yes", False: "no"}[found.inside]
