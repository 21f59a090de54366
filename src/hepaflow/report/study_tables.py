"""The tables of a study: who was studied, how the classes differ, how well each parameter tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hepaflow.cohort.describe import QUARTILES, Described, Levels
from hepaflow.cohort.describe import percent as share_of
from hepaflow.cohort.ranks import RankTest
from hepaflow.cohort.study import Column, Parameter, Study
from hepaflow.report.content import Cell, Row, Table
from hepaflow.report.study_numbers import (
    GAP,
    p_value,
    quartiles,
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


def patients(study: Study) -> Table | None:
    """Table 1: lesions a patient, responses within a patient (where patients are known), and the described columns."""
    total = study.table.patient_count
    rows: list[Row] = []
    if not study.independent:
        rows.append(group(f"Lesions per patient ({study.n} lesions of {total} patients)"))
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
        "difference (95 % interval),\nlesions",
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
