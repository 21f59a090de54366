"""Every perfusion value of a lesion from one case to the next, judged against what repeated examinations differ by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hepaflow.domain.response import Assessment
from hepaflow.response.real_change import REPEATABILITY, Measured, Repeatability, judge
from hepaflow.units import QUANTITIES
from hepaflow.workflow.case_folder import CaseTables
from hepaflow.workflow.made_with import differences, of_case

#: What of an acquisition must agree for its numbers to be compared, and by how much times may differ (s).
_SAME = ("kvp", "contrast_volume_ml", "contrast_flow_ml_s")
_TIMES_S = 1.0
#: No value of a case is larger.
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity of one region of a lesion (or of the healthy liver) between two cases."""

    region: str
    quantity: str
    assessment: Assessment


def differs(first: CaseTables, second: CaseTables) -> tuple[str, ...]:
    """What the two cases do not share: ``model``, ``density_g_ml``, ``haematocrit``, ``release``, ``protocol``."""
    made = [of_case(case.table, case.folder) for case in (first, second)]
    protocol = () if _same_protocol(first.summary, second.summary) else ("protocol",)
    return (*differences(made), *protocol)


def of_lesion(
    first: CaseTables,
    second: CaseTables,
    lesion: tuple[str, str],
    *,
    repeatability: Mapping[str, Repeatability] = REPEATABILITY,
) -> tuple[Change, ...]:
    """All quantities that both cases hold of the whole lesion, ``lesion`` being its name in either."""
    apart = differs(first, second)
    before, after = (_region(case.lesion(name), "whole") for case, name in zip((first, second), lesion, strict=True))
    return tuple(
        Change("whole", key, judge(key, _measured(before[key]), _measured(after[key]), repeatability=repeatability, differs=apart))
        for key in QUANTITIES
        if key in before and key in after
    )


def _same_protocol(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    one, other = (found if isinstance(found := case.get("acquisition"), dict) else {} for case in (first, second))
    if any(one.get(key) != other.get(key) for key in _SAME):
        return False
    times = [[_number(time) for time in found] if isinstance(found := case.get("times_s"), list) else [] for case in (one, other)]
    return len(times[0]) == len(times[1]) and all(
        a is not None and b is not None and abs(a - b) <= _TIMES_S for a, b in zip(*times, strict=True)
    )


def _region(lesion: Mapping[str, Any] | None, name: str) -> dict[str, Mapping[str, Any]]:
    regions = (lesion or {}).get("regions")
    found = regions.get(name) if isinstance(regions, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if key in QUANTITIES and isinstance(value, dict)}


def _measured(value: Mapping[str, Any]) -> Measured:
    return Measured(*(_number(value.get(key)) for key in ("value", "sd")))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        return None
    return float(value)


def beyond(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that are more than repeats differ by."""
    return tuple(change for change in changes if change.assessment.category in ("decrease", "increase"))
