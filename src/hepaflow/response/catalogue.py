"""The one explicit list of criteria on a table of visits, by key and by the names that people use for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from hepaflow.domain.course import Course
from hepaflow.domain.response import Source, Text
from hepaflow.domain.visits import Visits
from hepaflow.errors import UsageError
from hepaflow.response import choi, chun, enhancing, recist11, recist11_target, size_change, who
from hepaflow.response.criterion import CRITERIA, Criterion


@dataclass(frozen=True, slots=True)
class SizeCriterion:
    """A criterion on what a reader measures: whom it rates, its rule in a sentence, where it comes from, and how to apply it."""

    key: str
    name: Text
    rates: Literal["patient", "lesion"]
    rule: Text
    source: Source
    assess: Callable[[Visits], Course]
    aliases: tuple[str, ...] = ()


SIZE_CRITERIA: tuple[SizeCriterion, ...] = (
    SizeCriterion(
        recist11_target.KEY,
        Text("RECIST 1.1", "RECIST 1.1"),
        "patient",
        Text(
            "CR: all lesions gone, nodes below 10 mm; PR: sum -30 % or more from the baseline; PD: sum +20 % and +5 mm or more from the smallest, unequivocal progression or a new lesion; SD: neither",
            "CR : toutes les lésions disparues, ganglions de moins de 10 mm ; PR : somme -30 % ou plus par rapport à l'examen initial ; PD : somme +20 % et +5 mm ou plus par rapport à la plus petite, progression certaine ou nouvelle lésion ; SD : ni l'un ni l'autre",
        ),
        recist11.SOURCE,
        recist11.assess,
        ("recist", "recist11"),
    ),
    SizeCriterion(
        who.KEY,
        Text("WHO", "OMS"),
        "patient",
        Text(
            "CR: all lesions gone; PR: sum of products -50 % or more; PD: one product +25 % or a new lesion; NC: neither",
            "CR : toutes les lésions disparues ; PR : somme des produits -50 % ou plus ; PD : un produit +25 % ou nouvelle lésion ; NC : ni l'un ni l'autre",
        ),
        who.SOURCE,
        who.assess,
        ("oms",),
    ),
    *(
        SizeCriterion(
            rule.key,
            Text(name, name_fr),
            "lesion",
            Text(
                f"PR: diameter -10 % {'and' if rule.both else 'or'} attenuation -15 %; PD: diameter +10 % without that fall in attenuation, or a new lesion",
                f"PR : diamètre -10 % {'et' if rule.both else 'ou'} atténuation -15 % ; PD : diamètre +10 % sans cette baisse d'atténuation, ou nouvelle lésion",
            ),
            rule.source,
            partial(choi.assess, rule=rule),
            aliases,
        )
        for rule, name, name_fr, aliases in (
            (choi.CHOI, "Choi", "Choi", ()),
            (choi.MODIFIED_CHOI, "Modified Choi", "Choi modifié", ("mchoi",)),
            (choi.CHUNG, "Chung (size and density)", "Chung (taille et densité)", ()),
        )
    ),
    SizeCriterion(
        chun.KEY,
        Text("Chun morphology", "Morphologie de Chun"),
        "lesion",
        Text(
            "optimal: group 3 or 2 to 1; incomplete: 3 to 2; none: unchanged or worse",
            "optimale : groupe 3 ou 2 vers 1 ; incomplète : 3 vers 2 ; absente : inchangé ou aggravé",
        ),
        chun.SOURCE,
        chun.assess,
        ("morphology",),
    ),
    *(
        SizeCriterion(
            rule.key, Text(name, name), "patient", Text(rule_en, rule_fr), rule.source, partial(enhancing.assess, rule=rule), ()
        )
        for rule, name, rule_en, rule_fr in (
            (
                enhancing.MRECIST,
                "mRECIST",
                "PR: enhancing diameters -30 % or more; PD: +20 % or more from the smallest sum, or a new lesion",
                "PR : diamètres rehaussés -30 % ou plus ; PD : +20 % ou plus par rapport à la plus petite somme, ou nouvelle lésion",
            ),
            (
                enhancing.EASL,
                "EASL",
                "PR: enhancing area -50 % or more; PD: more than +25 % from the smallest, or a new lesion",
                "PR : surface rehaussée -50 % ou plus ; PD : plus de +25 % par rapport à la plus petite, ou nouvelle lésion",
            ),
        )
    ),
    SizeCriterion(
        size_change.KEY,
        Text("Size of each lesion (not RECIST)", "Taille de chaque lésion (n'est pas RECIST)"),
        "lesion",
        Text(
            "diameter of each lesion against its own baseline: -30 %, +20 %; not RECIST",
            "diamètre de chaque lésion par rapport à l'examen initial : -30 %, +20 % ; n'est pas RECIST",
        ),
        size_change.SOURCE,
        size_change.assess,
        ("size-change",),
    ),
)
KEYS = (*(one.key for one in CRITERIA), *(one.key for one in SIZE_CRITERIA))


def find(name: str) -> Criterion | SizeCriterion:
    """The criterion of a key or of one of its names, spelled with or without dots, dashes and capitals. Refused with the list of keys when there is none.

    >>> find("RECIST1.1").key, find("mChoi").key
    ('recist-1.1', 'modified-choi')
    """
    wanted = _plain(name)
    for known in CRITERIA:
        if _plain(known.key) == wanted:
            return known
    for other in SIZE_CRITERIA:
        if wanted in map(_plain, (other.key, *other.aliases)):
            return other
    raise UsageError("CRITERION-UNKNOWN", f"no criterion {name[:40]!r}", "Use one of: " + ", ".join(KEYS))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
