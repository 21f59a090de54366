"""Small lesion tables made up for tests: a true signal, several lesions a patient, everything a study can ask for."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from hepaflow.cohort.study import Study
from hepaflow.workflow.cohort_config import StudyConfig, load
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_table import read

Columns = dict[str, list[str]]


def columns(patients: int = 12, *, seed: int = 3) -> Columns:
    """One to three lesions a patient; ``bf_ratio`` is lower in major response, ``noise`` says nothing."""
    chance = random.Random(seed)
    made: Columns = {}

    def put(**cells: object) -> None:
        for name, cell in cells.items():
            made.setdefault(name, []).append(str(cell))

    for patient in range(1, patients + 1):
        days = chance.randrange(200, 1500)
        for lesion in range(1, 2 + patient % 3):
            major = chance.random() < 0.5
            ratio = chance.gauss(0.5 if major else 0.9, 0.15)
            before = chance.randrange(18, 60)
            put(
                patient=f"P{patient}",
                lesion=f"lesion-{lesion}",
                response="major" if major else "minor",
                bf_ratio=f"{max(ratio, 0.05):.3f}",
                second_reader=f"{max(ratio + chance.gauss(0, 0.05), 0.05):.3f}",
                noise=f"{chance.gauss(5, 1):.3f}",
                before_mm=before,
                after_mm=before + chance.randrange(-12, 10),
                probability_major=f"{min(max(0.5 + (0.7 - ratio) + chance.gauss(0, 0.1), 0.02), 0.98):.3f}",
                size_class=chance.choice(["PR", "SD", "PD"]),
                age=40 + patient,
                sex="F" if patient % 2 else "M",
                days=days,
                event=patient % 2,
            )
    return made


def text(table: Mapping[str, Sequence[str]], *, separator: str = ",") -> str:
    """The table as CSV, cells as they are."""
    lines = [separator.join(table), *(separator.join(row) for row in zip(*table.values(), strict=True))]
    return "\n".join(lines) + "\n"


def write_csv(path: Path, table: Mapping[str, Sequence[str]]) -> Path:
    path.write_text(text(table), encoding="utf-8")
    return path


#: Every part of a study, on the columns above.
EVERYTHING = """
title = "A made-up study"
bootstraps = 40
describe_patients = ["age", "sex"]
describe_lesions = ["bf_ratio", "size_class"]
probability = ["probability_major"]
combine = ["bf_ratio", "noise"]
prevalence = 0.3

[columns.bf_ratio]
direction = "lower"
label = "BF ratio"
threshold = 0.68
tolerance = 0.1
[columns.noise]
direction = "higher"
unit = "HU"
range = [0.0, 20.0]
[columns.sex]
kind = "category"
values = ["F", "M"]

[tests.size]
column = "size_class"
positive = ["PR"]

[size]
before = "before_mm"
after = "after_mm"

[[readers]]
first = "bf_ratio"
second = "second_reader"

[[survival]]
time = "days"
event = "event"
groups = "sex"
covariates = ["age"]

[next_study]
auc = 0.9
comparator_auc = 0.78
sensitivity = 0.9
specificity = 0.85
"""


def config_file(path: Path, content: str = EVERYTHING) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def study(folder: Path, table: Mapping[str, Sequence[str]] | None = None, content: str = EVERYTHING) -> tuple[Study, StudyConfig]:
    """The table and the configuration read and judged."""
    asked = load(config_file(folder / "study.toml", content))
    lesions, found = read(write_csv(folder / "lesions.csv", table or columns()), asked)
    return run(lesions, asked, found=found), asked
