"""Does this installation compute what it should? A phantom's truth against its own numbers, and worked cases from a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hepaflow.dicom.read_regions import RegionSet
from hepaflow.response.criterion import NANCY_2019
from hepaflow.store.case import Unstored
from hepaflow.workflow import truth
from hepaflow.workflow.one import follow
from hepaflow.workflow.plan import Plan

Progress = Callable[[str, int, int], None] | None

#: How far a healthy installation may be from the truth on this one phantom: its noise, and the model's own limits.
BF_SHARE = 0.12
HAF_POINTS = 0.08
RATIO_POINTS = 0.20
#: A lesion this close to the cut-off may fall on either side.
NEAR_CUT_OFF = 0.15
CUT_OFF = NANCY_2019.threshold
SEED = 0
#: The largest lesions are enough to tell a sound installation from a broken one, in under a minute.
LESIONS = 3


def selfcheck(*, progress: Progress = None) -> list[dict[str, Any]]:
    """Every check as ``id, expected, got, tolerance, ok``: the whole line of work on the small phantom, in memory."""
    from hepaflow.phantom.study import PhantomSpec, build

    phantom = build(PhantomSpec(size="small", seed=SEED))
    case = Unstored()
    lesions_kept = {found.id for found in sorted(phantom.lesions, key=lambda x: -x.diameter_mm)[:LESIONS]}
    given = {
        name: phantom.labels == label
        for label, name in phantom.names.items()
        if name in lesions_kept or not name.startswith("lesion-")
    }
    series = case.given(phantom.series, digest="selfcheck")
    drawn = case.given(RegionSet(given, phantom.reference), digest="selfcheck")
    study = follow(Plan(), series, drawn, case, digest="selfcheck", progress=progress)
    healthy, lesions = study.lesions.get()
    checks = []
    for row in truth.healthy_rows(phantom.truth_regions, healthy):
        tolerance = BF_SHARE * row.truth if row.quantity == "bf" else HAF_POINTS
        checks.append(_check(f"healthy-{row.quantity}", row.truth, row.measured, tolerance))
    expected = {found.id: {"expected": found.expected} for found in phantom.lesions}
    for lesion in truth.lesion_rows(phantom.truth_regions, expected, lesions):
        checks.append(_check(f"{lesion.lesion}-bf-ratio", lesion.ratio.truth, lesion.ratio.measured, RATIO_POINTS))
        if abs(lesion.ratio.truth - CUT_OFF) > NEAR_CUT_OFF:
            name, called = f"{lesion.lesion}-response", lesion.category
            checks.append(
                {"id": name, "expected": lesion.expected, "got": called, "tolerance": None, "ok": called == lesion.expected}
            )
    return checks


def _check(name: str, expected: float, got: float | None, tolerance: float) -> dict[str, Any]:
    ok = got is not None and abs(got - expected) <= tolerance
    return {"id": name, "expected": expected, "got": got, "tolerance": tolerance, "ok": ok}
