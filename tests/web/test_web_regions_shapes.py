"""Laws of outlines as voxels: areas, cylinders and cones between slices, the brush in every plane."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import longest_axial
from hepaflow.web.calipers import caliper_of, measured, proposed
from hepaflow.web.planes import PLANES, Plane
from hepaflow.web.shapes import PIECES, Shape, between, redraw
from hepaflow.web.strokes import Stroke, covered

GRID = Grid(
    (9, 40, 44),
    np.array([[0, 0, 0.8, -30.0], [0, 1.1, 0, 12.0], [2.5, 0, 0, 5.0], [0, 0, 0, 1.0]]),
)
#: Slices from head to feet, columns from left to right: both turned about on the screen.
TURNED = Grid(
    (9, 40, 44),
    np.array([[0, 0, -0.8, 30.0], [0, 1.1, 0, 12.0], [-2.5, 0, 0, 40.0], [0, 0, 0, 1.0]]),
)


def ellipse(row: float, column: float, down: float, across: float, turn: float = 0.0) -> Shape:
    c, s = math.cos(turn), math.sin(turn)
    ends = [(down * c, down * s), (-down * c, -down * s), (-across * s, across * c), (across * s, -across * c)]
    return Shape("ellipse", tuple((row + r, column + q) for r, q in ends))


def disc(row: float, column: float, radius: float, rows: int = 60, columns: int = 60) -> np.ndarray:
    return ellipse(row, column, radius, radius).filled(rows, columns)


@settings(max_examples=60, deadline=None)
@given(st.floats(14, 30), st.floats(14, 30), st.floats(0, math.pi), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_an_ellipse_has_its_area(down: float, across: float, turn: float, row: float, column: float) -> None:
    area = ellipse(50 + row, 50 + column, down, across, turn).filled(100, 100).sum()
    assert area == pytest.approx(math.pi * down * across, rel=0.02)


polygons = st.lists(st.tuples(st.floats(-3, 23), st.floats(-3, 27)), min_size=3, max_size=12)


@settings(max_examples=200, deadline=None)
@given(polygons)
def test_a_line_is_filled_as_matplotlib_fills_it(points: list[tuple[float, float]]) -> None:
    polygon = np.array(points)
    rows, columns = np.mgrid[0:20, 0:24]
    centers = np.stack([rows.ravel(), columns.ravel()], -1).astype(float)
    closed = Path(np.vstack([polygon, polygon[:1]]))
    # a center on the line itself may go to either side
    on_line = distance_to(polygon, centers) < 1e-6
    ours = Shape("freehand", tuple(points)).filled(20, 24).ravel()
    theirs = closed.contains_points(centers)
    assert (ours == theirs)[~on_line].all()


def distance_to(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    best = np.full(len(points), np.inf)
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        way, square = b - a, float((b - a) @ (b - a))
        share = np.clip((points - a) @ way / square, 0, 1) if square else np.zeros(len(points))
        best = np.minimum(best, np.linalg.norm(points - a - share[:, None] * way, axis=1))
    return best


def test_a_spline_goes_through_its_points_and_holds_more_than_their_polygon() -> None:
    points = tuple((30 + 20 * math.sin(a), 30 + 20 * math.cos(a)) for a in np.linspace(0, 2 * math.pi, 8, endpoint=False))
    spline, polygon = Shape("spline", points), Shape("freehand", points)
    area, straight = spline.filled(60, 60).sum(), polygon.filled(60, 60).sum()
    assert straight < area
    assert area == pytest.approx(math.pi * 400, rel=0.03)
    assert PIECES == 12  # the page draws the same line


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("ellipse", ((0, 0), (2, 2), (1, 1))),
        ("ellipse", ((0, 0), (4, 0), (1, 0), (3, 0))),
        ("spline", ((0, 0), (2, 2))),
        ("freehand", ((0, 0), (2, 2), (math.nan, 1))),
        ("freehand", ((0, 0), (2, 2), (1e9, 1))),
    ],
)
def test_what_is_no_outline_is_refused(kind: str, points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(InputRefused, match="SHAPE-INVALID"):
        Shape(kind, points)  # type: ignore[arg-type]


def test_equal_sections_give_a_cylinder() -> None:
    section = disc(30, 30, 12.3)
    assert (between(section, section, 4, spacing_mm=(1.1, 0.8)) == section).all()


def test_two_discs_give_a_cone() -> None:
    made = between(disc(30, 30, 20), disc(30, 30, 8), 3, spacing_mm=(1.0, 1.0))
    for section, radius in zip(made, (17, 14, 11), strict=True):
        assert section.sum() == pytest.approx(math.pi * radius**2, rel=0.04)


def test_a_slanting_vessel_stays_whole() -> None:
    made = between(disc(15, 15, 5), disc(40, 30, 5), 4, spacing_mm=(1.0, 1.0))
    for n, section in enumerate(made, start=1):
        rows, columns = np.nonzero(section)
        assert section.sum() == pytest.approx(math.pi * 25, rel=0.15)
        assert (rows.mean(), columns.mean()) == pytest.approx((15 + 5 * n, 15 + 3 * n), abs=0.4)


def test_redrawing_is_idempotent_and_touches_only_what_lies_between() -> None:
    spacing, outline = (1.0, 1.0), {2: disc(30, 30, 10), 6: disc(30, 30, 14), 8: disc(30, 30, 6)}
    first = redraw(np.zeros((10, 60, 60), bool), outline, outline, sections=outline, spacing_mm=spacing)
    assert (redraw(first, outline, outline, sections=outline, spacing_mm=spacing) == first).all()
    assert first[3:6].any(axis=(1, 2)).all()
    assert not first[[0, 1, 9]].any()
    moved = redraw(first, outline, {2}, sections={2: disc(32, 28, 10)}, spacing_mm=spacing)
    assert (moved[6:] == first[6:]).all()
    assert (moved[2] == disc(32, 28, 10)).all()
    assert not (moved[4] == first[4]).all()


def test_a_key_taken_away_is_bridged_and_one_at_the_end_cut_off() -> None:
    spacing, outline = (1.0, 1.0), {2: disc(30, 30, 10), 5: disc(30, 30, 20), 8: disc(30, 30, 10)}
    full = redraw(np.zeros((10, 60, 60), bool), outline, outline, sections=outline, spacing_mm=spacing)
    bridged = redraw(full, {2, 8}, {5}, sections={}, spacing_mm=spacing)
    assert (bridged[5] == outline[2]).all()
    cut = redraw(full, {2, 5}, {8}, sections={}, spacing_mm=spacing)
    assert not cut[6:].any()
    assert (cut[:6] == full[:6]).all()


@pytest.mark.parametrize("grid", [GRID, TURNED], ids=["along", "turned"])
@pytest.mark.parametrize("key", PLANES)
@pytest.mark.parametrize("ball", [False, True])
def test_the_brush_covers_what_lies_within_its_radius_of_the_line(grid: Grid, key: str, ball: bool) -> None:
    plane = Plane.of(grid, key)
    middle = [n // 2 for n in plane.shape]
    path = ((middle[1] - 1.3, middle[2] - 2.2), (middle[1] + 0.4, middle[2] + 3.1))
    window, inside = covered(Stroke(key, middle[0], path, 4.0, ball=ball), grid)  # type: ignore[arg-type]
    made = np.zeros(grid.shape, bool)
    made[window] = inside
    ends = [grid.to_mm((plane.to_voxel @ [middle[0], *spot, 1.0])[:3]) for spot in path]
    voxels = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    way = ends[1] - ends[0]
    share = np.clip((voxels - ends[0]) @ way / (way @ way), 0, 1)
    near = np.linalg.norm(voxels - ends[0] - share[..., None] * way, axis=-1) <= 4.0
    if not ball:
        flat = np.zeros(grid.shape, bool)
        flat[tuple(middle[0] if axis == plane.axes[0] else slice(None) for axis in range(3))] = True
        near &= flat
    # beside the line itself, the voxels that its points lie in count
    extra = made & ~near
    assert (near & ~made).sum() == 0
    assert extra.sum() <= 2


def test_a_brush_smaller_than_a_voxel_paints_the_voxel_it_is_in() -> None:
    window, inside = covered(Stroke("axial", 3, ((10.4, 11.4),), 0.05), GRID)
    made = np.zeros(GRID.shape, bool)
    made[window] = inside
    assert np.argwhere(made).tolist() == [[3, 10, 11]]


@pytest.mark.parametrize(("index", "path"), [(9, ((1.0, 1.0),)), (3, ((-500.0, 3.0), (-480.0, 9.0)))])
def test_a_stroke_outside_is_refused(index: int, path: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(InputRefused, match="STROKE-OUTSIDE"):
        covered(Stroke("axial", index, path, 3.0), GRID)


@pytest.mark.parametrize(("down", "across", "turn"), [(14, 8, 0.0), (13, 9, 0.6), (9, 15, 1.1)])
def test_the_proposed_caliper_measures_both_axes_of_an_ellipse(down: float, across: float, turn: float) -> None:
    mask = np.zeros((5, 60, 60), bool)
    mask[2] = ellipse(30, 29, down, across, turn).filled(60, 60)
    mask[3] = ellipse(30, 29, down - 4, across - 4, turn).filled(60, 60)
    found = proposed(mask, Grid.from_spacing((5, 60, 60), (3.0, 1.0, 1.0))).told()
    # by voxels of 1 mm either axis is right to about one of them
    assert found["long_mm"] == pytest.approx(2 * max(down, across), abs=1.0)
    assert found["short_mm"] == pytest.approx(2 * min(down, across), abs=1.3)
    first, second = (np.subtract(*found[name]) for name in ("long", "short"))
    assert abs(first @ second) < 1e-6 * np.linalg.norm(first) * np.linalg.norm(second) + 1e-6
    assert found["long"][0][2] == pytest.approx(6.0, abs=1e-6)


def test_the_longer_axis_is_the_long_one_and_no_length_is_refused() -> None:
    short, long = ((0.0, 0.0, 0.0), (3.0, 0.0, 0.0)), ((0.0, 0.0, 0.0), (0.0, 9.0, 0.0))
    assert caliper_of(short, long) == caliper_of(long, short)
    assert caliper_of(short, long).told()["long_mm"] == 9.0
    with pytest.raises(InputRefused, match="CALIPER-INVALID"):
        caliper_of(short, (short[0], short[0]))


def at_index(*ends: tuple[float, float, float]) -> Any:
    """The axes between four voxels (k, j, i), in mm."""
    a, b, c, d = (tuple(float(v) for v in GRID.to_mm(np.array(end))) for end in ends)
    return (a, b), (c, d)


@given(st.floats(1.5, 6.0), st.floats(0.7, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, np.pi))
def test_the_longer_axis_of_a_proposed_caliper_is_the_diameter_that_tables_tell(
    radius: float, ratio: float, down: float, right: float, turn: float
) -> None:
    """Of few and coarse voxels too: criteria of size read the one, the lesion table the other."""
    grid = Grid.from_spacing((1, 24, 24), (5.0, 3.0, 3.0))
    rows, columns = np.mgrid[:24, :24] - np.array([11.0 + down, 11.0 + right])[:, None, None]
    along, across = rows * np.cos(turn) + columns * np.sin(turn), columns * np.cos(turn) - rows * np.sin(turn)
    mask = (along**2 + (across / ratio) ** 2 <= radius**2)[None]
    assume(mask.any())
    assert math.dist(*proposed(mask, grid).long) == pytest.approx(longest_axial(mask, grid).mm, abs=1e-9)


@pytest.mark.parametrize("across", range(3))
def test_a_caliper_lies_in_one_slice_of_any_direction(across: int) -> None:
    flat = [[2, 4], [8, 4], [5, 3], [5, 6]]
    long, short = at_index(*(tuple(np.insert(np.array(end, float), across, 3.0)) for end in flat))
    found = measured(long, short, GRID)
    assert {found.long, found.short} == {long, short}
    assert measured(short, long, GRID) == found


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (((3, 4, 4), (3, 12, 4), (4, 6, 2), (4, 6, 7)), "one slice"),
        (((2, 4, 4), (4, 12, 4), (3, 6, 2), (3, 6, 7)), "one slice"),
        (((3, 4, 4), (3, 12, 4), (3, 6, 2), (3, 7, 7)), "perpendicular"),
        (((3, 4, 4), (3, 12, 4), (3, 4, 4), (3, 10, 4)), "perpendicular"),
        (((3, -2, 4), (3, 12, 4), (3, 6, 2), (3, 6, 7)), "outside"),
        (((300, 4, 4), (300, 12, 4), (300, 6, 2), (300, 6, 7)), "outside"),
    ],
)
def test_what_is_no_caliper_is_refused(ends: Any, said: str) -> None:
    with pytest.raises(InputRefused, match=f"CALIPER-INVALID.*{said}"):
        measured(*at_index(*ends), GRID)


def test_a_hand_is_allowed_a_few_degrees() -> None:
    grid = Grid.from_spacing((5, 90, 90), (3.0, 1.0, 1.0))
    axis = ((10.0, 40.0, 6.0), (60.0, 40.0, 6.0))
    for degrees, kept in ((4.0, True), (6.0, False)):
        way = 20 * np.array([np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))])
        other = ((30.0, 40.0, 6.0), (30.0 + float(way[0]), 40.0 + float(way[1]), 6.0))
        if kept:
            assert measured(axis, other, grid).short == other
        else:
            with pytest.raises(InputRefused, match="perpendicular"):
                measured(axis, other, grid)
