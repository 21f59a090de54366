"""What a criterion says of a lesion or a patient, and why (the nouns; the rules are in ``hepaflow.response``, ``pathology`` and ``therapy``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

#: A number that a rule was given, as it was given; None: it was not there.
Given = Fraction | int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages."""

    en: str
    fr: str

    def in_(self, language: str) -> str:
        """The sentence as readers of ``language`` (``en`` or ``fr``) read it."""
        return self.fr if language == "fr" else self.en


def joined(sentences: Iterable[Text]) -> Text:
    """Sentences one after the other.

    >>> joined([Text("One.", "Un."), Text("Two.", "Deux.")])
    Text(en='One. Two.', fr='Un. Deux.')
    """
    found = tuple(sentences)
    return Text(" ".join(one.en for one in found), " ".join(one.fr for one in found))


def spoken(tree: Any, language: str) -> Any:
    """Mappings and lists with every :class:`Text` in them as the sentence of one language; all else as it is.

    >>> spoken({"rule": Text("No new lesion.", "Pas de nouvelle lésion."), "count": [0]}, "fr")
    {'rule': 'Pas de nouvelle lésion.', 'count': [0]}
    """
    if isinstance(tree, Text):
        return tree.in_(language)
    if isinstance(tree, Mapping):
        return {key: spoken(value, language) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [spoken(value, language) for value in tree]
    return tree


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
