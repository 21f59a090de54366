"""One picture panel: grey CT, a map over it, contours, colour bar with unit, sides and scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hepaflow.report.figures import INK, colormap
from hepaflow.report.view import WINDOW_HU, Crop
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """A fixed colour scale: map, range, unit, and the values written under the bar. ``log`` scales are symmetric about 1."""

    name: str
    limits: tuple[float, float]
    unit: str
    ticks: tuple[float, ...]
    log: bool = False

    def position(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Values as 0..1 along the scale, clipped at its ends; NaN stays NaN."""
        low, high = self.limits
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.log:
                low, high = np.log(low), np.log(high)
                values = np.log(np.maximum(values, 1e-6))
            return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


def draw_grey(axes: Axes, grey: npt.NDArray[np.float32], crop: Crop) -> None:
    """The CT slice inside ``crop`` on black."""
    axes.set_facecolor("black")
    axes.imshow(
        np.nan_to_num(grey[crop.inside(grey.shape)], nan=WINDOW_HU[0]),
        cmap="gray",
        vmin=WINDOW_HU[0],
        vmax=WINDOW_HU[1],
        extent=crop.extent_inside(grey.shape),
        interpolation="bilinear",
        interpolation_stage="data",
        aspect="equal",
    )
    left, right, bottom, top = crop.extent
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_map(axes: Axes, values: npt.NDArray[np.float32], crop: Crop, *, scale: Scale) -> None:
    """A map over the grey picture; voxels that are NaN stay transparent."""
    part = scale.position(values[crop.inside(values.shape)])
    colors = colormap(scale.name)(np.nan_to_num(part))
    colors[..., 3] = np.isfinite(part)
    axes.imshow(colors, extent=crop.extent_inside(values.shape), interpolation="nearest", aspect="equal")


def draw_contour(axes: Axes, mask: npt.NDArray[np.bool_], crop: Crop, *, color: str, dashed: bool = False, width: float = 1.0) -> None:
    """The outline of ``mask`` (rows, columns) in mm; nothing where it is empty."""
    rows, columns = crop.inside(mask.shape)
    part = np.pad(mask[rows, columns], 1)
    if not part.any():
        return
    dr, dc = crop.spacing_mm
    x = (np.arange(columns.start - 1, columns.stop + 1) + 0.5) * dc
    y = (np.arange(rows.start - 1, rows.stop + 1) + 0.5) * dr
    style: Any = "dashed" if dashed else "solid"
    axes.contour(x, y, part.astype(np.float32), levels=[0.5], colors=[color], linewidths=[width], linestyles=[style])


def draw_sides(axes: Axes, crop: Crop, words: Words) -> None:
    """Right and left of the patient, and a bar of 5 cm."""
    for x, side in ((0.02, "side_right"), (0.98, "side_left")):
        axes.text(
            x,
            0.5,
            words(side),
            transform=axes.transAxes,
            color="white",
            fontsize=6.5,
            fontweight="bold",
            ha="left" if x < 0.5 else "right",
            va="center",
        )
    left, right, bottom, top = crop.extent
    start, level = left + 0.06 * (right - left), bottom - 0.06 * (bottom - top)
    axes.plot([start, start + 50.0], [level, level], color="white", linewidth=1.6, solid_capstyle="butt")
    axes.text(start + 25.0, level - 0.015 * (bottom - top), "5 cm", color="white", fontsize=5.5, ha="center", va="bottom")


def draw_bar(figure: Canvas, box: Box, scale: Scale, *, words: Words) -> None:
    """A horizontal colour bar with its values below and its unit beside them."""
    axes = figure.add_axes(box)
    gradient = colormap(scale.name)(np.linspace(0, 1, 256))[None] if scale.name != "gray" else None
    if gradient is None:
        axes.imshow(np.linspace(0, 1, 256)[None], cmap="gray", aspect="auto", extent=(0, 1, 0, 1))
    else:
        axes.imshow(gradient, aspect="auto", extent=(0, 1, 0, 1))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    for value in scale.ticks:
        where = float(scale.position(np.array([value], np.float32))[0])
        text = f"{value:g}".replace("-", "\u2212")
        text = text.replace(".", ",") if words.language == "fr" else text
        align = "left" if where < 0.02 else "right" if where > 0.98 else "center"
        axes.text(where, -0.35, text, fontsize=5.8, ha=align, va="top", color=INK, transform=axes.transAxes)
    if scale.unit:
        axes.text(0.5 if len(scale.ticks) < 3 else 0.75, -0.35, scale.unit, fontsize=5.8, ha="center", va="top", transform=axes.transAxes)
