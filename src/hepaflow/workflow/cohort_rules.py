"""Tests that say yes or no: categories, cut-offs fixed beforehand, cut-offs of the other patients; and their comparison for one positive class."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from hepaflow.cohort.cutoff import called_positive
from hepaflow.cohort.discriminate import judged
from hepaflow.cohort.paired import compare_tests
from hepaflow.cohort.sample import Bools, Ints
from hepaflow.cohort.study import Parameter, Rule, RulePair
from hepaflow.cohort.table import LesionTable
from hepaflow.errors import UsageError
from hepaflow.workflow.cohort_config import StudyConfig


def rules_of(table: LesionTable, config: StudyConfig, parameters: list[Parameter], truth: Bools) -> tuple[Rule, ...]:
    """Every yes-or-no test: categories, cut-offs fixed beforehand, and, where none was fixed, the cut that leaves each patient out."""
    made = []
    cluster = table.cluster
    for name, part in config.tests.items():
        if part.column not in table.texts:
            raise UsageError(
                "STUDY-CONFIG", f"tests.{name}: the column is not one of categories", "Set kind to category in its part of columns"
            )
        cells = table.texts[part.column]
        where = np.array([cell is not None for cell in cells], dtype=np.bool_)
        called = np.array([cell in part.positive for cell in cells], dtype=np.bool_)
        label = part.label or f"{part.column} is {' or '.join(part.positive)}"
        if where.any():
            made.append(
                Rule(label, "category", where, called, judged(called[where], truth[where], cluster[where], config.positive))
            )
    for one in parameters:
        found, question = one.found, one.found.question
        if found.sample is None:
            continue
        called = np.zeros(table.n, dtype=np.bool_)
        values = found.sample.values
        if question.threshold is not None and found.at_fixed is not None:
            called[found.where] = called_positive(values, question.threshold, direction=question.direction)
            made.append(
                Rule(f"{question.label} {question.sign} {question.threshold:g}", "fixed", found.where, called, found.at_fixed)
            )
            continue
        calls = found.left_out
        if calls is not None:
            called[found.where] = calls
            rates = judged(calls, found.sample.positive, found.sample.cluster, config.positive)
            made.append(Rule(f"{question.label}, cut of the other patients", "left-out", found.where, called, rates))
    return tuple(made)


def rule_pairs(rules: tuple[Rule, ...], truth: Bools, cluster: Ints, positive: str) -> tuple[RulePair, ...]:
    """Every category (such as a size criterion) against every other rule."""
    made = []
    for first, second in combinations(rules, 2):
        if "category" not in (first.origin, second.origin):
            continue
        one, other = (second, first) if second.origin != "category" else (first, second)
        both = one.where & other.where
        if both.any():
            rates = compare_tests(
                one.called[both],
                other.called[both],
                condition=truth[both],
                cluster=cluster[both],
                first_positive=positive,
                second_positive=positive,
            )
            made.append(RulePair(one.label, other.label, int(both.sum()), rates))
    return tuple(made)
