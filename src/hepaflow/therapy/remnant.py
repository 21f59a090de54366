"""The future liver remnant: its share of the liver by both denominators, and from masks of the segments.

Thresholds of 25, 30 and 40 %: thesis Nancy 2019, section 1.1.5; table of sources in PMC6422720. Standardized liver volume: Vauthey JN et al.
Liver Transpl 2002;8:233-240 (-794 + 1267.28 x BSA); Urata K et al. Hepatology 1995;21:1317-1321 (706.2 x BSA + 2.4). Body surface:
Mosteller RD. N Engl J Med 1987;317:1098; Du Bois D, Du Bois EF. Arch Intern Med 1916;17:863-871.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.exact import Written, exact, not_negative
from hepaflow.domain.geometry import Grid
from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.errors import InputRefused

KEY = "future-liver-remnant"
Liver = Literal["normal", "chemo", "hepatopathy"]
#: Least share (per cent) of what the liver is like.
LEAST_PERCENT: dict[Liver, Fraction] = {"normal": Fraction(25), "chemo": Fraction(30), "hepatopathy": Fraction(40)}
Formula = Literal["vauthey", "urata"]
BodySurface = Literal["mosteller", "du_bois"]
#: Couinaud's segments, IV whole.
SEGMENTS = (1, 2, 3, 4, 5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Volumes:
    """Volumes in mL: what remains, the whole liver with its tumors, the tumors. Refused: negative ones, a remnant beyond the liver without its tumors, a liver that is all tumor."""

    remnant_ml: Written
    total_ml: Written
    tumor_ml: Written = 0

    def __post_init__(self) -> None:
        remnant, total, tumor = (
            not_negative(value, what=f"the {what} volume")
            for value, what in ((self.remnant_ml, "remnant"), (self.total_ml, "liver"), (self.tumor_ml, "tumor"))
        )
        if total <= tumor or remnant > total - tumor:
            raise InputRefused("REMNANT-VOLUMES", "the remnant and the tumors do not fit in the liver", "Check the volumes")


def enough(percent: Written, liver: Liver) -> bool:
    """Whether a remnant of so many per cent reaches the threshold for such a liver (at least 25, 30 or 40). Refused: another word for the liver.

    >>> enough(25, "normal"), enough(24.9, "normal"), enough(39, "hepatopathy")
    (True, False, False)
    """
    if liver not in LEAST_PERCENT:
        raise InputRefused("REMNANT-LIVER", "the kind of liver is not known", "Use normal, chemo or hepatopathy")
    return not_negative(percent, what="the remnant's share") >= LEAST_PERCENT[liver]


def body_surface_m2(height_cm: float, weight_kg: float, formula: BodySurface = "mosteller") -> float:
    """Body surface in m2. Refused: a height or weight that is not positive.

    >>> round(body_surface_m2(175, 70), 3), round(body_surface_m2(175, 70, "du_bois"), 3)
    (1.845, 1.848)
    """
    if not (height_cm > 0 and weight_kg > 0 and math.isfinite(height_cm * weight_kg)):
        raise InputRefused("BODY-SIZE", "height or weight is not positive", "Give cm and kg")
    if formula == "mosteller":
        return math.sqrt(height_cm * weight_kg / 3600.0)
    return float(0.007184 * height_cm**0.725 * weight_kg**0.425)


def standard_liver_ml(surface_m2: Written, formula: Formula = "vauthey") -> Fraction:
    """Volume in mL that a body of this surface usually has. Refused: a surface too small for the formula."""
    surface = exact(surface_m2, what="the body surface")
    volume = exact("1267.28") * surface - 794 if formula == "vauthey" else exact("706.2") * surface + exact("2.4")
    if volume <= 0 or surface <= 0:
        raise InputRefused("BODY-SIZE", "the body surface is too small for the formula", "Check height and weight")
    return volume


def standardized_percent(remnant_ml: Written, surface_m2: Written, formula: Formula = "vauthey") -> Fraction:
    """Remnant over standardized liver volume in per cent.

    >>> float(round(standardized_percent(400, 1.8), 1))
    26.9
    """
    return 100 * not_negative(remnant_ml, what="the remnant volume") / standard_liver_ml(surface_m2, formula)


def assess(volumes: Volumes, liver: Liver, *, surface_m2: Written | None = None, formula: Formula = "vauthey") -> Assessment:
    """``sufficient`` or ``insufficient`` when both denominators agree or only one is known, ``depends_on_denominator`` when they do not.

    Reasons: by the liver on CT without its tumors, and by the standardized volume (not available without the body surface).
    """
    remnant = exact(volumes.remnant_ml)
    by_ct = 100 * remnant / (exact(volumes.total_ml) - exact(volumes.tumor_ml))
    by_body = None if surface_m2 is None else standardized_percent(remnant, surface_m2, formula)
    said = [enough(share, liver) for share in (by_ct, by_body) if share is not None]
    category = "sufficient" if all(said) else "depends_on_denominator" if any(said) else "insufficient"
    least = LEAST_PERCENT[liver]
    ct: dict[str, Given] = {"percent": by_ct, "least_percent": least, "liver": liver, "denominator": "CT volume without tumors"}
    body: dict[str, Given] = {
        "percent": by_body,
        "least_percent": least,
        "liver": liver,
        "denominator": f"standardized ({formula})",
    }
    return Assessment(
        KEY,
        category,
        (
            Reason(f"{KEY}/ct", _sentence(by_ct, least, _CT), ct),
            Reason(f"{KEY}/standardized", _sentence(by_body, least, _BODY), body),
        ),
    )


_CT = Text("of the liver on CT without its tumors", "du foie au scanner sans ses tumeurs")
_BODY = Text("of the standardized liver volume", "du volume hépatique standardisé")


def _sentence(share: Fraction | None, least: Fraction, of: Text) -> Text:
    if share is None:
        return Text(f"Share {of.en}: not available.", f"Part {of.fr} : non disponible.")
    shown = f"{float(share):.1f} %"
    en, fr = ("at least", "au moins") if share >= least else ("below", "moins de")
    return Text(f"{shown} {of.en} ({en} {least} %).", f"{shown} {of.fr} ({fr} {least} %).")


def volumes_of(
    segments: npt.NDArray[np.integer], resected: Collection[int], tumor: npt.NDArray[np.bool_], *, grid: Grid
) -> Volumes:
    """Volumes from a label map of Couinaud's segments (k, j, i; 1 to 8, 0 elsewhere), those that are resected, and the tumors' mask.

    The remnant is what stays without its tumors; tumors outside the segments do not count. Refused: arrays that are not on the grid, other labels, a segment that is resected but not there.
    """
    if segments.shape != grid.shape or tumor.shape != grid.shape:
        raise InputRefused("REMNANT-SHAPE", "segments or tumors are not on the grid", "Give both on one grid")
    labels = set(np.unique(segments).tolist()) - {0}
    if not labels or not labels <= set(SEGMENTS):
        raise InputRefused("REMNANT-SEGMENTS", "the segments are not labelled 1 to 8", "Label them after Couinaud")
    if not set(resected) <= labels:
        raise InputRefused("REMNANT-SEGMENTS", "a resected segment is not in the label map", "Check the segments' numbers")
    liver = segments > 0
    stays = liver & ~np.isin(segments, list(resected)) & ~tumor
    total, remnant, sick = (float(mask.sum()) * grid.voxel_ml for mask in (liver, stays, liver & tumor))
    return Volumes(remnant, total, sick)
