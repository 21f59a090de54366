"""RECIST 1.1, questions of practice that no number decides: what the guideline and EORTC's answers say of an event, by the words that describe it.

Eisenhauer EA et al. Eur J Cancer 2009;45:228-247, 4.3.4 and 4.3.5; EORTC questions and clarifications (recist.eortc.org). ``recist11`` applies those of
them that a table of visits can hold; the others stay a reader's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hepaflow.domain.response import Text


@dataclass(frozen=True, slots=True)
class Answer:
    """An event, told by patterns of words that must all be in its description and some that must not; what it is; and why."""

    words: tuple[str, ...]
    without: tuple[str, ...]
    answer: str
    because: Text


#: Said of a confirmation that did not come, of one that did, and of a complete response that there was not.
_UNCONFIRMED = r"\b(not|never|yet to be)\b[^;.]*confirm|unconfirm|without[^;.]*confirm"
_CONFIRMED = r"^(?!.*(\b(not|never|yet to be)\b[^;.]*confirm|unconfirm|without[^;.]*confirm)).*confirm"
_NO_CR = r"\b(no|not|never|without)\b[^;,.]*(complete response|overall cr)"

ANSWERS: tuple[Answer, ...] = (
    Answer(
        ("not scanned", "baseline"),
        (),
        "PD",
        Text(
            "A lesion in a region that was not examined at the baseline is new.",
            "Une lésion dans une région non examinée initialement est nouvelle.",
        ),
    ),
    Answer(
        ("equivocal", "confirm"),
        ("unequivocal", _UNCONFIRMED),
        "PD at the date of first appearance",
        Text(
            "An equivocal lesion that a later examination confirms is progression from its first appearance.",
            "Une lésion équivoque confirmée ensuite est une progression datée de sa première apparition.",
        ),
    ),
    Answer(
        ("equivocal",),
        ("unequivocal", _CONFIRMED),
        "not PD (continue and re-evaluate)",
        Text("An equivocal lesion does not count yet.", "Une lésion équivoque ne compte pas encore."),
    ),
    Answer(
        ("reappear", "complete response"),
        (_NO_CR,),
        "PD",
        Text(
            "A lesion back after a complete response is progression.",
            "Une lésion réapparue après réponse complète est une progression.",
        ),
    ),
    Answer(
        ("reappear", r"overall cr|overall response was (cr|complete)"),
        (_NO_CR,),
        "PD",
        Text(
            "A lesion back after a complete response is progression.",
            "Une lésion réapparue après réponse complète est une progression.",
        ),
    ),
    Answer(
        ("reappear", r"overall response was|" + _NO_CR),
        (r"overall response was (cr|complete)",),
        "not PD (add measurement to the sum)",
        Text(
            "Without a complete response of the patient a lesion that is back is measured and added to the sum.",
            "Sans réponse complète du patient, une lésion réapparue est mesurée et ajoutée à la somme.",
        ),
    ),
    Answer(
        ("no baseline pet", "known", r"\bnot (\w+ )?progress|non-progress|without progress|no progress|stable|unchanged"),
        (),
        "not PD",
        Text(
            "Uptake at a known site that does not progress on CT is no progression.",
            "Une fixation sur un site connu qui ne progresse pas au scanner n'est pas une progression.",
        ),
    ),
    Answer(
        ("no baseline pet", "new"),
        ("known", _UNCONFIRMED),
        "PD",
        Text(
            "Uptake at a new site that CT confirms is progression.",
            "Une fixation sur un nouveau site confirmé au scanner est une progression.",
        ),
    ),
    Answer(
        ("pet", "negative.*positive"),
        ("no baseline pet",),
        "PD",
        Text(
            "FDG-PET negative at the baseline and positive later is progression.",
            "Une TEP au FDG négative initialement puis positive est une progression.",
        ),
    ),
    Answer(
        ("modest increase", "non-target"),
        (),
        "not unequivocal progression (overall PR)",
        Text(
            "Non-target disease must worsen substantially before it outweighs a response of the targets.",
            "Les lésions non cibles doivent s'aggraver nettement pour l'emporter sur la réponse des cibles.",
        ),
    ),
    Answer(
        ("substantial", "non-target"),
        ("modest", r"\b(no|not|without|never)\b"),
        "PD",
        Text(
            "Substantial worsening of non-target disease is unequivocal progression.",
            "Une aggravation nette des lésions non cibles est une progression certaine.",
        ),
    ),
)


def answer(event: str) -> Answer | None:
    """The first answer whose patterns describe ``event``; None when none does.

    >>> answer("new lesion in an organ not scanned at baseline").answer
    'PD'
    """
    text = " ".join(event.casefold().split())
    return next(
        (
            one
            for one in ANSWERS
            if all(re.search(word, text) for word in one.words) and not any(re.search(word, text) for word in one.without)
        ),
        None,
    )
