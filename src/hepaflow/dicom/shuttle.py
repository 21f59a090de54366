"""Tables that shuttle: positions visited in turn give one stack, whose slices have times of their own. A pass is one round of positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.headers import Slice
from hepaflow.errors import InputRefused

#: Two clocks of one acquisition, or slices of one pass, may differ by this much (rounding, start against middle) without remark.
AGREE_S = 1.0
Placing = tuple[Slice, int]  # an image and its slice index k


def _positions(covers: Iterable[frozenset[int]]) -> list[frozenset[int]]:
    """Table positions by the slices that each part covers; a part that shares most of its slices with another lies at the same position."""
    found: list[frozenset[int]] = []
    for cover in sorted(set(covers), key=lambda cover: (-len(cover), min(cover))):
        if not any(len(cover & known) > len(cover) / 2 for known in found):
            found.append(cover)
    return found


def one_position(covers: Iterable[frozenset[int]]) -> bool:
    """Whether all parts lie at one table position. Refused: positions that share slices, which would be sampled more often than the rest."""
    positions = _positions(covers)
    if sum(map(len, positions)) > len(frozenset[int]().union(*positions)):
        raise _refused("they overlap")
    return len(positions) == 1


def joined(series: Sequence[Sequence[Placing]]) -> tuple[Sequence[Sequence[Placing]], bool]:
    """Series of several table positions as one, and whether there are several."""
    if one_position(frozenset(k for _, k in images) for images in series):
        return series, False
    return [[one for images in series for one in images]], True


def alternates(when: npt.NDArray[np.int64]) -> bool:
    """Every pass of ``when`` (passes, slices), in microseconds, is blocks of two or more slices of one time each, over ``AGREE_S`` apart."""
    for row in when:
        blocks = np.diff(np.concatenate([[0], 1 + np.flatnonzero(np.diff(row) != 0), [row.size]]))
        if blocks.size < 2 or blocks.min() < 2 or float(np.ptp(row)) <= AGREE_S * 1e6:
            return False
    return True


def refuse_rounds(when: npt.NDArray[np.int64]) -> None:
    """Refused: a round of positions (a row) that has not ended when the next begins: they were not sampled in turn."""
    for number, (before, after) in enumerate(pairwise(when), start=1):
        if before.max() >= after.min():
            raise _refused(f"rounds {number} and {number + 1} overlap in time")


def _refused(why: str) -> InputRefused:
    return InputRefused(
        "SERIES-SHUTTLE", f"the table shuttles between positions that make no common passes: {why}", "Give one table position"
    )
