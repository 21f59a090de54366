"""Regions that may overlap as one label map: voxels that several share have a label of their own, which names them all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hepaflow.domain.boxes import Box

Mask = npt.NDArray[np.bool_]
Names = dict[str, str | list[str]]


def labelled(regions: Iterable[tuple[str, Box, Mask]], shape: tuple[int, int, int]) -> tuple[npt.NDArray[np.int16], Names]:
    """A map (slices, rows, columns) of regions by name, each with its voxels in a box, and the name or names of every label.

    Labels follow the order of the regions, then those of shared voxels; one without voxels has no name.

    >>> from hepaflow.domain.boxes import WHOLE
    >>> labels, names = labelled([("a", WHOLE, np.array([[[1, 1, 0]]], bool)), ("b", WHOLE, np.array([[[0, 1, 1]]], bool))], (1, 1, 3))
    >>> labels.tolist(), names
    ([[[1, 3, 2]]], {'1': 'a', '2': 'b', '3': ['a', 'b']})
    """
    regions = list(regions)
    sets: list[tuple[str, ...]] = [(), *((name,) for name, _, _ in regions)]
    labels = np.zeros(shape, np.int16)
    for number, (name, box, mask) in enumerate(regions, start=1):
        window = labels[box]
        before = window[mask]
        after = np.full(before.shape, number, np.int16)
        for under in np.flatnonzero(np.bincount(before)[1:]) + 1:
            both = (*sets[under], name)
            if both not in sets:
                sets.append(both)
            after[before == under] = sets.index(both)
        window[mask] = after
    used = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=len(sets)))
    return labels, {str(number): sets[number][0] if len(sets[number]) == 1 else list(sets[number]) for number in used if number}
