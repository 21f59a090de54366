"""How every figure of the report is made: one style, one size of print, deterministic opaque PNG, no global plotting state."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from hepaflow.report.content import Figure, Film
from hepaflow.report.palettes import table
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure as Canvas

#: Text width of the A4 page.
PAGE_WIDTH_MM = 180.0
DPI = 150
#: Of a picture sent to a journal.
PRINT_DPI = 300
INK, MUTED, RULE = "#1b2733", "#5b6b78", "#c9d2d9"
ARTERIAL, PORTAL, TISSUE, ACCENT = "#b3262e", "#1f5a99", "#2d6a4f", "#1f5a7a"
#: Lesion contours, in order; distinct in lightness as well as hue.
LESION_COLORS = ("#ffd23f", "#ff8c42", "#f25f8e", "#b9e769", "#6fd3ff", "#d6a2ff", "#ffffff", "#ffb3a7")
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "svg.hashsalt": "hepaflow",
    # a dollar sign in a label is a dollar sign
    "text.parse_math": False,
}
# rcParams are process-wide: figures are drawn one at a time so that a server's threads cannot mix styles.
_LOCK = threading.RLock()


@contextmanager
def styled() -> Iterator[None]:
    """The report's style and nothing of the user's own matplotlibrc; figures are made inside it."""
    import matplotlib as mpl

    with _LOCK, mpl.rc_context(), warnings.catch_warnings():
        # a letter that the font lacks is drawn as a box; tables and report hold it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        for name, value in _STYLE.items():
            mpl.rcParams[cast(Any, name)] = value
        yield


def canvas(height_mm: float, *, width_mm: float = PAGE_WIDTH_MM) -> Canvas:
    """An empty figure of a given size on paper."""
    from matplotlib.figure import Figure as Canvas

    return Canvas(figsize=(width_mm / 25.4, height_mm / 25.4), dpi=DPI, facecolor="white")


def drawn_pixels(figure: Canvas) -> npt.NDArray[np.uint8]:
    """The figure as opaque RGB (rows, columns, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    agg: Any = FigureCanvasAgg(figure)  # matplotlib leaves these two methods untyped
    agg.draw()
    return np.ascontiguousarray(np.asarray(agg.buffer_rgba())[..., :3])


def rendered(figure: Canvas) -> tuple[bytes, tuple[int, int]]:
    """The figure as PNG bytes (opaque RGB, no metadata) and its size in pixels."""
    from PIL import Image

    pixels = drawn_pixels(figure)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=6)
    return stream.getvalue(), (int(pixels.shape[1]), int(pixels.shape[0]))


def pixels_of(figure: Figure) -> npt.NDArray[np.uint8]:
    """The picture of a block as RGB (rows, columns, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(figure.png)) as picture:
        return np.asarray(picture.convert("RGB"))


def vector(figure: Canvas) -> bytes:
    """The figure as SVG, letters as outlines so that it looks the same everywhere, without a date: same figure, same bytes."""
    stream = io.BytesIO()
    with styled():
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def raster(figure: Canvas, dpi: int = PRINT_DPI) -> bytes:
    """The figure as PNG at ``dpi`` dots an inch of paper: opaque RGB, its size on paper and nothing else beside the pixels; same figure, same bytes."""
    from PIL import Image

    shown = figure.get_dpi()
    try:
        with styled():
            figure.set_dpi(dpi)
            pixels = drawn_pixels(figure)
    finally:
        figure.set_dpi(shown)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=6, dpi=(dpi, dpi))
    return stream.getvalue()


def finished(
    figure: Canvas,
    caption: str,
    *,
    alternative: str,
    width_mm: float = PAGE_WIDTH_MM,
    film: Film | None = None,
    heading: str = "",
) -> Figure:
    """The figure as a block of the report."""
    png, pixels = rendered(figure)
    return Figure(png, pixels, width_mm, caption, alternative, film, heading)


@cache
def colormap(name: str) -> Colormap:
    """A perceptually uniform map of Crameri's collection (batlow, lipari, oslo, vik ...), from its table."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(table(name), name=name)


def localized(words: Words) -> Callable[[float, int], str]:
    """Tick labels with the language's decimal sign and no needless zeros."""

    def label(value: float, _position: int) -> str:
        text = f"{value:g}".replace("-", "\u2212")
        return text.replace(".", ",") if words.language == "fr" else text

    return label


def whole_ticks(axes: Axes) -> None:
    """Ticks of the horizontal axis at whole numbers (passes)."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def plain_ticks(axes: Axes, words: Words) -> None:
    """Both axes with localized tick labels."""
    from matplotlib.ticker import FuncFormatter

    axes.xaxis.set_major_formatter(FuncFormatter(localized(words)))
    axes.yaxis.set_major_formatter(FuncFormatter(localized(words)))
