"""Thickness of viable tumor where a metastasis meets the liver, measured under the microscope."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from hepaflow.domain.exact import Written, not_negative
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.unsaid import not_recorded

INTERFACE: Final = "tumor-normal-interface"
#: From this thickness on it is no longer thin, mm (Brouquet 2013).
MIDDLE_FROM_MM: Final = Fraction(1, 2)
#: From this thickness on it is thick, mm (Brouquet 2013).
THICK_FROM_MM: Final = Fraction(5)
#: Slices of the perfusion protocol, mm (thesis Nancy 2019).
CT_SLICE_MM: Final = Fraction(5, 2)

MARU_BROUQUET = Source(
    "Maru et al., Ann Surg Oncol 2010;17:3010; validated by Brouquet et al., Cancer 2013;119:2778 (PMC3923892)",
    Text(
        "A predictor of disease-free survival measured on the specimen; the width of an enhancing rim on CT is another quantity.",
        "Un facteur pronostique de survie sans maladie mesuré sur la pièce ; la largeur d’un liseré rehaussé en TDM est autre chose.",
    ),
)
_WHAT = Text("the thickness of tumor at the interface", "l’épaisseur de tumeur à l’interface")


def interface_thickness(thickness_mm: Written | None) -> Assessment:
    """One nodule’s thickness in mm: ``<0.5``, ``0.5-<5`` or ``>=5``, compared exactly; refused below zero.

    The second reason says why the rim on CT must not stand in for it.

    >>> interface_thickness(4.99).category
    '0.5-<5'
    """
    if thickness_mm is None:
        return not_recorded(INTERFACE, _WHAT)
    found = not_negative(thickness_mm, what=_WHAT.en)
    category = _category(found)
    return Assessment(INTERFACE, category, (_reason(category, {"thickness_mm": found}), NOT_A_RIM))


def patient_interface(thicknesses_mm: Sequence[Written | None]) -> Assessment:
    """The patient’s thickness: the mean over nodules, in mm, not weighted by size.

    With nodules not recorded the category is given only where no value of theirs could change it: that is, when the known ones alone bring the
    mean to 5 mm; flag ``nodules-unknown``. Refused: no nodule at all (``NODULES-MISSING``).
    """
    if not thicknesses_mm:
        raise InputRefused("NODULES-MISSING", "there is no nodule to average", "Give one value a nodule, or none recorded")
    known = [not_negative(one, what=_WHAT.en) for one in thicknesses_mm if one is not None]
    unknown = len(thicknesses_mm) - len(known)
    least = sum(known, Fraction(0)) / len(thicknesses_mm)
    if not unknown:
        category = _category(least)
        return Assessment(INTERFACE, category, (_reason(category, {"mean_mm": least, "nodules": len(known)}), NOT_A_RIM))
    if least < THICK_FROM_MM:
        return not_recorded(INTERFACE, _WHAT, flags=("nodules-unknown",))
    numbers: dict[str, Fraction | int] = {"mean_at_least_mm": least, "nodules": len(thicknesses_mm), "unknown": unknown}
    return Assessment(INTERFACE, ">=5", (_reason(">=5", numbers), NOT_A_RIM), ("nodules-unknown",))


NOT_A_RIM = Reason(
    "interface-is-not-the-rim",
    Text(
        "Microscopic measure: CT slices of 2.5 mm cannot tell below 0.5 mm from 2 mm, and the enhancing rim is another quantity.",
        "Mesure microscopique : des coupes TDM de 2,5 mm ne distinguent pas moins de 0,5 mm de 2 mm, et le liseré rehaussé est autre chose.",
    ),
    {"ct_slice_mm": CT_SLICE_MM},
)


def _category(found: Fraction) -> str:
    if found < MIDDLE_FROM_MM:
        return "<0.5"
    return "0.5-<5" if found < THICK_FROM_MM else ">=5"


_TEXTS: Final = {
    "<0.5": ("interface-thin", Text("Below 0.5 mm.", "Moins de 0,5 mm.")),
    "0.5-<5": ("interface-middle", Text("From 0.5 mm to below 5 mm.", "De 0,5 mm à moins de 5 mm.")),
    ">=5": ("interface-thick", Text("5 mm or more.", "5 mm ou plus.")),
}


def _reason(category: str, numbers: dict[str, Fraction | int]) -> Reason:
    rule, text = _TEXTS[category]
    return Reason(rule, text, dict(numbers))
