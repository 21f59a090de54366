"""What a response criterion is, and the one explicit list of criteria."""

from __future__ import annotations

from dataclasses import dataclass

from hepaflow.errors import UsageError


@dataclass(frozen=True, slots=True)
class Criterion:
    """A named rule on one lesion: what it reads, its threshold, its categories, its source and what it is not.

    ``quantity`` is the ratio (lesion over healthy liver) it reads; below ``threshold`` (strictly) is ``below``, otherwise ``otherwise``.
    """

    key: str
    name_en: str
    name_fr: str
    quantity: str
    threshold: float
    below: str
    otherwise: str
    smallest_mm: float
    rule: str
    source: str
    limits: str


NANCY_2019 = Criterion(
    key="nancy2019-bf-ratio",
    name_en="Blood-flow ratio below 0.68 (single centre, Nancy 2019)",
    name_fr="Rapport de flux sanguin inférieur à 0,68 (monocentrique, Nancy 2019)",
    quantity="bf",
    threshold=0.68,
    below="major",
    otherwise="minor",
    smallest_mm=15.0,
    rule="major when BF(lesion) / BF(healthy liver) < threshold, otherwise minor; lesions under 15 mm are not rated",
    source="Thesis on CT perfusion of colorectal liver metastases after chemotherapy, Nancy 2019: 61 lesions of 32 patients, one centre, one protocol",
    limits="single centre, not validated elsewhere, bound to its protocol and software; never a treatment decision by itself",
)

CRITERIA: tuple[Criterion, ...] = (NANCY_2019,)


def criterion(key: str) -> Criterion:
    """The criterion of a key; refused with the list of keys when there is none.

    >>> criterion("nancy2019-bf-ratio").threshold
    0.68
    """
    for candidate in CRITERIA:
        if candidate.key == key:
            return candidate
    raise UsageError("CRITERION-UNKNOWN", f"no criterion {key!r}", "Use one of: " + ", ".join(c.key for c in CRITERIA))
