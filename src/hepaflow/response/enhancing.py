"""mRECIST and EASL for hypervascular tumors: what still enhances in the arterial phase.

mRECIST: Lencioni R, Llovet JM. Semin Liver Dis 2010;30:52-60. EASL: Bruix J et al. J Hepatol 2001;35:421-430. Neither is meant for
hypovascular metastases: a colorectal metastasis has no arterial enhancement to lose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from hepaflow.domain.course import Course, Lowest, Verdict
from hepaflow.domain.exact import change
from hepaflow.domain.response import Assessment, Given, Reason, Source, Text
from hepaflow.domain.visits import Finding, Visits
from hepaflow.errors import InputRefused
from hepaflow.response.progress import beside, best_until_progression, new_lesions

#: Enhancing diameter of a measurable lesion.
SMALLEST_MM = Fraction(10)
Measure = Callable[[Finding], Fraction | None]
_LIMITS = Text(
    "For tumors that enhance in the arterial phase (hepatocellular carcinoma); not for hypovascular metastases.",
    "Pour les tumeurs rehaussées au temps artériel (carcinome hépatocellulaire) ; pas pour les métastases hypovasculaires.",
)


@dataclass(frozen=True, slots=True)
class Enhancing:
    """A criterion on a sum of what enhances: how far it must fall, how far it must rise from its smallest value, whether exactly that is enough, columns and unit."""

    key: str
    fall: Fraction
    rise: Fraction
    rise_at_least: bool
    measure: Measure
    unit: str
    columns: str
    text: Mapping[str, Text]
    source: Source


def viable_mm(found: Finding) -> Fraction | None:
    """Longest enhancing diameter in mm; 0 when gone."""
    return Fraction(0) if found.state in ("absent", "merged") else None if found.state == "not_evaluated" else found.viable_mm


def viable_mm2(found: Finding) -> Fraction | None:
    """Longest enhancing diameter times the one across it, in mm2; 0 when nothing enhances."""
    longest = viable_mm(found)
    if longest == 0:
        return longest
    across = found.viable_perpendicular_mm
    return None if longest is None or across is None else longest * across


_COMMON = {
    "CR": Text("Nothing enhances in the arterial phase any more.", "Plus aucun rehaussement au temps artériel."),
    "SD": Text("Neither response nor progression.", "Ni réponse, ni progression."),
    "NE": Text("The enhancing part of a lesion was not measured.", "La partie rehaussée d'une lésion n'a pas été mesurée."),
}
MRECIST = Enhancing(
    "mrecist",
    Fraction(30, 100),
    Fraction(20, 100),
    True,
    viable_mm,
    "mm",
    "viable_mm",
    {
        **_COMMON,
        "PR": Text(
            "The sum of enhancing diameters has fallen by at least 30 % from the baseline.",
            "La somme des diamètres rehaussés a diminué d'au moins 30 % par rapport à l'examen initial.",
        ),
        "PD": Text(
            "The sum of enhancing diameters has risen by at least 20 % from its smallest value, or there is a new lesion or unequivocal progression of non-target disease.",
            "La somme des diamètres rehaussés a augmenté d'au moins 20 % par rapport à sa plus petite valeur, ou il existe une nouvelle lésion ou une progression certaine des lésions non cibles.",
        ),
    },
    Source(
        "Lencioni R, Llovet JM. Modified RECIST (mRECIST) assessment for hepatocellular carcinoma. Semin Liver Dis 2010;30:52-60",
        _LIMITS,
    ),
)
EASL = Enhancing(
    "easl",
    Fraction(50, 100),
    Fraction(25, 100),
    False,
    viable_mm2,
    "mm2",
    "viable_mm and viable_perpendicular_mm",
    {
        **_COMMON,
        "PR": Text(
            "The enhancing area has fallen by at least 50 % from the baseline.",
            "La surface rehaussée a diminué d'au moins 50 % par rapport à l'examen initial.",
        ),
        "PD": Text(
            "The enhancing area has risen by more than 25 % from its smallest value, or there is a new lesion or unequivocal progression of non-target disease.",
            "La surface rehaussée a augmenté de plus de 25 % par rapport à sa plus petite valeur, ou il existe une nouvelle lésion ou une progression certaine des lésions non cibles.",
        ),
    },
    Source("Bruix J et al. Clinical management of hepatocellular carcinoma (EASL). J Hepatol 2001;35:421-430", _LIMITS),
)


def category(rule: Enhancing, now: Fraction, *, base: Fraction, lowest: Fraction, new_lesion: bool = False) -> str:
    """The category of a sum ``now`` that was ``base`` at the baseline and ``lowest`` at its smallest.

    >>> category(MRECIST, Fraction(35), base=Fraction(50), lowest=Fraction(50))
    'PR'
    """
    limit = (1 + rule.rise) * lowest
    if new_lesion or now > limit or (rule.rise_at_least and now == limit and now > 0):
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if now <= (1 - rule.fall) * base else "SD"


def assess(visits: Visits, rule: Enhancing = MRECIST) -> Course:
    """The target lesions of a patient over all visits. Refused: no target, or one whose enhancing part is not measured at the baseline.

    Non-target lesions that persist turn a complete response into a partial one; unequivocal progression of them is progression. A target of less than
    10 mm of enhancement at the baseline is flagged (``target-not-measurable``).
    """
    base = visits.baseline
    names = [found.lesion for found in base.findings if found.role == "target"]
    first = [rule.measure(found) for found in base.findings if found.role == "target"]
    if not names or any(not value for value in first):
        raise InputRefused("VISITS-BASELINE", "a target lesion has no enhancing part at the baseline", f"Give {rule.columns}")
    total = sum((value for value in first if value is not None), Fraction(0))
    lowest = Lowest(base.name, total)
    verdicts = [Verdict(base.name, base.day, None)]
    for visit in visits.followups:
        now = [None if (found := visit.of(name)) is None else rule.measure(found) for name in names]
        measured = sum((value for value in now if value is not None), Fraction(0))
        missing, new = sum(value is None for value in now), new_lesions(visit)
        other = beside(base, visit)
        said = category(rule, measured, base=total, lowest=lowest.value, new_lesion=new > 0 or other.progressed > 0)
        said = "NE" if missing and said != "PD" else "PR" if said == "CR" and other.remaining else said
        unit = rule.unit
        numbers: dict[str, Given] = {
            f"sum_{unit}": measured,
            f"baseline_sum_{unit}": total,
            f"nadir_sum_{unit}": lowest.value,
            "nadir_visit": lowest.visit,
            "change_from_baseline": None if missing else change(measured, total),
            "new_lesions": new,
            "non_target_progressed": other.progressed,
            "non_target_remaining": other.remaining,
            "not_evaluated": missing,
        }
        reason = Reason(f"{rule.key}/{said}", rule.text[said], numbers)
        verdicts.append(Verdict(visit.name, visit.day, Assessment(rule.key, said, (reason,))))
        if not missing and measured < lowest.value:
            lowest = Lowest(visit.name, measured)
    best = best_until_progression(rule.key, verdicts, ("CR", "PR", "SD", "PD", "NE"))
    small = any(found.role == "target" and (viable_mm(found) or Fraction(0)) < SMALLEST_MM for found in base.findings)
    return Course(rule.key, tuple(verdicts), {"sum": lowest}, best, ("target-not-measurable",) if small else ())
