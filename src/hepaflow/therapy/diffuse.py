"""Arterialization of the liver in words: how arterial fraction, flow and transit time lie beside what is usual. A description, never a grade.

In chronic liver disease portal flow falls, the hepatic artery makes up for part of it, and blood takes longer. The ranges are those of the control subjects of
Van Beers BE et al. AJR 2001;176:667-673 (CT, dual-input one-compartment model): six people, mean and one standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.errors import UsageError
from hepaflow.units import QUANTITIES

KEY = "arterialization"
SOURCE = "Van Beers BE et al. Hepatic perfusion parameters in chronic liver disease. AJR 2001;176:667-673: six controls, mean and one SD, one-compartment model"


@dataclass(frozen=True, slots=True)
class Usual:
    """A range of a quantity in livers without disease, where it comes from, and the model that it needs (None: any). Refused: one that is empty."""

    low: float
    high: float
    source: str
    model: str | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise UsageError("USUAL-RANGE", "a usual range is empty", "Give its low end first")


#: Transit times are those of one model; flow per 100 mL there is taken for flow per 100 g (5 % apart). A site's own ranges are better.
USUAL: Mapping[str, Usual] = {
    "haf": Usual(0.01, 0.33, SOURCE),
    "bf": Usual(74.0, 142.0, SOURCE),
    "mtt": Usual(11.0, 21.0, SOURCE, "one-compartment"),
}


def describe(values: Mapping[str, float], *, model: str, usual: Mapping[str, Usual] = USUAL) -> Assessment:
    """``described`` with a sentence for every value that has a usual range under the ``model`` that gave it, ``not_evaluable`` without any. Refused: a quantity that is not known."""
    unknown = [key for key in (*values, *usual) if key not in QUANTITIES]
    if unknown:
        raise UsageError("QUANTITY-UNKNOWN", "a quantity is not known", "Use keys such as haf, bf, mtt")
    reasons = []
    for key, value in values.items():
        known = usual.get(key)
        if known is not None and math.isfinite(value) and known.model in (None, model):
            side = "below" if value < known.low else "above" if value > known.high else "within"
            numbers: dict[str, Given] = {"value": value, "low": known.low, "high": known.high, "source": known.source}
            reasons.append(Reason(f"{KEY}/{key}-{side}", _sentence(key, side), numbers))
    reasons.append(Reason(f"{KEY}/description", _LIMIT, {}))
    return Assessment(KEY, "described" if len(reasons) > 1 else "not_evaluable", tuple(reasons))


_LIMIT = Text(
    "A description of the liver's supply; it does not stage fibrosis or cirrhosis.",
    "Description de l'apport sanguin du foie ; ne classe ni fibrose ni cirrhose.",
)
_SIDE = {
    "below": Text("below what is usual", "inférieur à l'habituel"),
    "within": Text("as usual", "dans l'habituel"),
    "above": Text("above what is usual", "supérieur à l'habituel"),
}


def _sentence(key: str, side: str) -> Text:
    name, said = QUANTITIES[key], _SIDE[side]
    return Text(f"{name.name_en} {said.en}.", f"{name.name_fr} {said.fr}.")
