"""The protocol check of a study: vessels and liver are proposed quickly on the data as acquired, or taken from known regions."""

from __future__ import annotations

from hepaflow.curves.protocol import check
from hepaflow.domain.history import Rule
from hepaflow.domain.lesions import Regions
from hepaflow.domain.series import DynamicSeries


def check_study(series: DynamicSeries, regions: Regions | None = None) -> tuple[Rule, ...]:
    """Every protocol rule's verdict. Without ``regions`` a coarse search proposes vessels and liver; what it cannot find stays unknown."""
    from hepaflow.regions.find import find_quick

    if regions is not None:
        return check(series, regions=regions)
    quick = find_quick(series)
    return check(series, arterial=quick.arterial, portal=quick.portal, liver=quick.liver)
