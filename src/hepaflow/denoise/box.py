"""To the box of the liver and back: regions cut out of the study's grid, maps set into it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Region, Regions
from hepaflow.domain.maps import MapSet

Box = tuple[slice, slice, slice]


def cut_out(regions: Regions, box: Box, grid: Grid) -> Regions:
    """The same regions on the ``grid`` of a ``box`` of theirs; what lies outside is cut off."""

    def cut(region: Region) -> Region:
        return replace(region, mask=np.ascontiguousarray(region.mask[box]))

    lesions = tuple(replace(x, shells={name: cut(shell) for name, shell in x.shells.items()}) for x in regions.lesions)
    return replace(
        regions,
        grid=grid,
        aorta=cut(regions.aorta),
        portal_vein=None if regions.portal_vein is None else cut(regions.portal_vein),
        liver=cut(regions.liver),
        healthy=cut(regions.healthy),
        lesions=lesions,
        spleen=None if regions.spleen is None else cut(regions.spleen),
    )


def put_back(maps: MapSet, box: Box, grid: Grid) -> MapSet:
    """Maps of a ``box`` on the whole ``grid``: NaN outside, no flags there."""

    def put(values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        whole = np.full(grid.shape, fill, values.dtype)
        whole[box] = values
        return whole

    placed = {
        key: replace(found, values=put(found.values, np.nan), sd=None if found.sd is None else put(found.sd, np.nan))
        for key, found in maps.maps.items()
    }
    return replace(maps, grid=grid, maps=placed, flags=put(maps.flags, 0))
