"""Numbers as they were written: a rule such as -30 % must not flip because 32.2 has no binary form."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hepaflow.errors import InputRefused

#: What a reader writes down.
Written = int | float | str | Decimal | Fraction
_MOST_DIGITS = 40


def exact(value: Written, *, what: str = "a number") -> Fraction:
    """``value`` as the decimal number that was written: a float stands for its shortest decimal form.

    Refused (``NUMBER-INVALID``): anything that is not a finite plain number.

    >>> exact(46.0) * 7 / 10 == exact("32.2")
    True
    >>> 46.0 * 0.7 == 32.2
    False
    """
    refusal = InputRefused("NUMBER-INVALID", f"{what} is not a plain finite number", "Write it like 32.2")
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise refusal
    try:
        text = str(value).strip()
        # Python's own notation is wider than that of people: 1_000 is no thousand anywhere else
        written = Decimal(text if text.isascii() and "_" not in text else "no number")
    except (ArithmeticError, ValueError) as error:
        raise refusal from error
    exponent = written.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MOST_DIGITS or len(written.as_tuple().digits) > _MOST_DIGITS:
        raise refusal
    return Fraction(written)


def not_negative(value: Written, *, what: str) -> Fraction:
    """Like :func:`exact` for a size or a count; refused (``NUMBER-NEGATIVE``) below zero."""
    found = exact(value, what=what)
    if found < 0:
        raise InputRefused("NUMBER-NEGATIVE", f"{what} is negative", "Check the value")
    return found


def change(now: Fraction, before: Fraction) -> Fraction | None:
    """Relative change from ``before`` to ``now``; None where ``before`` is zero, which has no relative change."""
    return None if before == 0 else (now - before) / before
