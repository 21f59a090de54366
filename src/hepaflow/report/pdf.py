"""The report as PDF (A4) with embedded fonts, bookmarks and the disclaimer on every page; same content, same bytes."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Frame, Image, KeepTogether, PageTemplate, Spacer, Table, TableStyle
from reportlab.platypus import Paragraph as Text

from hepaflow.report import content
from hepaflow.report.content import Block, Document

_MARGIN, _TOP, _BOTTOM = 15 * mm, 20 * mm, 16 * mm
#: Tables of more rows may break over pages.
_LONG_TABLE = 9
_WIDTH = A4[0] - 2 * _MARGIN
_INK, _MUTED, _RULE = colors.HexColor("#1b2733"), colors.HexColor("#5b6b78"), colors.HexColor("#d5dde3")
_ACCENT, _SOFT, _SERIOUS = colors.HexColor("#1f5a7a"), colors.HexColor("#f4f7f9"), colors.HexColor("#a4262c")
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
_FONTS = {
    "hepaflow": "DejaVuSans.ttf",
    "hepaflow-bold": "DejaVuSans-Bold.ttf",
    "hepaflow-italic": "DejaVuSans-Oblique.ttf",
}


@cache
def _register_fonts() -> None:
    """Fonts that come with matplotlib: embedded, so the page looks the same everywhere, and they hold every sign used."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in _FONTS.items():
        pdfmetrics.registerFont(TTFont(name, str(folder / file)))
    pdfmetrics.registerFontFamily(
        "hepaflow", normal="hepaflow", bold="hepaflow-bold", italic="hepaflow-italic", boldItalic="hepaflow-bold"
    )


def _style(size: float, *, color: Any = _INK, font: str = "hepaflow", before: float = 0, after: float = 4, align: int = TA_LEFT) -> Any:
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


def _markup(text: str) -> str:
    """Plain text as reportlab markup: escaped, line breaks kept."""
    return escape(text).replace("\n", "<br/>")


class _NumberedCanvas(Canvas):  # type: ignore[misc]
    """Pages are finished at the end, when their number is known."""

    def __init__(self, *args: Any, document: Document, **options: Any) -> None:
        super().__init__(*args, **options)
        self._document = document
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Keep the page for later."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write head and foot on each page, then the file."""
        for page in self._pages:
            self.__dict__.update(page)
            self._furnish(len(self._pages))
            super().showPage()
        super().save()

    def _furnish(self, pages: int) -> None:
        document = self._document
        top = A4[1] - 11 * mm
        self.saveState()
        self.setFont("hepaflow-bold", 7)
        self.setFillColor(_SERIOUS)
        self.drawRightString(A4[0] - _MARGIN, top, document.disclaimer)
        self.setFont("hepaflow", 7)
        self.setFillColor(_MUTED)
        self.drawString(_MARGIN, top, f"{document.title} · {document.label}")
        self.setStrokeColor(_RULE)
        self.setLineWidth(0.6)
        self.line(_MARGIN, top - 2.2 * mm, A4[0] - _MARGIN, top - 2.2 * mm)
        self.drawString(_MARGIN, 9 * mm, f"hepaflow {document.version}")
        self.drawRightString(A4[0] - _MARGIN, 9 * mm, document.page_of.format(page=self._pageNumber, pages=pages))
        self.restoreState()


class _Heading(Text):  # type: ignore[misc]
    """A section's heading with its entry in the outline."""

    def __init__(self, key: str, title: str, number: int) -> None:
        style = _style(12.5, font="hepaflow-bold", before=22 if number > 1 else 0, after=5)
        super().__init__(f'<font color="#1f5a7a">{number}</font>  {_markup(title)}', style)
        self._key, self._title = key, title

    def draw(self) -> None:
        """Mark the place, then the text."""
        self.canv.bookmarkHorizontal(self._key, 0, 14 * mm)
        self.canv.addOutlineEntry(self._title, self._key, level=0)
        super().draw()


def render(document: Document) -> bytes:
    """The document as PDF bytes; no clock, no random identifier enters them."""
    _register_fonts()
    stream = io.BytesIO()
    template = BaseDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_TOP,
        bottomMargin=_BOTTOM,
        title=f"{document.title} – {document.label}",
        author=f"hepaflow {document.version}",
        subject=document.disclaimer,
        lang=document.language,
        invariant=1,
    )
    frame = Frame(_MARGIN, _BOTTOM, _WIDTH, A4[1] - _TOP - _BOTTOM, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    template.addPageTemplates(PageTemplate(frames=[frame]))
    story: list[Any] = [
        Text("hepaflow", _style(9, color=_ACCENT, font="hepaflow-bold", after=1)),
        Text(_markup(document.title), _style(18, font="hepaflow-bold", after=3)),
        Text(_markup(f"{document.label} · {document.subtitle}"), _style(8, color=_MUTED, after=8)),
    ]
    for number, section in enumerate(document.sections, start=1):
        opening, rest = _opening(section.blocks)
        story.append(KeepTogether([_Heading(section.key, section.title, number), *opening]))
        story += [flow for block in rest for flow in _flowables(block)]

    def make_canvas(*args: Any, **options: Any) -> _NumberedCanvas:
        return _NumberedCanvas(*args, document=document, **options)

    # Binary streams: text encoding of pictures costs a second and a quarter more bytes.
    before, rl_config.useA85 = rl_config.useA85, 0
    try:
        template.build(story, canvasmaker=make_canvas)
    finally:
        rl_config.useA85 = before
    return stream.getvalue()


def _opening(blocks: tuple[Block, ...]) -> tuple[list[Any], tuple[Block, ...]]:
    """What stays with a section's heading: everything up to its first figure or short table; and the blocks after that."""
    opening: list[Any] = []
    for number, block in enumerate(blocks):
        if isinstance(block, content.Table) and len(block.rows) > _LONG_TABLE:
            return [*opening, CondPageBreak(50 * mm)], blocks[number:]
        opening += _pieces(block)
        if isinstance(block, content.Table | content.Figure) or number > 3:
            return opening, blocks[number + 1 :]
    return opening, ()


def _flowables(block: Block) -> list[Any]:
    """A block's pieces; pictures and short tables stay with their captions."""
    pieces = _pieces(block)
    whole = isinstance(block, content.Figure) or (isinstance(block, content.Table) and len(block.rows) <= _LONG_TABLE)
    if whole:
        return [KeepTogether(pieces)]
    return [CondPageBreak(35 * mm), *pieces] if isinstance(block, content.Table) else pieces


def _pieces(block: Block) -> list[Any]:
    if isinstance(block, content.Paragraph):
        return [_paragraph(block)]
    if isinstance(block, content.Bullets):
        style = _style(8.3, after=2)
        style.leftIndent, style.bulletIndent = 9, 0
        return [
            *(Text((f"<b>{_markup(lead)}</b>" if lead else "") + _markup(text), style, bulletText="•") for lead, text in block.items),
            Spacer(0, 2 * mm),
        ]
    if isinstance(block, content.Notice):
        return [_notice(block), Spacer(0, 4 * mm)]
    if isinstance(block, content.Figure):
        picture = Image(io.BytesIO(block.png), width=block.width_mm * mm, height=block.height_mm * mm)
        return [picture, Spacer(0, 1 * mm), Text(_markup(block.caption), _style(7.2, color=_MUTED, after=9))]
    return _table(block)


def _paragraph(block: content.Paragraph) -> Any:
    lead = f"<b>{_markup(block.lead)}</b>" if block.lead else ""
    if block.style == "heading":
        return Text(_markup(block.text), _style(10, font="hepaflow-bold", before=6, after=3))
    if block.style == "note":
        return Text(lead + _markup(block.text), _style(7.4, color=_MUTED, after=5))
    if block.style == "formula":
        style = _style(8.8, font="hepaflow-italic", after=6)
        style.leftIndent = 14
        return Text(_markup(block.text), style)
    return Text(lead + _markup(block.text), _style(8.3, after=5))


def _notice(block: content.Notice) -> Any:
    edge, fill = _NOTICE.get(block.tone, ("#5b6b78", "#f4f7f9"))
    style = _style(8.3, after=1)
    many = len(block.items) > 1
    if many:
        style.leftIndent = 9
    lines = [Text(_markup(text), style, bulletText="•" if many else None) for text in block.items]
    title = Text(_markup(block.title), _style(9, color=colors.HexColor(edge if block.tone != "caution" else "#7a5200"), font="hepaflow-bold"))
    box = Table([[title], *[[entry] for entry in lines]], colWidths=[_WIDTH])
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
    text = _markup(entry.text)
    color = colors.HexColor(_TONES[entry.tone]) if entry.tone in _TONES else _INK
    return Text(text, _style(size, color=color, font="hepaflow-bold" if bold else "hepaflow", after=0, align=align))


def _table(block: content.Table) -> list[Any]:
    size = 6.4 if block.small else 7.4
    aligns = [_ALIGN[letter] for letter in block.align]
    head = [Text(_markup(text), _style(size, font="hepaflow-bold", after=0, align=align)) for text, align in zip(block.head, aligns, strict=True)]
    lines: list[list[Any]] = [head]
    rules: list[Any] = [
        ("FONTSIZE", (0, 0), (-1, -1), size),
        ("LEADING", (0, 0), (-1, -1), size * 1.36),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.9, _INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, _RULE),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    for number, row in enumerate(block.rows, start=1):
        if row.group:
            lines.append([_cell(row.cells[0], size, TA_LEFT), *[""] * (len(head) - 1)])
            rules += [("SPAN", (0, number), (-1, number)), ("BACKGROUND", (0, number), (-1, number), _SOFT)]
            rules.append(("NOSPLIT", (0, number), (-1, min(number + 1, len(block.rows)))))
        else:
            lines.append([_cell(entry, size, align) for entry, align in zip(row.cells, aligns, strict=True)])
    total = sum(block.widths)
    grid = Table(lines, colWidths=[_WIDTH * width / total for width in block.widths], repeatRows=1)
    grid.setStyle(TableStyle(rules))
    caption = Text(_markup(block.caption), _style(7.2, color=_MUTED, after=3))
    return [caption, grid, Spacer(0, 5 * mm)]
