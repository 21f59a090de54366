"""The colours of maps: which perceptually uniform palette shows which quantity, the same on paper and on screen.

All are of Crameri's collection, ordered in lightness, so that they read the same to the colour-blind and in grey print.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

GREY = "gray"
#: For a quantity that has no palette of its own: flows and slopes.
FLOW = "lipari"
VOLUME, TIME = "batlow", "imola"
#: Two-sided, for ratios: its middle is 1.
RATIO = "vik"
#: Every palette in use.
NAMES = (GREY, FLOW, VOLUME, TIME, RATIO)
#: Lowest and highest shown ratio to the healthy liver; the scale is logarithmic.
RATIO_LIMITS = (0.25, 4.0)

_OF_QUANTITY = {
    "bv": VOLUME,
    "ve": VOLUME,
    "haf": VOLUME,
    "extraction": VOLUME,
    "data_share": VOLUME,
    "mtt": TIME,
    "total_mtt": TIME,
    "ttp": TIME,
}


def palette_of(key: str) -> str:
    """The name of the palette that shows a quantity.

    >>> palette_of("bf"), palette_of("mtt")
    ('lipari', 'imola')
    """
    return _OF_QUANTITY.get(key, FLOW)


@cache
def table(name: str) -> npt.NDArray[np.float64]:
    """The colours of a palette from its low to its high end: (256, 3), red, green and blue from 0 to 1.

    Importing ``cmcrameri`` would pull in pyplot and register sixty maps; one table is enough.
    """
    if name == GREY:
        found = np.repeat(np.linspace(0.0, 1.0, 256)[:, None], 3, axis=1)
    else:
        package = find_spec("cmcrameri")
        assert package is not None
        assert package.submodule_search_locations is not None
        found = np.loadtxt(Path(package.submodule_search_locations[0]) / "cmaps" / f"{name}.txt")
    found.setflags(write=False)
    return found
