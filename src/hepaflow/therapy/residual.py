"""A look for residual tumor along an ablation zone by perfusion: nodules of high arterial and low portal flow beside the zone.

After ablation a thin even rim of hyperemia around the zone is usual; residual tumor is nodular and on one side. The thresholds are heuristic and
not validated: what is found is to be looked at, nothing is diagnosed. (Thesis Nancy 2019 on hyperarterialized tissue after radiofrequency.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.errors import InputRefused, UsageError

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float32]
KEY = "residual-look"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where and for what is looked: shell of ``width_mm`` around the zone; arterial flow from ``arterial`` times and portal flow up to ``portal`` times that of
    healthy liver; ``beyond_sd``: and beyond healthy liver by so many standard deviations; nodules of ``least_ml``; a rim that covers ``rim_share`` of the zone's surface is
    no nodule. All heuristic.
    """

    width_mm: float = 10.0
    arterial: float = 1.5
    portal: float = 0.7
    beyond_sd: float = 2.0
    least_ml: float = 0.1
    rim_share: float = 0.5

    def __post_init__(self) -> None:
        if min(self.width_mm, self.arterial, self.portal, self.beyond_sd, self.least_ml, self.rim_share) <= 0 or self.rim_share > 1:
            raise UsageError(
                "RESIDUAL-RULE", "a number of the rule is not positive, or the rim's share is above 1", "Check the rule"
            )


HEURISTIC = Rule()


@dataclass(frozen=True, slots=True)
class Healthy:
    """Arterial and portal flow of healthy liver in mL/min/100 g with the standard deviation of a voxel there."""

    habf: float
    hpbf: float
    habf_sd: float
    hpbf_sd: float


@dataclass(frozen=True, slots=True)
class Nodule:
    """Something to look at: center in mm LPS, volume in mL, mean arterial and portal flow, and the share of the zone's directions that it covers."""

    center_mm: tuple[float, float, float]
    volume_ml: float
    habf: float
    hpbf: float
    share: float


@dataclass(frozen=True, slots=True)
class Look:
    """Nodules, the largest first, the share of the zone's surroundings that a rim covers, and the assessment."""

    nodules: tuple[Nodule, ...]
    rim_share: float
    assessment: Assessment


def look(habf: Map, hpbf: Map, *, zone: Mask, liver: Mask, healthy: Healthy, grid: Grid, rule: Rule = HEURISTIC) -> Look:
    """Look around an ablation ``zone`` in the ``liver`` on maps of arterial and portal flow (k, j, i; NaN unknown).

    ``suspicious`` where a nodule is found, ``nothing_seen`` where not, ``not_evaluable`` where less than half of the shell has a value. Refused: arrays that are
    not on the grid, an empty zone, a healthy liver without flow.
    """
    from scipy.ndimage import distance_transform_edt, label

    if any(part.shape != grid.shape for part in (habf, hpbf, zone, liver)):
        raise InputRefused("MASK-SHAPE", "maps or masks are not on one grid", "Give all on one grid")
    if not zone.any():
        raise InputRefused("MASK-EMPTY", "the ablation zone is empty", "Draw it")
    if not (healthy.habf > 0 and healthy.hpbf > 0):
        raise InputRefused("HEALTHY-NO-FLOW", "healthy liver has no arterial or portal flow to compare with", "Check the reference")
    shell = (distance_transform_edt(~zone, sampling=grid.spacing_mm) <= rule.width_mm) & ~zone & liver
    known = shell & np.isfinite(habf) & np.isfinite(hpbf)
    if not shell.any() or known.sum() < 0.5 * shell.sum():
        return Look((), 0.0, _said("not_evaluable", {"known_share": float(known.sum() / max(shell.sum(), 1))}))
    high = habf >= max(rule.arterial * healthy.habf, healthy.habf + rule.beyond_sd * healthy.habf_sd)
    low = hpbf <= min(rule.portal * healthy.hpbf, healthy.hpbf - rule.beyond_sd * healthy.hpbf_sd)
    pieces, count = label(known & high & low)
    center = grid.to_mm(np.argwhere(zone).mean(axis=0))
    around = _directions(shell, center, grid)
    found, rim = [], 0.0
    for number in range(1, count + 1):
        piece = pieces == number
        share = len(_directions(piece, center, grid) & around) / max(len(around), 1)
        if share >= rule.rim_share:
            rim = max(rim, share)
        elif piece.sum() * grid.voxel_ml >= rule.least_ml:
            found.append(_nodule(piece, habf, hpbf, share, grid))
    found.sort(key=lambda one: -one.volume_ml)
    numbers: dict[str, Given] = {
        "nodules": len(found),
        "rim_share": rim,
        "arterial_times": rule.arterial,
        "portal_times": rule.portal,
    }
    return Look(tuple(found), rim, _said("suspicious" if found else "nothing_seen", numbers))


def _nodule(piece: Mask, habf: Map, hpbf: Map, share: float, grid: Grid) -> Nodule:
    x, y, z = grid.to_mm(np.argwhere(piece).mean(axis=0))
    return Nodule(
        (float(x), float(y), float(z)),
        float(piece.sum() * grid.voxel_ml),
        float(habf[piece].mean()),
        float(hpbf[piece].mean()),
        share,
    )


def _directions(mask: Mask, center: npt.NDArray[np.float64], grid: Grid) -> set[tuple[int, int]]:
    """The directions from the zone's center in which a mask has voxels, in cells of about 20 degrees."""
    way = grid.to_mm(np.argwhere(mask)) - center
    length = np.linalg.norm(way, axis=1)
    way, length = way[length > 0], length[length > 0]
    height = np.floor((way[:, 2] / length + 1.0) * 4.5).astype(int)
    angle = np.floor((np.arctan2(way[:, 1], way[:, 0]) / (2.0 * np.pi) + 0.5) * 18.0).astype(int)
    return set(zip(height.tolist(), angle.tolist(), strict=True))


_TEXT = {
    "suspicious": Text(
        "Beside the ablation zone lies a nodule of high arterial and low portal flow: look at it. Heuristic, not validated.",
        "Au bord de la zone d'ablation, un nodule à flux artériel élevé et flux portal bas : à examiner. Heuristique, non validé.",
    ),
    "nothing_seen": Text(
        "No nodule of high arterial and low portal flow beside the ablation zone; an even rim is usual. Heuristic, not validated.",
        "Pas de nodule à flux artériel élevé et flux portal bas au bord de la zone ; un liseré régulier est habituel. Heuristique, non validé.",
    ),
    "not_evaluable": Text(
        "Too little of what surrounds the ablation zone was measured.",
        "Trop peu de ce qui entoure la zone d'ablation a été mesuré.",
    ),
}


def _said(category: str, numbers: dict[str, Given]) -> Assessment:
    return Assessment(KEY, category, (Reason(f"{KEY}/{category.replace('_', '-')}", _TEXT[category], numbers),))
