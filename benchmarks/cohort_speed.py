"""Speed of a study, beside R doing the same in the same run.

    python benchmarks/cohort_speed.py [--rounds N] [--lesions N]

Large: 10,000 lesions of some 5,200 patients, 12 columns, 2,000 draws of patients: the resampling alone and the whole of ``cohort_run.run``; beside it pROC's
bootstrap of one column (200 draws, times ten; of lesions, not of patients). Small: the synthetic cohort of 61 lesions from its cells to the report on disk, by parts; and its
areas, comparisons, rank tests and survival beside R (pROC: roc, ci.auc by DeLong and by 2,000 bootstraps, roc.test of all pairs; wilcox.test; survfit, coxph).
CPU seconds of one thread, rounds interleaved, medians; R's are its own, without its start.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import csv
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.cohort.nancy2019.synthetic import cohort
from hepaflow.cohort.resample import draw, resample
from hepaflow.cohort.sample import Sample
from hepaflow.cohort.table import LesionTable
from hepaflow.workflow import cohort_write
from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig
from hepaflow.workflow.cohort_example import as_cells, synthetic_config
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_table import typed

SIZES = np.repeat([1, 2, 3, 4, 5, 6], [21, 3, 2, 3, 2, 1])
COLUMNS, DRAWS = 12, 2000
#: What writing is made of, as ``cohort_write`` calls it.
WRITING = {
    "compose": "report: tables and figures drawn",
    "vector": "report: SVG",
    "raster": "report: PNG",
    "as_docx": "report: DOCX",
}

LARGE_R = """
suppressMessages(library(pROC)); d <- read.csv(commandArgs(TRUE)[1])
t <- system.time(ci.auc(roc(d$y, d$x, levels = 0:1, direction = '<'), method = 'bootstrap', boot.n = 200, progress = 'none'))
cat(10 * (t[['user.self']] + t[['sys.self']]))
"""
SMALL_R = """
suppressMessages({library(pROC); library(survival)}); d <- read.csv(commandArgs(TRUE)[1]); ratios <- grep('_ratio$', names(d), value = TRUE)
areas <- system.time({
  curves <- lapply(ratios, function(n) roc(d$y, d[[n]], levels = 0:1, quiet = TRUE))
  for (one in curves) {ci.auc(one, method = 'delong'); ci.auc(one, method = 'bootstrap', boot.n = 2000, progress = 'none'); coords(one, 'best')}
  for (i in seq_along(curves)) for (j in seq_len(i - 1)) roc.test(curves[[i]], curves[[j]], method = 'delong', paired = TRUE)
  for (n in ratios) suppressWarnings(wilcox.test(d[[n]][d$y == 1], d[[n]][d$y == 0], conf.int = TRUE))
})
p <- d[!duplicated(d$patient), ]
alive <- system.time({
  survfit(Surv(dfs_days, dfs_event) ~ response_of_patient, p); survdiff(Surv(dfs_days, dfs_event) ~ response_of_patient, p)
  coxph(Surv(dfs_days, dfs_event) ~ share_major, p); cox.zph(coxph(Surv(dfs_days, dfs_event) ~ share_major, p))
})
cat(areas[['user.self']] + areas[['sys.self']], alive[['user.self']] + alive[['sys.self']])
"""


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    made = what()
    return time.process_time() - began, made


def in_r(script: str, data: Path) -> list[float]:
    """Seconds that a script of R prints; none without R."""
    if shutil.which("Rscript") is None:
        return []
    file = data.with_suffix(".R")
    file.write_text(script, encoding="utf-8")
    done = subprocess.run(["Rscript", "--vanilla", str(file), str(data)], capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def large(lesions: int) -> LesionTable:
    """Lesions of patients of the sizes of a real study, over and over, with values that tell the classes from not at all to well."""
    rng = np.random.default_rng(1)
    sizes = np.tile(SIZES, -(-lesions // int(SIZES.sum())))
    patient = np.repeat(np.arange(sizes.size), sizes)[:lesions]
    truth = rng.random(lesions) < 0.5
    own = rng.normal(size=(COLUMNS, patient.max() + 1))[:, patient]
    values = np.sqrt(0.5) * (own + rng.normal(size=own.shape)) + truth * np.linspace(0, 2, COLUMNS)[:, None]
    return LesionTable(
        tuple(f"p{one}" for one in patient),
        tuple(f"l{k}" for k in range(lesions)),
        tuple(range(2, lesions + 2)),
        {f"column_{k}": row for k, row in enumerate(values)},
        {"response": tuple("major" if one else "minor" for one in truth)},
    )


def resampled(table: LesionTable, truth: np.ndarray) -> None:
    counts = draw(table.patient_count, repeats=DRAWS, rng=np.random.default_rng(1))
    for values in table.numbers.values():
        resample(Sample(values, truth, table.cluster), counts)


def of_large(lesions: int, rounds: int, folder: Path) -> dict[str, list[float]]:
    table = large(lesions)
    truth = np.array([one == "major" for one in table.texts["response"]])
    asked = StudyConfig(columns={name: ColumnPart(direction="higher") for name in table.numbers}, bootstraps=DRAWS)
    data = folder / "large.csv"
    write(data, {"x": table.numbers["column_6"], "y": truth.astype(int)})
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        found[f"resampling, {COLUMNS} columns"].append(timed(lambda: resampled(table, truth))[0])
        found["whole run"].append(timed(lambda: run(table, asked))[0])
        found["pROC bootstrap, 1 column"] += in_r(LARGE_R, data)
    return found


def of_small(rounds: int, folder: Path) -> dict[str, list[float]]:
    asked, columns = synthetic_config(), cohort()
    cells, data = as_cells(columns), folder / "small.csv"
    write(data, {**columns, "y": [int(one == "major") for one in columns["response"]]})
    only = StudyConfig(
        columns={name: part for name, part in asked.columns.items() if part.direction is not None}, survival=asked.survival
    )
    found: dict[str, list[float]] = defaultdict(list)
    real = {name: getattr(cohort_write, name) for name in WRITING}
    for name, label in WRITING.items():
        setattr(cohort_write, name, counted(real[name], label, found))
    for k in range(rounds):
        for label in WRITING.values():
            found[label].append(0.0)
        seconds, (table, told) = timed(lambda: typed(*cells, asked))
        found["cells read"].append(seconds)
        seconds, study = timed(lambda table=table, told=told: run(table, asked, found=told))
        found["statistics"].append(seconds)
        seconds, _ = timed(lambda study=study, k=k: cohort_write.write(study, asked, folder / f"study-{k}"))
        found["report"].append(seconds)
        found["table to report"].append(found["cells read"][-1] + found["statistics"][-1] + seconds)
        table = typed(*cells, only)[0]
        found["areas and survival alone"].append(timed(lambda table=table: run(table, only))[0])
        theirs = in_r(SMALL_R, data)
        if theirs:
            found["the same in R"].append(sum(theirs))
    return found


def counted(what: Callable[..., Any], label: str, found: dict[str, list[float]]) -> Callable[..., Any]:
    """``what``, its seconds added to the last round of ``label``."""

    def again(*given: Any, **named: Any) -> Any:
        seconds, made = timed(lambda: what(*given, **named))
        found[label][-1] += seconds
        return made

    return again


def write(path: Path, columns: dict[str, Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lesions", type=int, default=10_000)
    asked = parser.parse_args()
    began, first = time.process_time(), large(200)
    run(first, StudyConfig(columns={"column_0": ColumnPart(direction="higher")}, bootstraps=20))  # compiles once
    print(f"first use (imports, compiled functions read or made): {time.process_time() - began:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        tables = {
            f"{asked.lesions} lesions, {DRAWS} draws": of_large(asked.lesions, asked.rounds, Path(folder)),
            f"{len(cohort()['response'])} lesions": of_small(asked.rounds, Path(folder)),
        }
    for title, found in tables.items():
        print(f"\n{title:40}{'median, CPU-s':>16}{'range':>16}")
        for name, seconds in found.items():
            print(f"{name:40}{statistics.median(seconds):16.2f}{f'{min(seconds):.2f}-{max(seconds):.2f}':>16}")
    big, small = ({name: statistics.median(seconds) for name, seconds in found.items()} for found in tables.values())
    if "pROC bootstrap, 1 column" in big:
        ratio = COLUMNS * big["pROC bootstrap, 1 column"] / big[f"resampling, {COLUMNS} columns"]
        print(
            f"\nR, {COLUMNS} columns / resampling: {ratio:.0f}; R / areas and survival of the small study: {small['the same in R'] / small['areas and survival alone']:.1f}"
        )


if __name__ == "__main__":
    main()
