"""The Word document: what goes in can be read out, tables are real and repeat their head, the same blocks are the same bytes."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn
from drawn_study import pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hepaflow.report.content import Bullets, Cell, Figure, Notice, Paragraph, Row, Table
from hepaflow.report.docx import FONT, document


def picture(width_mm: float = 85.0) -> Figure:
    stream = io.BytesIO()
    Image.new("RGB", (200, 100), "navy").save(stream, format="PNG")
    return Figure(stream.getvalue(), (200, 100), width_mm, "Figure 1. A caption", "a blue field")


TABLE = Table(
    "Table 1. Areas",
    ("Parameter", "Area"),
    (Row((Cell("Ratios"),), group=True), Row((Cell("BF"), Cell("0.97", "strong"))), Row((Cell("HABF"), Cell("0.65", "muted")))),
    "lr",
    (3.0, 1.0),
)
BLOCKS = (
    Paragraph("Results", style="heading"),
    Paragraph("61 lesions were read.", lead="Sample. "),
    Paragraph("A note", style="note"),
    Paragraph("BF = HABF + HPBF", style="formula"),
    Bullets((("First. ", "one"), ("", "two"))),
    Notice("serious", "Not for clinical use", ("made-up data",)),
    TABLE,
    picture(),
)


def opened(blocks: Any = BLOCKS, title: str = "A study") -> Any:
    return docx.Document(io.BytesIO(document(title, blocks)))


def test_every_block_can_be_read_out() -> None:
    paper = opened()
    lines = {paragraph.text: paragraph.style.name for paragraph in paper.paragraphs}
    assert lines["A study"] == "Title"
    assert lines["Results"] == "Heading 1"
    assert lines["First. one"] == "List Bullet"
    assert lines["Table 1. Areas"] == lines["Figure 1. A caption"] == "Caption"
    sample = next(p for p in paper.paragraphs if p.text.startswith("Sample."))
    assert [run.bold for run in sample.runs] == [True, None]
    assert "Not for clinical use" in paper.tables[0].cell(0, 0).text
    assert "made-up data" in paper.tables[0].cell(0, 0).text


def test_the_table_is_real_aligned_and_repeats_its_head() -> None:
    table = opened().tables[1]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["Parameter", "Area"],
        ["Ratios", "Ratios"],  # merged
        ["BF", "0.97"],
        ["HABF", "0.65"],
    ]
    assert [cell.paragraphs[0].alignment for cell in table.rows[2].cells] == [0, 2]
    heads = [bool(row._tr.xpath("./w:trPr/w:tblHeader")) for row in table.rows]
    assert heads == [True, False, False, False]
    sides = {edge.tag.split("}")[1] for edge in table._tbl.xpath("./w:tblPr/w:tblBorders/*")}
    assert sides == {"top", "bottom"}
    first, second = (cell.width for cell in table.rows[0].cells)
    assert first == pytest.approx(3 * second, rel=0.01)
    assert (first + second) / 36000 == pytest.approx(180.0, abs=0.1)


def test_what_a_table_says_of_itself_is_in_the_order_of_the_schema() -> None:
    order = ["tblStyle", "tblW", "jc", "tblBorders", "tblLayout", "tblLook"]
    for table in opened().tables:
        said = [part.tag.split("}")[1] for part in table._tbl.tblPr]
        assert said == [name for name in order if name in said]
        for properties in table._tbl.xpath(".//w:tcPr"):
            said = [part.tag.split("}")[1] for part in properties]
            assert said == [name for name in ("tcW", "gridSpan", "tcBorders", "shd") if name in said]


@pytest.mark.parametrize(("asked", "given"), [(85.0, 85.0), (180.0, 180.0), (260.0, 180.0)])
def test_a_figure_keeps_its_width_and_its_text(asked: float, given: float) -> None:
    paper = opened((picture(asked),))
    shape = paper.inline_shapes[0]
    assert shape.width.mm == pytest.approx(given, abs=0.01)
    assert shape.height.mm == pytest.approx(given / 2, abs=0.1)
    assert shape._inline.docPr.get("descr") == "a blue field"
    part = next(p for p in paper.part.package.iter_parts() if str(p.partname).endswith(".png"))
    assert pixels(part.blob).shape == (100, 200, 3)


def test_no_style_follows_a_theme_and_nobody_is_named() -> None:
    paper = opened()
    for name in ("Normal", "Title", "Heading 1", "List Bullet", "Caption"):
        fonts = paper.styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:ascii")) == fonts.get(qn("w:cs")) == FONT
        assert not [key for key in fonts.attrib if key.endswith("Theme")]
    said = paper.core_properties
    assert (said.title, said.author, said.comments, said.last_modified_by) == ("A study", "", "", "")


def test_the_same_blocks_are_the_same_bytes_at_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = document("A study", BLOCKS)
    later = time.time() + 1e6
    monkeypatch.setattr(time, "time", lambda: later)
    assert document("A study", BLOCKS) == first
    with zipfile.ZipFile(io.BytesIO(first)) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_long_tables_are_quick() -> None:
    rows = tuple(Row(tuple(Cell(str(k)) for _ in range(8))) for k in range(300))
    table = Table("Long", tuple("abcdefgh"), rows, "l" * 8, (1.0,) * 8)
    start = time.process_time()
    assert len(opened((table,)).tables[0].rows) == 301
    assert time.process_time() - start < 8.0


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_makes_a_document_that_opens(text: str) -> None:
    paper = opened(
        (Paragraph(text, lead=text), Table(text, (text,), (Row((Cell(text),)),), "c", (1.0,)), Notice("", text, (text,))), text
    )
    assert len(paper.tables) == 2
