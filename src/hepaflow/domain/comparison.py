"""What several models say of one curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hepaflow.domain.lesions import Measurement

#: Why a model has no rank: it was refused, draws no curve that could be compared, draws a free one, or describes other samples than the rest.
Unranked = Literal["not-fitted", "no-curve", "free-curve", "other-samples"]


@dataclass(frozen=True, slots=True, eq=False)
class ModelFit:
    """One model on one curve; ``found`` is None where it could not be fitted: ``refusal`` is then the error's code, ``detail`` its text.

    ``samples`` is how many it was fitted to. A ranked model has ``aicc`` (None when the samples are too few for the correction) and
    weights: ``aic_weight``, and ``aicc_weight`` where every ranked model has an ``aicc``.
    """

    model: str
    found: Measurement | None
    samples: int
    unranked: Unranked | None = None
    refusal: str = ""
    detail: str = ""
    aicc: float | None = None
    aic_weight: float | None = None
    aicc_weight: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """A quantity that means the same in several ``models``: how far they lie apart, and whether noise explains it.

    ``values`` and ``sds`` stand in the order of ``models``; a NaN SD takes no part in the judgement. ``difference`` is the larger over
    the smaller minus one, of the two that lie farthest apart; None when the smaller is not positive or fewer than two have an SD.
    """

    key: str
    models: tuple[str, ...]
    values: tuple[float, ...]
    sds: tuple[float, ...]
    difference: float | None
    beyond_noise: bool


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Every model on one curve: ``fits`` ranked by AIC, then those without a rank; ``agreement`` per quantity that models share.

    ``own_meaning`` holds, per quantity that models give and mean differently, what it is in each model.
    """

    curve: str
    fits: tuple[ModelFit, ...]
    agreement: tuple[Agreement, ...]
    own_meaning: dict[str, dict[str, str]]

    @property
    def ranked(self) -> tuple[ModelFit, ...]:
        """The fits that AIC can compare, best first."""
        return tuple(fit for fit in self.fits if fit.unranked is None)
