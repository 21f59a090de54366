"""Who came in and who stayed: a flow chart whose counts add up or is refused (STARD 2015 item 19)."""

from __future__ import annotations

from dataclasses import dataclass

from hepaflow.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Excluded:
    """Patients left out for one reason."""

    reason: str
    patients: int


@dataclass(frozen=True, slots=True)
class Flow:
    """``eligible`` patients, who was ``excluded`` and why, ``included`` patients with ``lesions``, and lesions left out of a later step (``lesions_excluded``).

    Refused: counts that do not add up (FLOW-SUM), a negative count.

    >>> Flow(41, (Excluded("too small", 3), Excluded("other", 6)), 32, 61).included
    32
    """

    eligible: int
    excluded: tuple[Excluded, ...]
    included: int
    lesions: int
    lesions_excluded: tuple[Excluded, ...] = ()

    def __post_init__(self) -> None:
        counts = [self.eligible, self.included, self.lesions, *(one.patients for one in (*self.excluded, *self.lesions_excluded))]
        if min(counts) < 0:
            raise InputRefused("FLOW-NEGATIVE", "a count of the flow chart is negative", "Give counts of 0 or more")
        left = self.eligible - sum(one.patients for one in self.excluded)
        if left != self.included:
            raise InputRefused(
                "FLOW-SUM",
                f"the flow chart leaves {left} patients after its exclusions and says {self.included} are included",
                "Correct the counts",
            )
        if sum(one.patients for one in self.lesions_excluded) > self.lesions:
            raise InputRefused("FLOW-SUM", "more lesions are excluded than there are", "Correct the counts")

    @property
    def analysed(self) -> int:
        """Lesions left after the last exclusions."""
        return self.lesions - sum(one.patients for one in self.lesions_excluded)
