"""What denoising did to a study (the nouns; the verbs are in ``hepaflow.denoise``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegionChange:
    """How denoising moved one region.

    ``rms_hu`` and ``max_hu`` are of the change of its mean curve over the passes, ``enhancement_hu`` the range of that curve as measured,
    ``standard_error_hu`` the standard error of one of its samples (NaN = not known). ``bf_before`` and ``bf_after`` are means of the
    blood-flow map in mL/min/100 g without and with denoising. ``blurred`` is True where the change is more than noise could be.
    """

    region: str
    voxels: int
    rms_hu: float
    max_hu: float
    enhancement_hu: float
    standard_error_hu: float
    bf_before: float
    bf_after: float
    blurred: bool

    @property
    def share(self) -> float:
        """RMS change as a share of the region's enhancement; NaN where it does not enhance."""
        return self.rms_hu / self.enhancement_hu if self.enhancement_hu > 0.0 else float("nan")


@dataclass(frozen=True, slots=True)
class Denoising:
    """Method, settings, noise SD of one voxel in one pass before and after in HU, and what it did to every region."""

    method: str
    radius_mm: float
    strength: float
    noise_before_hu: float
    noise_after_hu: float
    regions: tuple[RegionChange, ...]
    flags: tuple[str, ...] = ()
