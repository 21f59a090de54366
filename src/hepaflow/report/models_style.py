"""How a model looks in every figure: its own colour, line and marker, told apart without colour too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hepaflow.kinetics.catalogue import MODELS

#: Okabe and Ito's colours, distinct in every common colour blindness; in the order of the catalogue.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5b6b78", "#000000")
_LINES: tuple[Any, ...] = ("solid", (0, (5, 1.6)), (0, (5, 1.4, 1, 1.4)), (0, (1.2, 1.2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True, slots=True)
class ModelStyle:
    """Colour, line style and marker."""

    color: str
    line: Any
    marker: str


def style_of(model: str) -> ModelStyle:
    """The style of a model's key.

    >>> style_of("aath").color != style_of("one-compartment").color
    True
    """
    place = [one.key for one in MODELS].index(model)
    return ModelStyle(_COLORS[place % len(_COLORS)], _LINES[place % len(_LINES)], _MARKERS[place % len(_MARKERS)])
