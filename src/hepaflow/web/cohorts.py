"""Studies of many lesions in the reading room: ``hepaflow study`` as a job, and what pages draw of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepaflow.errors import UsageError
from hepaflow.store import atomic, plain_json
from hepaflow.workflow.columns import header_of, read_text

if TYPE_CHECKING:  # the server starts without the libraries of statistics: they are the job's
    from hepaflow.cohort.study import Parameter, Study
    from hepaflow.cohort.table import LesionTable
    from hepaflow.workflow.cohort_config import StudyConfig

Tell = Callable[[str, int, int], None]
#: What a cohort's folder holds: what was asked, and in ``study`` what ``hepaflow study`` writes; ``PAGE`` beside its results is what a page draws.
TABLE, CONFIG, RESULTS, PAGE = "table.csv", "study.toml", "study", "page.json"
#: The column that names a study of the room.
STUDY = "study"


def work(asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The job: in ``folder`` an ``example``, or the table that lies there by the configuration beside it.

    Where the table has no outcomes they are listed as wanted, and the table is written to be filled in.
    """
    from hepaflow.workflow import cohort_example, cohort_table
    from hepaflow.workflow.cohort_run import run
    from hepaflow.workflow.cohort_write import write, write_table

    folder = Path(asked["folder"])
    target = folder / RESULTS
    if asked.get("example"):
        watched = _Watched()
        cohort_example.example(asked["example"])(target, watch=tell, made=watched)
        for place, study in watched.studies:
            _keep(page(study), place)
        return {"estimated": True, "lesions": watched.studies[0][1].n}
    config = configuration(folder / CONFIG)
    table, findings = cohort_table.read(folder / TABLE, config)
    if config.outcome not in table.texts:
        write_table(table, target, outcome=config.outcome)
        _keep(_unjudged(table), target)
        return {"estimated": False, "lesions": table.n}
    found = run(table, config, found=findings, watch=tell)
    tell("report", 0, 1)
    write(found, config, target)
    _keep(page(found), target)
    tell("report", 1, 1)
    return {"estimated": True, "lesions": found.n}


class _Watched:
    """Takes the studies that an example makes, with their folders."""

    def __init__(self) -> None:
        self.studies: list[tuple[Path, Study]] = []

    def __call__(self, folder: Path, study: Study) -> None:
        self.studies.append((folder, study))


def configuration(path: Path) -> StudyConfig:
    """The configuration that came with a table; the names of studies are no numbers. Refused: what ``load`` refuses, a file of outcomes elsewhere (``COHORT-PATH``)."""
    from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig, load

    config = load(path) if path.is_file() else StudyConfig()
    if config.outcomes is not None:
        raise UsageError("COHORT-PATH", "the configuration names a file of outcomes", "Put the outcomes into the table")
    named = STUDY in cohort_head(read_text(path.parent / TABLE) or "")
    if STUDY in config.columns or not named:
        return config
    return config.model_copy(update={"columns": {**config.columns, STUDY: ColumnPart(kind="category")}})


def cohort_head(text: str) -> list[str]:
    """The names of a table's columns. Refused: no CSV; a column ``case``, which would name files of the server (``COHORT-PATH``)."""
    head = header_of(text, code="STUDY")
    if "case" in head:
        raise UsageError(
            "COHORT-PATH",
            "the table has a column case, a path on the server's disks",
            "Leave it out, or build the table from studies",
        )
    return head


def page(study: Study) -> dict[str, Any]:
    """What a page draws: rows of the table, ROC curves (false positive rate, sensitivity; thresholds as written, and the lesions of each point), values of both groups."""
    table, names = study.table, study.names
    judged = [one for one in study.parameters if one.found.area is not None]
    return {
        **_rows(table),
        "title": names.title,
        "synthetic": study.synthetic,
        "outcome": names.outcome,
        "roc": [_roc(one) for one in judged],
        "boxes": [_box(one, study) for one in study.parameters],
        "findings": [
            {"code": one.code, "severity": one.severity, "text": one.text, "text_fr": one.text_fr} for one in study.findings
        ],
        "estimated": True,
    }


def _unjudged(table: LesionTable) -> dict[str, Any]:
    return {**_rows(table), "roc": [], "boxes": [], "findings": [], "estimated": False}


def _rows(table: LesionTable) -> dict[str, Any]:
    columns = [*table.texts, *table.numbers]
    rows = []
    for k, row in enumerate(table.rows):
        cells: dict[str, Any] = {name: column[k] for name, column in table.texts.items()}
        cells |= {name: float(column[k]) for name, column in table.numbers.items()}
        rows.append({"row": row, "patient": table.patients[k], "lesion": table.lesions[k], **cells})
    return {"columns": columns, "table": rows}


def _roc(one: Parameter) -> dict[str, Any]:
    from hepaflow.workflow.cohort_questions import french_label

    found = one.found
    assert found.area is not None
    assert found.curve is not None
    judged = np.flatnonzero(found.where)
    points = np.stack([1.0 - found.curve.specificity, found.curve.sensitivity], -1)
    best = None if found.best is None else found.best.cut
    return {
        "column": found.question.name,
        "label": found.question.label,
        "label_fr": french_label(found.question.name, found.question.label),
        "points": points.tolist(),
        "thresholds": found.curve.thresholds.tolist(),
        "shown": found.curve.shown,
        "values": found.curve.values.tolist(),
        "rows": [judged[lesions].tolist() for lesions in found.curve.lesions],
        "area": found.area.auc,
        "ci": None if found.area.ci95_clustered is None else list(found.area.ci95_clustered),
        "p": None if one.clustered is None else one.clustered.p,
        "direction": found.question.direction,
        "cut": None if best is None else {"threshold": best.threshold, "shown": best.shown, "youden": best.youden},
        "fixed": found.question.threshold,
    }


def _box(one: Parameter, study: Study) -> dict[str, Any]:
    from hepaflow.workflow.cohort_findings import negative_fr
    from hepaflow.workflow.cohort_questions import french_label

    question = one.found.question
    values = study.table.numbers[question.name]
    groups = []
    names = study.names
    for name, french, positive in ((names.positive, names.positive, True), (names.negative, negative_fr(study), False)):
        at = np.flatnonzero(np.isfinite(values) & (study.truth == positive))
        groups.append({"name": name, "name_fr": french, "values": [{"value": float(values[k]), "row": int(k)} for k in at]})
    return {
        "column": question.name,
        "label": question.label,
        "label_fr": french_label(question.name, question.label),
        "unit": question.unit,
        "threshold": question.threshold,
        "groups": groups,
    }


def _keep(told: Mapping[str, Any], folder: Path) -> None:
    atomic.write_bytes(folder / PAGE, plain_json.text(told).encode("utf-8"))


def read_page(folder: Path) -> dict[str, Any] | None:
    """What :func:`work` kept for pages in a folder of results; None where there is none (yet)."""
    try:
        found: dict[str, Any] = json.loads((folder / PAGE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found
