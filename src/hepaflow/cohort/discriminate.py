"""One parameter against the outcome, everything that is to be said of it: groups, test, area, cut-off, and a cut-off fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hepaflow.cohort.crossed import Crossed, Rate, clustered_rates, crossed
from hepaflow.cohort.cutoff import Curve, Youden, called_positive, curve, left_out_calls, youden
from hepaflow.cohort.describe import Described, describe
from hepaflow.cohort.proportion import ClusteredProportion
from hepaflow.cohort.resample import Counts, resample
from hepaflow.cohort.roc import Auc, Difference, Interval, auc, difference, resampled_interval
from hepaflow.cohort.sample import Bools, Direction, Floats, Ints, Sample


@dataclass(frozen=True, slots=True)
class Question:
    """A parameter to be judged: its name, how it is called, its unit, which values mean positive, and a cut-off fixed before these data (or None)."""

    name: str
    label: str
    unit: str
    direction: Direction
    threshold: float | None = None

    @property
    def sign(self) -> str:
        """How a value that means positive stands to a cut-off."""
        return "<" if self.direction == "lower" else ">"


@dataclass(frozen=True, slots=True)
class Operating:
    """A test at work: the 2 x 2 with its rates, and the rates with intervals over patients."""

    table: Crossed
    clustered: Mapping[Rate, ClusteredProportion]


@dataclass(frozen=True, slots=True, eq=False)
class Discrimination:
    """All of one parameter. ``where`` marks the lesions that have a value (of all with an outcome); without both classes among them everything after ``groups`` is None. ``left_out``: which lesions (of those with a value) the cut of all other patients calls positive."""

    question: Question
    where: Bools
    groups: tuple[Described, Described]
    sample: Sample | None
    area: Auc | None
    bootstrap_ci95: Interval | None
    curve: Curve | None
    best: Youden | None
    at_best: Operating | None
    at_fixed: Operating | None
    left_out: Bools | None

    @property
    def missing(self) -> int:
        """Lesions with an outcome and without a value."""
        return int((~self.where).sum())


def discriminate(
    question: Question, values: Floats, positive: Bools, cluster: Ints, *, counts: Counts | None, name: str
) -> Discrimination:
    """Judge a parameter. ``values`` (n, NaN missing), ``positive`` (n) the outcome, ``cluster`` (n) the patients numbered from 0, ``counts`` draws of those patients,
    ``name`` that of the positive class.
    """
    where = np.isfinite(values)
    groups = describe(values[positive]), describe(values[~positive])
    kept, truth, patients = values[where], positive[where], cluster[where]
    if truth.all() or not truth.any():
        return Discrimination(question, where, groups, None, None, None, None, None, None, None, None)
    found = Sample(kept, truth, patients, question.direction)
    here = None if counts is None else counts[:, np.unique(patients)]
    drawn = None if here is None else resample(found, here)
    calls = left_out_calls(found)
    best = youden(found, here, drawn=drawn, calls=calls)
    at_best = None if best is None else operating(question.direction, kept, best.cut.threshold, truth, patients, name)
    fixed = question.threshold
    at_fixed = None if fixed is None else operating(question.direction, kept, fixed, truth, patients, name)
    spread = None if drawn is None else resampled_interval(found, drawn.auc)
    return Discrimination(question, where, groups, found, auc(found), spread, curve(found), best, at_best, at_fixed, calls)


def operating(direction: Direction, values: Floats, threshold: float, positive: Bools, cluster: Ints, name: str) -> Operating:
    """The 2 x 2 of a cut-off."""
    return judged(called_positive(values, threshold, direction=direction), positive, cluster, name)


def judged(called: Bools, positive: Bools, cluster: Ints, name: str) -> Operating:
    """The 2 x 2 of a test that is yes or no already."""
    return Operating(crossed(called, positive, positive=name), clustered_rates(called, positive, cluster=cluster))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two parameters compared on the ``n`` lesions that have both."""

    first: str
    second: str
    areas: tuple[float, float]
    result: Difference


def pairs(found: list[Discrimination], positive: Bools, cluster: Ints) -> list[Pair]:
    """Every pair of parameters that have an area, compared on the lesions that have both values; pairs that lack a class there are left out."""
    judged_ones = [one for one in found if one.sample is not None]
    made = []
    for k, first in enumerate(judged_ones):
        for second in judged_ones[k + 1 :]:
            both = first.where & second.where
            truth = positive[both]
            if truth.all() or not truth.any():
                continue
            one, other = (_on(item, both, truth, cluster[both]) for item in (first, second))
            apart = difference(one, other)
            areas = auc(one).auc, auc(other).auc
            made.append(Pair(first.question.name, second.question.name, areas, apart))
    return made


def _on(found: Discrimination, both: Bools, truth: Bools, cluster: Ints) -> Sample:
    if found.sample is None:
        raise ValueError("only parameters with a sample are compared")
    return Sample(found.sample.values[both[found.where]], truth, cluster, found.question.direction)
