"""Lesions of two cases of one patient, linked: a proposal with the distances it rests on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.lesions.identity import Links, Place, propose
from hepaflow.motion.between import Still, carry
from hepaflow.regions.diameter import longest_axial
from hepaflow.workflow.case_folder import CaseFolder, open_case

SCHEMA = 1


def link(first: Path, second: Path) -> dict[str, Any]:
    """The object that ``hepaflow link --json`` prints. Refused: a folder that is no finished case."""
    one, other = open_case(first, what="the first case"), open_case(second, what="the second case")
    found = links_of(one, other)
    return {
        "schema": SCHEMA,
        "proposed": True,
        "poor": len(found.pairs) < 0.5 * min(len(one.lesions), len(other.lesions)),
        "links": [asdict(pair) for pair in found.pairs],
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
    }


def links_of(first: CaseFolder, second: CaseFolder) -> Links:
    """Proposed links of two cases: the first one's centers are carried into the second by registration of liver on liver."""
    here, there = _places(first), _places(second)
    if here and there:
        points = np.array([place.center_mm for place in here.values()])
        moved = carry(points, *(Still(case.grid, case.image, case.liver) for case in (first, second)))
        here = {
            name: Place((float(x), float(y), float(z)), place.diameter_mm)
            for (name, place), (x, y, z) in zip(here.items(), moved, strict=True)
        }
    return propose(here, there)


def _places(case: CaseFolder) -> dict[str, Place]:
    found = {}
    for name, mask in case.lesions.items():
        if mask.any():
            x, y, z = case.grid.to_mm(np.argwhere(mask).mean(axis=0))
            found[name] = Place((float(x), float(y), float(z)), longest_axial(mask, case.grid).mm)
    return found
