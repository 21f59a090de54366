"""Blocks of the report as reportlab flowables: type sizes, colours, tables, boxes."""

from __future__ import annotations

import io
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Image, KeepTogether, Spacer, Table, TableStyle
from reportlab.platypus import Paragraph as Text

from hepaflow.report import content
from hepaflow.report.content import Block

MARGIN = 15 * mm
WIDTH = A4[0] - 2 * MARGIN
#: Tables of more rows may break over pages.
_LONG_TABLE = 9
INK, MUTED, RULE = colors.HexColor("#1b2733"), colors.HexColor("#5b6b78"), colors.HexColor("#d5dde3")
_SOFT = colors.HexColor("#f4f7f9")
_TONES = {
    "pass": "#2d6a4f",
    "inside": "#2d6a4f",
    "warn": "#7a5200",
    "caution": "#7a5200",
    "fail": "#a4262c",
    "serious": "#a4262c",
    "outside": "#a4262c",
    "unknown": "#5b6b78",
    "muted": "#5b6b78",
}
_NOTICE = {"serious": ("#a4262c", "#fdf3f3"), "caution": ("#c98a00", "#fdf8ec"), "pass": ("#2d6a4f", "#f2f8f5")}
_ALIGN = {"l": TA_LEFT, "c": TA_CENTER, "r": TA_RIGHT}


def text_style(
    size: float, *, color: Any = INK, font: str = "hepaflow", before: float = 0, after: float = 4, align: int = TA_LEFT
) -> Any:
    """A paragraph style: ``size`` and spaces in points."""
    return ParagraphStyle(
        "hepaflow",
        fontName=font,
        fontSize=size,
        leading=size * 1.36,
        textColor=color,
        spaceBefore=before,
        spaceAfter=after,
        alignment=align,
        splitLongWords=1,
    )


def markup(text: str) -> str:
    """Plain text as reportlab markup: escaped, line breaks kept."""
    return escape(text).replace("\n", "<br/>")


def opening_of(blocks: tuple[Block, ...]) -> tuple[list[Any], tuple[Block, ...]]:
    """What stays with a section's heading: everything up to its first figure or short table; and the blocks after that."""
    opening: list[Any] = []
    for number, block in enumerate(blocks):
        if isinstance(block, content.Table) and len(block.rows) > _LONG_TABLE:
            return opening, blocks[number:]
        opening += pieces_of(block)
        if isinstance(block, content.Table | content.Figure) or number > 3:
            return opening, blocks[number + 1 :]
    return opening, ()


def flowables(block: Block) -> list[Any]:
    """A block's pieces; pictures and short tables stay with their captions."""
    pieces = pieces_of(block)
    whole = isinstance(block, content.Figure) or (isinstance(block, content.Table) and len(block.rows) <= _LONG_TABLE)
    if whole:
        return [KeepTogether(pieces)]
    return [CondPageBreak(35 * mm), *pieces] if isinstance(block, content.Table) else pieces


def pieces_of(block: Block) -> list[Any]:
    """A block's pieces, free to break apart."""
    if isinstance(block, content.Paragraph):
        return [_paragraph(block)]
    if isinstance(block, content.Bullets):
        style = text_style(8.3, after=2)
        style.leftIndent, style.bulletIndent = 9, 0
        lines = [
            Text((f"<b>{markup(lead)}</b>" if lead else "") + markup(text), style, bulletText="•") for lead, text in block.items
        ]
        for line in lines[-1:]:
            line.spaceAfter = 2 + 2 * mm  # a spacer could end up alone on a page
        return lines
    if isinstance(block, content.Notice):
        return [_notice(block)]
    if isinstance(block, content.Figure):
        picture = Image(io.BytesIO(block.png), width=block.width_mm * mm, height=block.height_mm * mm)
        return [picture, Spacer(0, 1 * mm), Text(markup(block.caption), text_style(7.2, color=MUTED, after=9))]
    return _table(block)


def _paragraph(block: content.Paragraph) -> Any:
    lead = f"<b>{markup(block.lead)}</b>" if block.lead else ""
    if block.style == "heading":
        return Text(markup(block.text), text_style(10, font="hepaflow-bold", before=6, after=3))
    if block.style == "note":
        return Text(lead + markup(block.text), text_style(7.4, color=MUTED, after=5))
    if block.style == "formula":
        style = text_style(8.8, font="hepaflow-italic", after=6)
        style.leftIndent = 14
        return Text(markup(block.text), style)
    return Text(lead + markup(block.text), text_style(8.3, after=5))


def _notice(block: content.Notice) -> Any:
    edge, fill = _NOTICE.get(block.tone, ("#5b6b78", "#f4f7f9"))
    style = text_style(8.3, after=1)
    many = len(block.items) > 1
    if many:
        style.leftIndent = 9
    lines = [Text(markup(text), style, bulletText="•" if many else None) for text in block.items]
    title = Text(
        markup(block.title),
        text_style(9, color=colors.HexColor(edge if block.tone != "caution" else "#7a5200"), font="hepaflow-bold"),
    )
    box = Table([[title], *[[entry] for entry in lines]], colWidths=[WIDTH], spaceAfter=4 * mm)
    box.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), colors.HexColor(fill)),
                ("LINEBEFORE", (0, 0), (0, -1), 3.5, colors.HexColor(edge)),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
                ("TOPPADDING", (0, 0), (-1, 0), 5),
                ("BOTTOMPADDING", (0, -1), (-1, -1), 6),
            ]
        )
    )
    return box


def _cell(entry: content.Cell, size: float, align: int) -> Any:
    bold = entry.tone not in {"", "muted", "unknown"}
    text = markup(entry.text)
    color = colors.HexColor(_TONES[entry.tone]) if entry.tone in _TONES else INK
    return Text(text, text_style(size, color=color, font="hepaflow-bold" if bold else "hepaflow", after=0, align=align))


def _group_end(rows: tuple[content.Row, ...], start: int) -> int:
    """Last line (head included) of the group that begins at line ``start``; at most six lines stay together."""
    end = start
    while end < len(rows) and not rows[end].group and end - start < 5:
        end += 1
    return end


def _table(block: content.Table) -> list[Any]:
    size = 6.4 if block.small else 7.4
    aligns = [_ALIGN[letter] for letter in block.align]
    head = [
        Text(markup(text), text_style(size, font="hepaflow-bold", after=0, align=align))
        for text, align in zip(block.head, aligns, strict=True)
    ]
    lines: list[list[Any]] = [head]
    rules: list[Any] = [
        ("FONTSIZE", (0, 0), (-1, -1), size),
        ("LEADING", (0, 0), (-1, -1), size * 1.36),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.9, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    for number, row in enumerate(block.rows, start=1):
        if row.group:
            lines.append([_cell(row.cells[0], size, TA_LEFT), *[""] * (len(head) - 1)])
            rules += [("SPAN", (0, number), (-1, number)), ("BACKGROUND", (0, number), (-1, number), _SOFT)]
            rules.append(("NOSPLIT", (0, number), (-1, _group_end(block.rows, number))))
        else:
            lines.append([_cell(entry, size, align) for entry, align in zip(row.cells, aligns, strict=True)])
    total = sum(block.widths)
    grid = Table(lines, colWidths=[WIDTH * width / total for width in block.widths], repeatRows=1, spaceAfter=5 * mm)
    grid.setStyle(TableStyle(rules))
    caption = Text(markup(block.caption), text_style(7.2, color=MUTED, after=3))
    return [caption, grid]
