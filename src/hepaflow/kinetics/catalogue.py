"""The one explicit list of models."""

from __future__ import annotations

from hepaflow.errors import UsageError
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.deconvolution import DECONVOLUTION
from hepaflow.kinetics.descriptive import DESCRIPTIVE
from hepaflow.kinetics.max_slope import MAX_SLOPE
from hepaflow.kinetics.model import KineticModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.patlak import PATLAK
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

MODELS: tuple[KineticModel, ...] = (AATH, ONE_COMPARTMENT, TWO_COMPARTMENT, PATLAK, MAX_SLOPE, DECONVOLUTION, DESCRIPTIVE)

#: The model that is used unless another is asked for.
DEFAULT_MODEL = AATH.key


def model(key: str) -> KineticModel:
    """The model of a key; refused with the list of keys when there is none.

    >>> model("aath").key
    'aath'
    """
    for candidate in MODELS:
        if candidate.key == key:
            return candidate
    raise UsageError("MODEL-UNKNOWN", f"no kinetic model {key!r}", "Use one of: " + ", ".join(m.key for m in MODELS))
