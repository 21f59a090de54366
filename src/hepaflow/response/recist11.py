"""RECIST 1.1 for a patient: target, non-target and new lesions at every visit, the nadir, the best overall response.

Eisenhauer EA et al. Eur J Cancer 2009;45:228-247: Table 1 (target disease), Table 2 (non-target disease only), 4.3.3 and 4.3.5; EORTC questions and
clarifications (recist.eortc.org). Thresholds are compared exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hepaflow.domain.course import Course, Lowest, Verdict
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.domain.visits import Finding, Visit, Visits
from hepaflow.response import recist11_best as best_of
from hepaflow.response import recist11_target as target_of
from hepaflow.response.recist11_target import KEY, NORMAL_NODE_MM

#: Response of the non-target lesions; ``NON`` is Non-CR/Non-PD, None: there were none at the baseline.
NonTarget = Literal["CR", "NON", "PD", "NE"] | None
Target = Literal["CR", "PR", "SD", "PD", "NE"] | None
#: A new lesion is certain, open to doubt, or not there.
New = Literal["no", "equivocal", "yes"]
NON = best_of.NON
SOURCE = Source(
    "Eisenhauer EA et al. New response evaluation criteria in solid tumours: revised RECIST guideline (version 1.1). Eur J Cancer 2009;45:228-247",
    Text(
        "Size alone: under antiangiogenic drugs a lesion may respond without shrinking.",
        "La taille seule : sous antiangiogéniques, une lésion peut répondre sans diminuer.",
    ),
)

_TABLE = Text("Table 1 of the guideline (target disease).", "Tableau 1 de la recommandation (lésions cibles).")
_TABLE_2 = Text(
    "Table 2 of the guideline (non-target disease only).", "Tableau 2 de la recommandation (lésions non cibles seules)."
)
_NOTHING = Text(
    "No disease was recorded at the baseline: the guideline defines no response.",
    "Aucune lésion à l'examen initial : la recommandation ne définit pas de réponse.",
)
_NON_TARGET: Mapping[str, Text] = {
    "CR": Text(
        "All non-target lesions have disappeared, nodes are below 10 mm, markers are not known to be raised.",
        "Toutes les lésions non cibles ont disparu, les ganglions mesurent moins de 10 mm, les marqueurs ne sont pas connus comme élevés.",
    ),
    NON: Text(
        "Non-target lesions persist (or markers are raised) without unequivocal progression.",
        "Des lésions non cibles persistent (ou les marqueurs sont élevés) sans progression certaine.",
    ),
    "PD": Text(
        "A reader found unequivocal progression of non-target disease.",
        "Un lecteur a constaté une progression certaine des lésions non cibles.",
    ),
    "NE": Text("A non-target lesion was not evaluated.", "Une lésion non cible n'a pas été évaluée."),
}
_NEW: Mapping[New, Text] = {
    "no": Text("No new lesion.", "Pas de nouvelle lésion."),
    "equivocal": Text(
        "A possible new lesion, not certain: go on; if it is confirmed, progression dates from its first appearance.",
        "Nouvelle lésion possible, non certaine : poursuivre ; si elle se confirme, la progression date de sa première apparition.",
    ),
    "yes": Text(
        "A new lesion beyond doubt, or one that is back after a complete response of the patient.",
        "Nouvelle lésion certaine, ou lésion réapparue après une réponse complète du patient.",
    ),
}


def overall(target: Target, non_target: NonTarget, new: New) -> str:
    """The response of a visit from its three parts (Tables 1 and 2); an equivocal new lesion does not count yet.

    >>> overall("CR", "NON", "no"), overall(None, "NON", "no"), overall("PR", "CR", "yes")
    ('PR', 'Non-CR/Non-PD', 'PD')
    """
    if new == "yes" or "PD" in (target, non_target):
        return "PD"
    if target is None:
        return {None: "NE", "CR": "CR", "NON": NON, "NE": "NE"}[non_target]
    if target == "CR" and non_target in ("NON", "NE"):
        return "PR"
    return target


def assess(visits: Visits, *, markers_raised: frozenset[str] = frozenset()) -> Course:
    """RECIST 1.1 over all visits.

    ``markers_raised`` names the visits at which tumor markers were above normal: no complete response of non-target disease there. Every category is
    given as the table says, also after the first progression, at which the best overall response (here the unconfirmed one) ends.
    """
    base = visits.baseline
    measurable = any(found.role == "target" for found in base.findings)
    total = target_of.baseline_sum(base) if measurable else None
    lowest = Lowest(base.name, total) if total is not None else None
    verdicts = [Verdict(base.name, base.day, None)]
    certain, after_cr = _certain_from(visits), False
    for visit in visits.followups:
        parts: dict[str, Assessment] = {}
        if lowest is not None and total is not None:
            parts["target"], sum_mm = target_of.judge(target_of.targets(base, visit), total, lowest)
            if sum_mm is not None and sum_mm < lowest.value:
                lowest = Lowest(visit.name, sum_mm)
        non_target = _non_target(base, visit, raised=visit.name in markers_raised, targets=measurable)
        if non_target is not None:
            parts["non-target"] = non_target
        parts["new"] = _new(base, visit, certain, after_cr=after_cr)
        verdicts.append(Verdict(visit.name, visit.day, whole := _whole(parts), parts))
        after_cr |= whole.category == "CR"
    nadir = {} if lowest is None else {"sum": lowest}
    flags = _flags_of_baseline(base)
    return Course(KEY, tuple(verdicts), nadir, best_of.best(tuple(verdicts), None), flags)


def _whole(parts: Mapping[str, Assessment]) -> Assessment:
    target = parts["target"].category if "target" in parts else None
    beside = parts["non-target"].category if "non-target" in parts else None
    new = parts["new"].category
    category = overall(target, "NON" if beside == NON else beside, new)  # type: ignore[arg-type]
    text = _TABLE if target is not None else _TABLE_2 if beside is not None else _NOTHING
    row = Reason(f"{KEY}/overall/{category}", text, {"target": target, "non_target": beside, "new_lesion": new})
    reasons = (row, *(reason for part in parts.values() for reason in part.reasons))
    return Assessment(KEY, category, reasons, tuple(flag for part in parts.values() for flag in part.flags))


def _non_target(base: Visit, visit: Visit, *, raised: bool, targets: bool) -> Assessment | None:
    known = [found for found in base.findings if found.role == "non-target"]
    if not known and not (raised and targets):  # raised markers alone are Non-CR/Non-PD beside target lesions
        return None
    now = [visit.of(found.lesion) or replace(found, state="not_evaluated", unequivocal=None) for found in known]
    if any(found.unequivocal for found in now):
        category = "PD"
    elif any(found.state == "not_evaluated" for found in now):
        category = "NE"
    elif raised or not all(_gone(found) for found in now):
        category = NON
    else:
        category = "CR"
    numbers = {
        "lesions": len(now),
        "gone": sum(_gone(found) for found in now),
        "not_evaluated": sum(found.state == "not_evaluated" for found in now),
        "progressed": sum(bool(found.unequivocal) for found in now),
        "markers_raised": raised,
    }
    return Assessment(KEY, category, (Reason(f"{KEY}/non-target/{category}", _NON_TARGET[category], numbers),))


def _gone(found: Finding) -> bool:
    """Whether a non-target lesion is gone: not to be seen, or a node of normal size."""
    size = found.size_mm
    return found.state in ("absent", "merged") or (found.nodal and size is not None and size < NORMAL_NODE_MM)


def _certain_from(visits: Visits) -> dict[str, str]:
    """New lesion to the visit from which on it counts: its first appearance, if any visit calls it certain."""
    first: dict[str, str] = {}
    certain: set[str] = set()
    for visit in visits.followups:
        for found in visit.findings:
            if found.role == "new" and found.state not in ("absent", "not_evaluated"):
                first.setdefault(found.lesion, visit.name)
                if _is_certain(found):
                    certain.add(found.lesion)
    return {lesion: visit for lesion, visit in first.items() if lesion in certain}


def _new(base: Visit, visit: Visit, certain: Mapping[str, str], *, after_cr: bool) -> Assessment:
    seen = [found for found in visit.findings if found.role == "new" and found.state not in ("absent", "not_evaluated")]
    counted = [found for found in seen if found.lesion in certain]
    back = [found for found in visit.findings if after_cr and _is_back(base.of(found.lesion), found)]
    category: New = "yes" if counted or back else "equivocal" if seen else "no"
    dated_back = sum(not _is_certain(found) for found in counted)
    numbers = {
        "new_lesions": len(counted),
        "equivocal": len(seen) - len(counted),
        "dated_back": dated_back,
        "back_after_complete_response": len(back),
    }
    flags = ("new-lesion-equivocal",) if category == "equivocal" else ("progression-dated-back",) if dated_back else ()
    return Assessment(KEY, category, (Reason(f"{KEY}/new/{category}", _NEW[category], numbers),), flags)


def _is_certain(found: Finding) -> bool:
    """Whether a new lesion counts by itself: by the reader's word, else unless it is a node of normal size."""
    if found.unequivocal is not None:
        return found.unequivocal
    return not (found.nodal and found.size_mm is not None and found.size_mm < NORMAL_NODE_MM)


def _is_back(known: Finding | None, found: Finding) -> bool:
    """Whether a lesion of the baseline is to be seen; a node is always there, and its size speaks through the sum."""
    if known is None or found.nodal or found.state == "not_evaluated" or found.size_mm == 0:
        return False
    return known.role != "target" or found.size_mm is not None  # a target without a size was not evaluated


def _flags_of_baseline(base: Visit) -> tuple[str, ...]:
    from hepaflow.response.recist11_selection import MOST, MOST_AN_ORGAN, measurable, organ_of

    chosen = [found for found in base.findings if found.role == "target"]
    organs = [organ_of(found.organ, nodal=found.nodal) for found in chosen]
    flags = []
    if any(not measurable(found.size_mm, nodal=found.nodal) for found in chosen):
        flags.append("target-not-measurable")
    if len(chosen) > MOST or any(organ is not None and organs.count(organ) > MOST_AN_ORGAN for organ in organs):
        flags.append("too-many-targets")
    return tuple(flags)
