"""WHO criteria: the sum of products of two diameters.

Miller AB et al. Cancer 1981;47:207-214. Tables of the rule differ in whether exactly +25 % is progression: the operator is an option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hepaflow.domain.course import Course, Lowest, Verdict
from hepaflow.domain.exact import change
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.domain.visits import Finding, Visit, Visits
from hepaflow.errors import InputRefused
from hepaflow.response.progress import Beside, beside, best_until_progression, new_lesions

KEY = "who"
RESPONSE, PROGRESSION = Fraction(50, 100), Fraction(25, 100)
SOURCE = Source(
    "Miller AB et al. Reporting results of cancer treatment. Cancer 1981;47:207-214",
    Text(
        "Superseded by RECIST; small changes of two diameters add up.",
        "Remplacé par RECIST ; de petites variations de deux diamètres se cumulent.",
    ),
)
_TEXT: Mapping[str, Text] = {
    "CR": Text("All lesions have disappeared.", "Toutes les lésions ont disparu."),
    "PD": Text(
        "The product of one lesion has risen by 25 % from its smallest value, or there is a new lesion or unequivocal progression of non-target disease.",
        "Le produit d'une lésion a augmenté de 25 % par rapport à sa plus petite valeur, ou il existe une nouvelle lésion ou une progression certaine des lésions non cibles.",
    ),
    "PR": Text(
        "The sum of products has fallen by at least 50 % from the baseline.",
        "La somme des produits a diminué d'au moins 50 % par rapport à l'examen initial.",
    ),
    "NC": Text("No change: neither response nor progression.", "Pas de changement : ni réponse, ni progression."),
    "NE": Text("A lesion lacks one of its two diameters.", "Il manque à une lésion l'un de ses deux diamètres."),
}


def product(found: Finding) -> Fraction | None:
    """Longest diameter times the one across it in mm2; 0 when gone, None when one of them is not known."""
    if found.state in ("absent", "merged"):
        return Fraction(0)
    if found.state == "not_evaluated" or found.diameter_mm is None or found.perpendicular_mm is None:
        return None
    return found.diameter_mm * found.perpendicular_mm


def grown(now: Fraction, lowest: Fraction, *, at_least: bool) -> bool:
    """Whether a product has progressed: by 25 % or more (``at_least``), or by more than 25 %."""
    limit = (1 + PROGRESSION) * lowest
    return now > limit or (at_least and now == limit and now > 0)


def assess(visits: Visits, *, at_least: bool = True) -> Course:
    """WHO over all visits, from the target lesions' two diameters. Refused: no target, one without both at the baseline, a merged one of which nobody says which other carries it.

    A lesion that merged into another has no product of its own: the one that carries it has grown only if it exceeds what both were, taken together.
    Non-target lesions that persist keep a complete response from being one; unequivocal progression of them is progression.
    """
    base = visits.baseline
    known = {found.lesion: product(found) for found in base.findings if found.role == "target"}
    if not known or any(not size for size in known.values()):
        raise InputRefused(
            "VISITS-BASELINE", "a target lesion lacks a diameter at the baseline", "Give diameter_mm and perpendicular_mm"
        )
    first = {lesion: size for lesion, size in known.items() if size is not None}
    lowest = {lesion: Lowest(base.name, size) for lesion, size in first.items()}
    verdicts = [Verdict(base.name, base.day, None)]
    carried: dict[str, Fraction] = dict.fromkeys(first, Fraction(0))
    seen_merged: set[str] = set()
    for visit in visits.followups:
        now = {lesion: _at(visit, lesion) for lesion in first}
        merged = {found.lesion for found in visit.findings if found.state == "merged" and found.lesion in first}
        for lesion in sorted(merged - seen_merged):
            carried[_carrier(visit, lesion, first)] += lowest[lesion].value
        seen_merged = merged
        floors = {lesion: lowest[lesion].value + carried[lesion] for lesion in first}
        seen = _Seen(now, floors, new_lesions(visit), beside(base, visit))
        verdicts.append(Verdict(visit.name, visit.day, _judge(seen, first, at_least=at_least)))
        for lesion, size in now.items():
            if size is not None and size < floors[lesion] and lesion not in merged:
                carried[lesion] = max(size - lowest[lesion].value, Fraction(0))
                if size < lowest[lesion].value:
                    lowest[lesion] = Lowest(visit.name, size)
    return Course(KEY, tuple(verdicts), lowest, best_until_progression(KEY, verdicts, ("CR", "PR", "NC", "PD", "NE")))


def _carrier(visit: Visit, lesion: str, targets: Mapping[str, Fraction]) -> str:
    """The lesion that carries a merged one: the one named, or the only other target that is there. Refused: more than one, and none named."""
    found = visit.of(lesion)
    named = None if found is None else found.merged_with
    there = [
        one.lesion
        for one in visit.findings
        if one.lesion in targets and one.lesion != lesion and one.state not in ("absent", "merged")
    ]
    if named in there:
        return str(named)
    if named is not None or len(there) != 1:
        raise InputRefused(
            "VISITS-MERGED", "it is not said which target lesion carries the one that merged", "Name it in the column merged_with"
        )
    return there[0]


def _at(visit: Visit, lesion: str) -> Fraction | None:
    found = visit.of(lesion)
    return None if found is None else product(found)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A visit: products of the targets, what each is compared with (its smallest, and that of what merged into it), new lesions, non-target disease."""

    now: Mapping[str, Fraction | None]
    floors: Mapping[str, Fraction]
    new: int
    beside: Beside


def _judge(seen: _Seen, first: Mapping[str, Fraction], *, at_least: bool) -> Assessment:
    now = seen.now
    total, base = sum((size or Fraction(0) for size in now.values()), Fraction(0)), sum(first.values(), Fraction(0))
    worse = sum(size is not None and grown(size, seen.floors[lesion], at_least=at_least) for lesion, size in now.items())
    missing = sum(size is None for size in now.values())
    if seen.new or worse or seen.beside.progressed:
        category = "PD"
    elif missing:
        category = "NE"
    elif total == 0 and not seen.beside.remaining:
        category = "CR"
    else:
        category = "PR" if total <= (1 - RESPONSE) * base else "NC"
    numbers = {
        "sum_mm2": total,
        "baseline_sum_mm2": base,
        "change_from_baseline": None if missing else change(total, base),
        "lesions_grown": worse,
        "progression_at_exactly_25_percent": at_least,
        "new_lesions": seen.new,
        "non_target_progressed": seen.beside.progressed,
        "non_target_remaining": seen.beside.remaining,
        "not_evaluated": missing,
    }
    return Assessment(KEY, category, (Reason(f"{KEY}/{category}", _TEXT[category], numbers),))
