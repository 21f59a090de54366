"""Times to an event, some of them censored: checked, and counted at every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RiskTable:
    """Distinct times in order; how many were at risk just before, had the event, and were censored there."""

    times: Numbers
    at_risk: Codes
    events: Codes
    censored: Codes


def followed(time: npt.ArrayLike, event: npt.ArrayLike) -> tuple[Numbers, Codes]:
    """Times and event codes (0 censored, 1 or more an event). Refused: none, not of one length, times that are negative or not finite, other codes."""
    times, given = np.asarray(time, np.float64), np.asarray(event)
    if times.ndim != 1 or times.shape != given.shape or not len(times):
        raise InputRefused("SURVIVAL-UNEQUAL", "not every time has its event", "Give two columns of one length")
    if not np.isfinite(times).all() or (times < 0).any():
        raise InputRefused("SURVIVAL-TIME", "a time is missing, infinite or negative", "Give the days from the start for everyone")
    numbers = given.astype(np.float64) if given.dtype.kind in "biuf" else np.full(len(times), np.nan)
    codes = np.nan_to_num(numbers, nan=-1.0, posinf=-1.0).astype(np.int64)
    if (codes < 0).any() or (codes != numbers).any():
        raise InputRefused(
            "SURVIVAL-EVENT", "an event is no code", "Give 0 for censored and 1 (or the number of the cause) for an event"
        )
    return times, codes


def once(time: npt.ArrayLike, event: npt.ArrayLike) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """The same for one kind of event. Refused also: codes above 1."""
    times, codes = followed(time, event)
    if codes.max() > 1:
        raise InputRefused("SURVIVAL-CAUSES", "the events are of several causes", "Name the cause, or give 0 and 1")
    return times, codes.astype(np.bool_)


def risk_table(times: Numbers, event: npt.NDArray[np.bool_]) -> RiskTable:
    """Those at risk, with the event and censored at every distinct time."""
    distinct, place = np.unique(times, return_inverse=True)
    left = np.bincount(place, minlength=len(distinct))
    events = np.bincount(place[event], minlength=len(distinct))
    at_risk = len(times) - np.concatenate([[0], np.cumsum(left)[:-1]])
    return RiskTable(distinct, at_risk.astype(np.int64), events.astype(np.int64), (left - events).astype(np.int64))
