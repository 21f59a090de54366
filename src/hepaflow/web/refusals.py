"""Refusals that have a status of their own in HTTP, and how every error is told to the page: one shape, no patient's value."""

from __future__ import annotations

from typing import Any

from hepaflow.errors import HepaflowError, InputRefused, OutputFailed, UsageError, place_of


class NotThere(HepaflowError):
    """Nothing of that name."""

    status = 404


class Conflict(HepaflowError):
    """Somebody else was first, or the state does not allow it; ``extra`` is told beside the error."""

    status = 409

    def __init__(self, code: str, what: str, advice: str, *, extra: dict[str, Any] | None = None) -> None:
        super().__init__(code, what, advice)
        self.extra = extra or {}


class Forbidden(HepaflowError):
    """Not allowed to this person or from this page."""

    status = 403


class Refused(HepaflowError):
    """A request that the guard does not let in; ``status`` is that of HTTP, ``wait_s`` how long to stay away."""

    def __init__(self, code: str, what: str, advice: str, *, status: int, wait_s: int | None = None) -> None:
        super().__init__(code, what, advice)
        self.status, self.wait_s = status, wait_s


def no_such_study() -> NotThere:
    """Of a study that is not there, or in the trash."""
    return NotThere("STUDY-UNKNOWN", "there is no such study here", "Go back to the list of studies")


def status_of(error: HepaflowError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, NotThere | Conflict | Forbidden | Refused):
        return error.status
    for kind, status in ((InputRefused, 422), (UsageError, 400), (OutputFailed, 507)):
        if isinstance(error, kind):
            return status
    return 500


def shape(error: HepaflowError) -> dict[str, Any]:
    """``code``, ``what`` and ``advice`` of an error."""
    return {"code": error.code, "what": error.what, "advice": error.advice}


def body(error: HepaflowError) -> dict[str, Any]:
    """The one answer of every failure: ``{"error": {"code", "what", "advice"}}``, and what a conflict tells beside it."""
    extra = error.extra if isinstance(error, Conflict) else {}
    return {**extra, "error": shape(error)}


def internal(error: BaseException) -> HepaflowError:
    """An unforeseen error by kind and place: its message may hold a header's value."""
    return HepaflowError("INTERNAL-ERROR", f"{type(error).__name__} in {place_of(error)}", "Please report this line")
