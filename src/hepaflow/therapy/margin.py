"""The margin that an ablation left around a tumor: tumor before and zone after, on one grid after registration.

At every point of the tumor's surface: how deep it lies in the ablation zone (negative where the zone does not reach it). Evidence for the classes:
local progression within 2 years in 74, 54, 26 and 20 % for margins of 0, 1 to 5, 6 to 10 and 11 to 15 mm (PMC4122121); none beyond 10 mm,
hazard ratio 14.6 at 5 mm or less (PMC5803367).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.exact import Written, exact, not_negative
from hepaflow.domain.geometry import Grid
from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.errors import InputRefused
from hepaflow.therapy.masks import Mask, checked, filled, touches_edge
from hepaflow.therapy.surface import FloatArray, Surface, depth_mm, surface_of

KEY = "ablation-margin"
#: Up to this a margin is insufficient, from that on it is optimal (A0).
INSUFFICIENT_MM, OPTIMAL_MM = exact(5), exact(10)
#: Shares of the surface are given below these.
BELOW_MM = (0.0, 5.0, 10.0)
DEFINITION = Text(
    "Margin: depth of each point of the tumor's surface in the ablation zone after registration; insufficient up to 5 mm, adequate above 5 mm, optimal (A0) from 10 mm on.",
    "Marge : profondeur de chaque point de la surface tumorale dans la zone d'ablation après recalage ; insuffisante jusqu'à 5 mm, adéquate au-delà de 5 mm, optimale (A0) à partir de 10 mm.",
)
SUBCAPSULAR = Text(
    "Subcapsular: points of the tumor's surface that lie nearer to the liver's capsule than the margin wanted; the margin cannot be reached there and they are counted apart.",
    "Sous-capsulaire : points de la surface tumorale plus proches de la capsule hépatique que la marge voulue ; la marge ne peut y être atteinte et ils sont comptés à part.",
)


@dataclass(frozen=True, slots=True)
class Shares:
    """Least margin in mm and the shares of the surface below 0, 5 and 10 mm; None where no surface is left."""

    least_mm: float | None
    below: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """The margin map: ``points_mm`` (n, 3) LPS of the tumor's surface, ``margin_mm`` (n,) there, and which of them are ``subcapsular`` (n,).

    ``whole`` counts every point, ``within`` all but the subcapsular ones. ``residual_share`` of the tumor's volume lies outside the zone.
    """

    points_mm: FloatArray
    margin_mm: FloatArray
    subcapsular: Mask
    whole: Shares
    within: Shares
    residual_share: float
    registration_error_mm: float
    flags: tuple[str, ...]


def category(least_mm: Written) -> str:
    """``insufficient`` up to 5 mm, ``adequate`` above, ``optimal`` from 10 mm on; compared exactly.

    >>> category(5), category(5.1), category(10)
    ('insufficient', 'adequate', 'optimal')
    """
    least = exact(least_mm, what="the margin")
    return "insufficient" if least <= INSUFFICIENT_MM else "adequate" if least < OPTIMAL_MM else "optimal"


def measure(
    tumor: Mask, zone: Mask, *, grid: Grid, registration_error_mm: float, liver: Mask | None = None, wanted_mm: float = 10.0
) -> Margin:
    """The margin of an ablation, tumor before and zone after as masks (k, j, i) on ``grid``.

    ``registration_error_mm`` is how far the two examinations may lie apart. With the ``liver`` as it was before, points nearer to its capsule than ``wanted_mm`` are
    subcapsular. Refused: masks that are empty or not on the grid, a tumor that does not lie in the liver, a negative error or margin.
    """
    error = float(not_negative(registration_error_mm, what="the registration error"))
    wanted = float(not_negative(wanted_mm, what="the margin wanted"))
    surface = surface_of(filled(tumor, grid, what="the tumor"), grid)
    if not len(surface.points_mm):
        raise InputRefused("MARGIN-NO-SURFACE", "the tumor fills the whole image and has no surface", "Is the mask inverted?")
    depth = depth_mm(surface.points_mm, surface_of(filled(zone, grid, what="the ablation zone"), grid))
    near = np.zeros(len(depth), bool) if liver is None else _near_capsule(surface, liver, tumor, grid, wanted)
    flags = ("mask-truncated",) if touches_edge(tumor) or touches_edge(zone) else ()
    residual = float((tumor & ~zone).sum() / tumor.sum())
    return Margin(
        surface.points_mm,
        depth,
        near,
        _shares(depth, surface.area_mm2),
        _shares(depth[~near], surface.area_mm2[~near]),
        residual,
        error,
        (*flags, *(("ablation-residual",) if residual > 0 else ())),
    )


def assess(margin: Margin) -> Assessment:
    """The class of the least margin, and whether the registration error could change it (``margin-within-registration-error``); subcapsular points apart."""
    least = margin.whole.least_mm
    assert least is not None  # a tumor has a surface
    said = category(least)
    low, high = category(least - margin.registration_error_mm), category(least + margin.registration_error_mm)
    flags = (*margin.flags, *(("margin-within-registration-error",) if low != high else ()))
    numbers: dict[str, Given] = {
        "least_mm": least,
        "registration_error_mm": margin.registration_error_mm,
        "residual_share": margin.residual_share,
        **_in_words(margin.whole, ""),
        **_in_words(margin.within, "_without_subcapsular"),
        "subcapsular_points": int(margin.subcapsular.sum()),
    }
    text = Text(f"Least margin {least:.1f} mm: {_SAID[said].en}.", f"Marge minimale {least:.1f} mm : {_SAID[said].fr}.")
    reasons = [Reason(f"{KEY}/{said}", text, numbers), Reason(f"{KEY}/definition", DEFINITION, {})]
    if margin.subcapsular.any():
        reasons.append(Reason(f"{KEY}/subcapsular", SUBCAPSULAR, {"least_mm": margin.within.least_mm}))
    return Assessment(KEY, said, tuple(reasons), flags)


_SAID = {
    "insufficient": Text("insufficient", "insuffisante"),
    "adequate": Text("adequate", "adéquate"),
    "optimal": Text("optimal (A0)", "optimale (A0)"),
}


def _in_words(shares: Shares, suffix: str) -> dict[str, Given]:
    found = shares.below or (None, None, None)
    return {f"share_below_{limit:g}_mm{suffix}": share for limit, share in zip(BELOW_MM, found, strict=True)}


def _shares(depth: FloatArray, area: FloatArray) -> Shares:
    total = float(area.sum())
    if not depth.size or total == 0.0:
        return Shares(None, None)
    zero, five, ten = (float(area[depth < limit].sum() / total) for limit in BELOW_MM)
    return Shares(float(depth.min()), (zero, five, ten))


def _near_capsule(tumor: Surface, liver: Mask, mask: Mask, grid: Grid, wanted_mm: float) -> npt.NDArray[np.bool_]:
    """Points of the tumor's surface that lie nearer to the capsule than the margin wanted."""
    if not (checked(liver, grid, what="the liver") & mask).any():
        raise InputRefused("MARGIN-LIVER", "the tumor does not lie in the liver", "Check the masks")
    capsule = surface_of(liver | mask, grid)
    return np.asarray(depth_mm(tumor.points_mm, capsule) < wanted_mm)
