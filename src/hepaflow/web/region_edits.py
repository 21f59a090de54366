"""The edits that a reader makes to a region: what each may hold, and the region that it leads to."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.find import Finder
from hepaflow.web import calipers, readings, seeds, shapes, strokes
from hepaflow.web.pictures import require_pass
from hepaflow.web.region_asks import (
    Brush,
    ByPass,
    Click,
    Delete,
    Edit,
    Enhancing,
    Known,
    Measured,
    Morphology,
    Move,
    Place,
    Propose,
    Rename,
    Shapes,
    Voxels,
)
from hepaflow.web.region_state import (
    MOVED_BY_PASS,
    NAMES,
    Bits,
    Caliper,
    Identity,
    Mask,
    Point,
    RegionState,
    Shift,
    kind_of,
)
from hepaflow.web.searches import SEARCHES
from hepaflow.web.shelf import Held

#: No region moves further than this at once, mm.
MOST_MM = 500.0
#: Edits after which a region lies where the images on screen show it.
_SHAPING = (Shapes, Brush, Click, Voxels, Propose, Move)
#: No proposal as it was made any more.
_TOUCHED: dict[str, Any] = {"from_case": False, "provisional": False, "unverified": False}
#: A pass is never further from the reference than this, mm (as in a plan).
MOST_SHIFT_MM = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What an edit is made on: the series at hand, all regions as they stand, the pass on screen where that must be kept, and who may be whom."""

    held: Held[DynamicSeries]
    drawn: Mapping[str, RegionState]
    frame: int | None = None
    #: Refuses an identity that cannot be: another patient's, a lesion that is not there, one that is another already.
    check_identity: Callable[[str, Identity], None] = lambda _, __: None

    #: Whether the series has its motion corrected.
    corrected: bool = True
    #: Whose edit it is, and the pass on screen.
    by: str = ""
    at_pass: int | None = None

    @property
    def series(self) -> DynamicSeries:
        """The series."""
        return self.held.value

    @property
    def grid(self) -> Grid:
        """The grid that regions are drawn on."""
        return self.held.value.grid


def applied(edit: Edit, name: str, state: RegionState | None, ground: Ground) -> RegionState:
    """The region that an edit leads to from ``state`` (None: it is new).

    Refused: ``REGION-UNKNOWN`` (an edit of what is not there), ``REGION-EMPTY``, and what each kind of edit refuses.
    """
    kind = kind_of(name)
    start = state if state is not None else fresh(name, ground)
    if isinstance(edit, _SHAPING):
        start = replace(start, frame=ground.frame)  # who shapes it sees it right on the pass before them
    if state is None and not isinstance(edit, Shapes | Brush | Click | Voxels | Propose):
        raise InputRefused("REGION-UNKNOWN", "there is no such region", "Draw it first")
    match edit:
        case Shapes():
            return _shaped(edit, start, ground.grid)
        case Brush():
            return _brushed(edit, start, ground)
        case Click():
            return _clicked(edit, start, ground, kind)
        case Voxels():
            return _touched(start, _unpacked(edit, ground.grid.shape))
        case Move():
            return _moved(edit, start, ground.grid)
        case ByPass():
            return _shifted(edit, start, ground.series)
        case Measured():
            return _calipered(edit, start, kind, ground.grid)
        case Morphology():
            return readings.grouped(edit, start, ground.by)
        case Enhancing():
            return readings.enhancing(edit, start, ground.at_pass, ground.grid)
        case Known():
            return _identified(edit, start, ground, kind)
        case Propose():
            return proposal(name, start, ground)
        case Rename():
            return _renamed(edit, start, ground, kind)
        case Delete():
            return replace(start, deleted=True)


def fresh(name: str, ground: Ground) -> RegionState:
    """A region that holds nothing yet."""
    return RegionState(name, Bits.none(ground.grid.shape), frame=ground.frame)


def proposal(name: str, state: RegionState | None, ground: Ground) -> RegionState:
    """The region as the images show it. Refused: a lesion (``PROPOSE-LESION``), nothing plausible (NAME-NOT-FOUND)."""
    if name not in NAMES:
        raise InputRefused("PROPOSE-LESION", "a lesion is never proposed without a click", "Click in the lesion, or draw it")
    start = state if state is not None else fresh(name, ground)
    others = {other: one for other, one in ground.drawn.items() if other != name}
    return shown(SEARCHES.finder(ground.held, others), name, start, ground)


def shown(finder: Finder, name: str, start: RegionState, ground: Ground) -> RegionState:
    """``start`` with the voxels that a search finds. Refused: NAME-NOT-FOUND where nothing plausible is there."""
    found = finder.region(name)
    if found is None:
        raise InputRefused("SPLEEN-NOT-FOUND", "no organ at the left side enhances as a spleen does", "Draw it, or leave it out")
    return _touched(start, found.mask, origin="proposed", provisional=not ground.corrected)


def _touched(state: RegionState, mask: Mask, **changes: Any) -> RegionState:
    """The region with voxels that came as a whole: every slice that holds some stands as it is."""
    hand = tuple(int(k) for k in np.flatnonzero(mask.any(axis=(1, 2))))
    whole = {"origin": "drawn", "shapes": {}, "hand": hand, **_TOUCHED, "deleted": False, **changes}
    return state.redrawn(mask, **whole)


def _shaped(edit: Shapes, state: RegionState, grid: Grid) -> RegionState:
    depth, rows, columns = state.bits.shape
    changed = {int(k): None if one is None else shapes.Shape(one.kind, one.points) for k, one in edit.shapes.items()}
    if max(changed) >= depth:
        raise InputRefused("SHAPE-OUTSIDE", "an outline lies in a slice that is not there", "Draw inside the images")
    outlines = {k: one for k, one in {**state.shapes, **changed}.items() if one is not None}
    hand = tuple(k for k in state.hand if k not in changed)
    sections = {k: one.filled(rows, columns) for k, one in changed.items() if one is not None}
    if not all(section.any() for section in sections.values()):
        raise InputRefused("REGION-EMPTY", "an outline encloses no voxel", "Draw it inside the images, and larger")
    mask = shapes.redraw(state.mask, {*outlines, *hand}, changed, sections=sections, spacing_mm=grid.spacing_mm[1:])
    return state.redrawn(mask, shapes=outlines, hand=hand, origin="drawn", deleted=False, **_TOUCHED)


def _brushed(edit: Brush, state: RegionState, ground: Ground) -> RegionState:
    window, inside = strokes.covered(strokes.Stroke(edit.plane, edit.index, edit.path, edit.radius_mm, ball=edit.ball), ground.grid)
    mask = state.mask
    before = mask[window].copy()
    mask[window] = before & ~inside if edit.erase else before | inside
    touched = {window[0].start + int(k) for k in np.flatnonzero((mask[window] != before).any(axis=(1, 2)))}
    outlines = {k: one for k, one in state.shapes.items() if k not in touched}
    hand = tuple(sorted({*state.hand, *touched}))
    return state.redrawn(mask, shapes=outlines, hand=hand, origin="drawn", deleted=False, **_TOUCHED)


def _clicked(edit: Click, state: RegionState, ground: Ground, kind: str) -> RegionState:
    if kind != "lesion":
        raise InputRefused("CLICK-NOT-A-LESION", "only lesions grow from a click", "Have the region proposed, or draw it")
    drawn = {name: other for name, other in ground.drawn.items() if name != state.name}
    liver = SEARCHES.liver(ground.held, drawn)
    taken = np.zeros(ground.grid.shape, bool)
    for name, other in drawn.items():
        if kind_of(name) == "lesion":
            taken |= other.mask
    return _touched(state, seeds.lesion_at(ground.series, edit.at, liver=liver, others=taken))


def _unpacked(edit: Voxels, shape: tuple[int, int, int]) -> Mask:
    k0, k1, j0, j1, i0, i1 = edit.box
    size = (k1 - k0, j1 - j0, i1 - i0)
    if min(size) <= 0 or any(end > n for end, n in zip((k1, j1, i1), shape, strict=True)):
        raise InputRefused("MASK-INVALID", "the box of the voxels is empty or outside the images", "Draw inside the images")
    try:
        packed = base64.b64decode(edit.bits, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputRefused("MASK-INVALID", "the voxels are not in base64", "Send what the page sends") from error
    if len(packed) != -(-math.prod(size) // 8):
        raise InputRefused("MASK-INVALID", "the voxels do not fill their box", "Send what the page sends")
    return Bits(shape, edit.box, packed).mask


def _moved(edit: Move, state: RegionState, grid: Grid) -> RegionState:
    _within(edit.mm, MOST_MM)
    steps = np.rint(grid.to_index(np.array(edit.mm) + grid.affine[:3, 3])).astype(int)
    if not steps.any():
        return state
    dk, dj, di = (int(step) for step in steps)
    mask, source = np.zeros(grid.shape, bool), state.mask
    to, of = [], []
    for step, n in zip((dk, dj, di), grid.shape, strict=True):
        to.append(slice(max(step, 0), max(n + min(step, 0), 0)))
        of.append(slice(max(-step, 0), max(n - max(step, 0), 0)))
    mask[tuple(to)] = source[tuple(of)]
    outlines = {k + dk: one.moved(dj, di) for k, one in state.shapes.items() if 0 <= k + dk < grid.shape[0]}
    hand = tuple(k + dk for k in state.hand if 0 <= k + dk < grid.shape[0])
    way = grid.to_mm(steps) - grid.affine[:3, 3]
    caliper = state.caliper
    if caliper is not None:
        caliper = _carried(caliper, way)
    viable = state.viable
    if viable is not None and viable.axes is not None:
        viable = replace(viable, axes=_carried(viable.axes, way))
    kept = {"caliper": caliper, "viable": viable}
    return state.redrawn(mask, shapes=outlines, hand=hand, origin="drawn", deleted=False, **kept, **_TOUCHED)


def _carried(axes: Caliper, way: Any) -> Caliper:
    def moved(ends: tuple[Point, Point]) -> tuple[Point, Point]:
        first, second = ((p[0] + float(way[0]), p[1] + float(way[1]), p[2] + float(way[2])) for p in ends)
        return first, second

    return calipers.caliper_of(moved(axes.long), moved(axes.short))


def _within(mm: Place, most: float) -> None:
    if math.hypot(*mm) > most:
        raise InputRefused("MOVE-TOO-FAR", f"a region is moved by more than {most:g} mm", "Move it less")


def _shifted(edit: ByPass, state: RegionState, series: DynamicSeries) -> RegionState:
    if state.name not in MOVED_BY_PASS:
        raise InputRefused("SHIFT-NOT-A-VESSEL", "only vessels and the spleen are moved in single passes", "Redraw the region")
    require_pass(edit.at_pass, series)
    _within(edit.mm, MOST_SHIFT_MM)
    shifts = {shift.at_pass: shift for shift in state.shifts}
    shifts[edit.at_pass] = Shift(edit.at_pass, edit.mm)
    if not any(edit.mm):
        del shifts[edit.at_pass]
    return replace(state, shifts=tuple(shifts[index] for index in sorted(shifts)), origin="drawn", **_TOUCHED)


def _calipered(edit: Measured, state: RegionState, kind: str, grid: Grid) -> RegionState:
    if kind != "lesion":
        raise InputRefused("CALIPER-NOT-A-LESION", "only lesions are measured with the caliper", "Choose a lesion")
    found = None if edit.caliper is None else calipers.measured(edit.caliper.long, edit.caliper.short, grid)
    return replace(state, caliper=found)


def _identified(edit: Known, state: RegionState, ground: Ground, kind: str) -> RegionState:
    if kind != "lesion":
        raise InputRefused("IDENTITY-NOT-A-LESION", "only lesions are followed across visits", "Choose a lesion")
    found = None if edit.identity is None else Identity(edit.identity.study, edit.identity.lesion)
    if found is not None:
        ground.check_identity(state.name, found)
    return replace(state, identity=found)


def _renamed(edit: Rename, state: RegionState, ground: Ground, kind: str) -> RegionState:
    if kind != "lesion" or kind_of(edit.to) != "lesion":
        raise InputRefused("RENAME-NOT-A-LESION", "only lesions have names to choose", "Call it lesion-1, lesion-2")
    if edit.to in ground.drawn:
        raise InputRefused("RENAME-TAKEN", "another region has that name", "Choose another name")
    return replace(state, name=edit.to)
