"""A study from its lesion table to everything that is said of it. Read :func:`run` first: it follows the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np

from hepaflow.cohort.calibration import calibrate, decision_curve
from hepaflow.cohort.categories import chi_square
from hepaflow.cohort.combine import combine
from hepaflow.cohort.discriminate import Question, discriminate, judged, pairs
from hepaflow.cohort.means import TTest, t_pooled, t_welch
from hepaflow.cohort.multiplicity import adjust
from hepaflow.cohort.paired import compare_tests
from hepaflow.cohort.plausible import checked
from hepaflow.cohort.power import design_effect
from hepaflow.cohort.ranks import ClusteredRankTest, RankTest, clustered_ranks, mann_whitney
from hepaflow.cohort.resample import Counts, draw
from hepaflow.cohort.sample import Bools, Direction, Floats, Ints
from hepaflow.cohort.size import CATEGORIES, sizes
from hepaflow.cohort.study import (
    AreaPair,
    Classes,
    Clusters,
    Names,
    Parameter,
    Probability,
    Rule,
    RulePair,
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

#: Which way the ratios of lesion over healthy liver point for major response (thesis of Nancy 2019, Table 3); other columns must say it themselves.
KNOWN: dict[str, Direction] = {
    "bf_ratio": "lower",
    "bv_ratio": "lower",
    "hpbf_ratio": "lower",
    "habf_ratio": "lower",
    "ttp_ratio": "higher",
    "mtt_ratio": "higher",
    "total_mtt_ratio": "higher",
}
Watch = Callable[[str, int, int], None]


def run(table: LesionTable, config: StudyConfig, *, found: Iterable[Finding] = (), watch: Watch | None = None) -> Study:
    """Judge a lesion table. ``found`` are findings made while it was read; ``watch`` is told what is done.

    Refused: no outcome column, no lesion of a class, a column of the configuration that the table lacks or that is not of its kind.
    """
    tell = watch or (lambda _what, _done, _total: None)
    rng = np.random.default_rng(config.seed)
    table, impossible = checked(table)
    names, table, truth, dropped = _with_outcome(table, config)
    cluster = table.cluster
    counts = (
        draw(table.patient_count, repeats=config.bootstraps, rng=rng) if config.bootstraps and table.patient_count > 1 else None
    )
    questions = _questions(table, config)
    parameters: list[Parameter] = []
    for done, question in enumerate(questions):
        tell("parameters", done, len(questions))
        one = discriminate(question, table.numbers[question.name], truth, cluster, counts=counts, name=names.positive)
        kept = one.where
        parameters.append(
            Parameter(one, *_tests(table.numbers[question.name][kept], truth[kept], cluster[kept], config.test), None)
        )
    adjusted = adjust([None if one.clustered is None else one.clustered.p for one in parameters], method=config.multiplicity)
    parameters = [Parameter(one.found, one.test, one.clustered, p) for one, p in zip(parameters, adjusted, strict=True)]
    tell("comparisons", 0, 1)
    compared = pairs([one.found for one in parameters], truth, cluster)
    again = adjust([pair.result.p_clustered for pair in compared], method=config.multiplicity)
    rules = _rules(table, config, parameters, truth)
    probabilities = _probabilities(table, config, truth, counts)
    tell("combined rule", 0, 1)
    together, why_not = _together(table, config, truth, counts, rng)
    size = _size(table, config, truth)
    of_patients, of_lesions, varying = described(table, config, truth, questions)
    seen, failed = readers(table, config)
    survived, untold = survival(table, config)
    study = Study(
        names=names,
        synthetic=config.synthetic,
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
        rule_pairs=_rule_pairs(rules, truth, cluster, names.positive),
        probabilities=probabilities,
        together=together,
        sizes=size,
        readers=seen,
        survival=survived,
        needs=needs(table, config),
        seed=config.seed,
        bootstraps=0 if counts is None else config.bootstraps,
        multiplicity=config.multiplicity,
        prevalence=config.prevalence,
    )
    told = [
        *found,
        *impossible,
        *dropped,
        *of_table(study, config, questions),
        *varying,
        *why_not,
        *failed,
        *untold,
        *of_results(study),
    ]
    return Study(
        **{field: getattr(study, field) for field in study.__dataclass_fields__ if field != "findings"}, findings=tuple(told)
    )


def _with_outcome(table: LesionTable, config: StudyConfig) -> tuple[Names, LesionTable, Bools, list[Finding]]:
    """The lesions whose outcome is known, which of them are positive, and what was left out."""
    if config.outcome not in table.texts:
        raise InputRefused(
            "STUDY-NO-OUTCOME",
            f"there is no column {config.outcome!r} of outcomes",
            "Name it in the configuration (outcome), or fill it in",
        )
    given = table.texts[config.outcome]
    levels = sorted({value for value in given if value is not None})
    if config.positive not in levels:
        raise InputRefused(
            "STUDY-NO-POSITIVE",
            f"no lesion has the positive outcome {config.positive!r}",
            "Check positive in the configuration and the outcomes",
        )
    others = list(config.negative) or [level for level in levels if level != config.positive]
    findings = []
    if not config.negative and len(others) > 1:
        findings.append(
            Finding(
                "outcome-levels",
                "caution",
                f"Outcomes other than {config.positive} ({', '.join(others[:6])}) are taken together as negative.",
                config.outcome,
            )
        )
    known = np.array([value == config.positive or value in others for value in given])
    if not known.all():
        rows = tuple(row for row, here in zip(table.rows, known, strict=True) if not here)
        findings.append(
            Finding(
                "no-outcome",
                "caution",
                f"{len(rows)} of {table.n} lesions have no outcome of the study and are left out.",
                config.outcome,
                rows,
            )
        )
    kept = table.keep(known)
    truth = np.array([value == config.positive for value in kept.texts[config.outcome]], dtype=np.bool_)
    if truth.all():
        raise InputRefused("STUDY-ONE-CLASS", "all lesions have the positive outcome", "A diagnostic study needs both classes")
    negative = others[0] if len(others) == 1 else f"not {config.positive}"
    return Names(config.title, config.positive, negative, config.outcome, config.cluster), kept, truth, findings


def _questions(table: LesionTable, config: StudyConfig) -> list[Question]:
    """The parameters to judge: those of the configuration that have a direction, else the ratios whose direction is known."""
    asked = {name: part for name, part in config.columns.items() if part.direction is not None}
    if not asked and config.positive == "major":
        asked = {name: ColumnPart(direction=way) for name, way in KNOWN.items() if name in table.numbers}
    return [
        Question(name, part.label or label_of(name), part.unit, part.direction, part.threshold)
        for name, part in asked.items()
        if part.direction is not None
    ]


def label_of(name: str) -> str:
    """How a column is called that has no label of its own.

    >>> label_of("bf_ratio"), label_of("size_mm")
    ('BF, lesion / healthy liver', 'size mm')
    """
    stem = name.removesuffix("_ratio")
    if stem != name and f"{stem}_ratio" in KNOWN:
        return f"{stem.replace('_', ' ').replace('total', 'total').upper().replace('TOTAL', 'Total')}, lesion / healthy liver"
    return name.replace("_", " ")


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


def _rules(table: LesionTable, config: StudyConfig, parameters: list[Parameter], truth: Bools) -> tuple[Rule, ...]:
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
        sign = "<" if question.direction == "lower" else ">"
        called = np.zeros(table.n, dtype=np.bool_)
        values = found.sample.values
        if question.threshold is not None and found.at_fixed is not None:
            called[found.where] = values < question.threshold if question.direction == "lower" else values > question.threshold
            made.append(Rule(f"{question.label} {sign} {question.threshold:g}", "fixed", found.where, called, found.at_fixed))
            continue
        calls = found.left_out
        if calls is not None:
            called[found.where] = calls
            rates = judged(calls, found.sample.positive, found.sample.cluster, config.positive)
            made.append(Rule(f"{question.label}, cut of the other patients", "left-out", found.where, called, rates))
    return tuple(made)


def _rule_pairs(rules: tuple[Rule, ...], truth: Bools, cluster: Ints, positive: str) -> tuple[RulePair, ...]:
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
        return None, [Finding("not-combined", "caution", f"The combined rule was not made: {refused.what}.")]
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
