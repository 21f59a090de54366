"""A study as a document: the tables and figures of a paper in their order, each figure also on its own for a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hepaflow import __version__
from hepaflow.cohort.study import Parameter, Study
from hepaflow.cohort.table import Finding
from hepaflow.report import study_tables as tables
from hepaflow.report import study_tables_accuracy as accuracy
from hepaflow.report import study_tables_more as more
from hepaflow.report.content import Block, Bullets, Document, Notice, Paragraph, Section, Table
from hepaflow.report.figures import finished
from hepaflow.report.study_drawings import SYNTHETIC, Drawing, drawings_of
from hepaflow.report.study_methods import paragraph, sources, stard
from hepaflow.report.study_numbers import interval, number, p_value, rate

DISCLAIMER = "Research use only; not a medical device."


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """The document, every table by its key (also those only written as CSV) and every figure."""

    document: Document
    tables: Mapping[str, Table]
    drawings: tuple[Drawing, ...]


def compose(
    study: Study,
    *,
    software: Mapping[str, str],
    given: Mapping[str, str],
    first: tuple[Section, ...] = (),
    label: str,
    extra: Mapping[str, Drawing] | None = None,
) -> Composed:
    """The report of a study. ``first`` are sections put before it, ``given`` what the configuration says for STARD, ``extra`` figures of a case."""
    drawings = {one.key: one for one in drawings_of(study)} | dict(extra or {})
    held = {key: table for key, table in _tables(study, given) if table is not None}
    sections = (
        *first,
        _summary(study),
        *_sections(study, held, drawings),
        Section("methods", "Methods", (Paragraph(paragraph(study, software)), sources(study))),
        Section("stard", "STARD 2015", (held["stard"],)),
    )
    subtitle = f"{study.held_by}, positive = {study.names.positive}"
    document = Document(
        language="en",
        title=study.names.title,
        subtitle=f"{SYNTHETIC} {subtitle}" if study.synthetic else subtitle,
        label=label,
        version=__version__,
        disclaimer=f"{SYNTHETIC} {DISCLAIMER}" if study.synthetic else DISCLAIMER,
        contents_title="Contents",
        page_of="page {page} of {pages}",
        sections=sections,
    )
    return Composed(document, held, tuple(drawings.values()))


def _tables(study: Study, given: Mapping[str, str]) -> Iterator[tuple[str, Table | None]]:
    yield "patients", tables.patients(study)
    if study.of_lesions:
        yield "lesions", tables.lesions(study)
    if study.parameters:
        yield "comparison", tables.comparison(study)
        yield "areas", accuracy.areas(study)
    yield "ratio_classes", tables.classes(study)
    yield "area_comparisons", accuracy.pairs(study)
    yield "cutoffs", accuracy.cuts(study)
    yield "tests", accuracy.rules(study)
    for k, rule in enumerate(study.rules, start=1):
        yield f"crossed_{k}", accuracy.crossed(rule, study)
    yield "test_comparisons", accuracy.rule_pairs(study)
    sizes = more.sizes(study)
    yield from zip(("size", "size_difference", "size_change")[3 - len(sizes) :], sizes, strict=True) if sizes else ()
    yield "size_change_by_lesion", more.size_list(study)
    yield "calibration", more.calibration(study)
    yield "combined", more.combined(study)
    yield "agreement", more.agreement(study)
    yield "survival", more.survival(study)
    yield "next_study", more.needs(study)
    yield "findings", more.findings(study)
    yield "stard", stard(study, given)


def _summary(study: Study) -> Section:
    blocks: list[Block] = []
    if study.synthetic:
        blocks.append(
            Notice(
                "serious", "Synthetic data", (SYNTHETIC, "The numbers below exercise the methods; they say nothing about patients.")
            )
        )
    items = []
    for one in study.ranked:
        area = one.found.area
        if area is None:
            continue
        text = f"area {number(area.auc, 3)} (95 % {interval(area.ci95_clustered, 3)} over patients), p {p_value(one.p_adjusted)} adjusted, over patients"
        items.append((one.found.question.label + ": ", f"{text}; {_cut_in_short(one)}."))
    if items:
        blocks.append(Bullets(tuple(items)))
    blocks += _notices(study.findings)
    return Section("summary", "In short", tuple(blocks))


def _cut_in_short(one: Parameter) -> str:
    """What a cut-off reaches: the one fixed beforehand, else the best one as found and with patients left out."""
    found, question = one.found, one.found.question
    if question.threshold is not None and found.at_fixed is not None:
        table = found.at_fixed.table
        return f"cut-off fixed beforehand, {question.sign}\u00a0{question.threshold:g}: sensitivity {rate(table.sensitivity)} %, specificity {rate(table.specificity)} %"
    if found.best is None:
        return "no cut-off"
    honest = "" if found.best.left_out is None else f", {number(found.best.left_out.youden)} with patients left out"
    return f"best cut {question.sign}\u00a0{found.best.cut.shown}: Youden's index {number(found.best.cut.youden)} as found{honest}"


def _notices(findings: tuple[Finding, ...]) -> list[Block]:
    serious = tuple(one.text for one in findings if one.severity == "serious")
    caution = tuple(one.text for one in findings if one.severity == "caution")
    info = tuple(one.text for one in findings if one.severity == "info")
    blocks: list[Block] = []
    if serious:
        blocks.append(Notice("serious", "Do not use before this is settled", serious))
    if caution:
        blocks.append(Notice("caution", "Read with care", caution))
    if info:
        blocks.append(Notice("info", "To know", info))
    return blocks


def _sections(study: Study, held: Mapping[str, Table], drawings: Mapping[str, Drawing]) -> Iterator[Section]:
    crossed = [key for key in held if key.startswith("crossed_")]
    plan: list[tuple[str, str, list[str]]] = [
        ("studied", "Who was studied", ["flow", "patients", "lesions"]),
        ("compared", "The classes compared", ["comparison", "boxes", "ratio_classes"]),
        ("areas", "Telling the classes apart", ["areas", "roc", "forest", "area_comparisons"]),
        ("cutoffs", "Cut-offs and tests", ["cutoffs", "tests", *crossed[:6], "test_comparisons"]),
        ("size", "Size", ["size", "size_difference", "size_change", "waterfall", "size_change_by_lesion"]),
        (
            "probability",
            "Probabilities",
            ["calibration", *[key for key in drawings if key.startswith(("calibration_", "decision_"))], "combined"],
        ),
        ("agreement", "Agreement", ["agreement", *[key for key in drawings if key.startswith("agreement_")]]),
        ("survival", "Survival", ["survival", *[key for key in drawings if key.startswith("survival_")]]),
        ("case", "A case", ["placement", "halo"]),
        ("next", "The next study", ["next_study"]),
        ("findings", "Data checks", ["findings"]),
    ]
    for key, title, wanted in plan:
        blocks: list[Block] = []
        for name in wanted:
            if name in drawings:
                one = drawings[name]
                blocks.append(finished(one.canvas, one.caption, alternative=one.alternative, width_mm=one.width_mm))
            elif name in held:
                blocks.append(_shortened(held[name]))
        if blocks:
            yield Section(key, title, tuple(blocks))


def _shortened(table: Table) -> Table:
    """Long lists stand whole in their CSV file."""
    if len(table.rows) <= tables.MOST_ROWS:
        return table
    caption = f"{table.caption} The first {tables.MOST_ROWS} of {len(table.rows)} rows; all are in the CSV file."
    return Table(caption, table.head, table.rows[: tables.MOST_ROWS], table.align, table.widths, table.small)
