"""The tables of a study: who was studied, how the classes differ, how well each parameter tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hepaflow.cohort.describe import QUARTILES, Described, Levels
from hepaflow.cohort.describe import percent as share_of
from hepaflow.cohort.ranks import RankTest
from hepaflow.cohort.study import Column, Parameter, Rule, Study
from hepaflow.report.content import Cell, Row, Table
from hepaflow.report.study_numbers import (
    GAP,
    interval,
    number,
    p_value,
    percent,
    quartiles,
    rate,
    rate_lines,
    significant,
    spread,
)

#: Rows of a table that lists lesions or pairs one by one; more are in the CSV file.
MOST_ROWS = 60


def row(*cells: str) -> Row:
    """A row of plain cells."""
    return Row(tuple(Cell(text) for text in cells))


def group(text: str) -> Row:
    """A row that heads others."""
    return Row((Cell(text),), group=True)


def plain(
    caption: str, head: Sequence[str], rows: Sequence[Row], *, widths: Sequence[float] | None = None, align: str | None = None
) -> Table:
    """A table whose first column is text and whose others are centred, unless ``align`` says otherwise."""
    return Table(
        caption,
        tuple(head),
        tuple(rows),
        align or "l" + "c" * (len(head) - 1),
        tuple(widths or (2.0, *(1.0 for _ in head[1:]))),
        small=True,
    )


def patients(study: Study) -> Table:
    """Table 1: lesions a patient, responses within a patient, and the described columns."""
    total = study.table.patient_count
    rows = [group(f"Lesions per patient ({study.n} lesions of {total} patients)")]
    rows += [row(f"  {lesions}", str(count), "0", share_of(count, total)) for lesions, count in study.clusters.sizes.items()]
    rows.append(group("Responses within a patient"))
    names, found = study.names, study.clusters
    for label, count in (
        (f"only {names.positive}", found.positive),
        ("both", found.mixed),
        (f"only {names.negative}", found.negative),
    ):
        rows.append(row(f"  {label}", str(count), "0", share_of(count, total)))
    for column in study.of_patients:
        rows += _described(column)
    note = f"Per cents are of patients with a value, rounded half up. Quartiles: {QUARTILES}."
    return plain(
        f"Patients. {note}", ("", "n", "missing", "% or mean ± SD; median [Q1; Q3]; range"), rows, widths=(2.2, 0.6, 0.7, 3.0)
    )


def _described(column: Column) -> Iterator[Row]:
    label = f"{column.label}, {column.unit}" if column.unit else column.label
    if isinstance(column.of_all, Described):
        found = column.of_all
        said = (
            GAP
            if found.n == 0
            else f"{spread(found)}; {quartiles(found)}; {significant(found.smallest)} to {significant(found.largest)}"
        )
        yield row(label, str(found.n), str(found.missing), said)
        return
    yield group(label)
    for k, level in enumerate(column.of_all.levels):
        yield row(f"  {level.name}", str(level.count), str(column.of_all.missing) if k == 0 else "", level.percent)


def lesions(study: Study) -> Table:
    """Table 2: every described column of the lesions, all and by class."""
    names = study.names
    head = ("", "n (missing)", "all lesions", names.positive, names.negative, "p")
    rows: list[Row] = []
    for column in study.of_lesions:
        label = f"{column.label}, {column.unit}" if column.unit else column.label
        tested = p_value(column.test.p) if column.test is not None else GAP
        count = f"{column.of_all.n} ({column.of_all.missing})"
        if isinstance(column.of_all, Described):
            high, low = column.groups or (column.of_all, column.of_all)
            cells = [quartiles(one) if isinstance(one, Described) else GAP for one in (column.of_all, high, low)]
            rows.append(row(label, count, *cells, tested))
            continue
        rows.append(row(label, count, "", "", "", tested))
        high, low = column.groups or (column.of_all, column.of_all)
        for level in column.of_all.levels:
            counts = [_level(one, level.name) if isinstance(one, Levels) else GAP for one in (column.of_all, high, low)]
            rows.append(row(f"  {level.name}", "", *counts, ""))
    tests = sorted({column.test.test for column in study.of_lesions if column.test is not None})
    caption = f"Lesions. Median [Q1; Q3] or count (per cent). p by lesions, taken as independent, not adjusted: {'; '.join(tests) or 'none'}."
    return plain(caption, head, rows, widths=(2.0, 0.9, 1.3, 1.3, 1.3, 0.7))


def _level(found: Levels, name: str) -> str:
    count = next((level.count for level in found.levels if level.name == name), 0)
    return f"{count} ({share_of(count, found.n)})"


def comparison(study: Study) -> Table:
    """Table 3: each parameter in the two classes, with named tests by lesions and by patients."""
    names = study.names
    high, low = int(study.truth.sum()), int((~study.truth).sum())
    head = (
        "",
        f"{names.positive}\nn of {high}; median [Q1; Q3]",
        f"{names.negative}\nn of {low}; median [Q1; Q3]",
        "difference (95 % interval)",
        "p, lesions",
        "p, patients",
        f"p, patients, {study.multiplicity}",
    )
    rows = [_compared(one) for one in study.parameters]
    by_lesion = sorted({one.test.test for one in study.parameters if one.test is not None})
    by_patient = sorted({one.clustered.test for one in study.parameters if one.clustered is not None})
    caption = (
        f"{names.positive} against {names.negative} responses. By lesions: {'; '.join(by_lesion) or 'none'} (lesions independent). By patients: {'; '.join(by_patient) or 'none'}. "
        "The difference is the Hodges-Lehmann shift, or that of means for a t-test."
    )
    return plain(caption, head, rows, widths=(1.8, 1.5, 1.5, 1.5, 0.8, 0.8, 0.9))


def _compared(one: Parameter) -> Row:
    high, low = one.found.groups
    test = one.test
    if test is None:
        shift = GAP
    elif isinstance(test, RankTest):
        shift = f"{significant(test.shift)} ({interval_significant(test.shift_ci95)})"
    else:
        shift = f"{significant(test.difference)} ({interval_significant(test.ci95)})"
    return row(
        one.found.question.label,
        f"{high.n}; {quartiles(high, 2)}",
        f"{low.n}; {quartiles(low, 2)}",
        shift,
        p_value(None if test is None else test.p),
        p_value(None if one.clustered is None else one.clustered.p),
        p_value(one.p_adjusted),
    )


def classes(study: Study) -> Table | None:
    """Ratios decreased, stable and increased, by class."""
    if not study.classes:
        return None
    rows = []
    for one in study.classes:
        cells = [f"{share} ({share_of(share, sum(group_))})" for group_ in (one.positive, one.negative) for share in group_]
        rows.append(row(f"{one.label} (1 ± {one.tolerance:g})", *cells))
    names = study.names
    head = ("", *(f"{name}\n{kind}" for name in (names.positive, names.negative) for kind in ("decreased", "stable", "increased")))
    return plain("Ratios against healthy liver, n (per cent of the class); the tolerance is the study's own.", head, rows)


def interval_significant(bounds: tuple[float, float] | None) -> str:
    """``low to high`` for values whose size is not known beforehand."""
    return GAP if bounds is None else f"{significant(bounds[0])} to {significant(bounds[1])}"


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
        sign = "<" if question.direction == "lower" else ">"
        rows.append(
            row(
                question.label,
                f"{sign} {significant(best.cut.threshold)}",
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
        rows.append(
            row(
                f"{one.label}\n({origins[one.origin]})",
                f"{table.tp} / {table.fn} / {table.fp} / {table.tn}",
                rate_lines(table.sensitivity, over["sensitivity"]),
                rate_lines(table.specificity, over["specificity"]),
                rate_lines(table.ppv, over["ppv"]),
                rate_lines(table.npv, over["npv"]),
            )
        )
    caption = (
        f"Tests of {study.names.positive} response: every one with the same positive class. Intervals: Clopper-Pearson over lesions; over patients with the ratio estimator. "
        f"PPV and NPV hold for the prevalence of this study, {percent(float(study.truth.mean()))} %."
    )
    return plain(caption, head, rows, widths=(2.0, 1.1, 1.5, 1.5, 1.5, 1.5))


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
