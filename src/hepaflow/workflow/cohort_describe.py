"""Patients and lesions described: Tables 1 and 2 of a study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepaflow.cohort.categories import fisher_exact
from hepaflow.cohort.describe import describe, levels
from hepaflow.cohort.discriminate import Question
from hepaflow.cohort.ranks import mann_whitney
from hepaflow.cohort.sample import Bools
from hepaflow.cohort.study import Column
from hepaflow.cohort.table import Finding, LesionTable, Texts
from hepaflow.errors import UsageError
from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig

Parts = tuple[tuple[Column, ...], tuple[Column, ...], list[Finding]]
#: Without a list of columns to describe, no more than this many.
_MOST = 40
#: More categories than this are names: they are counted, not tested.
_MOST_LEVELS = 30


def described(table: LesionTable, config: StudyConfig, truth: Bools, questions: Sequence[Question]) -> Parts:
    """Columns of patients (one value a patient), columns of lesions (with the two classes side by side), and columns that are not the same in all rows of a patient."""
    labels = {question.name: question.label for question in questions}
    findings: list[Finding] = []
    first = table.first_rows
    of_patients = []
    watched = [name for name in _of_follow_up(config) if name in table.numbers or name in table.texts]
    for name in dict.fromkeys((*config.describe_patients, *watched)):
        rows = _varying(table, name, first)
        if rows:
            text = f"{name} is not the same in all rows of a patient; the first row counts."
            french = f"{name} n’est pas identique sur toutes les lignes d’un patient ; la première ligne compte."
            findings.append(Finding("patient-varies", "serious" if name in watched else "caution", text, french, name, rows))
    for name in config.describe_patients:
        one_each = np.zeros(table.n, dtype=np.bool_)
        one_each[list(first.values())] = True
        of_patients.append(_column(table.keep(one_each), name, config, labels))
    wanted = (
        config.describe_lesions
        or tuple(name for name in (config.columns or table.numbers) if name in table.numbers or name in table.texts)[:_MOST]
    )
    of_lesions = [_grouped(table, name, config, labels, truth) for name in wanted]
    return tuple(of_patients), tuple(of_lesions), findings


def _of_follow_up(config: StudyConfig) -> list[str]:
    """Columns of endpoints that are of a patient: they must say the same in all of a patient's rows."""
    held = []
    for part in config.survival:
        if part.unit == "patient":
            dates = {} if part.dates is None else part.dates.model_dump(exclude={"local"})
            held += [name for name in (part.time, part.event, part.groups, *part.covariates, *dates.values()) if name is not None]
    return held


def _varying(table: LesionTable, name: str, first: dict[str, int]) -> tuple[int, ...]:
    cells: Sequence[object] = table.numbers[name].tolist() if name in table.numbers else _texts(table, name)
    return tuple(
        row for row, patient, cell in zip(table.rows, table.patients, cells, strict=True) if not _same(cell, cells[first[patient]])
    )


def _same(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)  # noqa: PLR0124 (NaN is missing in both)


def _column(table: LesionTable, name: str, config: StudyConfig, labels: dict[str, str]) -> Column:
    label, unit = _called(name, config, labels)
    if name in table.numbers:
        return Column(label, unit, describe(table.numbers[name]))
    return Column(label, unit, levels(_texts(table, name)))


def _grouped(table: LesionTable, name: str, config: StudyConfig, labels: dict[str, str], truth: Bools) -> Column:
    label, unit = _called(name, config, labels)
    if name in table.numbers:
        values = table.numbers[name]
        high, low = values[truth], values[~truth]
        both = np.isfinite(high).any() and np.isfinite(low).any()
        return Column(label, unit, describe(values), (describe(high), describe(low)), mann_whitney(high, low) if both else None)
    cells = _texts(table, name)
    high_cells = [cell for cell, here in zip(cells, truth, strict=True) if here]
    low_cells = [cell for cell, here in zip(cells, truth, strict=True) if not here]
    of_all, of_high, of_low = levels(cells), levels(high_cells), levels(low_cells)
    counts = np.array([[sum(cell == level.name for cell in group) for level in of_all.levels] for group in (high_cells, low_cells)])
    test = fisher_exact(counts) if counts.size and counts.sum() and len(of_all.levels) <= _MOST_LEVELS else None
    return Column(label, unit, of_all, (of_high, of_low), test)


def _called(name: str, config: StudyConfig, labels: dict[str, str]) -> tuple[str, str]:
    part = config.columns.get(name, ColumnPart())
    return part.label or labels.get(name) or name.replace("_", " "), part.unit


def _texts(table: LesionTable, name: str) -> Texts:
    if name not in table.texts:
        raise UsageError(
            "STUDY-CONFIG",
            f"the table has no column {name!r} to describe",
            "Check the names in describe_patients and describe_lesions",
        )
    return table.texts[name]
