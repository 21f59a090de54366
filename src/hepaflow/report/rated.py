"""Which part of a lesion a criterion read, and the ratio that it saw there: what the report prints beside the category."""

from __future__ import annotations

import math

from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import LesionResult, Ratio, ResponseCall
from hepaflow.lesions.ratios import ratio
from hepaflow.report.words import Words

Truth = dict[str, dict[str, float]]
#: Flag of a call that is less than 95 % sure.
UNSETTLED = "response-uncertain"


def first_call(result: LesionResult) -> ResponseCall | None:
    """The call that heads the report."""
    return result.ruling


def rated_part(result: LesionResult) -> str:
    """The shell that call read, else the whole lesion."""
    call = first_call(result)
    return call.region if call is not None and call.region in result.regions else "whole"


def ratio_in(case: CaseResult, result: LesionResult, part: str, *, key: str = "bf") -> Ratio | None:
    """Ratio of ``key`` to healthy liver in a part of a lesion: the whole lesion's is kept in the result, others follow from the draws."""
    if part == "whole" or part not in result.regions:
        return result.ratio.get(key)
    return ratio(result.regions[part], case.healthy, key)


def rated_ratio(case: CaseResult, result: LesionResult, *, key: str = "bf") -> Ratio | None:
    """Ratio of ``key`` where the lesion was rated."""
    return ratio_in(case, result, rated_part(result), key=key)


def rated_name(result: LesionResult, words: Words) -> str:
    """The lesion's name, with the part that was rated when that is not the whole."""
    lesion, part = words.region(result.lesion.id), rated_part(result)
    return lesion if part == "whole" else words("place_shell", lesion=lesion, shell=words(f"shell_{part}"))


def truth_key(result: LesionResult, part: str) -> str:
    """Under which name a phantom keeps the truth of a part: ``lesion-1``, ``lesion-1-vascular``."""
    return result.lesion.id if part == "whole" else f"{result.lesion.id}-{part}"


def known_ratio(truth: Truth | None, key: str) -> float | None:
    """True BF ratio under a name, when known."""
    value = (truth or {}).get(key, {}).get("ratio_bf")
    return None if value is None or not math.isfinite(value) else float(value)


def haematocrit_of(case: CaseResult) -> float | None:
    """The haematocrit that turned the inputs into plasma concentration, when one was set."""
    for step in case.history:
        value = step.parameters.get("haematocrit")
        if step.name == "inputs" and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
            return float(value)
    return None
