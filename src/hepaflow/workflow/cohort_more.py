"""What stands beside accuracy in a study: agreement of readers, survival, and what the next study needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

import numpy as np

from hepaflow.cohort.bland_altman import bland_altman
from hepaflow.cohort.competing import cumulative_incidence
from hepaflow.cohort.cox import Cox, cox
from hepaflow.cohort.endpoints import (
    Endpoint,
    FollowUp,
    disease_free_survival,
    liver_progression_free_survival,
    local_tumor_progression,
    overall_survival,
    progression_free_survival,
    time_to_progression,
)
from hepaflow.cohort.icc import icc
from hepaflow.cohort.kappa import clustered_kappa
from hepaflow.cohort.power import Clustering, StudySize, size_for_auc, size_for_proportion, size_for_two_aucs
from hepaflow.cohort.repeatability import test_retest
from hepaflow.cohort.sample import Bools, Floats, Ints
from hepaflow.cohort.study import Need, Readers, SurvivalResult
from hepaflow.cohort.survival import LogRank, kaplan_meier, log_rank
from hepaflow.cohort.table import Finding, LesionTable
from hepaflow.errors import InputRefused, UsageError
from hepaflow.workflow.cohort_config import ColumnPart, ReadersPart, StudyConfig, SurvivalPart
from hepaflow.workflow.cohort_refusals import refused_fr

#: Patients below which variances over patients are rough, whatever a formula asks for.
FEWEST_PATIENTS = 20
_ENDPOINTS: Mapping[str, Callable[[FollowUp], Endpoint]] = MappingProxyType(
    {
        "os": overall_survival,
        "dfs": disease_free_survival,
        "pfs": progression_free_survival,
        "liver-pfs": liver_progression_free_survival,
        "ttp": time_to_progression,
    }
)


def readers(table: LesionTable, config: StudyConfig) -> tuple[tuple[Readers, ...], list[Finding]]:
    """Every pair of columns that hold the same quantity."""
    made, findings = [], []
    for part in config.readers:
        label = part.label or f"{part.first} and {part.second}"
        try:
            made.append(_categories(table, part, label) if part.kind == "categories" else _continuous(table, config, part, label))
        except InputRefused as refused:
            french = f"{label} : {refused_fr(refused)}."
            findings.append(Finding("readers-not-compared", "caution", f"{label}: {refused.what}. {refused.advice}.", french))
    return tuple(made), findings


def _continuous(table: LesionTable, config: StudyConfig, part: ReadersPart, label: str) -> Readers:
    first, second = _numbers(table, part.first), _numbers(table, part.second)
    both = np.isfinite(first) & np.isfinite(second)
    names = np.asarray(table.patients)[both]
    one, other = first[both], second[both]
    unit = config.columns.get(part.first, ColumnPart()).unit
    repeats = test_retest(one, other, cluster=names) if part.kind == "test-retest" else None
    return Readers(
        label,
        unit,
        part.kind,
        one,
        other,
        table.cluster[both],
        bland_altman(one, other, cluster=names, log=part.log),
        icc(np.column_stack([np.log(one), np.log(other)] if part.log else [one, other])),
        repeats,
        None,
    )


def _categories(table: LesionTable, part: ReadersPart, label: str) -> Readers:
    for name in (part.first, part.second):
        if name not in table.texts:
            raise UsageError(
                "STUDY-CONFIG",
                f"readers: the table has no column of categories {name!r}",
                "Check its name, or set kind to category",
            )
    read = [
        (a, b, patient)
        for a, b, patient in zip(table.texts[part.first], table.texts[part.second], table.patients, strict=True)
        if a is not None and b is not None
    ]
    pairs = [(a, b) for a, b, _ in read]
    names = list(part.categories) or sorted({cell for pair in pairs for cell in pair})
    if not {cell for pair in pairs for cell in pair} <= set(names):
        raise InputRefused("STUDY-CATEGORY", "a reading is none of the categories", "List all categories in their order")
    first, second = ([names.index(pair[k]) for pair in pairs] for k in (0, 1))
    # categories in a stated order are weighted; without one a disagreement is a disagreement
    kappa = clustered_kappa(
        first,
        second,
        categories=range(len(names)),
        cluster=[patient for *_, patient in read],
        weights="quadratic" if part.categories else "none",
    )
    return Readers(label, "", part.kind, np.empty(0), np.empty(0), np.empty(0, np.intp), None, None, None, kappa)


def survival(table: LesionTable, config: StudyConfig) -> tuple[tuple[SurvivalResult, ...], list[Finding]]:
    """Every endpoint that the configuration names."""
    made, findings = [], []
    for part in config.survival:
        label = part.label or part.endpoint or part.time or "survival"
        try:
            found = _endpoint(table, part, label)
            made.append(found)
            if found.left_out:
                text = f"{label}: {found.left_out} {part.unit}s have no time, event or group and are left out."
                whose = "patients" if part.unit == "patient" else "lésions"
                french = f"{label} : {found.left_out} {whose} sans durée, sans événement ou sans groupe, non pris en compte."
                findings.append(Finding("survival-missing", "caution", text, french))
            if part.unit == "lesion" and found.log_rank is not None:
                text = f"{label}: the log-rank test and the Kaplan-Meier limits take lesions as independent; where a patient has several, quote the Cox model or the cumulative incidence, which do not."
                french = f"{label} : le test du log-rank et les limites de Kaplan-Meier supposent les lésions indépendantes ; quand un patient en a plusieurs, citez le modèle de Cox ou l’incidence cumulée, qui ne le supposent pas."
                findings.append(Finding("survival-by-lesions", "caution", text, french))
        except InputRefused as refused:
            french = f"{label} : {refused_fr(refused)}."
            findings.append(Finding("survival-not-estimated", "serious", f"{label}: {refused.what}. {refused.advice}.", french))
    return tuple(made), findings


def _endpoint(table: LesionTable, part: SurvivalPart, label: str) -> SurvivalResult:
    keep = np.ones(table.n, dtype=np.bool_)
    if part.unit == "patient":
        first = table.first_rows
        keep = np.isin(np.arange(table.n), list(first.values()))
    time, code, told = _dated(table, part, keep) if part.dates is not None else _counted(table, part)
    covariates = [_numbers(table, name) for name in part.covariates]
    wanted = int(keep.sum())
    keep &= np.isfinite(time) & np.isfinite(code)
    if part.groups is not None and part.groups in table.texts:
        keep &= np.array([cell is not None for cell in table.texts[part.groups]], dtype=np.bool_)
    if not np.isin(code[keep], (0, 1, 2)).all():
        raise InputRefused("STUDY-EVENT", "an event is none of 0, 1, 2", "Code 0 no event, 1 the event, 2 a competing death")
    time, events = time[keep], code[keep].astype(np.intp)
    names = _groups(table, part, keep)
    competing = bool((events == 2).any())
    patients = [patient for patient, here in zip(table.patients, keep.tolist(), strict=True) if here]
    curves, incidence = [], []
    for group in dict.fromkeys(sorted(names)):
        inside = np.array([name == group for name in names])
        curves.append((group, kaplan_meier(time[inside], events[inside] == 1)))
        if competing:
            whose = [patient for patient, here in zip(patients, inside.tolist(), strict=True) if here]
            incidence.append((group, cumulative_incidence(time[inside], events[inside], cluster=whose)))
    tested: LogRank | None = None
    if len(curves) > 1:
        tested = log_rank(time, events, names, cause=1) if competing else log_rank(time, events == 1, names)
    model = _cox(time, events, [one[keep] for one in covariates], part, patients)
    return SurvivalResult(label, part.unit, told, tuple(curves), tested, model, tuple(incidence), wanted - int(keep.sum()))


def _counted(table: LesionTable, part: SurvivalPart) -> tuple[Floats, Floats, str]:
    return _numbers(table, part.time or ""), _numbers(table, part.event or ""), ""


def _dated(table: LesionTable, part: SurvivalPart, keep: Bools) -> tuple[Floats, Floats, str]:
    """Time and code of an endpoint from the days of each row that counts, and its definition. Refused, naming the row: a cell that is no day, an impossible order."""
    if part.dates is None or part.endpoint is None:
        raise ValueError("only endpoints of dates come here")
    held = {field: _days(table, name) for field, name in part.dates.model_dump().items() if name is not None}
    local = held.pop("local", None)
    time, code, told = np.full(table.n, np.nan), np.full(table.n, np.nan), ""
    for k in np.flatnonzero(keep):
        days = {field: cells[k] for field, cells in held.items()}
        if days["start"] is None or days["last_seen"] is None:
            continue
        try:
            follow_up = FollowUp(**days)  # type: ignore[arg-type]
            found = (
                local_tumor_progression(follow_up, None if local is None else local[k])
                if part.endpoint == "local-progression"
                else _ENDPOINTS[part.endpoint](follow_up)
            )
        except InputRefused as refused:
            raise InputRefused(refused.code, f"row {table.rows[k]}: {refused.what}", refused.advice) from refused
        time[k], code[k], told = found.time_days, found.code, f"{found.definition}. {found.note}"
    return time, code, told


def _days(table: LesionTable, name: str) -> list[date | None]:
    if name in table.numbers and not np.isfinite(table.numbers[name]).any():
        return [None] * table.n
    if name not in table.texts:
        raise UsageError("STUDY-CONFIG", f"survival: the table has no column of days {name!r}", "Write days as 2024-03-01")
    made: list[date | None] = []
    for row, cell in zip(table.rows, table.texts[name], strict=True):
        try:
            made.append(None if cell is None else date.fromisoformat(cell))
        except ValueError as error:
            raise InputRefused("STUDY-DAY", f"row {row}, column {name!r} is no day", "Write days as 2024-03-01") from error
    return made


def _groups(table: LesionTable, part: SurvivalPart, keep: Bools) -> list[str]:
    if part.groups is None:
        return ["all"] * int(keep.sum())
    if part.groups not in table.texts:
        raise UsageError(
            "STUDY-CONFIG",
            f"survival: the table has no column of categories {part.groups!r}",
            "Check its name, or set kind to category",
        )
    return [cell or "" for cell, here in zip(table.texts[part.groups], keep.tolist(), strict=True) if here]


def _cox(time: Floats, code: Ints, covariates: list[Floats], part: SurvivalPart, patients: list[str]) -> Cox | None:
    if not covariates:
        return None
    columns = np.column_stack(covariates)
    whole: Bools = np.asarray(np.isfinite(columns).all(axis=1))
    whose = [patient for patient, here in zip(patients, whole.tolist(), strict=True) if here]
    return cox(
        time[whole], code[whole] == 1, columns[whole], list(part.covariates), cluster=whose if part.unit == "lesion" else None
    )


def needs(table: LesionTable, config: StudyConfig, *, prevalence_here: float) -> tuple[Need, ...]:
    """What the next study needs, with as many lesions a patient as this one has and the correlation that the configuration states.

    The share of positive lesions is that of ``[next_study]``, else the configuration's ``prevalence``, else this study's (``prevalence_here``).
    """
    part = config.next_study
    if part is None:
        return ()
    alike = Clustering(tuple(Counter(table.patients).values()), part.icc)
    wanted: list[tuple[str, StudySize]] = []
    prevalence = part.prevalence or config.prevalence or prevalence_here
    rates = (("sensitivity", part.sensitivity, prevalence), ("specificity", part.specificity, 1.0 - prevalence))
    for name, expected, share in rates:
        if expected is not None:
            size = size_for_proportion(expected, part.half_width, share=share, alpha=part.alpha, clustering=alike)
            wanted.append((f"{name} of {expected:g} within ± {part.half_width:g}", size))
    if part.auc is not None:
        share, power = prevalence, part.power
        size = size_for_auc(part.auc, share=share, alpha=part.alpha, power=power, clustering=alike)
        wanted.append((f"area of {part.auc:g} told from 0.5, power {power:g}", size))
        if part.comparator_auc is not None:
            size = size_for_two_aucs(
                part.auc,
                part.comparator_auc,
                correlation=part.correlation,
                share=share,
                alpha=part.alpha,
                power=power,
                clustering=alike,
            )
            wanted.append(
                (
                    f"area of {part.auc:g} told from one of {part.comparator_auc:g} (correlation {part.correlation:g}), power {power:g}",
                    size,
                )
            )
    told = f"{100 * prevalence:.0f} % of lesions positive; design effect {alike.design_effect:.2f} at an intraclass correlation of {part.icc:g}"
    small = "; fewer than 20 patients: intervals over patients would be rough, recruit more"
    return tuple(
        Need(aim, size.lesions, size.patients, f"{size.formula}; {told}{small if size.patients < FEWEST_PATIENTS else ''}")
        for aim, size in wanted
    )


def _numbers(table: LesionTable, name: str) -> Floats:
    if name not in table.numbers:
        raise UsageError("STUDY-CONFIG", f"the table has no column of numbers {name!r}", "Check its name and its cells")
    return table.numbers[name]
