"""What all criteria of a patient's course share: new lesions, what became of non-target disease, and the best response until progression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hepaflow.domain.course import Verdict
from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.domain.visits import Visit

#: What a best response is.
BEST = Text(
    "The best category from the first visit to progression.", "La meilleure catégorie de la première visite à la progression."
)


def new_lesions(visit: Visit) -> int:
    """How many new lesions a visit shows beyond doubt."""
    return sum(
        found.role == "new" and found.state not in ("absent", "not_evaluated") and found.unequivocal is not False
        for found in visit.findings
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """Non-target lesions of the baseline at a visit: how many a reader says have progressed beyond doubt, and how many are not known to be gone."""

    progressed: int
    remaining: int


def beside(baseline: Visit, visit: Visit) -> Beside:
    """What became of the non-target lesions; one without a row at the visit is not known to be gone."""
    now = [visit.of(known.lesion) for known in baseline.findings if known.role == "non-target"]
    gone = sum(found is not None and found.state in ("absent", "merged") for found in now)
    return Beside(sum(found is not None and bool(found.unequivocal) for found in now), len(now) - gone)


def best_until_progression(criterion: str, verdicts: Sequence[Verdict], order: Sequence[str]) -> Assessment | None:
    """The first category in ``order`` (best first) that any visit has, up to the first ``PD``; None when no visit is rated."""
    rated = [verdict.overall.category for verdict in verdicts if verdict.overall is not None]
    if not rated:
        return None
    considered = rated[: rated.index("PD") + 1] if "PD" in rated else rated
    category = min(considered, key=list(order).index)
    return Assessment(criterion, category, (Reason(f"{criterion}/best/{category}", BEST, {"visits": len(considered)}),))
