"""Blocks of a report as a Word document that can be edited: real headings, lists and tables; same blocks, same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hepaflow.report import content
from hepaflow.report.content import Block

#: Metric twins of it are on every system: Word shows Arial, LibreOffice Liberation Sans.
FONT = "Arial"
_PAGE_MM, _MARGIN_MM = (210.0, 297.0), 15.0
TEXT_WIDTH_MM = _PAGE_MM[0] - 2 * _MARGIN_MM
#: The one time that every file says it was made at.
_MADE = datetime(1980, 1, 1)
_INK, _MUTED = "1B2733", "5B6B78"
_TONES = {
    "pass": "2D6A4F",
    "inside": "2D6A4F",
    "warn": "7A5200",
    "caution": "7A5200",
    "fail": "A4262C",
    "serious": "A4262C",
    "outside": "A4262C",
    "unknown": _MUTED,
    "muted": _MUTED,
}
_NOTICE_FILL = {"serious": "FDF3F3", "caution": "FDF8EC", "pass": "F2F8F5"}
#: Rules of a journal's table in eighths of a point: above and at the end, and below the head.
_HEAVY, _LIGHT = 8, 4
#: Characters that XML cannot hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(title: str, blocks: Sequence[Block]) -> bytes:
    """A .docx of A4 pages with ``title`` and ``blocks`` in order; pictures keep their width on paper, at most the text's 180 mm.

    The file holds no author and no date of its own. Characters that a Word file cannot hold are shown as U+FFFD.
    """
    import docx

    paper = docx.Document()
    _set_up(paper, _clean(title))
    paper.add_heading(_clean(title), level=0)
    for block in blocks:
        _add(paper, block)
    stream = io.BytesIO()
    paper.save(stream)
    return _without_times(stream.getvalue())


def _add(paper: Any, block: Block) -> None:
    if isinstance(block, content.Paragraph):
        _add_paragraph(paper, block)
    elif isinstance(block, content.Bullets):
        for lead, text in block.items:
            line = paper.add_paragraph(style="List Bullet")
            _runs(line, lead, text)
    elif isinstance(block, content.Notice):
        _add_notice(paper, block)
    elif isinstance(block, content.Table):
        _add_table(paper, block)
    else:
        _add_figure(paper, block)


def _set_up(paper: Any, title: str) -> None:
    from docx.shared import Mm, Pt

    page = paper.sections[0]
    page.page_width, page.page_height = (Mm(side) for side in _PAGE_MM)
    page.left_margin = page.right_margin = Mm(_MARGIN_MM)
    page.top_margin = page.bottom_margin = Mm(20)
    for name, size, before, after in (
        ("Normal", 10, 0, 6),
        ("Title", 16, 0, 10),
        ("Heading 1", 12, 12, 4),
        ("List Bullet", 10, 0, 3),
        ("Caption", 9, 3, 6),
    ):
        style = paper.styles[name]
        _set_font(style, size)
        style.font.bold = name in ("Title", "Heading 1")
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
    for rule in paper.styles["Title"].element.xpath("./w:pPr/w:pBdr"):
        rule.getparent().remove(rule)
    said = paper.core_properties
    said.title, said.author, said.comments, said.last_modified_by = title[:255], "", "", ""
    said.created = said.modified = _MADE
    said.revision = 1
    foot = page.footer.paragraphs[0]
    foot.alignment = 1
    _page_number(foot)


def _set_font(style: Any, size: int) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    style.font.name, style.font.size, style.font.color.rgb = FONT, Pt(size), RGBColor.from_string(_INK)
    fonts = style.element.rPr.rFonts
    for name in [name for name in fonts.attrib if name.endswith("Theme")]:
        del fonts.attrib[name]  # a theme would win over the font named here
    for kind in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{kind}"), FONT)


def _page_number(paragraph: Any) -> None:
    run = paragraph.add_run()
    for name, attributes, text in (
        ("fldChar", {"fldCharType": "begin"}, ""),
        ("instrText", {}, "PAGE"),
        ("fldChar", {"fldCharType": "end"}, ""),
    ):
        run._r.append(_element(name, attributes, text))


def _runs(paragraph: Any, lead: str, text: str) -> None:
    if lead:
        paragraph.add_run(_clean(lead)).bold = True
    paragraph.add_run(_clean(text))


def _add_paragraph(paper: Any, block: content.Paragraph) -> None:
    from docx.shared import Mm, Pt, RGBColor

    if block.style == "heading":
        paper.add_heading(_clean(block.lead + block.text), level=1)
        return
    paragraph = paper.add_paragraph()
    _runs(paragraph, block.lead, block.text)
    if block.style == "formula":
        paragraph.paragraph_format.left_indent = Mm(8)
        paragraph.runs[-1].italic = True
    elif block.style == "note":
        for run in paragraph.runs:
            run.font.size, run.font.color.rgb = Pt(8.5), RGBColor.from_string(_MUTED)


def _add_notice(paper: Any, block: content.Notice) -> None:
    """A box: a table of one cell."""
    from docx.shared import RGBColor

    table = paper.add_table(rows=1, cols=1)
    color = _TONES.get(block.tone, _INK)
    _borders(table._tbl.tblPr, dict.fromkeys(("top", "left", "bottom", "right"), _HEAVY), color=color)
    cell = table.cell(0, 0)
    cell._tc.get_or_add_tcPr().append(_element("shd", {"val": "clear", "fill": _NOTICE_FILL.get(block.tone, "F4F7F9")}))
    head = cell.paragraphs[0].add_run(_clean(block.title))
    head.bold, head.font.color.rgb = True, RGBColor.from_string(color)
    for item in block.items:
        cell.add_paragraph(_clean(item), style="List Bullet")
    _after_table(paper)


def _add_table(paper: Any, block: content.Table) -> None:
    from docx.enum.table import WD_TABLE_ALIGNMENT
    from docx.shared import Mm

    caption = paper.add_paragraph(style="Caption")
    caption.add_run(_clean(block.caption))
    caption.paragraph_format.keep_with_next = True
    table = paper.add_table(rows=1 + len(block.rows), cols=len(block.head))
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    _borders(table._tbl.tblPr, {"top": _HEAVY, "bottom": _HEAVY})
    widths = [Mm(TEXT_WIDTH_MM * width / sum(block.widths)) for width in block.widths]
    for column, width in zip(table._tbl.tblGrid.gridCol_lst, widths, strict=True):
        column.w = width
    size = 8.0 if block.small else 9.0
    lines = list(table.rows)  # once: python-docx looks each up anew
    head = [content.Cell(text, "strong") for text in block.head]
    for number, (line, row) in enumerate(zip(lines, [content.Row(tuple(head)), *block.rows], strict=True)):
        places = list(line.cells)
        if row.group:
            places = [places[0].merge(places[-1])] if len(places) > 1 else places
        for place, cell, align in zip(places, row.cells, "l" if row.group else block.align, strict=True):
            _fill(place, cell, align=align, size=size, bold=row.group)
        if not row.group:
            for place, width in zip(places, widths, strict=True):
                place.width = width
        properties = line._tr.get_or_add_trPr()
        properties.append(_element("cantSplit"))
        if number == 0:
            properties.append(_element("tblHeader"))
            for place in places:
                _borders(place._tc.get_or_add_tcPr(), {"bottom": _LIGHT}, of="tcBorders")
    _after_table(paper)


def _fill(place: Any, cell: content.Cell, *, align: str, size: float, bold: bool) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt, RGBColor

    paragraph = place.paragraphs[0]
    sides = {"l": WD_ALIGN_PARAGRAPH.LEFT, "c": WD_ALIGN_PARAGRAPH.CENTER, "r": WD_ALIGN_PARAGRAPH.RIGHT}
    paragraph.alignment = sides[align]
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1.5)
    run = paragraph.add_run(_clean(cell.text))
    run.font.size, run.bold = Pt(size), bold or cell.tone == "strong"
    if cell.tone in _TONES:
        run.font.color.rgb = RGBColor.from_string(_TONES[cell.tone])


def _add_figure(paper: Any, block: content.Figure) -> None:
    from docx.shared import Mm

    paragraph = paper.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(io.BytesIO(block.png), width=Mm(min(block.width_mm, TEXT_WIDTH_MM)))
    shape._inline.docPr.set("descr", _clean(block.alternative))
    paper.add_paragraph(style="Caption").add_run(_clean(block.caption))


def _after_table(paper: Any) -> None:
    """A narrow line, without which Word joins a table to the next."""
    from docx.shared import Pt

    space = paper.add_paragraph()
    space.paragraph_format.space_after = Pt(0)
    space.paragraph_format.line_spacing = Pt(8)


def _borders(properties: Any, widths: dict[str, int], *, color: str = _INK, of: str = "tblBorders") -> None:
    edges = _element(of)
    for side, width in widths.items():
        edges.append(_element(side, {"val": "single", "sz": str(width), "space": "0", "color": color}))
    # Word wants the order of its schema
    later = properties.xpath("./w:shd | ./w:tblLayout | ./w:tblCellMar | ./w:tblLook")
    if later:
        later[0].addprevious(edges)
    else:
        properties.append(edges)


def _element(name: str, attributes: dict[str, str] | None = None, text: str = "") -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    made: Any = OxmlElement(f"w:{name}")
    for key, value in (attributes or {}).items():
        made.set(qn(f"w:{key}"), value)
    if text:
        made.text = text
    return made


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _without_times(packed: bytes) -> bytes:
    """The same archive with every entry at one time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _MADE.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return stream.getvalue()
