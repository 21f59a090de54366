"""The tables of a study that say how well each parameter tells the classes apart: areas, cut-offs, tests, and their comparison."""

from __future__ import annotations

from hepaflow.cohort.proportion import at_prevalence
from hepaflow.cohort.study import Rule, Study
from hepaflow.report.content import Row, Table
from hepaflow.report.study_numbers import GAP, interval, number, p_value, percent, rate, rate_lines, significant
from hepaflow.report.study_tables import group, interval_significant, plain, row


def areas(study: Study) -> Table:
    """The area of each parameter with all its intervals, the largest first."""
    head = (
        "",
        "means " + study.names.positive,
        "lesions +/−",
        "area",
        "95 %, patients",
        "95 %, lesions (DeLong)",
        "95 %, bootstrap of patients",
    )
    rows = []
    for one in sorted(study.parameters, key=lambda item: -1.0 if item.found.area is None else -item.found.area.auc):
        area, question = one.found.area, one.found.question
        if area is None:
            rows.append(row(question.label, question.direction, GAP, GAP, GAP, GAP, GAP))
            continue
        rows.append(
            row(
                question.label,
                question.direction,
                f"{area.positives} / {area.negatives}",
                number(area.auc, 3),
                interval(area.ci95_clustered, 3),
                interval(area.ci95_delong, 3),
                interval(one.found.bootstrap_ci95, 3),
            )
        )
    caption = (
        f"Area under the ROC curve, positive = {study.names.positive}. Patients: Obuchowski's variance, logit scale, t quantile. "
        f"Lesions: DeLong, which takes lesions of a patient as independent. Bootstrap: {study.bootstraps} draws of patients, their standard deviation on the logit scale, t quantile."
    )
    return plain(caption, head, rows, widths=(1.8, 0.9, 0.9, 0.7, 1.2, 1.2, 1.2))


def pairs(study: Study) -> Table | None:
    """Areas compared two by two."""
    if not study.pairs:
        return None
    labels = {one.found.question.name: one.found.question.label for one in study.parameters}
    head = ("", "n", "areas", "difference", "95 %, patients", "p, patients", f"p, {study.multiplicity}", "p, lesions (DeLong)")
    rows = []
    for one in study.pairs:
        pair, apart = one.pair, one.pair.result
        rows.append(
            row(
                f"{labels[pair.first]} against {labels[pair.second]}",
                str(apart.n),
                f"{number(pair.areas[0], 3)}; {number(pair.areas[1], 3)}",
                number(apart.difference, 3),
                interval(apart.ci95_clustered, 3),
                p_value(apart.p_clustered),
                p_value(one.p_adjusted),
                p_value(apart.p),
            )
        )
    return plain(
        f"Areas compared on the same lesions, positive = {study.names.positive}.",
        head,
        rows,
        widths=(2.6, 0.5, 1.0, 0.8, 1.2, 0.8, 0.8, 0.9),
    )


def cuts(study: Study) -> Table | None:
    """Youden's cut of each parameter, as found and as it holds on patients that it was not tuned on."""
    head = (
        "",
        "cut",
        "between",
        "95 % of draws",
        "sensitivity; specificity; J\nas found",
        "corrected\n(bootstrap)",
        "patients left out",
    )
    rows = []
    for one in study.parameters:
        best, question = one.found.best, one.found.question
        if best is None:
            continue
        honest = [
            GAP if part is None else f"{percent(part.sensitivity)}; {percent(part.specificity)}; {number(part.youden, 2)}"
            for part in (best.bootstrap, best.left_out)
        ]
        rows.append(
            row(
                question.label,
                f"{question.sign}\u00a0{best.cut.shown}",
                f"{significant(best.cut.between[0], 4)} and {significant(best.cut.between[1], 4)}",
                interval_significant(best.threshold_ci95),
                f"{percent(best.cut.sensitivity)}; {percent(best.cut.specificity)}; {number(best.cut.youden, 2)}",
                *honest,
            )
        )
    if not rows:
        return None
    caption = (
        f"Cut-off by Youden's index (J), positive = {study.names.positive}. Found and judged on the same lesions it flatters itself; corrected: less the mean optimism over {study.bootstraps} draws of "
        "patients; left out: each patient judged by the cut of the others."
    )
    return plain(caption, head, rows, widths=(1.8, 0.7, 1.1, 1.0, 1.4, 1.4, 1.4))


def crossed(rule: Rule, study: Study) -> Table:
    """Table 4: one 2 x 2 with its positive class."""
    table, names = rule.found.table, study.names
    rows = [
        row("yes", str(table.tp), str(table.fp), str(table.tp + table.fp)),
        row("no", str(table.fn), str(table.tn), str(table.fn + table.tn)),
        row("total", str(table.tp + table.fn), str(table.fp + table.tn), str(table.n)),
    ]
    said = "; ".join(
        f"{label} {rate(found)}"
        for label, found in (
            ("sensitivity", table.sensitivity),
            ("specificity", table.specificity),
            ("PPV", table.ppv),
            ("NPV", table.npv),
        )
    )
    return plain(
        f"{rule.label}. Positive = {table.positive}: {said} %.", (rule.label, names.positive, names.negative, "total"), rows
    )


def rules(study: Study) -> Table | None:
    """Every yes-or-no test with its rates and both intervals."""
    if not study.rules:
        return None
    origins = {
        "category": "a category of the table",
        "fixed": "cut-off fixed beforehand",
        "left-out": "each patient judged by the others' cut",
    }
    head = ("", "TP / FN / FP / TN", "sensitivity, %", "specificity, %", "PPV, %", "NPV, %")
    rows = []
    for one in study.rules:
        table, over = one.found.table, one.found.clustered
        elsewhere = _elsewhere(one, study)
        rows.append(
            row(
                f"{one.label}\n({origins[one.origin]})",
                f"{table.tp} / {table.fn} / {table.fp} / {table.tn}",
                rate_lines(table.sensitivity, over["sensitivity"]),
                rate_lines(table.specificity, over["specificity"]),
                rate_lines(table.ppv, over["ppv"]) + elsewhere[0],
                rate_lines(table.npv, over["npv"]) + elsewhere[1],
            )
        )
    caption = (
        f"Tests of {study.names.positive} response: every one with the same positive class. Intervals: Clopper-Pearson over lesions; over patients with the ratio estimator. "
        f"PPV and NPV hold for the prevalence of this study, {percent(float(study.truth.mean()))} %."
    )
    return plain(caption, head, rows, widths=(2.0, 1.1, 1.5, 1.5, 1.5, 1.5))


def _elsewhere(one: Rule, study: Study) -> tuple[str, str]:
    """A line each for PPV and NPV at the prevalence that the study was told; empty where it was told none."""
    table, prevalence = one.found.table, study.prevalence
    sensitivity, specificity = table.sensitivity.value, table.specificity.value
    if prevalence is None or sensitivity is None or specificity is None:
        return "", ""
    ppv, npv = at_prevalence(sensitivity, specificity, prevalence=prevalence)
    return f"\nat {percent(prevalence)} %: {percent(ppv)}", f"\nat {percent(prevalence)} %: {percent(npv)}"


def rule_pairs(study: Study) -> Table | None:
    """Two tests on the same lesions and the same positive class."""
    if not study.rule_pairs:
        return None
    head = (
        "",
        "n",
        "first, %",
        "second, %",
        "difference",
        "only first / only second right",
        "p, exact McNemar (lesions)",
        "p, clustered McNemar (patients)",
    )
    rows: list[Row] = []
    for one in study.rule_pairs:
        rows.append(group(f"{one.first} against {one.second}, positive = {study.names.positive}"))
        for name, found in one.rates.items():
            rows.append(
                row(
                    f"  {name}",
                    str(found.first.n),
                    rate(found.first),
                    rate(found.second),
                    GAP if found.difference is None else number(100 * found.difference, 1),
                    f"{found.plain.only_first} / {found.plain.only_second}",
                    p_value(found.plain.p_exact),
                    p_value(found.clustered.p),
                )
            )
    return plain(
        "Tests compared on the same lesions and the same positive class.",
        head,
        rows,
        widths=(1.2, 0.5, 1.1, 1.1, 0.8, 1.1, 1.0, 1.0),
    )
