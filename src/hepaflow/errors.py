"""One error tree; each error has a code, says what and where, and what to do.

A message never holds a value that could identify a patient: no names, identifiers, dates of birth, UIDs or free text from a header.
"""

from __future__ import annotations


class HepaflowError(Exception):
    """A problem the user can act on, printed as one line ``CODE: what. What to do.``

    Parameters: ``code`` in UPPER-KEBAB form, ``what`` with the place, ``advice`` as an imperative sentence.
    """

    exit_code = 3

    def __init__(self, code: str, what: str, advice: str) -> None:
        self.code = code
        self.what = what.rstrip(".")
        self.advice = advice.rstrip(".")
        super().__init__(f"{code}: {self.what}. {self.advice}.")


class UsageError(HepaflowError):
    """Wrong usage or configuration."""

    exit_code = 2


class InputRefused(HepaflowError):
    """The input cannot be used; nothing was guessed."""

    exit_code = 3


class OutputFailed(HepaflowError):
    """No space, or the output cannot be written."""

    exit_code = 5


def place_of(error: BaseException) -> str:
    """Module, function and line of this package where an error that nobody foresaw arose; its message may hold a header's value, this does not."""
    trace, place = error.__traceback__, "hepaflow"
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("hepaflow"):
            place = f"{module}.{trace.tb_frame.f_code.co_name} line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
