"""Is a lesion the ideal candidate for ablation: smaller than 3 cm, away from the hilum and from large vessels, perfectly visible.

The list is that of the image-guided therapy abstract (about 90 % of local control in such lesions). It does not say how far "away" is: the
distances here are our choice, printed with every verdict. The software decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from hepaflow.domain.exact import Written, not_negative
from hepaflow.domain.geometry import Grid
from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.therapy.distances import SurfaceDistance, surface_distance
from hepaflow.therapy.masks import Mask

KEY = "ablation-ideal-candidate"
#: Strictly below this (image-guided therapy abstract).
LARGEST_MM = Fraction(30)
#: Our choice, as the abstract gives no number.
HILUM_MM, VESSEL_MM = Fraction(10), Fraction(5)
NOT_DECIDED = Text("Measured, not decided by software.", "Mesuré, non décidé par un logiciel.")
Verdict = Literal["met", "not_met", "unknown"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a lesion offers: longest diameter in mm, distance in mm from its surface to the hilum and to the nearest vessel of 3 mm or more, and whether a
    reader sees it perfectly. A distance may be a plain yes or no (away or not). None is unknown.
    """

    diameter_mm: Written | None
    hilum: Written | bool | None
    vessel: Written | bool | None
    visible: bool | None


@dataclass(frozen=True, slots=True)
class MeasuredOffer:
    """An offer measured from masks, with the distances behind it (None where no mask was given) and their flags."""

    offer: Offer
    hilum: SurfaceDistance | None
    vessel: SurfaceDistance | None

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of both distances."""
        both = [one for one in (self.hilum, self.vessel) if one is not None]
        return tuple(dict.fromkeys(flag for one in both for flag in one.flags))


def measured(
    lesion: Mask, diameter_mm: Written | None, *, grid: Grid, hilum: Mask | None, vessels: Mask | None, visible: bool | None
) -> MeasuredOffer:
    """What a lesion offers, distances measured from its surface to those of the hilum and of vessels of 3 mm or more, masks (k, j, i) on ``grid``.

    A structure that is not given is unknown; one that is given and empty lies nowhere in the images, and its distance is unknown too. Visibility is the reader's word.
    """
    to_hilum, to_vessel = (None if mask is None else surface_distance(lesion, mask, grid=grid) for mask in (hilum, vessels))
    distances = [None if one is None else one.mm for one in (to_hilum, to_vessel)]
    return MeasuredOffer(Offer(diameter_mm, distances[0], distances[1], visible), to_hilum, to_vessel)


def assess(offer: Offer, *, hilum_mm: Written = HILUM_MM, vessel_mm: Written = VESSEL_MM) -> Assessment:
    """``ideal`` when all four are met, ``not_ideal`` when one is not, else ``unknown``; a reason for each with the measured value and its threshold.

    Refused: negative sizes and distances.

    >>> assess(Offer(29.9, 12, 8, True)).category, assess(Offer(30, 12, 8, True)).category, assess(Offer(20, 12, 8, None)).category
    ('ideal', 'not_ideal', 'unknown')
    """
    size = None if offer.diameter_mm is None else not_negative(offer.diameter_mm, what="the diameter")
    reasons = (
        _reason("size", _said(None if size is None else size < LARGEST_MM), size, LARGEST_MM),
        _away("hilum", offer.hilum, hilum_mm),
        _away("vessels", offer.vessel, vessel_mm),
        _reason("visible", _said(offer.visible), offer.visible, True),
    )
    said = {reason.numbers["verdict"] for reason in reasons}
    category = "not_ideal" if "not_met" in said else "unknown" if "unknown" in said else "ideal"
    return Assessment(KEY, category, (*reasons, Reason("not-decided", NOT_DECIDED, {})))


def _away(what: str, given: Written | bool | None, least_mm: Written) -> Reason:
    """Of a distance: met from ``least_mm`` on; a plain yes or no is taken as it is."""
    least = not_negative(least_mm, what="the distance asked for")
    if given is None or isinstance(given, bool):
        return _reason(what, _said(given), given, least)
    distance = not_negative(given, what="a distance")
    return _reason(what, _said(distance >= least), distance, least)


def _said(met: bool | None) -> Verdict:
    return "unknown" if met is None else "met" if met else "not_met"


_WORDS: dict[str, Text] = {
    "size": Text("Longest diameter below 30 mm", "Plus grand diamètre inférieur à 30 mm"),
    "hilum": Text("Away from the hilum (distance asked for: our choice)", "À distance du hile (distance demandée : notre choix)"),
    "vessels": Text(
        "Away from vessels of 3 mm or more (distance asked for: our choice)",
        "À distance des vaisseaux de 3 mm ou plus (distance demandée : notre choix)",
    ),
    "visible": Text("Perfectly visible to the reader", "Parfaitement visible pour le lecteur"),
}
_VERDICT: dict[Verdict, Text] = {
    "met": Text("met", "rempli"),
    "not_met": Text("not met", "non rempli"),
    "unknown": Text("not known", "inconnu"),
}


def _reason(what: str, verdict: Verdict, measured: Given, threshold: Given) -> Reason:
    words, said = _WORDS[what], _VERDICT[verdict]
    numbers: dict[str, Given] = {"verdict": verdict, "measured": measured, "threshold": threshold}
    return Reason(f"{KEY}/{what}", Text(f"{words.en}: {said.en}.", f"{words.fr} : {said.fr}."), numbers)
