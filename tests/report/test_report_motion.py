"""The section on motion: film and still, map and table of what remains, border distance, and a case where nothing was corrected."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image
from report_case import without_passes

from hepaflow.domain.case import CaseResult
from hepaflow.motion.score import busiest_column
from hepaflow.report import figures_film, figures_motion, figures_remaining, html, pdf, section_motion, tables_motion
from hepaflow.report.content import Bullets, Figure, Paragraph, Section, Table
from hepaflow.report.document import compose
from hepaflow.report.figures import styled
from hepaflow.report.view import AxialView
from hepaflow.report.words import Words

EN, FR = Words("en"), Words("fr")


def with_motion(case: CaseResult, **changes: object) -> CaseResult:
    return dataclasses.replace(case, motion=dataclasses.replace(case.motion, **changes))


def uncorrected(case: CaseResult) -> CaseResult:
    """The case as it is with method none: images as acquired, no shift, measures the same after as before."""
    passes = tuple(
        dataclasses.replace(p, shift_mm=(0.0, 0.0, 0.0), residual_after=p.residual_before, border_after_mm=p.border_before_mm)
        for p in case.motion.passes
    )
    return dataclasses.replace(with_motion(case, method="none", passes=passes), aligned=case.series)


def section(case: CaseResult, words: Words) -> Section:
    with styled():
        return section_motion.motion(case, view=AxialView.of(case.regions.grid), words=words)


def figures(found: Section) -> list[Figure]:
    return [block for block in found.blocks if isinstance(block, Figure)]


def film_of(found: Section) -> Image.Image:
    film = next(figure.film for figure in figures(found) if figure.film is not None)
    image = Image.open(io.BytesIO(film.webp))
    assert image.size == film.pixels
    return image


def frame(image: Image.Image, number: int) -> np.ndarray:
    image.seek(number)
    return np.asarray(image.convert("RGB")).astype(int)


def said(found: Section) -> str:
    """All words of a section, those that stand for pictures too."""
    texts = [found.title]
    for block in found.blocks:
        if isinstance(block, Figure):
            texts += [block.caption, block.alternative]
        elif isinstance(block, Table):
            texts += [block.caption, *block.head]
        elif isinstance(block, Bullets):
            texts += [part for item in block.items for part in item]
        elif isinstance(block, Paragraph):
            texts.append(block.text)
    return " ".join(texts).lower()


@pytest.fixture(scope="module")
def shown(case: CaseResult) -> Section:
    return section(case, EN)


@pytest.fixture(scope="module")
def still(case: CaseResult) -> Section:
    return section(uncorrected(case), EN)


def test_the_film_has_every_pass_loops_and_is_small(case: CaseResult, shown: Section) -> None:
    image = film_of(shown)
    assert image.n_frames == case.series.passes
    assert image.info["loop"] == 0
    film = figures(shown)[0].film
    assert film is not None
    assert len(film.webp) <= figures_film.MOST_BYTES


def test_in_the_film_the_liver_moves_on_the_left_and_stands_still_on_the_right(shown: Section) -> None:
    """Passes 2 and 4 lie 3 slices apart and have the same contrast: what differs is motion, and that on the left alone."""
    image = film_of(shown)
    second, fourth = frame(image, 1), frame(image, 3)
    apart = np.abs(second - fourth)[80:].mean(axis=(0, 2))
    half = apart.size // 2
    assert apart[:half].mean() > 3 * apart[half:].mean()


def test_an_excluded_pass_is_framed_in_red_and_no_other(shown: Section) -> None:
    image = film_of(shown)
    red = [((found[..., 0] - found[..., 1:].max(axis=-1)) > 80).sum() for found in (frame(image, n) for n in (11, 12, 13))]
    assert red[1] > 2000
    assert red[0] == red[2] == 0


def test_a_film_of_noise_is_stored_coarsely_enough() -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, (300, 600, 3), np.uint8) for _ in range(12)]
    assert len(figures_film.animated(frames)) <= figures_film.MOST_BYTES


def test_the_still_shows_highest_and_lowest_liver_and_leaves_out_excluded_passes(case: CaseResult, shown: Section) -> None:
    high, low = figures_film.extreme_passes(case)
    heights = {p.index: p.shift_mm[2] for p in case.motion.passes if not p.excluded}
    assert heights[high] == max(heights.values())
    assert heights[low] == min(heights.values())
    picture = figures(shown)[0]
    assert picture.film is not None
    assert picture.pixels[1] == pytest.approx(2 * picture.film.pixels[1], abs=2)


def test_without_shifts_the_still_shows_reference_and_the_pass_whose_borders_differ_most(case: CaseResult) -> None:
    plain = uncorrected(case)
    reference, other = figures_film.extreme_passes(plain)
    assert reference == case.motion.reference
    borders = {p.index: p.border_before_mm for p in plain.motion.passes if not p.excluded and p.index != reference}
    assert borders[other] == max(borders.values())
    unknown = tuple(dataclasses.replace(p, border_before_mm=float("nan")) for p in plain.motion.passes)
    assert len(figures_film.extreme_passes(with_motion(plain, passes=unknown))) == 2
    alone = tuple(dataclasses.replace(p, excluded=p.index != reference) for p in plain.motion.passes)
    assert figures_film.extreme_passes(with_motion(plain, passes=alone)) == (reference,)


def test_html_moves_unless_asked_not_to_and_paper_has_the_still(case: CaseResult, shown: Section) -> None:
    document = dataclasses.replace(compose(without_passes(case)), sections=(shown,))
    page = html.render(document).decode()
    assert page.count("data:image/webp;base64,") == 1
    assert page.count('<source media="(prefers-reduced-motion: reduce), print" srcset="data:image/png;base64,') == 1
    assert "http" not in page.replace("http-equiv", "")
    assert figures(shown)[0].alternative in page
    paper = pdf.render(document)
    assert b"WEBP" not in paper
    assert len(paper) > len(figures(shown)[0].png) / 4


def test_the_section_is_the_same_on_repeat(case: CaseResult, shown: Section) -> None:
    assert section(case, EN) == shown


def test_busiest_place_is_a_column_of_liver_in_the_turned_order(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    assert figures_motion.busiest_place(case, view) == figures_motion.column_of_liver(case, view)  # no displacement: the tallest
    field = case.motion.displacements.copy()
    field[1] = 10.0
    moved = with_motion(case, displacements=field)
    within = case.regions.liver.mask.any(axis=0)
    place = figures_motion.busiest_place(moved, view)
    assert within[place]
    assert place == busiest_column(case.series, case.aligned, moved.motion, within=within)
    upside = dataclasses.replace(view, flipped=(False, True, False))
    rows = within.shape[0]
    assert figures_motion.busiest_place(moved, upside) == (rows - 1 - place[0], place[1])


def test_the_map_of_what_remains_shows_millimetres_in_fixed_colours(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    values = np.full(case.regions.grid.shape, np.nan, np.float32)
    with styled():

        def picture(level: float) -> np.ndarray:
            figure = figures_remaining.remaining_map(case, np.full_like(values, level), view=view, row=24, words=EN)
            return np.asarray(Image.open(io.BytesIO(figure.png))).astype(int)

        none, little, much, more = (picture(level) for level in (np.nan, 0.5, 4.0, 9.0))
    assert np.abs(little - none).mean() > 3
    assert np.abs(much - little).mean() > 10
    np.testing.assert_array_equal(more, much)  # beyond the arrow


def test_what_remains_is_said_for_healthy_liver_and_every_lesion(case: CaseResult) -> None:
    values = np.full(case.regions.grid.shape, 0.5, np.float32)
    first, second, third = (lesion.shells["whole"].mask for lesion in case.regions.lesions)
    values[first] = 2.0
    values[second] = np.nan
    values[tuple(np.argwhere(third)[0])] = np.nan
    table = tables_motion.remaining_table(case, values, EN)
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert [row[0] for row in rows] == ["Healthy liver", "Lesion 1", "Lesion 2", "Lesion 3"]
    assert rows[1][1:] == ["2.0", "2.0"]
    assert rows[2][1:] == ["not available", "not available"]
    assert rows[3][1:] == ["0.5", "0.5"]


def test_nothing_known_of_what_remains_is_said_and_not_drawn(case: CaseResult, shown: Section) -> None:
    blank = with_motion(case, passes=(), remaining_mm=np.full_like(case.motion.remaining_mm, np.nan))
    found = section(blank, EN)
    assert len(figures(found)) == len(figures(shown)) - 3  # neither the map nor what needs passes
    assert EN("remaining_unknown") in [block.text for block in found.blocks if isinstance(block, Paragraph)]
    assert not [block for block in found.blocks if isinstance(block, Table)]


def test_the_table_of_passes_has_border_distances(case: CaseResult) -> None:
    table = tables_motion.motion_table(case, EN)
    row = [cell.text for cell in table.rows[1].cells]
    one = case.motion.passes[1]
    place = table.head.index("Border before (mm)")
    assert row[place : place + 2] == [f"{one.border_before_mm:.1f}", f"{one.border_after_mm:.1f}"]
    for number, head in enumerate(table.head):
        assert {row.cells[number].text for row in table.rows} != {"not available"}, head


def test_without_correction_nothing_speaks_of_it(still: Section, case: CaseResult) -> None:
    for found, banned in ((still, ("correct", "after")), (section(uncorrected(case), FR), ("corrig", "correction", "après"))):
        assert [word for word in banned if word in said(found)] == []
    assert still.title == "Motion"
    assert film_of(still).n_frames == case.series.passes
    (table,) = (block for block in still.blocks if isinstance(block, Table) and len(block.head) > 3)
    assert table.head == ("Pass", "Time (s)", "Residual (HU)", "Border (mm)", "Used")


def test_a_reader_s_shifts_have_their_words(case: CaseResult) -> None:
    by_hand = with_motion(case, method="manual", passes=())
    for words, expected in ((EN, "by hand"), (FR, "à la main")):
        first = section(by_hand, words).blocks[0]
        assert isinstance(first, Bullets)
        assert expected in first.items[0][1]


def test_the_section_is_french_in_french(case: CaseResult, shown: Section) -> None:
    french = section(case, FR)
    assert film_of(french).tobytes() != film_of(shown).tobytes()  # the titles are in the pictures
    assert "mouvement restant" in said(french)
    assert "motion" not in said(french)
    assert [type(block) for block in french.blocks] == [type(block) for block in shown.blocks]


def test_a_case_without_any_motion_or_pass_is_shown_all_the_same(case: CaseResult) -> None:
    quiet = tuple(
        dataclasses.replace(p, shift_mm=(0.0, 0.0, 0.0), border_before_mm=0.0, border_after_mm=0.0) for p in case.motion.passes
    )
    assert film_of(section(with_motion(case, passes=quiet), EN)).n_frames == case.series.passes
    found = section(without_passes(case), EN)
    assert all(figure.film is None for figure in figures(found))
