"""What the model of a case offers to a report: flow or not, a fitted curve or not, and how its maps were made."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import DirectModel, KineticModel
from hepaflow.units import QUANTITIES

#: What a report leads with: the first of these that the model gives.
LEADING = ("bf", "ktrans", "peak")

#: What the data of one voxel say least of.
_LEANING = ("mtt", "ps", "extraction", "ve")


def model_in(case: CaseResult) -> KineticModel | None:
    """The model of a case; None when it is not (or no longer) in the catalogue."""
    return next((model for model in MODELS if model.key == case.maps.model), None)


def gives_flow(case: CaseResult) -> bool:
    """Whether there is a blood flow, which the ratio and the response rest on."""
    return "bf" in case.maps.maps or "bf" in case.healthy.parameters


def leading(case: CaseResult) -> str | None:
    """The quantity shown first, with its SD and its ratio to healthy liver."""
    return next((key for key in LEADING if key in case.maps.maps), None)


def has_fit(measured: Measurement) -> bool:
    """Whether the model implies a curve: some only look at the samples."""
    return bool(np.isfinite(np.asarray(measured.fit_hu, float)).any())


def leaning(case: CaseResult) -> tuple[str, ...]:
    """Maps that lean on the prior in a voxel although blood flow does not: those that hang on more than the height of the curve."""
    return tuple(key for key in _LEANING if key in case.maps.maps) if estimation_of(case) == "posterior" else ()


def any_per_mass(case: CaseResult) -> bool:
    """Whether density and haematocrit enter any quantity."""
    return any(QUANTITIES[key].per_mass for key in (*case.maps.maps, *case.healthy.parameters))


def estimation_of(case: CaseResult) -> Literal["posterior", "exact", "direct"]:
    """How the maps were made, from the model and the record of the computation."""
    if isinstance(model_in(case), DirectModel):
        return "direct"
    exact = any(step.name == "maps" and step.parameters.get("estimation") == "exact" for step in case.history)
    return "exact" if exact else "posterior"


def motion_key(case: CaseResult, key: str) -> str:
    """The key of a sentence on motion: its ``_none`` where the passes are used as acquired, so that nothing there speaks of correction."""
    return f"{key}_none" if case.motion.method == "none" else key
