"""A figure that stands alone says what it shows in its own pixels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepaflow.domain.case import CaseResult
from hepaflow.domain.geometry import Grid
from hepaflow.report import figures_maps
from hepaflow.report.captured import captured
from hepaflow.report.content import Figure
from hepaflow.report.figures import pixels_of, styled
from hepaflow.report.view import AxialView
from hepaflow.report.words import Words

EN = Words("en")


@pytest.fixture(scope="module")
def maps(case: CaseResult) -> Figure:
    with styled():
        return figures_maps.lesion_maps(case, case.lesions[0], view=AxialView.of(case.regions.grid), words=EN)


def place_of(picture: np.ndarray, inside: np.ndarray) -> int:
    """The row at which ``picture`` stands in ``inside``, centred across; fails when it does not."""
    left = (inside.shape[1] - picture.shape[1]) // 2
    part = inside[:, left : left + picture.shape[1]]
    found = [row for row in range(len(part) - len(picture)) if np.array_equal(part[row : row + len(picture)], picture)]
    assert len(found) == 1
    return found[0]


def test_heading_above_caption_below_margin_around(maps: Figure) -> None:
    picture, made = pixels_of(maps), captured(maps, disclaimer="Research use only.")
    top = place_of(picture, made)
    above, below = made[:top], made[top + len(picture) :]
    half = made.shape[1] // 2
    for part in (above[:, :half], above[:, half:], below):
        assert (part < 128).any()
    for edge in (made[:12], made[-12:], made[:, :12], made[:, -12:]):
        assert (edge == 255).all()


@pytest.mark.parametrize("what", ["heading", "caption"])
def test_every_word_is_in_the_pixels(maps: Figure, what: str) -> None:
    other = dataclasses.replace(maps, **{what: getattr(maps, what).replace("1", "2")})
    one, two = (captured(figure, disclaimer="Research use only.") for figure in (maps, other))
    assert one.shape == two.shape
    assert (one != two).any()
    assert not np.array_equal(one, captured(maps, disclaimer="Other words."))


def test_a_long_caption_stays_inside(maps: Figure) -> None:
    wide = captured(dataclasses.replace(maps, caption="mm WW " * 200), disclaimer="x")
    assert (wide[:, -12:] == 255).all()


def test_the_heading_names_lesion_and_slice(maps: Figure) -> None:
    assert maps.heading.replace("\N{NO-BREAK SPACE}", " ") == "Lesion 1, slice 8 of 16, z = 70.0 mm"


@pytest.mark.parametrize("step", [10.0, -10.0])
def test_the_level_is_that_of_the_slice_in_the_patient(step: float) -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])[:, [2, 1, 0, 3]]
    affine[2, 0], affine[2, 3] = step, 5.0
    grid = Grid((4, 3, 3), affine)
    view = AxialView.of(grid)
    heights = view.turn(np.broadcast_to(5.0 + step * np.arange(4.0)[:, None, None], (4, 3, 3)))[:, 0, 0]
    assert [view.level_mm(grid, index) for index in range(4)] == list(heights)
