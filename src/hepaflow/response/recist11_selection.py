"""RECIST 1.1, which lesions are measurable and which become targets (Eisenhauer 2009, 3.1, 3.2 and 4.2; EORTC on paired organs and nodes)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hepaflow.domain.exact import Written, exact, not_negative

MOST, MOST_AN_ORGAN = 5, 2
#: Longest diameter of a measurable lesion, on slices of 5 mm or less; on thicker ones twice the slice.
SMALLEST_MM, THICK_MM, SLICES = Fraction(10), Fraction(5), 2
#: Short axis of a node that can be a target.
SMALLEST_NODE_MM = Fraction(15)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lesion at the baseline: longest diameter (a node: short axis) in mm. ``suitable`` is the reader's word: not a bone blast, an effusion or a lesion treated locally before."""

    lesion: str
    organ: str
    size_mm: Fraction
    nodal: bool = False
    suitable: bool = True


def organ_of(organ: str | None, *, nodal: bool) -> str | None:
    """What counts as one organ: all lymph nodes together, both sides of a pair together.

    >>> organ_of("left lung", nodal=False), organ_of("liver", nodal=True)
    ('lung', 'lymph nodes')
    """
    if nodal:
        return "lymph nodes"
    if organ is None:
        return None
    words = [
        word for word in re.split(r"[\W_]+", organ.casefold()) if word not in ("", "left", "right", "gauche", "droit", "droite")
    ]
    return " ".join(words) or None


def measurable(size_mm: Fraction | None, *, nodal: bool, slice_mm: Written = 5) -> bool:
    """Whether a lesion can be measured: 10 mm (a node: 15 mm short axis), and twice the slice where slices are thicker than 5 mm."""
    if size_mm is None:
        return False
    slice_ = exact(slice_mm, what="the slice thickness")
    least = SMALLEST_NODE_MM if nodal else SMALLEST_MM
    return size_mm >= (max(least, SLICES * slice_) if slice_ > THICK_MM else least)


def select(lesions: Sequence[Candidate], *, slice_mm: Written = 5) -> tuple[str, ...]:
    """The target lesions, largest first: at most five, at most two an organ, every organ that has a measurable lesion while there is room.

    Refused: a negative size or slice thickness.
    """
    not_negative(slice_mm, what="the slice thickness")
    fit = [one for one in lesions if one.suitable and measurable(one.size_mm, nodal=one.nodal, slice_mm=slice_mm)]
    by_size = sorted(fit, key=lambda one: -one.size_mm)
    organs = {one.lesion: organ_of(one.organ, nodal=one.nodal) for one in by_size}
    chosen: list[Candidate] = []
    for most in range(1, MOST_AN_ORGAN + 1):  # the largest of every organ before the second of any
        for one in by_size:
            taken = sum(organs[other.lesion] == organs[one.lesion] for other in chosen)
            if one not in chosen and taken < most and len(chosen) < MOST:
                chosen.append(one)
    return tuple(one.lesion for one in by_size if one in chosen)
