"""What an analysed case knows of a lesion, for those who set visits side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepaflow.domain.lesions import SHELLS
from hepaflow.errors import InputRefused
from hepaflow.response.criterion import Criterion
from hepaflow.workflow.made_with import UNKNOWN, MadeWith, of_case
from hepaflow.workflow.visits_table import read_json


@dataclass(frozen=True, slots=True)
class CaseLesion:
    """The ratio that the case's criterion judged, where, and how sure it is; and the lesion's size."""

    ratio: float | None
    sd: float | None
    diameter_mm: float | None
    region: str = "whole"
    probability: float | None = None
    made: MadeWith = UNKNOWN
    ci95: tuple[float, float] | None = None


def of_lesion(path: Path, lesion: str, rule: Criterion, *, where: str) -> CaseLesion:
    """A lesion of an analysed case (its folder or its lesions.json): its vascular part where the criterion was read there, as in its report.

    Refused, naming ``where``: a file that is no lesions.json, a case without that lesion.
    """
    folder = os.path.isdir(path)  # False, where Path.is_dir raises, for what can be no path
    tree = read_json(path / "lesions.json" if folder else path, "VISITS-CASE")
    try:
        made = of_case(tree, path if folder else path.parent)
        found = next(item for item in tree["lesions"] if item["id"] == lesion)
        diameter = _number(found["longest_axial_diameter_mm"])
        calls = [said for said in found.get("response", ()) if said["criterion"] == rule.key and said.get("ratio")]
        ruling = next((said for said in calls if said["region"] == "vascular"), calls[0] if calls else None)
        if ruling is None:
            ratio = found["ratio"].get(rule.quantity) or {}
            return CaseLesion(_number(ratio.get("value")), _number(ratio.get("sd")), diameter, made=made, ci95=_interval(ratio))
        ratio, region = ruling["ratio"], SHELLS[SHELLS.index(ruling["region"])]
        # a probability holds for the threshold it was computed at
        known = _number(ruling["probability_major"]) if ruling["threshold"] == rule.threshold else None
        return CaseLesion(_number(ratio.get("value")), _number(ratio.get("sd")), diameter, region, known, made, _interval(ratio))
    except StopIteration as error:
        raise InputRefused("VISITS-CASE", f"{where}: the case does not hold this lesion", "Check the lesion's name") from error
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputRefused(
            "VISITS-CASE", f"{where}: the case file is not a lesions.json", "Give a case folder or its lesions.json"
        ) from error


def _interval(ratio: Mapping[str, Any]) -> tuple[float, float] | None:
    found = ratio.get("ci95")
    return (float(found[0]), float(found[1])) if isinstance(found, list) and len(found) == 2 and None not in found else None


def _number(value: Any) -> float | None:
    """A number of the case file, None where there is none; TypeError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)
