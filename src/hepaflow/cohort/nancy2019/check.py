"""One printed figure set against what its own data give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``reproduced``: the same figure comes out. ``attainable``: some data agree with it, the raw data are not public. ``contradicted``: nothing printed elsewhere allows it.
#: ``rounding``: the figure is right but was cut or rounded another way than half up. ``questioned``: a choice of method that the figures rest on. ``not checkable``: it needs data that are not public.
Verdict = Literal["reproduced", "attainable", "rounding", "questioned", "contradicted", "not checkable"]


@dataclass(frozen=True, slots=True)
class Check:
    """``what`` is printed ``where``; ``printed`` and ``recomputed`` are as a reader would see them; ``why`` is the sentence."""

    key: str
    where: str
    what: str
    printed: str
    recomputed: str
    verdict: Verdict
    why: str
