"""Before and after chemoembolization: the same lesion's perfusion with lipiodol left out.

Lipiodol is as bright as contrast and does not wash out: a curve through it says nothing of flow. (Thesis Nancy 2019: arterial fraction, arterial and
total flow fall after TACE, and are lower in necrosis and lipiodol than in viable tumor.) Whether what is left is viable is for mRECIST and EASL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.errors import InputRefused

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float32]
KEY = "embolized"
#: Unenhanced tissue and blood stay below this (HU); calcification lies above it too and is left out with lipiodol.
LIPIODOL_HU = 120.0
#: Of the lesion that must be left to say something, and volume in mL.
LEAST_SHARE, LEAST_ML = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Rest:
    """What of a lesion is left without lipiodol: its mask, and the share of the lesion that was left out."""

    mask: Mask
    left_out: float


def without_lipiodol(unenhanced: Map, lesion: Mask, *, threshold_hu: float = LIPIODOL_HU) -> Rest:
    """The lesion (k, j, i) without voxels above ``threshold_hu`` on the unenhanced image and their neighbors, whose values they share.

    Voxels without a value are left out too. Refused: arrays of different shapes, an empty lesion, a threshold that is not above 0.
    """
    from scipy.ndimage import binary_dilation, generate_binary_structure

    if unenhanced.shape != lesion.shape:
        raise InputRefused("MASK-SHAPE", "the lesion is not on the grid of the unenhanced image", "Give both on one grid")
    if not lesion.any():
        raise InputRefused("MASK-EMPTY", "the lesion is empty", "Draw it")
    if not threshold_hu > 0:
        raise InputRefused("LIPIODOL-THRESHOLD", "the threshold of lipiodol is not above 0 HU", "Give HU such as 120")
    bright = binary_dilation(unenhanced > threshold_hu, structure=generate_binary_structure(3, 1))
    rest = lesion & ~bright & np.isfinite(unenhanced)
    return Rest(rest, 1.0 - float(rest.sum() / lesion.sum()))


def compare(before: dict[str, tuple[Map, Mask]], after: dict[str, tuple[Map, Rest]], *, grid_after: Grid) -> Assessment:
    """Means of every map over the lesion before and over what is left of it after, with the change: ``compared``, or ``not_evaluable`` where too little is left.

    ``before`` and ``after``: quantity to its map and where it counts, each on the grid of its examination. Quantities that are not in both are left out. Refused: nothing in common.
    """
    keys = [key for key in before if key in after]
    if not keys:
        raise InputRefused("EMBOLIZED-NOTHING", "the two examinations share no map", "Analyse both with one model")
    reasons = []
    for key in keys:
        rest = after[key][1]
        said = round(float(rest.mask.sum()) * grid_after.voxel_ml, 6) >= LEAST_ML and rest.left_out <= 1.0 - LEAST_SHARE
        first, last = _mean(*before[key]), _mean(after[key][0], rest.mask) if said else None
        change = None if first is None or last is None or first == 0.0 else last / first - 1.0
        numbers: dict[str, Given] = {"before": first, "after": last, "change": change, "left_out_share": rest.left_out}
        reasons.append(Reason(f"{KEY}/{key}", _sentence(key, change, rest.left_out), numbers))
    known = any(reason.numbers["change"] is not None for reason in reasons)
    return Assessment(KEY, "compared" if known else "not_evaluable", tuple(reasons))


def _mean(values: Map, where: Mask) -> float | None:
    found = values[where]
    found = found[np.isfinite(found)]
    return float(found.mean()) if found.size else None


def _sentence(key: str, change: float | None, left_out: float) -> Text:
    share = f"{100 * left_out:.0f} %"
    if change is None:
        return Text(
            f"{key.upper()}: not compared, too little is left ({share} of the lesion left out as lipiodol).",
            f"{key.upper()} : non comparé, il reste trop peu ({share} de la lésion exclus comme lipiodol).",
        )
    said = f"{100 * change:+.0f} %"
    return Text(
        f"{key.upper()} {said} outside lipiodol ({share} of the lesion left out).",
        f"{key.upper()} {said} hors lipiodol ({share} de la lésion exclus).",
    )
