"""The tumor-board sheet: one page a patient, as ``board.html`` and ``board.pdf`` from the same content."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hepaflow import __version__
from hepaflow.domain.response import Text
from hepaflow.report import html, pdf
from hepaflow.report.content import Block, Bullets, Cell, Document, Notice, Paragraph, Row, Section, Table, Tone
from hepaflow.report.figures import styled
from hepaflow.report.figures_sheet import charts, pictures
from hepaflow.report.files import replace_file
from hepaflow.report.sheet_content import Leaning, Said, Sheet, SheetLesion
from hepaflow.report.words import Words
from hepaflow.response.criterion import NANCY_2019
from hepaflow.response.perfusion import decimals

_TONE: dict[Leaning, Tone] = {"responds": "pass", "partly": "warn", "no_response": "", "progresses": "fail"}
#: Criteria that speak of one lesion, in the order of the columns.
_COLUMNS = ("size-change", "choi", "modified-choi", "chun", "perfusion", "histology")


def compose(content: Sheet, *, language: str) -> Document:
    """The sheet in one language. Refused: a language other than ``en`` and ``fr`` (LANGUAGE-UNKNOWN)."""
    words = Words(language)
    with styled():
        drawn = [figure for figure in (pictures(content, words=words), charts(content, words=words)) if figure is not None]
    sections = (
        Section("criteria", words("sheet_criteria"), (_agreement(content, words),)),
        *((Section("patient", words("sheet_patient"), (_facts(content, words),)),) if content.facts else ()),
        Section("lesions", words("sheet_lesions"), (*drawn[:-1], _table(content, words))),
        Section("course", words("sheet_time"), (drawn[-1], *_course(content, words))),
        Section("uncertain", words("sheet_uncertain"), _uncertain(content, words)),
    )
    return Document(
        language=language,
        title=words("sheet_title"),
        subtitle=_subtitle(content, words),
        label=content.patient,
        version=__version__,
        disclaimer=words("disclaimer"),
        contents_title=words("contents"),
        page_of=words("page_of", page="{page}", pages="{pages}"),
        sections=sections,
        dense=True,
    )


def write(content: Sheet, folder: Path, *, language: str) -> tuple[Path, Path]:
    """Write ``board.html`` and ``board.pdf`` into ``folder``; the same content gives the same bytes."""
    document = compose(content, language=language)
    page, paper = folder / "board.html", folder / "board.pdf"
    replace_file(page, html.render(document))
    replace_file(paper, pdf.render(document))
    return page, paper


def _subtitle(content: Sheet, words: Words) -> str:
    days = [visit.day for visit in content.visits if visit.day is not None]
    counts = {"lesions": str(len(content.lesions)), "visits": str(len(content.visits))}
    if not days:
        return words("sheet_undated", **counts)
    return words("sheet_subtitle", **counts, first=_day(days[0], words), last=_day(days[-1], words))


def _said(text: Text, words: Words) -> str:
    return words.figures_in(words.choose(text.en, text.fr))


def _category(category: str, words: Words) -> str:
    return words(f"cat_{category}") if words.has(f"cat_{category}") else category


def _facts(content: Sheet, words: Words) -> Block:
    return Bullets(
        tuple((f"{_said(label, words)}{words.choose(': ', ' : ')}", _said(value, words)) for label, value in content.facts)
    )


def _agreement(content: Sheet, words: Words) -> Block:
    if content.disagreements:
        return Notice("caution", words("sheet_disagree_title"), tuple(_disagreements(content, words)))
    if not any(lesion.said for lesion in content.lesions):
        return Notice("caution", words("sheet_nothing_title"), ())
    return Notice("pass", words("sheet_agree_title"), (words("sheet_disagree_none"),))


def _disagreements(content: Sheet, words: Words) -> list[str]:
    """One line a reason, with the lesions that it is the reason of."""
    by_reason: dict[str, list[str]] = {}
    for one in content.disagreements:
        by_reason.setdefault(_said(one.why, words), []).append(_said(one.what, words))
    return [f"{' · '.join(lesions)} → {why}." for why, lesions in by_reason.items()]


def _table(content: Sheet, words: Words) -> Table:
    spoken = [key for key in _COLUMNS if any(said.key == key for lesion in content.lesions for said in lesion.said)]
    head = ["lesion", "size", *spoken, "ratio", "probability", "specimen"]
    widths = {
        "lesion": 1.6,
        "size": 3.2,
        "choi": 1.0,
        "modified-choi": 1.1,
        "chun": 2.0,
        "ratio": 3.2,
        "probability": 1.0,
        "specimen": 4.0,
    }
    return Table(
        words("sheet_table_caption"),
        tuple(words(f"col_sheet_{name}") for name in head),
        tuple(_row(lesion, spoken, words) for lesion in content.lesions),
        "l" * len(head),
        tuple(widths.get(name, 1.9) for name in head),
        small=True,
    )


def _row(lesion: SheetLesion, spoken: list[str], words: Words) -> Row:
    sizes = " → ".join("–" if size is None else words.number(size, 0 if size == int(size) else 1) for size in lesion.sizes_mm)
    change = lesion.size_change
    if change is not None:
        sizes += f" ({words.signed(100.0 * change, 0)}{words.choose('%', ' %')})"
    ratio, probability = "–", "–"
    if lesion.ratio is not None:
        ratio = words.number(lesion.ratio.value, decimals(lesion.ratio.value, NANCY_2019.threshold))
        if lesion.ratio.ci95 is not None:
            ratio += f" ({words.interval(lesion.ratio.ci95)})"
        probability = words.probability(lesion.ratio.probability, 0) if lesion.ratio.probability is not None else "–"
        if lesion.ratio.region != "whole":
            ratio += f", {words('shell_' + lesion.ratio.region)}"
    said = {one.key: one for one in lesion.said}
    beside = [lesion.pathology, *lesion.therapy, *lesion.changes]
    specimen = " · ".join(_said(text, words).rstrip(".") for text in beside if text is not None) or "–"
    return Row(
        (
            Cell(words.region(lesion.name), "strong"),
            Cell(sizes),
            *(_spoken(said.get(key), words) for key in spoken),
            Cell(ratio),
            Cell(probability),
            Cell(words.typeset(specimen)),
        )
    )


def _spoken(one: Said | None, words: Words) -> Cell:
    """A criterion's word; with a question mark where it may well be the other one."""
    if one is None:
        return Cell("–", "muted")
    doubt = " ?" if one.key == "perfusion" and one.leaning == "partly" else ""
    return Cell(_category(one.category, words) + doubt, _TONE[one.leaning])


def _course(content: Sheet, words: Words) -> tuple[Block, ...]:
    lines = [("", _said(text, words)) for text in content.course]
    best, confirmed = content.best
    if best is not None:
        text = words("sheet_best_unconfirmed", best=_category(best, words))
        if confirmed is not None:
            text = words("sheet_best_confirmed", best=_category(best, words), confirmed=_category(confirmed, words))
        lines.append((words("sheet_best") + words.choose(": ", " : "), text))
    return (Bullets(tuple(lines)),) if lines else ()


def _uncertain(content: Sheet, words: Words) -> tuple[Block, ...]:
    lines = [_said(text, words) for text in content.uncertain] or [words("sheet_uncertain_none")]
    return (Bullets(tuple(("", line) for line in lines)), Paragraph(words("sheet_not_decided"), style="note"))


def _day(day: date, words: Words) -> str:
    return day.strftime("%d/%m/%Y") if words.language == "fr" else day.isoformat()
