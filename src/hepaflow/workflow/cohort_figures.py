"""The pictures that a paper shows of one patient, from that patient's case folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepaflow.errors import InputRefused
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.report.study_case import PLACED, halo_figure, placement_figure
from hepaflow.report.study_drawings import Drawing
from hepaflow.workflow.case_folder import CaseFolder, open_case

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def case_figures(case: Path, lesion: str | None) -> dict[str, Canvas]:
    """``placement`` (where lesion and healthy liver lie on the maps) and, where the case has a map of blood flow, ``halo`` (the rim of the lesion).

    ``lesion`` by its id; None takes the one of most voxels. Refused: what is no finished case (CASE-UNREADABLE), a case without that lesion, without any, or
    without maps (CASE-LESION, CASE-MAPS).
    """
    found = open_case(case)
    chosen = _lesion(found, lesion)
    model = str(found.tables.table.get("model"))
    maps = {key: part for key in PLACED if (part := found.map(key)) is not None}
    if not maps or model not in {one.key for one in MODELS}:
        raise InputRefused("CASE-MAPS", "the case holds no maps of a model that is known", "Run hepaflow analyze again")
    mask = found.lesions[chosen]
    figures = {
        "placement": placement_figure(
            found.image, maps, grid=found.grid, lesion=mask, healthy=found.healthy, liver=found.liver, model=model
        )
    }
    flow = maps.get("bf")
    if flow is not None:
        others = np.zeros(mask.shape, bool)
        for name, other in found.lesions.items():
            others |= other & (name != chosen)
        figures["halo"] = halo_figure(
            found.image, flow, grid=found.grid, lesion=mask, others=others, healthy_flow=_healthy_flow(found, flow), model=model
        )
    return figures


def case_drawings(case: Path, lesion: str | None) -> dict[str, Drawing]:
    """The figures of a case as figures of a study's report."""
    said = {
        "placement": (
            "Placement of regions: lesion and healthy liver on CT and perfusion maps of one case.",
            "Regions on maps of one case",
        ),
        "halo": (
            "Rim of one lesion: borders of core, rim and surround on CT and blood flow, and flow over the distance from the lesion's border.",
            "Rim of one lesion",
        ),
    }
    return {key: Drawing(key, canvas, *said[key]) for key, canvas in case_figures(case, lesion).items()}


def _lesion(found: CaseFolder, lesion: str | None) -> str:
    if lesion is None and found.lesions:
        return max(found.lesions, key=lambda name: int(found.lesions[name].sum()))
    if lesion is None or lesion not in found.lesions:
        raise InputRefused("CASE-LESION", "the case does not hold this lesion", "Give the id of a lesion in lesions.json")
    return lesion


def _healthy_flow(found: CaseFolder, flow: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float | None:
    """Median of the map in the healthy region: what voxels of the map compare with."""
    inside = flow[found.healthy] if found.healthy is not None else flow[:0]
    inside = inside[np.isfinite(inside)]
    return float(np.median(inside)) if inside.size else None
