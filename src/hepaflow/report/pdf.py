"""The report as PDF (A4) with embedded fonts, bookmarks and the disclaimer on every page; same content, same bytes."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import bidirectional

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Frame, KeepInFrame, KeepTogether, PageTemplate
from reportlab.platypus import Paragraph as Text

from hepaflow.report.content import Document
from hepaflow.report.pdf_blocks import MARGIN, MUTED, RULE, WIDTH, flowables, markup, opening_of, pieces_of, text_style

_TOP, _BOTTOM = 20 * mm, 16 * mm
#: Room that version and page number take at either end of the foot.
_FOOT_SIDE = 22 * mm
_ACCENT, _SERIOUS = colors.HexColor("#1f5a7a"), colors.HexColor("#a4262c")
#: Print at two thirds of its size is still read.
_MOST_SHRINKING = 1.5
_FONTS = {
    "hepaflow": "DejaVuSans.ttf",
    "hepaflow-bold": "DejaVuSans-Bold.ttf",
    "hepaflow-italic": "DejaVuSans-Oblique.ttf",
}
#: Those that what a reader typed is printed in.
_TYPED = ("hepaflow", "hepaflow-bold")


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


def printable(text: str) -> bool:
    """Whether paper shows ``text`` as it reads: its letters are in the fonts, and none runs from right to left, which is not set here."""
    _register_fonts()
    fonts = [pdfmetrics.getFont(name).face.charToGlyph for name in _TYPED]
    return all(
        letter == "\n" or (all(ord(letter) in glyphs for glyphs in fonts) and bidirectional(letter) not in {"R", "AL"})
        for letter in text
    )


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
        self.drawRightString(A4[0] - MARGIN, top, document.disclaimer)
        self.setFont("hepaflow", 7)
        self.setFillColor(MUTED)
        self.drawString(MARGIN, top, f"{document.title} · {document.label}")
        self.setStrokeColor(RULE)
        self.setLineWidth(0.6)
        self.line(MARGIN, top - 2.2 * mm, A4[0] - MARGIN, top - 2.2 * mm)
        self.drawString(MARGIN, 9 * mm, f"hepaflow {document.version}")
        if document.signed:
            room = WIDTH - 2 * (_FOOT_SIDE + 2 * mm)
            size = min(7.0, 7.0 * room / pdfmetrics.stringWidth(document.signed, "hepaflow", 7))
            self.setFont("hepaflow", size)
            self.drawCentredString(A4[0] / 2, 9 * mm, document.signed)
            self.setFont("hepaflow", 7)
        self.drawRightString(A4[0] - MARGIN, 9 * mm, document.page_of.format(page=self._pageNumber, pages=pages))
        self.restoreState()


class _Heading(Text):  # type: ignore[misc]
    """A section's heading with its entry in the outline."""

    def __init__(self, key: str, title: str, number: int, *, dense: bool) -> None:
        before = 0 if number == 1 else 5 if dense else 22
        large = text_style(9.5 if dense else 12.5, font="hepaflow-bold", before=before, after=2 if dense else 5)
        super().__init__(f'<font color="#1f5a7a">{number}</font>  {markup(title)}', large)
        self._key, self._title = key, title

    def draw(self) -> None:
        """Mark the place, then the text."""
        self.canv.bookmarkHorizontal(self._key, 0, 14 * mm)
        self.canv.addOutlineEntry(self._title, self._key, level=0)
        super().draw()


def _on_one_page(story: list[Any], room: tuple[float, float]) -> list[Any]:
    """The story made to fit one page; as it is where print would become too small for that."""
    from reportlab.platypus.flowables import _listWrapOn  # the measure that KeepInFrame itself takes

    height = _listWrapOn(story, room[0], None)[1]
    return story if height > _MOST_SHRINKING * room[1] else [KeepInFrame(*room, story, mode="shrink")]


def render(document: Document) -> bytes:
    """The document as PDF bytes; no clock, no random identifier enters them."""
    _register_fonts()
    stream = io.BytesIO()
    template = BaseDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=_TOP,
        bottomMargin=_BOTTOM,
        title=f"{document.title} – {document.label}",
        author=f"hepaflow {document.version}",
        subject=document.disclaimer,
        lang=document.language,
        invariant=1,
    )
    frame = Frame(MARGIN, _BOTTOM, WIDTH, A4[1] - _TOP - _BOTTOM, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    template.addPageTemplates(PageTemplate(frames=[frame]))
    story: list[Any] = [
        Text("hepaflow", text_style(9, color=_ACCENT, font="hepaflow-bold", after=1)),
        Text(markup(document.title), text_style(13 if document.dense else 18, font="hepaflow-bold", after=3)),
        Text(markup(f"{document.label} · {document.subtitle}"), text_style(8, color=MUTED, after=3 if document.signed else 8)),
    ]
    if document.signed:
        story.append(Text(markup(document.signed), text_style(8, font="hepaflow-bold", after=8)))
    for number, section in enumerate(document.sections, start=1):
        heading = _Heading(section.key, section.title, number, dense=document.dense)
        if document.dense:
            story += [heading, *(piece for block in section.blocks for piece in pieces_of(block))]
            continue
        opening, rest = opening_of(section.blocks)
        story += [CondPageBreak(60 * mm), KeepTogether([heading, *opening])]
        story += [flow for block in rest for flow in flowables(block)]
    if document.dense:
        story = _on_one_page(story, (WIDTH, A4[1] - _TOP - _BOTTOM))

    def make_canvas(*args: Any, **options: Any) -> _NumberedCanvas:
        return _NumberedCanvas(*args, document=document, **options)

    # Binary streams: text encoding of pictures costs a second and a quarter more bytes.
    before, rl_config.useA85 = rl_config.useA85, 0
    try:
        template.build(story, canvasmaker=make_canvas)
    finally:
        rl_config.useA85 = before
    return stream.getvalue()
