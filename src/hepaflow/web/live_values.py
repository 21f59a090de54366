"""What live numbers are made from and of: regions as they are drawn, results, and the versions that tell one content from another."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Lesion, LesionResult, Measurement
from hepaflow.web.refusals import NotThere
from hepaflow.web.region_state import Bits

Mask = npt.NDArray[np.bool_]
Key = tuple[Hashable, ...]
#: Regions that the inputs rest on.
FEEDING = ("aorta", "portal_vein", "spleen")
_LESION = "lesion-"


class Moved(Protocol):
    """A region moved by hand in one pass, as :class:`hepaflow.workflow.plan.Shift`."""

    @property
    def at_pass(self) -> int:
        """The pass, from 0."""

    @property
    def mm(self) -> tuple[float, float, float]:
        """By how much, in LPS."""


class Drawn(Protocol):
    """A region as it is drawn now: ``mask`` (slices, rows, columns), a ``version`` that no other content ever has, ``shifts`` by pass."""

    @property
    def mask(self) -> Mask:
        """Its voxels."""

    @property
    def origin(self) -> str:
        """``proposed`` where no reader drew it."""

    @property
    def version(self) -> int:
        """Which of its versions this is."""

    @property
    def shifts(self) -> Sequence[Moved]:
        """Where it lies in single passes."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """A delineated lesion without its voxels, and its parts packed."""

    lesion: Lesion
    parts: dict[str, Bits]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One region: its mean curve and what was fitted to it."""

    curve: TimeCurve
    found: Measurement


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What is known of a study now. ``lesions`` are rated; ``parts`` holds their curves by lesion and part; ``series`` says on which data."""

    series: str
    model: str
    inputs: Inputs
    healthy: Measured
    lesions: tuple[LesionResult, ...]
    parts: dict[str, dict[str, Measured]]
    flags: tuple[str, ...]
    seconds: float


def version(drawn: Mapping[str, Drawn], name: str) -> Key:
    """Which content of a region this is; of one that is not drawn, that it is not."""
    return (name, drawn[name].version) if name in drawn else (name, None)


def every_lesion(drawn: Mapping[str, Drawn]) -> Key:
    """Which contents the lesions are."""
    return tuple(sorted((name, one.version) for name, one in drawn.items() if name.startswith(_LESION)))


def everything(drawn: Mapping[str, Drawn]) -> Key:
    """Which contents all regions are."""
    return tuple(sorted((name, one.version) for name, one in drawn.items()))


def own(drawn: Mapping[str, Drawn], name: str) -> Key:
    """What a region's voxels rest on: a proposed one on all that is drawn."""
    return version(drawn, name) if name in drawn else (name, everything(drawn))


def fed(drawn: Mapping[str, Drawn]) -> Key:
    """What the inputs rest on."""
    return tuple(own(drawn, name) for name in FEEDING)


def require_lesion(drawn: Mapping[str, Drawn], name: str) -> None:
    """Refused (``LESION-UNKNOWN``): what is not drawn, or no lesion."""
    if name not in drawn or not name.startswith(_LESION):
        raise NotThere("LESION-UNKNOWN", "there is no such lesion", "Reload the regions")
