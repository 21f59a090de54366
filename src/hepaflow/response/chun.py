"""Morphology of colorectal liver metastases under bevacizumab, read by eye: groups 1 to 3 and what became of them.

Chun YS et al. JAMA 2009;302:2338-2344. The group is a reader's; nothing here measures it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hepaflow.domain.course import Course, Verdict
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.domain.visits import Visits
from hepaflow.errors import InputRefused

KEY = "chun"
#: From best to worst.
CATEGORIES = ("optimal", "incomplete", "none", "not_evaluable")
SOURCE = Source(
    "Chun YS et al. Association of computed tomography morphologic criteria with pathologic response and survival in patients treated with bevacizumab for colorectal liver metastases. JAMA 2009;302:2338-2344",
    Text(
        "A reader's judgment; two readers and their agreement belong with it.",
        "Jugement d'un lecteur ; deux lecteurs et leur concordance doivent l'accompagner.",
    ),
)
#: What a reader looks for.
GROUPS: Mapping[int, Text] = {
    1: Text(
        "Homogeneous and hypoattenuating, sharp border with the liver, no rim of enhancement.",
        "Homogène et hypodense, interface nette avec le foie, sans anneau de rehaussement.",
    ),
    2: Text(
        "Between the two: attenuation mixed, border variable, rim partly resolved.",
        "Intermédiaire : densité mixte, interface variable, anneau partiellement résolu.",
    ),
    3: Text(
        "Heterogeneous attenuation, ill-defined border, a rim of enhancement may be present.",
        "Densité hétérogène, interface mal définie, un anneau de rehaussement peut être présent.",
    ),
}
_TEXT: Mapping[str, Text] = {
    "optimal": Text("From group 3 or 2 to group 1.", "Du groupe 3 ou 2 au groupe 1."),
    "incomplete": Text("From group 3 to group 2.", "Du groupe 3 au groupe 2."),
    "none": Text("The group is unchanged or has worsened.", "Le groupe est inchangé ou s'est aggravé."),
    "not_evaluable": Text("The group was not read at both examinations.", "Le groupe n'a pas été lu aux deux examens."),
}
_MAJORITY = Text(
    "The category that most lesions have; on a tie the less favorable one.",
    "La catégorie de la majorité des lésions ; en cas d'égalité, la moins favorable.",
)


def judge(first: int | None, later: int | None) -> Assessment:
    """One lesion from its groups at the baseline and later; a baseline of group 1 cannot improve (``morphology-not-assessable``).

    Refused: a group that is not 1, 2 or 3.

    >>> judge(3, 1).category, judge(3, 2).category, judge(2, 3).category
    ('optimal', 'incomplete', 'none')
    """
    if any(group not in (None, 1, 2, 3) for group in (first, later)):
        raise InputRefused("MORPHOLOGY-GROUP", "a morphology group is not 1, 2 or 3", "Give the group of Chun, 1 to 3")
    if first is None or later is None:
        category = "not_evaluable"
    elif later >= first:
        category = "none"
    else:
        category = "optimal" if later == 1 else "incomplete"
    flags = ("morphology-not-assessable",) if first == 1 else ()
    reason = Reason(f"{KEY}/{category}", _TEXT[category], {"group_base": first, "group": later})
    return Assessment(KEY, category, (reason,), flags)


def of_patient(lesions: Sequence[Assessment]) -> Assessment:
    """The patient from the lesions: the commonest category of those that were read and could improve (of all where none could), on a tie the less favorable one (``morphology-tied``)."""
    able = [one for one in lesions if "morphology-not-assessable" not in one.flags] or list(lesions)
    counts = Counter(one.category for one in able if one.category != "not_evaluable")
    most = max(counts.values(), default=0)
    tied = [category for category in CATEGORIES if counts[category] == most and most]
    category = tied[-1] if tied else "not_evaluable"
    reason = Reason(f"{KEY}/patient/{category}", _MAJORITY, {name: counts[name] for name in CATEGORIES[:3]})
    return Assessment(KEY, category, (reason,), ("morphology-tied",) if len(tied) > 1 else ())


def assess(visits: Visits) -> Course:
    """Every lesion of the baseline at every later visit, and the patient by majority."""
    verdicts = [Verdict(visits.baseline.name, visits.baseline.day, None)]
    for visit in visits.followups:
        found = {}
        for first in visits.baseline.findings:
            now = visit.of(first.lesion)
            found[first.lesion] = judge(first.morphology, None if now is None else now.morphology)
        verdicts.append(Verdict(visit.name, visit.day, of_patient(tuple(found.values())), lesions=found))
    return Course(KEY, tuple(verdicts), {}, None)
