"""What tests read from a drawn figure of a study."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from hepaflow.report.figures import raster, vector


def words_of(figure: Any) -> str:
    """Every text of a figure in the order drawn, line breaks as spaces."""
    from matplotlib.text import Text

    raster(figure, 60)  # tick labels exist once drawn
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(Text) if text.get_visible())


def size_mm(figure: Any) -> tuple[float, float]:
    width, height = figure.get_size_inches() * 25.4
    return float(width), float(height)


def text_stays_inside(figure: Any) -> bool:
    """Nothing is cut by the edge of the paper."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    raster(figure, 60)
    agg: Any = FigureCanvasAgg(figure)
    drawn = figure.get_tightbbox(agg.get_renderer())  # inches
    width, height = figure.get_size_inches()
    return bool(drawn.x0 >= -0.01 and drawn.y0 >= -0.01 and drawn.x1 <= width + 0.01 and drawn.y1 <= height + 0.01)


def same_bytes(make: Any) -> bool:
    """Two figures made the same way are the same file, as PNG and as SVG."""
    return raster(make(), 100) == raster(make(), 100) and vector(make()) == vector(make())


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert image.mode == "RGB"
    return np.asarray(image)
