"""RECIST 1.1, target lesions: the sum of diameters against the baseline and against the smallest sum on study.

Eisenhauer EA et al. Eur J Cancer 2009;45:228-247, sections 4.3.1 and 4.3.2; EORTC questions and clarifications.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hepaflow.domain.course import Lowest
from hepaflow.domain.exact import change
from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.domain.visits import Finding, Visit
from hepaflow.errors import InputRefused

KEY = "recist-1.1"
#: Partial response: the sum has fallen by at least this much of the baseline sum.
RESPONSE = Fraction(30, 100)
#: Progression: the sum has risen by at least this much of the smallest sum, and by at least so many mm.
PROGRESSION, PROGRESSION_MM = Fraction(20, 100), Fraction(5)
#: A node of a smaller short axis is normal.
NORMAL_NODE_MM = Fraction(10)

_CR = Text(
    "All target lesions have disappeared, and every target node has a short axis below 10 mm.",
    "Toutes les lésions cibles ont disparu et chaque ganglion cible a un petit axe inférieur à 10 mm.",
)
_PD = Text(
    "The sum of diameters has risen by at least 20 % and by at least 5 mm from the smallest sum on study.",
    "La somme des diamètres a augmenté d'au moins 20 % et d'au moins 5 mm par rapport à la plus petite somme de l'étude.",
)
_PD_PART = Text(
    "Not all target lesions were evaluated, but those that were already make the sum rise by at least 20 % and 5 mm from the smallest sum on study.",
    "Les lésions cibles n'ont pas toutes été évaluées, mais celles qui l'ont été suffisent à augmenter la somme d'au moins 20 % et 5 mm par rapport à la plus petite somme de l'étude.",
)
_PR = Text(
    "The sum of diameters has fallen by at least 30 % from the baseline sum.",
    "La somme des diamètres a diminué d'au moins 30 % par rapport à la somme initiale.",
)
_SD = Text(
    "Neither a fall of 30 % from the baseline sum nor a rise of 20 % and 5 mm from the smallest sum.",
    "Ni diminution de 30 % par rapport à la somme initiale, ni augmentation de 20 % et 5 mm par rapport à la plus petite somme.",
)
_NE = Text(
    "A target lesion was not evaluated, and those that were do not prove progression.",
    "Une lésion cible n'a pas été évaluée et les autres ne démontrent pas de progression.",
)


def progressed(total: Fraction, lowest: Fraction) -> bool:
    """Whether a sum has progressed from the smallest one: both the relative and the absolute rule.

    >>> progressed(Fraction(12), Fraction(10))
    False
    >>> progressed(Fraction("20.9"), Fraction("15.9"))
    True
    """
    return total >= (1 + PROGRESSION) * lowest and total - lowest >= PROGRESSION_MM


def targets(baseline: Visit, visit: Visit) -> tuple[Finding, ...]:
    """The baseline's target lesions as they are at ``visit``; one that has no row there was not evaluated."""
    found = []
    for known in baseline.findings:
        if known.role == "target":
            now = visit.of(known.lesion)
            found.append(now or Finding(known.lesion, "target", "not_evaluated", known.organ, known.nodal))
    return tuple(found)


def baseline_sum(baseline: Visit) -> Fraction:
    """The sum of the target lesions at the baseline in mm. Refused: a target that is not measured there."""
    sizes = [found.size_mm for found in targets(baseline, baseline)]
    if any(size is None or size == 0 for size in sizes):
        raise InputRefused(
            "VISITS-BASELINE",
            "a target lesion has no size at the baseline",
            "Give its diameter (a node: its short axis), or drop it",
        )
    return sum((size for size in sizes if size is not None), Fraction(0))


def judge(found: Sequence[Finding], base: Fraction, lowest: Lowest) -> tuple[Assessment, Fraction | None]:
    """The target response of one visit and its sum in mm (None when a lesion was not evaluated).

    Order of precedence: CR, PD, PR, SD; a visit that is not wholly evaluated is NE unless what was measured proves PD.
    """
    sizes = [finding.size_mm for finding in found]
    measured = sum((size for size in sizes if size is not None), Fraction(0))
    whole = all(size is not None for size in sizes)
    gone = whole and all(
        (size or Fraction(0)) < NORMAL_NODE_MM if finding.nodal else size == 0 for finding, size in zip(found, sizes, strict=True)
    )
    if gone:
        category, text = "CR", _CR
    elif progressed(measured, lowest.value):
        category, text = "PD", _PD if whole else _PD_PART
    elif not whole:
        category, text = "NE", _NE
    elif measured <= (1 - RESPONSE) * base:
        category, text = "PR", _PR
    else:
        category, text = "SD", _SD
    numbers: dict[str, Given] = {
        "sum_mm": measured,
        "baseline_sum_mm": base,
        "nadir_sum_mm": lowest.value,
        "nadir_visit": lowest.visit,
        "change_from_baseline": change(measured, base) if whole else None,
        "change_from_nadir": change(measured, lowest.value) if whole else None,
        "rise_from_nadir_mm": measured - lowest.value if whole else None,
        "not_evaluated": sum(size is None for size in sizes),
    }
    reason = Reason(f"{KEY}/target/{category}", text, numbers)
    flags = ("targets-not-all-evaluated",) if not whole else ()
    return Assessment(KEY, category, (reason,), flags), measured if whole else None
