"""How far a nodule has regressed: regression grade, residual viable cells, and the grade that counts infarct-like necrosis as response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from hepaflow.domain.exact import Written, exact
from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.unsaid import NOT_DEFINED, not_recorded, percent

TRG: Final = "rubbia-brandt-trg"
GROUP: Final = "rubbia-brandt-group"
BLAZER: Final = "blazer"
MODIFIED: Final = "modified-trg"

RUBBIA_BRANDT = Source(
    "Rubbia-Brandt et al., Ann Oncol 2007;18:299 (TRG 1 to 5; groups as restated in Br J Cancer 2014, doi 10.1038/bjc.2014.299)",
    Text(
        "A reader’s grade of tumor cells against fibrosis; no percentage stands behind the words “rare” and “more”.",
        "Un grade de lecteur, cellules tumorales contre fibrose ; aucun pourcentage ne fonde les mots « rares » et « davantage ».",
    ),
)
BLAZER_2008 = Source(
    "Blazer et al., J Clin Oncol 2008;26:5344; categories as in Brouquet et al., Cancer 2013;119:2778 (PMC3923892)",
    Text(
        "Printed as 1 to 49 % for major; read here as above 0 and below 50 %, which leaves no gap.",
        "Imprimé « 1 à 49 % » pour majeure ; lu ici comme plus de 0 et moins de 50 %, sans trou.",
    ),
)
CHANG_2012 = Source(
    "Chang et al., Am J Surg Pathol 2012;36:570 (infarct-like necrosis), read in its abstract only",
    Text(
        "The abstract says that infarct-like necrosis is a response and usual (dirty) necrosis is not; the full wording of the five modified "
        "grades was not re-read. The rule that turns shares into a grade is ours.",
        "Le résumé dit que la nécrose de type infarctus est une réponse et que la nécrose habituelle (sale) n’en est pas une ; le texte complet "
        "des cinq grades modifiés n’a pas été relu. La règle qui passe des parts au grade est la nôtre.",
    ),
)

#: Blazer: at this share of viable cells and above, the response is minor.
MINOR_FROM_PERCENT: Final = Fraction(50)

GRADES: Final = (1, 2, 3, 4, 5)
GRADE_DEFINITIONS: Mapping[int, Text] = MappingProxyType(
    {
        1: Text(
            "No tumor cells; abundant fibrosis in their place (complete response).",
            "Aucune cellule tumorale ; fibrose abondante à leur place (réponse complète).",
        ),
        2: Text(
            "Rare tumor cells scattered through abundant fibrosis (major response).",
            "Rares cellules tumorales dispersées dans une fibrose abondante (réponse majeure).",
        ),
        3: Text(
            "More tumor cells, but fibrosis predominates (partial response).",
            "Davantage de cellules tumorales, mais la fibrose prédomine (réponse partielle).",
        ),
        4: Text(
            "Tumor cells predominate over fibrosis (minor response).",
            "Les cellules tumorales prédominent sur la fibrose (réponse mineure).",
        ),
        5: Text(
            "Almost only tumor cells, no fibrosis (no response).",
            "Presque uniquement des cellules tumorales, sans fibrose (pas de réponse).",
        ),
    }
)
_GROUPS: Mapping[int, str] = MappingProxyType({1: "MjHR", 2: "MjHR", 3: "PHR", 4: "NHR", 5: "NHR"})
GROUP_DEFINITIONS: Mapping[str, Text] = MappingProxyType(
    {
        "MjHR": Text("Major histological response: TRG 1 or 2.", "Réponse histologique majeure : TRG 1 ou 2."),
        "PHR": Text("Partial histological response: TRG 3.", "Réponse histologique partielle : TRG 3."),
        "NHR": Text("No histological response: TRG 4 or 5.", "Absence de réponse histologique : TRG 4 ou 5."),
    }
)
_GRADE_NAME = Text("the regression grade", "le grade de régression")


def grade_of(written: Written) -> int:
    """The grade 1 to 5 that was written; anything else is refused (``TRG-UNKNOWN``).

    >>> grade_of("3")
    3
    """
    found = exact(written, what="the regression grade")
    if found not in GRADES:
        raise InputRefused("TRG-UNKNOWN", "the regression grade is not one of 1, 2, 3, 4, 5", "Give the grade of Rubbia-Brandt")
    return int(found)


def regression_grade(grade: Written | None) -> Assessment:
    """The grade of one nodule, ``TRG1`` to ``TRG5``, with its definition; ``not_evaluable`` where it was not recorded."""
    if grade is None:
        return not_recorded(TRG, _GRADE_NAME)
    found = grade_of(grade)
    return Assessment(TRG, f"TRG{found}", (Reason(f"trg-{found}", GRADE_DEFINITIONS[found], {"trg": found}),))


def regression_group(grade: Written | None) -> Assessment:
    """Rubbia-Brandt's own groups: ``MjHR`` (TRG 1-2), ``PHR`` (3), ``NHR`` (4-5).

    >>> regression_group(3).category
    'PHR'
    """
    if grade is None:
        return not_recorded(GROUP, _GRADE_NAME)
    found = grade_of(grade)
    group = _GROUPS[found]
    group_reason = Reason(f"group-{group.lower()}", GROUP_DEFINITIONS[group], {"trg": found})
    return Assessment(GROUP, group, (group_reason, Reason(f"trg-{found}", GRADE_DEFINITIONS[found], {"trg": found})))


def residual_cells(viable_percent: Written | None) -> Assessment:
    """Blazer: share of viable tumor cells in per cent: ``complete`` 0, ``major`` above 0 and below 50, ``minor`` from 50; compared exactly.

    >>> residual_cells(49.5).category, residual_cells(50).category
    ('major', 'minor')
    """
    if viable_percent is None:
        return not_recorded(BLAZER, Text("the share of viable tumor cells", "la part de cellules tumorales viables"))
    share = percent(viable_percent, what="the share of viable tumor cells")
    if share == 0:
        category, text = "complete", Text("No viable tumor cell.", "Aucune cellule tumorale viable.")
    elif share < MINOR_FROM_PERCENT:
        category, text = "major", Text("Viable cells above 0 and below 50 %.", "Plus de 0 et moins de 50 % de cellules viables.")
    else:
        category, text = "minor", Text("50 % of viable cells or more.", "50 % de cellules viables ou plus.")
    numbers = {"viable_percent": share, "minor_from_percent": MINOR_FROM_PERCENT}
    return Assessment(BLAZER, category, (Reason(f"blazer-{category}", text, numbers),))


@dataclass(frozen=True, slots=True)
class Components:
    """What a nodule is made of, each as a share of the nodule in per cent; None: not recorded.

    ``rare`` is the pathologist’s word on the viable cells: rare and scattered (True), more than that (False), not said (None).
    Refused: a share outside 0 to 100, a sum above 100 (``COMPONENTS-OVER-100``), rare cells where there are none (``COMPONENTS-CONTRADICT``).
    """

    viable_percent: Written | None
    fibrosis_percent: Written | None
    infarct_like_percent: Written | None
    dirty_necrosis_percent: Written | None
    rare: bool | None = None

    def __post_init__(self) -> None:
        shares = [percent(share, what=f"the share of {what.en}") for what, share in self.shares() if share is not None]
        if sum(shares) > 100:
            raise InputRefused("COMPONENTS-OVER-100", "the components of a nodule add up to more than 100 %", "Check the shares")
        if self.rare and self.viable_percent is not None and exact(self.viable_percent) == 0:
            raise InputRefused(
                "COMPONENTS-CONTRADICT", "viable cells are called rare where their share is 0 %", "Correct one of the two"
            )

    def shares(self) -> tuple[tuple[Text, Written | None], ...]:
        """Each component, named, with what was recorded."""
        return (
            (Text("viable tumor", "tumeur viable"), self.viable_percent),
            (Text("fibrosis", "fibrose"), self.fibrosis_percent),
            (Text("infarct-like necrosis", "nécrose de type infarctus"), self.infarct_like_percent),
            (Text("dirty necrosis", "nécrose sale"), self.dirty_necrosis_percent),
        )


def modified_grade(components: Components) -> Assessment:
    """The regression grade ``mTRG1`` to ``mTRG5`` that counts infarct-like necrosis beside fibrosis as response, from the shares of a nodule.

    Response is fibrosis plus infarct-like necrosis. No response at all beside viable cells: 5. No viable cells beside a response: 1. Response
    larger than tumor: 2 when the viable cells were called rare, 3 when not. Tumor larger than response: 4.

    Dirty necrosis is never response. Whether it belongs to the tumor or to neither side is not settled by the source that was read, so both
    are tried; a grade is given only where they agree. It is ``not_defined`` where they differ (``dirty-necrosis-decides``), where 2 and 3
    hang on a word that was not recorded (``rare-cells-not-recorded``), where tumor and response are equal, and where there is nothing but
    dirty necrosis. Components that do not add up to 100 % are flagged ``components-incomplete``: the rest counts on neither side.

    >>> modified_grade(Components(20, 10, 60, 10, rare=False)).category
    'mTRG3'
    """
    missing = [what for what, share in components.shares() if share is None]
    if missing:
        return not_recorded(MODIFIED, *missing)
    viable, fibrosis, infarct, dirty = (exact(share) for _, share in components.shares() if share is not None)
    response = fibrosis + infarct
    apart, inside = (_possible(viable, tumor, response, rare=components.rare) for tumor in (viable, viable + dirty))
    total = viable + response + dirty
    flags = () if total == 100 else ("components-incomplete",)
    numbers: dict[str, Fraction | int | str | bool | None] = {
        "viable_percent": viable,
        "response_percent": response,
        "dirty_necrosis_percent": dirty,
        "recorded_percent": total,
        "rare": components.rare,
    }
    if apart == inside and len(apart) == 1:
        return Assessment(MODIFIED, f"mTRG{apart[0]}", (Reason(f"mtrg-{apart[0]}", _MODIFIED[apart[0]], numbers),), flags)
    if apart != inside:
        flags = ("dirty-necrosis-decides", *flags)
    if components.rare is None and {2, 3} <= {*apart, *inside}:
        flags = ("rare-cells-not-recorded", *flags)
    numbers["possible_if_dirty_necrosis_is_apart"] = ", ".join(map(str, apart))
    numbers["possible_if_dirty_necrosis_is_tumor"] = ", ".join(map(str, inside))
    open_ = Text("The shares do not settle one modified grade.", "Les parts ne déterminent pas un seul grade modifié.")
    return Assessment(MODIFIED, NOT_DEFINED, (Reason("mtrg-open", open_, numbers),), flags)


_MODIFIED: Mapping[int, Text] = MappingProxyType(
    {
        1: Text(
            "No tumor cells; fibrosis or infarct-like necrosis.", "Aucune cellule tumorale ; fibrose ou nécrose de type infarctus."
        ),
        2: Text(
            "Rare tumor cells; fibrosis and infarct-like necrosis predominate.",
            "Rares cellules tumorales ; fibrose et nécrose de type infarctus prédominent.",
        ),
        3: Text(
            "More tumor cells, but fibrosis and infarct-like necrosis predominate.",
            "Davantage de cellules tumorales, mais fibrose et nécrose de type infarctus prédominent.",
        ),
        4: Text(
            "Tumor predominates over fibrosis and infarct-like necrosis.",
            "La tumeur prédomine sur la fibrose et la nécrose de type infarctus.",
        ),
        5: Text("Neither fibrosis nor infarct-like necrosis.", "Ni fibrose ni nécrose de type infarctus."),
    }
)


def _possible(viable: Fraction, tumor: Fraction, response: Fraction, *, rare: bool | None) -> tuple[int, ...]:
    """Every modified grade that the shares allow, in order; none where no grade describes them."""
    if response == 0:
        return (5,) if viable > 0 else ()
    if viable == 0:
        return (1,) if response > tumor else ()
    below = (2, 3) if rare is None else (2,) if rare else (3,)
    if response > tumor:
        return below
    return (4,) if tumor > response else (*below, 4)
