"""A study from its lesion table to everything that is said of it. Read :func:`run` first: it follows the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from hepaflow.cohort.calibration import calibrate, decision_curve
from hepaflow.cohort.categories import chi_square
from hepaflow.cohort.combine import combine
from hepaflow.cohort.discriminate import discriminate, pairs
from hepaflow.cohort.means import TTest, t_pooled, t_welch
from hepaflow.cohort.multiplicity import adjust
from hepaflow.cohort.plausible import checked
from hepaflow.cohort.power import design_effect
from hepaflow.cohort.ranks import ClusteredRankTest, RankTest, clustered_ranks, mann_whitney
from hepaflow.cohort.resample import Counts, draw
from hepaflow.cohort.sample import Bools, Floats, Ints
from hepaflow.cohort.size import CATEGORIES, sizes
from hepaflow.cohort.study import (
    AreaPair,
    Classes,
    Clusters,
    Parameter,
    Probability,
    SizeResult,
    Study,
    Together,
)
from hepaflow.cohort.table import Finding, LesionTable
from hepaflow.errors import InputRefused, UsageError
from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig
from hepaflow.workflow.cohort_describe import described
from hepaflow.workflow.cohort_findings import of_results, of_table
from hepaflow.workflow.cohort_more import needs, readers, survival
from hepaflow.workflow.cohort_questions import label_of, questions_of, with_outcome
from hepaflow.workflow.cohort_refusals import refused_fr
from hepaflow.workflow.cohort_rules import rule_pairs, rules_of

#: Patients x draws kept in memory at once (1.2 GB).
MOST_DRAWN = 100_000_000
Watch = Callable[[str, int, int], None]


def run(table: LesionTable, config: StudyConfig, *, found: Iterable[Finding] = (), watch: Watch | None = None) -> Study:
    """Judge a lesion table. ``found`` are findings made while it was read; ``watch`` is told what is done.

    Refused: no outcome column, no lesion of a class, a column of the configuration that the table lacks or that is not of its kind.
    """
    tell = watch or (lambda _what, _done, _total: None)
    rng = np.random.default_rng(config.seed)
    table, impossible = checked(table)
    names, table, truth, dropped = with_outcome(table, config)
    cluster = table.cluster
    if config.bootstraps * table.patient_count > MOST_DRAWN:
        raise UsageError("STUDY-CONFIG", "bootstraps: too many draws of this many patients", "Ask for fewer")
    counts = (
        draw(table.patient_count, repeats=config.bootstraps, rng=rng) if config.bootstraps and table.patient_count > 1 else None
    )
    parameters = _parameters(table, config, truth, counts, tell)
    tell("comparisons", 0, 1)
    compared = pairs([one.found for one in parameters], truth, cluster)
    again = adjust([pair.result.p_clustered for pair in compared], method=config.multiplicity)
    rules = rules_of(table, config, parameters, truth)
    probabilities = _probabilities(table, config, truth, counts)
    tell("combined rule", 0, 1)
    together, why_not = _together(table, config, truth, counts, rng)
    size = _size(table, config, truth)
    of_patients, of_lesions, varying = described(table, config, truth, [one.found.question for one in parameters])
    seen, failed = readers(table, config)
    survived, untold = survival(table, config)
    study = Study(
        names=names,
        synthetic=config.synthetic,
        independent=config.independent,
        table=table,
        truth=truth,
        clusters=_clusters(table, truth),
        findings=(),
        flow=None if config.flow is None else config.flow.flow(),
        of_patients=of_patients,
        of_lesions=of_lesions,
        classes=_classes(table, config, truth),
        parameters=tuple(parameters),
        pairs=tuple(AreaPair(pair, p) for pair, p in zip(compared, again, strict=True)),
        rules=rules,
        rule_pairs=rule_pairs(rules, truth, cluster, names.positive),
        probabilities=probabilities,
        together=together,
        sizes=size,
        readers=seen,
        survival=survived,
        needs=needs(table, config, prevalence_here=float(truth.mean())),
        seed=config.seed,
        bootstraps=0 if counts is None else config.bootstraps,
        multiplicity=config.multiplicity,
        prevalence=config.prevalence,
    )
    told = [
        *found,
        *impossible,
        *dropped,
        *of_table(study, config),
        *varying,
        *why_not,
        *failed,
        *untold,
        *of_results(study),
    ]
    return replace(study, findings=tuple(told))


def _parameters(table: LesionTable, config: StudyConfig, truth: Bools, counts: Counts | None, tell: Watch) -> list[Parameter]:
    """Every parameter judged and tested, p over patients adjusted for their number."""
    questions = questions_of(table, config)
    made: list[Parameter] = []
    for done, question in enumerate(questions):
        tell("parameters", done, len(questions))
        values = table.numbers[question.name]
        one = discriminate(question, values, truth, table.cluster, counts=counts, name=config.positive)
        kept = one.where
        made.append(Parameter(one, *_tests(values[kept], truth[kept], table.cluster[kept], config.test), None))
    adjusted = adjust([None if one.clustered is None else one.clustered.p for one in made], method=config.multiplicity)
    return [replace(one, p_adjusted=p) for one, p in zip(made, adjusted, strict=True)]


def _tests(values: Floats, truth: Bools, cluster: Ints, kind: str) -> tuple[RankTest | TTest | None, ClusteredRankTest | None]:
    if truth.all() or not truth.any():
        return None, None
    high, low = values[truth], values[~truth]
    by_patient = clustered_ranks(values, truth, cluster=cluster) if len(np.unique(cluster)) > 1 else None
    if kind == "mann-whitney":
        return mann_whitney(high, low), by_patient
    try:
        return (t_welch if kind == "welch" else t_pooled)(high, low), by_patient
    except InputRefused:
        return None, by_patient


def _probabilities(table: LesionTable, config: StudyConfig, truth: Bools, counts: Counts | None) -> tuple[Probability, ...]:
    made = []
    for name in config.probability:
        values = _numbers(table, name, "probability")
        where = np.isfinite(values)
        if truth[where].any() and not truth[where].all():
            kept, real, patients = values[where], truth[where], table.cluster[where]
            here = None if counts is None else counts[:, np.unique(patients)]
            curve = decision_curve(kept, real, patients, counts=here)
            made.append(
                Probability(
                    config.columns.get(name, ColumnPart()).label or label_of(name),
                    int(where.sum()),
                    kept,
                    real,
                    calibrate(kept, real, patients),
                    curve,
                )
            )
    return tuple(made)


def _together(
    table: LesionTable, config: StudyConfig, truth: Bools, counts: Counts | None, rng: np.random.Generator
) -> tuple[Together | None, list[Finding]]:
    if not config.combine:
        return None, []
    columns = np.column_stack([_numbers(table, name, "combine") for name in config.combine])
    whole = np.isfinite(columns).all(axis=1)
    try:
        found = combine(columns[whole], truth[whole], table.cluster[whole], names=config.combine, rng=rng)
    except InputRefused as refused:
        french = f"La règle combinée n’a pas été établie : {refused_fr(refused)}."
        return None, [Finding("not-combined", "caution", f"The combined rule was not made: {refused.what}.", french)]
    real, patients = truth[whole], table.cluster[whole]
    here = None if counts is None else counts[:, np.unique(patients)]
    return Together(
        found, real, calibrate(found.held_out, real, patients), decision_curve(found.held_out, real, patients, counts=here)
    ), []


def _size(table: LesionTable, config: StudyConfig, truth: Bools) -> SizeResult | None:
    if config.size is None:
        return None
    part = config.size
    before, after, change = (
        None if name is None else _numbers(table, name, "size") for name in (part.before, part.after, part.change_percent)
    )
    if any(one is not None and (one < 0).any() for one in (before, after)) or (change is not None and (change < -100).any()):
        raise InputRefused(
            "STUDY-SIZE",
            "a size is below 0, or shrank by more than 100 %",
            "Correct it, or give its column a range: cells outside it are left out",
        )
    found = sizes(truth, before=before, after=after, change_percent=change)
    shift = found.difference_mm
    tested: list[TTest | None] = [None, None]
    if shift is not None:
        for k, test in enumerate((t_pooled, t_welch)):
            try:
                tested[k] = test(shift[truth], shift[~truth])
            except InputRefused:
                tested[k] = None
    counts = np.array([[group[name] for name in CATEGORIES] for group in found.counts])
    return SizeResult(found, tested[0], tested[1], chi_square(counts) if counts.sum() else None)


def _classes(table: LesionTable, config: StudyConfig, truth: Bools) -> tuple[Classes, ...]:
    made = []
    for name, part in config.columns.items():
        if part.tolerance is not None:
            values = _numbers(table, name, "columns")
            kind = np.select(
                [values < 1.0 - part.tolerance, values <= 1.0 + part.tolerance, values > 1.0 + part.tolerance], [0, 1, 2], -1
            )
            high, low = (
                (int((kind[group] == 0).sum()), int((kind[group] == 1).sum()), int((kind[group] == 2).sum()))
                for group in (truth, ~truth)
            )
            made.append(Classes(part.label or label_of(name), part.tolerance, high, low))
    return tuple(made)


def _clusters(table: LesionTable, truth: Bools) -> Clusters:
    per_patient = Counter(table.patients)
    high = Counter(patient for patient, positive in zip(table.patients, truth, strict=True) if positive)
    positive = sum(high[patient] == n for patient, n in per_patient.items())
    negative = sum(high[patient] == 0 for patient in per_patient)
    sizes_ = dict(sorted(Counter(per_patient.values()).items()))
    effect = design_effect(list(per_patient.values()), 0.5)
    return Clusters(sizes_, positive, len(per_patient) - positive - negative, negative, effect)


def _numbers(table: LesionTable, name: str, key: str) -> Floats:
    if name not in table.numbers:
        raise UsageError("STUDY-CONFIG", f"{key}: the table has no column of numbers {name!r}", "Check its name and its cells")
    return table.numbers[name]
