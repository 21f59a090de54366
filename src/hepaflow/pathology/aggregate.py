"""From nodules to the patient: worst grade, mean share of viable cells, major or minor by a named mapping, and where they disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

from hepaflow.domain.exact import Written
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused, UsageError
from hepaflow.pathology.regression import (
    BLAZER_2008,
    GRADE_DEFINITIONS,
    MINOR_FROM_PERCENT,
    RUBBIA_BRANDT,
    grade_of,
    regression_grade,
    residual_cells,
)
from hepaflow.pathology.specimen import Nodule
from hepaflow.pathology.unsaid import NOT_DEFINED, NOT_EVALUABLE, not_recorded, percent

WORST_GRADE: Final = "trg-of-patient"
MEAN_RESIDUAL: Final = "blazer-of-patient"
DISCORDANCE: Final = "pathology-discordance"
#: Within so many percent points of 50 % of viable cells a category is called near its cut-off: our choice, so that 49 % is (thesis Nancy 2019, L890).
WINDOW_POINTS: Final = Fraction(5)


@dataclass(frozen=True, slots=True)
class GradeMapping:
    """A named way to call a nodule ``major`` or ``minor``: what it reads, and the class of each category that it names."""

    key: str
    reads: Literal["trg", "residual"]
    classes: Mapping[str, str]
    source: Source


RUBBIA_BRANDT_MAPPING = GradeMapping(
    "rubbia-brandt",
    "trg",
    MappingProxyType({"TRG1": "major", "TRG2": "major", "TRG4": "minor", "TRG5": "minor"}),
    Source(
        RUBBIA_BRANDT.citation,
        Text(
            "TRG 3 is a partial response, neither major nor minor. “Minor” stands here for the group without response (TRG 4-5).",
            "TRG 3 est une réponse partielle, ni majeure ni mineure. « Mineure » désigne ici le groupe sans réponse (TRG 4-5).",
        ),
    ),
)
BLAZER_MAPPING = GradeMapping(
    "blazer",
    "residual",
    MappingProxyType({"complete": "major", "major": "major", "minor": "minor"}),
    Source(
        BLAZER_2008.citation,
        Text(
            "A complete response is counted with major, because under half of the cells are viable; that grouping is ours.",
            "Une réponse complète est comptée avec majeure, car moins de la moitié des cellules sont viables ; ce regroupement est le nôtre.",
        ),
    ),
)
NANCY_2019_MAPPING = GradeMapping(
    "nancy-2019",
    "trg",
    MappingProxyType({"TRG2": "major", "TRG3": "major", "TRG4": "minor"}),
    Source(
        "Thesis on CT perfusion of colorectal liver metastases, Nancy 2019: 29 lesions of TRG 2 or 3 are major, 32 of TRG 4 are minor",
        Text(
            "TRG 1 and 5 did not occur there and are not named: they stay not defined.",
            "TRG 1 et 5 n’y ont pas été observés et ne sont pas nommés : ils restent non définis.",
        ),
    ),
)
MAPPINGS: Final = (RUBBIA_BRANDT_MAPPING, BLAZER_MAPPING, NANCY_2019_MAPPING)


def grade_mapping(key: str) -> GradeMapping:
    """The mapping of a key; refused (``MAPPING-UNKNOWN``) with the list of keys when there is none."""
    for candidate in MAPPINGS:
        if candidate.key == key:
            return candidate
    raise UsageError("MAPPING-UNKNOWN", "no mapping of grades has that name", "Use one of: " + ", ".join(m.key for m in MAPPINGS))


def worst_grade(grades: Sequence[Written | None]) -> Assessment:
    """The patient’s regression grade: the highest of the nodules, ``TRG1`` to ``TRG5``.

    With a nodule not recorded it is ``not_evaluable``, unless another is TRG 5, which nothing can exceed; flag ``nodules-unknown``.

    >>> worst_grade([2, 4, 3]).category
    'TRG4'
    """
    if not grades:
        raise InputRefused("NODULES-MISSING", "there is no nodule to judge", "Give one value a nodule, or none recorded")
    known = [grade_of(grade) for grade in grades if grade is not None]
    unknown = len(grades) - len(known)
    flags = ("nodules-unknown",) if unknown else ()
    worst = max(known, default=0)
    if unknown and worst < 5:
        return not_recorded(WORST_GRADE, Text("the grade of every nodule", "le grade de chaque nodule"), flags=flags)
    numbers = {"trg": worst, "nodules": len(grades), "unknown": unknown}
    text = Text(f"Worst nodule. {GRADE_DEFINITIONS[worst].en}", f"Nodule le plus péjoratif. {GRADE_DEFINITIONS[worst].fr}")
    return Assessment(WORST_GRADE, f"TRG{worst}", (Reason("worst-nodule", text, numbers),), flags)


def mean_residual(viable_percents: Sequence[Written | None], *, window_points: Written = WINDOW_POINTS) -> Assessment:
    """Blazer for the patient: the category of the mean share of viable cells, each nodule counted once.

    With nodules not recorded the category is given only where every value they may have, 0 to 100 %, gives the same; flag
    ``nodules-unknown``. A known mean near 50 % is flagged ``residual-near-cut-off``.

    >>> mean_residual([10, 80, 30]).category, mean_residual([10, 80, 30]).reasons[0].numbers["mean_percent"]
    ('major', Fraction(40, 1))
    """
    if not viable_percents:
        raise InputRefused("NODULES-MISSING", "there is no nodule to judge", "Give one value a nodule, or none recorded")
    window = percent(window_points, what="the window around the cut-off")
    known = [percent(one, what="the share of viable tumor cells") for one in viable_percents if one is not None]
    count = len(viable_percents)
    unknown = count - len(known)
    least = sum(known, Fraction(0)) / count
    most = least + Fraction(100 * unknown, count)
    category = residual_cells(least).category
    if category != residual_cells(most).category:
        what = Text("the share of viable cells of every nodule", "la part de cellules viables de chaque nodule")
        return not_recorded(MEAN_RESIDUAL, what, flags=("nodules-unknown",))
    numbers: dict[str, Fraction | int] = {"nodules": count, "minor_from_percent": MINOR_FROM_PERCENT}
    if unknown:
        numbers |= {"mean_at_least_percent": least, "mean_at_most_percent": most, "unknown": unknown}
        flags: tuple[str, ...] = ("nodules-unknown",)
    else:
        numbers["mean_percent"] = least
        flags = ("residual-near-cut-off",) if _near(least, window) else ()
    text = Text(f"Mean over nodules: {category}.", f"Moyenne des nodules : {_FRENCH[category]}.")
    return Assessment(MEAN_RESIDUAL, category, (Reason("mean-of-nodules", text, dict(numbers)),), flags)


def nodule_response(nodule: Nodule, mapping: GradeMapping) -> Assessment:
    """``major`` or ``minor`` of one nodule; ``not_defined`` (flag ``grade-not-in-mapping``) where the mapping does not name its category."""
    read = regression_grade(nodule.trg) if mapping.reads == "trg" else residual_cells(nodule.residual_percent)
    criterion = f"nodule-{mapping.key}"
    if read.category == NOT_EVALUABLE:
        return Assessment(criterion, NOT_EVALUABLE, read.reasons)
    found = mapping.classes.get(read.category)
    if found is None:
        reason = Reason("grade-not-named", mapping.source.limits, {"category": read.category, "mapping": mapping.key})
        return Assessment(criterion, NOT_DEFINED, (reason, *read.reasons), ("grade-not-in-mapping",))
    text = Text(
        f"{read.category} counts as {found}.", f"{_FRENCH.get(read.category, read.category)} compte comme {_FRENCH[found]}."
    )
    reason = Reason("grade-mapped", text, {"category": read.category, "mapping": mapping.key})
    return Assessment(criterion, found, (reason, *read.reasons))


def patient_response(nodules: Sequence[Nodule], mapping: GradeMapping) -> Assessment:
    """The patient over all nodules: ``major`` or ``minor`` when all are, ``mixed`` when both occur (flag ``response-dissociated``).

    Two nodules that differ make it mixed whatever the others are. Short of that a nodule that the mapping does not name gives
    ``not_defined``, then one that was not recorded ``not_evaluable`` (``nodules-unknown``). The reason counts them. Refused: no nodule
    (``NODULES-MISSING``), two nodules of one identifier (``NODULES-REPEATED``).
    """
    if not nodules:
        raise InputRefused("NODULES-MISSING", "there is no nodule to judge", "Give one value a nodule, or none recorded")
    if len({nodule.identifier for nodule in nodules}) < len(nodules):
        raise InputRefused("NODULES-REPEATED", "two nodules have the same identifier", "Give each nodule its own")
    said = Counter(nodule_response(nodule, mapping).category for nodule in nodules)
    flags: list[str] = ["grade-not-in-mapping"] if said[NOT_DEFINED] else []
    flags += ["nodules-unknown"] if said[NOT_EVALUABLE] else []
    if said["major"] and said["minor"]:
        category = "mixed"
        flags.insert(0, "response-dissociated")
    elif said[NOT_DEFINED]:
        category = NOT_DEFINED
    elif said[NOT_EVALUABLE]:
        category = NOT_EVALUABLE
    else:
        category = "major" if said["major"] else "minor"
    counts = {key: said[key] for key in ("major", "minor", NOT_DEFINED, NOT_EVALUABLE)}
    reason = Reason(f"patient-{category.replace('_', '-')}", _PATIENT[category], {**counts, "mapping": mapping.key})
    limits = Reason("mapping", mapping.source.limits, {"mapping": mapping.key})
    return Assessment(f"patient-{mapping.key}", category, (reason, limits), tuple(flags))


def discordance(nodule: Nodule, trg_mapping: GradeMapping, *, window_points: Written = WINDOW_POINTS) -> Assessment:
    """Whether the two gradings of a nodule stand apart: ``discordant``, ``concordant``, or ``not_evaluable`` when one of them is missing or has no class.

    Flags, each with its reason: ``grade-contradicts-residual`` (TRG 1 beside viable cells, or a higher TRG beside none),
    ``trg-blazer-disagree`` (major by one, minor by the other), ``residual-near-cut-off`` (within ``window_points`` of 50 %, both ends
    included; this one does not make it discordant). 0 % is a finding, not an amount: values near it are not flagged. Refused: a mapping that
    does not read TRG (``MAPPING-NOT-OF-TRG``).
    """
    if trg_mapping.reads != "trg":
        raise UsageError("MAPPING-NOT-OF-TRG", "the mapping does not read regression grades", "Use rubbia-brandt or nancy-2019")
    window = percent(window_points, what="the window around the cut-off")
    by_trg, by_cells = nodule_response(nodule, trg_mapping), nodule_response(nodule, BLAZER_MAPPING)
    share = None if nodule.residual_percent is None else percent(nodule.residual_percent, what="the share of viable tumor cells")
    grade = None if nodule.trg is None else grade_of(nodule.trg)
    numbers = {"trg": grade, "viable_percent": share, "mapping": trg_mapping.key}
    found: list[Reason] = []
    if grade is not None and share is not None and (grade == 1) != (share == 0):
        found.append(Reason("grade-contradicts-residual", _CONTRADICTS, numbers))
    if {by_trg.category, by_cells.category} == {"major", "minor"}:
        found.append(Reason("trg-blazer-disagree", _DISAGREE, numbers))
    discordant = bool(found)
    if share is not None and _near(share, window):
        near = {"viable_percent": share, "minor_from_percent": MINOR_FROM_PERCENT, "window_points": window}
        found.append(Reason("residual-near-cut-off", _NEAR, near))
    flags = tuple(reason.rule for reason in found)
    if discordant:
        return Assessment(DISCORDANCE, "discordant", tuple(found), flags)
    unsaid = [one for one in (by_trg, by_cells) if one.category in {NOT_DEFINED, NOT_EVALUABLE}]
    if unsaid:
        why = tuple(one.reasons[0] for one in unsaid)
        return Assessment(DISCORDANCE, NOT_EVALUABLE, (*why, *found), tuple(dict.fromkeys((*flags, *by_trg.flags))))
    return Assessment(DISCORDANCE, "concordant", (Reason("gradings-agree", _AGREE, numbers), *found), flags)


def _near(share: Fraction, window: Fraction) -> bool:
    return abs(share - MINOR_FROM_PERCENT) <= window


_FRENCH: Final = {"complete": "complète", "major": "majeure", "minor": "mineure"}
_PATIENT: Final = {
    "major": Text("Every nodule responds: major.", "Tous les nodules répondent : majeure."),
    "minor": Text("No nodule responds: minor.", "Aucun nodule ne répond : mineure."),
    "mixed": Text("Some nodules respond and some do not: dissociated.", "Des nodules répondent, d’autres non : réponse dissociée."),
    NOT_DEFINED: Text("The mapping does not name the grade of a nodule.", "La correspondance ne nomme pas le grade d’un nodule."),
    NOT_EVALUABLE: Text("A nodule was not graded.", "Un nodule n’a pas été gradé."),
}
_CONTRADICTS: Final = Text(
    "TRG 1 means no viable cell, and only TRG 1 does: grade and share contradict each other.",
    "TRG 1 signifie aucune cellule viable, et lui seul : le grade et la part se contredisent.",
)
_DISAGREE: Final = Text("Major by one grading and minor by the other.", "Majeure selon une gradation et mineure selon l’autre.")
_NEAR: Final = Text(
    "The share of viable cells lies near the cut-off of 50 %: another reading may turn the category.",
    "La part de cellules viables est proche du seuil de 50 % : une autre lecture peut inverser la catégorie.",
)
_AGREE: Final = Text("Both gradings say the same.", "Les deux gradations concordent.")
