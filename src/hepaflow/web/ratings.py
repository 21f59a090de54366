"""What a criterion says of lesions, in the report's own words: every part that was rated, the one that heads the report first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hepaflow.domain.lesions import Lesion, LesionResult, Ratio, ResponseCall

if TYPE_CHECKING:
    from hepaflow.report.words import Words


def told(found: LesionResult, words: Words) -> list[dict[str, Any]]:
    """Each call on a lesion: ``region`` and its name as the ``part``, texts of ``ratio`` (with interval), ``probability`` and ``category``.

    ``settled``: a category, and no less than 95 % sure; ``tone`` as of the report's cell.
    """
    # loaded here: the server starts without the report
    from hepaflow.report.tables import category_cell, ratio_with_interval

    said = []
    for call in sorted(found.response, key=lambda one: one is not found.ruling):
        cell = category_cell(call, found, words=words)
        shell = f"shell_{call.region}"
        said.append(
            {
                "criterion": call.criterion,
                "region": call.region,
                "part": words(shell) if words.has(shell) else call.region,
                "ratio": ratio_with_interval(call.ratio, words, call=call),
                "probability": words.probability(call.probability_major),
                "category": cell.text,
                "settled": cell.tone == "strong",
                "tone": cell.tone,
            }
        )
    return said


def of_case(lesion: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    """:func:`told` of a lesion of lesions.json."""
    whole = lesion.get("regions", {}).get("whole", {})
    flags = (*lesion["flags"], *whole.get("flags", ()))
    bare = Lesion(lesion["id"], {}, lesion["volume_ml"], lesion["longest_axial_diameter_mm"])
    return told(LesionResult(bare, {}, {}, tuple(_call(said) for said in lesion["response"]), flags), words)


def _call(said: Mapping[str, Any]) -> ResponseCall:
    ratio = said.get("ratio")
    return ResponseCall(
        said["criterion"],
        said["threshold"],
        said["category"],
        said["probability_major"],
        said["region"],
        tuple(said["flags"]),
        None if ratio is None else Ratio(ratio["value"], ratio["sd"], None if ratio["ci95"] is None else tuple(ratio["ci95"])),
    )
