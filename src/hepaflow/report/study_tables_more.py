"""The tables of a study beside accuracy: sizes, calibration, the combined rule, readers, survival, the next study, findings."""

from __future__ import annotations

import math

import numpy as np

from hepaflow.cohort.describe import Described
from hepaflow.cohort.describe import percent as share_of
from hepaflow.cohort.icc import Coefficient
from hepaflow.cohort.size import CATEGORIES, categories
from hepaflow.cohort.study import Readers, Study
from hepaflow.report.content import Row, Table
from hepaflow.report.study_numbers import GAP, interval, number, p_value, percent, percent_interval, quartiles, significant
from hepaflow.report.study_tables import group, interval_significant, plain, row


def sizes(study: Study) -> list[Table]:
    """Tables 5, 6 and 7: sizes, their change in categories, and the difference tested."""
    if study.sizes is None:
        return []
    found, names = study.sizes.found, study.names
    made = []
    if found.before is not None and found.after is not None and found.difference is not None:
        rows: list[Row] = []
        for label, (high, low) in (("before, mm", found.before), ("after, mm", found.after)):
            rows.append(group(f"Size {label}"))
            rows += [_size_row(name, one) for name, one in ((names.positive, high), (names.negative, low))]
        made.append(
            plain(
                "Size of the lesions before and after treatment.",
                ("", "n (missing)", "mean ± SD", "median [Q1; Q3]", "range"),
                rows,
            )
        )
        tested = "; ".join(
            f"{test.test}: difference {number(test.difference, 1)} mm ({interval(test.ci95, 1)}), t = {number(test.statistic, 3)}, p = {p_value(test.p)}"
            for test in (study.sizes.student, study.sizes.welch)
            if test is not None
        )
        rows = [_size_row(name, one) for name, one in zip((names.positive, names.negative), found.difference, strict=True)]
        made.append(
            plain(
                f"Size after less size before, mm. {tested or 'Not tested'}. Lesions taken as independent.",
                ("", "n (missing)", "mean ± SD", "median [Q1; Q3]", "range"),
                rows,
            )
        )
    rows = []
    for name, counts in zip((names.positive, names.negative), found.counts, strict=True):
        total = sum(counts.values())
        rows.append(row(name, str(total), *(f"{counts[kind]} ({share_of(counts[kind], total)})" for kind in CATEGORIES)))
    test = study.sizes.categories
    tail = "" if test is None else f" {test.test}: p = {p_value(test.p)}."
    grew = "" if found.grew_less_than_5mm is None else f" {found.grew_less_than_5mm} of the larger ones grew by less than 5 mm."
    caption = (
        "Change of size of each lesion against histology: smaller by 30 % or more, larger by 20 % or more. This is not RECIST 1.1, which rates a patient by a sum of lesions and asks for 5 mm of growth."
        + grew
        + tail
    )
    made.append(plain(caption, ("", "n", *CATEGORIES), rows))
    return made


def size_list(study: Study) -> Table | None:
    """Every lesion's change of size, sorted, by class: Table 6 lesion by lesion."""
    if study.sizes is None:
        return None
    change = study.sizes.found.change
    held = categories(change)
    order = [int(k) for k in np.lexsort((change, ~study.truth)) if np.isfinite(change[k])]
    rows = [
        row(
            study.names.positive if study.truth[k] else study.names.negative,
            study.table.patients[k],
            study.table.lesions[k],
            number(float(change[k]), 1),
            str(held[k]),
        )
        for k in order
    ]
    return plain(
        "Change of size of every lesion, per cent.", ("response", study.names.cluster, "lesion", "change, %", "category"), rows
    )


def _size_row(name: str, found: Described) -> Row:
    spread = GAP if found.mean is None else f"{number(found.mean, 1)} ± {number(found.sd, 1)}"
    bounds = GAP if found.smallest is None else f"{number(found.smallest, 1)} to {number(found.largest, 1)}"
    return row(f"  {name}", f"{found.n} ({found.missing})", spread, quartiles(found, 1), bounds)


def calibration(study: Study) -> Table | None:
    """How true probabilities are."""
    found = [(one.label, one.n, one.calibration) for one in study.probabilities]
    if study.together is not None:
        found.append(("combined rule, held-out patients", study.together.found.n, study.together.calibration))
    if not found:
        return None
    rows = [
        row(
            label,
            str(n),
            f"{number(one.intercept)} ({interval(one.intercept_ci95)})",
            f"{number(one.slope)} ({interval(one.slope_ci95)})",
            number(one.observed_over_expected),
            number(one.brier, 3),
            percent(one.scaled_brier),
        )
        for label, n, one in found
    ]
    caption = "Calibration. Intercept 0 and slope 1 are perfect; intervals over patients (sandwich). Scaled Brier score: share of the uncertainty of always saying the prevalence that is removed."
    return plain(
        caption,
        ("", "n", "intercept (95 %)", "slope (95 %)", "observed / expected", "Brier", "scaled, %"),
        rows,
        widths=(2.0, 0.5, 1.5, 1.5, 0.9, 0.7, 0.7),
    )


def combined(study: Study) -> Table | None:
    """The rule of several parameters."""
    if study.together is None:
        return None
    found = study.together.found
    labels = {one.found.question.name: one.found.question.label for one in study.parameters}
    rows = [row("intercept", number(found.rule.intercept, 3), GAP, GAP)]
    rows += [
        row(labels.get(name, name), number(float(weight), 3), significant(float(centre)), significant(float(scale)))
        for name, weight, centre, scale in zip(
            found.rule.names, found.rule.coefficients, found.rule.centre, found.rule.scale, strict=True
        )
    ]
    caption = (
        f"Several parameters together: log odds of {study.names.positive} = intercept + sum of coefficient x (value − mean) / SD; ridge penalty {significant(found.rule.penalty)} chosen inside the folds. "
        f"Area {number(found.auc.auc, 3)} ({interval(found.auc.ci95_clustered, 3)}) in patients not seen (10 folds of whole patients, 5 rounds, {found.n} lesions of {found.clusters} patients); {number(found.apparent_auc, 3)} on its own data."
    )
    return plain(caption, ("", "coefficient", "mean", "SD"), rows)


def agreement(study: Study) -> Table | None:
    """Readers, or a test and its repeat."""
    if not study.readers:
        return None
    rows: list[Row] = []
    for one in study.readers:
        unit = f", {one.unit}" if one.unit else ""
        rows.append(group(f"{one.label}{unit}"))
        rows += _agreed(one)
    return plain(
        "Agreement. Limits of agreement and kappa allow for several lesions of a patient; the interval of an ICC takes lesions as independent.",
        ("", "n", "value", "95 % interval"),
        rows,
    )


def _agreed(one: Readers) -> list[Row]:
    rows = []
    if one.kappa is not None:
        value = number(one.kappa.kappa) if one.kappa.kappa is not None else GAP
        rows.append(row(f"  kappa (weights: {one.kappa.weights})", str(one.kappa.n), value, interval(one.kappa.ci95)))
        rows.append(row("  equal readings, %", str(one.kappa.n), percent(one.kappa.equal), GAP))
    if one.limits is not None:
        found = one.limits
        kind = "first / second" if found.log else "first − second"
        limits = (
            (f"bias, {kind}", found.bias, found.bias_ci95),
            ("lower limit of agreement", found.lower, found.lower_ci95),
            ("upper limit of agreement", found.upper, found.upper_ci95),
        )
        for name, limit, bounds in limits:
            shown = (math.exp(limit), math.exp(bounds[0]), math.exp(bounds[1])) if found.log else (limit, *bounds)
            rows.append(row(f"  {name}", str(found.n), significant(shown[0]), interval_significant(shown[1:])))
    if one.icc is not None:
        rows.append(_icc_row(one.icc.two, one.icc.subjects))
    if one.repeats is not None:
        found_repeats = one.repeats
        rows.append(
            row(
                "  within-subject SD",
                str(found_repeats.n),
                significant(found_repeats.within_sd),
                interval_significant(found_repeats.within_sd_ci95),
            )
        )
        rows.append(
            row(
                "  repeatability coefficient",
                str(found_repeats.n),
                significant(found_repeats.coefficient),
                interval_significant(found_repeats.coefficient_ci95),
            )
        )
        rows.append(row("  within-subject coefficient of variation, %", str(found_repeats.n), percent(found_repeats.wcv), GAP))
    return rows


def _icc_row(found: Coefficient, n: int) -> Row:
    return row(f"  {found.form}", str(n), number(found.value), interval(found.ci95))


def survival(study: Study) -> Table | None:
    """Medians, log-rank tests and hazard ratios of every endpoint."""
    if not study.survival:
        return None
    rows: list[Row] = []
    for one in study.survival:
        tested = (
            ""
            if one.log_rank is None
            else f"; {one.log_rank.test}: chi2 {number(one.log_rank.chi2, 2)}, p = {p_value(one.log_rank.p)}"
        )
        rows.append(group(f"{one.label} (unit: {one.unit}){tested}"))
        if one.definition:
            rows.append(group(one.definition))
        for name, curve in one.groups:
            bounds = f"{significant(curve.median_ci95[0])} to {significant(curve.median_ci95[1])}"
            kind = "median, competing deaths censored" if one.incidence else "median"
            rows.append(row(f"  {name}", f"{curve.n} ({sum(curve.events)})", f"{kind} {significant(curve.median)}", bounds))
        for name, rising in one.incidence:
            text = f"incidence {percent(rising.incidence[-1])} % at {significant(rising.times[-1])}"
            rows.append(row(f"  {name}, cumulative", f"{rising.n} ({sum(rising.events)})", text, percent_interval(rising.ci95[-1])))
        if one.cox is not None:
            for hazard in one.cox.hazards:
                rows.append(
                    row(
                        f"  hazard ratio, {hazard.name}",
                        f"{one.cox.n} ({one.cox.events})",
                        f"{number(hazard.hazard_ratio)}, p = {p_value(hazard.p)}",
                        interval(hazard.ci95),
                    )
                )
    return plain("Survival, days.", ("", "n (events)", "estimate", "95 % interval"), rows)


def needs(study: Study) -> Table | None:
    """What the next study needs."""
    if not study.needs:
        return None
    rows = [row(one.aim, str(one.lesions), str(one.patients), one.source) for one in study.needs]
    return plain("A next study.", ("aim", "lesions", "patients", "source"), rows, widths=(2.0, 0.6, 0.6, 4.0), align="lccl")


def findings(study: Study) -> Table | None:
    """Everything a reader must know, the serious first."""
    if not study.findings:
        return None
    order = {"serious": 0, "caution": 1, "info": 2}
    rows = []
    for one in sorted(study.findings, key=lambda item: order[item.severity]):
        shown = ", ".join(str(number_) for number_ in one.rows[:12]) + (" ..." if len(one.rows) > 12 else "")
        rows.append(row(one.severity, one.code, one.text, shown or GAP))
    return plain(
        "What was found on the way.", ("", "code", "finding", "rows of the table"), rows, widths=(0.7, 1.2, 4.0, 1.2), align="llll"
    )
