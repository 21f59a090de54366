"""A patient's visits as a reader writes them down: lesions, what became of them, and their sizes (exact numbers, mm and HU)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from hepaflow.errors import InputRefused

Role = Literal["target", "non-target", "new"]
#: ``fragments``: the lesion split, its sizes are added up; ``merged``: it grew together with another lesion, which carries the size of both.
State = Literal["measured", "absent", "too_small", "not_evaluated", "fragments", "merged"]
ROLES: tuple[Role, ...] = ("target", "non-target", "new")
STATES: tuple[State, ...] = ("measured", "absent", "too_small", "not_evaluated", "fragments", "merged")
#: What a visible lesion that is too small to measure counts (RECIST 1.1, 4.3.2).
TOO_SMALL_MM = Fraction(5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One lesion at one visit.

    ``diameter_mm`` is the longest axial diameter, ``perpendicular_mm`` the one across it, ``short_axis_mm`` that of a node; ``viable_mm`` and
    ``viable_perpendicular_mm`` are those of the part that enhances in the arterial phase; ``hu`` the mean attenuation in the portal phase;
    ``morphology`` the group 1 to 3 of Chun. ``unequivocal`` is the reader's word: of a non-target lesion, that it has progressed beyond
    doubt (None: no); of a new one, that it is a metastasis beyond doubt (None: yes). Sizes of fragments are given added up; ``merged_with`` is the lesion that carries a merged one. None is "not there", never
    zero: a measured lesion without the size that a criterion reads counts as not evaluated. Refused: a negative size, a morphology that is no
    group, a non-target lesion that has progressed though it is absent or was not evaluated.
    """

    lesion: str
    role: Role
    state: State = "measured"
    organ: str | None = None
    nodal: bool = False
    diameter_mm: Fraction | None = None
    perpendicular_mm: Fraction | None = None
    short_axis_mm: Fraction | None = None
    viable_mm: Fraction | None = None
    viable_perpendicular_mm: Fraction | None = None
    hu: Fraction | None = None
    morphology: int | None = None
    unequivocal: bool | None = None
    merged_with: str | None = None

    def __post_init__(self) -> None:
        sizes = (self.diameter_mm, self.perpendicular_mm, self.short_axis_mm, self.viable_mm, self.viable_perpendicular_mm)
        if any(size is not None and size < 0 for size in sizes):
            raise InputRefused("NUMBER-NEGATIVE", "a size of a lesion is negative", "Check the value")
        if self.morphology not in (None, 1, 2, 3):
            raise InputRefused("MORPHOLOGY-GROUP", "a morphology group is not 1, 2 or 3", "Give the group of Chun, 1 to 3")
        if self.role == "non-target" and self.unequivocal and self.state in ("absent", "not_evaluated"):
            raise InputRefused(
                "VISITS-CONTRADICTION",
                "a non-target lesion is said to have progressed and to be absent or not evaluated",
                "Correct state or unequivocal",
            )

    @property
    def size_mm(self) -> Fraction | None:
        """What the lesion adds to the sum: short axis of a node, longest diameter of another; 0 when gone or merged into another, 5 when too small to measure and not measured, None when not evaluated."""
        if self.state == "not_evaluated":
            return None
        if self.state in ("absent", "merged"):
            return Fraction(0)
        given = self.short_axis_mm if self.nodal else self.diameter_mm
        if self.state == "too_small" and given is None:
            return TOO_SMALL_MM
        return given


@dataclass(frozen=True, slots=True)
class Visit:
    """What was found at one examination, lesions by their identity.

    Refused: a lesion that is there twice, one that merged into another where no other is there to carry its size (for a target: no other target).
    """

    name: str
    day: date | None
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        names = [found.lesion for found in self.findings]
        if len(set(names)) != len(names):
            raise InputRefused("VISITS-REPEATED", "a visit holds a lesion twice", "Give one row a visit and lesion")
        carriers = [found.role for found in self.findings if found.state not in ("absent", "merged")]
        for found in self.findings:
            if found.state == "merged" and ("target" not in carriers if found.role == "target" else not carriers):
                raise InputRefused(
                    "VISITS-MERGED",
                    "a lesion merged into another, but no lesion of the visit carries the size of both",
                    "Give the merged lesion's longest diameter in the row of one of them",
                )

    def of(self, lesion: str) -> Finding | None:
        """The finding of a lesion, if it was looked at."""
        return next((found for found in self.findings if found.lesion == lesion), None)


@dataclass(frozen=True, slots=True)
class Visits:
    """All visits of one patient in order of time, the first being the baseline.

    Refused: none, visits of one name, dates that do not rise, some visits dated and others not, a new, absent or merged lesion at the baseline, a target or
    non-target lesion that the baseline does not hold, a lesion that changes its role or is once a node and once not.
    """

    visits: tuple[Visit, ...]

    def __post_init__(self) -> None:
        if not self.visits:
            raise InputRefused("VISITS-EMPTY", "there is no visit", "Give the baseline and at least one later visit")
        names = [visit.name for visit in self.visits]
        if len(set(names)) != len(names):
            raise InputRefused("VISITS-REPEATED", "two visits have the same name", "Give every visit its own name")
        days = [visit.day for visit in self.visits if visit.day is not None]
        if 0 < len(days) < len(self.visits):
            raise InputRefused("VISITS-DATE", "some visits have a date and others have none", "Date every visit, or none")
        if any(later <= earlier for earlier, later in pairwise(days)):
            raise InputRefused("VISITS-ORDER", "the dates of the visits do not rise from one to the next", "Check the dates")
        self._check_lesions()

    def _check_lesions(self) -> None:
        first = self.visits[0]
        if any(found.role == "new" for found in first.findings):
            raise InputRefused("VISITS-BASELINE", "a lesion of the first visit is called new", "Call it target or non-target")
        if any(found.state in ("absent", "merged") for found in first.findings):
            raise InputRefused(
                "VISITS-BASELINE",
                "a lesion of the first visit is absent or merged",
                "Leave its row out, and call it new where it appears",
            )
        seen: dict[str, Finding] = {found.lesion: found for found in first.findings}
        for number, visit in enumerate(self.visits[1:], start=2):
            for found in visit.findings:
                known = seen.setdefault(found.lesion, found)
                if known is found and found.role != "new":
                    raise InputRefused(
                        "VISITS-BASELINE",
                        f"visit {number} holds a {found.role} lesion that the first visit does not",
                        "Add its baseline, or call it new",
                    )
                if (known.role, known.nodal) != (found.role, found.nodal):
                    raise InputRefused(
                        "VISITS-ROLE", f"a lesion of visit {number} has another role or kind than before", "Keep role and nodal"
                    )

    @property
    def baseline(self) -> Visit:
        """The first visit."""
        return self.visits[0]

    @property
    def followups(self) -> tuple[Visit, ...]:
        """Those after it."""
        return self.visits[1:]
