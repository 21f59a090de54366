"""A figure of the report as a picture that stands alone: what it shows above it, its caption below it, both in the pixels."""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt

from hepaflow.report.content import Figure
from hepaflow.report.figures import DPI, INK, MUTED, canvas, drawn_pixels, pixels_of, styled

_MARGIN_MM = 4.0
_HEAD_MM = 7.0
_LINE_MM = 3.4
_CAPTION_PT = 6.5
#: Letters of the caption that fit on a millimetre of a line at its size (DejaVu Sans, 0.55 em a letter), with some to spare.
_LETTERS_PER_MM = 0.85


def captured(figure: Figure, *, disclaimer: str) -> npt.NDArray[np.uint8]:
    """``figure`` as RGB (rows, columns, 3): its heading and ``disclaimer`` above, its caption below, and a white margin around."""
    lines = textwrap.wrap(figure.caption, int(figure.width_mm * _LETTERS_PER_MM))
    head, tail = _HEAD_MM, 1.5 + _LINE_MM * len(lines)
    with styled():
        top = canvas(head, width_mm=figure.width_mm)
        top.text(0.0, 0.6, figure.heading, fontsize=8.5, fontweight="bold", color=INK, va="center")
        top.text(1.0, 0.6, disclaimer, fontsize=_CAPTION_PT, color=MUTED, ha="right", va="center")
        bottom = canvas(tail, width_mm=figure.width_mm)
        for number, line in enumerate(lines):
            bottom.text(0.0, 1.0 - (1.5 + _LINE_MM * number) / tail, line, fontsize=_CAPTION_PT, color=INK, va="top")
        parts = [drawn_pixels(top), pixels_of(figure), drawn_pixels(bottom)]
    margin = round(_MARGIN_MM / 25.4 * DPI)
    return np.pad(np.concatenate(parts), ((margin, margin), (margin, margin), (0, 0)), constant_values=255)
