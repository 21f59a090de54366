"""What a rule answers when it cannot say: an input that is not there, or a case that its source does not name."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from hepaflow.domain.exact import Written, not_negative
from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.errors import InputRefused

#: An input that the rule needs was not recorded.
NOT_EVALUABLE: Final = "not_evaluable"
#: Everything was recorded, and the source of the rule has no category for it.
NOT_DEFINED: Final = "not_defined"


def not_recorded(criterion: str, *what: Text, flags: tuple[str, ...] = ()) -> Assessment:
    """``not_evaluable``, with one reason for each thing that is missing."""
    reasons = tuple(Reason("not-recorded", Text(f"Not recorded: {one.en}.", f"Non renseigné : {one.fr}."), {}) for one in what)
    return Assessment(criterion, NOT_EVALUABLE, reasons, flags)


def percent(value: Written, *, what: str) -> Fraction:
    """A share of 0 to 100 per cent as it was written; refused (``PERCENT-OUT-OF-RANGE``) above 100, ``NUMBER-NEGATIVE`` below 0."""
    found = not_negative(value, what=what)
    if found > 100:
        raise InputRefused("PERCENT-OUT-OF-RANGE", f"{what} is more than 100 %", "Give a share from 0 to 100")
    return found
