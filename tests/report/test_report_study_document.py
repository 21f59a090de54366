"""The report of a study: sections in the order of a paper, every table and figure once, made-up data marked."""

from __future__ import annotations

import io
import zipfile

from judged_study import bare, judged

from hepaflow.cohort.study import Study
from hepaflow.report import docx, html
from hepaflow.report.content import Figure, Notice, Section
from hepaflow.report.figures import styled
from hepaflow.report.study_document import Composed, compose
from hepaflow.report.study_drawings import SYNTHETIC, drawings_of


def composed(study: Study) -> Composed:
    with styled():
        return compose(study, software={"numpy": "1"}, given={}, label="0a1b2c3d")


def figures(found: Composed) -> list[Figure]:
    return [block for section in found.document.sections for block in section.blocks if isinstance(block, Figure)]


def notices(section: Section) -> list[str]:
    return [block.tone for block in section.blocks if isinstance(block, Notice)]


def test_sections_tables_and_figures_of_everything() -> None:
    found = composed(judged())
    order = [section.key for section in found.document.sections]
    whole = [
        "summary",
        "studied",
        "compared",
        "areas",
        "cutoffs",
        "size",
        "probability",
        "agreement",
        "survival",
        "next",
        "findings",
    ]
    assert order == [*whole, "methods", "stard"]
    keys = [one.key for one in found.drawings]
    assert keys == [
        "flow",
        "boxes",
        "roc",
        "forest",
        "waterfall",
        "calibration_1",
        "decision_1",
        "calibration_combined",
        "decision_combined",
        "agreement_1",
        "survival_1",
    ]
    assert len(figures(found)) == len(keys)
    assert all(one.caption.endswith(".") and one.alternative for one in figures(found))
    assert SYNTHETIC not in html.render(found.document).decode()


def test_a_study_without_questions_is_a_report_too() -> None:
    found = composed(bare())
    assert [section.key for section in found.document.sections] == ["summary", "studied", "findings", "methods", "stard"]
    assert list(drawings_of(bare())) == []
    assert "caution" in notices(found.document.sections[0])


def test_made_up_data_say_so_in_title_foot_notice_and_every_caption() -> None:
    found = composed(judged(synthetic=True))
    assert found.document.subtitle.startswith(SYNTHETIC)
    assert found.document.disclaimer.startswith(SYNTHETIC)
    assert notices(found.document.sections[0])[0] == "serious"
    assert all(one.caption.endswith(SYNTHETIC) for one in figures(found))


def test_the_report_holds_nothing_that_runs_and_is_the_same_twice() -> None:
    page = html.render(composed(judged()).document)
    assert b"<script" not in page
    assert b'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;' in page
    assert page == html.render(composed(judged()).document)
    file = docx.document("A", [block for section in composed(bare()).document.sections for block in section.blocks])
    assert zipfile.ZipFile(io.BytesIO(file)).testzip() is None
