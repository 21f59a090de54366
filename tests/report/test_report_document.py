"""The two files: complete, self-contained, identical in content, identical on repeat, and silent about the patient."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pypdf
import pytest
from report_case import CANARY, build_case, without_answer, without_passes

from hepaflow.domain.case import CaseResult
from hepaflow.errors import OutputFailed, UsageError
from hepaflow.report import document, html, pdf
from hepaflow.report.content import Bullets, Cell, Document, Figure, Notice, Paragraph, Row, Section, Table
from hepaflow.report.document import compose, study_label, write
from hepaflow.report.signature import Signature, with_signature

Truth = dict[str, dict[str, float]]
VOID = {"meta", "img", "source", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting and collects attributes, headings and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


#: Of bullets with three lines each, after four paragraphs and a heading: a page takes no more together.
NEARLY_A_PAGE = 24


def parsed(page: bytes) -> Page:
    reader = Page()
    reader.feed(page.decode("utf-8"))
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def documents(gappy: CaseResult, truth: Truth) -> dict[str, Document]:
    return {language: compose(gappy, language=language, truth=truth) for language in ("en", "fr")}


@pytest.fixture(scope="module")
def written(documents: dict[str, Document]) -> dict[str, tuple[bytes, bytes]]:
    return {language: (html.render(document), pdf.render(document)) for language, document in documents.items()}


def texts(document: Document) -> list[str]:
    """Every text of the content model in order."""
    found = [document.title, document.subtitle, document.label]
    for section in document.sections:
        found.append(section.title)
        for block in section.blocks:
            if isinstance(block, Paragraph):
                found += [block.lead, block.text]
            elif isinstance(block, Bullets):
                found += [part for item in block.items for part in item]
            elif isinstance(block, Notice):
                found += [block.title, *block.items]
            elif isinstance(block, Figure):
                found.append(block.caption)
            elif isinstance(block, Table):
                found += [block.caption, *block.head, *(cell.text for row in block.rows for cell in row.cells)]
    return found


def pdf_text(paper: bytes) -> list[str]:
    import io

    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(paper)).pages]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_html_is_well_formed_and_loads_nothing(written: dict[str, tuple[bytes, bytes]], language: str) -> None:
    page = parsed(written[language][0])
    assert ("html", "lang", language) in page.attributes
    targets = [(tag, name, value) for tag, name, value in page.attributes if name in {"src", "href", "srcset", "data", "action"}]
    assert all(value.startswith(("data:image/png;base64,", "data:image/webp;base64,", "#")) for _, _, value in targets)
    assert not any(name == "style" or name.startswith("on") for _, name, _ in page.attributes)
    tags = {tag for tag, _, _ in page.attributes}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    policy = next(value for tag, name, value in page.attributes if tag == "meta" and name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_style_sheet_matches_its_digest_and_fetches_nothing(written: dict[str, tuple[bytes, bytes]]) -> None:
    import base64
    import hashlib

    page = written["en"][0].decode()
    style = page[page.index("<style>") + 7 : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert unescape(page).count(f"'sha256-{digest}'") == 1
    assert "url(" not in style
    assert "@import" not in style


def test_internal_links_lead_to_sections(written: dict[str, tuple[bytes, bytes]]) -> None:
    page = parsed(written["en"][0])
    links = {value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"}
    anchors = {value for tag, name, value in page.attributes if name == "id"}
    assert links == anchors
    assert len(links) == 9


@pytest.mark.parametrize("language", ["en", "fr"])
def test_both_files_hold_every_text_of_the_content(
    written: dict[str, tuple[bytes, bytes]], documents: dict[str, Document], language: str
) -> None:
    page = squeezed("".join(parsed(written[language][0]).text))
    paper = squeezed("".join(pdf_text(written[language][1])))
    for text in texts(documents[language]):
        assert squeezed(text) in page
        # cells of the PDF may be interleaved line by line: compare word by word there
        assert all(word in paper for word in text.split() if len(word) < 12 and word.isalpha())


def test_disclaimer_and_page_numbers_on_every_page(written: dict[str, tuple[bytes, bytes]]) -> None:
    pages = pdf_text(written["en"][1])
    assert 8 <= len(pages) <= 20
    for number, text in enumerate(pages, start=1):
        assert "Research use only. Not a medical device." in text
        assert f"Page {number} of {len(pages)}" in text
        assert len(text) > 150
    assert all("N'est pas un dispositif médical." in text for text in pdf_text(written["fr"][1]))


def test_no_page_is_blank_however_long_a_table_before_a_full_page_is(documents: dict[str, Document]) -> None:
    row, words = Row((Cell("a cell"), Cell("b cell"))), "word " * 30
    full = Section("full", "Full page", (*(Paragraph(words) for _ in range(4)), Bullets((("", words),) * NEARLY_A_PAGE)))
    for rows in range(44, 51):  # the page ends in between
        first = Section("first", "Table", (Table("caption", ("a", "b"), (row,) * rows, "ll", (50.0, 50.0), small=True),))
        document = dataclasses.replace(documents["en"], sections=(first, full))
        for text in pdf_text(pdf.render(document)):
            assert any(found in text for found in ("cell", "word")), rows


def test_pdf_has_outline_embedded_fonts_and_no_clock(
    written: dict[str, tuple[bytes, bytes]], documents: dict[str, Document]
) -> None:
    import io

    reader = pypdf.PdfReader(io.BytesIO(written["fr"][1]))
    assert [entry.title for entry in reader.outline] == [section.title for section in documents["fr"].sections]
    fonts = {
        font.get_object()["/BaseFont"]: font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()
    }
    assert all("DejaVu" in name for name in fonts if "Helvetica" not in name)
    assert any("DejaVu" in name for name in fonts)
    assert str(reader.metadata["/CreationDate"]).startswith("D:2000")
    assert all(float(page.mediabox.width) == pytest.approx(595.28, abs=0.1) for page in reader.pages)  # A4 in points


def numbers(document: Document) -> list[str]:
    """All numbers of a document with a decimal point, in order; numbers inside words and references are numbers too."""
    plain = [text.replace("\u2212", "-").replace("\u00a0", " ") for text in texts(document)]
    return [found.replace(",", ".") for text in plain for found in re.findall(r"-?\d+(?:[.,]\d+)?", text)]


def test_both_languages_give_the_same_numbers(documents: dict[str, Document]) -> None:
    english, french = numbers(documents["en"]), numbers(documents["fr"])
    assert len(english) > 400
    assert english == french


def test_decimal_sign_follows_the_language(documents: dict[str, Document]) -> None:
    cells = {
        language: [
            cell.text for section in document.sections for block in section.blocks if isinstance(block, Table) for row in block.rows
            for cell in row.cells
        ]
        for language, document in documents.items()
    }  # fmt: skip
    assert "0.40 (0.34 to 0.46)" in cells["en"]
    assert "0,40 (0,34 à 0,46)" in cells["fr"]
    version = re.compile(r"^0\.1\.0")
    assert not [text for text in cells["fr"] if re.search(r"\d\.\d", text) and not version.search(text)]


def test_same_case_same_bytes(written: dict[str, tuple[bytes, bytes]], truth: Truth, tmp_path: Path) -> None:
    again = without_answer(build_case())
    slower = tuple(dataclasses.replace(step, seconds=99.0, peak_mb=7.0, reused=True) for step in again.history)
    page, paper = write(dataclasses.replace(again, history=slower), tmp_path, truth=truth)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]
    assert page.read_bytes() == written["en"][0]
    assert paper.read_bytes() == written["en"][1]


def test_nothing_of_the_patient_reaches_the_report(written: dict[str, tuple[bytes, bytes]]) -> None:
    for page, paper in written.values():
        for content in (page.decode(), "".join(pdf_text(paper))):
            assert CANARY not in content
            assert CANARY.split("^")[0] not in content
            assert "/data" not in content


def test_study_label_says_nothing_but_tells_apart(case: CaseResult) -> None:
    other = dataclasses.replace(case.history[0], input_digest="ab" * 32)
    labels = {study_label(case), study_label(dataclasses.replace(case, history=(other,)))}
    labels.add(study_label(dataclasses.replace(case, history=())))
    assert len(labels) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}", label) for label in labels)


def test_markup_in_free_text_stays_text(case: CaseResult) -> None:
    evil = "<script>alert(1)</script>&<b>"
    acquisition = dataclasses.replace(case.series.acquisition, contrast_agent=evil, manufacturer=evil)
    rule = dataclasses.replace(case.protocol[0], measured=evil, why_en=evil)
    series = dataclasses.replace(case.series, acquisition=acquisition)
    document = compose(without_passes(dataclasses.replace(case, series=series, protocol=(rule,))))
    page = html.render(document)
    assert b"<script" not in page
    assert page.count(b"&lt;script&gt;alert(1)&lt;/script&gt;&amp;&lt;b&gt;") == 4
    assert "<script>" in "".join(pdf_text(pdf.render(document)))


def test_unknown_language_is_refused(case: CaseResult, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        write(case, tmp_path, language="de")
    assert refused.value.code == "LANGUAGE-UNKNOWN"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_said_so(case: CaseResult, tmp_path: Path) -> None:
    from hepaflow.report.files import replace_file

    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputFailed) as refused:
        replace_file(tmp_path / "file" / "report.html", b"x")
    assert refused.value.code == "REPORT-NOT-WRITTEN"
    assert str(tmp_path) not in str(refused.value)


def test_truth_section_only_with_truth(case: CaseResult, documents: dict[str, Document]) -> None:
    assert "truth" in {section.key for section in documents["en"].sections}
    assert "truth" not in {section.key for section in compose(without_passes(dataclasses.replace(case, lesions=()))).sections}


def test_a_report_composed_with_a_signature_is_the_report_signed(case: CaseResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "every", lambda *_, **__: (Section("summary", "Summary", (Paragraph("Bottom line."),)),))
    signature = Signature("Dr Zoë Łukasiewicz", "2026-01-01 10:00 UTC", "Read.", "ab" * 32)
    for language, said in (("en", "Signed by Dr Zoë"), ("fr", "Signé par Dr Zoë")):
        signed = compose(case, language=language, signature=signature)
        assert signed == with_signature(compose(case, language=language), signature)
        assert signed.signed.startswith(said)
