"""The report of a patient's first visit: the ratio is a baseline, below or above the cut-off, and no response."""

from __future__ import annotations

import re
import string

import pytest
from test_report_document import pdf_text, squeezed, texts
from test_report_models import compared_case

from hepaflow.domain.case import CaseResult
from hepaflow.report import html, kept, pdf
from hepaflow.report.content import Document
from hepaflow.report.document import compose
from hepaflow.report.figures import canvas, styled
from hepaflow.report.figures_ratio import draw_forest
from hepaflow.report.text_baseline import BASELINE
from hepaflow.report.words import _SENTENCES, Words

CATEGORY = re.compile(r"\b(major|minor|majeure|mineure)\b", re.IGNORECASE)
SAID = {
    "en": ("below the cut-off", "above the cut-off", "P(below)"),
    "fr": ("sous le seuil", "au-dessus du seuil", "P(sous le seuil)"),
}


def first(case: CaseResult, language: str) -> Document:
    return compose(compared_case(case), language=language, first_visit=True)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_text_of_it_calls_a_ratio_a_response(case: CaseResult, language: str) -> None:
    document = first(case, language)
    found = texts(document)
    assert [text for text in found if CATEGORY.search(text)] == []
    assert all(any(text == said for text in found) for said in SAID[language])
    assert any(CATEGORY.search(text) for text in texts(compose(compared_case(case), language=language)))
    assert kept.thaw(kept.freeze(document)) == document


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_and_paper_say_so(case: CaseResult, language: str) -> None:
    document = first(case, language)
    page, paper = html.render(document).decode(), "".join(pdf_text(pdf.render(document)))
    for said in SAID[language]:
        assert said in page
        assert squeezed(said) in squeezed(paper)
    assert CATEGORY.search(paper) is None


@pytest.mark.parametrize("language", ["en", "fr"])
def test_so_does_the_picture_of_the_ratios(case: CaseResult, language: str) -> None:
    with styled():
        axes = canvas(40.0).add_axes((0.1, 0.1, 0.8, 0.8))
        draw_forest(axes, case, words=Words(language, first_visit=True), truth=None)
    assert [text.get_text() for text in axes.texts] == list(SAID[language][:2])


def test_numbers_are_the_same(case: CaseResult) -> None:
    def numbers(document: Document) -> list[str]:
        return [number for text in texts(document) for number in re.findall(r"\d+[.,]?\d*", text)]

    assert sorted(numbers(first(case, "en"))) == sorted(numbers(compose(compared_case(case))))


def test_every_sentence_of_it_has_the_places_for_values_of_the_usual_one() -> None:
    for key, both in BASELINE.items():
        places = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in (*both, *_SENTENCES[key])]
        assert places == [places[0]] * 4, key
