"""The box that a mask fills: what is done in it instead of in the whole volume costs a fraction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Box = tuple[slice, slice, slice]
#: The box of a mask that fills the whole grid.
WHOLE: Box = (slice(None), slice(None), slice(None))


def box_of(mask: npt.NDArray[Any]) -> Box:
    """The smallest box (slices, rows, columns) that holds every non-zero voxel of ``mask``; empty slices when there is none.

    >>> mask = np.zeros((4, 5, 6), bool)
    >>> mask[1:3, 2, 3:6] = True
    >>> box_of(mask)
    (slice(1, 3, None), slice(2, 3, None), slice(3, 6, None))
    """
    box = [slice(0, size) for size in mask.shape]
    for axis in range(3):  # the next axis is looked at within what the ones before left over
        hit = np.flatnonzero(mask[tuple(box)].any(axis=tuple(a for a in range(3) if a != axis)))
        if hit.size == 0:
            return slice(0, 0), slice(0, 0), slice(0, 0)
        box[axis] = slice(int(hit[0]), int(hit[-1]) + 1)
    return box[0], box[1], box[2]


def wider(box: Box, margin_mm: float, *, spacing_mm: tuple[float, float, float], shape: tuple[int, ...]) -> Box:
    """The box with at least ``margin_mm`` and a voxel more on every side, as far as the volume reaches."""
    spans = []
    for span, step, size in zip(box, spacing_mm, shape, strict=True):
        reach = int(np.ceil(margin_mm / step)) + 1
        spans.append(slice(max(span.start - reach, 0), min(span.stop + reach, size)))
    return spans[0], spans[1], spans[2]


def overlap(masks: Iterable[tuple[Box, npt.NDArray[np.bool_]]], shape: tuple[int, int, int]) -> bool:
    """Whether any two of the masks, each inside its box of a grid of ``shape``, have a voxel in common.

    >>> overlap([(WHOLE, np.array([[[1, 1, 0]]], bool)), (WHOLE, np.array([[[0, 1, 1]]], bool))], (1, 1, 3))
    True
    """
    seen = np.zeros(shape, np.bool_)
    for box, mask in masks:
        window = seen[box]
        if (window & mask).any():
            return True
        window |= mask
    return False
