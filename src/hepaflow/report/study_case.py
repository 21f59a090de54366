"""The pictures that a paper shows of one patient: where the regions lie on the maps, and the rim of a lesion on CT, map and profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.sample import Bools, Floats
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.regions.shells import RIM_MM, SURROUND_MM, border_distance
from hepaflow.report.figures import ACCENT, INK, MUTED, TISSUE, canvas, styled
from hepaflow.report.figures_maps import GREY_SCALE, Panel, scale_of
from hepaflow.report.panels import Place, draw_bar, draw_grey, draw_lines, draw_map, draw_sides, draw_title, outline, sheet
from hepaflow.report.study_style import SMALL_PT, TWO_COLUMNS_MM, plain_axis
from hepaflow.report.view import AxialView, Crop, largest_slice
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

Volume = npt.NDArray[np.float32]
#: Maps shown where a case has them, in this order.
PLACED = ("bf", "habf", "hpbf", "bv", "mtt", "ttp")
_LESION, _HEALTHY = "#ffffff", "#5fe3a1"
_RIM, _SURROUND = "#ffd23f", "#6fd3ff"
_ACROSS, _ASPECT, _GAP_MM, _EDGE_MM = 4, 1.25, 2.5, 1.0
_TITLE_MM, _BAR_MM = 4.6, 6.6
#: The halo is shown this far beyond the border, and profiled in steps.
BEYOND_MM, STEP_MM = 14.0, 2.0
#: A step of the profile with fewer voxels is not drawn.
LEAST_VOXELS = 5


def placement_figure(
    image: Volume, maps: Mapping[str, Volume], *, grid: Grid, lesion: Bools, healthy: Bools | None, liver: Bools, model: str
) -> Canvas:
    """CT and ``maps`` (by quantity; at most six) of one axial slice with the outline of the lesion and of the healthy reference.

    All arrays (k, j, i) on ``grid``; NaN: nothing there. The slice is that with most of both regions; where none has both, that of the lesion, and the first
    map is shown once more where the reference is.
    Refused: no map, more than six (FIGURE-MAPS), an empty lesion (FIGURE-EMPTY).
    """
    if not 1 <= len(maps) <= 6:
        raise InputRefused("FIGURE-MAPS", f"a figure of {len(maps)} maps", "Give 1 to 6 maps")
    _not_empty(lesion)
    view, words = AxialView.of(grid), Words("en")
    index = _slice_of_both(view, lesion, healthy)
    panels = [(Panel("CT", GREY_SCALE, None), index)]
    panels += [
        (Panel(words.quantity(key), scale_of(key, words, model=model), view.turn(part)[index]), index) for key, part in maps.items()
    ]
    if healthy is not None and healthy.any() and not view.turn(healthy)[index].any():
        key, part = next(iter(maps.items()))
        other = largest_slice(view, healthy)
        title = f"{words.quantity(key)}, another slice"
        panels.append((Panel(title, scale_of(key, words, model=model), view.turn(part)[other]), other))
    rows = -(-len(panels) // _ACROSS)
    width = (TWO_COLUMNS_MM - 2 * _EDGE_MM - _GAP_MM * (_ACROSS - 1)) / _ACROSS
    picture = width / _ASPECT
    step = _TITLE_MM + picture + _BAR_MM
    foot = 5.0
    with styled():
        figure = canvas(rows * step + foot)
        axes = sheet(figure)
        for number, (panel, shown) in enumerate(panels):
            row, column = divmod(number, _ACROSS)
            regions = [(view.turn(lesion)[shown], _LESION)]
            regions += [] if healthy is None else [(view.turn(healthy)[shown], _HEALTHY)]
            body = np.logical_or.reduce([view.turn(liver)[shown], *(mask for mask, _ in regions)])
            crop = Crop.around(body, (view.spacing_mm[1], view.spacing_mm[2]), margin_mm=8.0, aspect=_ASPECT)
            place = Place(crop, _EDGE_MM + column * (width + _GAP_MM), row * step + _TITLE_MM, width, picture)
            _draw_panel(axes, panel, place, grey=view.turn(image)[shown], words=words, bar_mm=50.0)
            for mask, color in regions:
                draw_lines(axes, outline(mask, crop), place, color=color, width=0.9)
        key_of = [("lesion", _LESION, "solid"), *([("healthy liver", _HEALTHY, "solid")] if healthy is not None else [])]
        _draw_key(axes, key_of, level=rows * step + foot / 2)
    return figure


def halo_figure(
    image: Volume, flow: Volume, *, grid: Grid, lesion: Bools, others: Bools, healthy_flow: float | None, model: str
) -> Canvas:
    """CT and blood flow of a lesion with the borders of core, rim and surround (as the shells of a case), and flow over the distance from its border.

    The profile takes all voxels of the lesion and of the liver (``flow`` not NaN) around it that are in no other lesion: median and quartiles of each 2 mm.
    ``healthy_flow`` (mL/min/100 g, None: unknown) is drawn as a line. Refused: an empty lesion (FIGURE-EMPTY).
    """
    _not_empty(lesion)
    view, words = AxialView.of(grid), Words("en")
    index = largest_slice(view, lesion)
    distance = signed_distance(lesion, grid)
    used = np.isfinite(flow) & ~others & (distance <= BEYOND_MM)
    spacing = (view.spacing_mm[1], view.spacing_mm[2])
    turned = view.turn(distance)[index]
    crop = Crop.around(turned <= BEYOND_MM, spacing, margin_mm=1.0, aspect=1.0)
    around = view.turn(lesion | (used & (distance <= SURROUND_MM)))[index]
    borders = [(turned <= -RIM_MM, _RIM, True), (turned <= 0.0, _LESION, False), (around, _SURROUND, True)]
    lines = [(outline(mask, crop), color, dashed) for mask, color, dashed in borders]
    side, left = 56.0, (_EDGE_MM, _EDGE_MM + 58.5)
    height = _TITLE_MM + side + _BAR_MM + 5.0
    scale = scale_of("bf", words, model=model)
    panels = (Panel("CT", GREY_SCALE, None), Panel(words.quantity("bf"), scale, view.turn(flow)[index]))
    with styled():
        figure = canvas(height)
        axes = sheet(figure)
        for panel, start in zip(panels, left, strict=True):
            place = Place(crop, start, _TITLE_MM, side, side)
            _draw_panel(axes, panel, place, grey=view.turn(image)[index], words=words, bar_mm=10.0)
            for line, color, dashed in lines:
                draw_lines(axes, line, place, color=color, dashed=dashed, width=1.1)
        key = [
            ("lesion", _LESION, "solid"),
            (f"core (> {RIM_MM:g} mm deep)", _RIM, "dashed"),
            (f"surround ({SURROUND_MM:g} mm)", _SURROUND, "dashed"),
        ]
        _draw_key(axes, key, level=height - 2.5)
        plot = figure.add_axes((131.0 / TWO_COLUMNS_MM, 17.0 / height, 48.0 / TWO_COLUMNS_MM, (side - 6.0) / height))
        _draw_profile(plot, distance[used], flow[used].astype(np.float64), healthy_flow=healthy_flow, unit=scale.unit)
        figure.legend(loc="lower right", bbox_to_anchor=(1.0, 0.0), ncols=2, handlelength=2.2, columnspacing=1.2, borderpad=0.2)
    return figure


def signed_distance(mask: Bools, grid: Grid) -> Floats:
    """Distance (k, j, i) in mm from each voxel's centre to the border of ``mask``: negative inside, positive outside, infinite beyond 14 mm."""
    window = []
    for axis, spacing in enumerate(grid.spacing_mm):
        found = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        reach = int(np.ceil(BEYOND_MM / spacing)) + 2
        window.append(slice(max(int(found[0]) - reach, 0), int(found[-1]) + reach + 1))
    place = tuple(window)
    distance = np.full(mask.shape, np.inf)
    near = border_distance(~mask[place], grid.spacing_mm) - border_distance(mask[place], grid.spacing_mm)
    distance[place] = np.where(near <= BEYOND_MM, near, np.inf)
    return distance


def profile(distance_mm: Floats, flow: Floats) -> tuple[Floats, Floats]:
    """Middles (n) of the steps of 2 mm that hold at least five voxels, and lower quartile, median and upper quartile (3, n) of ``flow`` there.

    >>> middles, quartiles = profile(np.repeat([-1.0, 1.0, 9.0], [5, 6, 4]), np.repeat([20.0, 150.0, 100.0], [5, 6, 4]))
    >>> middles.tolist(), quartiles[1].tolist()
    ([-1.0, 1.0], [20.0, 150.0])
    """
    step = np.floor(distance_mm / STEP_MM).astype(np.intp)
    kept = [one for one in np.unique(step) if np.count_nonzero(step == one) >= LEAST_VOXELS]
    found = [np.percentile(flow[step == one], (25, 50, 75)) for one in kept]
    return (np.array(kept, np.float64) + 0.5) * STEP_MM, np.array(found).reshape(-1, 3).T


def _not_empty(lesion: Bools) -> None:
    if not lesion.any():
        raise InputRefused("FIGURE-EMPTY", "the lesion to draw holds no voxel", "Choose another lesion")


def _slice_of_both(view: AxialView, lesion: Bools, healthy: Bools | None) -> int:
    areas = view.turn(lesion).sum(axis=(1, 2), dtype=np.int64)
    if healthy is not None:
        other = view.turn(healthy).sum(axis=(1, 2), dtype=np.int64)
        both = np.minimum(areas / max(areas.max(), 1), other / max(other.max(), 1))
        if both.any():
            return int(both.argmax())
    return int(areas.argmax())


def _draw_panel(axes: Axes, panel: Panel, place: Place, *, grey: Volume, words: Words, bar_mm: float) -> None:
    draw_title(axes, panel.title, place, size=7.0)
    draw_grey(axes, grey, place)
    if panel.values is None:
        draw_sides(axes, place, words, bar_mm=bar_mm, size=SMALL_PT)
    else:
        draw_map(axes, panel.values, place, scale=panel.scale)
    draw_bar(axes, place, panel.scale, words=words, size=SMALL_PT)


def _draw_key(axes: Axes, shown: list[tuple[str, str, str]], *, level: float) -> None:
    """What each outline is, on a dark strip each so that light colours show."""
    from matplotlib.patches import Rectangle

    left = 1.0
    for name, color, dash in shown:
        axes.add_patch(Rectangle((left, level - 1.5), 8.0, 3.0, facecolor="#3a4650", linewidth=0))
        style = (0, (3.0, 2.0)) if dash == "dashed" else "solid"
        axes.plot([left + 1.0, left + 7.0], [level, level], color=color, linewidth=1.2, linestyle=style)
        axes.text(left + 9.5, level, name, fontsize=SMALL_PT, va="center")
        left += 13.0 + 1.35 * len(name)


def _draw_profile(axes: Axes, distance_mm: Floats, flow: Floats, *, healthy_flow: float | None, unit: str) -> None:
    from matplotlib.transforms import blended_transform_factory

    middles, quartiles = profile(distance_mm, flow)
    axes.axvspan(-RIM_MM, 0.0, color=_RIM, alpha=0.22, linewidth=0, zorder=0)
    axes.axvspan(0.0, SURROUND_MM, color=_SURROUND, alpha=0.22, linewidth=0, zorder=0)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    if len(middles):
        axes.fill_between(middles, quartiles[0], quartiles[2], color=ACCENT, alpha=0.25, linewidth=0)
        axes.plot(middles, quartiles[1], color=ACCENT, marker="o", markersize=3.0, label="median, quartiles")
    if healthy_flow is not None:
        axes.axhline(healthy_flow, color=TISSUE, linewidth=1.0, linestyle=(0, (5, 2)), label="healthy liver")
    top = max([float(quartiles[2].max(initial=0.0)), healthy_flow or 0.0, 1.0])
    low = min(float(middles.min(initial=-RIM_MM)) - STEP_MM / 2, -RIM_MM)
    axes.set(xlim=(low, BEYOND_MM), ylim=(0, 1.12 * top), xlabel="Distance from the border (mm)", ylabel=f"Blood flow ({unit})")
    names = [("rim", -RIM_MM / 2), ("surround", SURROUND_MM / 2), *([("core", (low - RIM_MM) / 2)] if low < -RIM_MM - 4.0 else [])]
    above = blended_transform_factory(axes.transData, axes.transAxes)
    for name, middle in names:
        axes.text(middle, 1.01, name, fontsize=SMALL_PT, color=MUTED, ha="center", va="bottom", transform=above)
    plain_axis(axes.xaxis)
    plain_axis(axes.yaxis)
