"""A phantom's truth beside what was measured: for the demo, the self-check and anyone who doubts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hepaflow.domain.lesions import LesionResult, Measurement


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number: what is true, what was measured with its SD, and the 95 % interval where there is one."""

    region: str
    quantity: str
    truth: float
    measured: float | None
    sd: float | None
    ci95: tuple[float, float] | None

    @property
    def inside(self) -> bool | None:
        """Whether the interval holds the truth."""
        return None if self.ci95 is None else self.ci95[0] <= self.truth <= self.ci95[1]


@dataclass(frozen=True, slots=True)
class LesionTruth:
    """A lesion's ratio and arterial fraction against the truth, and its category against the expected one."""

    lesion: str
    diameter_mm: float
    ratio: Comparison
    haf: Comparison | None
    expected: str
    category: str | None


def healthy_rows(truth: Mapping[str, Mapping[str, float]], healthy: Measurement) -> list[Comparison]:
    """Blood flow and arterial fraction of the healthy liver."""
    return [found for key in ("bf", "haf") if (found := _parameter("healthy", key, truth["healthy"], healthy)) is not None]


def lesion_rows(
    truth: Mapping[str, Mapping[str, float]], described: Mapping[str, Mapping[str, Any]], lesions: tuple[LesionResult, ...]
) -> list[LesionTruth]:
    """Every measured lesion against the truth."""
    rows = []
    for found in lesions:
        name = found.lesion.id
        ratio = found.ratio.get("bf")
        rows.append(
            LesionTruth(
                lesion=name,
                diameter_mm=found.lesion.longest_axial_diameter_mm,
                ratio=Comparison(
                    name,
                    "bf_ratio",
                    truth[name]["bf_ratio"],
                    ratio.value if ratio else None,
                    ratio.sd if ratio else None,
                    ratio.ci95 if ratio else None,
                ),
                haf=_parameter(name, "haf", truth[name], found.regions["whole"]) if "whole" in found.regions else None,
                expected=described[name]["expected"],
                category=found.response[0].category if found.response else None,
            )
        )
    return rows


def _parameter(region: str, key: str, truth: Mapping[str, float], found: Measurement) -> Comparison | None:
    estimate = found.parameters.get(key)
    if estimate is None or key not in truth:
        return None
    half = 1.96 * estimate.sd
    return Comparison(region, key, truth[key], estimate.value, estimate.sd, (estimate.value - half, estimate.value + half))
