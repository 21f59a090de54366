"""What a criterion says of a lesion or a patient, and why (the nouns; the rules are in ``hepaflow.response``, ``pathology`` and ``therapy``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

#: A number that a rule was given, as it was given; None: it was not there.
Given = Fraction | int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages."""

    en: str
    fr: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from: a citation, and what the rule is not."""

    citation: str
    limits: Text


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that took part in a category: its stable key, its words, and the numbers that it was given."""

    rule: str
    text: Text
    numbers: Mapping[str, Given]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a criterion says: ``category`` in the criterion's own words (``NE`` or ``not_evaluable`` when it cannot be said), the reasons that gave it, first the deciding one, and flags."""

    criterion: str
    category: str
    reasons: tuple[Reason, ...]
    flags: tuple[str, ...] = ()
