"""``hepaflow study``: from a lesion table to the tables, figures and statistics of a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hepaflow.cli import printing
from hepaflow.errors import UsageError

if TYPE_CHECKING:
    from hepaflow.cohort.study import Study

NOT_ESTIMATED = 4


def study(
    table: Annotated[
        Path | None, typer.Argument(metavar="TABLE", help="Lesion table (CSV or Parquet), or a folder of analysed cases.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write; TABLE's name with -study unless given.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Code book and questions, as TOML (see below).")
    ] = None,
    example: Annotated[
        str | None, typer.Option("--example", metavar="KEY", help="Instead of TABLE: a study that comes along (nancy2019).")
    ] = None,
    case: Annotated[
        Path | None, typer.Option("--case", metavar="CASE", help="An analysed case for the figures of regions and halo.")
    ] = None,
    lesion: Annotated[
        str | None, typer.Option("--lesion", metavar="ID", help="The lesion of --case; its largest unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json and nothing else.")] = False,
) -> int:
    """Compare, discriminate, describe: everything of a diagnostic study, with intervals that know which lesions share a patient.

    TABLE has one row a lesion with the columns patient, lesion and response and any columns of numbers. A column case (the path of an analysed case beside
    the table) brings that lesion's numbers. A folder of cases is a table too; its outcomes come from the file that outcomes names in the configuration.

    The configuration names the positive class (positive = "major"), outcome, cluster, and for each column to test
    [columns.bf_ratio] with direction = "lower" or "higher"; also range, unit, label, missing codes, threshold (a cut-off fixed beforehand), tests that are categories,
    probabilities, columns to combine, sizes, readers, survival, flow chart. Without it the known ratios (bf_ratio, hpbf_ratio, ...) are tested for major response.

    Written: tables/*.csv, figures/*.svg and .png, results.json, report.html, report.docx. Research use only.

    Example: hepaflow study lesions.csv --config study.toml --out my-study
    """
    from hepaflow.workflow import cohort_example, cohort_table
    from hepaflow.workflow.cohort_config import StudyConfig, load
    from hepaflow.workflow.cohort_figures import case_drawings
    from hepaflow.workflow.cohort_run import run
    from hepaflow.workflow.cohort_write import write, write_table

    if (table is None) == (example is None):
        raise UsageError("STUDY-INPUT", "give a lesion table or --example, one of them", "See hepaflow study --help")
    if example is not None and (config is not None or case is not None):
        raise UsageError("STUDY-INPUT", "an example has its own configuration and no case", "Leave out --config and --case")
    if lesion is not None and case is None:
        raise UsageError("STUDY-INPUT", "--lesion names a lesion of --case", "Give --case, or leave out --lesion")
    with printing.progress() as watch:
        if example is not None:
            folder = out or Path(f"{example}-study")
            found = cohort_example.example(example)(folder, watch=watch)
        else:
            assert table is not None
            asked = StudyConfig() if config is None else load(config)
            folder = out or Path(f"{table.resolve().name.removesuffix(table.suffix)}-study")
            read, findings = cohort_table.read(table, asked)
            if asked.outcome not in read.texts:
                write_table(read, folder, outcome=asked.outcome)
                printing.note(
                    f"not estimated: no outcomes (column {asked.outcome!r}). Fill in the column in {folder / 'lesions.csv'} and run again."
                )
                return NOT_ESTIMATED
            found = run(read, asked, found=findings, watch=watch)
            write(found, asked, folder, extra={} if case is None else case_drawings(case, lesion))
    if as_json:
        printing.out((folder / "results.json").read_text(encoding="utf-8").rstrip())
    else:
        _show(found, folder)
    untold = [one for one in found.parameters if one.found.area is None]
    for one in untold:
        printing.note(f"not estimated: {one.found.question.label} (one class only)")
    return NOT_ESTIMATED if untold else 0


def _show(found: Study, folder: Path) -> None:
    """What the study says, in short, and where the rest is."""
    names = found.names
    printing.out(f"{names.title}: {found.held_by}, positive = {names.positive}")
    if found.synthetic:
        printing.out("SYNTHETIC DATA")
    rows = []
    for one in found.parameters:
        area, best = one.found.area, one.found.best
        if area is None:
            continue
        bounds = "-" if area.ci95_clustered is None else f"{area.ci95_clustered[0]:.3f}-{area.ci95_clustered[1]:.3f}"
        threshold, fixed = one.found.question.threshold, one.found.at_fixed
        sign = one.found.question.sign
        cut = "-" if best is None else f"{sign} {best.cut.shown}"
        index = None if best is None else best.cut.youden
        honest = None if best is None or best.left_out is None else best.left_out.youden
        if threshold is not None and fixed is not None:
            cut, index, honest = f"{sign} {threshold:g} (fixed)", fixed.table.youden, fixed.table.youden
        p = "-" if one.clustered is None else f"{one.clustered.p:.2g}"
        rows.append(
            [
                one.found.question.label,
                f"{area.auc:.3f}",
                bounds,
                p,
                cut,
                printing.number(index),
                printing.number(honest),
            ]
        )
    if rows:
        printing.table(["parameter", "area", "95 % over patients", "p", "cut", "Youden", "patients left out"], rows)
    for finding in found.findings:
        if finding.severity != "info":
            printing.out(f"{finding.severity}: {finding.text}")
    printing.out(f"report: {folder / 'report.html'}")
