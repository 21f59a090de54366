"""What an edit of a region may hold, as the page sends it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hepaflow.web.shapes import MOST_POINTS

Coordinate = Annotated[float, Field(ge=-1e5, le=1e5)]
Spot = tuple[Coordinate, Coordinate]
Place = tuple[Coordinate, Coordinate, Coordinate]
Index = Annotated[int, Field(ge=0, lt=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Length = Annotated[float, Field(ge=0.0, le=500.0)]
#: As far as the database counts; beyond lies no version of anything.
Base = Annotated[int, Field(ge=0, lt=2**31)]
Version = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Cursor = Annotated[int, Field(ge=0, lt=2**63)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class OneShape(_Part):
    """An outline in one slice."""

    kind: Literal["ellipse", "spline", "freehand"]
    points: tuple[Spot, ...] = Field(min_length=3, max_length=MOST_POINTS)


class Shapes(_Part):
    """Outlines by slice, beside those that are there; null takes one away."""

    kind: Literal["shapes"]
    shapes: dict[Annotated[str, Field(pattern=r"^\d{1,5}$")], OneShape | None] = Field(min_length=1, max_length=2000)


class Brush(_Part):
    """A stroke of the brush in a plane's picture."""

    kind: Literal["brush"]
    plane: Literal["axial", "coronal", "sagittal"]
    index: Index
    path: tuple[Spot, ...] = Field(min_length=1, max_length=MOST_POINTS)
    radius_mm: float = Field(gt=0.0, le=100.0)
    erase: bool = False
    ball: bool = False


class Click(_Part):
    """A lesion from one click."""

    kind: Literal["click"]
    at: tuple[Index, Index, Index]


class Voxels(_Part):
    """All voxels of a region: the packed bits of a box, in base64."""

    kind: Literal["mask"]
    box: tuple[Index, Index, Index, Index, Index, Index]
    bits: str = Field(max_length=16 * 2**20)


class Move(_Part):
    """The whole region moved, by whole voxels."""

    kind: Literal["move"]
    mm: Place


class ByPass(_Part):
    """A vessel moved in one pass; no way at all takes the shift back."""

    model_config = ConfigDict(populate_by_name=True)

    kind: Literal["shift"]
    at_pass: Index = Field(alias="pass")
    mm: Place


class TwoAxes(_Part):
    """The axes of a caliper in LPS mm; lengths are the server's to compute."""

    model_config = ConfigDict(extra="ignore")

    long: tuple[Place, Place]
    short: tuple[Place, Place]


class Measured(_Part):
    """A caliper, or none."""

    kind: Literal["caliper"]
    caliper: TwoAxes | None


class Morphology(_Part):
    """The reader's group of a lesion (Chun), or no longer one."""

    kind: Literal["morphology"]
    group: Literal[1, 2, 3] | None


class Sizes(_Part):
    """Sizes in mm that were measured elsewhere; no longest one: nothing enhances."""

    long_mm: Length
    short_mm: Length | None = None


class Enhancing(_Part):
    """What of a lesion enhances in the arterial phase: by two axes or by its sizes, or no longer measured."""

    kind: Literal["viable"]
    viable: TwoAxes | Sizes | None


class Who(_Part):
    """A lesion of another study."""

    study: Name
    lesion: Name


class Known(_Part):
    """Which lesion of another visit this one is."""

    kind: Literal["identity"]
    identity: Who | None


class Propose(_Part):
    """The region as the images show it."""

    kind: Literal["propose"]


class Rename(_Part):
    """A lesion by another name."""

    kind: Literal["rename"]
    to: Name


class Delete(_Part):
    """The region taken away; its versions stay."""

    kind: Literal["delete"]


Edit = Annotated[
    Shapes | Brush | Click | Voxels | Move | ByPass | Measured | Morphology | Enhancing | Known | Propose | Rename | Delete,
    Field(discriminator="kind"),
]
