"""What readers say of a lesion that no voxel tells: its morphology group, and what of it enhances in the arterial phase."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.web import calipers
from hepaflow.web.places import StudyPlace
from hepaflow.web.region_asks import Enhancing, Morphology, TwoAxes
from hepaflow.web.region_state import Reading, RegionState, Viable

if TYPE_CHECKING:
    from hepaflow.web.live_values import Drawn


def grouped(edit: Morphology, state: RegionState, by: str) -> RegionState:
    """The lesion with the group that reader ``by`` gives it; others' groups stay. Refused: what is no lesion (``MORPHOLOGY-NOT-A-LESION``)."""
    if state.kind != "lesion":
        raise InputRefused("MORPHOLOGY-NOT-A-LESION", "only lesions have a morphology group", "Choose a lesion")
    groups = {one.reader: one.group for one in state.morphology}
    if edit.group is None:
        groups.pop(by, None)
    else:
        groups[by] = edit.group
    return replace(state, morphology=tuple(Reading(reader, group) for reader, group in groups.items()))


def enhancing(edit: Enhancing, state: RegionState, at_pass: int | None, grid: Grid) -> RegionState:
    """The lesion with its enhancing part as the reader measured it on pass ``at_pass``, or as they typed it.

    Refused: what is no lesion (``VIABLE-NOT-A-LESION``), sizes that cannot be (``VIABLE-INVALID``), axes that :func:`hepaflow.web.calipers.measured` refuses.
    """
    if state.kind != "lesion":
        raise InputRefused("VIABLE-NOT-A-LESION", "only lesions have an enhancing part to measure", "Choose a lesion")
    if edit.viable is None:
        return replace(state, viable=None)
    if isinstance(edit.viable, TwoAxes):
        axes = calipers.measured(edit.viable.long, edit.viable.short, grid)
        long_mm, short_mm = (round(math.dist(*ends), 2) for ends in (axes.long, axes.short))
        return replace(state, viable=Viable(long_mm, short_mm, axes, at_pass))
    long, short = edit.viable.long_mm, edit.viable.short_mm
    if (short is not None and short > long) or (long > 0.0 and short == 0.0):
        raise InputRefused(
            "VIABLE-INVALID",
            "the axis across is zero, or longer than the longest one",
            "Give the longest axis first, then the one across",
        )
    return replace(state, viable=Viable(long, 0.0 if long == 0.0 else short))


def proposed(place: StudyPlace, drawn: Mapping[str, Drawn], lesion: str) -> dict[str, Any]:
    """The axes that the images suggest for a lesion's enhancing part, and the last of the ``passes`` they rest on; nothing is written.

    ``axes`` is null where nothing enhances more than healthy liver: a reader says what that means. Refused: ``LESION-UNKNOWN``, and what
    :func:`hepaflow.regions.arterial.enhancing_part` refuses.
    """
    # loaded here: the server starts without the libraries that compute
    from hepaflow.regions.arterial import enhancing_part, late_arterial_passes, longest_within
    from hepaflow.web.live import LIVES
    from hepaflow.web.live_values import require_lesion

    require_lesion(drawn, lesion)
    live = LIVES.of(place)
    inputs, healthy = live.arterial(drawn)
    passes = late_arterial_passes(live.series, inputs)
    axes = longest_within(enhancing_part(live.series, drawn[lesion].mask, healthy, inputs), live.series.grid)
    told = None if axes is None else calipers.caliper_of(axes.long, axes.short).told()
    return {"axes": told, "passes": list(passes), "version": drawn[lesion].version}
