"""Size of each lesion against its own baseline, in per cent: what a table of lesions prints. It is not RECIST, which rates a patient by a sum."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from hepaflow.domain.course import Course, Verdict
from hepaflow.domain.exact import change
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.domain.visits import Visits
from hepaflow.errors import InputRefused

KEY = "size-change-not-recist"
FALL, RISE = Fraction(30, 100), Fraction(20, 100)
SOURCE = Source(
    "Per-lesion size change as tabulated in the thesis on CT perfusion of colorectal liver metastases, Nancy 2019",
    Text(
        "Not RECIST: one lesion, no smallest sum, no absolute rule.",
        "N'est pas RECIST : une lésion, pas de plus petite somme, pas de règle absolue.",
    ),
)
_TEXT: Mapping[str, Text] = {
    "gone": Text("The lesion has disappeared. Not RECIST.", "La lésion a disparu. N'est pas RECIST."),
    "smaller": Text(
        "The diameter has fallen by at least 30 %. Not RECIST.", "Le diamètre a diminué d'au moins 30 %. N'est pas RECIST."
    ),
    "stable": Text("Between -30 % and +20 %. Not RECIST.", "Entre -30 % et +20 %. N'est pas RECIST."),
    "larger": Text(
        "The diameter has risen by at least 20 %. Not RECIST.", "Le diamètre a augmenté d'au moins 20 %. N'est pas RECIST."
    ),
    "not_evaluable": Text("The lesion was not measured at both examinations.", "La lésion n'a pas été mesurée aux deux examens."),
}


def judge(first_mm: Fraction | None, later_mm: Fraction | None) -> Assessment:
    """One lesion from its size at the baseline and later. Refused: a negative size.

    >>> judge(Fraction(20), Fraction(14)).category
    'smaller'
    """
    if any(size is not None and size < 0 for size in (first_mm, later_mm)):
        raise InputRefused("NUMBER-NEGATIVE", "a size of a lesion is negative", "Check the value")
    relative = None if first_mm is None or later_mm is None else change(later_mm, first_mm)
    if relative is None:
        category = "not_evaluable"
    elif later_mm == 0:
        category = "gone"
    else:
        category = "smaller" if relative <= -FALL else "larger" if relative >= RISE else "stable"
    reason = Reason(f"{KEY}/{category}", _TEXT[category], {"size_base_mm": first_mm, "size_mm": later_mm, "size_change": relative})
    return Assessment(KEY, category, (reason,))


def assess(visits: Visits) -> Course:
    """Every lesion of the baseline at every later visit."""
    verdicts = [Verdict(visits.baseline.name, visits.baseline.day, None)]
    for visit in visits.followups:
        found = {}
        for first in visits.baseline.findings:
            now = visit.of(first.lesion)
            found[first.lesion] = judge(first.size_mm, None if now is None or now.state == "merged" else now.size_mm)
        verdicts.append(Verdict(visit.name, visit.day, None, lesions=found))
    return Course(KEY, tuple(verdicts), {}, None)
