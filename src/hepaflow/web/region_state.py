"""A region as it stands after an edit: its voxels, how they were drawn, and what a reader said of it."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from hepaflow.domain.boxes import box_of
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import SHELLS
from hepaflow.errors import InputRefused
from hepaflow.web.shapes import Shape

Mask = npt.NDArray[np.bool_]
Point = tuple[float, float, float]
Box = tuple[int, int, int, int, int, int]
Kind = Literal["aorta", "portal_vein", "spleen", "liver", "healthy", "lesion"]
Origin = Literal["proposed", "given", "drawn"]

NAMES = ("aorta", "portal_vein", "spleen", "liver", "healthy")
#: Regions that a reader may move by hand in single passes.
MOVED_BY_PASS = ("aorta", "portal_vein", "spleen")
_LESION = re.compile(r"lesion-[a-z0-9][a-z0-9-]{0,31}")
#: Versions kept as they were read: those of a study or two. None of them ever changes.
MOST_READ = 32
_EMPTY: Box = (0, 0, 0, 0, 0, 0)


def kind_of(name: str) -> Kind:
    """What a region of this name is. Refused (``REGION-NAME``): a name that regions do not have.

    >>> kind_of("aorta"), kind_of("lesion-2")
    ('aorta', 'lesion')
    """
    if name in NAMES:
        return cast(Kind, name)
    if _LESION.fullmatch(name) is None or name.endswith(SHELLS):
        raise InputRefused("REGION-NAME", "a region has an unknown name", f"Use {', '.join(NAMES)} or lesion-1, lesion-2")
    return "lesion"


@dataclass(frozen=True, slots=True)
class Bits:
    """Voxels of a grid of ``shape``: those of ``packed`` (one bit a voxel, in the order k, j, i) inside ``box`` (first and one past last)."""

    shape: tuple[int, int, int]
    box: Box
    packed: bytes

    @classmethod
    def of(cls, mask: Mask, *, within: tuple[slice, slice, slice] = (slice(None),) * 3) -> Bits:
        """The bits of what a mask (slices, rows, columns) holds ``within`` a window."""
        (k0, k1), (j0, j1), (i0, i1) = (
            ((cut.start or 0) + span.start, (cut.start or 0) + span.stop) if span.stop else (0, 0)
            for cut, span in zip(within, box_of(mask[within]), strict=True)
        )
        shape = (mask.shape[0], mask.shape[1], mask.shape[2])
        return cls(shape, (k0, k1, j0, j1, i0, i1), np.packbits(mask[k0:k1, j0:j1, i0:i1]).tobytes())

    @classmethod
    def none(cls, shape: tuple[int, int, int]) -> Bits:
        """No voxel."""
        return cls(shape, _EMPTY, b"")

    @property
    def window(self) -> tuple[slice, slice, slice]:
        """The box as slices of the grid."""
        k0, k1, j0, j1, i0, i1 = self.box
        return slice(k0, k1), slice(j0, j1), slice(i0, i1)

    @property
    def inside(self) -> Mask:
        """The mask within the box."""
        k0, k1, j0, j1, i0, i1 = self.box
        size = (k1 - k0, j1 - j0, i1 - i0)
        return np.unpackbits(np.frombuffer(self.packed, np.uint8), count=math.prod(size)).astype(bool).reshape(size)

    @property
    def mask(self) -> Mask:
        """The mask on the whole grid."""
        out = np.zeros(self.shape, bool)
        out[self.window] = self.inside
        return out

    @property
    def count(self) -> int:
        """Number of voxels."""
        return int.from_bytes(self.packed).bit_count()


@dataclass(frozen=True, slots=True)
class Shift:
    """Where the region lies in pass ``at_pass``, minus where it lies in the reference, mm in LPS."""

    at_pass: int
    mm: Point


@dataclass(frozen=True, slots=True)
class Caliper:
    """Two axes of a lesion, each by its ends in LPS mm; the longer one is ``long``."""

    long: tuple[Point, Point]
    short: tuple[Point, Point]

    def told(self) -> dict[str, Any]:
        """The caliper and its lengths in mm, for the page."""
        lengths = {f"{name}_mm": round(math.dist(*ends), 2) for name, ends in (("long", self.long), ("short", self.short))}
        return {"long": [list(p) for p in self.long], "short": [list(p) for p in self.short], **lengths}

    def stored(self) -> list[Any]:
        """As rows keep it."""
        return [self.long, self.short]

    @classmethod
    def read(cls, axes: Any) -> Caliper:
        """What :meth:`stored` gave."""
        return cls(*(_two(ends) for ends in axes))


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader's morphology group of a lesion, 1 to 3 (Chun)."""

    reader: str
    group: int


@dataclass(frozen=True, slots=True)
class Viable:
    """The part of a lesion that enhances in the arterial phase: its longest axis and the one across it in mm (both 0: nothing enhances; short None: not measured).

    ``axes`` and the pass they were drawn on where they were drawn; sizes that were typed have neither.
    """

    long_mm: float
    short_mm: float | None
    axes: Caliper | None = None
    at_pass: int | None = None

    def told(self) -> dict[str, Any]:
        """The sizes and where they were measured, for the page."""
        axes = None if self.axes is None else self.axes.told()
        return {"long_mm": self.long_mm, "short_mm": self.short_mm, "axes": axes, "pass": self.at_pass}

    def stored(self) -> list[Any]:
        """As rows keep it."""
        return [self.long_mm, self.short_mm, None if self.axes is None else self.axes.stored(), self.at_pass]

    @classmethod
    def read(cls, long_mm: float, short_mm: float | None, axes: Any, at_pass: int | None) -> Viable:
        """What :meth:`stored` gave."""
        return cls(long_mm, short_mm, None if axes is None else Caliper.read(axes), at_pass)


@dataclass(frozen=True, slots=True)
class Identity:
    """The lesion of another study of the patient that this one is."""

    study: str
    lesion: str


@dataclass(frozen=True, slots=True)
class RegionState:
    """One version of a region.

    ``shapes`` are the outlines by axial array slice; ``hand`` the slices whose voxels were set otherwise (brush, click, proposal) and
    stand as they are. Slices between these two kinds are interpolated. ``frame`` is the pass that its shape was last
    edited on where no corrected series existed then. ``from_case``: an analysis proposed it, and nobody has touched it since. ``provisional``: the room proposed it
    on images that were not corrected, and nobody has touched it since. ``unverified``: it came from a file that does not say on which images
    it was drawn, and nobody has touched it since. ``morphology`` holds one group a reader, in the order in which they first read it.
    """

    name: str
    bits: Bits
    origin: Origin = "drawn"
    version: int = 0
    by: str = ""
    at: str = ""
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    hand: tuple[int, ...] = ()
    shifts: tuple[Shift, ...] = ()
    caliper: Caliper | None = None
    identity: Identity | None = None
    morphology: tuple[Reading, ...] = ()
    viable: Viable | None = None
    frame: int | None = None
    from_case: bool = False
    provisional: bool = False
    unverified: bool = False
    deleted: bool = False

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_of(self.name)

    @property
    def mask(self) -> Mask:
        """Its voxels (slices, rows, columns)."""
        return self.bits.mask

    def redrawn(self, mask: Mask, **changes: Any) -> RegionState:
        """The same region with other voxels. Refused (``REGION-EMPTY``): none."""
        if not mask.any():
            raise InputRefused(
                "REGION-EMPTY", f"region {self.name} would hold no voxel", "Draw inside the images, or delete the region"
            )
        return replace(self, bits=Bits.of(mask), **changes)

    def told(self, grid: Grid, *, points: bool = False) -> dict[str, Any]:
        """The region as the page knows it: of its outlines the slices that they lie in, and only if asked all their ``points``."""
        voxels = self.bits.count
        return {
            "name": self.name,
            "kind": self.kind,
            "version": self.version,
            "origin": self.origin,
            "by": self.by,
            "at": self.at,
            "voxels": voxels,
            "volume_ml": voxels * grid.voxel_ml,
            "box": list(self.bits.box),
            "slices": sorted(self.shapes),
            **({"shapes": self.shapes_told()} if points else {}),
            "shifts": [{"pass": shift.at_pass, "mm": list(shift.mm)} for shift in self.shifts],
            "caliper": None if self.caliper is None else self.caliper.told(),
            "identity": None if self.identity is None else {"study": self.identity.study, "lesion": self.identity.lesion},
            "morphology": [{"reader": one.reader, "group": one.group} for one in self.morphology],
            "viable": None if self.viable is None else self.viable.told(),
            "frame": self.frame,
            "deleted": self.deleted,
        }

    def shapes_told(self) -> dict[str, Any]:
        """Its outlines by slice, with all their points."""
        return {str(k): shape.told() for k, shape in sorted(self.shapes.items())}

    def stored(self) -> tuple[str, bytes]:
        """The state as JSON, and its packed voxels, compressed."""
        told = {
            "shape": self.bits.shape,
            "box": self.bits.box,
            "origin": self.origin,
            "shapes": self.shapes_told(),
            "hand": self.hand,
            "shifts": [[shift.at_pass, shift.mm] for shift in self.shifts],
            "caliper": None if self.caliper is None else self.caliper.stored(),
            "identity": None if self.identity is None else [self.identity.study, self.identity.lesion],
            "morphology": [[one.reader, one.group] for one in self.morphology],
            "viable": None if self.viable is None else self.viable.stored(),
            "frame": self.frame,
            "from_case": self.from_case,
            "provisional": self.provisional,
            "unverified": self.unverified,
            "deleted": self.deleted,
        }
        return json.dumps(told, separators=(",", ":"), allow_nan=False), zlib.compress(self.bits.packed, 1)

    @classmethod
    @lru_cache(maxsize=MOST_READ)
    def read(cls, name: str, state: str, mask: bytes | None, *, version: int, by: str, at: str) -> RegionState:
        """What :meth:`stored` gave."""
        told = json.loads(state)
        caliper, identity = told["caliper"], told["identity"]
        return cls(
            name,
            Bits(_three(told["shape"]), tuple(told["box"]), zlib.decompress(mask) if mask else b""),
            origin=told["origin"],
            version=version,
            by=by,
            at=at,
            shapes={int(k): Shape.of(shape) for k, shape in told["shapes"].items()},
            hand=tuple(told["hand"]),
            shifts=tuple(Shift(at_pass, _three(mm)) for at_pass, mm in told["shifts"]),
            caliper=None if caliper is None else Caliper.read(caliper),
            identity=None if identity is None else Identity(*identity),
            morphology=tuple(Reading(*one) for one in told.get("morphology", ())),  # rows of early versions hold neither
            viable=None if told.get("viable") is None else Viable.read(*told["viable"]),
            frame=told["frame"],
            from_case=told["from_case"],
            provisional=told.get("provisional", False),
            unverified=told.get("unverified", False),
            deleted=told["deleted"],
        )

    def same_as(self, other: RegionState) -> bool:
        """Whether nothing but version, author and time tells the two apart."""
        return self.stored()[0] == other.stored()[0] and self.bits == other.bits


def _three(values: Any) -> Any:
    first, second, third = values
    return first, second, third


def _two(ends: Any) -> tuple[Point, Point]:
    first, second = ends
    return _three(first), _three(second)


def state_of(row: Any) -> RegionState:
    """The region that a row of the log holds."""
    return RegionState.read(row.region, row.state, row.mask, version=row.version, by=row.who, at=row.at)
