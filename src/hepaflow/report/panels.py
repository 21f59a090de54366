"""Picture panels on a sheet: grey CT, a map over it, contours, colour bar with unit, sides and scale.

All panels of a figure share one matplotlib axes in millimetres of paper: an axes a panel would take most of the report's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.report.figures import INK, colormap
from hepaflow.report.view import WINDOW_HU, Crop
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

Picture = npt.NDArray[np.float32]
Lines = list[npt.NDArray[np.float64]]
_MM_PER_POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Scale:
    """A fixed colour scale: map, range, unit, and the values written under the bar. ``log`` scales are symmetric about 1.

    ``beyond`` puts an arrow at the upper end of the bar: what is more has the last colour.
    """

    name: str
    limits: tuple[float, float]
    unit: str
    ticks: tuple[float, ...]
    log: bool = False
    beyond: bool = False

    def position(self, values: Picture) -> Picture:
        """Values as 0..1 along the scale, clipped at its ends; NaN stays NaN."""
        low, high = self.limits
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.log:
                low, high = np.log(low), np.log(high)
                values = np.log(np.maximum(values, 1e-6))
            shown: Picture = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
        return shown


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the sheet (mm from its top left) a ``crop`` of a slice is drawn."""

    crop: Crop
    left: float
    top: float
    width: float
    height: float

    @property
    def factors(self) -> tuple[float, float]:
        """Paper mm per patient mm, across and down."""
        x0, x1, y1, y0 = self.crop.extent
        return self.width / (x1 - x0), self.height / (y1 - y0)

    def extent(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) on the sheet of the part of a picture that lies in the crop."""
        x0, x1, y1, y0 = self.crop.extent_inside(shape)
        (left, _, _, top), (fx, fy) = self.crop.extent, self.factors
        return (
            self.left + (x0 - left) * fx,
            self.left + (x1 - left) * fx,
            self.top + (y1 - top) * fy,
            self.top + (y0 - top) * fy,
        )

    def moved(self, lines: Lines) -> Lines:
        """Lines in patient mm (n, 2) as lines on the sheet."""
        corner = np.array([self.crop.extent[0], self.crop.extent[3]])
        return [(line - corner) * np.array(self.factors) + np.array([self.left, self.top]) for line in lines]


def sheet(figure: Canvas) -> Axes:
    """One axes over the whole figure, in mm from its top left."""
    width, height = figure.get_size_inches() * 25.4
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, float(width))
    axes.set_ylim(float(height), 0)
    axes.set_autoscale_on(False)
    return axes


def outline(mask: npt.NDArray[np.bool_], crop: Crop) -> Lines:
    """The border of ``mask`` (rows, columns) inside ``crop`` as lines (n, 2) of (x, y) in patient mm."""
    from contourpy import contour_generator

    rows, columns = crop.inside(mask.shape)
    part = np.pad(mask[rows, columns], 1)
    if not part.any():
        return []
    dr, dc = crop.spacing_mm
    x = (np.arange(columns.start - 1, columns.stop + 1) + 0.5) * dc
    y = (np.arange(rows.start - 1, rows.stop + 1) + 0.5) * dr
    lines = contour_generator(x=x, y=y, z=part.astype(np.float64)).lines(0.5)
    return [np.asarray(line, float) for line in lines]


def draw_grey(axes: Axes, grey: Picture, place: Place) -> None:
    """The CT slice on black."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((place.left, place.top), place.width, place.height, facecolor="black", linewidth=0, zorder=-1))
    axes.imshow(
        np.nan_to_num(grey[place.crop.inside(grey.shape)], nan=WINDOW_HU[0]),
        cmap="gray",
        vmin=WINDOW_HU[0],
        vmax=WINDOW_HU[1],
        extent=place.extent(grey.shape),
        interpolation="bilinear",
        interpolation_stage="data",
        aspect="auto",
    )


def draw_map(axes: Axes, values: Picture, place: Place, *, scale: Scale, opacity: float = 1.0) -> None:
    """A map over the grey picture; voxels that are NaN stay transparent."""
    part = scale.position(values[place.crop.inside(values.shape)])
    colors = colormap(scale.name)(np.nan_to_num(part), bytes=True)
    colors[..., 3] = np.where(np.isfinite(part), round(255 * opacity), 0)
    axes.imshow(colors, extent=place.extent(values.shape), interpolation="nearest", aspect="auto")


def draw_lines(axes: Axes, lines: Lines, place: Place, *, color: str, dashed: bool = False, width: float = 1.0) -> None:
    """Lines of :func:`outline` on a panel, with a thin dark edge so that they show on any colour."""
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import withStroke

    if lines:
        edge = [] if dashed else [withStroke(linewidth=width + 0.8, foreground="black")]
        style = (0, (3.0, 2.0)) if dashed else "solid"
        axes.add_collection(
            LineCollection(place.moved(lines), colors=[color], linewidths=[width], linestyles=[style], path_effects=edge),
            autolim=False,
        )


def draw_title(axes: Axes, text: str, place: Place, *, size: float = 6.8) -> None:
    """The panel's title above it, on one baseline along a row of panels (letters with tails would shift it)."""
    lines = text.split("\n")
    for number, one in enumerate(lines):
        level = place.top - 1.5 - (len(lines) - 1 - number) * 1.25 * size * _MM_PER_POINT
        axes.text(place.left, level, one, fontsize=size, fontweight="bold", ha="left", va="baseline")


def draw_sides(axes: Axes, place: Place, words: Words, *, bar_mm: float = 50.0, size: float = 5.5) -> None:
    """Right and left of the patient, and a bar of ``bar_mm`` (5 cm) of the patient."""
    from matplotlib.patheffects import withStroke

    edge = [withStroke(linewidth=1.6, foreground="black")]
    middle = place.top + place.height / 2
    for x, side, align in ((place.left + 1.0, "side_right", "left"), (place.left + place.width - 1.0, "side_left", "right")):
        axes.text(x, middle, words(side), color="white", fontsize=6.5, fontweight="bold", ha=align, va="center", path_effects=edge)
    start, level, length = place.left + 2.5, place.top + place.height - 2.0, bar_mm * place.factors[0]
    axes.plot([start, start + length], [level, level], color="white", linewidth=1.6, solid_capstyle="butt", path_effects=edge)
    text = f"{bar_mm / 10:g} cm"
    axes.text(start + length / 2, level - 0.6, text, color="white", fontsize=size, ha="center", va="bottom", path_effects=edge)


def draw_bar(axes: Axes, place: Place, scale: Scale, *, words: Words, size: float = 5.8) -> None:
    """A horizontal colour bar under a panel with its values and unit below."""
    from matplotlib.patches import Polygon

    top, height = place.top + place.height + 0.9, 1.7
    tip = height if scale.beyond else 0.0
    width = place.width - tip
    ramp = np.linspace(0, 1, 256)
    colors = colormap(scale.name)(ramp) if scale.name != "gray" else np.repeat(ramp[:, None], 3, 1)
    axes.imshow(colors[None], extent=(place.left, place.left + width, top + height, top), aspect="auto")
    if scale.beyond:
        end = place.left + width
        corners = [(end, top), (end + tip, top + height / 2), (end, top + height)]
        axes.add_patch(Polygon(corners, facecolor=colors[-1], linewidth=0))
    level = top + height + 0.5
    for value in scale.ticks:
        where = float(scale.position(np.array([value], np.float32))[0])
        text = f"{value:g}".replace("-", "\u2212")
        text = text.replace(".", ",") if words.language == "fr" else text
        align = "left" if where < 0.02 else "right" if where > 0.98 else "center"
        axes.text(place.left + where * width, level, text, fontsize=size, ha=align, va="top", color=INK)
    if scale.unit:
        axes.text(place.left + place.width / 2, level, scale.unit, fontsize=size, ha="center", va="top", color=INK)
