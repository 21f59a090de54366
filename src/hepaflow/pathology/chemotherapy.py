"""Chemotherapy before surgery: drugs, regimens, cycles, and the exposures that change how size is to be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.unsaid import not_recorded

EXPOSURE: Final = "targeted-exposure"


class Drug(StrEnum):
    """Drugs by their international names."""

    FLUOROURACIL = "fluorouracil"
    CAPECITABINE = "capecitabine"
    OXALIPLATIN = "oxaliplatin"
    IRINOTECAN = "irinotecan"
    BEVACIZUMAB = "bevacizumab"
    AFLIBERCEPT = "aflibercept"
    RAMUCIRUMAB = "ramucirumab"
    REGORAFENIB = "regorafenib"
    CETUXIMAB = "cetuximab"
    PANITUMUMAB = "panitumumab"


#: Drugs against the growth of vessels.
ANTIANGIOGENIC: Final = frozenset({Drug.BEVACIZUMAB, Drug.AFLIBERCEPT, Drug.RAMUCIRUMAB, Drug.REGORAFENIB})
#: Antibodies against the receptor of the epidermal growth factor.
ANTI_EGFR: Final = frozenset({Drug.CETUXIMAB, Drug.PANITUMUMAB})


class Regimen(StrEnum):
    """Regimens in use for colorectal metastases; ``UNKNOWN``: chemotherapy was given and the regimen is not recorded."""

    FLUOROURACIL = "5FU"
    CAPECITABINE = "CAPECITABINE"
    FOLFOX = "FOLFOX"
    FOLFIRI = "FOLFIRI"
    FOLFIRINOX = "FOLFIRINOX"
    IRINOX = "IRINOX"
    UNKNOWN = "unknown"


#: What a regimen consists of; folinic acid, which goes with fluorouracil, is not listed.
REGIMEN_DRUGS: Mapping[Regimen, frozenset[Drug]] = MappingProxyType(
    {
        Regimen.FLUOROURACIL: frozenset({Drug.FLUOROURACIL}),
        Regimen.CAPECITABINE: frozenset({Drug.CAPECITABINE}),
        Regimen.FOLFOX: frozenset({Drug.FLUOROURACIL, Drug.OXALIPLATIN}),
        Regimen.FOLFIRI: frozenset({Drug.FLUOROURACIL, Drug.IRINOTECAN}),
        Regimen.FOLFIRINOX: frozenset({Drug.FLUOROURACIL, Drug.IRINOTECAN, Drug.OXALIPLATIN}),
        Regimen.IRINOX: frozenset({Drug.IRINOTECAN, Drug.OXALIPLATIN}),
        Regimen.UNKNOWN: frozenset(),
    }
)
_REGIMEN_WORDS: Mapping[str, Regimen] = MappingProxyType(
    {one.value.lower(): one for one in Regimen if one is not Regimen.UNKNOWN} | {"5-fu": Regimen.FLUOROURACIL}
)
_ADDED_WORDS: Mapping[str, Drug] = MappingProxyType(
    {one.value: one for one in Drug if one in ANTIANGIOGENIC | ANTI_EGFR} | {"avastin": Drug.BEVACIZUMAB, "erbitux": Drug.CETUXIMAB}
)


@dataclass(frozen=True, slots=True)
class Course:
    """One course: its regimen, drugs given with it, and the number of cycles (None: not recorded).

    ``added`` is None where it is not recorded whether any was given. Refused: cycles that are no whole number from one up
    (``CYCLES-INVALID``).
    """

    regimen: Regimen
    added: frozenset[Drug] | None = frozenset()
    cycles: int | None = None

    def __post_init__(self) -> None:
        cycles = self.cycles
        if cycles is not None and (isinstance(cycles, bool) or not isinstance(cycles, int) or cycles < 1):
            raise InputRefused("CYCLES-INVALID", "the number of cycles is not a whole number from one up", "Check the cycles")

    @property
    def drugs(self) -> frozenset[Drug]:
        """Every drug that is known to have been given."""
        return REGIMEN_DRUGS[self.regimen] | (self.added or frozenset())


def read_course(written: str, *, cycles: int | None = None) -> Course:
    """A course as tables write it: a regimen, then targeted drugs by name or brand, joined by ``-`` or ``+``; case, ® and words in brackets do not matter.

    Refused (``REGIMEN-UNKNOWN``, without echoing the words): anything else.

    >>> read_course("FOLFOX- BEVACIZUMAB (Avastin®)", cycles=6).drugs == REGIMEN_DRUGS[Regimen.FOLFOX] | {Drug.BEVACIZUMAB}
    True
    """
    plain = re.sub(r"\([^()]*\)|®", " ", written).lower().replace("5-fu", "5fu")
    first, *others = (word.strip() for word in re.split(r"[-+]", plain))
    if first not in _REGIMEN_WORDS or any(word not in _ADDED_WORDS for word in others):
        raise InputRefused(
            "REGIMEN-UNKNOWN",
            "a course of chemotherapy is not a known regimen with known drugs",
            f"Write one of {', '.join(one.value for one in Regimen)}, then + and one of {', '.join(_ADDED_WORDS)}",
        )
    return Course(_REGIMEN_WORDS[first], frozenset(_ADDED_WORDS[word] for word in others), cycles)


def cycles_given(courses: Sequence[Course]) -> int | None:
    """All cycles together; None as soon as one course’s are not recorded."""
    given = [course.cycles for course in courses]
    known = [one for one in given if one is not None]
    return sum(known) if len(known) == len(given) else None


def exposure(courses: Sequence[Course] | None) -> Assessment:
    """Whether a targeted drug was given: ``targeted``, ``none``, or ``not_evaluable`` where courses are not fully recorded and none is known.

    Flags ``antiangiogenic-exposure`` and ``anti-egfr-exposure``, each with the reason why size alone is then not enough, and
    ``exposure-unknown``. No course at all (an empty sequence) is ``none``; None means that nothing is recorded.
    """
    what = Text("the drugs of every course", "les médicaments de chaque cure")
    if courses is None:
        return not_recorded(EXPOSURE, what, flags=("exposure-unknown",))
    given = frozenset[Drug]().union(*(course.drugs for course in courses))
    open_ = any(course.added is None or course.regimen is Regimen.UNKNOWN for course in courses)
    unknown = ("exposure-unknown",) if open_ else ()
    reasons = tuple(
        Reason(rule, text, {"drugs": ", ".join(sorted(given & group)), "cycles": cycles_given(courses)})
        for rule, group, text in (
            ("antiangiogenic-exposure", ANTIANGIOGENIC, _ANTIANGIOGENIC),
            ("anti-egfr-exposure", ANTI_EGFR, _ANTI_EGFR),
        )
        if given & group
    )
    if reasons:
        return Assessment(EXPOSURE, "targeted", reasons, (*(reason.rule for reason in reasons), *unknown))
    if open_:
        return not_recorded(EXPOSURE, what, flags=unknown)
    return Assessment(EXPOSURE, "none", (Reason("no-targeted-drug", _NONE, {"cycles": cycles_given(courses)}),))


_ANTIANGIOGENIC: Final = Text(
    "Antiangiogenic drug given: response may show without shrinkage, so size criteria (RECIST, WHO) miss it; read morphology (Chun) and "
    "density (Choi) beside them, and expect lower perfusion from the drug itself.",
    "Antiangiogénique reçu : la réponse peut survenir sans diminution de taille, et les critères de taille (RECIST, OMS) la méconnaissent ; lire "
    "aussi la morphologie (Chun) et la densité (Choi), et s’attendre à une perfusion abaissée par le médicament lui-même.",
)
_ANTI_EGFR: Final = Text(
    "Anti-EGFR drug given: size criteria (RECIST, WHO) may miss a response to targeted drugs; read morphology and density beside them.",
    "Anti-EGFR reçu : les critères de taille (RECIST, OMS) peuvent méconnaître la réponse aux thérapies ciblées ; lire aussi la morphologie et "
    "la densité.",
)
_NONE: Final = Text("No targeted drug was given.", "Aucune thérapie ciblée n’a été reçue.")
